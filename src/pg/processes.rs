//! Which processes the server has, and what its sessions do: PostgreSQL's table of sessions
//! (backend_status.c), copied.
//!
//! The table is read afresh each time: PostgreSQL would keep its copy until the transaction ends.
//! Each entry is consistent in itself; the entries are read one after the other.

use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Oid};

use crate::pg::compat;
use crate::pg::memory;
use crate::pg::memory::Roomy;
use crate::pg::xid;
use crate::policy::VisibleRows;

#[derive(Clone, Copy, PartialEq)]
pub enum ProcessKind {
    /// A client's session, replication connections included.
    Client,
    /// Autovacuum, parallel and other workers, auxiliary processes.
    Background,
}

/// What the table of sessions says about one process.
#[derive(Clone, Copy)]
pub struct Process {
    pub pid: i32,
    pub kind: ProcessKind,
    pub user: Oid,
    pub database: Oid,
    /// When its transaction began; means something only if it is in one. None with track_activities
    /// off.
    pub transaction_start: Option<pg_sys::TimestampTz>,
}

impl Process {
    pub fn owner(&self) -> Option<Oid> {
        (self.kind == ProcessKind::Client).then_some(self.user)
    }
}

pub fn processes() -> Vec<Process> {
    memory::collect(entries().map(|entry| process(&entry.backendStatus)))
}

/// A session, and its latest statement. Also a background process, when asked for.
pub struct Session {
    pub process: Process,
    pub started: pg_sys::TimestampTz,
    /// The numbers of the backend and of its local transaction, 0 for none.
    pub virtual_transaction: (i32, u32),
    /// The transaction's id, 0 if none is assigned yet.
    pub xid: u32,
    /// None before the first statement, and with track_activities off.
    pub statement: Option<Statement>,
}

impl Session {
    /// The transaction's id as svv_transactions shows it; `next` is the id of the next transaction.
    pub fn full_xid(&self, next: u64) -> Option<i64> {
        match (self.xid, self.virtual_transaction) {
            (0, (_, 0)) => None,
            (0, (backend, local)) => Some(xid::unassigned(backend, local)),
            (xid, _) => Some(xid::full(next, xid)),
        }
    }
}

pub struct Statement {
    pub text: CString,
    pub started: pg_sys::TimestampTz,
    /// None while it runs.
    pub ended: Option<pg_sys::TimestampTz>,
}

/// The clients' sessions that the reader may see. Of others, no more than a `Process` is read.
pub fn sessions(rows: VisibleRows) -> Vec<Session> {
    with_statements(rows, |kind| kind == ProcessKind::Client)
}

/// The same, with background processes for whoever sees everything.
pub fn sessions_and_background(rows: VisibleRows) -> Vec<Session> {
    with_statements(rows, |_| true)
}

fn with_statements(rows: VisibleRows, wanted: fn(ProcessKind) -> bool) -> Vec<Session> {
    let sessions = entries()
        .map(|entry| (entry, process(&entry.backendStatus)))
        .filter(|(_, process)| wanted(process.kind) && rows.include(process.owner()))
        .map(|(entry, process)| Session {
            process,
            started: entry.backendStatus.st_proc_start_timestamp,
            virtual_transaction: virtual_transaction(process.pid),
            xid: entry.backend_xid.into_inner(),
            statement: statement(&entry.backendStatus),
        });
    memory::collect(sessions)
}

fn entries() -> impl Iterator<Item = &'static pg_sys::LocalPgBackendStatus> {
    // PostgreSQL makes its copy in a memory context of its own; this one is for an error.
    let _room = Roomy::call();
    // SAFETY: the entries are in PostgreSQL's private copy. Callers copy what they need before
    // anybody can clear it.
    unsafe {
        pg_sys::pgstat_clear_backend_activity_snapshot();
        (1..=pg_sys::pgstat_fetch_stat_numbackends()).filter_map(|index| compat::local_backend_status(index).as_ref())
    }
}

fn process(status: &pg_sys::PgBackendStatus) -> Process {
    Process {
        pid: status.st_procpid,
        kind: kind(status.st_backendType),
        user: status.st_userid,
        database: status.st_databaseid,
        transaction_start: transaction_start(status),
    }
}

/// The start of the transaction, or what comes closest. A transaction is visible before its start
/// is, and the start of one that began with track_activities off never is. Then the start of the
/// statement stands in: a transaction begins with a statement, whose start is known by then. The
/// first transaction of a session, which logs in, has no statement: the session's start stands in.
fn transaction_start(status: &pg_sys::PgBackendStatus) -> Option<pg_sys::TimestampTz> {
    if status.st_state == pg_sys::BackendState::STATE_DISABLED {
        return None;
    }
    let starts = [status.st_xact_start_timestamp, status.st_activity_start_timestamp, status.st_proc_start_timestamp];
    starts.into_iter().find(|start| *start != 0)
}

fn statement(status: &pg_sys::PgBackendStatus) -> Option<Statement> {
    use pg_sys::BackendState::*;
    let ended = match status.st_state {
        STATE_RUNNING => None,
        STATE_IDLE | STATE_IDLEINTRANSACTION | STATE_IDLEINTRANSACTION_ABORTED => Some(status.st_state_start_timestamp),
        // STATE_FASTPATH among them: the text is that of the statement before.
        _ => return None,
    };
    let _room = Roomy::call();
    // SAFETY: a string in PostgreSQL's private copy; the clipped one lives until the next
    // `Roomy::call`.
    let text = unsafe { CStr::from_ptr(pg_sys::pgstat_clip_activity(status.st_activity_raw)) };
    let started = status.st_activity_start_timestamp;
    (started != 0 && !text.is_empty()).then(|| Statement { text: memory::c_string(text), started, ended })
}

fn virtual_transaction(pid: i32) -> (i32, u32) {
    // SAFETY: NULL, or an entry of the process array, which lives as long as the server; fields are
    // copied.
    unsafe { pg_sys::BackendPidGetProc(pid).as_ref() }.map_or((0, 0), compat::virtual_transaction_of)
}

fn kind(backend_type: pg_sys::BackendType::Type) -> ProcessKind {
    match backend_type {
        pg_sys::BackendType::B_BACKEND | pg_sys::BackendType::B_WAL_SENDER => ProcessKind::Client,
        _ => ProcessKind::Background,
    }
}
