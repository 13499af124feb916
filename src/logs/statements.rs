//! Which statements has this session finished? The writer of the history behind stv_recents.
//!
//! A statement is what a client sends at once, as pg_stat_activity has it; queries inside of functions belong to it. PostgreSQL
//! tells nobody that a statement is over, so its end is noted whenever it may be over, and the row is written when the next one
//! begins, or the session ends. Until then it is the session's last one, which everybody sees in the table of sessions.
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
    /// A query of it is being run: those that begin meanwhile are inside of that one.
    runs: Cell<bool>,
    encoding: Cell<u8>,
    /// Bytes of its text, which is in the row, behind the words that are filled in at its end.
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

/// A query or command is about to run. True if it is inside of no other one: then `end` is to be called after it.
pub fn begin() -> bool {
    // SAFETY: reads this process's own memory. What PostgreSQL evaluates while it plans runs outside of a portal.
    if !logs::STATEMENT.is_on() || unsafe { pg_sys::ActivePortal.is_null() } {
        return false;
    }
    remember();
    LAST.start.get() != 0 && !LAST.runs.replace(true)
}

/// Outside of a transaction block the transaction ends next, and with it the statement.
pub fn end() {
    LAST.runs.set(false);
    // SAFETY: reads this process's own memory.
    if unsafe { raw::IsTransactionBlock() } {
        note_end();
    }
}

/// A transaction has ended, and perhaps the statement.
pub fn transaction_ended(aborted: bool) {
    // SAFETY: reads this process's own memory.
    if LAST.start.get() != 0 && LAST.start.get() == unsafe { raw::GetCurrentStatementStartTimestamp() } {
        note_end();
    }
    if aborted {
        LAST.runs.set(false);
    }
}

/// An error goes to the client: a statement has ended, perhaps before any query of it could begin.
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

/// Writes the statement before, if another one has begun, and takes a copy of that: its text goes before it ends.
fn remember() {
    // SAFETY: read this process's own memory. The text is the client's, or NULL.
    unsafe {
        let start = raw::GetCurrentStatementStartTimestamp();
        if start == LAST.start.get() {
            return;
        }
        write(start);
        // Workers have no client. Whoever may not be watched is not kept.
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

/// `next` is when the next one began: the latest that this one can have ended.
fn write(next: i64) {
    let start = LAST.start.replace(0);
    let end = LAST.end.replace(0);
    LAST.runs.set(false);
    if start == 0 {
        return;
    }
    // SAFETY: read this process's own memory, of which nobody else has a part.
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
