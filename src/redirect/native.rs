//! PostgreSQL's own functions, by their oids.

use pgrx::pg_sys::{self, Oid};

pub const TERMINATE: Oid = Oid::from_u32(pg_sys::F_PG_TERMINATE_BACKEND);
pub const CANCEL: Oid = Oid::from_u32(pg_sys::F_PG_CANCEL_BACKEND);

pub fn is_native(function: Oid) -> bool {
    function == TERMINATE || function == CANCEL
}

pub fn name_of(function: Oid) -> &'static str {
    if function == TERMINATE { "pg_terminate_backend" } else { "pg_cancel_backend" }
}
