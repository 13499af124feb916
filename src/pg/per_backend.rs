//! How do sessions leave each other word? On a board in shared memory with a place for each session that can be.
//!
//! A place goes by the number of its backend in the process array, and what is there says for which pid it is: the next session
//! with that number is another one.

use std::cell::Cell;

use pgrx::pg_sys;

use crate::pg::backend_local::BackendLocal;
use crate::shmem::Segment;

/// What a place has in it: atomic numbers, all of which may begin with zero.
///
/// # Safety
/// It is so, and its size is a multiple of 8.
pub unsafe trait Place: Sync + 'static {}

/// Nothing is on it, and nothing stays, when the library was not loaded with the server.
pub struct Board<P: Place>(BackendLocal<Cell<Option<&'static [P]>>>);

impl<P: Place> Board<P> {
    pub const fn new() -> Self {
        Board(BackendLocal::new(Cell::new(None)))
    }

    pub fn of_pid(&self, pid: i32) -> Option<&'static P> {
        // SAFETY: gives NULL or an entry of the process array, which lives as long as the server.
        unsafe { self.of(pg_sys::BackendPidGetProc(pid)) }
    }

    pub fn own(&self) -> Option<&'static P> {
        // SAFETY: NULL until the process has its entry.
        unsafe { self.of(pg_sys::MyProc) }
    }

    /// # Safety
    /// NULL or an entry of the process array.
    unsafe fn of(&self, process: *const pg_sys::PGPROC) -> Option<&'static P> {
        let board = self.0.get()?;
        if process.is_null() {
            return None;
        }
        // SAFETY: promised by the caller; the array begins there.
        let number = unsafe { process.offset_from((*pg_sys::ProcGlobal).allProcs) };
        board.get(usize::try_from(number).ok()?)
    }
}

impl<P: Place> Segment for Board<P> {
    fn bytes(&self) -> usize {
        places() * size_of::<P>()
    }

    unsafe fn place(&self, memory: *mut u8) {
        // SAFETY: promised by the caller; zeroed memory is a board of empty places.
        self.0.set(Some(unsafe { std::slice::from_raw_parts(memory.cast(), places()) }));
    }
}

/// Clients' sessions come first in the process array.
fn places() -> usize {
    // SAFETY: a setting, final before shared memory is asked for.
    unsafe { pg_sys::MaxConnections as usize }
}
