//! Tells the logs that a transaction ends, or one inside of it.

use std::ffi::c_void;

use pgrx::pg_sys;

use crate::logs::conflicts;
use crate::logs::statements;
use crate::logs::transactions;
use crate::logs::user_changes;
use crate::pg::raw;

#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
pub unsafe extern "C-unwind" fn ended(event: pg_sys::XactEvent::Type, _argument: *mut c_void) {
    use pg_sys::XactEvent::*;
    // SAFETY: reads this process's own memory. A transaction that has ended still has its id.
    let xid = unsafe { raw::GetTopFullTransactionIdIfAny() }.value as i64;
    match event {
        XACT_EVENT_PRE_COMMIT => transactions::commits(xid),
        XACT_EVENT_COMMIT => {
            statements::transaction_ended(false, xid);
            user_changes::transaction_ended(true, xid);
            transactions::ended(true, xid);
        }
        _ => ended_otherwise(event, xid),
    }
}

/// Apart, since for more cases the compiler makes a table, which is a page more for each session.
#[cold]
fn ended_otherwise(event: pg_sys::XactEvent::Type, xid: i64) {
    use pg_sys::XactEvent::*;
    match event {
        XACT_EVENT_ABORT => {
            statements::transaction_ended(true, xid);
            conflicts::forget();
            user_changes::transaction_ended(false, xid);
            transactions::ended(false, xid);
        }
        // Whether it commits is decided later, and perhaps elsewhere.
        XACT_EVENT_PREPARE => {
            statements::transaction_ended(false, xid);
            user_changes::transaction_ended(false, xid);
        }
        _ => {}
    }
}

pub unsafe extern "C-unwind" fn subtransaction_ended(
    event: pg_sys::SubXactEvent::Type,
    own: pg_sys::SubTransactionId,
    parent: pg_sys::SubTransactionId,
    _argument: *mut c_void,
) {
    use pg_sys::SubXactEvent::*;
    match event {
        SUBXACT_EVENT_ABORT_SUB => {
            conflicts::forget();
            user_changes::subtransaction_ended(own, None);
        }
        SUBXACT_EVENT_COMMIT_SUB => user_changes::subtransaction_ended(own, Some(parent)),
        _ => {}
    }
}
