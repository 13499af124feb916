//! Notes which statements this session runs and has finished, for stv_recents, sys_query_history
//! and their like.
//!
//! A statement is what a client sends at once, as in pg_stat_activity. Queries inside functions,
//! triggers and cursors belong to it: they have another text. Its row is written when its first
//! query or command has ended, because then its text is still there. PostgreSQL tells nobody that a
//! statement is over. So the row is changed whenever the statement may be over: when another of its
//! queries has ended, with its transaction, and with an error.
//!
//! Called for each query: nothing here looks anything up, allocates or waits.

use std::cell::Cell;
use std::ffi::c_char;
use std::sync::atomic::AtomicU64;

use pgrx::pg_sys;
use pgrx::prelude::PgSqlErrorCode;

use crate::clients::query_group;
use crate::logs;
use crate::logs::query_ids;
use crate::logs::statement_record::{Class, DEFAULT_LABEL, Finished, Kind, Lengths, Outcome};
use crate::pg::backend_local::BackendLocal;
use crate::pg::compat;
use crate::pg::raw;
use crate::pg::secret_errors;
use crate::pg::xid;
use crate::shmem::packed_text;
use crate::shmem::ring::Place;
use crate::shmem::seqlock::store;

/// What this session runs, or ran last. Of what its row shows, here is what changes between two
/// statements.
struct Last {
    /// 0 for no statement.
    start: Cell<i64>,
    number: Cell<i32>,
    kind: Cell<Kind>,
    outcome: Cell<Outcome>,
    xid: Cell<i64>,
    rows: Cell<u64>,
    lengths: Cell<Lengths>,
    /// One of its queries is running: those that begin meanwhile are inside that one.
    runs: Cell<bool>,
    written: Cell<bool>,
    /// Where its row is. None once it has been overwritten.
    place: Cell<Option<Place>>,
    virtual_transaction: Cell<(i32, u32)>,
}

/// Begins as zeros, and so lies in the page that each session writes to anyway.
static LAST: BackendLocal<Last> = BackendLocal::new(Last {
    start: Cell::new(0),
    number: Cell::new(0),
    kind: Cell::new(Kind::Unknown),
    outcome: Cell::new(Outcome::Success),
    xid: Cell::new(0),
    rows: Cell::new(0),
    lengths: Cell::new(Lengths { text: 0, label: 0, error: 0 }),
    runs: Cell::new(false),
    written: Cell::new(false),
    place: Cell::new(None),
    virtual_transaction: Cell::new((0, 0)),
});

/// How many changes of a row are kept for the end of the transaction, and for an error: a message
/// may have any number of queries.
const LAST_CHANGES: u64 = 8;

/// A query or command of this text is about to run, in the statement that began at `start`. True if
/// it is to be noted and is not inside another one: then `end` must be called after it.
///
/// # Safety
/// `text` is NULL or a string.
pub unsafe fn begin(start: i64, text: *const c_char, kind: impl FnOnce() -> Kind) -> bool {
    // SAFETY: reads this process's own memory. What PostgreSQL evaluates while it plans, and what a
    // commit runs, is not noted.
    let is_clients = || unsafe {
        let clients = pg_sys::debug_query_string;
        raw::runs_portal()
            && !clients.is_null()
            && !text.is_null()
            && (text == clients || raw::strcmp(text, clients) == 0)
    };
    if !logs::STATEMENT.is_on() || !is_clients() {
        return false;
    }
    remember(start);
    if LAST.start.get() == 0 || LAST.runs.replace(true) {
        return false;
    }
    LAST.kind.set(LAST.kind.get().or(kind()));
    if !hears_of_errors() && !LAST.written.get() {
        write(None); // later its text is gone
    }
    true
}

/// Are errors written to the server's log? In log_min_messages LOG ranks above them, see
/// is_log_level_output in elog.c.
fn hears_of_errors() -> bool {
    // SAFETY: reads this process's own memory.
    let least = unsafe { *compat::log_min_messages() };
    least <= pg_sys::PGERROR as i32 && least != pg_sys::LOG as i32
}

/// The outermost query or command is over, and has returned so many rows.
pub fn end(rows: u64) {
    LAST.runs.set(false);
    LAST.rows.set(LAST.rows.get() + rows);
    if LAST.place.get().is_none_or(|place| place.changes_left() > LAST_CHANGES) {
        write(None);
    }
}

/// A transaction has ended, and perhaps the statement with it. `xid` is 0 if it wrote nothing.
pub fn transaction_ended(aborted: bool, xid: i64) {
    // Of a statement that is not written, or goes on, nobody has to be told.
    if !LAST.written.get() && !LAST.runs.get() {
        return;
    }
    // SAFETY: reads this process's own memory.
    let (forgotten, exits) = unsafe { (pg_sys::debug_query_string.is_null(), pg_sys::proc_exit_inprogress) };
    let runs = LAST.runs.get();
    if exits && !runs {
        return; // what it ran last is over
    }
    // PostgreSQL forgets the text of a statement that failed before it rolls back. Else ROLLBACK
    // was what the statement said, perhaps inside of DO or CALL.
    let failed = aborted && (forgotten || exits);
    if failed {
        LAST.runs.set(false);
    }
    // SAFETY: reads this process's own memory.
    if !LAST.written.get() || LAST.start.get() != unsafe { raw::GetCurrentStatementStartTimestamp() } {
        return;
    }
    if failed && LAST.outcome.get() == Outcome::Success {
        // An error that log_min_messages kept from us.
        LAST.outcome.set(Outcome::Failed);
        write(None);
    } else if !LAST.runs.get() && (LAST.kind.get().class() != Class::Query || xid != 0) {
        // A query that wrote nothing is over when it has run.
        write(None);
    }
}

/// An error is about to be reported: a statement has ended, perhaps before any of its queries could
/// begin.
pub fn failed(error: &pg_sys::ErrorData) {
    // SAFETY: reads this process's own memory. A session may end while it runs nothing.
    let ends_a_statement = error.elevel == pg_sys::PGERROR as i32
        || error.elevel == pg_sys::FATAL as i32 && unsafe { !pg_sys::debug_query_string.is_null() };
    if !logs::STATEMENT.is_on() || !ends_a_statement {
        return;
    }
    if is_between_statements() {
        LAST.start.set(0); // nor has the end of its transaction to do with it
        return;
    }
    // SAFETY: reads this process's own memory.
    remember(unsafe { raw::GetCurrentStatementStartTimestamp() });
    LAST.runs.set(false);
    if LAST.start.get() != 0 {
        let canceled = error.sqlerrcode == PgSqlErrorCode::ERRCODE_QUERY_CANCELED as i32;
        LAST.outcome.set(if canceled { Outcome::Canceled } else { Outcome::Failed });
        // SAFETY: NULL or strings, which live as long as the error; and the client's text.
        let message = unsafe {
            let statements = [raw::bytes(pg_sys::debug_query_string), raw::bytes(error.internalquery)];
            let (message, id) = (raw::bytes(error.message), raw::bytes(error.message_id));
            secret_errors::kept(cut(message, Finished::ERROR_BYTES), id, statements)
        };
        LAST.lengths.set(Lengths { error: message.len() as u16, ..LAST.lengths.get() });
        write(Some(message));
    }
}

/// Is the client's last statement over? Its timeout may yet come, and fails what the client sends
/// next. The transaction of a single statement ends with Sync, which has no text: it may fail then.
fn is_between_statements() -> bool {
    // SAFETY: reads this process's own memory.
    unsafe { pg_sys::debug_query_string.is_null() && (!raw::IsTransactionState() || raw::IsTransactionBlock()) }
}

/// The session ends.
pub fn leave() {
    if LAST.runs.replace(false) {
        LAST.outcome.set(Outcome::Failed);
        write(None);
    }
}

/// If a new statement has begun, at `start`, makes it the last one.
fn remember(start: i64) {
    if start == LAST.start.get() {
        return;
    }
    LAST.runs.set(false);
    LAST.written.set(false);
    LAST.place.set(None);
    // SAFETY: reads this process's own memory.
    unsafe {
        // Workers have no client. With track_activities off, no statement is kept.
        if pg_sys::MyProcPort.is_null() || !pg_sys::pgstat_track_activities || pg_sys::debug_query_string.is_null() {
            LAST.start.set(0);
            return;
        }
        LAST.virtual_transaction.set(pg_sys::MyProc.as_ref().map_or((0, 0), compat::virtual_transaction_of));
    }
    LAST.start.set(start);
    LAST.number.set(query_ids::own(start));
    LAST.kind.set(Kind::Unknown);
    LAST.outcome.set(Outcome::Success);
    LAST.xid.set(0);
    LAST.rows.set(0);
    LAST.lengths.set(Lengths::NONE);
}

/// Writes the row, or changes what is known by now of the row that was written. The statement ends
/// now, as far as is known.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
fn write(error: Option<&[u8]>) {
    let xid = transaction();
    if xid != 0 {
        LAST.xid.set(xid);
    }
    let end = now();
    if LAST.written.get() {
        if let Some(place) = LAST.place.get() {
            LAST.place.set(logs::STATEMENT.change(place, |words| put(words, end, error)));
        }
        return;
    }
    // SAFETY: NULL, or the client's text.
    let text = cut(unsafe { raw::bytes(pg_sys::debug_query_string) }, Finished::TEXT_BYTES);
    let label = query_group::own().map(|label| cut(label, Finished::LABEL_BYTES));
    LAST.lengths.set(Lengths {
        text: text.len() as u16,
        label: label.map_or(DEFAULT_LABEL, |label| label.len() as u16),
        ..LAST.lengths.get()
    });
    LAST.place.set(logs::STATEMENT.fill(|words| {
        put(words, end, error);
        packed_text::store(&words[Finished::TEXT..Finished::LABEL], text);
        packed_text::store(&words[Finished::LABEL..Finished::ERROR], label.unwrap_or_default());
    }));
    LAST.written.set(true);
}

/// Stores all of the row but its text and its label.
#[inline(always)]
fn put(words: &[AtomicU64; Finished::WORDS], end: i64, error: Option<&[u8]>) {
    // SAFETY: reads this process's own memory.
    let (pid, user, database, encoding) = unsafe {
        let user = pg_sys::MyProc.as_ref().map_or(0, |process| process.roleId.to_u32());
        (pg_sys::MyProcPid, user, pg_sys::MyDatabaseId.to_u32(), raw::GetDatabaseEncoding() as u8)
    };
    let row = Finished {
        number: LAST.number.get(),
        pid,
        start: LAST.start.get(),
        end,
        user,
        database,
        xid: LAST.xid.get(),
        rows: LAST.rows.get(),
        encoding,
        outcome: LAST.outcome.get(),
        kind: LAST.kind.get(),
        lengths: LAST.lengths.get(),
    };
    store(words, &row.encode());
    if let Some(error) = error {
        packed_text::store(&words[Finished::ERROR..], error);
    }
}

/// The transaction's id, as svv_transactions shows it.
fn transaction() -> i64 {
    // SAFETY: reads this process's own memory.
    match unsafe { raw::GetTopFullTransactionIdIfAny() }.value {
        0 => match LAST.virtual_transaction.get() {
            (_, 0) => 0,
            (backend, local) => xid::unassigned(backend, local),
        },
        xid => xid as i64,
    }
}

/// The text, cut between two characters if it is longer than that.
fn cut(text: &[u8], longest: usize) -> &[u8] {
    if text.len() <= longest {
        return text;
    }
    // SAFETY: reads no more than the text.
    let length = unsafe { raw::pg_mbcliplen(text.as_ptr().cast(), text.len() as i32, longest as i32) };
    &text[..length as usize]
}

fn now() -> i64 {
    // SAFETY: reads the clock.
    unsafe { raw::GetCurrentTimestamp() }
}

/// # Safety
/// `query` is that of ExecutorRun.
pub unsafe fn kind_of_query(query: *const pg_sys::QueryDesc) -> Kind {
    use pg_sys::CmdType::*;
    // SAFETY: promised by the caller.
    match unsafe { (*query).operation } {
        CMD_SELECT => Kind::Select,
        CMD_INSERT => Kind::Insert,
        CMD_UPDATE => Kind::Update,
        CMD_DELETE => Kind::Delete,
        compat::CMD_MERGE => Kind::Merge,
        _ => Kind::Unknown,
    }
}

/// The rows that a query has returned.
///
/// # Safety
/// `query` is that of ExecutorRun, which is over.
pub unsafe fn returned_by_query(query: *const pg_sys::QueryDesc) -> u64 {
    // SAFETY: promised by the caller.
    unsafe {
        let returns = (*query).operation == pg_sys::CmdType::CMD_SELECT || (*(*query).plannedstmt).hasReturning;
        if returns { (*(*query).estate).es_processed } else { 0 }
    }
}

/// # Safety
/// `statement` is that of ProcessUtility.
pub unsafe fn kind_of_command(statement: *const pg_sys::PlannedStmt) -> Kind {
    // SAFETY: promised by the caller; a node is of the type that it says.
    unsafe {
        let command = (*statement).utilityStmt;
        match (*command).type_ {
            pg_sys::NodeTag::T_TransactionStmt => Kind::Utility, // the most frequent one
            pg_sys::NodeTag::T_CopyStmt => Kind::Copy,
            pg_sys::NodeTag::T_CreateTableAsStmt
                if (*command.cast::<pg_sys::CreateTableAsStmt>()).objtype == pg_sys::ObjectType::OBJECT_TABLE =>
            {
                Kind::CreateTableAs
            }
            _ if raw::GetCommandLogLevel(command) == pg_sys::LogStmtLevel::LOGSTMT_DDL => Kind::Ddl,
            _ => Kind::Utility,
        }
    }
}

/// The rows that a command has returned: FETCH, or EXECUTE of a SELECT.
///
/// # Safety
/// `completion` is that of ProcessUtility, which is over.
pub unsafe fn returned_by_command(kind: Kind, completion: *const pg_sys::QueryCompletion) -> u64 {
    use pg_sys::CommandTag::{CMDTAG_FETCH, CMDTAG_SELECT};
    // SAFETY: promised by the caller; it may be NULL.
    match unsafe { completion.as_ref() } {
        Some(completion) if kind == Kind::Utility && [CMDTAG_FETCH, CMDTAG_SELECT].contains(&completion.commandTag) => {
            completion.nprocessed
        }
        _ => 0,
    }
}
