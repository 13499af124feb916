//! Notes which transactions have ended, and how, for sys_transaction_history and stl_undone.
//!
//! Only those that got a transaction id count: the others changed nothing. Called for each
//! transaction, so what is asked first is cheap; nothing here looks anything up, allocates or
//! waits.

use std::cell::Cell;

use pgrx::pg_sys;

use crate::logs;
use crate::logs::transaction_record::{Isolation, Transaction};
use crate::pg::backend_local::BackendLocal;
use crate::pg::raw;

/// When the commit began that is under way; 0 for none.
static COMMIT_START: BackendLocal<Cell<i64>> = BackendLocal::new(Cell::new(0));

/// A commit begins.
pub fn commits(xid: i64) {
    let is_noted = xid != 0 && logs::TRANSACTION.is_on();
    // SAFETY: reads the clock.
    COMMIT_START.set(if is_noted { unsafe { raw::GetCurrentTimestamp() } } else { 0 });
}

/// A transaction has ended. It still has its start and its isolation.
pub fn ended(committed: bool, xid: i64) {
    if xid != 0 && logs::TRANSACTION.is_on() {
        note(committed, xid);
    }
}

#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
#[inline(never)]
fn note(committed: bool, xid: i64) {
    // SAFETY: reads this process's own memory and the clock.
    unsafe {
        // Background processes have no client, and no user that somebody would look for.
        if pg_sys::MyProcPort.is_null() {
            return;
        }
        let commit_start = COMMIT_START.replace(0);
        let end = raw::GetCurrentTimestamp();
        logs::TRANSACTION.write(Transaction {
            user: pg_sys::MyProc.as_ref().map_or(0, |process| process.roleId.to_u32()),
            xid,
            isolation: match pg_sys::XactIsoLevel as u32 {
                pg_sys::XACT_SERIALIZABLE => Isolation::Serializable,
                pg_sys::XACT_REPEATABLE_READ => Isolation::RepeatableRead,
                _ => Isolation::ReadCommitted,
            },
            start: raw::GetCurrentTransactionStartTimestamp(),
            // A transaction may get its id in the middle of its commit, as one does that only
            // notifies.
            commit_start: committed.then_some(if commit_start == 0 { end } else { commit_start }),
            end,
        });
    }
}
