//! Boards in shared memory, on which sessions leave each other word. Each possible session has a
//! place on a board.
//!
//! A session's place has the index of its entry in the process array (ProcGlobal->allProcs). The
//! next session to get that entry is another one, so what is left there says for which pid it is.

use std::cell::Cell;

use pgrx::pg_sys;

use crate::pg::backend_local::BackendLocal;
use crate::pg::compat;
use crate::shmem::Segment;

/// What a place consists of: atomic numbers, each of which may begin as zero.
///
/// # Safety
/// The type is such, and its size is a multiple of 8.
pub unsafe trait Place: Sync + 'static {}

/// A place for each session. Nobody has one if the library was not loaded with the server.
pub struct Board<P: Place>(BackendLocal<Cell<Option<&'static [P]>>>);

impl<P: Place> Board<P> {
    pub const fn new() -> Self {
        Board(BackendLocal::new(Cell::new(None)))
    }

    pub fn of_pid(&self, pid: i32) -> Option<&'static P> {
        // SAFETY: gives NULL, or an entry of the process array, which lives as long as the server.
        unsafe { self.of(pg_sys::BackendPidGetProc(pid)) }
    }

    pub fn own(&self) -> Option<&'static P> {
        // SAFETY: MyProc is NULL until the process has its entry.
        unsafe { self.of(pg_sys::MyProc) }
    }

    /// # Safety
    /// `process` is NULL or an entry of the process array.
    unsafe fn of(&self, process: *const pg_sys::PGPROC) -> Option<&'static P> {
        let board = self.0.get()?;
        if process.is_null() {
            return None;
        }
        // SAFETY: promised by the caller; the array begins at allProcs.
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

/// How many places there are: replication connections are sessions too, and come last.
fn places() -> usize {
    compat::most_backends()
}
