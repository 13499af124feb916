//! How does svv_transactions answer? A snapshot, its rows, and a tuplestore filled with them.

use std::ffi::{CStr, CString};
use std::ptr;

use once_cell::sync::Lazy;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum};

use crate::pg::locks::Only;
use crate::pg::memory;
use crate::pg::privileges;
use crate::pg::raw;
use crate::pg::set_returning;
use crate::pg::text;
use crate::transactions::collector::Transaction;
use crate::transactions::packed_row::{Row, SHAPES};
use crate::transactions::snapshot;

/// Redshift's name for its internal user, which published scripts filter out.
const INTERNAL_USER: &CStr = c"rdsdb";
pub const COLUMNS: usize = 9;
const RELATION: usize = 7;

/// Names of the lock modes by number, from 1: the same in every server.
static LOCK_MODES: Lazy<Vec<CString>> = Lazy::new(|| {
    // SAFETY: gives a constant string for each mode of the default lock method.
    let name = |mode| unsafe { CStr::from_ptr(pg_sys::GetLockmodeName(1, mode)) };
    (1..=8).map(|mode| name(mode).to_owned()).collect()
});

set_returning::function!(svv_transactions_wrapper, pg_finfo_svv_transactions_wrapper);

/// # Safety
/// Called by PostgreSQL's function manager.
#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn svv_transactions_wrapper(fcinfo: pg_sys::FunctionCallInfo) -> Datum {
    // SAFETY: the function manager gives a valid call.
    let target = unsafe { set_returning::materialize(fcinfo) };
    let (transactions, rows) = snapshot::open_transactions(privileges::readable_rows(), Only::default());
    let columns = memory::collect(transactions.iter().map(Columns::of));
    // SAFETY: both live as long as the query; rows refer to transactions by index.
    unsafe { write(&target, &columns, &rows) };
    Datum::from(0)
}

/// What all rows of one transaction share, ready to be put into them. NULL where there is none.
pub struct Columns {
    owner: Option<Datum>,
    database: Option<Datum>,
    xid: i64,
    pid: Option<i32>,
    start: Option<i64>,
}

impl Columns {
    pub fn of(transaction: &Transaction) -> Self {
        Columns {
            owner: match transaction.owner {
                Some(user) => text::role_name(user),
                None => Some(text::text(INTERNAL_USER)),
            },
            database: text::database_name(transaction.database),
            xid: transaction.xid,
            pid: transaction.pid,
            start: transaction.start,
        }
    }

    pub fn fill(&self, row: Row, values: &mut [Datum; COLUMNS], nulls: &mut [bool; COLUMNS], words: &Words) {
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
pub struct Words {
    modes: [Datum; 8],
    relation: Datum,
    transactionid: Datum,
}

impl Words {
    pub fn new() -> Self {
        Words {
            modes: std::array::from_fn(|index| text::text(&LOCK_MODES[index])),
            relation: text::text(c"relation"),
            transactionid: text::text(c"transactionid"),
        }
    }
}

/// One tuple is formed for each transaction and shape of row; the others copy it and differ in the relation only.
///
/// # Safety
/// The target is that of svv_transactions, and rows refer to `transactions` by index.
unsafe fn write(target: &set_returning::Rows, transactions: &[Columns], rows: &[Row]) {
    let words = Words::new();
    let (mut values, mut nulls) = ([Datum::from(0); COLUMNS], [false; COLUMNS]);
    let mut templates: [pg_sys::HeapTuple; SHAPES] = [ptr::null_mut(); SHAPES];
    let mut current = usize::MAX;
    let tuples = memory::Scratch::new(c"redshift_sessions tuples");
    let (tuples, room) = (tuples.context(), target.room());
    // SAFETY: one guard for the whole loop. Nothing inside has a destructor and nothing panics: indexes are those of
    // `finish`. Templates are left to the memory context of the call.
    unsafe {
        pg_sys::ffi::pg_guard_ffi_boundary(|| {
            pg_sys::CurrentMemoryContext = tuples;
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
                    *template = raw::heap_form_tuple(target.descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
                } else if let Some(relation) = row.relation() {
                    set_relation(*template, relation);
                }
                raw::tuplestore_puttuple(target.store, *template);
            }
            pg_sys::CurrentMemoryContext = room;
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
