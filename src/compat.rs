//! What differs between server versions? Everything that does; the rest of the code sees one function.
//!
//! Also here: the functions of PostgreSQL that are called without pgrx's guard, or that pgrx does not bind.

use std::ffi::{c_int, c_void};

use pgrx::pg_sys::{self, Oid};

pub type Walker = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> bool;

/// PostgreSQL's functions as they are. A guarded call from a hook would lose the position, context and names of
/// every error that passes through it, so hooks use these, and hold nothing that has a destructor.
pub mod raw {
    use super::*;

    pub type AuthenticationHook = Option<unsafe extern "C-unwind" fn(*mut pg_sys::Port, c_int)>;

    unsafe extern "C-unwind" {
        pub fn standard_planner(
            parse: *mut pg_sys::Query,
            query_string: *const std::ffi::c_char,
            cursor_options: c_int,
            bound_params: pg_sys::ParamListInfo,
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
        pub fn standard_ProcessUtility(
            statement: *mut pg_sys::PlannedStmt,
            query_string: *const std::ffi::c_char,
            read_only_tree: bool,
            context: pg_sys::ProcessUtilityContext::Type,
            params: pg_sys::ParamListInfo,
            environment: *mut pg_sys::QueryEnvironment,
            destination: *mut pg_sys::DestReceiver,
            completion: *mut pg_sys::QueryCompletion,
        );
        pub fn RegisterXactCallback(callback: pg_sys::XactCallback, argument: *mut c_void);
        pub fn RegisterSubXactCallback(callback: pg_sys::SubXactCallback, argument: *mut c_void);
        pub fn IsTransactionBlock() -> bool;
        pub fn SetConfigOption(
            name: *const std::ffi::c_char,
            value: *const std::ffi::c_char,
            context: pg_sys::GucContext::Type,
            source: pg_sys::GucSource::Type,
        );
        pub fn GetConfigOption(
            name: *const std::ffi::c_char,
            missing_ok: bool,
            restrict_privileged: bool,
        ) -> *const std::ffi::c_char;
        pub fn GetConfigOptionFlags(name: *const std::ffi::c_char, missing_ok: bool) -> c_int;
        pub fn pg_mbcliplen(text: *const std::ffi::c_char, length: c_int, limit: c_int) -> c_int;
        pub fn get_opcode(operator: pg_sys::Oid) -> pg_sys::Oid;
        pub fn get_commutator(operator: pg_sys::Oid) -> pg_sys::Oid;
        pub fn get_negator(operator: pg_sys::Oid) -> pg_sys::Oid;
        #[cfg_attr(pg16_plus, link_name = "expression_tree_walker_impl")]
        pub fn expression_tree_walker(node: *mut pg_sys::Node, walker: Walker, context: *mut c_void) -> bool;
        #[cfg_attr(pg16_plus, link_name = "query_tree_walker_impl")]
        pub fn query_tree_walker(query: *mut pg_sys::Query, walker: Walker, context: *mut c_void, flags: c_int)
        -> bool;
        pub fn heap_form_tuple(
            descriptor: pg_sys::TupleDesc,
            values: *mut pg_sys::Datum,
            isnull: *mut bool,
        ) -> pg_sys::HeapTuple;
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
            name: *mut std::ffi::c_char,
            junk: bool,
        ) -> *mut pg_sys::TargetEntry;
        pub fn extract_actual_clauses(clauses: *mut pg_sys::List, pseudoconstant: bool) -> *mut pg_sys::List;
        pub fn pull_varattnos(node: *mut pg_sys::Node, relation: pg_sys::Index, columns: *mut *mut pg_sys::Bitmapset);
        pub fn bms_is_member(number: c_int, set: *const pg_sys::Bitmapset) -> bool;
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
        pub fn tuplestore_puttuple(state: *mut pg_sys::Tuplestorestate, tuple: pg_sys::HeapTuple);
        pub fn ProcessInterrupts();
        pub fn ExecScan(
            node: *mut pg_sys::ScanState,
            access: pg_sys::ExecScanAccessMtd,
            recheck: pg_sys::ExecScanRecheckMtd,
        ) -> *mut pg_sys::TupleTableSlot;
        pub fn ExecScanReScan(node: *mut pg_sys::ScanState);
        pub fn ExecStoreVirtualTuple(slot: *mut pg_sys::TupleTableSlot) -> *mut pg_sys::TupleTableSlot;
        pub fn ResetPlanCache();
        pub static mut application_name: *const std::ffi::c_char;
        pub static mut ClientAuthentication_hook: AuthenticationHook;
        pub fn on_shmem_exit(callback: pg_sys::pg_on_exit_callback, argument: pg_sys::Datum);
        pub fn GetDatabaseEncoding() -> c_int;
        pub fn GetCurrentStatementStartTimestamp() -> pg_sys::TimestampTz;
        pub fn MemoryContextAllocExtended(context: pg_sys::MemoryContext, size: usize, flags: c_int) -> *mut c_void;
        pub fn RequestAddinShmemSpace(size: usize);
        pub fn IsTransactionState() -> bool;
        pub fn GetTopFullTransactionIdIfAny() -> pg_sys::FullTransactionId;
        pub fn GetCurrentTransactionStartTimestamp() -> pg_sys::TimestampTz;
        pub fn GetCurrentTimestamp() -> pg_sys::TimestampTz;
    }
}

type ExecutorRunHook = pg_sys::ExecutorRun_hook_type;

/// The hook around the run of a query, which calls `around` with what calls the next one. 18 took an argument away.
#[cfg(not(pg18_plus))]
pub unsafe extern "C-unwind" fn executor_run(
    query: *mut pg_sys::QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
    once: bool,
) {
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        crate::hooks::around_executor_run(query, |next: ExecutorRunHook| match next {
            Some(next) => next(query, direction, count, once),
            None => raw::standard_ExecutorRun(query, direction, count, once),
        });
    }
}

/// The hook around the run of a query, which calls `around` with what calls the next one. 18 took an argument away.
#[cfg(pg18_plus)]
pub unsafe extern "C-unwind" fn executor_run(
    query: *mut pg_sys::QueryDesc,
    direction: pg_sys::ScanDirection::Type,
    count: u64,
) {
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        crate::hooks::around_executor_run(query, |next: ExecutorRunHook| match next {
            Some(next) => next(query, direction, count),
            None => raw::standard_ExecutorRun(query, direction, count),
        });
    }
}

/// CUSTOMPATH_SUPPORT_PROJECTION: 14 asks nobody and projects.
pub const CUSTOM_SCAN_PROJECTS: u32 = 4;

/// Is this the process of a client's session? `is_walsender` is asked where the process array does not tell: 18 does not count a replication
/// connection among regular backends, and later minor releases of the versions before, as 15.18, count it among background workers.
pub fn is_client(process: &pg_sys::PGPROC, is_walsender: impl FnOnce() -> bool) -> bool {
    #[cfg(not(pg18_plus))]
    let regular = !process.isBackgroundWorker;
    #[cfg(pg18_plus)]
    let regular = process.isRegularBackend;
    regular || is_walsender()
}

/// Number of the backend and of its local transaction, 0 outside a transaction.
pub fn virtual_transaction_of(process: &pg_sys::PGPROC) -> (i32, u32) {
    #[cfg(not(pg17_plus))]
    return (process.backendId, process.lxid);
    #[cfg(pg17_plus)]
    return (process.vxid.procNumber, process.vxid.lxid);
}

/// The entry of the table of sessions at `index`, from 1.
///
/// # Safety
/// The entry lives until the copy of the table is cleared.
pub unsafe fn local_backend_status(index: c_int) -> *mut pg_sys::LocalPgBackendStatus {
    // SAFETY: gives NULL for an index that does not exist.
    unsafe {
        #[cfg(not(pg16_plus))]
        return pg_sys::pgstat_fetch_stat_local_beentry(index);
        #[cfg(pg16_plus)]
        return pg_sys::pgstat_get_local_beentry_by_index(index);
    }
}

/// Privileges are bits of 64 from 16 on.
pub fn acl_mode(privilege: u32) -> pg_sys::AclMode {
    #[cfg(not(pg16_plus))]
    return privilege;
    #[cfg(pg16_plus)]
    return privilege.into();
}

pub fn function_aclcheck(function: Oid, user: Oid) -> pg_sys::AclResult::Type {
    // SAFETY: a plain look-up.
    unsafe {
        #[cfg(not(pg16_plus))]
        return pg_sys::pg_proc_aclcheck(function, user, acl_mode(pg_sys::ACL_EXECUTE));
        #[cfg(pg16_plus)]
        return pg_sys::object_aclcheck(pg_sys::ProcedureRelationId, function, user, acl_mode(pg_sys::ACL_EXECUTE));
    }
}

/// Has `request` called when the server may still ask for shared memory: by a hook from 15 on, at once before.
#[cfg(feature = "pg14")]
pub fn request_shared_memory(
    _save: impl FnOnce(Option<unsafe extern "C-unwind" fn()>),
    request: unsafe extern "C-unwind" fn(),
) {
    // SAFETY: the library is being loaded with the server.
    unsafe { request() }
}

/// Has `request` called when the server may still ask for shared memory: by a hook from 15 on, at once before.
#[cfg(not(feature = "pg14"))]
pub fn request_shared_memory(
    save: impl FnOnce(Option<unsafe extern "C-unwind" fn()>),
    request: unsafe extern "C-unwind" fn(),
) {
    // SAFETY: the library is being loaded with the server.
    unsafe {
        save(pg_sys::shmem_request_hook);
        pg_sys::shmem_request_hook = Some(request);
    }
}

/// Servers on which the tests have compared our reading of the lock lists with PostgreSQL's own snapshot (pg_test/proof): on others,
/// redshift_sessions.lock_source is `snapshot` unless it is set.
const PROVED: [i32; 7] = [14_0001, 15_0018, 16_0014, 17_0009, 17_0011, 18_0004, 18_0006];

pub fn lock_lists_are_proved() -> bool {
    // SAFETY: a setting of each server, a number in digits.
    let version =
        unsafe { std::ffi::CStr::from_ptr(raw::GetConfigOption(c"server_version_num".as_ptr(), false, false)) };
    version.to_str().is_ok_and(|version| version.parse().is_ok_and(|version: i32| PROVED.contains(&version)))
}

/// What a setting is as long as nobody sets it.
pub fn set_default(name: &std::ffi::CStr, value: &std::ffi::CStr) {
    use pg_sys::{GucContext::PGC_SUSET, GucSource::PGC_S_DYNAMIC_DEFAULT};
    // SAFETY: a setting that has been defined, and a value that it takes; both are copied.
    unsafe { raw::SetConfigOption(name.as_ptr(), value.as_ptr(), PGC_SUSET, PGC_S_DYNAMIC_DEFAULT) }
}

/// Nobody else may define settings below our prefix.
pub fn reserve_settings(prefix: &std::ffi::CStr) {
    // SAFETY: copies the prefix.
    unsafe {
        #[cfg(feature = "pg14")]
        pg_sys::EmitWarningsOnPlaceholders(prefix.as_ptr());
        #[cfg(not(feature = "pg14"))]
        pg_sys::MarkGUCPrefixReserved(prefix.as_ptr());
    }
}
