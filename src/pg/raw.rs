//! Functions of PostgreSQL's that we call without pgrx's guard, or that pgrx does not bind.
//!
//! Hooks call these functions, for the reasons that `hooks.rs` gives, and hold nothing that has a
//! destructor.

use std::ffi::{CStr, c_char, c_int, c_void};

use pgrx::pg_sys::{self, Oid};

/// Does a portal run? None does while a query is planned. The one of a cursor WITH HOLD that its
/// commit runs to the end is no statement's.
pub fn runs_portal() -> bool {
    // SAFETY: reads this process's own memory.
    unsafe { pg_sys::ActivePortal.as_ref() }.is_some_and(|portal| {
        portal.cursorOptions & pg_sys::CURSOR_OPT_HOLD as c_int == 0 || portal.holdStore.is_null()
    })
}

/// # Safety
/// `string` is NULL, or a string that outlives its use.
pub unsafe fn bytes<'a>(string: *const c_char) -> &'a [u8] {
    // SAFETY: promised by the caller.
    if string.is_null() { b"" } else { unsafe { CStr::from_ptr(string) }.to_bytes() }
}

pub type Walker = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> bool;

pub type AuthenticationHook = Option<unsafe extern "C-unwind" fn(*mut pg_sys::Port, c_int)>;

unsafe extern "C-unwind" {
    pub fn standard_planner(
        parse: *mut pg_sys::Query,
        query_string: *const c_char,
        cursor_options: c_int,
        bound_params: pg_sys::ParamListInfo,
        #[cfg(pg19_plus)] explain: *mut pg_sys::ExplainState,
    ) -> *mut pg_sys::PlannedStmt;
    #[cfg(not(pg18_plus))]
    pub fn standard_ExecutorRun(
        query: *mut pg_sys::QueryDesc,
        direction: pg_sys::ScanDirection::Type,
        count: u64,
        once: bool,
    );
    #[cfg(pg18_plus)]
    pub fn standard_ExecutorRun(query: *mut pg_sys::QueryDesc, direction: pg_sys::ScanDirection::Type, count: u64);
    pub fn standard_ExecutorStart(query: *mut pg_sys::QueryDesc, flags: c_int);
    pub fn standard_ExecutorFinish(query: *mut pg_sys::QueryDesc);
    pub fn standard_ProcessUtility(
        statement: *mut pg_sys::PlannedStmt,
        query_string: *const c_char,
        read_only_tree: bool,
        context: pg_sys::ProcessUtilityContext::Type,
        params: pg_sys::ParamListInfo,
        environment: *mut pg_sys::QueryEnvironment,
        destination: *mut pg_sys::DestReceiver,
        completion: *mut pg_sys::QueryCompletion,
    );
    pub fn strcmp(left: *const c_char, right: *const c_char) -> c_int;
    pub fn GetCommandLogLevel(command: *mut pg_sys::Node) -> pg_sys::LogStmtLevel::Type;
    pub fn RegisterXactCallback(callback: pg_sys::XactCallback, argument: *mut c_void);
    pub fn RegisterSubXactCallback(callback: pg_sys::SubXactCallback, argument: *mut c_void);
    pub fn SetConfigOption(
        name: *const c_char,
        value: *const c_char,
        context: pg_sys::GucContext::Type,
        source: pg_sys::GucSource::Type,
    );
    pub fn GetConfigOption(name: *const c_char, missing_ok: bool, restrict_privileged: bool) -> *const c_char;
    pub fn GetConfigOptionFlags(name: *const c_char, missing_ok: bool) -> c_int;
    pub fn pg_mbcliplen(text: *const c_char, length: c_int, limit: c_int) -> c_int;
    pub fn CreateTupleDescCopy(descriptor: pg_sys::TupleDesc) -> pg_sys::TupleDesc;
    pub fn get_opcode(operator: pg_sys::Oid) -> pg_sys::Oid;
    pub fn get_commutator(operator: pg_sys::Oid) -> pg_sys::Oid;
    pub fn get_negator(operator: pg_sys::Oid) -> pg_sys::Oid;
    #[cfg_attr(pg16_plus, link_name = "expression_tree_walker_impl")]
    pub fn expression_tree_walker(node: *mut pg_sys::Node, walker: Walker, context: *mut c_void) -> bool;
    #[cfg_attr(pg16_plus, link_name = "query_tree_walker_impl")]
    pub fn query_tree_walker(query: *mut pg_sys::Query, walker: Walker, context: *mut c_void, flags: c_int) -> bool;
    pub fn palloc0(size: usize) -> *mut c_void;
    pub fn lappend(list: *mut pg_sys::List, item: *mut c_void) -> *mut pg_sys::List;
    pub fn lappend_int(list: *mut pg_sys::List, number: c_int) -> *mut pg_sys::List;
    pub fn ExecInitExpr(node: *mut pg_sys::Expr, parent: *mut pg_sys::PlanState) -> *mut pg_sys::ExprState;
    pub fn makeVar(
        relation: c_int,
        column: i16,
        kind: Oid,
        modifier: i32,
        collation: Oid,
        levels_up: pg_sys::Index,
    ) -> *mut pg_sys::Var;
    pub fn makeTargetEntry(
        expression: *mut pg_sys::Expr,
        number: i16,
        name: *mut c_char,
        junk: bool,
    ) -> *mut pg_sys::TargetEntry;
    pub fn extract_actual_clauses(clauses: *mut pg_sys::List, pseudoconstant: bool) -> *mut pg_sys::List;
    pub fn pull_varattnos(node: *mut pg_sys::Node, relation: pg_sys::Index, columns: *mut *mut pg_sys::Bitmapset);
    pub fn bms_is_member(number: c_int, set: *const pg_sys::Bitmapset) -> bool;
    #[cfg(pg19_plus)]
    pub fn bms_next_member(set: *const pg_sys::Bitmapset, previous: c_int) -> c_int;
    pub fn add_path(relation: *mut pg_sys::RelOptInfo, path: *mut pg_sys::Path);
    pub fn get_call_result_type(
        fcinfo: pg_sys::FunctionCallInfo,
        type_: *mut Oid,
        descriptor: *mut pg_sys::TupleDesc,
    ) -> pg_sys::TypeFuncClass::Type;
    pub fn tuplestore_begin_heap(
        random_access: bool,
        across_transactions: bool,
        work_mem: c_int,
    ) -> *mut pg_sys::Tuplestorestate;
    pub fn ExecScan(
        node: *mut pg_sys::ScanState,
        access: pg_sys::ExecScanAccessMtd,
        recheck: pg_sys::ExecScanRecheckMtd,
    ) -> *mut pg_sys::TupleTableSlot;
    pub fn ExecScanReScan(node: *mut pg_sys::ScanState);
    pub fn ExecStoreVirtualTuple(slot: *mut pg_sys::TupleTableSlot) -> *mut pg_sys::TupleTableSlot;
    pub fn ResetPlanCache();
    pub static mut application_name: *const c_char;
    pub static mut ClientAuthentication_hook: AuthenticationHook;
    pub fn on_shmem_exit(callback: pg_sys::pg_on_exit_callback, argument: pg_sys::Datum);
    pub fn GetDatabaseEncoding() -> c_int;
    pub fn GetCurrentStatementStartTimestamp() -> pg_sys::TimestampTz;
    pub fn MemoryContextAllocExtended(context: pg_sys::MemoryContext, size: usize, flags: c_int) -> *mut c_void;
    pub fn RequestAddinShmemSpace(size: usize);
    pub fn IsTransactionState() -> bool;
    pub fn IsTransactionBlock() -> bool;
    pub fn GetTopFullTransactionIdIfAny() -> pg_sys::FullTransactionId;
    pub fn GetCurrentTransactionStartTimestamp() -> pg_sys::TimestampTz;
    pub fn GetCurrentTimestamp() -> pg_sys::TimestampTz;
}
