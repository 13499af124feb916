//! Decides which rows svv_transactions has. Locks and sessions go in, rows come out; nothing here
//! calls PostgreSQL.
//!
//! Redshift's view lists open transactions and joins their locks to them. Here the locks are read
//! first and the sessions second. So a transaction counts as open if it still is once both have
//! been read; the locks of one that ended in between are dropped.
//!
//! They are kept if somebody waits for one of them: a transaction may hold its locks for long after
//! it has ended in other respects, while its last callbacks run. To show whoever is in the way,
//! locks and sessions are then read once more, the sessions while those locks cannot be released.

use std::collections::HashMap;

use pgrx::pg_sys::Oid;

use crate::pg::locks::{Holder, Lock, Object};
use crate::pg::memory;
use crate::pg::prepared::Prepared;
use crate::pg::processes::Process;
use crate::pg::xid;
use crate::policy::VisibleRows;
use crate::transactions::packed_row::Row;

const ACCESS_SHARE: i32 = 1;
const EXCLUSIVE: i32 = 7;
const ACCESS_EXCLUSIVE: i32 = 8;

/// What the collector asks about the processes behind the locks.
pub trait Directory {
    fn process(&self, pid: i32) -> Option<Process>;
    fn prepared(&self, xid: u32) -> Option<Prepared>;
    /// The full 64-bit id of a transaction that is still open.
    fn full_xid(&self, xid: u32) -> i64;
    /// Was all of this read while nobody could release a lock for which others wait? Also true for
    /// the second reading of PostgreSQL's own snapshot, which cannot be frozen: it is taken as it
    /// is.
    fn is_frozen(&self) -> bool;
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transaction {
    /// None for a background process.
    pub owner: Option<Oid>,
    pub database: Oid,
    /// Negative if no transaction id has been assigned.
    pub xid: i64,
    /// None for a prepared transaction.
    pub pid: Option<i32>,
    /// Microseconds since 2000-01-01 UTC.
    pub start: Option<i64>,
}

/// A transaction whose locks are being collected.
struct Candidate {
    /// None while only its parallel workers have been seen.
    known: Option<Known>,
    /// The oldest transaction id held: the top-level one.
    xid: Option<u32>,
    /// Somebody waits for a lock of this prepared transaction.
    in_the_way: bool,
}

impl Candidate {
    fn xid(&self) -> Option<u32> {
        self.xid.or_else(|| self.known.as_ref().map(|known| known.xid).filter(|xid| *xid != 0))
    }
}

struct Known {
    backend: i32,
    local: u32,
    /// The id in the process array, for a transaction whose locks do not tell it.
    xid: u32,
    of: Of,
}

#[derive(Clone, Copy)]
enum Of {
    Process(Process),
    /// Prepared by this user in this database.
    Nobody(Oid, Oid),
}

/// The transaction that a lock belongs to.
#[derive(Clone, Copy)]
pub struct LockOwner {
    candidate: usize,
    /// A parallel worker holds the lock: its transaction ids are its own, not the transaction's.
    worker: bool,
}

pub struct Collector<'a, D: Directory> {
    directory: &'a D,
    rows_wanted: VisibleRows,
    candidates: Vec<Candidate>,
    by_pid: HashMap<i32, usize>,
    by_prepared: HashMap<(i32, u32), usize>,
    lost: bool,
    rows: Vec<Row>,
}

impl<'a, D: Directory> Collector<'a, D> {
    /// `rows` is an empty list with room for all rows to come; the collector needs no other large
    /// memory.
    pub fn new(directory: &'a D, rows_wanted: VisibleRows, rows: Vec<Row>) -> Self {
        Collector {
            directory,
            rows_wanted,
            candidates: Vec::new(),
            by_pid: HashMap::new(),
            by_prepared: HashMap::new(),
            lost: false,
            rows,
        }
    }

    /// The transaction that a holder's locks belong to; None if they are not to be shown.
    /// `in_the_way` tells whether somebody waits for one of them.
    pub fn owner(&mut self, holder: &Holder, in_the_way: impl FnOnce() -> bool) -> Option<LockOwner> {
        if holder.pid == 0 {
            return Some(self.prepared(holder, in_the_way()));
        }
        let worker = holder.leader != 0;
        // A worker's locks are its leader's: whoever sees the leader sees them.
        let process = self.directory.process(if worker { holder.leader } else { holder.pid });
        if process.is_some_and(|process| !self.rows_wanted.include(process.owner()))
            || !self.is_shown(holder, in_the_way)
        {
            return None;
        }
        let process = process?;
        let candidates = &mut self.candidates;
        memory::room_for_one(&mut self.by_pid);
        let candidate = *self.by_pid.entry(process.pid).or_insert_with(|| new_candidate(candidates));
        if !worker {
            let Holder { backend, local, xid, .. } = *holder;
            self.candidates[candidate].known.get_or_insert(Known { backend, local, xid, of: Of::Process(process) });
        }
        Some(LockOwner { candidate, worker })
    }

    fn is_shown(&mut self, holder: &Holder, in_the_way: impl FnOnce() -> bool) -> bool {
        if holder.is_open() {
            return true;
        }
        let in_the_way = in_the_way();
        self.lost |= in_the_way && !self.directory.is_frozen();
        in_the_way
    }

    /// For a prepared transaction, `finish` asks PostgreSQL's list of them whether it is open, by
    /// the transaction id that is among its locks.
    fn prepared(&mut self, holder: &Holder, in_the_way: bool) -> LockOwner {
        let Holder { backend, local, xid, user, database, .. } = *holder;
        let candidates = &mut self.candidates;
        memory::room_for_one(&mut self.by_prepared);
        let candidate = *self.by_prepared.entry((backend, local)).or_insert_with(|| new_candidate(candidates));
        let of = Of::Nobody(user, database);
        self.candidates[candidate].known.get_or_insert(Known { backend, local, xid, of });
        self.candidates[candidate].in_the_way |= in_the_way;
        LockOwner { candidate, worker: false }
    }

    pub fn add(&mut self, owner: LockOwner, lock: Lock) {
        let LockOwner { candidate, worker } = owner;
        for mode in ACCESS_SHARE..=ACCESS_EXCLUSIVE {
            if lock.held & 1 << mode == 0 {
                continue;
            }
            match lock.object {
                Object::Relation(relation) => self.rows.push(Row::new(candidate, true, Some(relation), mode)),
                Object::Transaction(xid) if mode == EXCLUSIVE && !worker => {
                    let oldest = &mut self.candidates[candidate].xid;
                    *oldest = Some(oldest.map_or(xid, |known| xid::older(known, xid)));
                }
                _ => (),
            }
        }
        if lock.awaited != 0 {
            match lock.object {
                Object::Relation(relation) | Object::PartOf(relation) => {
                    self.rows.push(Row::new(candidate, false, Some(relation), lock.awaited));
                }
                Object::Transaction(_) | Object::OtherTransaction => {
                    self.rows.push(Row::new(candidate, false, None, lock.awaited));
                }
                Object::Other => (),
            }
        }
    }

    /// The open transactions and their rows, both in the order of Redshift's view. None if a
    /// transaction that others wait for went on while all of this was read: then it must be read
    /// again, frozen.
    pub fn finish(mut self) -> Option<(Vec<Transaction>, Vec<Row>)> {
        let mut open: Vec<(usize, Transaction)> = Vec::new();
        for (index, candidate) in self.candidates.iter().enumerate() {
            match self.transaction(candidate) {
                Some(transaction) => memory::push(&mut open, (index, transaction)),
                None => self.lost |= candidate.in_the_way && !self.directory.is_frozen() && !self.is_listed(candidate),
            }
        }
        if self.lost {
            return None;
        }
        open.sort_unstable_by_key(|(_, t)| (t.start.is_none(), t.start, t.xid, t.pid));

        let mut rank = memory::collect(self.candidates.iter().map(|_| None));
        for (position, (index, _)) in open.iter().enumerate() {
            rank[*index] = Some(position);
            self.rows.push(Row::new(*index, true, None, EXCLUSIVE));
        }
        self.rows.retain_mut(|row| match rank[row.transaction()] {
            Some(position) => {
                *row = row.with_transaction(position);
                true
            }
            None => false,
        });
        self.rows.sort_unstable();
        self.rows.dedup();
        Some((memory::collect(open.into_iter().map(|(_, transaction)| transaction)), self.rows))
    }

    /// Does PostgreSQL list it as a prepared transaction?
    fn is_listed(&self, candidate: &Candidate) -> bool {
        candidate.xid().is_some_and(|xid| self.directory.prepared(xid).is_some())
    }

    fn transaction(&self, candidate: &Candidate) -> Option<Transaction> {
        let known = candidate.known.as_ref()?;
        let xid = candidate.xid();
        match known.of {
            Of::Process(process) => Some(Transaction {
                owner: process.owner(),
                database: process.database,
                xid: match xid {
                    Some(xid) => self.directory.full_xid(xid),
                    None => xid::unassigned(known.backend, known.local),
                },
                pid: Some(process.pid),
                start: process.transaction_start,
            }),
            Of::Nobody(owner, database) => {
                let xid = xid?;
                let being_finished = || Prepared { owner, database, prepared: None };
                let in_the_way = candidate.in_the_way && self.directory.is_frozen();
                let prepared = self.directory.prepared(xid).or_else(|| in_the_way.then(being_finished))?;
                self.rows_wanted.include(Some(prepared.owner)).then(|| Transaction {
                    owner: Some(prepared.owner),
                    database: prepared.database,
                    xid: self.directory.full_xid(xid),
                    pid: None,
                    start: prepared.prepared,
                })
            }
        }
    }
}

fn new_candidate(candidates: &mut Vec<Candidate>) -> usize {
    memory::push(candidates, Candidate { known: None, xid: None, in_the_way: false });
    candidates.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::processes::ProcessKind;

    const ALICE: Oid = Oid::from_u32(101);
    const BOB: Oid = Oid::from_u32(102);
    const DEV: Oid = Oid::from_u32(5);
    const TABLE: u32 = 16_400;

    /// Backend n has pid 100 + n and is in its local transaction 10.
    struct Fake {
        processes: Vec<Process>,
        prepared: Vec<(u32, Prepared)>,
        frozen: bool,
    }

    impl Directory for Fake {
        fn process(&self, pid: i32) -> Option<Process> {
            self.processes.iter().find(|process| process.pid == pid).copied()
        }
        fn prepared(&self, xid: u32) -> Option<Prepared> {
            self.prepared.iter().find(|(known, _)| *known == xid).map(|(_, prepared)| *prepared)
        }
        fn full_xid(&self, xid: u32) -> i64 {
            (3 << 32) + i64::from(xid)
        }
        fn is_frozen(&self) -> bool {
            self.frozen
        }
    }

    fn process(backend: i32, kind: ProcessKind, user: Oid, start: i64) -> Process {
        Process { pid: 100 + backend, kind, user, database: DEV, transaction_start: Some(start) }
    }

    fn fake() -> Fake {
        Fake {
            processes: vec![
                process(1, ProcessKind::Client, ALICE, 2_000),
                process(2, ProcessKind::Client, BOB, 1_000),
                process(3, ProcessKind::Background, Oid::INVALID, 3_000),
                process(4, ProcessKind::Background, ALICE, 2_500),
            ],
            prepared: vec![(900, Prepared { owner: BOB, database: DEV, prepared: Some(500) })],
            frozen: false,
        }
    }

    type Held = (Holder, Lock);

    fn lock(backend: i32, held: &[i32], awaited: i32, object: Object) -> Held {
        let held = held.iter().fold(0, |mask, mode| mask | 1 << mode);
        let holder = Holder { backend, local: 10, now: 10, pid: 100 + backend, ..Holder::default() };
        (holder, Lock { held, awaited, in_the_way: false, object })
    }

    fn own(backend: i32) -> Held {
        lock(backend, &[EXCLUSIVE], 0, Object::OtherTransaction)
    }

    /// The worker is backend 4, its leader backend 1.
    fn of_worker((holder, lock): Held) -> Held {
        (Holder { leader: 101, ..holder }, lock)
    }

    /// The holder's transaction has ended: by now its backend is in the transaction `now`, or, if
    /// that is 0, in none.
    fn ended((holder, lock): Held, now: u32) -> Held {
        (Holder { now, ..holder }, lock)
    }

    fn in_the_way((holder, lock): Held) -> Held {
        (holder, Lock { in_the_way: true, ..lock })
    }

    /// pid, xid, granted, relation, mode
    type Flat = (Option<i32>, i64, bool, Option<i32>, i32);

    fn rows(fake: &Fake, rows: VisibleRows, locks: &[Held]) -> Vec<Flat> {
        read(fake, rows, locks).expect("nobody was lost")
    }

    fn read(fake: &Fake, rows: VisibleRows, locks: &[Held]) -> Option<Vec<Flat>> {
        let mut collector = Collector::new(fake, rows, Vec::new());
        for (holder, lock) in locks {
            if let Some(owner) = collector.owner(holder, || lock.in_the_way) {
                collector.add(owner, *lock);
            }
        }
        let (transactions, rows) = collector.finish()?;
        let flat = rows.iter().map(|row| {
            let transaction = &transactions[row.transaction()];
            (transaction.pid, transaction.xid, row.granted(), row.relation(), row.mode())
        });
        Some(flat.collect())
    }

    fn negative(backend: i64) -> i64 {
        -((backend << 32) + 10)
    }

    #[test]
    fn a_transaction_without_an_id_has_one_row_and_a_negative_number() {
        let rows = rows(&fake(), VisibleRows::All, &[own(1)]);
        assert_eq!(rows, [(Some(101), negative(1), true, None, EXCLUSIVE)]);
    }

    #[test]
    fn savepoints_make_no_rows_and_the_oldest_id_is_the_transactions() {
        let ids = [u32::MAX - 1, 5, u32::MAX].map(|xid| lock(1, &[EXCLUSIVE], 0, Object::Transaction(xid)));
        let rows = rows(&fake(), VisibleRows::All, &[&ids[..], &[own(1)]].concat());
        assert_eq!(rows, [(Some(101), (3 << 32) + i64::from(u32::MAX - 1), true, None, EXCLUSIVE)]);
    }

    #[test]
    fn every_mode_held_on_a_relation_is_a_row() {
        let rows = rows(&fake(), VisibleRows::All, &[own(1), lock(1, &[1, 3], 0, Object::Relation(TABLE))]);
        let modes: Vec<_> = rows.iter().map(|row| (row.3, row.4)).collect();
        assert_eq!(modes, [(Some(TABLE as i32), 1), (Some(TABLE as i32), 3), (None, EXCLUSIVE)]);
    }

    #[test]
    fn waiters_show_what_they_wait_for_under_their_own_id() {
        for (object, relation) in [
            (Object::Relation(TABLE), Some(TABLE as i32)),
            (Object::PartOf(TABLE), Some(TABLE as i32)),
            (Object::Transaction(77), None),
            (Object::OtherTransaction, None),
        ] {
            let rows = rows(&fake(), VisibleRows::All, &[own(1), lock(1, &[], 5, object)]);
            let expected = [(Some(101), negative(1), false, relation, 5), (Some(101), negative(1), true, None, 7)];
            assert_eq!(rows, expected, "{object:?}");
        }
    }

    #[test]
    fn locks_without_a_counterpart_make_no_row() {
        let locks = [
            own(1),
            lock(1, &[7], 0, Object::PartOf(TABLE)),
            lock(1, &[7], 0, Object::Other),
            lock(1, &[], 7, Object::Other),
        ];
        assert_eq!(rows(&fake(), VisibleRows::All, &locks).len(), 1);
    }

    #[test]
    fn readers_see_their_own_and_background_processes_only_with_all() {
        let locks = [own(1), own(2), own(3)];
        let pids = |wanted| -> Vec<_> { rows(&fake(), wanted, &locks).iter().map(|row| row.0).collect() };
        assert_eq!(pids(VisibleRows::All), [Some(102), Some(101), Some(103)]);
        assert_eq!(pids(VisibleRows::OwnedBy(ALICE)), [Some(101)]);
        assert_eq!(pids(VisibleRows::OwnedBy(Oid::INVALID)), []);
    }

    #[test]
    fn a_parallel_workers_locks_are_its_leaders_once() {
        let shared = [lock(1, &[1], 0, Object::Relation(TABLE)), of_worker(lock(4, &[1], 0, Object::Relation(TABLE)))];
        let id = of_worker(lock(4, &[EXCLUSIVE], 0, Object::Transaction(4)));
        // The worker's locks come first here: the lock table has no order.
        let expected =
            [(Some(101), negative(1), true, Some(TABLE as i32), 1), (Some(101), negative(1), true, None, EXCLUSIVE)];
        for wanted in [VisibleRows::All, VisibleRows::OwnedBy(ALICE)] {
            assert_eq!(rows(&fake(), wanted, &[shared[1], of_worker(own(4)), id, shared[0], own(1)]), expected);
        }
        assert_eq!(rows(&fake(), VisibleRows::OwnedBy(BOB), &[shared[1], of_worker(own(4)), own(1)]), []);
    }

    #[test]
    fn a_worker_is_no_transaction_of_its_own() {
        let locks = [of_worker(own(4)), of_worker(lock(4, &[1], 0, Object::Relation(TABLE)))];
        assert_eq!(rows(&fake(), VisibleRows::All, &locks), []);
        let mut alone = fake();
        alone.processes.retain(|process| process.pid != 101);
        assert_eq!(rows(&alone, VisibleRows::All, &locks), []);
    }

    #[test]
    fn what_ended_between_the_two_snapshots_is_dropped() {
        let held = lock(1, &[1], 0, Object::Relation(TABLE));
        let (next, none) = (ended(held, 11), ended(held, 0));
        let mut gone = lock(50, &[1], 0, Object::Relation(TABLE));
        gone.0.local = 9;
        assert_eq!(rows(&fake(), VisibleRows::All, &[next, none, gone, own(1)]).len(), 1);
        assert_eq!(rows(&fake(), VisibleRows::All, &[next, none, gone]), []);
        let before_its_first_lock = (Holder { local: 0, now: 0, ..held.0 }, held.1);
        assert_eq!(rows(&fake(), VisibleRows::All, &[before_its_first_lock]), []);
    }

    #[test]
    fn who_is_in_the_way_is_shown_whatever_its_transaction_does() {
        let mut frozen = fake();
        frozen.frozen = true;
        let held = in_the_way(lock(1, &[8], 0, Object::Relation(TABLE)));
        let expected = [(Some(101), negative(1), true, Some(TABLE as i32), 8), (Some(101), negative(1), true, None, 7)];
        for blocker in [ended(held, 0), ended(held, 11)] {
            // It may have gone on before the sessions were read, so all must be read again.
            assert_eq!(read(&fake(), VisibleRows::All, &[blocker]), None);
            assert_eq!(read(&fake(), VisibleRows::OwnedBy(BOB), &[blocker]), Some(Vec::new()));
            assert_eq!(rows(&frozen, VisibleRows::All, &[blocker]), expected);
        }
        let ending = (Holder { local: 0, now: 0, ..held.0 }, held.1);
        assert_eq!(rows(&frozen, VisibleRows::All, &[ending]).len(), 2);
        assert_eq!(rows(&frozen, VisibleRows::All, &[ended(own(1), 0)]), []);
    }

    #[test]
    fn an_id_that_is_among_no_locks_is_known_from_the_process() {
        let (holder, lock) = lock(1, &[1], 0, Object::Relation(TABLE));
        let rows = rows(&fake(), VisibleRows::All, &[(Holder { xid: 77, ..holder }, lock)]);
        assert!(rows.iter().all(|row| row.1 == (3 << 32) + 77));
    }

    #[test]
    fn prepared_transactions_have_no_pid_and_belong_to_their_owner() {
        let of_prepared =
            |lock: Lock| (Holder { backend: -1, local: 900, user: BOB, database: DEV, ..Holder::default() }, lock);
        let locks = [
            of_prepared(lock(0, &[EXCLUSIVE], 0, Object::Transaction(900)).1),
            of_prepared(lock(0, &[3], 0, Object::Relation(TABLE)).1),
        ];
        let xid = (3 << 32) + 900;
        let expected = [(None, xid, true, Some(TABLE as i32), 3), (None, xid, true, None, EXCLUSIVE)];
        assert_eq!(rows(&fake(), VisibleRows::OwnedBy(BOB), &locks), expected);
        assert_eq!(rows(&fake(), VisibleRows::All, &locks), expected);
        assert_eq!(rows(&fake(), VisibleRows::OwnedBy(ALICE), &locks), []);

        let mut finished = Fake { prepared: Vec::new(), ..fake() };
        assert_eq!(rows(&finished, VisibleRows::All, &locks), []);
        let blockers = locks.map(in_the_way);
        assert_eq!(rows(&fake(), VisibleRows::OwnedBy(ALICE), &blockers), []);
        assert_eq!(read(&finished, VisibleRows::All, &blockers), None);
        finished.frozen = true;
        assert_eq!(rows(&finished, VisibleRows::All, &blockers), expected);
        assert_eq!(rows(&finished, VisibleRows::OwnedBy(BOB), &blockers), expected);
        assert_eq!(rows(&finished, VisibleRows::OwnedBy(ALICE), &blockers), []);
        assert_eq!(rows(&finished, VisibleRows::All, &locks), []);
    }
}
