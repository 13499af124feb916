//! The function behind svv_transactions, and the columns of its rows, which the custom scan uses
//! too.

use std::ffi::CStr;

use pgrx::pg_sys::Datum;

use crate::pg::locks::{self, Only};
use crate::pg::memory;
use crate::pg::privileges;
use crate::pg::set_returning;
use crate::pg::text;
use crate::transactions::collector::Transaction;
use crate::transactions::packed_row::Row;
use crate::transactions::snapshot;

/// Redshift's name for its internal user. Published scripts filter it out.
pub const INTERNAL_USER: &CStr = c"rdsdb";
pub const COLUMNS: usize = 9;

set_returning::function!(svv_transactions_wrapper, pg_finfo_svv_transactions_wrapper, put_rows);

fn put_rows(target: &mut set_returning::Rows) {
    let (transactions, rows) = snapshot::open_transactions(privileges::readable_rows(), Only::default());
    let (transactions, words) = (memory::collect(transactions.iter().map(Columns::of)), Words::new());
    for row in rows {
        pgrx::check_for_interrupts!();
        target.put_and_keep(transactions[row.transaction()].with(row, &words));
    }
}

/// What all rows of one transaction share, ready to be put into them. None is NULL.
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

    pub fn with(&self, row: Row, words: &Words) -> [Option<Datum>; COLUMNS] {
        [
            self.owner,
            self.database,
            Some(self.xid.into()),
            self.pid.map(Datum::from),
            self.start.map(Datum::from),
            Some(words.modes[row.mode() as usize - 1]),
            Some(if row.relation().is_some() { words.relation } else { words.transactionid }),
            row.relation().map(Datum::from),
            Some(row.granted().into()),
        ]
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
            modes: std::array::from_fn(|index| text::text(locks::mode_name(index as i32 + 1))),
            relation: text::text(c"relation"),
            transactionid: text::text(c"transactionid"),
        }
    }
}
