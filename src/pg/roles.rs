//! What the catalog says of a role.

use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Datum, Oid};

use crate::pg::memory;
use crate::pg::memory::Roomy;

pub struct Role {
    pub oid: Oid,
    pub name: CString,
    pub can_log_in: bool,
    pub creates_databases: bool,
    pub is_superuser: bool,
    pub valid_until: Option<pg_sys::TimestampTz>,
}

pub fn by_oid(oid: Oid) -> Option<Role> {
    look_up(pg_sys::SysCacheIdentifier::AUTHOID, oid.into())
}

pub fn by_name(name: &CStr) -> Option<Role> {
    look_up(pg_sys::SysCacheIdentifier::AUTHNAME, Datum::from(name.as_ptr()))
}

/// What the running command has changed can be seen from here on.
pub fn show_changes() {
    let _room = Roomy::call();
    // SAFETY: called in a transaction, between a command and the next one. PostgreSQL does the same
    // then.
    unsafe { pg_sys::CommandCounterIncrement() }
}

fn look_up(cache: pg_sys::SysCacheIdentifier::Type, key: Datum) -> Option<Role> {
    let _room = Roomy::call();
    // SAFETY: `form` and the column are read before their tuple is released.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(cache as i32, key);
        if tuple.is_null() {
            return None;
        }
        let form = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_authid>();
        let mut isnull = false;
        let column = pg_sys::Anum_pg_authid_rolvaliduntil as i16;
        let valid_until = pg_sys::SysCacheGetAttr(cache as i32, tuple, column, &mut isnull);
        let role = Role {
            oid: form.oid,
            name: memory::c_string(CStr::from_ptr(form.rolname.data.as_ptr())),
            can_log_in: form.rolcanlogin,
            creates_databases: form.rolcreatedb,
            is_superuser: form.rolsuper,
            valid_until: (!isnull).then(|| valid_until.value() as pg_sys::TimestampTz),
        };
        pg_sys::ReleaseSysCache(tuple);
        Some(role)
    }
}
