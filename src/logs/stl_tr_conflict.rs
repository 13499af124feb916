//! The rows behind stl_tr_conflict: which transactions were rolled back because of a conflict with
//! another one.

use crate::logs;
use crate::logs::records::Conflict;
use crate::pg::privileges;
use crate::pg::set_returning;

set_returning::function!(stl_tr_conflict_wrapper, pg_finfo_stl_tr_conflict_wrapper, put_rows);

fn put_rows(rows: &mut set_returning::Rows) {
    privileges::check_select(c"stl_tr_conflict");
    let records = logs::CONFLICT.read::<Conflict>();
    for record in records {
        rows.put([
            Some(record.xid.into()),
            Some(i64::from(record.pid).into()),
            Some(record.start.into()),
            Some(record.abort.into()),
            Some(record.table).filter(|table| *table != 0).map(|table| i64::from(table).into()),
        ]);
    }
}
