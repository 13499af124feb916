//! The rows behind stv_recents: what runs, and what has run.

use pgrx::pg_sys::{self, Oid};

use crate::activity::sessions;
use crate::logs;
use crate::logs::records::Finished;
use crate::pg::memory;
use crate::pg::privileges;
use crate::pg::processes;
use crate::pg::set_returning;
use crate::pg::text;

set_returning::function!(recents_wrapper, pg_finfo_recents_wrapper, put_rows);

fn put_rows(rows: &mut set_returning::Rows) {
    let wanted = privileges::readable_rows();
    // Sessions are read first: a statement goes from there to the history, and may be in both.
    let sessions = processes::sessions(wanted);
    let history = if logs::STATEMENT.is_on() { logs::STATEMENT.rows() } else { Vec::new() };
    let history = history.iter().map(Finished::decode);
    let history = history.filter(|(record, _)| wanted.include(Some(Oid::from(record.user))));
    // SAFETY: reads the clock.
    let now = unsafe { pg_sys::GetCurrentTimestamp() };
    let statements =
        sessions.iter().filter_map(|session| Some((session.process.pid, session.statement.as_ref()?.started)));
    let shown = memory::set(statements);
    for session in &sessions {
        let Some(statement) = &session.statement else { continue };
        rows.put([
            Some(session.process.user.into()),
            text::role_name(session.process.user),
            text::database_name(session.process.database),
            statement.ended.is_none().then(|| session.process.pid.into()),
            Some(statement.started.into()),
            Some(sessions::microseconds(statement.started, statement.ended.unwrap_or(now)).into()),
            Some(text::text(&statement.text)),
        ]);
    }
    for (record, text) in history.filter(|(record, _)| !shown.contains(&(record.pid, record.start))) {
        rows.put([
            Some(Oid::from(record.user).into()),
            text::role_name(Oid::from(record.user)),
            text::database_name(Oid::from(record.database)),
            None,
            Some(record.start.into()),
            Some(sessions::microseconds(record.start, record.end).into()),
            Some(text::foreign_text(text, record.encoding.into())),
        ]);
    }
}
