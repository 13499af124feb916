//! Where is PostgreSQL's own function refused? Wherever it would run past our redirection, to whoever is no superuser.
//!
//! What is not planned passes by the planner hook: arguments of EXECUTE and CALL, constraints, defaults, the function call message, and more
//! than can be listed. So does what the planner puts into a query later. Before PostgreSQL runs a function there, it asks
//! object_access_hook; not for redirected calls, which are ours, nor for our own call of its function (`backend.rs`).
//!
//! One thing it does not ask about: how many rows an operator selects is estimated with the operator's function. So operators over the native
//! functions are refused when they are made, and again when a query with one, its negator or its commutator is planned (`resolve.rs`).

use std::ffi::CStr;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag, Oid};

use crate::error;
use crate::gucs;
use crate::pg::extension;
use crate::pg::list;
use crate::pg::memory::Roomy;
use crate::pg::native_functions::{is_native, name_of};

/// Is a native function about to run? A first look that costs nothing: it is taken for every function that a query has.
pub fn is_native_call(access: pg_sys::ObjectAccessType::Type, class: Oid, object: Oid) -> bool {
    access == pg_sys::ObjectAccessType::OAT_FUNCTION_EXECUTE
        && is_native(object)
        && class == pg_sys::ProcedureRelationId
        && gucs::redirect()
}

/// # Safety
/// Inside a transaction; `function` is a native one.
#[pg_guard]
pub unsafe extern "C-unwind" fn refuse(function: Oid) {
    if extension::targets().is_some() && !is_superuser() {
        error::native_denied(name_of(function)).raise();
    }
}

fn is_superuser() -> bool {
    let _room = Roomy::call();
    // SAFETY: a plain look-up.
    unsafe { pg_sys::superuser() }
}

/// Is this a command that makes an aggregate or an operator?
///
/// # Safety
/// The command is one that ProcessUtility_hook was given.
pub unsafe fn is_definition(command: *const pg_sys::PlannedStmt) -> bool {
    use pg_sys::ObjectType::{OBJECT_AGGREGATE, OBJECT_OPERATOR};
    // SAFETY: promised by the caller; nodes are read by their tags.
    unsafe {
        let statement = (*command).utilityStmt;
        (*statement).type_ == NodeTag::T_DefineStmt
            && matches!((*statement.cast::<pg_sys::DefineStmt>()).kind, OBJECT_AGGREGATE | OBJECT_OPERATOR)
            && gucs::redirect()
    }
}

/// Refuses one that is made over a native function.
///
/// # Safety
/// As `is_definition`, which said yes.
#[pg_guard]
pub unsafe extern "C-unwind" fn refuse_definition(command: *const pg_sys::PlannedStmt) {
    if extension::targets().is_none() || is_superuser() {
        return;
    }
    // SAFETY: promised by the caller; the definition is a list of DefElem.
    unsafe {
        let definition = (*(*command).utilityStmt.cast::<pg_sys::DefineStmt>()).definition;
        for element in list::pointers(definition) {
            if let Some(function) = native_named_by(element) {
                error::native_denied(name_of(function)).raise();
            }
        }
    }
}

/// Names of elements that name a function. Those of an operator's estimators do not count: they have other arguments.
const FUNCTIONS: [&[u8]; 11] = [
    b"procedure",
    b"function",
    b"sfunc",
    b"sfunc1",
    b"finalfunc",
    b"combinefunc",
    b"serialfunc",
    b"deserialfunc",
    b"msfunc",
    b"minvfunc",
    b"mfinalfunc",
];

/// # Safety
/// An element of a definition.
unsafe fn native_named_by(element: *mut pg_sys::DefElem) -> Option<Oid> {
    let _room = Roomy::call();
    let arguments = [pg_sys::INT4OID, pg_sys::INT8OID];
    // SAFETY: promised by the caller; nodes are read by their tags, and names looked up as the command does it.
    unsafe {
        let tag = (*element).arg.as_ref()?.type_;
        if !FUNCTIONS.contains(&CStr::from_ptr((*element).defname).to_bytes())
            || !matches!(tag, NodeTag::T_TypeName | NodeTag::T_List | NodeTag::T_String)
        {
            return None;
        }
        let names = pg_sys::defGetQualifiedName(element);
        (1..=2)
            .map(|number| pg_sys::LookupFuncName(names, number, arguments.as_ptr(), true))
            .find(|function| is_native(*function))
    }
}
