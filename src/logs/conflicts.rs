//! Notes conflicts for stl_tr_conflict, and the table a conflict is about: the one whose rows the
//! innermost query modifies or locks, or the one whose lock it awaited.
//!
//! PostgreSQL's errors do not name the table. A query that modifies or locks rows of one table
//! waits for rows of that table only. If it awaited the lock on a table itself, the detail of the
//! deadlock names that table.

use std::cell::Cell;

use pgrx::pg_sys;
use pgrx::prelude::PgSqlErrorCode;

use crate::logs;
use crate::logs::deadlock_detail::{self, Awaited};
use crate::logs::records::Conflict;
use crate::pg::backend_local::BackendLocal;
use crate::pg::compat;
use crate::pg::list;
use crate::pg::raw;
use crate::pg::xid;

/// The table whose rows the innermost running query modifies or locks; 0 for none, or more than
/// one.
static TARGET: BackendLocal<Cell<u32>> = BackendLocal::new(Cell::new(0));

/// A query is about to run. Returns what `leave` takes when it is over; after an error, `forget` is
/// called instead.
///
/// # Safety
/// `query` is that of ExecutorRun.
pub unsafe fn enter(query: *const pg_sys::QueryDesc) -> u32 {
    // SAFETY: promised by the caller.
    TARGET.replace(unsafe { single_table((*query).plannedstmt) })
}

/// A utility command is about to run, or the triggers after a query. A query in it calls `enter`;
/// the table of anything else that it does is not known: COPY, the check of a unique constraint,
/// from 19 on the check of a foreign key.
pub fn enter_other() -> u32 {
    TARGET.replace(0)
}

pub fn leave(before: u32) {
    TARGET.set(before);
}

/// A transaction or subtransaction was rolled back, and with it queries that did not `leave`. A
/// query around a subtransaction is forgotten as well.
pub fn forget() {
    TARGET.set(0);
}

/// # Safety
/// `plan` is that of a query that runs.
unsafe fn single_table(plan: *const pg_sys::PlannedStmt) -> u32 {
    // SAFETY: promised by the caller; PostgreSQL's lists hold what their names say.
    unsafe {
        if compat::changes_no_table(&*plan) && (*plan).rowMarks.is_null() {
            return 0;
        }
        let tables = list::cells((*plan).rtable);
        let of = |index: usize| match tables.get(index.wrapping_sub(1)) {
            Some(cell) => (*cell.ptr_value.cast::<pg_sys::RangeTblEntry>()).relid.to_u32(),
            None => 0,
        };
        let changed = compat::result_relations(plan).map(|index| of(index as usize));
        let locked = list::pointers::<pg_sys::PlanRowMark>((*plan).rowMarks)
            .filter(|mark| !(**mark).isParent && (**mark).markType <= pg_sys::RowMarkType::ROW_MARK_KEYSHARE)
            .map(|mark| of((*mark).rti as usize));
        let mut all = changed.chain(locked);
        let first = all.next().unwrap_or(0);
        if all.all(|table| table == first) { first } else { 0 }
    }
}

/// Records an error that PostgreSQL is about to report, if it is a conflict. Runs in the middle of
/// PostgreSQL's error handling: nothing here takes a lock, allocates or fails.
///
/// # Safety
/// `error` is that of emit_log_hook.
pub unsafe fn record(error: &pg_sys::ErrorData) {
    let conflicts = [PgSqlErrorCode::ERRCODE_T_R_DEADLOCK_DETECTED, PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE];
    if error.elevel != pg_sys::PGERROR as i32 || !conflicts.iter().any(|code| *code as i32 == error.sqlerrcode) {
        return;
    }
    // SAFETY: reads this process's own memory and the clock. The transaction has failed, but it is
    // not rolled back yet.
    unsafe {
        if !raw::IsTransactionState() || works_for_another() {
            return;
        }
        let xid = match raw::GetTopFullTransactionIdIfAny().value {
            0 => {
                let (backend, local) = compat::virtual_transaction_of(&*pg_sys::MyProc);
                xid::unassigned(backend, local)
            }
            xid => xid as i64,
        };
        logs::CONFLICT.write(Conflict {
            xid,
            pid: pg_sys::MyProcPid,
            start: raw::GetCurrentTransactionStartTimestamp(),
            abort: raw::GetCurrentTimestamp(),
            table: table_of(error),
        });
    }
}

/// Is this a worker of some session, for a parallel query or for REPACK? Its error is recorded when
/// the session reports it again. Workers of both kinds are in the session's lock group.
///
/// # Safety
/// Must be called inside a transaction.
unsafe fn works_for_another() -> bool {
    // SAFETY: MyProc is there in a transaction. The field is guarded by the lock of the leader's
    // partition of the lock table (LockHashPartitionLockByProc). While a process lives nobody else
    // writes its own (BecomeLockGroupLeader, BecomeLockGroupMember, ProcKill; 14 to 19), so that it
    // reads it without that lock, as PostgreSQL does for log_line_prefix.
    unsafe {
        let leader = (*pg_sys::MyProc).lockGroupLeader;
        !leader.is_null() && leader != pg_sys::MyProc
    }
}

/// The table that a deadlock or a serialization failure is about, 0 if it is not known.
///
/// # Safety
/// `error` is that of emit_log_hook.
unsafe fn table_of(error: &pg_sys::ErrorData) -> u32 {
    // SAFETY: reads strings of the error, and this process's own memory.
    unsafe {
        // The message before translation. If a function raised the error, that is "%s" whatever the
        // error says, and its detail proves nothing.
        let message = raw::bytes(error.message_id);
        if error.sqlerrcode == PgSqlErrorCode::ERRCODE_T_R_DEADLOCK_DETECTED as i32 && message == b"deadlock detected" {
            return match deadlock_detail::awaited(raw::bytes(error.detail), pg_sys::MyProcPid) {
                Awaited::Relation(relation) => relation,
                Awaited::Transaction => TARGET.get(),
                Awaited::Unknown => 0,
            };
        }
        // Other serialization failures are about what was read, perhaps in another table.
        let of_a_row = message.starts_with(b"could not serialize access due to concurrent ");
        if of_a_row { TARGET.get() } else { 0 }
    }
}
