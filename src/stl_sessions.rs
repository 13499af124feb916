//! Which sessions have ended, and how? The rows behind stl_sessions and sys_session_history.

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum, Oid};

use crate::logs;
use crate::record::Ended;
use crate::{backend, names, set_returning, words};

set_returning::function!(ended_sessions_wrapper, pg_finfo_ended_sessions_wrapper);

/// # Safety
/// Called by PostgreSQL's function manager.
#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn ended_sessions_wrapper(fcinfo: pg_sys::FunctionCallInfo) -> Datum {
    let wanted = backend::readable_rows();
    let records = logs::ENDED.read::<Ended>();
    // SAFETY: the function manager gives a valid call.
    let mut rows = unsafe { set_returning::materialize(fcinfo) };
    for record in records.into_iter().filter(|record| wanted.include(Some(Oid::from(record.user)))) {
        rows.put([
            Some(record.pid.into()),
            Some(Oid::from(record.user).into()),
            Some(names::text(&words::unpack(&record.user_name))),
            Some(Oid::from(record.database).into()),
            Some(names::text(&words::unpack(&record.database_name))),
            Some(record.start.into()),
            Some(record.end.into()),
            Some((record.how as i32).into()),
        ]);
    }
    Datum::from(0)
}
