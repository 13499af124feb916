//! Keeps SQL functions that might call PostgreSQL's own functions from being inlined.
//!
//! PostgreSQL inlines the body of a small SQL function into the query that calls it, after the
//! planner hook has seen that query. The body of a function that is not inlined is planned by
//! itself, and the hook sees it. PostgreSQL asks each time it looks up a function by its oid, so
//! verdicts are remembered.

use std::cell::Cell;
use std::ffi::CStr;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum, Oid};

use crate::gucs;
use crate::pg::backend_local::BackendLocal;
use crate::pg::extension;
use crate::pg::memory::Roomy;
use crate::pg::native_functions;
use crate::redirect::sql_text;

/// A fixed oid, from PostgreSQL's pg_language.dat.
const SQL_LANGUAGE: Oid = Oid::from_u32(14);
/// Number of places for verdicts. Functions that share a place displace each other.
const PLACES: usize = 64;

#[derive(Clone, Copy, PartialEq)]
enum Body {
    /// Not in language SQL.
    Other,
    Harmless,
    /// Its text or its parsed body names a native function.
    NamesNative,
}

#[derive(Clone, Copy)]
struct Verdict {
    function: Oid,
    /// The function's hash in the system cache, by which PostgreSQL reports that it has changed.
    hash: u32,
    body: Body,
}

struct Verdicts {
    of: [Cell<Verdict>; PLACES],
    /// Are there operators over native functions? None until somebody asks, and again after an
    /// operator changes.
    operators: Cell<Option<bool>>,
    /// Number of invalidations so far: shows that one came during a look-up.
    forgotten: Cell<u64>,
}

const NONE: Verdict = Verdict { function: Oid::INVALID, hash: 0, body: Body::Other };

static VERDICTS: BackendLocal<Verdicts> = BackendLocal::new(Verdicts {
    of: [const { Cell::new(NONE) }; PLACES],
    operators: Cell::new(None),
    forgotten: Cell::new(0),
});

fn place(function: Oid) -> &'static Cell<Verdict> {
    &VERDICTS.of[function.to_u32() as usize % PLACES]
}

/// Might this function have to be kept from being inlined? Answers from memory, without a look-up:
/// a function that is not known yet is a candidate.
pub fn is_candidate(function: Oid) -> bool {
    if !gucs::redirect() || function.to_u32() < pg_sys::FirstNormalObjectId {
        return false;
    }
    let known = place(function).get();
    known.function != function
        || match known.body {
            Body::Other => false,
            Body::Harmless => VERDICTS.operators.get() != Some(false),
            Body::NamesNative => true,
        }
}

/// # Safety
/// Must be called inside a transaction.
#[pg_guard]
pub unsafe extern "C-unwind" fn must_stay(function: Oid) -> bool {
    let known = place(function).get();
    let body = if known.function == function { known.body } else { look_at(function) };
    let calls = match body {
        Body::Other => false,
        Body::Harmless => has_operators(),
        Body::NamesNative => true,
    };
    calls && extension::targets().is_some()
}

/// Makes us forget what we know when a function or an operator changes.
pub fn watch_catalog() {
    use pg_sys::SysCacheIdentifier::{OPEROID, PROCOID};
    // SAFETY: the callbacks are plain functions that cannot fail.
    unsafe {
        pg_sys::CacheRegisterSyscacheCallback(PROCOID as i32, Some(forget_function), Datum::from(0));
        pg_sys::CacheRegisterSyscacheCallback(OPEROID as i32, Some(forget_operators), Datum::from(0));
    }
}

/// A `hash` of 0 stands for all functions.
unsafe extern "C-unwind" fn forget_function(_argument: Datum, _cache: std::ffi::c_int, hash: u32) {
    VERDICTS.forgotten.set(VERDICTS.forgotten.get() + 1);
    for place in &VERDICTS.of {
        if hash == 0 || place.get().hash == hash {
            place.set(NONE);
        }
    }
}

unsafe extern "C-unwind" fn forget_operators(_argument: Datum, _cache: std::ffi::c_int, _hash: u32) {
    VERDICTS.forgotten.set(VERDICTS.forgotten.get() + 1);
    VERDICTS.operators.set(None);
}

fn look_at(function: Oid) -> Body {
    let before = VERDICTS.forgotten.get();
    let body = match texts(function) {
        None => Body::Other,
        Some(texts) if texts.iter().any(|text| sql_text::names_native_call(text)) => Body::NamesNative,
        Some(_) => Body::Harmless,
    };
    let none = Datum::from(0);
    let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
    // SAFETY: computes a number from an oid.
    let hash = unsafe { pg_sys::GetSysCacheHashValue(cache, function.into(), none, none, none) };
    // An invalidation may come during the look-up. What was found before it is not kept.
    if VERDICTS.forgotten.get() == before {
        place(function).set(Verdict { function, hash, body });
    }
    body
}

/// The text of a SQL function, and its parsed body if it has one. None for a function in another
/// language, or one that is gone.
fn texts(function: Oid) -> Option<Vec<Vec<u8>>> {
    let _room = Roomy::call();
    let attributes = [pg_sys::Anum_pg_proc_prosrc, pg_sys::Anum_pg_proc_prosqlbody];
    // SAFETY: the row's form is read and its texts are copied before the tuple is released.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::PROCOID as i32;
        let tuple = pg_sys::SearchSysCache1(cache, function.into());
        if tuple.is_null() {
            return None;
        }
        let in_sql = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_proc>()).prolang == SQL_LANGUAGE;
        let texts = attributes.iter().filter_map(|attribute| {
            let mut isnull = false;
            let text = pg_sys::SysCacheGetAttr(cache, tuple, *attribute as i16, &mut isnull);
            (!isnull).then(|| {
                let string = pg_sys::text_to_cstring(text.cast_mut_ptr());
                let copy = CStr::from_ptr(string).to_bytes().to_vec();
                pg_sys::pfree(string.cast());
                copy
            })
        });
        let texts = in_sql.then(|| texts.collect());
        pg_sys::ReleaseSysCache(tuple);
        texts
    }
}

/// Does this database have an operator over a native function? Any function may use it, in its body
/// or in a view that it reads, so while there is one no SQL function is inlined. Hardly any
/// database has one.
pub fn has_operators() -> bool {
    // SAFETY: called while a function is looked up or a query is planned, which happens inside a
    // transaction.
    VERDICTS.operators.get().unwrap_or_else(|| unsafe { look_for_operators() })
}

/// # Safety
/// Must be called inside a transaction.
#[pg_guard]
unsafe extern "C-unwind" fn look_for_operators() -> bool {
    let before = VERDICTS.forgotten.get();
    let found = find_operator();
    if VERDICTS.forgotten.get() == before {
        VERDICTS.operators.set(Some(found));
    }
    found
}

/// Looks at the operators that users have made.
fn find_operator() -> bool {
    let _room = Roomy::call();
    // SAFETY: scans pg_operator, whose rows have this form. The scan ends before the table is
    // closed.
    unsafe {
        let lock = pg_sys::AccessShareLock as i32;
        let mut key = pg_sys::ScanKeyData::default();
        let oldest = Oid::from_u32(pg_sys::FirstNormalObjectId);
        pg_sys::ScanKeyInit(
            &mut key,
            pg_sys::Anum_pg_operator_oid as i16,
            pg_sys::BTGreaterEqualStrategyNumber as u16,
            pg_sys::F_OIDGE.into(),
            oldest.into(),
        );
        let table = pg_sys::table_open(pg_sys::OperatorRelationId, lock);
        let index = Oid::from_u32(pg_sys::OperatorOidIndexId);
        let scan = pg_sys::systable_beginscan(table, index, true, std::ptr::null_mut(), 1, &mut key);
        let mut found = false;
        while !found {
            let Some(tuple) = pg_sys::systable_getnext(scan).as_mut() else { break };
            found =
                native_functions::is_native((*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_operator>()).oprcode);
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(table, lock);
        found
    }
}
