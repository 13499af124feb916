//! Which transactions were rolled back for a conflict with another? The rows behind stl_tr_conflict.

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum};

use crate::logs;
use crate::logs::records::Conflict;
use crate::pg::privileges;
use crate::pg::set_returning;

set_returning::function!(stl_tr_conflict_wrapper, pg_finfo_stl_tr_conflict_wrapper);

/// # Safety
/// Called by PostgreSQL's function manager.
#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn stl_tr_conflict_wrapper(fcinfo: pg_sys::FunctionCallInfo) -> Datum {
    // SAFETY: the function manager gives a valid call.
    let mut rows = unsafe { set_returning::materialize(fcinfo) };
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
    Datum::from(0)
}
