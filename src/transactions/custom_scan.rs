//! The custom scan that answers a plain SELECT from svv_transactions, in the place of the
//! function's scan.
//!
//! PostgreSQL keeps all rows of a function in FROM, on disk if there are many, before it reads the
//! first one. This scan holds a row in eight bytes, gives one at a time and evaluates the query's
//! conditions on it. Where it cannot stand in, the function does what it did: for UPDATE ... FROM
//! and FOR UPDATE, which read rows again, and for references to the whole row.
//!
//! Hooks and callbacks are bare functions, as in `hooks.rs`. Where our own code can raise an error,
//! it is one guarded call.

use std::ffi::c_int;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, CustomScanState, Datum, Node, NodeTag, Oid};

use crate::pg::compat;
use crate::pg::extension;
use crate::pg::list;
use crate::pg::memory;
use crate::pg::privileges;
use crate::pg::raw;
use crate::transactions::packed_row::Row;
use crate::transactions::pushdown;
use crate::transactions::snapshot;
use crate::transactions::svv_transactions::{COLUMNS, Columns, Words};

struct Shared<T>(T);

// SAFETY: the values are constant tables of functions.
unsafe impl<T> Sync for Shared<T> {}

const NAME: *const std::ffi::c_char = c"svv_transactions".as_ptr();

static PATH: Shared<pg_sys::CustomPathMethods> = Shared(pg_sys::CustomPathMethods {
    CustomName: NAME,
    PlanCustomPath: Some(plan),
    ReparameterizeCustomPathByChild: None,
});

static SCAN: Shared<pg_sys::CustomScanMethods> =
    Shared(pg_sys::CustomScanMethods { CustomName: NAME, CreateCustomScanState: Some(create_state) });

static EXEC: Shared<pg_sys::CustomExecMethods> = Shared(pg_sys::CustomExecMethods {
    CustomName: NAME,
    BeginCustomScan: Some(begin),
    ExecCustomScan: Some(exec),
    EndCustomScan: Some(end),
    ReScanCustomScan: Some(rescan),
    MarkPosCustomScan: None,
    RestrPosCustomScan: None,
    EstimateDSMCustomScan: None,
    InitializeDSMCustomScan: None,
    ReInitializeDSMCustomScan: None,
    InitializeWorkerCustomScan: None,
    ShutdownCustomScan: None,
    ExplainCustomScan: None,
});

/// Called when the library is loaded. When PostgreSQL reads back a plan that it has written as
/// text, it finds the plan's methods by their name.
pub fn register() {
    // SAFETY: the table is constant.
    unsafe { pg_sys::RegisterCustomScanMethods(&SCAN.0) }
}

/// The rows and what they share. Freed with the query's memory context.
struct Answer {
    columns: Vec<Columns>,
    rows: Vec<Row>,
    words: Words,
}

/// PostgreSQL's state of a custom scan, followed by ours.
#[repr(C)]
struct SvvTransactionsState {
    scan: CustomScanState,
    /// NULL until the first row is asked for.
    answer: *const Answer,
    next: usize,
    /// Gives the one pid that the query asks for; NULL if it asks for all.
    pid: *mut pg_sys::ExprState,
    /// The query asks only for transactions that wait.
    waiting: bool,
}

/// Could this be a plain SELECT from our function? A first look that costs next to nothing.
///
/// # Safety
/// The arguments are those of set_rel_pathlist_hook.
pub unsafe fn is_candidate(
    root: *const pg_sys::PlannerInfo,
    relation: *const pg_sys::RelOptInfo,
    table: *const pg_sys::RangeTblEntry,
) -> bool {
    // SAFETY: promised by the caller.
    unsafe {
        (*table).rtekind == pg_sys::RTEKind::RTE_FUNCTION
            && !(*table).funcordinality
            && (*(*root).parse).commandType == pg_sys::CmdType::CMD_SELECT
            && (*root).rowMarks.is_null()
            && (*relation).lateral_relids.is_null()
            && function_of(table).is_some_and(|call| {
                (*call).funcretset && (*call).args.is_null() && (*call).funcid.to_u32() >= pg_sys::FirstNormalObjectId
            })
    }
}

/// The function of a table in FROM, if it has only one.
///
/// # Safety
/// `table` is of kind RTE_FUNCTION.
unsafe fn function_of(table: *const pg_sys::RangeTblEntry) -> Option<*mut pg_sys::FuncExpr> {
    // SAFETY: promised by the caller; the list has a RangeTblFunction for each function.
    unsafe {
        let [function] = list::cells((*table).functions) else { return None };
        let call = (*function.ptr_value.cast::<pg_sys::RangeTblFunction>()).funcexpr;
        ((*call).type_ == NodeTag::T_FuncExpr).then(|| call.cast())
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn is_ours(call: *const pg_sys::FuncExpr) -> bool {
    // SAFETY: `call` belongs to the query that is being planned.
    extension::is_svv_transactions(unsafe { (*call).funcid })
}

/// Puts our path in the place of the function's. Nothing here has a destructor, because
/// PostgreSQL's functions are called without a guard.
///
/// # Safety
/// As for `is_candidate`, which has returned true.
#[cold]
pub unsafe fn replace_path(relation: *mut pg_sys::RelOptInfo, table: *const pg_sys::RangeTblEntry) {
    // SAFETY: promised by the caller. The nodes live in the planner's memory context.
    unsafe {
        let Some(call) = function_of(table) else { return };
        let Some(function) = list::pointers::<pg_sys::Path>((*relation).pathlist).next() else { return };
        if !is_ours(call) || wants_whole_row(relation) {
            return;
        }
        // If the planner has proved that there are no rows, its path stays.
        if (*function).pathtype != NodeTag::T_FunctionScan {
            return;
        }
        let path = node::<pg_sys::CustomPath>(NodeTag::T_CustomPath);
        (*path).path = pg_sys::Path { type_: NodeTag::T_CustomPath, pathtype: NodeTag::T_CustomScan, ..*function };
        (*path).flags = compat::CUSTOM_SCAN_PROJECTS;
        (*path).custom_private = (*table).functions;
        (*path).methods = &PATH.0;
        (*relation).pathlist = std::ptr::null_mut();
        raw::add_path(relation, path.cast());
    }
}

/// Does the query refer to the whole row, and not only to its columns?
///
/// # Safety
/// `relation` is a table of the query that is being planned.
unsafe fn wants_whole_row(relation: *const pg_sys::RelOptInfo) -> bool {
    const WHOLE_ROW: i32 = 0;
    // SAFETY: promised by the caller.
    unsafe {
        let clauses = raw::extract_actual_clauses((*relation).baserestrictinfo, false);
        let mut columns = std::ptr::null_mut();
        raw::pull_varattnos((*(*relation).reltarget).exprs.cast(), (*relation).relid, &mut columns);
        raw::pull_varattnos(clauses.cast(), (*relation).relid, &mut columns);
        raw::bms_is_member(WHOLE_ROW - pg_sys::FirstLowInvalidHeapAttributeNumber, columns)
    }
}

unsafe fn node<T>(tag: NodeTag) -> *mut T {
    // SAFETY: zeroed memory is a valid node once it has its tag.
    unsafe {
        let node = raw::palloc0(size_of::<T>()).cast::<T>();
        (*node.cast::<Node>()).type_ = tag;
        node
    }
}

unsafe extern "C-unwind" fn plan(
    _root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    path: *mut pg_sys::CustomPath,
    targets: *mut pg_sys::List,
    clauses: *mut pg_sys::List,
    _plans: *mut pg_sys::List,
) -> *mut pg_sys::Plan {
    // SAFETY: called by the planner for our path. The scan has no relation to open, so its own list
    // of columns describes its rows.
    unsafe {
        let scan = node::<pg_sys::CustomScan>(NodeTag::T_CustomScan);
        (*scan).scan.plan.targetlist = targets;
        (*scan).scan.plan.qual = raw::extract_actual_clauses(clauses, false);
        (*scan).flags = (*path).flags;
        (*scan).methods = &SCAN.0;
        // The call is among the plan's expressions so that the plan depends on the function.
        for function in list::pointers::<pg_sys::RangeTblFunction>((*path).custom_private) {
            (*scan).custom_exprs = raw::lappend((*scan).custom_exprs, (*function).funcexpr.cast());
        }
        let found = pushdown::find((*scan).scan.plan.qual);
        if !found.pid.is_null() {
            (*scan).custom_exprs = raw::lappend((*scan).custom_exprs, found.pid.cast());
        }
        (*scan).custom_private = raw::lappend_int(std::ptr::null_mut(), found.waiting.into());
        let mut number = 0;
        for kind in &TYPES {
            let kind = *kind;
            number += 1;
            let collation = if kind == pg_sys::TEXTOID { pg_sys::DEFAULT_COLLATION_OID } else { Oid::INVALID };
            let column = raw::makeVar((*relation).relid as _, number, kind, -1, collation, 0);
            let entry = raw::makeTargetEntry(column.cast(), number, std::ptr::null_mut(), false);
            (*scan).custom_scan_tlist = raw::lappend((*scan).custom_scan_tlist, entry.cast());
        }
        scan.cast()
    }
}

/// Types of the columns, as our SQL declares them.
const TYPES: [Oid; COLUMNS] = {
    const TEXT: Oid = pg_sys::TEXTOID;
    [TEXT, TEXT, pg_sys::INT8OID, pg_sys::INT4OID, pg_sys::TIMESTAMPOID, TEXT, TEXT, pg_sys::INT4OID, pg_sys::BOOLOID]
};

unsafe extern "C-unwind" fn create_state(_scan: *mut pg_sys::CustomScan) -> *mut Node {
    // SAFETY: our state begins with PostgreSQL's; zeroed, it has no answer yet.
    unsafe {
        let state = node::<SvvTransactionsState>(NodeTag::T_CustomScanState);
        (*state).scan.methods = &EXEC.0;
        state.cast()
    }
}

/// A reader who may not execute the function gets the error here already, before any row is read,
/// as for a function in FROM.
#[pg_guard]
unsafe extern "C-unwind" fn begin(state: *mut CustomScanState, _estate: *mut pg_sys::EState, _flags: c_int) {
    // SAFETY: the state is ours. Its plan's first expression is the call; a second one, if there is
    // one, gives the pid; see `plan`.
    unsafe {
        let plan = (*state).ss.ps.plan.cast::<pg_sys::CustomScan>();
        let expressions = list::cells((*plan).custom_exprs);
        let call = expressions[0].ptr_value.cast::<pg_sys::FuncExpr>();
        let room = memory::Roomy::call();
        privileges::check_execute((*call).funcid, c"svv_transactions");
        drop(room);
        let state = state.cast::<SvvTransactionsState>();
        if let Some(pid) = expressions.get(1) {
            let pid = pid.ptr_value.cast();
            let parent = &raw mut (*state).scan.ss.ps;
            (*state).pid = memory::allocate_in(pg_sys::CurrentMemoryContext, || raw::ExecInitExpr(pid, parent));
        }
        (*state).waiting = list::cells((*plan).custom_private)[0].int_value != 0;
    }
}

unsafe extern "C-unwind" fn exec(state: *mut CustomScanState) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: the state is ours; the query's conditions and columns are evaluated on what `next`
    // gives.
    unsafe { raw::ExecScan(&mut (*state).ss, Some(next), Some(recheck)) }
}

unsafe extern "C-unwind" fn next(scan: *mut pg_sys::ScanState) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: the state is ours, and its slot has our columns. Nothing here has a destructor.
    unsafe {
        let state = scan.cast::<SvvTransactionsState>();
        if (*state).answer.is_null() {
            (*state).answer = collect(state);
        }
        let slot = (*scan).ss_ScanTupleSlot;
        if let Some(clear) = (*(*slot).tts_ops).clear {
            clear(slot);
        }
        let answer = &*(*state).answer;
        if let Some(row) = answer.rows.get((*state).next) {
            (*state).next += 1;
            let columns = answer.columns[row.transaction()].with(*row, &answer.words);
            for (index, column) in columns.into_iter().enumerate() {
                *(*slot).tts_isnull.add(index) = column.is_none();
                *(*slot).tts_values.add(index) = column.unwrap_or(Datum::from(0));
            }
            raw::ExecStoreVirtualTuple(slot);
        }
        slot
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn collect(state: *const SvvTransactionsState) -> *const Answer {
    extension::remind();
    // SAFETY: the memory context lives as long as the query; its end frees the answer.
    unsafe {
        let plan_state = &(*state).scan.ss.ps;
        let only = pushdown::only((*state).pid, plan_state.ps_ExprContext, (*state).waiting);
        let mut context = pgrx::PgMemoryContexts::For((*plan_state.state).es_query_cxt);
        context.switch_to(|context| {
            let room = memory::Roomy::call();
            let wanted = privileges::readable_rows();
            drop(room);
            let (transactions, rows) = snapshot::open_transactions(wanted, only);
            let columns = memory::collect(transactions.iter().map(Columns::of));
            let answer = Answer { columns, rows, words: Words::new() };
            let _room = memory::Roomy::call();
            context.leak_and_drop_on_delete(answer).cast_const()
        })
    }
}

/// Called when another statement has changed the row that this statement is about to change, and
/// PostgreSQL checks it again (EvalPlanQual). Servers before 14.20, 15.15, 16.11, 17.7 and 18.1
/// then call this for the scan of a sub-SELECT, and not `next`: they take it for a join of the
/// changed row. It is none, so it gives its own next row.
unsafe extern "C-unwind" fn recheck(scan: *mut pg_sys::ScanState, _slot: *mut pg_sys::TupleTableSlot) -> bool {
    // SAFETY: as in `next`, which fills the very slot that is asked about.
    unsafe { (*next(scan)).tts_flags & pg_sys::TTS_FLAG_EMPTY as u16 == 0 }
}

unsafe extern "C-unwind" fn end(_state: *mut CustomScanState) {}

/// Starts again with the same rows, as PostgreSQL does with a function's rows that it has kept.
unsafe extern "C-unwind" fn rescan(state: *mut CustomScanState) {
    // SAFETY: the state is ours.
    unsafe {
        (*state.cast::<SvvTransactionsState>()).next = 0;
        raw::ExecScanReScan(&mut (*state).ss);
    }
}
