//! Sends signals through PostgreSQL's own functions, so that their checks stay in force.

use std::ffi::c_int;

use pgrx::pg_sys::{self, Oid};

use crate::pg::compat;
use crate::pg::native_functions::{CANCEL, TERMINATE, name_of};
use crate::pg::privileges;

/// Somebody may have revoked EXECUTE on PostgreSQL's function. Then ours does not work either.
pub fn check_execute(function: Oid) {
    privileges::check_execute(function, name_of(function));
}

/// Tells a session to end. False, without a warning, if it has ended since it was found.
pub fn terminate(pid: i32) -> bool {
    call_terminate(pid, 0)
}

/// Raises PostgreSQL's own error about a negative timeout. PostgreSQL checks the timeout before the
/// pid.
pub fn refuse_timeout(pid: i32, timeout: i64) -> ! {
    call_terminate(pid, timeout);
    unreachable!("PostgreSQL refuses a negative timeout")
}

fn call_terminate(pid: i32, timeout: i64) -> bool {
    let _silence = Silence::new();
    // SAFETY: since PostgreSQL 14 the function takes these arguments and returns a boolean.
    unsafe { pg_sys::OidFunctionCall2Coll(TERMINATE, Oid::INVALID, pid.into(), timeout.into()) }.value() != 0
}

/// Tells a session to cancel its query. False, without a warning, if it has ended since it was
/// found.
pub fn cancel(pid: i32) -> bool {
    let _silence = Silence::new();
    // SAFETY: the function takes a pid and returns a boolean.
    unsafe { pg_sys::OidFunctionCall1Coll(CANCEL, Oid::INVALID, pid.into()) }.value() != 0
}

unsafe extern "C" {
    fn kill(pid: c_int, signal: c_int) -> c_int;
}

/// Does the process end within `timeout` milliseconds? Looks every 100 milliseconds, like
/// pg_wait_until_termination in PostgreSQL's signalfuncs.c.
pub fn wait_for_end(pid: i32, timeout: i64) -> bool {
    const STEP: i64 = 100;
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    let mut left = timeout;
    while left > 0 {
        // SAFETY: signal 0 is never sent: the call only asks whether the process exists.
        if unsafe { kill(pid, 0) } != 0 {
            return true;
        }
        pgrx::check_for_interrupts!();
        let step = left.min(STEP);
        // SAFETY: MyLatch is the latch of this process.
        unsafe {
            let why = pg_sys::WaitEventIPC::WAIT_EVENT_BACKEND_TERMINATION;
            pg_sys::WaitLatch(pg_sys::MyLatch, events as c_int, step, why);
            pg_sys::ResetLatch(pg_sys::MyLatch);
        }
        left -= step;
    }
    false
}

/// While it lives, warnings are not written; errors still are. We warn of the same in Redshift's
/// words.
struct Silence {
    client: i32,
    log: i32,
}

impl Silence {
    fn new() -> Self {
        // SAFETY: two settings of this process, read when something is reported; a backend has one
        // thread.
        unsafe {
            let before = Silence { client: pg_sys::client_min_messages, log: *compat::log_min_messages() };
            pg_sys::client_min_messages = before.client.max(pg_sys::PGERROR as i32);
            *compat::log_min_messages() = before.log.max(pg_sys::PGERROR as i32);
            before
        }
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // SAFETY: as in `new`.
        unsafe {
            pg_sys::client_min_messages = self.client;
            *compat::log_min_messages() = self.log;
        }
    }
}
