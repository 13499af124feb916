//! Redirects calls of PostgreSQL's own pg_terminate_backend and pg_cancel_backend to ours.
//!
//! In comes a query; it goes out with our functions in the place of PostgreSQL's. A bare output
//! column of a client's own SELECT becomes Redshift's integer function when the query is analyzed;
//! every other call becomes the boolean one when the query is planned. `function_body` keeps calls
//! from being hidden by inlining, and `refuse` refuses those that the planner hook does not see.
//!
//! `find` looks for calls. The database is searched for operators over PostgreSQL's functions when
//! a query first has a user-made operator or calls a function in language SQL; the answer is kept
//! until an operator changes.

pub mod sql_text;
pub mod find;
pub mod function_body;
pub mod refuse;

use std::ffi::{CStr, c_char, c_void};

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag, Oid};

use crate::gucs;
use crate::pg::extension::{self, Targets};
use crate::pg::list;
use crate::pg::native_functions::{CANCEL, TERMINATE, is_native};
use crate::pg::raw;
use crate::redirect::find::native_of_operator;

/// # Safety
/// As for `find::has_native_call`. The planner may change its query, so we may too.
#[cold]
#[pg_guard]
pub unsafe extern "C-unwind" fn redirect_nested(query: *mut pg_sys::Query) {
    let Some(targets) = extension::targets() else { return };
    let mut context = Redirection { targets, operator: Oid::INVALID };
    // SAFETY: promised by the caller. The walker gets the context that it expects, and a query is
    // planned inside a transaction.
    unsafe {
        replace_native_call(query.cast(), (&raw mut context).cast());
        if context.operator != Oid::INVALID {
            refuse::refuse(context.operator);
        }
    }
}

struct Redirection {
    targets: Targets,
    /// The native function behind an operator of the query, if there is one.
    operator: Oid,
}

unsafe extern "C-unwind" fn replace_native_call(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    // SAFETY: PostgreSQL made the tree; nodes are read by their tags. The context is that of
    // `redirect_nested`, whose guard catches errors of the walkers; nothing here has a destructor.
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

/// Is this a SELECT with a native call as an output column?
///
/// # Safety
/// The arguments are those of post_parse_analyze_hook.
pub unsafe fn has_native_output(query: *const pg_sys::Query) -> bool {
    // SAFETY: promised by the caller; PostgreSQL's query is only read.
    unsafe {
        (*query).commandType == pg_sys::CmdType::CMD_SELECT
            && gucs::redirect()
            && gucs::integer_result()
            && list::pointers((*query).targetList).any(|column| native_output(column).is_some())
    }
}

/// # Safety
/// The arguments are those of post_parse_analyze_hook, and `has_native_output` said yes.
#[cold]
#[pg_guard]
pub unsafe extern "C-unwind" fn redirect_output(pstate: *mut pg_sys::ParseState, query: *mut pg_sys::Query) {
    // SAFETY: promised by the caller. The hook may change the query.
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

/// The native call in a column, if it can be redirected: its only argument is the pid, and nothing
/// is sorted, grouped or made distinct by it.
///
/// # Safety
/// `column` belongs to a query.
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

/// Is this query in the text that the client has sent?
///
/// Statements that functions run have a text of their own. It is not enough that no portal is
/// active: none is active in deferred triggers at commit either, or while a query is planned. While
/// one is active, the client's text is a definition (CREATE VIEW) or COPY, except for the statement
/// of a PREPARE, which the client will execute. A background worker has no client.
///
/// # Safety
/// As for `redirect_output`.
unsafe fn is_clients_own(pstate: *const pg_sys::ParseState, query: *const pg_sys::Query) -> bool {
    // SAFETY: reads what PostgreSQL made; the source text outlives the analysis.
    unsafe {
        let text = (*pstate).p_sourcetext;
        if text.is_null() || pg_sys::MyProcPort.is_null() {
            return false;
        }
        if pg_sys::ActivePortal.is_null() {
            let sent = pg_sys::debug_query_string;
            // A client that asks for the description of a prepared statement sends no text. If the
            // statement is then analyzed again, there is nothing around it.
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

/// Is this the text of a statement that the client prepared through the protocol and now runs with
/// EXECUTE? PostgreSQL analyzes it again after a change in the catalog, and its result must not
/// change.
///
/// # Safety
/// A portal is active.
unsafe fn is_executed(text: *const c_char) -> bool {
    // SAFETY: a portal's statements live as long as it is active; nodes are read by their tags.
    unsafe {
        let Some(statement) = list::pointers::<pg_sys::PlannedStmt>((*pg_sys::ActivePortal).stmts).next() else {
            return false;
        };
        let mut node = (*statement).utilityStmt;
        // EXPLAIN and CREATE TABLE AS have the EXECUTE in a query.
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
