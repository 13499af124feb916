//! Does the SQL in this database belong to this library? Each session that uses an earlier version's is told once what to run.

use std::cell::Cell;
use std::cmp::Ordering;

use pgrx::pg_sys::{self, AttrNumber, Datum};

use crate::{error, memory};

const LIBRARY: &str = env!("CARGO_PKG_VERSION");

/// Has this session looked? A backend has one thread.
struct Looked(Cell<bool>);

// SAFETY: read and written by the only thread.
unsafe impl Sync for Looked {}

static LOOKED: Looked = Looked(Cell::new(false));

/// Called wherever our functions begin, so it costs a look at the catalog the first time, and nothing after that.
pub fn remind() {
    if LOOKED.0.replace(true) {
        return;
    }
    let Some(installed) = installed() else { return };
    match compare(&installed, LIBRARY) {
        Some(Ordering::Less) => error::earlier_sql(&installed, LIBRARY).warn(),
        Some(Ordering::Greater) => error::earlier_library(&installed, LIBRARY).warn(),
        Some(Ordering::Equal) | None => {}
    }
}

/// None for what is no version of ours.
fn compare(installed: &str, library: &str) -> Option<Ordering> {
    let numbers = |version: &str| version.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u32>>>();
    Some(numbers(installed)?.cmp(&numbers(library)?))
}

/// The version that pg_extension says. None as well if somebody has locked that table: who looks for locks must not wait for one.
fn installed() -> Option<String> {
    let _room = memory::Roomy::call();
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: the name outlives the scan; the tuple is read before it ends, and the lock is given back.
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
            pg_sys::Oid::from(pg_sys::F_NAMEEQ),
            Datum::from(c"redshift_sessions".as_ptr()),
        );
        let index = pg_sys::Oid::from(pg_sys::ExtensionNameIndexId);
        let scan = pg_sys::systable_beginscan(table, index, true, std::ptr::null_mut(), 1, &mut key);
        let tuple = pg_sys::systable_getnext(scan);
        let version = (!tuple.is_null()).then(|| {
            let mut isnull = false;
            let column = pg_sys::Anum_pg_extension_extversion as i32;
            let text = pg_sys::htup::heap_getattr(tuple, column, (*table).rd_att, &mut isnull);
            std::ffi::CStr::from_ptr(pg_sys::text_to_cstring(text.cast_mut_ptr())).to_string_lossy().into_owned()
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
