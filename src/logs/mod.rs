//! The logs of the server: what happened, kept in shared memory, in one ring for each log.
//!
//! In come the signals that are sent, the changes of users, the ends of transactions, and the
//! events of sessions that begin, run statements, fail and end. Out come the rows of svl_terminate,
//! stl_tr_conflict, stl_connection_log, stl_userlog and sys_transaction_history, and, through
//! `activity`, of stl_sessions, sys_session_history and stv_recents. Writers never wait and
//! never fail.

pub mod records;
pub mod statement_record;
pub mod user_record;
pub mod transaction_record;
pub mod uncommitted;
pub mod file_format;
pub mod file;
pub mod deadlock_detail;
pub mod conflicts;
pub mod query_ids;
pub mod statements;
pub mod connections;
pub mod user_changes;
pub mod transactions;
pub mod transaction_events;
pub mod counts;
pub mod svl_terminate;
pub mod stl_tr_conflict;
pub mod stl_connection_log;
pub mod userlog;
pub mod transaction_history;

use std::cell::Cell;
use std::sync::atomic::AtomicU64;

use crate::error;
use crate::gucs;
use crate::logs::file_format::SavedLog;
use crate::logs::records::Record;
use crate::logs::statement_record::Finished;
use crate::pg::backend_local::BackendLocal;
use crate::pg::memory;
use crate::pg::preload;
use crate::shmem::Segment;
use crate::shmem::ring::{Header, Place, Ring};

/// A log that may be off. Writing to it never waits and never fails.
pub struct Log<const WORDS: usize> {
    /// The view that shows it.
    pub view: &'static str,
    /// The setting of its size.
    pub setting: &'static str,
    size: fn() -> usize,
    /// Its index in the headers.
    number: usize,
    ring: BackendLocal<Cell<Option<Ring<WORDS>>>>,
}

impl<const WORDS: usize> Log<WORDS> {
    const fn new(number: usize, view: &'static str, setting: &'static str, size: fn() -> usize) -> Self {
        Log { view, setting, size, number, ring: BackendLocal::new(Cell::new(None)) }
    }
}

pub static TERMINATE: Log<3> =
    Log::new(0, "svl_terminate", "redshift_sessions.terminate_log_size", gucs::terminate_log_size);

pub static CONFLICT: Log<4> =
    Log::new(1, "stl_tr_conflict", "redshift_sessions.conflict_log_size", gucs::conflict_log_size);

pub static CONNECTION: Log<66> =
    Log::new(2, "stl_connection_log", "redshift_sessions.connection_log_size", gucs::connection_log_size);

pub static ENDED: Log<20> = Log::new(3, "stl_sessions", "redshift_sessions.session_log_size", gucs::session_log_size);

pub static USER: Log<21> = Log::new(5, "stl_userlog", "redshift_sessions.user_log_size", gucs::user_log_size);

pub static TRANSACTION: Log<5> =
    Log::new(6, "sys_transaction_history", "redshift_sessions.transaction_log_size", gucs::transaction_log_size);

/// Does not outlive a restart: statements may contain secrets, which belong in no file.
pub static STATEMENT: Log<{ Finished::WORDS }> =
    Log::new(4, "stv_recents", "redshift_sessions.statement_log_size", gucs::statement_log_size);

impl<const WORDS: usize> Log<WORDS> {
    pub fn write<R: Record<WORDS>>(&self, record: R) {
        if let Some(ring) = self.ring.get() {
            ring.write(&record.encode());
        }
    }

    /// Writes a row that `fill` stores word by word. None if the log is off, or the row was given
    /// up.
    pub fn fill(&self, fill: impl FnOnce(&[AtomicU64; WORDS])) -> Option<Place> {
        self.ring.get()?.fill(fill)
    }

    /// Changes a row that was written. None if it is there no more.
    pub fn change(&self, place: Place, change: impl FnOnce(&[AtomicU64; WORDS])) -> Option<Place> {
        self.ring.get()?.change(place, change)
    }

    /// All records, oldest first.
    pub fn read<R: Record<WORDS>>(&self) -> Vec<R> {
        memory::collect(self.rows().into_iter().map(|row| R::decode(row)))
    }

    /// All rows as they are kept, oldest first.
    pub fn rows(&self) -> Vec<[u64; WORDS]> {
        let mut rows = memory::collect(self.ring().rows());
        rows.sort_unstable_by_key(|(number, _)| *number);
        memory::collect(rows.into_iter().map(|(_, row)| row))
    }

    /// What `decode` makes of each row that it wants, oldest first; nothing if the log is off.
    pub fn read_if_on<T>(&self, decode: impl Fn(&[u64; WORDS]) -> Option<T>) -> Vec<T> {
        let Some(ring) = self.ring.get() else { return Vec::new() };
        let mut rows = memory::collect(ring.rows().filter_map(|(number, row)| Some((number, decode(&row)?))));
        rows.sort_unstable_by_key(|(number, _)| *number);
        memory::collect(rows.into_iter().map(|(_, row)| row))
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
        let rows = self.rows().into_iter().map(Vec::from).collect();
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
}

impl<const WORDS: usize> Segment for Log<WORDS> {
    fn bytes(&self) -> usize {
        Ring::<WORDS>::bytes((self.size)())
    }

    unsafe fn place(&self, memory: *mut u8) {
        let header = HEADERS.0.get().map(|headers| &raw const headers[self.number]);
        // SAFETY: promised by the caller; the headers are placed before the logs.
        self.ring
            .set(header.filter(|_| self.bytes() > 0).map(|header| unsafe { Ring::new(header, memory, (self.size)()) }));
    }
}

/// What the logs have besides their rows, all of it in one page.
pub struct Headers(BackendLocal<Cell<Option<&'static [Header; LOGS]>>>);

pub static HEADERS: Headers = Headers(BackendLocal::new(Cell::new(None)));
const LOGS: usize = 7;

impl Segment for Headers {
    fn bytes(&self) -> usize {
        size_of::<[Header; LOGS]>()
    }

    unsafe fn place(&self, memory: *mut u8) {
        // SAFETY: promised by the caller; headers consist of atomic numbers.
        self.0.set(Some(unsafe { &*memory.cast() }));
    }
}

/// The rows to keep while the server is down, of the logs that are on and outlive a restart.
pub fn save() -> Vec<SavedLog> {
    let logs = [TERMINATE.save(), CONFLICT.save(), CONNECTION.save(), ENDED.save(), USER.save(), TRANSACTION.save()];
    logs.into_iter().chain([query_ids::COUNTER.save()]).flatten().collect()
}

/// Puts back the rows that were kept, of the logs that are on. Called while the server starts.
pub fn restore(saved: &[SavedLog]) {
    TERMINATE.restore(saved);
    CONFLICT.restore(saved);
    CONNECTION.restore(saved);
    ENDED.restore(saved);
    USER.restore(saved);
    TRANSACTION.restore(saved);
    query_ids::COUNTER.restore(saved);
}

/// Memory that the rows of all logs that outlive a restart take.
pub fn saved_bytes() -> usize {
    TERMINATE.bytes() + CONFLICT.bytes() + CONNECTION.bytes() + ENDED.bytes() + USER.bytes() + TRANSACTION.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::records::{Sent, Terminate};
    use crate::shmem::ring::Counts;

    #[test]
    fn saved_rows_of_another_length_are_dropped_and_counted() {
        let header = vec![0_u64; size_of::<Header>() / 8].leak();
        let slots = vec![0_u64; Ring::<3>::bytes(5) / 8].leak();
        let log = Log::<3>::new(0, "v", "s", || 5);
        // SAFETY: zeroed, aligned, leaked.
        let ring = unsafe { Ring::new(header.as_ptr().cast(), slots.as_ptr().cast(), 5) };
        log.ring.set(Some(ring));
        let rows = vec![vec![1; 3], vec![2; 2], vec![3; 4], vec![], vec![5; 3]];
        log.restore(&[SavedLog { log: "v".into(), counts: Counts { written: 9, dropped: 4 }, rows }]);
        let mut rows: Vec<_> = ring.rows().collect();
        rows.sort();
        assert!(rows.into_iter().map(|(_, row)| row).eq([[1; 3], [5; 3]]));
        assert_eq!(ring.counts(), Counts { written: 9, dropped: 7 });
    }

    #[test]
    fn a_log_that_is_off_takes_rows_and_forgets_them() {
        let log = Log::<3>::new(0, "v", "s", || 0);
        log.write(Terminate { pid: 1, time: 2, user: 3, kind: Sent::Cancel });
        assert!(!log.is_on() && log.bytes() == 0);
    }
}
