//! Who is behind a pid, and who is asking: what the rule about signals needs to know.

use pgrx::pg_sys::{self, Oid};

use crate::pg::compat;
use crate::pg::processes::{self, ProcessKind};
use crate::policy::{Caller, Owner};

/// A process that PostgreSQL's own functions would signal.
pub struct Backend {
    /// None for a background process, and for a session that has not yet logged in.
    pub owner: Option<Owner>,
}

impl Backend {
    pub fn find(pid: i32) -> Option<Self> {
        // SAFETY: BackendPidGetProc gives NULL, or an entry of the process array, which lives as
        // long as the server. Fields are copied, the pointer is not kept. PostgreSQL's own
        // pg_signal_backend reads roleId without a lock, too.
        let (role, client) = unsafe {
            let process = pg_sys::BackendPidGetProc(pid).as_ref()?;
            (process.roleId, compat::is_client(process, || is_walsender(pid)))
        };
        let owner = (client && role != Oid::INVALID).then(|| Owner {
            user: role,
            // SAFETY: a plain look-up; a role that was dropped meanwhile is no superuser.
            superuser: unsafe { pg_sys::superuser_arg(role) },
        });
        Some(Backend { owner })
    }
}

/// current_user, and what the rule about signals asks of it.
pub fn caller() -> Caller {
    // SAFETY: plain look-ups, inside the transaction of the call.
    unsafe {
        let user = pg_sys::GetUserId();
        Caller {
            user,
            superuser: pg_sys::superuser(),
            may_cancel_others: pg_sys::has_privs_of_role(user, Oid::from(pg_sys::ROLE_PG_SIGNAL_BACKEND)),
        }
    }
}

fn is_walsender(pid: i32) -> bool {
    processes::processes().iter().any(|process| process.pid == pid && process.kind == ProcessKind::Client)
}
