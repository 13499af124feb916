//! What things are called that locks are on: tables and other relations, catalogs, databases.
//!
//! Names are looked up without a lock, as those of regclass are: what was dropped has a number
//! only.

use std::ffi::{CStr, c_char};

use pgrx::pg_sys::{self, Oid};

use crate::pg::memory::Roomy;
use crate::pg::text;

/// What it is and its name: `table public.lineitem`. One that has gone: `relation 16400`. One of
/// another database: `relation 16400 of database dev`.
pub fn relation(database: Oid, relation: Oid) -> String {
    if !is_here(database) {
        return format!("relation {} of database {}", relation.to_u32(), name_of_database(database));
    }
    match qualified(relation) {
        Some(name) => format!("{} {name}", kind(relation)),
        None => format!("relation {}", relation.to_u32()),
    }
}

pub fn name_of_database(database: Oid) -> String {
    match text::database(database) {
        Some(name) => text::readable(name.to_bytes()),
        None => database.to_u32().to_string(),
    }
}

/// The name of a role. One that was dropped has a number only.
pub fn name_of_role(role: Oid) -> String {
    match text::role(role) {
        Some(name) => text::readable(name.to_bytes()),
        None => role.to_u32().to_string(),
    }
}

/// Shared relations are of no database.
fn is_here(database: Oid) -> bool {
    // SAFETY: reads this process's own memory.
    database == Oid::INVALID || database == unsafe { pg_sys::MyDatabaseId }
}

fn qualified(relation: Oid) -> Option<String> {
    let _room = Roomy::call();
    // SAFETY: each gives NULL for what does not exist, or a string.
    unsafe {
        let name = string(pg_sys::get_rel_name(relation))?;
        let schema = string(pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relation)))?;
        string(pg_sys::quote_qualified_identifier(schema.as_ptr(), name.as_ptr()))
            .map(|name| text::readable(name.to_bytes()))
    }
}

/// # Safety
/// `string` is NULL, or a string that lives as long as it is used.
unsafe fn string<'a>(string: *const c_char) -> Option<&'a CStr> {
    // SAFETY: promised by the caller.
    (!string.is_null()).then(|| unsafe { CStr::from_ptr(string) })
}

fn kind(relation: Oid) -> &'static str {
    // SAFETY: a plain look-up; 0 for what does not exist.
    match unsafe { pg_sys::get_rel_relkind(relation) } as u8 {
        pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE => "table",
        pg_sys::RELKIND_INDEX | pg_sys::RELKIND_PARTITIONED_INDEX => "index",
        pg_sys::RELKIND_SEQUENCE => "sequence",
        pg_sys::RELKIND_TOASTVALUE => "TOAST table",
        pg_sys::RELKIND_VIEW => "view",
        pg_sys::RELKIND_MATVIEW => "materialized view",
        pg_sys::RELKIND_FOREIGN_TABLE => "foreign table",
        _ => "relation",
    }
}
