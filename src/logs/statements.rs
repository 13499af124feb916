//! Notes which statements this session has finished, for the history behind stv_recents.
//!
//! A statement is what a client sends at once, as in pg_stat_activity; queries inside functions
//! belong to it. PostgreSQL tells nobody that a statement is over. So its end is noted whenever it
//! may be over, and its row is written when the next statement begins or the session ends. Until
//! then it is the session's last statement, which everybody sees in the table of sessions.
//!
//! Called for each query: nothing here looks anything up, allocates or waits.

use std::cell::Cell;
use std::ffi::CStr;

use pgrx::pg_sys;

use crate::logs;
use crate::logs::records::{Finished, STATEMENT_BYTES, STATEMENT_WORDS};
use crate::pg::backend_local::BackendLocal;
use crate::pg::raw;
use crate::shmem::packed_text;

/// What this session runs, or ran last.
struct Last {
    /// 0 for none.
    start: Cell<i64>,
    /// 0 while it is not known.
    end: Cell<i64>,
    /// One of its queries is running: those that begin meanwhile are inside that one.
    runs: Cell<bool>,
    encoding: Cell<u8>,
    /// Bytes of its text. The text is in `row`, after the words that are filled in when the
    /// statement ends.
    length: Cell<u16>,
    row: Cell<[u64; STATEMENT_WORDS]>,
}

static LAST: BackendLocal<Last> = BackendLocal::new(Last {
    start: Cell::new(0),
    end: Cell::new(0),
    runs: Cell::new(false),
    encoding: Cell::new(0),
    length: Cell::new(0),
    row: Cell::new([0; STATEMENT_WORDS]),
});

/// A query or command is about to run. True if it is to be noted and is not inside another one:
/// then `end` must be called after it.
pub fn begin() -> bool {
    // SAFETY: reads this process's own memory. What PostgreSQL evaluates while it plans runs
    // outside any portal, and is not noted.
    if !logs::STATEMENT.is_on() || unsafe { pg_sys::ActivePortal.is_null() } {
        return false;
    }
    remember();
    LAST.start.get() != 0 && !LAST.runs.replace(true)
}

/// The outermost query or command is over. Only inside a transaction block is this noted as the
/// statement's end: outside, the transaction ends next, and with it the statement.
pub fn end() {
    LAST.runs.set(false);
    // SAFETY: reads this process's own memory.
    if unsafe { raw::IsTransactionBlock() } {
        note_end();
    }
}

/// A transaction has ended, and perhaps the statement with it.
pub fn transaction_ended(aborted: bool) {
    // SAFETY: reads this process's own memory.
    if LAST.start.get() != 0 && LAST.start.get() == unsafe { raw::GetCurrentStatementStartTimestamp() } {
        note_end();
    }
    if aborted {
        LAST.runs.set(false);
    }
}

/// An error is about to be reported: a statement has ended, perhaps before any of its queries could
/// begin.
pub fn failed() {
    if logs::STATEMENT.is_on() {
        remember();
        note_end();
        LAST.runs.set(false);
    }
}

/// The session ends.
pub fn leave() {
    if LAST.runs.get() {
        note_end();
    }
    // SAFETY: reads the clock.
    write(unsafe { raw::GetCurrentTimestamp() });
}

/// If a new statement has begun, writes the one before and copies the new one, whose text is gone
/// before it ends.
fn remember() {
    // SAFETY: reads this process's own memory; nobody else refers to the row. The text is the
    // client's, or NULL.
    unsafe {
        let start = raw::GetCurrentStatementStartTimestamp();
        if start == LAST.start.get() {
            return;
        }
        write(start);
        // Workers have no client. With track_activities off, no statement is kept.
        if pg_sys::MyProcPort.is_null() || !pg_sys::pgstat_track_activities || pg_sys::debug_query_string.is_null() {
            return;
        }
        let text = CStr::from_ptr(pg_sys::debug_query_string).to_bytes();
        let length = match text.len() {
            length if length <= STATEMENT_BYTES => length,
            _ => raw::pg_mbcliplen(text.as_ptr().cast(), text.len() as i32, STATEMENT_BYTES as i32) as usize,
        };
        packed_text::pack_into(&mut (&mut *LAST.row.as_ptr())[Finished::WORDS..], &text[..length]);
        LAST.length.set(length as u16);
        LAST.encoding.set(raw::GetDatabaseEncoding() as u8);
        LAST.start.set(start);
    }
}

fn note_end() {
    // SAFETY: reads the clock.
    LAST.end.set(unsafe { raw::GetCurrentTimestamp() });
}

/// `next` is when the next statement began or the session ended: the latest time at which this one
/// can have ended.
fn write(next: i64) {
    let start = LAST.start.replace(0);
    let end = LAST.end.replace(0);
    LAST.runs.set(false);
    if start == 0 {
        return;
    }
    // SAFETY: reads this process's own memory; nobody else refers to the row.
    unsafe {
        let finished = Finished {
            pid: pg_sys::MyProcPid,
            start,
            end: if end == 0 { next } else { end },
            user: pg_sys::MyProc.as_ref().map_or(0, |process| process.roleId.to_u32()),
            database: pg_sys::MyDatabaseId.to_u32(),
            encoding: LAST.encoding.get(),
            length: LAST.length.get(),
        };
        let row = &mut *LAST.row.as_ptr();
        row[..Finished::WORDS].copy_from_slice(&finished.encode());
        let words = Finished::WORDS + usize::from(finished.length).div_ceil(8);
        logs::STATEMENT.write_words(&row[..words]);
    }
}
