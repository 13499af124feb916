//! Looks for native calls in a query, before it is planned.
//!
//! Nearly every statement has none and comes by here. So a query of the common shape is walked by
//! ourselves, and PostgreSQL's walkers, which are called for each node, get the rest. Only about
//! operators that users have made is the catalog asked: a look-up may wait for a lock.

use std::ffi::c_void;
use std::ptr;

use pgrx::pg_sys::{self, Node, NodeTag, Oid};

use crate::gucs;
use crate::pg::compat;
use crate::pg::list;
use crate::pg::native_functions::is_native;
use crate::pg::raw;
use crate::redirect::function_body;

/// Does the query have a native call? Not guarded, since every query comes by: an error here is
/// PostgreSQL's own, and goes past us.
///
/// # Safety
/// `query` is about to be planned.
pub unsafe fn has_native_call(query: *mut pg_sys::Query) -> bool {
    // SAFETY: promised by the caller; the walk changes nothing.
    gucs::redirect() && unsafe { find_in_query(query) }
}

/// # Safety
/// As for `has_native_call`.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe fn find_in_query(query: *mut pg_sys::Query) -> bool {
    // SAFETY: promised by the caller; PostgreSQL made the query.
    unsafe {
        match compat::plain_parts(&*query) {
            Some(parts) => {
                let from = &*parts.jointree;
                list::pointers::<pg_sys::TargetEntry>(parts.target_list).any(|entry| find((*entry).expr.cast(), DEPTH))
                    || find(from.quals, DEPTH)
                    || find_in_list(from.fromlist, DEPTH)
                    || find_in_list(parts.returning_list, DEPTH)
            }
            None => raw::query_tree_walker(query, find_native_call, ptr::null_mut(), 0),
        }
    }
}

unsafe extern "C-unwind" fn find_native_call(node: *mut Node, _context: *mut c_void) -> bool {
    // SAFETY: PostgreSQL walks a query that it made.
    unsafe { find(node, DEPTH) }
}

/// How deep we go before PostgreSQL, in its walker, looks whether there is stack left.
const DEPTH: u32 = 8;

/// # Safety
/// `node` is NULL or of a query that PostgreSQL made.
#[inline(always)]
unsafe fn find(node: *mut Node, depth: u32) -> bool {
    use NodeTag::{T_Const, T_Param, T_RangeTblRef, T_Var};
    // SAFETY: promised by the caller. Most nodes are of these kinds, and have no children.
    unsafe {
        !node.is_null()
            && !matches!((*node).type_, T_Var | T_Const | T_Param | T_RangeTblRef)
            && find_below(node, depth)
    }
}

/// # Safety
/// As for `find`, but not NULL.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe fn find_below(node: *mut Node, depth: u32) -> bool {
    // SAFETY: promised by the caller; nodes are read by their tags.
    unsafe {
        match (*node).type_ {
            NodeTag::T_OpExpr if depth > 0 && is_builtin((*node.cast::<pg_sys::OpExpr>()).opno) => {
                find_in_list((*node.cast::<pg_sys::OpExpr>()).args, depth - 1)
            }
            NodeTag::T_TargetEntry => find((*node.cast::<pg_sys::TargetEntry>()).expr.cast(), depth),
            NodeTag::T_Query => find_in_query(node.cast()),
            NodeTag::T_FuncExpr if is_native((*node.cast::<pg_sys::FuncExpr>()).funcid) => true,
            _ if native_of_operator(node).is_some() => true,
            NodeTag::T_FuncExpr if depth > 0 => find_in_list((*node.cast::<pg_sys::FuncExpr>()).args, depth - 1),
            NodeTag::T_BoolExpr if depth > 0 => find_in_list((*node.cast::<pg_sys::BoolExpr>()).args, depth - 1),
            _ => raw::expression_tree_walker(node, find_native_call, ptr::null_mut()),
        }
    }
}

/// # Safety
/// A list of such nodes.
#[inline(always)]
unsafe fn find_in_list(nodes: *const pg_sys::List, depth: u32) -> bool {
    // SAFETY: promised by the caller.
    unsafe { list::pointers(nodes).any(|node| find(node, depth)) }
}

/// The native function that PostgreSQL might call for a user-made operator.
///
/// PostgreSQL calls an operator's function to run it, and to estimate how many rows it selects. For
/// an estimate it may take the commutator or the negator instead. It also replaces NOT by the
/// negator, and then may do the same with that one.
///
/// # Safety
/// `node` belongs to a query that is about to be planned.
pub unsafe fn native_of_operator(node: *const pg_sys::Node) -> Option<Oid> {
    // SAFETY: promised by the caller; nodes are read by their tags. An operator without a partner
    // gives oid 0, for which the next look-up finds nothing.
    unsafe {
        let operator = match (*node).type_ {
            NodeTag::T_OpExpr | NodeTag::T_DistinctExpr | NodeTag::T_NullIfExpr => {
                (*node.cast::<pg_sys::OpExpr>()).opno
            }
            NodeTag::T_ScalarArrayOpExpr => (*node.cast::<pg_sys::ScalarArrayOpExpr>()).opno,
            _ => return None,
        };
        if is_builtin(operator) || !function_body::has_operators() {
            return None;
        }
        let negator = raw::get_negator(operator);
        [operator, raw::get_commutator(operator), negator, raw::get_commutator(negator)]
            .into_iter()
            .map(|operator| raw::get_opcode(operator))
            .find(|function| is_native(*function))
    }
}

fn is_builtin(operator: Oid) -> bool {
    operator.to_u32() < pg_sys::FirstNormalObjectId
}
