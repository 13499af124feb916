//! Which table is a conflict about? That which the innermost running query changes or locks, or that of the lock it waited for.
//!
//! PostgreSQL's errors do not name it. A query that changes or locks rows of one table waits for rows of that one only; a wait for the
//! lock on a table itself is in the detail of a deadlock.

use std::cell::Cell;
use std::ffi::{CStr, c_char};

use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::PgSqlErrorCode;

use crate::source::{self, Awaited};

/// The one table of the innermost running query, 0 for none or more. A backend has one thread.
struct Target(Cell<u32>);

// SAFETY: read and written by the only thread.
unsafe impl Sync for Target {}

static TARGET: Target = Target(Cell::new(0));

/// A query is about to run. Gives what `leave` takes when it is over; an error calls `forget` instead.
///
/// # Safety
/// `query` is that of ExecutorRun.
pub unsafe fn enter(query: *const pg_sys::QueryDesc) -> u32 {
    // SAFETY: promised by the caller.
    TARGET.0.replace(unsafe { single_table((*query).plannedstmt) })
}

/// A command is about to run: one that changes or locks rows does so in queries of its own.
pub fn enter_command() -> u32 {
    TARGET.0.replace(0)
}

pub fn leave(before: u32) {
    TARGET.0.set(before);
}

/// A transaction or subtransaction was rolled back, and with it queries that did not `leave`.
pub fn forget() {
    TARGET.0.set(0);
}

/// # Safety
/// The plan is that of a query that runs.
unsafe fn single_table(plan: *const pg_sys::PlannedStmt) -> u32 {
    // SAFETY: promised by the caller; PostgreSQL's lists hold what their names say.
    unsafe {
        let (results, marks, tables) = ((*plan).resultRelations, (*plan).rowMarks, (*plan).rtable);
        let of = |index: i32| match nth(tables, index as usize - 1) {
            Some(cell) => (*cell.ptr_value.cast::<pg_sys::RangeTblEntry>()).relid,
            None => Oid::INVALID,
        };
        let mut found = Oid::INVALID;
        let mut index = 0;
        while let Some(cell) = nth(results, index) {
            let table = of(cell.int_value);
            if found != Oid::INVALID && found != table {
                return 0;
            }
            (found, index) = (table, index + 1);
        }
        index = 0;
        while let Some(cell) = nth(marks, index) {
            let mark = cell.ptr_value.cast::<pg_sys::PlanRowMark>();
            index += 1;
            if (*mark).isParent || (*mark).markType > pg_sys::RowMarkType::ROW_MARK_KEYSHARE {
                continue;
            }
            let table = of((*mark).rti as i32);
            if found != Oid::INVALID && found != table {
                return 0;
            }
            found = table;
        }
        found.to_u32()
    }
}

/// # Safety
/// NULL or a list.
unsafe fn nth(list: *const pg_sys::List, index: usize) -> Option<pg_sys::ListCell> {
    // SAFETY: promised by the caller.
    unsafe { (!list.is_null() && index < (*list).length as usize).then(|| *(*list).elements.add(index)) }
}

/// The table that a deadlock or a serialization failure is about, 0 if it is not known.
///
/// # Safety
/// `error` is that of emit_log_hook.
pub unsafe fn table_of(error: &pg_sys::ErrorData) -> u32 {
    // SAFETY: strings of the error, and this process's own memory.
    unsafe {
        // Before its translation. What a function raises has "%s" there, whatever it says, and its detail tells nothing.
        let message = string(error.message_id);
        if error.sqlerrcode == PgSqlErrorCode::ERRCODE_T_R_DEADLOCK_DETECTED as i32 && message == b"deadlock detected" {
            return match source::awaited(string(error.detail), pg_sys::MyProcPid) {
                Awaited::Relation(relation) => relation,
                Awaited::Transaction => TARGET.0.get(),
                Awaited::Unknown => 0,
            };
        }
        // Failures of another kind are about what was read, perhaps elsewhere.
        let of_a_row = message.starts_with(b"could not serialize access due to concurrent ");
        if of_a_row { TARGET.0.get() } else { 0 }
    }
}

/// # Safety
/// A string that outlives its use, or NULL.
unsafe fn string<'a>(text: *const c_char) -> &'a [u8] {
    // SAFETY: promised by the caller.
    if text.is_null() { b"" } else { unsafe { CStr::from_ptr(text) }.to_bytes() }
}
