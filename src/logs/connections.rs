//! Notes when a session begins and ends, and how, for stl_connection_log, stl_sessions and
//! sys_session_history.
//!
//! Most of this runs while a session starts or dies: nothing here looks anything up, allocates or
//! waits. Only `drivers::read` may allocate, to define the settings that a driver sends.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int};

use pgrx::pg_sys::{self, Datum};
use pgrx::prelude::PgSqlErrorCode;

use crate::clients::drivers;
use crate::clients::query_group;
use crate::logs;
use crate::logs::records::{Connection, End, Ended, Event};
use crate::logs::statements;
use crate::pg::backend_local::BackendLocal;
use crate::pg::port;
use crate::pg::raw;
use crate::shmem::packed_text;

/// What this session remembers.
struct Session {
    authenticated: Cell<bool>,
    /// SQLSTATE of the error that ends the session; 0 for none.
    fatal: Cell<c_int>,
    application_name: Cell<*const c_char>,
    /// A constant string.
    auth_method: Cell<*const c_char>,
}

static SESSION: BackendLocal<Session> = BackendLocal::new(Session {
    authenticated: Cell::new(false),
    fatal: Cell::new(0),
    application_name: Cell::new(std::ptr::null()),
    auth_method: Cell::new(std::ptr::null()),
});

/// Authentication has succeeded or failed.
///
/// # Safety
/// The arguments are those of ClientAuthentication_hook.
pub unsafe fn authenticated(port: *mut pg_sys::Port, status: c_int) {
    // SAFETY: the port is that of this process; the callback is a plain function.
    unsafe {
        // The client went away. psql does so to ask its user for a password, and then comes back.
        // PostgreSQL does not count that as an error either.
        if status == pg_sys::STATUS_EOF {
            return;
        }
        let in_now = status == pg_sys::STATUS_OK as c_int;
        drivers::read(port, in_now);
        SESSION.auth_method.set(port::auth_method(port));
        if !in_now {
            log(port, Event::AuthenticationFailure, 0);
            return;
        }
        SESSION.authenticated.set(true);
        log(port, Event::Authenticated, 0);
        log(port, Event::InitiatingSession, 0);
        raw::on_shmem_exit(Some(ended), Datum::from(0));
    }
}

/// Called at every statement: the one before may have set the name.
pub fn watch_application_name() {
    // SAFETY: the name is a setting's text, which is replaced as a whole; the port is that of this
    // process, NULL in workers.
    unsafe {
        let name: *const c_char = raw::application_name;
        if name == SESSION.application_name.get() || !SESSION.authenticated.get() {
            return;
        }
        SESSION.application_name.set(name);
        if !name.is_null() && *name != 0 {
            log(pg_sys::MyProcPort, Event::SetApplicationName, 0);
        }
    }
}

/// An error is about to be reported. Remembers it if it ends the session.
pub fn watch_error(error: &pg_sys::ErrorData) {
    if error.elevel == pg_sys::FATAL as c_int {
        SESSION.fatal.set(error.sqlerrcode);
    }
}

/// Runs as late as possible, so that a session is hardly ever live and ended at the same time.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe extern "C-unwind" fn ended(code: c_int, _arg: Datum) {
    watch_application_name();
    statements::leave();
    query_group::clear();
    let fatal = SESSION.fatal.get();
    // SAFETY: the process is still attached to shared memory, and still has its port and its entry
    // in the process array.
    unsafe {
        let (start, end) = (pg_sys::MyStartTimestamp, raw::GetCurrentTimestamp());
        if fatal == PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN as c_int {
            log(pg_sys::MyProcPort, Event::Terminating, 0);
        }
        log(pg_sys::MyProcPort, Event::DisconnectingSession, end - start);
        let port = port::read(pg_sys::MyProcPort);
        logs::ENDED.write(Ended {
            pid: pg_sys::MyProcPid,
            how: how(fatal, code),
            start,
            end,
            user: pg_sys::MyProc.as_ref().map_or(0, |process| process.roleId.to_u32()),
            database: pg_sys::MyDatabaseId.to_u32(),
            user_name: text(port.user),
            database_name: text(port.database),
        });
    }
}

/// Judges by `fatal`, the error that ended the session. It is 0 if there was no error, or if
/// log_min_messages above FATAL kept it from us; then the exit status decides.
fn how(fatal: c_int, status: c_int) -> End {
    let timeouts = [
        IDLE_SESSION_TIMEOUT,
        PgSqlErrorCode::ERRCODE_IDLE_IN_TRANSACTION_SESSION_TIMEOUT as c_int,
        TRANSACTION_TIMEOUT,
    ];
    match fatal {
        0 if status != 0 => End::Terminated,
        0 => End::ClosedByClient,
        // "connection to client lost" while a statement was running.
        code if code == PgSqlErrorCode::ERRCODE_CONNECTION_FAILURE as c_int => End::ClosedByClient,
        code if timeouts.contains(&code) => End::TimedOut,
        _ => End::Terminated,
    }
}

/// An SQLSTATE as PostgreSQL keeps it: six bits for each character. pgrx has no names for those
/// that not every version has.
const fn sqlstate(code: &[u8; 5]) -> c_int {
    let mut number = 0;
    let mut index = 0;
    while index < code.len() {
        number |= ((code[index] - b'0') as c_int & 0x3f) << (6 * index);
        index += 1;
    }
    number
}

const IDLE_SESSION_TIMEOUT: c_int = sqlstate(b"57P05");
const TRANSACTION_TIMEOUT: c_int = sqlstate(b"25P04");

/// # Safety
/// `port` is that of this process, or NULL.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe fn log(port: *mut pg_sys::Port, event: Event, duration: i64) {
    // SAFETY: reads strings of the port, which lives as long as the process, and a setting's text.
    unsafe {
        let (port, driver) = (port::read(port), drivers::own());
        let name = if event == Event::SetApplicationName { raw::application_name } else { port.application_name };
        logs::CONNECTION.write(Connection {
            event,
            pid: pg_sys::MyProcPid,
            session_start: pg_sys::MyStartTimestamp,
            time: raw::GetCurrentTimestamp(),
            duration,
            remote_host: text(port.remote_host),
            remote_port: text(port.remote_port),
            database_name: text(port.database),
            user_name: text(port.user),
            auth_method: text(SESSION.auth_method.get()),
            ssl_version: text(port.ssl_version),
            ssl_cipher: text(port.ssl_cipher),
            application_name: text(name),
            os_version: driver.os_version,
            driver_version: driver.driver_version,
            plugin_name: driver.plugin_name,
            protocol_version: driver.protocol_version,
        });
    }
}

/// # Safety
/// `string` is NULL or a string.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe fn text<const WORDS: usize>(string: *const c_char) -> [u64; WORDS] {
    // SAFETY: promised by the caller.
    if string.is_null() { [0; WORDS] } else { packed_text::pack(unsafe { CStr::from_ptr(string) }.to_bytes()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_tells_how_a_session_ended() {
        assert_eq!(sqlstate(b"57P01"), PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN as c_int);
        assert_eq!(how(0, 0), End::ClosedByClient);
        assert_eq!(how(0, 1), End::Terminated);
        assert_eq!(how(PgSqlErrorCode::ERRCODE_CONNECTION_FAILURE as c_int, 1), End::ClosedByClient);
        assert_eq!(how(IDLE_SESSION_TIMEOUT, 1), End::TimedOut);
        assert_eq!(how(PgSqlErrorCode::ERRCODE_IDLE_IN_TRANSACTION_SESSION_TIMEOUT as c_int, 1), End::TimedOut);
        assert_eq!(how(TRANSACTION_TIMEOUT, 1), End::TimedOut);
        assert_eq!(how(PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN as c_int, 1), End::Terminated);
        assert_eq!(how(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR as c_int, 1), End::Terminated);
    }
}
