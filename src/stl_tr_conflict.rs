//! Which transactions were rolled back for a conflict with another? The rows behind stl_tr_conflict, and their writer.

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum};
use pgrx::prelude::PgSqlErrorCode;

use crate::compat::raw;
use crate::logs;
use crate::record::Conflict;
use crate::{backend, compat, conflict, set_returning, transactions};

/// Looks at an error that PostgreSQL is about to report, in the middle of its error handling: nothing here takes a lock,
/// allocates or fails.
///
/// # Safety
/// `error` is that of emit_log_hook.
pub unsafe fn record(error: &pg_sys::ErrorData) {
    let conflicts = [PgSqlErrorCode::ERRCODE_T_R_DEADLOCK_DETECTED, PgSqlErrorCode::ERRCODE_T_R_SERIALIZATION_FAILURE];
    if error.elevel != pg_sys::PGERROR as i32 || !conflicts.iter().any(|code| *code as i32 == error.sqlerrcode) {
        return;
    }
    // SAFETY: these read this process's own memory, and the clock. The transaction has failed and is still there.
    unsafe {
        // The leader of a parallel worker reports its error once more.
        if pg_sys::ParallelWorkerNumber >= 0 || !raw::IsTransactionState() {
            return;
        }
        let xid = match raw::GetTopFullTransactionIdIfAny().value {
            0 => {
                let (backend, local) = compat::virtual_transaction_of(&*pg_sys::MyProc);
                transactions::unassigned_xid(backend, local)
            }
            xid => xid as i64,
        };
        logs::CONFLICT.write(Conflict {
            xid,
            pid: pg_sys::MyProcPid,
            start: raw::GetCurrentTransactionStartTimestamp(),
            abort: raw::GetCurrentTimestamp(),
            table: conflict::table_of(error),
        });
    }
}

set_returning::function!(stl_tr_conflict_wrapper, pg_finfo_stl_tr_conflict_wrapper);

/// # Safety
/// Called by PostgreSQL's function manager.
#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn stl_tr_conflict_wrapper(fcinfo: pg_sys::FunctionCallInfo) -> Datum {
    // SAFETY: the function manager gives a valid call.
    let mut rows = unsafe { set_returning::materialize(fcinfo) };
    backend::check_select(c"stl_tr_conflict");
    let records = logs::CONFLICT.read::<Conflict>();
    for record in records {
        rows.put([
            Some(record.xid.into()),
            Some(i64::from(record.pid).into()),
            Some(record.start.into()),
            Some(record.abort.into()),
            Some(record.table).filter(|table| *table != 0).map(|table| i64::from(table).into()),
        ]);
    }
    Datum::from(0)
}
