//! Refuses STL_ and STV_ views, as Redshift Serverless does, where a session has asked for that.
//!
//! A query that is planned or is about to run brings the relations whose privileges PostgreSQL
//! checks: those of users' own views and of functions too, and of what is only explained. A
//! definition brings none.

use std::ffi::{CStr, CString, c_int, c_void};

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Oid};

use crate::error;
use crate::gucs;
use crate::pg::compat;
use crate::pg::extension;
use crate::pg::list;
use crate::pg::memory;
use crate::pg::memory::Roomy;
use crate::pg::raw;

/// Must the query be looked at? Asked for every query.
pub fn is_on() -> bool {
    gucs::serverless()
}

/// Raises the error if the plan reads one of the views, whoever asks. Plans may be old, and what
/// was not refused when one was made may be now.
///
/// # Safety
/// `query` is that of ExecutorStart, inside a transaction.
#[cold]
#[pg_guard]
pub unsafe extern "C-unwind" fn refuse_plan(query: *const pg_sys::QueryDesc) {
    // SAFETY: promised by the caller.
    refuse(unsafe { compat::checked_in_plan((*query).plannedstmt) });
}

/// Raises the error if the query reads one of the views. PostgreSQL's planner checks the privileges
/// on views too, and its words would be others.
///
/// # Safety
/// `query` is the planner's, inside a transaction.
#[cold]
#[pg_guard]
pub unsafe extern "C-unwind" fn refuse_query(query: *mut pg_sys::Query) {
    let mut relations: *mut pg_sys::List = std::ptr::null_mut();
    // SAFETY: promised by the caller; the walker gets the context that it expects, and makes a list
    // of integers.
    let relations = unsafe {
        collect(query.cast(), (&raw mut relations).cast());
        list::cells(relations).iter().map(|cell| Oid::from(cell.int_value as u32))
    };
    refuse(relations);
}

unsafe extern "C-unwind" fn collect(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: PostgreSQL made the tree; nodes are read by their tags. The context is that of
    // `refuse_query`; nothing here has a destructor.
    unsafe {
        let Some(tag) = node.as_ref().map(|node| node.type_) else { return false };
        if tag != pg_sys::NodeTag::T_Query {
            return raw::expression_tree_walker(node, collect, context);
        }
        let relations = context.cast::<*mut pg_sys::List>();
        for relation in compat::checked_in_query(node.cast()) {
            *relations = raw::lappend_int(*relations, relation.to_u32() as c_int);
        }
        raw::query_tree_walker(node.cast(), collect, context, 0)
    }
}

fn refuse(mut relations: impl Iterator<Item = Oid>) {
    if let Some(name) = relations.find_map(refused_view) {
        error::serverless(&name).raise();
    }
}

/// The name of the relation, if it is a view to be refused.
fn refused_view(relation: Oid) -> Option<CString> {
    let name = catalog_name(relation)?;
    (is_refused(&name) && extension::owns(relation)).then_some(name)
}

/// The name of a relation in pg_catalog.
fn catalog_name(relation: Oid) -> Option<CString> {
    let _room = Roomy::call();
    // SAFETY: plain look-ups; the name is NULL, or a string that is copied.
    unsafe {
        if pg_sys::get_rel_namespace(relation) != Oid::from(pg_sys::PG_CATALOG_NAMESPACE) {
            return None;
        }
        let name = pg_sys::get_rel_name(relation);
        (!name.is_null()).then(|| memory::c_string(CStr::from_ptr(name)))
    }
}

fn is_refused(name: &CStr) -> bool {
    let name = name.to_bytes();
    name.starts_with(b"stl_") || name.starts_with(b"stv_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_letters_of_a_name_decide() {
        for name in [c"stl_sessions", c"stv_recents", c"stv_"] {
            assert!(is_refused(name));
        }
        for name in [c"svv_transactions", c"svl_terminate", c"sys_session_history", c"stl", c"stlx_a", c"pg_stl_a"] {
            assert!(!is_refused(name));
        }
    }
}
