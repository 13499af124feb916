//! The connection that a client has made: PostgreSQL's Port, read by port.c.

use std::ffi::c_char;

use pgrx::pg_sys;

/// The same struct as RedshiftSessionsPort in port.c.
#[repr(C)]
pub struct Port {
    pub user: *const c_char,
    pub database: *const c_char,
    pub remote_host: *const c_char,
    pub remote_port: *const c_char,
    pub application_name: *const c_char,
    pub ssl_version: *const c_char,
    pub ssl_cipher: *const c_char,
}

unsafe extern "C-unwind" {
    fn redshift_sessions_port(port: *mut pg_sys::Port, result: *mut Port);
    fn redshift_sessions_auth_method(port: *const pg_sys::Port) -> *const c_char;
    fn redshift_sessions_startup_options(port: *mut pg_sys::Port) -> *mut *mut pg_sys::List;
}

/// What the port says, or NULLs if there is no port.
///
/// # Safety
/// The port is that of this process, or NULL.
pub unsafe fn read(port: *mut pg_sys::Port) -> Port {
    let nothing = std::ptr::null();
    let mut result = Port {
        user: nothing,
        database: nothing,
        remote_host: nothing,
        remote_port: nothing,
        application_name: nothing,
        ssl_version: nothing,
        ssl_cipher: nothing,
    };
    if !port.is_null() {
        // SAFETY: promised by the caller; port.c is compiled with the server's own headers.
        unsafe { redshift_sessions_port(port, &mut result) }
    }
    result
}

/// The method by which the client is being authenticated: a constant string, NULL if not known.
///
/// # Safety
/// The port is that of this process, whose client is being authenticated.
pub unsafe fn auth_method(port: *const pg_sys::Port) -> *const c_char {
    // SAFETY: promised by the caller.
    unsafe { redshift_sessions_auth_method(port) }
}

/// The settings in the startup packet: name, value, name, value.
///
/// # Safety
/// The port is that of this process.
pub unsafe fn startup_options(port: *mut pg_sys::Port) -> *mut *mut pg_sys::List {
    // SAFETY: promised by the caller.
    unsafe { redshift_sessions_startup_options(port) }
}
