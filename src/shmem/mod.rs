//! Memory that all processes share, read and written without locks.
//!
//! In come words and texts, out come whole rows. Nothing in this room calls PostgreSQL.

pub mod packed_text;
pub mod seqlock;
pub mod ring;

/// A part of the memory that the server gives us when it starts.
pub trait Segment: Sync {
    /// How many bytes it takes: a multiple of 8.
    fn bytes(&self) -> usize;

    /// Tells the segment where it lies.
    ///
    /// # Safety
    /// At `memory` are `bytes()` bytes, aligned to 8, which live as long as the process. They were
    /// zeroed before the first process came.
    unsafe fn place(&self, memory: *mut u8);
}
