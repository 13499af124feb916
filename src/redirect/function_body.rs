//! Which functions in language SQL must not be inlined? Those that might call PostgreSQL's functions.
//!
//! PostgreSQL puts the body of a small SQL function into the query that calls it, after the planner hook has seen that query. A function that
//! is not inlined has its body planned by itself, where the hook sees it. PostgreSQL asks about each function that is called by its oid, so
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
/// Each function has one place, which the next one of that place takes.
const PLACES: usize = 64;

#[derive(Clone, Copy, PartialEq)]
enum Body {
    /// In another language.
    Other,
    Harmless,
    /// Its text, or its parsed form, has a native call.
    NamesNative,
}

#[derive(Clone, Copy)]
struct Verdict {
    function: Oid,
    /// By which PostgreSQL tells that a function has changed.
    hash: u32,
    body: Body,
}

struct Verdicts {
    of: [Cell<Verdict>; PLACES],
    /// Are there operators over native functions? None until somebody asks, and again when an operator changes.
    operators: Cell<Option<bool>>,
    /// How often something was to be forgotten.
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

/// Might this function have to be kept from being inlined? Nothing is looked up if it is known not to.
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
/// Inside a transaction.
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

/// Forget what is known when a function or an operator changes.
pub fn watch_catalog() {
    use pg_sys::SysCacheIdentifier::{OPEROID, PROCOID};
    // SAFETY: the callbacks are plain functions that cannot fail.
    unsafe {
        pg_sys::CacheRegisterSyscacheCallback(PROCOID as i32, Some(forget_function), Datum::from(0));
        pg_sys::CacheRegisterSyscacheCallback(OPEROID as i32, Some(forget_operators), Datum::from(0));
    }
}

/// `hash` is 0 for all functions.
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
    // The look itself hears of changes: what it found before one is not to be kept.
    if VERDICTS.forgotten.get() == before {
        place(function).set(Verdict { function, hash, body });
    }
    body
}

/// The text of a SQL function, and its parsed body if it was defined with one. None for another function.
fn texts(function: Oid) -> Option<Vec<Vec<u8>>> {
    let _room = Roomy::call();
    let attributes = [pg_sys::Anum_pg_proc_prosrc, pg_sys::Anum_pg_proc_prosqlbody];
    // SAFETY: the form is read and the texts are copied before the tuple is released.
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

/// Has this database an operator that is made over a native function? It can be in the body of any function, or in a view that it reads. There
/// are next to none, so while there is one nothing is inlined.
pub fn has_operators() -> bool {
    // SAFETY: a function is looked up, or a query planned: both happen inside a transaction.
    VERDICTS.operators.get().unwrap_or_else(|| unsafe { look_for_operators() })
}

/// # Safety
/// Inside a transaction.
#[pg_guard]
unsafe extern "C-unwind" fn look_for_operators() -> bool {
    let before = VERDICTS.forgotten.get();
    let found = find_operator();
    if VERDICTS.forgotten.get() == before {
        VERDICTS.operators.set(Some(found));
    }
    found
}

/// Looks at those that users have made.
fn find_operator() -> bool {
    let _room = Roomy::call();
    // SAFETY: a scan of the catalog, whose rows have this form; it ends before the table is closed.
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
