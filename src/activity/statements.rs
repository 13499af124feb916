//! The rows behind stv_recents, sys_query_history, stl_query and their like: what runs, and what
//! has run.

use pgrx::pg_sys::{self, Oid};

use crate::activity::sessions;
use crate::clients::query_group;
use crate::logs;
use crate::logs::query_ids;
use crate::logs::statement_record::{Class, DEFAULT_LABEL, Finished, Kind, Outcome, Texts};
use crate::pg::memory;
use crate::pg::privileges;
use crate::pg::processes::{self, Session, Statement};
use crate::pg::secrets;
use crate::pg::set_returning;
use crate::pg::text;
use crate::pg::xid;
use crate::policy::VisibleRows;

set_returning::function!(recents_wrapper, pg_finfo_recents_wrapper, put_recents);
set_returning::function!(statements_wrapper, pg_finfo_statements_wrapper, put_statements);

/// What runs, and what the sessions ran last, if it is not in the history; then the history.
struct Statements {
    sessions: Vec<(Session, i32)>,
    history: Vec<(Finished, Texts)>,
}

impl Statements {
    fn read(wanted: VisibleRows) -> Self {
        // Sessions are read first: a statement goes from there to the history, and may be in both.
        // SAFETY: reads the clock.
        let seen = unsafe { pg_sys::GetCurrentTimestamp() };
        let sessions = processes::sessions(wanted).into_iter().filter_map(|session| {
            // One without a number has ended since then, and is in the history.
            let number = query_ids::of(session.process.pid, session.statement.as_ref()?.started)?;
            Some((session, number))
        });
        let mut sessions = memory::collect(sessions);
        let key = |session: &Session| Some((session.process.pid, session.statement.as_ref()?.started));
        let running = |session: &Session| session.statement.as_ref().is_some_and(|statement| statement.ended.is_none());
        let running = memory::set(sessions.iter().filter(|(session, _)| running(session)).filter_map(|(s, _)| key(s)));
        let history = logs::STATEMENT.read_if_on(|words| {
            let record = Finished::decode(words);
            // What began after the sessions were read may still run.
            let shown = wanted.include(Some(Oid::from(record.user)))
                && record.start <= seen
                && !running.contains(&(record.pid, record.start));
            shown.then(|| (record, record.texts(words, memory::bytes)))
        });
        let finished = memory::set(history.iter().map(|(record, _)| (record.pid, record.start)));
        sessions.retain(|(session, _)| key(session).is_some_and(|key| !finished.contains(&key)));
        Statements { sessions, history }
    }

    fn live(&self) -> impl Iterator<Item = (&Session, &Statement, i32)> {
        self.sessions.iter().filter_map(|(session, number)| Some((session, session.statement.as_ref()?, *number)))
    }
}

fn put_recents(rows: &mut set_returning::Rows) {
    let statements = Statements::read(privileges::readable_rows());
    // SAFETY: reads the clock.
    let now = unsafe { pg_sys::GetCurrentTimestamp() };
    for (session, statement, _) in statements.live() {
        rows.put([
            Some(session.process.user.into()),
            text::role_name(session.process.user),
            text::database_name(session.process.database),
            statement.ended.is_none().then(|| session.process.pid.into()),
            Some(statement.started.into()),
            Some(sessions::microseconds(statement.started, statement.ended.unwrap_or(now)).into()),
            Some(sessions::statement_text(statement, session.process.database)),
        ]);
    }
    for (record, texts) in &statements.history {
        rows.put([
            Some(Oid::from(record.user).into()),
            text::role_name(Oid::from(record.user)),
            text::database_name(Oid::from(record.database)),
            None,
            Some(record.start.into()),
            Some(sessions::microseconds(record.start, record.end).into()),
            Some(text::foreign_text(&secrets::hide(texts.text()), record.encoding.into())),
        ]);
    }
}

fn put_statements(rows: &mut set_returning::Rows) {
    let statements = Statements::read(privileges::readable_rows());
    let next_xid = xid::next();
    for (session, statement, number) in statements.live() {
        let process = &session.process;
        rows.put([
            Some(number.into()),
            Some(process.user.into()),
            text::database_name(process.database),
            Some(process.pid.into()),
            // What it ran is over, and so may be its transaction.
            session.full_xid(next_xid).filter(|_| statement.ended.is_none()).map(pg_sys::Datum::from),
            Some(sessions::label(process.pid)),
            Some(statement.started.into()),
            statement.ended.map(|ended| ended.into()),
            // How it ended is known from the history only.
            statement.ended.is_none().then(|| text::text(c"running")),
            None,
            None,
            None,
            None,
            Some(sessions::statement_text(statement, process.database)),
        ]);
    }
    for (record, texts) in &statements.history {
        let foreign = |bytes: &[u8]| text::foreign_text(bytes, record.encoding.into());
        let label = if record.lengths.label == DEFAULT_LABEL { query_group::DEFAULT.to_bytes() } else { texts.label() };
        let error = secrets::hide(texts.error());
        rows.put([
            Some(record.number.into()),
            Some(Oid::from(record.user).into()),
            text::database_name(Oid::from(record.database)),
            Some(record.pid.into()),
            (record.xid != 0).then(|| record.xid.into()),
            Some(foreign(label)),
            Some(record.start.into()),
            Some(record.end.max(record.start).into()),
            Some(text::text(match record.outcome {
                Outcome::Success => c"success",
                Outcome::Failed => c"failed",
                Outcome::Canceled => c"canceled",
            })),
            class(record.kind.class()).map(text::text),
            Some(text::text(kind(record.kind))),
            (!error.is_empty()).then(|| foreign(&error)),
            Some((record.rows as i64).into()),
            Some(foreign(&secrets::hide(texts.text()))),
        ]);
    }
}

fn class(class: Class) -> Option<&'static std::ffi::CStr> {
    match class {
        Class::Unknown => None,
        Class::Utility => Some(c"UTILITY"),
        Class::Ddl => Some(c"DDL"),
        Class::Query => Some(c"QUERY"),
    }
}

/// The query types of sys_query_history.
fn kind(kind: Kind) -> &'static std::ffi::CStr {
    match kind {
        Kind::Unknown => c"OTHER",
        Kind::Utility => c"UTILITY",
        Kind::Copy => c"COPY",
        Kind::Ddl => c"DDL",
        Kind::CreateTableAs => c"CTAS",
        Kind::Select => c"SELECT",
        Kind::Insert => c"INSERT",
        Kind::Update => c"UPDATE",
        Kind::Delete => c"DELETE",
        Kind::Merge => c"MERGE",
    }
}
