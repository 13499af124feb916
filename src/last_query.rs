//! Which query did this session run last? The function pg_last_query_id.

use std::cell::Cell;

use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::compat::raw;
use crate::sessions;

/// Start of the statement that runs, and of the one before; 0 for none. A backend has one thread.
struct Statements(Cell<(i64, i64)>);

// SAFETY: read and written by the only thread.
unsafe impl Sync for Statements {}

static STATEMENTS: Statements = Statements(Cell::new((0, 0)));

/// Called with each query that is about to run; those inside of functions belong to the same statement. What PostgreSQL
/// evaluates while it plans runs outside of a portal, and its message has another start.
pub fn watch() {
    // SAFETY: reads this process's own memory.
    let (start, planning) = unsafe { (raw::GetCurrentStatementStartTimestamp(), pg_sys::ActivePortal.is_null()) };
    if planning {
        return;
    }
    let (current, _) = STATEMENTS.0.get();
    if start != current {
        STATEMENTS.0.set((start, current));
    }
}

/// Its number was that of stv_inflight; -1 if there was none.
#[pg_extern(sql = false)]
fn pg_last_query_id() -> i32 {
    match STATEMENTS.0.get() {
        (_, 0) => -1,
        // SAFETY: reads this process's own memory.
        (_, start) => sessions::query_id(unsafe { pg_sys::MyProcPid }, start),
    }
}
