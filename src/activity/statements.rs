//! The rows behind stv_recents, sys_query_history, stl_query and their like: what runs, and what
//! has run.

use pgrx::pg_sys::{self, Oid};

use crate::activity::sessions;
use crate::logs;
use crate::logs::query_ids;
use crate::logs::records::{Class, Finished, Kind, Outcome, Texts};
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
    sessions: Vec<Session>,
    history: Vec<(Finished, Texts)>,
}

impl Statements {
    fn read(wanted: VisibleRows) -> Self {
        // Sessions are read first: a statement goes from there to the history, and may be in both.
        let mut sessions = processes::sessions(wanted);
        let mut history = logs::STATEMENT.read_if_on(Finished::decode);
        history.retain(|(record, _)| wanted.include(Some(Oid::from(record.user))));
        let running = memory::set(sessions.iter().filter_map(|session| match &session.statement {
            Some(statement) if statement.ended.is_none() => Some((session.process.pid, statement.started)),
            _ => None,
        }));
        history.retain(|(record, _)| !running.contains(&(record.pid, record.start)));
        let finished = memory::set(history.iter().map(|(record, _)| (record.pid, record.start)));
        sessions.retain(|session| {
            let started = session.statement.as_ref().map(|statement| statement.started);
            started.is_some_and(|started| !finished.contains(&(session.process.pid, started)))
        });
        Statements { sessions, history }
    }

    fn live(&self) -> impl Iterator<Item = (&Session, &Statement)> {
        self.sessions.iter().filter_map(|session| Some((session, session.statement.as_ref()?)))
    }
}

fn put_recents(rows: &mut set_returning::Rows) {
    let statements = Statements::read(privileges::readable_rows());
    // SAFETY: reads the clock.
    let now = unsafe { pg_sys::GetCurrentTimestamp() };
    for (session, statement) in statements.live() {
        rows.put([
            Some(session.process.user.into()),
            text::role_name(session.process.user),
            text::database_name(session.process.database),
            statement.ended.is_none().then(|| session.process.pid.into()),
            Some(statement.started.into()),
            Some(sessions::microseconds(statement.started, statement.ended.unwrap_or(now)).into()),
            Some(sessions::statement_text(statement)),
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
            Some(text::foreign_text(secrets::hide(&texts.text).into_owned(), record.encoding.into())),
        ]);
    }
}

fn put_statements(rows: &mut set_returning::Rows) {
    let statements = Statements::read(privileges::readable_rows());
    let next_xid = xid::next();
    for (session, statement) in statements.live() {
        let process = &session.process;
        rows.put([
            Some(query_ids::of(process.pid, statement.started).into()),
            Some(process.user.into()),
            text::database_name(process.database),
            Some(process.pid.into()),
            // What it ran is over, and so may be its transaction.
            session.full_xid(next_xid).filter(|_| statement.ended.is_none()).map(pg_sys::Datum::from),
            Some(sessions::label(process.pid)),
            Some(statement.started.into()),
            statement.ended.map(|ended| ended.into()),
            Some(text::text(if statement.ended.is_none() { c"running" } else { c"success" })),
            None,
            None,
            None,
            None,
            Some(sessions::statement_text(statement)),
        ]);
    }
    for (record, texts) in statements.history {
        let foreign = |bytes: Vec<u8>| text::foreign_text(bytes, record.encoding.into());
        let (class, kind) = (class(record.kind.class()), kind(record.kind));
        let label =
            if texts.label.is_empty() { crate::clients::query_group::DEFAULT.to_bytes().into() } else { texts.label };
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
            class.map(text::text),
            Some(text::text(kind)),
            (!texts.error.is_empty()).then(|| foreign(texts.error)),
            Some((record.rows as i64).into()),
            Some(foreign(secrets::hide(&texts.text).into_owned())),
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
