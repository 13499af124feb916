//! Which calls in a query are PostgreSQL's own, and which function takes their place?
//!
//! A bare output column of a client's own SELECT becomes Redshift's integer function when the query is analyzed; every
//! other call becomes the boolean one when the query is planned. Looking for calls needs no catalog, so statements
//! without one cost a walk over their tree. Only a query with an operator that somebody made has the database searched, once, for operators over
//! PostgreSQL's functions.

pub mod sql_text;
pub mod function_body;
pub mod refuse;

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag, Oid};

use crate::gucs;
use crate::pg::extension::{self, Targets};
use crate::pg::list;
use crate::pg::native_functions::{CANCEL, TERMINATE, is_native};
use crate::pg::raw;

/// # Safety
/// `query` is a query that is about to be planned. Not guarded: an error here is PostgreSQL's own, and passes whole.
pub unsafe fn has_native_call(query: *mut pg_sys::Query) -> bool {
    // SAFETY: a walk that changes nothing.
    gucs::redirect() && unsafe { find_native_call(query.cast(), ptr::null_mut()) }
}

/// # Safety
/// As `has_native_call`; the planner may change its query, and so may we.
#[pg_guard]
pub unsafe extern "C-unwind" fn redirect_nested(query: *mut pg_sys::Query) {
    let Some(targets) = extension::targets() else { return };
    let mut context = Redirection { targets, operator: Oid::INVALID };
    // SAFETY: the walker has the type of the context.
    unsafe {
        replace_native_call(query.cast(), (&raw mut context).cast());
        if context.operator != Oid::INVALID {
            refuse::refuse(context.operator);
        }
    }
}

struct Redirection {
    targets: Targets,
    /// The native function of an operator in the query, if there is one.
    operator: Oid,
}

unsafe extern "C-unwind" fn find_native_call(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: nodes of a tree that PostgreSQL made, by their tags.
    unsafe {
        let Some(tag) = node.as_ref().map(|node| node.type_) else { return false };
        match tag {
            NodeTag::T_FuncExpr if is_native((*node.cast::<pg_sys::FuncExpr>()).funcid) => true,
            // Most of what a statement has, and nothing below: not worth the walker's look.
            NodeTag::T_Var | NodeTag::T_Const | NodeTag::T_Param | NodeTag::T_RangeTblRef => false,
            NodeTag::T_TargetEntry => find_native_call((*node.cast::<pg_sys::TargetEntry>()).expr.cast(), context),
            NodeTag::T_Query => raw::query_tree_walker(node.cast(), find_native_call, context, 0),
            _ if native_of_operator(node).is_some() => true,
            _ => raw::expression_tree_walker(node, find_native_call, context),
        }
    }
}

unsafe extern "C-unwind" fn replace_native_call(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: as above; the context is that of `redirect_nested`. Errors of the walkers reach its caller's guard, and
    // nothing here has a destructor.
    unsafe {
        let Some(tag) = node.as_ref().map(|node| node.type_) else { return false };
        if tag == NodeTag::T_Query {
            return raw::query_tree_walker(node.cast(), replace_native_call, context, 0);
        }
        let found = &mut *context.cast::<Redirection>();
        if tag == NodeTag::T_FuncExpr {
            let call = &mut *node.cast::<pg_sys::FuncExpr>();
            match call.funcid {
                TERMINATE => call.funcid = found.targets.terminate_bool,
                CANCEL => call.funcid = found.targets.cancel_bool,
                _ => (),
            }
        }
        if let Some(function) = native_of_operator(node) {
            found.operator = function;
        }
        raw::expression_tree_walker(node, replace_native_call, context)
    }
}

/// The native function that PostgreSQL might call for an operator which somebody made: to run it, to estimate it, which may be done with its
/// commutator or its negator, or to do the same with the negator, which it puts in the place of NOT.
///
/// # Safety
/// A node of a query that is about to be planned.
unsafe fn native_of_operator(node: *const pg_sys::Node) -> Option<Oid> {
    // SAFETY: promised by the caller; nodes are read by their tags. Without a partner there is a look-up of nothing, which finds nothing.
    unsafe {
        let operator = match (*node).type_ {
            NodeTag::T_OpExpr | NodeTag::T_DistinctExpr | NodeTag::T_NullIfExpr => {
                (*node.cast::<pg_sys::OpExpr>()).opno
            }
            NodeTag::T_ScalarArrayOpExpr => (*node.cast::<pg_sys::ScalarArrayOpExpr>()).opno,
            _ => return None,
        };
        if operator.to_u32() < pg_sys::FirstNormalObjectId || !function_body::has_operators() {
            return None;
        }
        let negator = raw::get_negator(operator);
        [operator, raw::get_commutator(operator), negator, raw::get_commutator(negator)]
            .into_iter()
            .map(|operator| raw::get_opcode(operator))
            .find(|function| is_native(*function))
    }
}

/// Does a SELECT have a native call for an output column?
///
/// # Safety
/// The arguments are those of post_parse_analyze_hook.
pub unsafe fn has_native_output(query: *const pg_sys::Query) -> bool {
    // SAFETY: reads what PostgreSQL made.
    unsafe {
        (*query).commandType == pg_sys::CmdType::CMD_SELECT
            && gucs::redirect()
            && gucs::integer_result()
            && list::pointers((*query).targetList).any(|column| native_output(column).is_some())
    }
}

/// # Safety
/// The arguments are those of post_parse_analyze_hook, and `has_native_output` said yes.
#[pg_guard]
pub unsafe extern "C-unwind" fn redirect_output(pstate: *mut pg_sys::ParseState, query: *mut pg_sys::Query) {
    // SAFETY: see `has_native_output`.
    unsafe {
        if !is_clients_own(pstate, query) {
            return;
        }
        let Some(targets) = extension::targets() else { return };
        for call in list::pointers((*query).targetList).filter_map(|column| native_output(column)) {
            (*call).funcid = if (*call).funcid == TERMINATE { targets.terminate } else { targets.cancel };
            (*call).funcresulttype = pg_sys::INT4OID;
        }
    }
}

/// The call, if a column is one: with a pid only, and not one by which anything is sorted, grouped or made distinct.
///
/// # Safety
/// A column of a query.
unsafe fn native_output(column: *mut pg_sys::TargetEntry) -> Option<*mut pg_sys::FuncExpr> {
    // SAFETY: promised by the caller; nodes are read by their tags.
    unsafe {
        let expression = (*column).expr.cast::<pg_sys::Node>();
        if (*column).resjunk || (*column).ressortgroupref != 0 || (*expression).type_ != NodeTag::T_FuncExpr {
            return None;
        }
        let call = expression.cast::<pg_sys::FuncExpr>();
        let pid_only = list::cells((*call).args).len() == 1;
        (is_native((*call).funcid) && pid_only).then_some(call)
    }
}

/// Is this the text that the client has sent? What functions run has a text of its own: also in deferred triggers at commit and while a query is
/// planned, when no portal is active either. While one is, the client's text is a definition (CREATE VIEW) or COPY, but for the statement of
/// a PREPARE, which the client will execute. A background worker has no client.
///
/// # Safety
/// As `redirect_output`.
unsafe fn is_clients_own(pstate: *const pg_sys::ParseState, query: *const pg_sys::Query) -> bool {
    // SAFETY: reads what PostgreSQL made; the source text outlives the analysis.
    unsafe {
        let text = (*pstate).p_sourcetext;
        if text.is_null() || pg_sys::MyProcPort.is_null() {
            return false;
        }
        if pg_sys::ActivePortal.is_null() {
            let sent = pg_sys::debug_query_string;
            // A client that asks for the description of a prepared statement sends no text; then it is analyzed anew with nothing around it.
            if text == sent || (sent.is_null() && pg_sys::error_context_stack.is_null()) {
                return true;
            }
        } else if is_executed(text) {
            return true;
        }
        let statement = CStr::from_ptr(text).to_bytes().get((*query).stmt_location.max(0) as usize..);
        sql_text::first_word_is(statement.unwrap_or_default(), "prepare")
    }
}

/// Is this the text of a statement that the client has prepared by its protocol, and now runs with EXECUTE? It is analyzed anew after a change
/// in the catalog, and must not change its result.
///
/// # Safety
/// A portal is active.
unsafe fn is_executed(text: *const c_char) -> bool {
    // SAFETY: the statements of a portal live as long as it is active; nodes are read by their tags.
    unsafe {
        let Some(statement) = list::pointers::<pg_sys::PlannedStmt>((*pg_sys::ActivePortal).stmts).next() else {
            return false;
        };
        let mut node = (*statement).utilityStmt;
        // EXPLAIN and CREATE TABLE AS have it in a query.
        loop {
            let Some(tag) = node.as_ref().map(|node| node.type_) else { return false };
            node = match tag {
                NodeTag::T_ExplainStmt => (*node.cast::<pg_sys::ExplainStmt>()).query,
                NodeTag::T_CreateTableAsStmt => (*node.cast::<pg_sys::CreateTableAsStmt>()).query,
                NodeTag::T_Query => (*node.cast::<pg_sys::Query>()).utilityStmt,
                NodeTag::T_ExecuteStmt => break,
                _ => return false,
            };
        }
        let prepared = pg_sys::FetchPreparedStatement((*node.cast::<pg_sys::ExecuteStmt>()).name, false);
        prepared.as_ref().is_some_and(|prepared| (*prepared.plansource).query_string == text)
    }
}
