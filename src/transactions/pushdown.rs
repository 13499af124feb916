//! Finds the conditions of a query that tell whose locks are enough: `pid = ...` and `NOT granted`.
//!
//! They are evaluated on each row all the same: finding them only saves reading the rest of the
//! lock table.

use pgrx::pg_sys::{self, Expr, List, NodeTag, Oid};

use crate::pg::list;
use crate::pg::locks::Only;

/// Fixed by PostgreSQL's pg_operator.dat.
const INT4_EQUALS: Oid = Oid::from_u32(pg_sys::Int4EqualOperator);
const PID: i16 = 4;
const GRANTED: i16 = 9;

/// What was found when the query was planned.
pub struct Found {
    /// Gives the pid when the query runs; NULL if there is no such condition.
    pub pid: *mut Expr,
    pub waiting: bool,
}

/// # Safety
/// `clauses` are the conditions on one svv_transactions; its rows must meet all of them.
pub unsafe fn find(clauses: *const List) -> Found {
    let mut found = Found { pid: std::ptr::null_mut(), waiting: false };
    // SAFETY: the list holds expressions; each is read as what its tag says.
    unsafe {
        for clause in list::pointers::<Expr>(clauses) {
            match (*clause).type_ {
                NodeTag::T_OpExpr if found.pid.is_null() => found.pid = equal_to_pid(clause.cast()),
                NodeTag::T_BoolExpr => found.waiting |= is_not_granted(clause.cast()),
                _ => (),
            }
        }
    }
    found
}

/// The other side of `pid = ...` if it stays the same while the query runs; else NULL.
///
/// # Safety
/// `clause` is the expression of an operator.
unsafe fn equal_to_pid(clause: *const pg_sys::OpExpr) -> *mut Expr {
    // SAFETY: promised by the caller; this operator has two arguments.
    unsafe {
        if (*clause).opno != INT4_EQUALS {
            return std::ptr::null_mut();
        }
        let [left, right] = list::cells((*clause).args) else { return std::ptr::null_mut() };
        match (left.ptr_value.cast(), right.ptr_value.cast()) {
            (pid, other) if is_column(pid, PID) && is_constant(other) => other,
            (other, pid) if is_column(pid, PID) && is_constant(other) => other,
            _ => std::ptr::null_mut(),
        }
    }
}

/// # Safety
/// `clause` is a boolean expression.
unsafe fn is_not_granted(clause: *const pg_sys::BoolExpr) -> bool {
    // SAFETY: promised by the caller; NOT has one argument.
    unsafe {
        (*clause).boolop == pg_sys::BoolExprType::NOT_EXPR
            && list::pointers((*clause).args).all(|negated| is_column(negated, GRANTED))
    }
}

/// # Safety
/// `expression` is part of a condition on one table.
unsafe fn is_column(expression: *const Expr, number: i16) -> bool {
    // SAFETY: promised by the caller; it is read as what its tag says.
    unsafe {
        if (*expression).type_ != NodeTag::T_Var {
            return false;
        }
        let column = expression.cast::<pg_sys::Var>();
        (*column).varattno == number && (*column).varlevelsup == 0
    }
}

/// # Safety
/// `expression` is a valid node.
unsafe fn is_constant(expression: *const Expr) -> bool {
    // SAFETY: promised by the caller; it is read as what its tag says.
    unsafe {
        match (*expression).type_ {
            NodeTag::T_Const => true,
            NodeTag::T_Param => (*expression.cast::<pg_sys::Param>()).paramkind == pg_sys::ParamKind::PARAM_EXTERN,
            _ => false,
        }
    }
}

/// What `find` found, evaluated now that the query runs.
///
/// # Safety
/// `pid` is NULL or the expression that `find` found, ready to be evaluated in `context`.
pub unsafe fn only(pid: *mut pg_sys::ExprState, context: *mut pg_sys::ExprContext, waiting: bool) -> Only {
    // SAFETY: promised by the caller.
    let pid = unsafe {
        pid.as_mut().and_then(|state| {
            let mut isnull = false;
            let value = state.evalfunc?(state, context, &mut isnull);
            (!isnull).then_some(value.value() as i32)
        })
    };
    Only { pid, waiting, contenders: false }
}
