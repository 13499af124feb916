//! The rows behind stv_locks, for those who may read that view: who writes to which table, or waits
//! to.

use pgrx::pg_sys::Datum;

use crate::pg::locks::Only;
use crate::pg::privileges;
use crate::pg::set_returning;
use crate::pg::text;
use crate::policy::VisibleRows;
use crate::transactions::snapshot;

/// RowExclusiveLock, which INSERT, UPDATE and DELETE take. Weaker locks are readers'.
const WEAKEST_WRITE: i32 = 3;

set_returning::function!(stv_locks_wrapper, pg_finfo_stv_locks_wrapper, put_rows);

fn put_rows(rows: &mut set_returning::Rows) {
    privileges::check_select(c"stv_locks");
    let (transactions, locks) = snapshot::open_transactions(VisibleRows::All, Only::default());
    let mut last = None;
    for lock in locks {
        let Some(relation) = lock.relation().filter(|_| lock.mode() >= WEAKEST_WRITE) else { continue };
        // Rows that differ only in the mode are neighbours; they make one row here.
        let key = Some((lock.transaction(), lock.granted(), relation));
        if key == last {
            continue;
        }
        last = key;
        let transaction = &transactions[lock.transaction()];
        rows.put([
            Some(i64::from(relation as u32).into()),
            Some(transaction.database.into()),
            Some(transaction.xid.into()),
            transaction.pid.map(|pid| i64::from(pid).into()),
            transaction.start.map(Datum::from),
            Some(text::text(if lock.granted() { c"Holding write lock" } else { c"Waiting for write lock" })),
        ]);
    }
}
