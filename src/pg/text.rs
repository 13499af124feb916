//! Texts for rows: names of roles and databases, and strings from elsewhere. They are allocated in
//! the current memory context. A role or database that has gone has no name: None.

use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Datum, Oid};

use crate::error;
use crate::pg::memory;
use crate::pg::memory::Roomy;

/// The name of a role, as a string of our own.
pub fn role(user: Oid) -> Option<CString> {
    let _room = Roomy::call();
    // SAFETY: gives NULL for a role that was dropped, or a string.
    unsafe {
        let name = pg_sys::GetUserNameFromId(user, true);
        (!name.is_null()).then(|| CString::from(CStr::from_ptr(name)))
    }
}

/// The name of a database, as a string of our own.
pub fn database(database: Oid) -> Option<CString> {
    let _room = Roomy::call();
    // SAFETY: gives NULL for a database that does not exist, or a string.
    unsafe {
        let name = pg_sys::get_database_name(database);
        (!name.is_null()).then(|| CString::from(CStr::from_ptr(name)))
    }
}

/// How much of a text `readable` gives, in bytes. A name is shorter.
const READABLE: usize = 2048;

/// The start of a text of this database, or of another, as a string of Rust's: ASCII, or UTF-8
/// where that is the database's encoding. Whatever is neither becomes `?`.
pub fn readable(bytes: &[u8]) -> String {
    // SAFETY: reads this process's own memory.
    let utf8 = unsafe { pg_sys::GetDatabaseEncoding() } == pg_sys::pg_enc::PG_UTF8 as i32;
    let ascii = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { '?' };
    let bytes = &bytes[..bytes.len().min(READABLE)];
    match std::str::from_utf8(bytes) {
        Ok(text) if utf8 || text.is_ascii() => text.into(),
        // It ends in the midst of a letter.
        Err(error) if utf8 && error.error_len().is_none() => {
            String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into()
        }
        _ => bytes.iter().map(ascii).collect(),
    }
}

/// A text that `readable` gave, or that is ASCII.
pub fn line(line: &str) -> Datum {
    copy(line.as_bytes())
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
/// `name` gives NULL or a string of PostgreSQL's.
unsafe fn c_string(name: impl FnOnce() -> *mut std::ffi::c_char) -> Option<Datum> {
    let room = Roomy::call();
    let name = name();
    drop(room);
    // SAFETY: promised by the caller.
    (!name.is_null()).then(|| text(unsafe { CStr::from_ptr(name) }))
}

/// A text that is valid in this database, whatever the string is. One from elsewhere may be in
/// another encoding or in none: a name is in the encoding of the database where it was given, and a
/// client may say anything before it is authenticated. PostgreSQL's functions fail on such a text,
/// and one row must not make a view unreadable.
pub fn text(string: &CStr) -> Datum {
    text_of(string.to_bytes())
}

/// As `text`, of bytes.
pub fn text_of(bytes: &[u8]) -> Datum {
    // SAFETY: looks at the bytes, and raises no error.
    let valid = bytes.is_ascii()
        || unsafe {
            pg_sys::pg_verify_mbstr(pg_sys::GetDatabaseEncoding(), bytes.as_ptr().cast(), bytes.len() as i32, true)
        };
    if valid { copy(bytes) } else { ascii(bytes) }
}

/// Raises our own error if there is no room: pgrx would copy PostgreSQL's into the current memory
/// context, which has no room then.
fn copy(bytes: &[u8]) -> Datum {
    let size = pg_sys::VARHDRSZ + bytes.len();
    // SAFETY: a text is its length and then its bytes, and there is room for both.
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

/// The encoding of no database.
pub const UNKNOWN_ENCODING: i32 = -1;

/// A text of another session, whose database may have another encoding. If so, each byte that is
/// not ASCII becomes `?`.
pub fn foreign_text(bytes: &[u8], encoding: i32) -> Datum {
    // SAFETY: reads this process's own memory.
    if encoding == unsafe { pg_sys::GetDatabaseEncoding() } { text_of(bytes) } else { ascii(bytes) }
}

/// A text of a session in that database.
pub fn text_in(bytes: &[u8], database: Oid) -> Datum {
    // SAFETY: reads this process's own memory.
    let is_here = bytes.is_ascii() || database == unsafe { pg_sys::MyDatabaseId };
    if is_here { text_of(bytes) } else { foreign_text(bytes, encoding_of(database)) }
}

fn encoding_of(database: Oid) -> i32 {
    let _room = Roomy::call();
    // SAFETY: the form is read before its tuple is released.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::DATABASEOID as i32, database.into());
        if tuple.is_null() {
            return UNKNOWN_ENCODING;
        }
        let encoding = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_database>()).encoding;
        pg_sys::ReleaseSysCache(tuple);
        encoding
    }
}

fn ascii(bytes: &[u8]) -> Datum {
    if bytes.is_ascii() {
        return copy(bytes);
    }
    let mut copied = memory::bytes(bytes.len());
    copied.extend(bytes.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }));
    copy(&copied)
}
