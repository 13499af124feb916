//! How does svv_transactions answer? Snapshots of locks and processes, rows, and a tuplestore filled with them.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::ptr;

use once_cell::sync::Lazy;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum, Oid};

use crate::backend::{self, Process};
use crate::compat::{self, raw};
use crate::locks::{self, Lock};
use crate::row::{Row, SHAPES};
use crate::transactions::{Collector, Directory, Prepared, Transaction};
use crate::{error, prepared, set_returning};

/// Redshift's name for its internal user, which published scripts filter out.
const INTERNAL_USER: &CStr = c"rdsdb";
const COLUMNS: usize = 9;
const RELATION: usize = 7;

/// Names of the lock modes by number, from 1: the same in every server.
static LOCK_MODES: Lazy<Vec<CString>> = Lazy::new(|| {
    // SAFETY: gives a constant string for each mode of the default lock method.
    let name = |mode| unsafe { CStr::from_ptr(pg_sys::GetLockmodeName(1, mode)) };
    (1..=8).map(|mode| name(mode).to_owned()).collect()
});

#[unsafe(no_mangle)]
extern "C" fn pg_finfo_svv_transactions_wrapper() -> &'static pg_sys::Pg_finfo_record {
    const V1_API: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &V1_API
}

/// # Safety
/// Called by PostgreSQL's function manager.
#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn svv_transactions_wrapper(fcinfo: pg_sys::FunctionCallInfo) -> Datum {
    // SAFETY: the function manager gives a valid call.
    let (store, descriptor) = unsafe { set_returning::materialize(fcinfo) };
    let (transactions, rows) = rows();
    let columns: Vec<Columns> = transactions.iter().map(Columns::of).collect();
    // SAFETY: both live as long as the query; rows refer to transactions by index.
    unsafe { write(store, descriptor, &columns, &rows) };
    Datum::from(0)
}

fn rows() -> (Vec<Transaction>, Vec<Row>) {
    let mut context = pgrx::PgMemoryContexts::new("redshift_sessions snapshot");
    // SAFETY: the copy of the lock table is all that is left in the context, and not kept.
    unsafe { context.switch_to(|_| collect(locks::Snapshot::take())) }
}

fn collect(locks: locks::Snapshot) -> (Vec<Transaction>, Vec<Row>) {
    let directory = Snapshots::take();
    let mut rows = Vec::new();
    if rows.try_reserve_exact(locks.iter().map(most_rows).sum()).is_err() {
        error::out_of_memory().raise();
    }
    let mut collector = Collector::new(&directory, backend::readable_rows(), rows);
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
            processes: backend::processes().into_iter().map(|process| (process.pid, process)).collect(),
            // SAFETY: reads one number under its lock.
            next_xid: unsafe { pg_sys::ReadNextFullTransactionId() }.value,
            prepared: OnceCell::new(),
        }
    }
}

impl Directory for Snapshots {
    fn process(&self, pid: i32) -> Option<Process> {
        self.processes.get(&pid).copied()
    }

    fn leader_of(&self, pid: i32) -> Option<i32> {
        backend::leader_of(pid)
    }

    fn local_transaction(&self, backend: i32) -> u32 {
        // SAFETY: NULL or an entry of the process array; one field is copied.
        unsafe { raw::backend_by_number(backend).as_ref() }.map_or(0, compat::local_transaction)
    }

    fn prepared(&self, xid: u32) -> Option<Prepared> {
        self.prepared.get_or_init(prepared::transactions).get(&xid).copied()
    }

    fn full_xid(&self, xid: u32) -> i64 {
        full_xid(self.next_xid, xid)
    }
}

/// A transaction that is open is older than the next one, by less than 2^32.
fn full_xid(next: u64, xid: u32) -> i64 {
    let epoch = next >> 32;
    let epoch = if u64::from(xid) > next & 0xffff_ffff { epoch.wrapping_sub(1) } else { epoch };
    (epoch << 32 | u64::from(xid)) as i64
}

/// What all rows of one transaction share, ready to be put into them. NULL where there is none.
struct Columns {
    owner: Option<Datum>,
    database: Option<Datum>,
    xid: i64,
    pid: Option<i32>,
    start: Option<i64>,
}

impl Columns {
    fn of(transaction: &Transaction) -> Self {
        Columns {
            owner: match transaction.owner {
                Some(user) => role_name(user),
                None => Some(text(INTERNAL_USER)),
            },
            database: database_name(transaction.database),
            xid: transaction.xid,
            pid: transaction.pid,
            start: transaction.start,
        }
    }

    fn fill(&self, row: Row, values: &mut [Datum; COLUMNS], nulls: &mut [bool; COLUMNS], words: &Words) {
        let columns = [
            self.owner,
            self.database,
            Some(self.xid.into()),
            self.pid.map(Datum::from),
            self.start.map(Datum::from),
            Some(words.modes[row.mode() as usize - 1]),
            Some(if row.relation().is_some() { words.relation } else { words.transactionid }),
            row.relation().map(Datum::from),
            Some(row.granted().into()),
        ];
        for (index, column) in columns.into_iter().enumerate() {
            nulls[index] = column.is_none();
            values[index] = column.unwrap_or(Datum::from(0));
        }
    }
}

/// The texts of a row that do not depend on its transaction.
struct Words {
    modes: [Datum; 8],
    relation: Datum,
    transactionid: Datum,
}

impl Words {
    fn new() -> Self {
        Words {
            modes: std::array::from_fn(|index| text(&LOCK_MODES[index])),
            relation: text(c"relation"),
            transactionid: text(c"transactionid"),
        }
    }
}

/// One tuple is formed for each transaction and shape of row; the others copy it and differ in the relation only.
///
/// # Safety
/// `descriptor` is that of svv_transactions, and rows refer to `transactions` by index.
unsafe fn write(
    store: *mut pg_sys::Tuplestorestate,
    descriptor: pg_sys::TupleDesc,
    transactions: &[Columns],
    rows: &[Row],
) {
    let words = Words::new();
    let (mut values, mut nulls) = ([Datum::from(0); COLUMNS], [false; COLUMNS]);
    let mut templates: [pg_sys::HeapTuple; SHAPES] = [ptr::null_mut(); SHAPES];
    let mut current = usize::MAX;
    // SAFETY: one guard for the whole loop. Nothing inside has a destructor and nothing panics: indexes are those of
    // `finish`. Templates are left to the memory context of the call.
    unsafe {
        pg_sys::ffi::pg_guard_ffi_boundary(|| {
            for row in rows {
                if pg_sys::InterruptPending != 0 {
                    raw::ProcessInterrupts();
                }
                if row.transaction() != current {
                    current = row.transaction();
                    templates = [ptr::null_mut(); SHAPES];
                }
                let template = &mut templates[row.shape()];
                if template.is_null() {
                    transactions[current].fill(*row, &mut values, &mut nulls, &words);
                    *template = raw::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
                } else if let Some(relation) = row.relation() {
                    set_relation(*template, relation);
                }
                raw::tuplestore_puttuple(store, *template);
            }
        });
    }
}

/// The last two columns are relation and granted, four bytes and one, never NULL in a row with a relation: no padding
/// can stand between them or behind.
///
/// # Safety
/// The tuple is a row of svv_transactions with a relation.
unsafe fn set_relation(tuple: pg_sys::HeapTuple, relation: i32) {
    const FROM_END: usize = size_of::<i32>() + size_of::<bool>();
    const { assert!(RELATION == COLUMNS - 2) };
    // SAFETY: see above; the tuple was formed by us and nobody else has it.
    unsafe {
        let data = (*tuple).t_data.cast::<u8>().add((*tuple).t_len as usize - FROM_END);
        data.cast::<i32>().write_unaligned(relation);
    }
}

fn role_name(user: Oid) -> Option<Datum> {
    // SAFETY: gives NULL for a role that was dropped.
    unsafe { c_string(pg_sys::GetUserNameFromId(user, true)) }
}

fn database_name(database: Oid) -> Option<Datum> {
    // SAFETY: gives NULL for a database that does not exist.
    unsafe { c_string(pg_sys::get_database_name(database)) }
}

/// # Safety
/// NULL or a string of PostgreSQL.
unsafe fn c_string(name: *const std::ffi::c_char) -> Option<Datum> {
    // SAFETY: promised by the caller.
    (!name.is_null()).then(|| text(unsafe { CStr::from_ptr(name) }))
}

fn text(string: &CStr) -> Datum {
    // SAFETY: copies the string into the current memory context, which is that of the call.
    unsafe { Datum::from(pg_sys::cstring_to_text(string.as_ptr())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_transaction_is_of_this_epoch_or_the_one_before() {
        assert_eq!(full_xid(0x3_0000_0010, 0xf), 0x3_0000_000f);
        assert_eq!(full_xid(0x3_0000_0010, 0xffff_fff0), 0x2_ffff_fff0);
        assert_eq!(full_xid(750, 749), 749);
    }
}
