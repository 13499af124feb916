//! Who is behind a pid, and who is asking? The process array, current_user, and PostgreSQL's own signal functions.

use std::ffi::{CStr, c_int};

use pgrx::pg_sys::{self, Oid};

use crate::compat;
use crate::policy::{Caller, Owner, Rows};
use crate::process::{self, Kind};

/// A process that PostgreSQL's own functions would signal.
pub struct Backend {
    /// None for a background process, and for a session that has not yet logged in.
    pub owner: Option<Owner>,
}

impl Backend {
    pub fn find(pid: i32) -> Option<Self> {
        // SAFETY: BackendPidGetProc gives NULL or an entry of the process array, which lives as long as the server;
        // fields are copied, the pointer is not kept. PostgreSQL's own function reads it without a lock as well.
        let (role, client) = unsafe {
            let process = pg_sys::BackendPidGetProc(pid).as_ref()?;
            (process.roleId, compat::is_client(process, || is_walsender(pid)))
        };
        let owner = (client && role != Oid::INVALID).then(|| Owner {
            user: role,
            // SAFETY: a role that was dropped meanwhile is no superuser.
            superuser: unsafe { pg_sys::superuser_arg(role) },
        });
        Some(Backend { owner })
    }
}

/// current_user, and what the rule of signals asks about it.
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

/// The rows of user-visible views that current_user gets.
pub fn readable_rows() -> Rows {
    // SAFETY: plain look-ups, inside the transaction of the call.
    unsafe {
        let user = pg_sys::GetUserId();
        let reads_all = pg_sys::has_privs_of_role(user, Oid::from(pg_sys::ROLE_PG_READ_ALL_STATS));
        Rows::of(user, pg_sys::superuser(), reads_all)
    }
}

/// A view runs its function with the reader's rights, so a function behind a view for superusers must ask for SELECT on the
/// view itself: then GRANT SELECT opens it, and calling the function does not.
pub fn check_select(view: &CStr) {
    // SAFETY: plain look-ups; aclcheck_error raises PostgreSQL's own error.
    unsafe {
        let relation = pg_sys::get_relname_relid(view.as_ptr(), Oid::from(pg_sys::PG_CATALOG_NAMESPACE));
        let verdict = pg_sys::pg_class_aclcheck(relation, pg_sys::GetUserId(), compat::acl_mode(pg_sys::ACL_SELECT));
        if verdict != pg_sys::AclResult::ACLCHECK_OK {
            pg_sys::aclcheck_error(verdict, pg_sys::ObjectType::OBJECT_VIEW, view.as_ptr());
        }
    }
}

/// May current_user execute the function? The name is for the error.
pub fn check_execute(function: Oid, name: &CStr) {
    // SAFETY: plain look-ups; aclcheck_error raises PostgreSQL's own error.
    unsafe {
        let verdict = compat::function_aclcheck(function, pg_sys::GetUserId());
        if verdict != pg_sys::AclResult::ACLCHECK_OK {
            pg_sys::aclcheck_error(verdict, pg_sys::ObjectType::OBJECT_FUNCTION, name.as_ptr());
        }
    }
}

/// PostgreSQL's own functions, whose checks stay in force.
pub enum Native {
    Terminate { timeout: i64 },
    Cancel,
}

impl Native {
    /// Without waiting for the session to end.
    pub const TERMINATE_NOW: Self = Native::Terminate { timeout: 0 };

    /// Someone may have revoked EXECUTE on PostgreSQL's function: then ours does not work either.
    pub fn check_execute(&self) {
        check_execute(self.oid(), self.name());
    }

    /// Gives false, silently, for a session that ended after it was found.
    pub fn call(&self, pid: i32) -> bool {
        let pid = pg_sys::Datum::from(pid);
        let _silence = Silence::new();
        // SAFETY: the functions have these arguments since PostgreSQL 14 and return a boolean.
        let sent = unsafe {
            match *self {
                Native::Terminate { timeout } => {
                    pg_sys::OidFunctionCall2Coll(self.oid(), Oid::INVALID, pid, timeout.into())
                }
                Native::Cancel => pg_sys::OidFunctionCall1Coll(self.oid(), Oid::INVALID, pid),
            }
        };
        sent.value() != 0
    }

    fn oid(&self) -> Oid {
        match self {
            Native::Terminate { .. } => Oid::from(pg_sys::F_PG_TERMINATE_BACKEND),
            Native::Cancel => Oid::from(pg_sys::F_PG_CANCEL_BACKEND),
        }
    }

    fn name(&self) -> &'static CStr {
        match self {
            Native::Terminate { .. } => c"pg_terminate_backend",
            Native::Cancel => c"pg_cancel_backend",
        }
    }
}

unsafe extern "C" {
    fn kill(pid: c_int, signal: c_int) -> c_int;
}

/// Has the process ended within so many milliseconds? As pg_wait_until_termination in PostgreSQL's signalfuncs.c, in steps of 100.
pub fn wait_for_end(pid: i32, timeout: i64) -> bool {
    const STEP: i64 = 100;
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    let mut left = timeout;
    while left > 0 {
        // SAFETY: no signal is sent, it is only asked whether there is such a process.
        if unsafe { kill(pid, 0) } != 0 {
            return true;
        }
        pgrx::check_for_interrupts!();
        let step = left.min(STEP);
        // SAFETY: the latch is that of this process.
        unsafe {
            let why = pg_sys::WaitEventIPC::WAIT_EVENT_BACKEND_TERMINATION;
            pg_sys::WaitLatch(pg_sys::MyLatch, events as c_int, step, why);
            pg_sys::ResetLatch(pg_sys::MyLatch);
        }
        left -= step;
    }
    false
}

/// Keeps warnings from being written as long as it lives, and errors out of it. Ours say the same in Redshift's words.
struct Silence {
    client: i32,
    log: i32,
}

impl Silence {
    fn new() -> Self {
        // SAFETY: plain settings, read by the code that reports; nobody else runs in this backend.
        unsafe {
            let before = Silence { client: pg_sys::client_min_messages, log: pg_sys::log_min_messages };
            pg_sys::client_min_messages = before.client.max(pg_sys::PGERROR as i32);
            pg_sys::log_min_messages = before.log.max(pg_sys::PGERROR as i32);
            before
        }
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe {
            pg_sys::client_min_messages = self.client;
            pg_sys::log_min_messages = self.log;
        }
    }
}

fn is_walsender(pid: i32) -> bool {
    process::processes().iter().any(|process| process.pid == pid && process.kind == Kind::Client)
}
