//! Which transactions are open now, and what do they hold? Snapshots of locks and processes, put together.

use std::cell::OnceCell;
use std::collections::HashMap;

use pgrx::pg_sys;

use crate::compat::{self, raw};
use crate::locks::{self, Lock, Only};
use crate::policy::Rows;
use crate::process::{self, Process};
use crate::row::Row;
use crate::transactions::{self, Collector, Directory, Prepared, Transaction};
use crate::{error, memory, prepared};

/// In the order of svv_transactions. All that the reader may see, or perhaps no more than `only`.
pub fn open_transactions(wanted: Rows, only: Only) -> (Vec<Transaction>, Vec<Row>) {
    let mut context = pgrx::PgMemoryContexts::new("redshift_sessions snapshot");
    // SAFETY: the copy of the lock table is all that is left in the context, and not kept.
    unsafe { context.switch_to(|_| collect(locks::Snapshot::take(wanted, only), wanted)) }
}

/// The id that the next transaction will get.
pub fn next_xid() -> u64 {
    // SAFETY: reads one number under its lock.
    unsafe { pg_sys::ReadNextFullTransactionId() }.value
}

fn collect(locks: locks::Snapshot, wanted: Rows) -> (Vec<Transaction>, Vec<Row>) {
    let directory = Snapshots::take();
    let mut rows = Vec::new();
    if rows.try_reserve_exact(locks.iter().map(most_rows).sum()).is_err() {
        error::out_of_memory().raise();
    }
    let mut collector = Collector::new(&directory, wanted, rows);
    locks.iter().for_each(|lock| collector.add(&lock));
    collector.finish()
}

/// A row for each mode, and one for the transaction, which has at least one lock.
fn most_rows(lock: Lock) -> usize {
    lock.held.count_ones() as usize + usize::from(lock.awaited != 0) + 1
}

struct Snapshots {
    processes: HashMap<i32, Process>,
    next_xid: u64,
    /// Asked for by few servers only.
    prepared: OnceCell<HashMap<u32, Prepared>>,
}

impl Snapshots {
    fn take() -> Self {
        Snapshots {
            processes: memory::map(process::processes().into_iter().map(|process| (process.pid, process))),
            next_xid: next_xid(),
            prepared: OnceCell::new(),
        }
    }
}

impl Directory for Snapshots {
    fn process(&self, pid: i32) -> Option<Process> {
        self.processes.get(&pid).copied()
    }

    fn leader_of(&self, pid: i32) -> Option<i32> {
        process::leader_of(pid)
    }

    fn local_transaction(&self, backend: i32) -> u32 {
        // SAFETY: NULL or an entry of the process array; one field is copied.
        unsafe { raw::backend_by_number(backend).as_ref() }
            .map_or(0, |process| compat::virtual_transaction_of(process).1)
    }

    fn prepared(&self, xid: u32) -> Option<Prepared> {
        self.prepared.get_or_init(prepared::transactions).get(&xid).copied()
    }

    fn full_xid(&self, xid: u32) -> i64 {
        transactions::full_xid(self.next_xid, xid)
    }
}
