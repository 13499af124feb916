//! The rows behind redshift_sessions.logs(): for each log that is on, how many rows fit, how many
//! were written, and how many of those were dropped.

use crate::logs::{self, Log};
use crate::pg::set_returning;
use crate::pg::text;

set_returning::function!(logs_wrapper, pg_finfo_logs_wrapper, put_rows);

fn put_rows(rows: &mut set_returning::Rows) {
    put(rows, &logs::TERMINATE);
    put(rows, &logs::CONFLICT);
    put(rows, &logs::CONNECTION);
    put(rows, &logs::ENDED);
    put(rows, &logs::USER);
    put(rows, &logs::TRANSACTION);
    put(rows, &logs::STATEMENT);
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
