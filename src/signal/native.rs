//! PostgreSQL's own functions send the signal, and their checks stay in force.

use std::ffi::{CStr, c_int};

use pgrx::pg_sys::{self, Oid};

use crate::pg::privileges;

pub enum Native {
    Terminate { timeout: i64 },
    Cancel,
}

impl Native {
    /// Without waiting for the session to end.
    pub const TERMINATE_NOW: Self = Native::Terminate { timeout: 0 };

    /// Someone may have revoked EXECUTE on PostgreSQL's function: then ours does not work either.
    pub fn check_execute(&self) {
        privileges::check_execute(self.oid(), self.name());
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
