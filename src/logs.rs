//! Which events are kept, and where? Rings in shared memory, one for each log; a row is a few words.

use std::cell::Cell;

use pgrx::pg_sys;

use crate::ring::Ring;
use crate::{cancel_text, error, gucs};

/// One signal that was sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terminate {
    pub pid: i32,
    pub time: i64,
    /// Who sent it.
    pub user: u32,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Cancel,
    Terminate,
}

/// One transaction that was rolled back for a deadlock or a serialization failure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conflict {
    pub xid: i64,
    pub pid: i32,
    pub start: i64,
    pub abort: i64,
}

/// What a log keeps, as words.
pub trait Record<const WORDS: usize>: Copy {
    fn encode(self) -> [u64; WORDS];
    fn decode(words: [u64; WORDS]) -> Self;
}

impl Record<3> for Terminate {
    fn encode(self) -> [u64; 3] {
        [self.pid as u32 as u64 | (self.kind as u64) << 32, self.time as u64, self.user.into()]
    }

    fn decode([pid_and_kind, time, user]: [u64; 3]) -> Self {
        let kind = if pid_and_kind >> 32 == Kind::Cancel as u64 { Kind::Cancel } else { Kind::Terminate };
        Terminate { pid: pid_and_kind as i32, time: time as i64, user: user as u32, kind }
    }
}

impl Record<4> for Conflict {
    fn encode(self) -> [u64; 4] {
        [self.xid as u64, self.pid as u32 as u64, self.start as u64, self.abort as u64]
    }

    fn decode([xid, pid, start, abort]: [u64; 4]) -> Self {
        Conflict { xid: xid as i64, pid: pid as i32, start: start as i64, abort: abort as i64 }
    }
}

/// A log that may be off. Writing to it never waits and never fails.
pub struct Log<const WORDS: usize> {
    /// The view that shows it, and the setting of its size.
    pub view: &'static str,
    pub setting: &'static str,
    size: fn() -> usize,
    ring: Cell<Option<Ring<WORDS>>>,
}

// SAFETY: the ring is set while the server starts, by its only process; everything in a ring is atomic.
unsafe impl<const WORDS: usize> Sync for Log<WORDS> {}

pub static TERMINATE: Log<3> = Log {
    view: "svl_terminate",
    setting: "redshift_sessions.terminate_log_size",
    size: gucs::terminate_log_size,
    ring: Cell::new(None),
};

pub static CONFLICT: Log<4> = Log {
    view: "stl_tr_conflict",
    setting: "redshift_sessions.conflict_log_size",
    size: gucs::conflict_log_size,
    ring: Cell::new(None),
};

impl<const WORDS: usize> Log<WORDS> {
    pub fn write<R: Record<WORDS>>(&self, record: R) {
        if let Some(ring) = self.ring.get() {
            ring.write(record.encode());
        }
    }

    /// Oldest first.
    pub fn read<R: Record<WORDS>>(&self) -> Vec<R> {
        self.ring().read().into_iter().map(R::decode).collect()
    }

    pub fn ring(&self) -> Ring<WORDS> {
        match self.ring.get() {
            Some(ring) => ring,
            None => error::no_log(self.view, self.setting).raise(),
        }
    }

    pub fn is_on(&self) -> bool {
        self.ring.get().is_some()
    }

    fn bytes(&self) -> usize {
        match (self.size)() {
            0 => 0,
            size => Ring::<WORDS>::bytes(size),
        }
    }

    /// # Safety
    /// There are `bytes()` bytes at `memory`, see `Ring::new`.
    unsafe fn place(&self, memory: *mut u8) {
        // SAFETY: promised by the caller.
        self.ring.set((self.bytes() > 0).then(|| unsafe { Ring::new(memory, (self.size)()) }));
    }
}

/// How much shared memory all logs take, and the notes of those who cancel. Multiples of 8.
pub fn bytes() -> usize {
    TERMINATE.bytes() + CONFLICT.bytes() + cancel_text::BYTES
}

/// Gets the memory, empty. Called while the server starts, or starts anew after a crash, before there are other processes.
pub fn place() {
    // SAFETY: the memory is shared, aligned and as large as asked for.
    unsafe {
        let mut found = false;
        let memory = pg_sys::ShmemInitStruct(c"redshift_sessions".as_ptr(), bytes(), &mut found).cast::<u8>();
        memory.write_bytes(0, bytes());
        TERMINATE.place(memory);
        CONFLICT.place(memory.add(TERMINATE.bytes()));
        cancel_text::place(memory.add(TERMINATE.bytes() + CONFLICT.bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        for kind in [Kind::Cancel, Kind::Terminate] {
            for pid in [i32::MIN, -1, 0, 8585, i32::MAX] {
                let record = Terminate { pid, time: -5, user: u32::MAX, kind };
                assert_eq!(Terminate::decode(record.encode()), record);
            }
        }
        let record = Conflict { xid: -(7 << 32), pid: 8585, start: i64::MIN, abort: i64::MAX };
        assert_eq!(Conflict::decode(record.encode()), record);
    }

    #[test]
    fn a_log_that_is_off_takes_rows_and_forgets_them() {
        let log = Log::<3> { view: "v", setting: "s", size: || 0, ring: Cell::new(None) };
        log.write(Terminate { pid: 1, time: 2, user: 3, kind: Kind::Cancel });
        assert!(!log.is_on() && log.bytes() == 0);
    }
}
