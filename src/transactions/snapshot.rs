//! Reads which transactions are open now and what they hold, from snapshots of locks and processes.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::error;
use crate::gucs;
use crate::pg::locks::{self, Only};
use crate::pg::memory::{self, Scratch};
use crate::pg::prepared::{self, Prepared};
use crate::pg::processes::{self, Process};
use crate::pg::xid;
use crate::policy::VisibleRows;
use crate::transactions::collector::{Collector, Directory, Transaction};
use crate::transactions::packed_row::Row;

/// All that the reader may see, in the order of svv_transactions; perhaps no more of it than `only`
/// asks for.
pub fn open_transactions(wanted: VisibleRows, only: Only) -> (Vec<Transaction>, Vec<Row>) {
    read(wanted, only, false).or_else(|| read(wanted, only, true)).unwrap_or_default()
}

/// None if it must be read again, frozen; see `collector.rs`.
fn read(wanted: VisibleRows, only: Only, frozen: bool) -> Option<(Vec<Transaction>, Vec<Row>)> {
    let context = Scratch::new(c"redshift_sessions snapshot");
    let mut processes = HashMap::new();
    let mut look = || processes = by_pid(processes::processes());
    let locks = locks::Snapshot::take(&context, gucs::lock_source(), wanted, only, frozen, &mut look);
    collect(&locks, Snapshots { processes, next_xid: xid::next(), prepared: OnceCell::new(), frozen }, wanted)
}

/// The same from a copy that has been taken already: `processes` were read after it. A transaction
/// that others wait for is shown as it was then, even if it has gone on since.
pub fn open_in(
    locks: &locks::Snapshot,
    processes: impl Iterator<Item = Process>,
    wanted: VisibleRows,
) -> (Vec<Transaction>, Vec<Row>) {
    let processes = memory::map(processes.map(|process| (process.pid, process)));
    let directory = Snapshots { processes, next_xid: xid::next(), prepared: OnceCell::new(), frozen: true };
    collect(locks, directory, wanted).unwrap_or_default()
}

fn collect(locks: &locks::Snapshot, directory: Snapshots, wanted: VisibleRows) -> Option<(Vec<Transaction>, Vec<Row>)> {
    let mut rows = Vec::new();
    if rows.try_reserve_exact(most_rows(locks)).is_err() {
        error::too_many_locks().raise();
    }
    let mut collector = Collector::new(&directory, wanted, rows);
    for (holder, range) in locks.holders() {
        let in_the_way = || locks.locks(range.clone()).any(|lock| lock.is_in_the_way());
        let Some(owner) = collector.owner(holder, in_the_way) else { continue };
        for (number, lock) in locks.locks(range).enumerate() {
            if number % LOCKS_BETWEEN_INTERRUPTS == 0 {
                pgrx::check_for_interrupts!();
            }
            collector.add(owner, lock);
        }
    }
    pgrx::check_for_interrupts!();
    let found = collector.finish();
    pgrx::check_for_interrupts!();
    found
}

/// A few hundred microseconds of work.
const LOCKS_BETWEEN_INTERRUPTS: usize = 16 * 1024;

/// A row for each mode and one for each transaction, which has at least one holder.
fn most_rows(locks: &locks::Snapshot) -> usize {
    let of_locks =
        |range| locks.locks(range).map(|lock| lock.held.count_ones() as usize + usize::from(lock.awaited != 0));
    locks.holders().map(|(_, range)| 1 + of_locks(range).sum::<usize>()).sum()
}

fn by_pid(processes: Vec<Process>) -> HashMap<i32, Process> {
    memory::map(processes.into_iter().map(|process| (process.pid, process)))
}

struct Snapshots {
    processes: HashMap<i32, Process>,
    next_xid: u64,
    /// Read only when it is asked for: few servers have prepared transactions.
    prepared: OnceCell<HashMap<u32, Prepared>>,
    frozen: bool,
}

impl Directory for Snapshots {
    fn process(&self, pid: i32) -> Option<Process> {
        self.processes.get(&pid).copied()
    }

    fn prepared(&self, xid: u32) -> Option<Prepared> {
        self.prepared.get_or_init(prepared::transactions).get(&xid).copied()
    }

    fn full_xid(&self, xid: u32) -> i64 {
        xid::full(self.next_xid, xid)
    }

    fn is_frozen(&self) -> bool {
        self.frozen
    }
}
