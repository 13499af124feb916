//! The rows behind stv_sessions, stv_inflight and svv_query_inflight: who is connected, what runs.

use pgrx::pg_sys::{self, Datum, Oid};

use crate::clients::query_group;
use crate::logs::query_ids;
use crate::pg::privileges;
use crate::pg::processes;
use crate::pg::processes::Statement;
use crate::pg::secrets;
use crate::pg::set_returning;
use crate::pg::text;
use crate::pg::xid;

set_returning::function!(sessions_wrapper, pg_finfo_sessions_wrapper, put_rows);

fn put_rows(rows: &mut set_returning::Rows) {
    let next_xid = xid::next();
    // SAFETY: reads the clock.
    let now = unsafe { pg_sys::GetCurrentTimestamp() };
    for session in processes::sessions(privileges::readable_rows()) {
        let statement = session.statement.as_ref();
        let number = statement.and_then(|statement| query_ids::of(session.process.pid, statement.started));
        rows.put([
            Some(session.process.pid.into()),
            Some(session.process.user.into()),
            text::role_name(session.process.user),
            Some(session.process.database.into()),
            text::database_name(session.process.database),
            Some(session.started.into()),
            session.full_xid(next_xid).map(Datum::from),
            number.map(Datum::from),
            // One that is no longer its session's last has ended since the sessions were read.
            statement.map(|statement| (statement.ended.is_none() && number.is_some()).into()),
            statement.map(|statement| statement.started.into()),
            statement.map(|statement| duration(statement, now).into()),
            statement.map(|statement| statement_text(statement, session.process.database)),
            Some(label(session.process.pid)),
        ]);
    }
}

/// The text of a live statement, without passwords.
pub fn statement_text(statement: &Statement, database: Oid) -> Datum {
    text::text_in(&secrets::hide(statement.text.to_bytes()), database)
}

pub fn label(pid: i32) -> Datum {
    let (label, encoding) = query_group::label(pid);
    text::foreign_text(label.to_bytes(), encoding)
}

fn duration(statement: &Statement, now: i64) -> i32 {
    microseconds(statement.started, statement.ended.unwrap_or(now))
}

/// From `start` to `end`, clamped to what an i32 holds; never negative.
pub fn microseconds(start: i64, end: i64) -> i32 {
    end.saturating_sub(start).clamp(0, i32::MAX.into()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(started: i64, ended: Option<i64>) -> Statement {
        Statement { text: c"select 1".into(), started, ended }
    }

    #[test]
    fn durations_are_clamped() {
        assert_eq!(duration(&statement(100, None), 350), 250);
        assert_eq!(duration(&statement(100, Some(120)), 350), 20);
        assert_eq!(duration(&statement(400, None), 350), 0);
        assert_eq!(duration(&statement(0, None), i64::MAX), i32::MAX);
    }
}
