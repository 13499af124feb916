//! Accepts what Amazon's drivers send when they connect, and tells them what they expect to hear.
//!
//! They send startup parameters that PostgreSQL does not have and would refuse. Here these are
//! settings, which the session can show. If a driver sends a parameter that nobody knows yet, it is
//! defined for this session; from any other client an unknown one remains an error. Amazon's Python
//! driver cannot parse every server_version, and all of the drivers expect Redshift's.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::{pg_guard, pg_sys};

use crate::clients::pairs;
use crate::clients::parameters;
use crate::gucs;
use crate::pg::backend_local::BackendLocal;
use crate::pg::list;
use crate::pg::port;
use crate::pg::raw;
use crate::shmem::packed_text;

/// Every driver sends this parameter; whoever sends it is a driver.
const PROTOCOL: &CStr = c"client_protocol_version";
const NOT_SENT: i32 = -1;
static PROTOCOL_VERSION: GucSetting<i32> = GucSetting::<i32>::new(NOT_SENT);

/// Has another library defined that setting, so that nobody calls `announce`?
static PROTOCOL_IS_OTHERS: AtomicBool = AtomicBool::new(false);

/// The other parameters that are known, all of them strings.
const TEXTS: [(&CStr, &CStr); 9] = [
    (c"driver_version", c"Name and version of the driver."),
    (c"os_version", c"The client's operating system."),
    (c"driver_discovery_version", c"How the driver would ask for metadata."),
    (c"plugin_name", c"The driver's plugin for authentication."),
    (c"idp_type", c"Kind of the identity provider."),
    (c"provider_name", c"Name of the identity provider."),
    (c"identity_namespace", c"Namespace of the identity provider."),
    (c"token_type", c"Kind of the identity provider's token."),
    (c"idc_client_display_name", c"Name of the client in IAM Identity Center."),
];
const NOTE: &CStr = c"Sent by Amazon Redshift's drivers when they connect.";

/// The unknown parameters of this session's driver, names and values in one text, for parallel
/// workers: a worker is sent only the values of settings, and would refuse a setting that it does
/// not know.
const UNKNOWN: &CStr = c"redshift_sessions.driver_parameters";

/// What a driver is told, and how that is called.
const SERVER_VERSION: &CStr = c"8.0.2";
const SERVER_VERSION_NAME: &CStr = c"server_version";

/// What stl_connection_log says about a driver. Texts are packed, see `shmem/packed_text.rs`.
#[derive(Clone, Copy)]
pub struct Driver {
    pub os_version: [u64; 8],
    pub driver_version: [u64; 8],
    pub plugin_name: [u64; 4],
    pub protocol_version: i32,
}

impl Driver {
    pub const NONE: Self =
        Driver { os_version: [0; 8], driver_version: [0; 8], plugin_name: [0; 4], protocol_version: 0 };
}

static OWN: BackendLocal<Cell<Driver>> = BackendLocal::new(Cell::new(Driver::NONE));

/// The driver of this session.
pub fn own() -> Driver {
    OWN.get()
}

/// Called only when the library is loaded with the server. Loaded later, it would come too late for
/// the startup packet. Gives the names of those that are another library's.
pub fn define() -> Vec<&'static CStr> {
    let mut others = Vec::new();
    if parameters::exists(PROTOCOL) {
        PROTOCOL_IS_OTHERS.store(true, Ordering::Relaxed);
        others.push(PROTOCOL);
    } else {
        define_protocol();
    }
    for (name, meaning) in TEXTS {
        if parameters::exists(name) {
            others.push(name);
        } else {
            let flags = parameters::NOT_BY_ALTER_SYSTEM;
            define_text(name, meaning, c"", pg_sys::GucContext::PGC_BACKEND, flags, None);
        }
    }
    let hidden = pg_sys::GUC_NO_SHOW_ALL | pg_sys::GUC_NOT_IN_SAMPLE | pg_sys::GUC_DISALLOW_IN_FILE;
    let meaning = c"Other parameters of the driver, as its parallel workers read them.";
    define_text(UNKNOWN, meaning, c"", pg_sys::GucContext::PGC_BACKEND, hidden, Some(check_unknown));
    others
}

fn define_protocol() {
    // SAFETY: the assign hook, `announce`, is a plain C function. What PostgreSQL keeps a pointer
    // to lives as long as the process.
    unsafe {
        GucRegistry::define_int_guc_with_hooks(
            PROTOCOL,
            c"Version of the protocol that the driver asks for; -1 for any other client.",
            NOTE,
            &PROTOCOL_VERSION,
            NOT_SENT,
            i32::MAX,
            GucContext::Backend,
            GucFlags::DISALLOW_IN_AUTO_FILE,
            None,
            Some(announce),
            None,
        );
    }
}

fn define_text(
    name: &'static CStr,
    meaning: &'static CStr,
    value: &'static CStr,
    context: pg_sys::GucContext::Type,
    flags: u32,
    check: pg_sys::GucStringCheckHook,
) {
    let variable = Box::leak(Box::new(std::ptr::null_mut::<c_char>()));
    // SAFETY: all that PostgreSQL keeps a pointer to lives as long as the process.
    unsafe {
        pg_sys::DefineCustomStringVariable(
            name.as_ptr(),
            meaning.as_ptr(),
            NOTE.as_ptr(),
            variable,
            value.as_ptr(),
            context,
            flags as c_int,
            check,
            None,
            None,
        );
    }
}

/// The assign hook of client_protocol_version: a driver is connecting, or a parallel worker gets
/// its leader's settings.
unsafe extern "C-unwind" fn announce(version: c_int, _extra: *mut c_void) {
    if version != NOT_SENT && gucs::driver_server_version() {
        set_server_version();
    }
}

fn set_server_version() {
    // SAFETY: server_version exists in every server. It is PGC_INTERNAL, and is set as the server
    // itself sets it.
    unsafe {
        raw::SetConfigOption(
            SERVER_VERSION_NAME.as_ptr(),
            SERVER_VERSION.as_ptr(),
            pg_sys::GucContext::PGC_INTERNAL,
            pg_sys::GucSource::PGC_S_OVERRIDE,
        );
    }
}

/// Reads the startup packet before PostgreSQL applies it. Called when authentication has succeeded
/// or failed; if it failed, nothing is defined for the client.
///
/// # Safety
/// The port is that of this process.
pub unsafe fn read(port: *mut pg_sys::Port, authenticated: bool) {
    // SAFETY: promised by the caller. The strings live as long as the process.
    unsafe {
        let options = *port::startup_options(port);
        let mut driver = Driver::NONE;
        let mut announced = false;
        for index in (1..list::cells(options).len()).step_by(2) {
            let (name, value) = (string(options, index - 1), string(options, index));
            match name.to_bytes() {
                b"os_version" => driver.os_version = packed_text::pack(value.to_bytes()),
                b"driver_version" => driver.driver_version = packed_text::pack(value.to_bytes()),
                b"plugin_name" => driver.plugin_name = packed_text::pack(value.to_bytes()),
                b"client_protocol_version" => {
                    announced = true;
                    driver.protocol_version = value.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(0);
                }
                _ => {}
            }
        }
        OWN.set(driver);
        if announced && authenticated {
            accept_unknown(port);
        }
    }
}

/// Defines each parameter of this driver that nobody knows, with its value, and takes it off the
/// list. Where nobody calls `announce`, it is done here, and the workers are told.
///
/// # Safety
/// As for `read`.
#[pg_guard]
unsafe extern "C-unwind" fn accept_unknown(port: *mut pg_sys::Port) {
    // SAFETY: as in `read`.
    unsafe {
        let options = port::startup_options(port);
        let mut accepted = Vec::new();
        let mut index = 1;
        while index < list::cells(*options).len() {
            let (name, value) = (string(*options, index - 1), string(*options, index));
            if !define_unknown(name, value) {
                index += 2;
                continue;
            }
            pairs::add(&mut accepted, name.to_bytes(), value.to_bytes());
            *options = pg_sys::list_delete_nth_cell(*options, index as i32);
            *options = pg_sys::list_delete_nth_cell(*options, index as i32 - 1);
        }
        if PROTOCOL_IS_OTHERS.load(Ordering::Relaxed) && gucs::driver_server_version() {
            set_server_version();
            pairs::add(&mut accepted, SERVER_VERSION_NAME.to_bytes(), SERVER_VERSION.to_bytes());
        }
        if !accepted.is_empty() {
            let accepted = CString::new(accepted).unwrap_or_default(); // made of C strings, so it has no NUL
            let (context, source) = (pg_sys::GucContext::PGC_BACKEND, pg_sys::GucSource::PGC_S_OVERRIDE);
            pg_sys::SetConfigOption(UNKNOWN.as_ptr(), accepted.as_ptr(), context, source);
        }
    }
}

/// The check hook of redshift_sessions.driver_parameters. Only we set it; a parallel worker gets it
/// from its leader.
unsafe extern "C-unwind" fn check_unknown(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: reads this process's own memory; the value is a string.
    unsafe {
        if source == pg_sys::GucSource::PGC_S_OVERRIDE && pg_sys::InitializingParallelWorker {
            define_as_leader(*value);
        }
    }
    matches!(source, pg_sys::GucSource::PGC_S_OVERRIDE | pg_sys::GucSource::PGC_S_DEFAULT)
}

/// # Safety
/// `text` is a C string.
#[pg_guard]
unsafe extern "C-unwind" fn define_as_leader(text: *const c_char) {
    // SAFETY: promised by the caller.
    for (name, value) in pairs::of(unsafe { CStr::from_ptr(text) }.to_bytes()) {
        if name == SERVER_VERSION_NAME.to_bytes() {
            set_server_version();
        } else if let (Ok(name), Ok(value)) = (CString::new(name), CString::new(value)) {
            define_unknown(&name, &value);
        }
    }
}

/// Defines a parameter, unless it exists already or its name is not plain; says whether it did. The
/// setting is PGC_INTERNAL: PostgreSQL does not send those to parallel workers.
fn define_unknown(name: &CStr, value: &CStr) -> bool {
    let unknown = is_plain(name) && !parameters::exists(name);
    if unknown {
        let meaning = c"Unknown parameter of the driver.";
        define_text(leak(name), meaning, leak(value), pg_sys::GucContext::PGC_INTERNAL, 0, None);
    }
    unknown
}

fn leak(text: &CStr) -> &'static CStr {
    Box::leak(CString::from(text).into_boxed_c_str())
}

/// Is this a name of ASCII letters, digits and underscores? PostgreSQL would take one with a dot
/// for an extension's setting.
fn is_plain(name: &CStr) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let name = name.to_bytes();
    name.first().is_some_and(is_letter) && name.iter().all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

/// # Safety
/// `options` is a list of strings and longer than `index`.
unsafe fn string<'a>(options: *const pg_sys::List, index: usize) -> &'a CStr {
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(list::cells(options)[index].ptr_value.cast()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_dots_and_quotes_are_plain() {
        for plain in [c"new_parameter", c"_x1", c"Token"] {
            assert!(is_plain(plain));
        }
        for other in [c"", c"a.b", c"1x", c"with space", c"quo'te", c"\xc3\xa4"] {
            assert!(!is_plain(other));
        }
    }
}
