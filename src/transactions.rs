//! Which rows does svv_transactions have? Locks and sessions in, rows out; nothing here calls PostgreSQL.
//!
//! Redshift's view lists open transactions and joins their locks to them. Here the locks are read first and
//! the sessions second, so a transaction is open if it still is once both have been read; what belongs to one
//! that ended in between is dropped.

use std::collections::HashMap;

use pgrx::pg_sys::Oid;

use crate::locks::{Lock, Object};
use crate::memory;
use crate::policy::Rows;
use crate::process::{Kind, Process};
use crate::row::Row;

const ACCESS_SHARE: i32 = 1;
const EXCLUSIVE: i32 = 7;
const ACCESS_EXCLUSIVE: i32 = 8;

/// What the collector asks about the processes behind the locks.
pub trait Directory {
    fn process(&self, pid: i32) -> Option<Process>;
    /// The leader's pid, for a parallel worker.
    fn leader_of(&self, pid: i32) -> Option<i32>;
    /// The local transaction in which the backend is now; 0 for none.
    fn local_transaction(&self, backend: i32) -> u32;
    fn prepared(&self, xid: u32) -> Option<Prepared>;
    /// The full 64-bit id of a transaction that is still open.
    fn full_xid(&self, xid: u32) -> i64;
}

/// A prepared transaction belongs to no session.
#[derive(Clone, Copy)]
pub struct Prepared {
    pub owner: Oid,
    pub database: Oid,
    pub prepared: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transaction {
    /// None for a background process.
    pub owner: Option<Oid>,
    pub database: Oid,
    /// Negative while no transaction id was assigned.
    pub xid: i64,
    /// None for a prepared transaction.
    pub pid: Option<i32>,
    /// Microseconds since 2000-01-01 UTC.
    pub start: Option<i64>,
}

/// A transaction whose locks are being collected.
struct Candidate {
    /// None as long as only a parallel worker of it, or an ended transaction of the same backend, was seen.
    known: Option<Known>,
    /// Oldest transaction id held: the top-level one.
    xid: Option<u32>,
}

struct Known {
    backend: i32,
    local: u32,
    process: Option<Process>,
}

/// What is known about the backend with one number.
#[derive(Clone, Copy)]
enum Slot {
    Unseen,
    /// Not in a transaction any more, or not for this reader.
    Ignored,
    Seen {
        /// Locks of any other local transaction belong to one that has ended. None for the startup process.
        local: Option<u32>,
        candidate: usize,
        /// None for a parallel worker: its leader tells.
        process: Option<Process>,
    },
}

pub struct Collector<'a, D: Directory> {
    directory: &'a D,
    rows_wanted: Rows,
    candidates: Vec<Candidate>,
    by_pid: HashMap<i32, usize>,
    by_backend: Vec<Slot>,
    by_prepared: HashMap<(i32, u32), usize>,
    rows: Vec<Row>,
}

impl<'a, D: Directory> Collector<'a, D> {
    /// `rows` is an empty list with room for what is to come; the collector takes no other large memory.
    pub fn new(directory: &'a D, rows_wanted: Rows, rows: Vec<Row>) -> Self {
        Collector {
            directory,
            rows_wanted,
            candidates: Vec::new(),
            by_pid: HashMap::new(),
            by_backend: Vec::new(),
            by_prepared: HashMap::new(),
            rows,
        }
    }

    pub fn add(&mut self, lock: &Lock) {
        let Some((candidate, worker)) = self.candidate(lock) else { return };
        for mode in ACCESS_SHARE..=ACCESS_EXCLUSIVE {
            if lock.held & 1 << mode == 0 {
                continue;
            }
            match lock.object {
                Object::Relation(relation) => self.rows.push(Row::new(candidate, true, Some(relation), mode)),
                Object::Transaction(xid) if mode == EXCLUSIVE && !worker => {
                    let oldest = &mut self.candidates[candidate].xid;
                    *oldest = Some(oldest.map_or(xid, |known| older(known, xid)));
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

    /// The transaction to which a lock belongs, and whether a parallel worker has it. None if it is not to be shown.
    fn candidate(&mut self, lock: &Lock) -> Option<(usize, bool)> {
        let (backend, local) = lock.holder;
        if lock.pid == 0 {
            let candidates = &mut self.candidates;
            memory::room_for_one(&mut self.by_prepared);
            let candidate = self.by_prepared.entry(lock.holder).or_insert_with(|| {
                memory::push(candidates, Candidate { known: Some(Known { backend, local, process: None }), xid: None });
                candidates.len() - 1
            });
            return Some((*candidate, false));
        }
        let index = usize::try_from(backend).ok()?;
        while index >= self.by_backend.len() {
            memory::push(&mut self.by_backend, Slot::Unseen);
        }
        if let Slot::Unseen = self.by_backend[index] {
            self.by_backend[index] = self.slot(backend, lock.pid).unwrap_or(Slot::Ignored);
        }
        match self.by_backend[index] {
            Slot::Seen { local: now, candidate, process } if now.is_none_or(|now| now == local) => {
                if let Some(process) = process {
                    let local = now.unwrap_or(0);
                    self.candidates[candidate].known.get_or_insert(Known { backend, local, process: Some(process) });
                }
                Some((candidate, process.is_none()))
            }
            _ => None,
        }
    }

    /// None if the backend is to be ignored.
    fn slot(&mut self, backend: i32, pid: i32) -> Option<Slot> {
        let process = self.directory.process(pid)?;
        let local = match (process.kind, self.directory.local_transaction(backend)) {
            (Kind::Startup, _) => None,
            (_, 0) => return None,
            (_, local) => Some(local),
        };
        let leader = match process.kind {
            Kind::Background => self.directory.leader_of(pid).filter(|leader| *leader != pid),
            _ => None,
        };
        // A worker is seen by those who see its leader.
        let owner = match leader {
            Some(leader) => self.directory.process(leader)?.owner(),
            None => process.owner(),
        };
        if !self.rows_wanted.include(owner) {
            return None;
        }
        let candidate = self.by_pid_or_new(leader.unwrap_or(pid));
        Some(Slot::Seen { local, candidate, process: leader.is_none().then_some(process) })
    }

    fn by_pid_or_new(&mut self, pid: i32) -> usize {
        let candidates = &mut self.candidates;
        memory::room_for_one(&mut self.by_pid);
        *self.by_pid.entry(pid).or_insert_with(|| {
            memory::push(candidates, Candidate { known: None, xid: None });
            candidates.len() - 1
        })
    }

    /// The open transactions and their rows, both in the order of Redshift's view.
    pub fn finish(mut self) -> (Vec<Transaction>, Vec<Row>) {
        let open = 0..self.candidates.len();
        let open = open.filter_map(|index| Some((index, self.transaction(&self.candidates[index])?)));
        let mut open: Vec<(usize, Transaction)> = memory::collect(open);
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
        (memory::collect(open.into_iter().map(|(_, transaction)| transaction)), self.rows)
    }

    fn transaction(&self, candidate: &Candidate) -> Option<Transaction> {
        let known = candidate.known.as_ref()?;
        let Some(process) = known.process else {
            let xid = candidate.xid?;
            let prepared = self.directory.prepared(xid)?;
            return self.rows_wanted.include(Some(prepared.owner)).then(|| Transaction {
                owner: Some(prepared.owner),
                database: prepared.database,
                xid: self.directory.full_xid(xid),
                pid: None,
                start: Some(prepared.prepared),
            });
        };
        Some(Transaction {
            owner: process.owner(),
            database: process.database,
            xid: match candidate.xid {
                Some(xid) => self.directory.full_xid(xid),
                None => unassigned_xid(known.backend, known.local),
            },
            pid: Some(process.pid),
            start: process.transaction_start,
        })
    }
}

/// Stands in for the id of a transaction that has none: negative, and another one for each transaction.
pub fn unassigned_xid(backend: i32, local: u32) -> i64 {
    -((i64::from(backend) << 32) + i64::from(local))
}

/// The 64-bit id of a transaction that is open: older than the next one, by less than 2^32.
pub fn full_xid(next: u64, xid: u32) -> i64 {
    let epoch = next >> 32;
    let epoch = if u64::from(xid) > next & 0xffff_ffff { epoch.wrapping_sub(1) } else { epoch };
    (epoch << 32 | u64::from(xid)) as i64
}

/// Transaction ids wrap around: compare as PostgreSQL's TransactionIdPrecedes does.
fn older(a: u32, b: u32) -> u32 {
    if (a.wrapping_sub(b) as i32) < 0 { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Oid = Oid::from_u32(101);
    const BOB: Oid = Oid::from_u32(102);
    const DEV: Oid = Oid::from_u32(5);
    const TABLE: u32 = 16_400;

    /// Backend n has pid 100 + n and is in its local transaction 10.
    struct Fake {
        processes: Vec<Process>,
        prepared: Vec<(u32, Prepared)>,
        leaders: Vec<(i32, i32)>,
    }

    impl Directory for Fake {
        fn process(&self, pid: i32) -> Option<Process> {
            self.processes.iter().find(|process| process.pid == pid).copied()
        }
        fn leader_of(&self, pid: i32) -> Option<i32> {
            self.leaders.iter().find(|(worker, _)| *worker == pid).map(|(_, leader)| *leader)
        }
        fn local_transaction(&self, backend: i32) -> u32 {
            if self.process(100 + backend).is_some() { 10 } else { 0 }
        }
        fn prepared(&self, xid: u32) -> Option<Prepared> {
            self.prepared.iter().find(|(known, _)| *known == xid).map(|(_, prepared)| *prepared)
        }
        fn full_xid(&self, xid: u32) -> i64 {
            (3 << 32) + i64::from(xid)
        }
    }

    fn process(backend: i32, kind: Kind, user: Oid, start: i64) -> Process {
        let start = Some(start).filter(|start| *start != 0);
        Process { pid: 100 + backend, kind, user, database: DEV, transaction_start: start }
    }

    fn fake() -> Fake {
        Fake {
            processes: vec![
                process(1, Kind::Client, ALICE, 2_000),
                process(2, Kind::Client, BOB, 1_000),
                process(3, Kind::Background, Oid::INVALID, 3_000),
                process(4, Kind::Background, ALICE, 2_500),
            ],
            prepared: vec![(900, Prepared { owner: BOB, database: DEV, prepared: 500 })],
            leaders: vec![(104, 101)],
        }
    }

    fn lock(backend: i32, held: &[i32], awaited: i32, object: Object) -> Lock {
        let held = held.iter().fold(0, |mask, mode| mask | 1 << mode);
        Lock { holder: (backend, 10), pid: 100 + backend, held, awaited, object }
    }

    fn own(backend: i32) -> Lock {
        lock(backend, &[EXCLUSIVE], 0, Object::OtherTransaction)
    }

    /// pid, xid, granted, relation, mode
    type Flat = (Option<i32>, i64, bool, Option<i32>, i32);

    fn rows(fake: &Fake, rows: Rows, locks: &[Lock]) -> Vec<Flat> {
        let mut collector = Collector::new(fake, rows, Vec::new());
        locks.iter().for_each(|lock| collector.add(lock));
        let (transactions, rows) = collector.finish();
        rows.iter()
            .map(|row| {
                let transaction = &transactions[row.transaction()];
                (transaction.pid, transaction.xid, row.granted(), row.relation(), row.mode())
            })
            .collect()
    }

    fn negative(backend: i64) -> i64 {
        -((backend << 32) + 10)
    }

    #[test]
    fn a_transaction_without_an_id_has_one_row_and_a_negative_number() {
        let rows = rows(&fake(), Rows::All, &[own(1)]);
        assert_eq!(rows, [(Some(101), negative(1), true, None, EXCLUSIVE)]);
    }

    #[test]
    fn savepoints_make_no_rows_and_the_oldest_id_is_the_transactions() {
        let ids = [u32::MAX - 1, 5, u32::MAX].map(|xid| lock(1, &[EXCLUSIVE], 0, Object::Transaction(xid)));
        let rows = rows(&fake(), Rows::All, &[&ids[..], &[own(1)]].concat());
        assert_eq!(rows, [(Some(101), (3 << 32) + i64::from(u32::MAX - 1), true, None, EXCLUSIVE)]);
    }

    #[test]
    fn every_mode_held_on_a_relation_is_a_row() {
        let rows = rows(&fake(), Rows::All, &[own(1), lock(1, &[1, 3], 0, Object::Relation(TABLE))]);
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
            let rows = rows(&fake(), Rows::All, &[own(1), lock(1, &[], 5, object)]);
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
        assert_eq!(rows(&fake(), Rows::All, &locks).len(), 1);
    }

    #[test]
    fn readers_see_their_own_and_background_processes_only_with_all() {
        let locks = [own(1), own(2), own(3)];
        let pids = |wanted| -> Vec<_> { rows(&fake(), wanted, &locks).iter().map(|row| row.0).collect() };
        assert_eq!(pids(Rows::All), [Some(102), Some(101), Some(103)]);
        assert_eq!(pids(Rows::OwnedBy(ALICE)), [Some(101)]);
        assert_eq!(pids(Rows::OwnedBy(Oid::INVALID)), []);
    }

    #[test]
    fn a_parallel_workers_locks_are_its_leaders_once() {
        let shared = [1, 4].map(|backend| lock(backend, &[1], 0, Object::Relation(TABLE)));
        let id = lock(4, &[EXCLUSIVE], 0, Object::Transaction(4));
        // Worker first: the lock table has no order.
        let expected =
            [(Some(101), negative(1), true, Some(TABLE as i32), 1), (Some(101), negative(1), true, None, EXCLUSIVE)];
        for wanted in [Rows::All, Rows::OwnedBy(ALICE)] {
            assert_eq!(rows(&fake(), wanted, &[shared[1], own(4), id, shared[0], own(1)]), expected);
        }
        assert_eq!(rows(&fake(), Rows::OwnedBy(BOB), &[shared[1], own(4), own(1)]), []);
    }

    #[test]
    fn a_worker_whose_leader_has_gone_has_no_rows() {
        assert_eq!(rows(&fake(), Rows::All, &[own(4), lock(4, &[1], 0, Object::Relation(TABLE))]), []);
    }

    #[test]
    fn what_ended_between_the_two_snapshots_is_dropped() {
        let ended = Lock { holder: (1, 9), ..lock(1, &[1], 0, Object::Relation(TABLE)) };
        let gone = Lock { pid: 150, ..lock(50, &[1], 0, Object::Relation(TABLE)) };
        assert_eq!(rows(&fake(), Rows::All, &[ended, gone, own(1)]).len(), 1);
        assert_eq!(rows(&fake(), Rows::All, &[ended, gone]), []);
    }

    #[test]
    fn prepared_transactions_have_no_pid_and_belong_to_their_owner() {
        let of_prepared = |lock: Lock| Lock { pid: 0, holder: (-1, 900), ..lock };
        let locks = [
            of_prepared(lock(0, &[EXCLUSIVE], 0, Object::Transaction(900))),
            of_prepared(lock(0, &[3], 0, Object::Relation(TABLE))),
        ];
        let xid = (3 << 32) + 900;
        let expected = [(None, xid, true, Some(TABLE as i32), 3), (None, xid, true, None, EXCLUSIVE)];
        assert_eq!(rows(&fake(), Rows::OwnedBy(BOB), &locks), expected);
        assert_eq!(rows(&fake(), Rows::All, &locks), expected);
        assert_eq!(rows(&fake(), Rows::OwnedBy(ALICE), &locks), []);
        let finished = Fake { prepared: Vec::new(), ..fake() };
        assert_eq!(rows(&finished, Rows::All, &locks), []);
    }

    #[test]
    fn a_standbys_startup_process_holds_locks_outside_of_transactions() {
        let mut fake = fake();
        fake.processes.push(process(6, Kind::Startup, Oid::INVALID, 0));
        let held = Lock { holder: (6, 0), ..lock(6, &[8], 0, Object::Relation(TABLE)) };
        let rows = rows(&fake, Rows::All, &[held, own(6)]);
        assert_eq!(rows.iter().map(|row| (row.0, row.4)).collect::<Vec<_>>(), [(Some(106), 8), (Some(106), 7)]);
    }
    #[test]
    fn an_open_transaction_is_of_this_epoch_or_the_one_before() {
        assert_eq!(full_xid(0x3_0000_0010, 0xf), 0x3_0000_000f);
        assert_eq!(full_xid(0x3_0000_0010, 0xffff_fff0), 0x2_ffff_fff0);
        assert_eq!(full_xid(750, 749), 749);
    }
}
