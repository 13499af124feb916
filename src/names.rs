//! What are roles and databases called? As texts in the current memory context, NULL where there is no name.

use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Datum, Oid};

pub fn role_name(user: Oid) -> Option<Datum> {
    // SAFETY: gives NULL for a role that was dropped.
    unsafe { c_string(pg_sys::GetUserNameFromId(user, true)) }
}

pub fn database_name(database: Oid) -> Option<Datum> {
    // SAFETY: gives NULL for a database that does not exist.
    unsafe { c_string(pg_sys::get_database_name(database)) }
}

/// # Safety
/// NULL or a string of PostgreSQL.
unsafe fn c_string(name: *const std::ffi::c_char) -> Option<Datum> {
    // SAFETY: promised by the caller.
    (!name.is_null()).then(|| text(unsafe { CStr::from_ptr(name) }))
}

/// What comes from elsewhere may be in another encoding or in none: names are those of the database where they were given, and a client
/// may say anything before it is known. PostgreSQL's functions fail with such a text, and a row of a view must not make the view unreadable.
pub fn text(string: &CStr) -> Datum {
    let bytes = string.to_bytes();
    // SAFETY: looks at the bytes, and raises no error.
    let valid = bytes.is_ascii()
        || unsafe { pg_sys::pg_verify_mbstr(pg_sys::GetDatabaseEncoding(), string.as_ptr(), bytes.len() as i32, true) };
    if valid { copy(string) } else { foreign_text(bytes.to_vec(), UNKNOWN_ENCODING) }
}

fn copy(string: &CStr) -> Datum {
    // SAFETY: copies the string into the current memory context, which is that of the call.
    unsafe { Datum::from(pg_sys::cstring_to_text(string.as_ptr())) }
}

/// That of no database.
pub const UNKNOWN_ENCODING: i32 = -1;

/// A text of another session, whose database may have another encoding: then its letters of other languages are `?`.
pub fn foreign_text(mut string: Vec<u8>, encoding: i32) -> Datum {
    // SAFETY: reads this process's own memory.
    if encoding != unsafe { pg_sys::GetDatabaseEncoding() } {
        string.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    }
    text(&CString::new(string).unwrap_or_default())
}
