//! Refuses calls of PostgreSQL's own functions that bypass our redirection, to all but superusers.
//!
//! The planner hook does not see what is not planned: arguments of EXECUTE and CALL, constraints,
//! defaults, the protocol's FunctionCall message, and more than can be listed. Nor does it see what
//! the planner puts into a query later. In all these places PostgreSQL asks object_access_hook
//! before it runs a function. Redirected calls pass, because they call our functions; so does our
//! own call of PostgreSQL's function (`signal/native.rs`), for which the hook is not asked.
//!
//! The hook is not asked when PostgreSQL estimates how many rows an operator selects, which calls
//! the operator's function. So operators over the native functions are refused when they are made,
//! and again when a query is planned that has one, its negator or its commutator
//! (`redirect/mod.rs`).

use std::ffi::CStr;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag, Oid};

use crate::error;
use crate::gucs;
use crate::pg::extension;
use crate::pg::list;
use crate::pg::memory::Roomy;
use crate::pg::native_functions::{is_native, name_of};

/// Is a native function about to run? A cheap first look, because it is taken for every function of
/// a query.
pub fn is_native_call(access: pg_sys::ObjectAccessType::Type, class: Oid, object: Oid) -> bool {
    access == pg_sys::ObjectAccessType::OAT_FUNCTION_EXECUTE
        && is_native(object)
        && class == pg_sys::ProcedureRelationId
        && gucs::redirect()
}

/// Raises the error, unless the caller is a superuser or the extension is not in this database.
///
/// # Safety
/// Must be called inside a transaction; `function` is a native one.
#[cold]
#[pg_guard]
pub unsafe extern "C-unwind" fn refuse(function: Oid) {
    if extension::targets().is_some() && !is_superuser() {
        error::native_denied(name_of(function)).raise();
    }
}

fn is_superuser() -> bool {
    let _room = Roomy::call();
    // SAFETY: a plain look-up, inside the transaction of the caller.
    unsafe { pg_sys::superuser() }
}

/// Is this a command that makes an aggregate or an operator?
///
/// # Safety
/// `command` is what ProcessUtility_hook was given.
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

/// Refuses the command if it makes an aggregate or operator over a native function.
///
/// # Safety
/// As for `is_definition`, which said yes.
#[cold]
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

/// The elements of a definition that name a function. An operator's estimators are left out: they
/// have other arguments than a native function.
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
/// `element` is one of a definition's.
unsafe fn native_named_by(element: *mut pg_sys::DefElem) -> Option<Oid> {
    let _room = Roomy::call();
    let arguments = [pg_sys::INT4OID, pg_sys::INT8OID];
    // SAFETY: promised by the caller; nodes are read by their tags, and names are looked up as the
    // command does it.
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
