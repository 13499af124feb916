//! The allocator of our Rust code: the system's, and a small reserve for when that has nothing
//! left.
//!
//! Every error needs a little memory itself, even the one that says that there is none.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many times the current thread of a test has asked for memory.
#[cfg(test)]
pub fn allocations() -> usize {
    ALLOCATIONS.get()
}

#[cfg(test)]
thread_local!(static ALLOCATIONS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) });

#[global_allocator]
static ALLOCATOR: Reserved<System> = Reserved { system: System, reserve: Reserve::new() };

/// Size of the reserve. Pages that nobody writes to take no memory.
const BYTES: usize = 64 * 1024;
/// Only lists ask for more than this, and they can be told that there is none.
const LARGEST: usize = 4 * 1024;
const ALIGN: usize = 16;

/// The system's memory, and a reserve for when there is none.
struct Reserved<A> {
    system: A,
    reserve: Reserve,
}

// SAFETY: gives memory of the system, or pieces of the reserve, of which no two in use overlap.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Reserved<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(test)]
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: promised by the caller.
        let memory = unsafe { self.system.alloc(layout) };
        if memory.is_null() { self.reserve.take(layout) } else { memory }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if self.reserve.owns(memory) {
            self.reserve.give_back();
        } else {
            // SAFETY: promised by the caller; the memory came from the system.
            unsafe { self.system.dealloc(memory, layout) }
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: promised by the caller; what is copied fits into the old piece and the new one.
        unsafe {
            if !self.reserve.owns(memory) {
                let larger = self.system.realloc(memory, layout, size);
                if !larger.is_null() {
                    return larger;
                }
            }
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(memory, new, layout.size().min(size));
                self.dealloc(memory, layout);
            }
            new
        }
    }
}

/// Gives out pieces from the front, and is whole again when the last piece is back. That is soon:
/// errors do not last.
struct Reserve {
    memory: UnsafeCell<Bytes>,
    /// The number of pieces in use in the upper half, of bytes given out in the lower.
    state: AtomicU64,
}

#[repr(align(16))]
struct Bytes([u8; BYTES]);

// SAFETY: `state` is atomic, and gives each piece to one owner.
unsafe impl Sync for Reserve {}

const PIECE: u64 = 1 << 32;

impl Reserve {
    const fn new() -> Self {
        Reserve { memory: UnsafeCell::new(Bytes([0; BYTES])), state: AtomicU64::new(0) }
    }

    /// NULL if `layout` asks for too much, or if nothing is left.
    fn take(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST || layout.align() > ALIGN {
            return ptr::null_mut();
        }
        let size = layout.size().next_multiple_of(ALIGN) as u64;
        let more = |state: u64| ((state % PIECE) + size <= BYTES as u64).then(|| state + PIECE + size);
        match self.state.try_update(Ordering::AcqRel, Ordering::Relaxed, more) {
            // SAFETY: the piece ends inside the reserve, `more` has seen to that.
            Ok(before) => unsafe { (&raw mut (*self.memory.get()).0).cast::<u8>().add((before % PIECE) as usize) },
            Err(_) => ptr::null_mut(),
        }
    }

    fn give_back(&self) {
        let less = |state: u64| Some(if state / PIECE == 1 { 0 } else { state - PIECE });
        let _ = self.state.try_update(Ordering::AcqRel, Ordering::Relaxed, less);
    }

    fn owns(&self, memory: *const u8) -> bool {
        (memory as usize).wrapping_sub(self.memory.get() as usize) < BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system without memory.
    struct Nothing;

    // SAFETY: never gives memory.
    unsafe impl GlobalAlloc for Nothing {
        unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
            ptr::null_mut()
        }
        unsafe fn dealloc(&self, _memory: *mut u8, _layout: Layout) {
            unreachable!("it gave nothing")
        }
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn small_pieces_come_from_the_reserve_and_large_ones_from_nowhere() {
        let allocator = Reserved { system: Nothing, reserve: Reserve::new() };
        // SAFETY: each piece is given back with the size that it has.
        unsafe {
            assert!(allocator.alloc(layout(LARGEST + 1)).is_null());
            let (one, two) = (allocator.alloc(layout(5)), allocator.alloc(layout(100)));
            assert_eq!(two.offset_from(one), ALIGN as isize);
            one.write_bytes(7, 5);
            let grown = allocator.realloc(one, layout(5), 50);
            assert_eq!(std::slice::from_raw_parts(grown, 5), [7; 5]);
            assert!(allocator.realloc(two, layout(100), LARGEST + 1).is_null());
            allocator.dealloc(two, layout(100));
            allocator.dealloc(grown, layout(50));
            assert_eq!(allocator.alloc(layout(1)), one);
        }
    }

    #[test]
    fn the_reserve_ends() {
        let allocator = Reserved { system: Nothing, reserve: Reserve::new() };
        // SAFETY: each piece is given back with the size that it has.
        unsafe {
            let pieces: Vec<_> = (0..BYTES / LARGEST).map(|_| allocator.alloc(layout(LARGEST))).collect();
            assert!(pieces.iter().all(|piece| !piece.is_null()) && allocator.alloc(layout(1)).is_null());
            pieces.iter().for_each(|piece| allocator.dealloc(*piece, layout(LARGEST)));
            assert_eq!(allocator.alloc(layout(LARGEST)), pieces[0]);
        }
    }
}
