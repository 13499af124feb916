//! The signal is sent by PostgreSQL's own functions, whose checks stay in force.

use std::ffi::c_int;

use pgrx::pg_sys::{self, Oid};

use crate::pg::native_functions::{CANCEL, TERMINATE, name_of};
use crate::pg::privileges;

/// Someone may have revoked EXECUTE on PostgreSQL's function: then ours does not work either.
pub fn check_execute(function: Oid) {
    privileges::check_execute(function, name_of(function));
}

/// Tells a session to end. Gives false, silently, if it has ended since it was found.
pub fn terminate(pid: i32) -> bool {
    call_terminate(pid, 0)
}

/// PostgreSQL's words about a timeout that cannot be, before it looks at the pid.
pub fn refuse_timeout(pid: i32, timeout: i64) {
    call_terminate(pid, timeout);
}

fn call_terminate(pid: i32, timeout: i64) -> bool {
    let _silence = Silence::new();
    // SAFETY: the function has these arguments since PostgreSQL 14 and returns a boolean.
    unsafe { pg_sys::OidFunctionCall2Coll(TERMINATE, Oid::INVALID, pid.into(), timeout.into()) }.value() != 0
}

/// Tells a session to cancel its query. Gives false, silently, if it has ended since it was found.
pub fn cancel(pid: i32) -> bool {
    let _silence = Silence::new();
    // SAFETY: as above.
    unsafe { pg_sys::OidFunctionCall1Coll(CANCEL, Oid::INVALID, pid.into()) }.value() != 0
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
