//! Where are events kept? In rings in shared memory, one for each log.

use std::cell::Cell;

use pgrx::pg_sys;

use crate::log_file::{MARK, Mark};
use crate::record::{Record, STATEMENT_WORDS};
use crate::ring::{Header, Ring};
use crate::saved::SavedLog;
use crate::{cancel_text, error, gucs, memory, preload, query_group};

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

pub static CONNECTION: Log<66> = Log {
    view: "stl_connection_log",
    setting: "redshift_sessions.connection_log_size",
    size: gucs::connection_log_size,
    ring: Cell::new(None),
};

pub static ENDED: Log<20> = Log {
    view: "stl_sessions",
    setting: "redshift_sessions.session_log_size",
    size: gucs::session_log_size,
    ring: Cell::new(None),
};

/// Not among those that outlive a restart: statements may have secrets, which belong into no file.
pub static STATEMENT: Log<STATEMENT_WORDS> = Log {
    view: "stv_recents",
    setting: "redshift_sessions.statement_log_size",
    size: gucs::statement_log_size,
    ring: Cell::new(None),
};

impl<const WORDS: usize> Log<WORDS> {
    pub fn write<R: Record<WORDS>>(&self, record: R) {
        if let Some(ring) = self.ring.get() {
            ring.write(&record.encode());
        }
    }

    /// A record that is in words already, and perhaps shorter than others.
    pub fn write_words(&self, words: &[u64]) {
        if let Some(ring) = self.ring.get() {
            ring.write(words);
        }
    }

    /// Oldest first.
    pub fn read<R: Record<WORDS>>(&self) -> Vec<R> {
        memory::collect(self.ring().read().into_iter().map(R::decode))
    }

    pub fn ring(&self) -> Ring<WORDS> {
        match self.ring.get() {
            Some(ring) => ring,
            None => {
                let libraries = (!preload::by_server()).then(preload::libraries);
                error::no_log(self.view, self.setting, libraries.as_deref()).raise()
            }
        }
    }

    fn save(&self) -> Option<SavedLog> {
        let ring = self.ring.get()?;
        let rows = ring.read().into_iter().map(Vec::from).collect();
        Some(SavedLog { log: self.view.into(), counts: ring.counts(), rows })
    }

    fn restore(&self, saved: &[SavedLog]) {
        let Some(ring) = self.ring.get() else { return };
        if let Some(saved) = saved.iter().find(|saved| saved.log == self.view) {
            let rows: Vec<[u64; WORDS]> = saved.rows.iter().filter_map(|row| row.as_slice().try_into().ok()).collect();
            let mut counts = saved.counts.clone();
            counts.dropped += (saved.rows.len() - rows.len()) as u64; // those of another length
            ring.restore(&counts, rows.into_iter());
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

    /// Gives the memory behind the slots.
    ///
    /// # Safety
    /// There are `bytes()` bytes of slots, see `Ring::new`.
    unsafe fn place(&self, header: *const Header, slots: *mut u8) -> *mut u8 {
        // SAFETY: promised by the caller.
        unsafe {
            self.ring.set((self.bytes() > 0).then(|| Ring::new(header, slots, (self.size)())));
            slots.add(self.bytes())
        }
    }
}

/// What is kept of all logs while the server is down.
pub fn save() -> Vec<SavedLog> {
    [TERMINATE.save(), CONFLICT.save(), CONNECTION.save(), ENDED.save()].into_iter().flatten().collect()
}

/// Puts back what was kept of the logs that are on. Called while the server starts.
pub fn restore(saved: &[SavedLog]) {
    TERMINATE.restore(saved);
    CONFLICT.restore(saved);
    CONNECTION.restore(saved);
    ENDED.restore(saved);
}

const LOGS: usize = 5;

/// How much shared memory all logs take, and what sessions tell each other. Multiples of 8.
pub fn bytes() -> usize {
    let headers = LOGS * size_of::<Header>() + Mark::BYTES;
    let logs = TERMINATE.bytes() + CONFLICT.bytes() + CONNECTION.bytes() + ENDED.bytes() + STATEMENT.bytes();
    headers + logs + cancel_text::NOTES.bytes() + query_group::LABELS.bytes()
}

/// Gets the memory. True if it is new, and empty: the server starts, or starts anew after a crash, and there are no other processes. Where a server
/// executes its children, each of them comes here as well, and finds it.
pub fn place() -> bool {
    // SAFETY: the memory is shared, aligned and as large as asked for.
    unsafe {
        let mut found = false;
        let memory = pg_sys::ShmemInitStruct(c"redshift_sessions".as_ptr(), bytes(), &mut found).cast::<u8>();
        if !found {
            memory.write_bytes(0, bytes());
        }
        let header = |number| memory.cast::<Header>().add(number).cast_const();
        let memory = MARK.place(memory.add(LOGS * size_of::<Header>()));
        let memory = TERMINATE.place(header(0), memory);
        let memory = CONFLICT.place(header(1), memory);
        let memory = CONNECTION.place(header(2), memory);
        let memory = ENDED.place(header(3), memory);
        let memory = STATEMENT.place(header(4), memory);
        let memory = cancel_text::NOTES.place(memory);
        query_group::LABELS.place(memory);
        !found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Kind, Terminate};
    use crate::ring::Counts;

    #[test]
    fn saved_rows_of_another_length_are_dropped_and_counted() {
        let header = vec![0_u64; size_of::<Header>() / 8].leak();
        let slots = vec![0_u64; Ring::<3>::bytes(5) / 8].leak();
        // SAFETY: zeroed, aligned, leaked.
        let ring = unsafe { Ring::new(header.as_ptr().cast(), slots.as_ptr().cast(), 5) };
        let log = Log::<3> { view: "v", setting: "s", size: || 5, ring: Cell::new(Some(ring)) };
        let rows = vec![vec![1; 3], vec![2; 2], vec![3; 4], vec![], vec![5; 3]];
        log.restore(&[SavedLog { log: "v".into(), counts: Counts { written: 9, dropped: 4 }, rows }]);
        assert_eq!(ring.read(), [[1; 3], [5; 3]]);
        assert_eq!(ring.counts(), Counts { written: 9, dropped: 7 });
    }

    #[test]
    fn a_log_that_is_off_takes_rows_and_forgets_them() {
        let log = Log::<3> { view: "v", setting: "s", size: || 0, ring: Cell::new(None) };
        log.write(Terminate { pid: 1, time: 2, user: 3, kind: Kind::Cancel });
        assert!(!log.is_on() && log.bytes() == 0);
    }
}
