//! PostgreSQL's own functions that signal a session, by the oids that they have on every server.

use std::ffi::CStr;

use pgrx::pg_sys::{self, Oid};

pub const TERMINATE: Oid = Oid::from_u32(pg_sys::F_PG_TERMINATE_BACKEND);
pub const CANCEL: Oid = Oid::from_u32(pg_sys::F_PG_CANCEL_BACKEND);

pub fn is_native(function: Oid) -> bool {
    function == TERMINATE || function == CANCEL
}

/// `function` is one of them.
pub fn name_of(function: Oid) -> &'static CStr {
    if function == TERMINATE { c"pg_terminate_backend" } else { c"pg_cancel_backend" }
}
