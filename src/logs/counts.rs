//! How full are the logs, and what was dropped? One row for each log that is on.

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum};

use crate::logs::{self, Log};
use crate::pg::set_returning;
use crate::pg::text;

set_returning::function!(logs_wrapper, pg_finfo_logs_wrapper);

/// # Safety
/// Called by PostgreSQL's function manager.
#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn logs_wrapper(fcinfo: pg_sys::FunctionCallInfo) -> Datum {
    // SAFETY: the function manager gives a valid call.
    let mut rows = unsafe { set_returning::materialize(fcinfo) };
    put(&mut rows, &logs::TERMINATE);
    put(&mut rows, &logs::CONFLICT);
    put(&mut rows, &logs::CONNECTION);
    put(&mut rows, &logs::ENDED);
    put(&mut rows, &logs::STATEMENT);
    Datum::from(0)
}

fn put<const WORDS: usize>(rows: &mut set_returning::Rows, log: &Log<WORDS>) {
    if log.is_on() {
        let ring = log.ring();
        let counts = ring.counts();
        let view = std::ffi::CString::new(log.view).unwrap_or_default();
        rows.put([
            Some(text::text(&view)),
            Some((ring.size() as i64).into()),
            Some((counts.written as i64).into()),
            Some((counts.dropped as i64).into()),
        ]);
    }
}
