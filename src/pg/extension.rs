//! What this database has of the extension: the functions that take the place of PostgreSQL's own,
//! and the version of the SQL.
//!
//! A name is not enough: anyone with CREATE on the database could have made a schema
//! `redshift_sessions` with look-alikes. Only a superuser can make a function in language C.

use std::cell::Cell;
use std::cmp::Ordering;
use std::ffi::CStr;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, AttrNumber, Datum, Oid};

use crate::error;
use crate::pg::backend_local::BackendLocal;
use crate::pg::memory::Roomy;

/// A fixed oid, from PostgreSQL's pg_language.dat.
const C_LANGUAGE: Oid = Oid::from_u32(13);

#[derive(Clone, Copy)]
pub struct Targets {
    pub terminate: Oid,
    pub terminate_bool: Oid,
    pub cancel: Oid,
    pub cancel_bool: Oid,
}

struct Known {
    /// None until somebody asks, and again after a schema or a function has changed, as by CREATE
    /// or DROP EXTENSION.
    targets: Cell<Option<Option<Targets>>>,
    /// How many times the answer had to be forgotten.
    forgotten: Cell<u64>,
}

static KNOWN: BackendLocal<Known> = BackendLocal::new(Known { targets: Cell::new(None), forgotten: Cell::new(0) });

/// None in a database without the extension. The caller's privileges do not matter.
pub fn targets() -> Option<Targets> {
    if let Some(known) = KNOWN.targets.get() {
        return known;
    }
    let before = KNOWN.forgotten.get();
    let found = look_up();
    // During the look-up PostgreSQL may tell us of a change. Then what was found is not kept.
    if KNOWN.forgotten.get() == before {
        KNOWN.targets.set(Some(found));
    }
    found
}

/// Has `targets` look, so that it is known; for hooks, which have no guard.
///
/// # Safety
/// Must be called inside a transaction.
#[cold]
#[pg_guard]
pub unsafe extern "C-unwind" fn look() {
    targets();
}

/// Is it known, without a look-up, that the extension is here?
pub fn are_known() -> bool {
    matches!(KNOWN.targets.get(), Some(Some(_)))
}

/// Would `targets` have to look?
pub fn is_unknown() -> bool {
    KNOWN.targets.get().is_none()
}

/// Has the answer forgotten whenever a schema or a function changes.
pub fn watch_catalog() {
    for cache in [pg_sys::SysCacheIdentifier::NAMESPACEOID, pg_sys::SysCacheIdentifier::PROCOID] {
        // SAFETY: the callback is a plain function that cannot fail.
        unsafe { pg_sys::CacheRegisterSyscacheCallback(cache as i32, Some(forget), Datum::from(0)) }
    }
}

unsafe extern "C-unwind" fn forget(_arg: Datum, _cache: std::ffi::c_int, _hash: u32) {
    KNOWN.targets.set(None);
    KNOWN.forgotten.set(KNOWN.forgotten.get() + 1);
}

fn look_up() -> Option<Targets> {
    let _room = Roomy::call();
    // SAFETY: a look-up by name, which may find nothing.
    let schema = unsafe { pg_sys::get_namespace_oid(c"redshift_sessions".as_ptr(), true) };
    if schema == Oid::INVALID {
        return None;
    }
    let pid = [pg_sys::INT4OID];
    let pid_and_timeout = [pg_sys::INT4OID, pg_sys::INT8OID];
    Some(Targets {
        terminate: function(schema, c"pg_terminate_backend", &pid, pg_sys::INT4OID)?,
        terminate_bool: function(schema, c"pg_terminate_backend_bool", &pid_and_timeout, pg_sys::BOOLOID)?,
        cancel: function(schema, c"pg_cancel_backend", &pid, pg_sys::INT4OID)?,
        cancel_bool: function(schema, c"pg_cancel_backend_bool", &pid, pg_sys::BOOLOID)?,
    })
}

fn function(schema: Oid, name: &CStr, arguments: &[Oid], result: Oid) -> Option<Oid> {
    // SAFETY: `form` is read before its tuple is released.
    unsafe {
        let types = pg_sys::buildoidvector(arguments.as_ptr(), arguments.len() as i32);
        let tuple = pg_sys::SearchSysCache3(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as i32,
            Datum::from(name.as_ptr()),
            Datum::from(types),
            schema.into(),
        );
        pg_sys::pfree(types.cast());
        if tuple.is_null() {
            return None;
        }
        let form = &*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_proc>();
        let ours = form.prolang == C_LANGUAGE && form.prorettype == result && !form.proretset;
        let function = form.oid;
        pg_sys::ReleaseSysCache(tuple);
        ours.then_some(function)
    }
}

/// Is this the function behind svv_transactions? Only a superuser can make one in language C.
pub fn is_svv_transactions(function: Oid) -> bool {
    let _room = Roomy::call();
    // SAFETY: the tuple's struct and text are read before the tuple is released.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
        let tuple = pg_sys::SearchSysCache1(cache, function.into());
        if tuple.is_null() {
            return false;
        }
        let mut ours = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_proc>()).prolang == C_LANGUAGE;
        if ours {
            let mut isnull = false;
            let source = pg_sys::SysCacheGetAttr(cache, tuple, pg_sys::Anum_pg_proc_prosrc as i16, &mut isnull);
            let source = pg_sys::text_to_cstring(source.cast_mut_ptr());
            ours = CStr::from_ptr(source) == c"svv_transactions_wrapper";
            pg_sys::pfree(source.cast());
        }
        pg_sys::ReleaseSysCache(tuple);
        ours
    }
}

/// The extensions of this package.
const OURS: [&CStr; 2] = [c"redshift_sessions", c"redshift_sessions_extras"];

/// Is the relation one of our extensions'?
pub fn owns(relation: Oid) -> bool {
    let _room = Roomy::call();
    // SAFETY: plain look-ups, which may find nothing.
    unsafe {
        let extension = pg_sys::getExtensionOfObject(pg_sys::RelationRelationId, relation);
        extension != Oid::INVALID && OURS.iter().any(|name| pg_sys::get_extension_oid(name.as_ptr(), true) == extension)
    }
}

const LIBRARY: &str = env!("CARGO_PKG_VERSION");

/// Has this session looked up which version is installed?
static LOOKED: BackendLocal<Cell<bool>> = BackendLocal::new(Cell::new(false));

/// Warns if the SQL and the library are of different versions. Called wherever our functions begin:
/// the first call in a session looks into the catalog, the others do nothing.
pub fn remind() {
    if LOOKED.replace(true) {
        return;
    }
    let Some(installed) = installed() else { return };
    match compare(&installed, LIBRARY) {
        Some(Ordering::Less) => error::earlier_sql(&installed, LIBRARY).warn(),
        Some(Ordering::Greater) => error::earlier_library(&installed, LIBRARY).warn(),
        Some(Ordering::Equal) | None => {}
    }
}

/// None if one of them is no version of ours.
fn compare(installed: &str, library: &str) -> Option<Ordering> {
    let numbers = |version: &str| version.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u32>>>();
    Some(numbers(installed)?.cmp(&numbers(library)?))
}

/// The version in pg_extension. None as well if somebody has locked that table: whoever looks for
/// locks must not wait for one.
fn installed() -> Option<String> {
    let _room = Roomy::call();
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: the name outlives the scan; the tuple is read before the scan ends, and the lock is
    // given back.
    unsafe {
        if !pg_sys::ConditionalLockRelationOid(pg_sys::ExtensionRelationId, lock) {
            return None;
        }
        let table = pg_sys::table_open(pg_sys::ExtensionRelationId, pg_sys::NoLock as pg_sys::LOCKMODE);
        let mut key = pg_sys::ScanKeyData::default();
        pg_sys::ScanKeyInit(
            &mut key,
            pg_sys::Anum_pg_extension_extname as AttrNumber,
            pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber,
            Oid::from(pg_sys::F_NAMEEQ),
            Datum::from(c"redshift_sessions".as_ptr()),
        );
        let index = Oid::from(pg_sys::ExtensionNameIndexId);
        let scan = pg_sys::systable_beginscan(table, index, true, std::ptr::null_mut(), 1, &mut key);
        let tuple = pg_sys::systable_getnext(scan);
        let version = (!tuple.is_null()).then(|| {
            let mut isnull = false;
            let column = pg_sys::Anum_pg_extension_extversion as i32;
            let text = pg_sys::htup::heap_getattr(tuple, column, (*table).rd_att, &mut isnull);
            CStr::from_ptr(pg_sys::text_to_cstring(text.cast_mut_ptr())).to_string_lossy().into_owned()
        });
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(table, lock);
        version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(compare("0.1.0", "0.2.0"), Some(Ordering::Less));
        assert_eq!(compare("0.9.0", "0.10.0"), Some(Ordering::Less));
        assert_eq!(compare("0.2.0", "0.2.0"), Some(Ordering::Equal));
        assert_eq!(compare("1.0.0", "0.2.0"), Some(Ordering::Greater));
    }

    #[test]
    fn nothing_is_said_of_what_is_no_version() {
        assert_eq!(compare("mine", "0.2.0"), None);
    }
}
