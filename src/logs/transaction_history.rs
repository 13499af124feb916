//! The rows behind sys_transaction_history and stl_undone: which transactions were committed, and
//! which were rolled back.

use pgrx::pg_sys::Oid;

use crate::logs;
use crate::logs::transaction_record::{Isolation, Transaction};
use crate::pg::privileges;
use crate::pg::set_returning;
use crate::pg::text;

set_returning::function!(sys_transaction_history_wrapper, pg_finfo_sys_transaction_history_wrapper, put_history);
set_returning::function!(stl_undone_wrapper, pg_finfo_stl_undone_wrapper, put_undone);

/// Redshift's, for a commit that never began: 2000-01-01, where PostgreSQL's count of time begins.
const NO_COMMIT: i64 = 0;
/// Redshift's, where nothing was undone.
const NOTHING_UNDONE: i64 = -1;

fn put_history(rows: &mut set_returning::Rows) {
    privileges::check_select(c"sys_transaction_history");
    for record in logs::TRANSACTION.read::<Transaction>() {
        let isolation = match record.isolation {
            Isolation::Serializable => c"Serializable",
            Isolation::RepeatableRead => c"Snapshot Isolation",
            Isolation::ReadCommitted => c"Read Committed",
        };
        let is_committed = record.commit_start.is_some();
        rows.put([
            Some((record.user as i32).into()),
            Some(record.xid.into()),
            Some(text::text(isolation)),
            Some(text::text(if is_committed { c"committed" } else { c"rolledback" })),
            Some(record.start.into()),
            Some(record.commit_start.unwrap_or(NO_COMMIT).into()),
            Some(record.end.into()),
            Some(if is_committed { NOTHING_UNDONE } else { record.xid }.into()),
        ]);
    }
}

fn put_undone(rows: &mut set_returning::Rows) {
    let wanted = privileges::readable_rows();
    let records = logs::TRANSACTION.read::<Transaction>().into_iter();
    for record in records.filter(|record| record.commit_start.is_none()) {
        if wanted.include(Some(Oid::from(record.user))) {
            rows.put([Some((record.user as i32).into()), Some(record.xid.into()), Some(record.end.into())]);
        }
    }
}
