//! What are roles and databases called? As texts in the current memory context, NULL where there is no name.

use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Datum, Oid};

use crate::error;
use crate::pg::memory::Roomy;

/// As a string of our own.
pub fn role(user: Oid) -> Option<CString> {
    let _room = Roomy::call();
    // SAFETY: gives NULL for a role that was dropped, or a string.
    unsafe {
        let name = pg_sys::GetUserNameFromId(user, true);
        (!name.is_null()).then(|| CString::from(CStr::from_ptr(name)))
    }
}

pub fn role_name(user: Oid) -> Option<Datum> {
    // SAFETY: gives NULL for a role that was dropped.
    unsafe { c_string(|| pg_sys::GetUserNameFromId(user, true)) }
}

pub fn database_name(database: Oid) -> Option<Datum> {
    // SAFETY: gives NULL for a database that does not exist.
    unsafe { c_string(|| pg_sys::get_database_name(database)) }
}

/// # Safety
/// It gives NULL or a string of PostgreSQL.
unsafe fn c_string(name: impl FnOnce() -> *mut std::ffi::c_char) -> Option<Datum> {
    let room = Roomy::call();
    let name = name();
    drop(room);
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
    if valid { copy(bytes) } else { foreign_text(bytes.to_vec(), UNKNOWN_ENCODING) }
}

/// An error of PostgreSQL's would be copied into the current memory context, which has no room then.
fn copy(bytes: &[u8]) -> Datum {
    let size = pg_sys::VARHDRSZ + bytes.len();
    // SAFETY: a text is its length and then its bytes; the current memory context is that of the call.
    unsafe {
        let text = pg_sys::palloc_extended(size, pg_sys::MCXT_ALLOC_NO_OOM as i32).cast::<pg_sys::varlena>();
        if text.is_null() {
            error::out_of_memory().raise();
        }
        pgrx::set_varsize_4b(text, size as i32);
        text.cast::<u8>().add(pg_sys::VARHDRSZ).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        Datum::from(text)
    }
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
