//! Where do we listen? Save, install, pass on; what a call becomes is decided in `resolve.rs`.
//!
//! An error of PostgreSQL that passed through a pgrx guard would lose its position, context and names, so each hook
//! is a bare function without destructors. Our own look at a query is one guarded call, made only when there is
//! something to do; it has returned before the next hook runs.

use std::cell::Cell;
use std::ffi::{c_char, c_int};

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Oid};

use crate::compat::{self, raw};
use crate::{cancel_text, connections, last_query, log_file, logs, resolve, stl_tr_conflict, target};

/// The hook that was there before ours. A backend has one thread.
struct Previous<T>(Cell<Option<T>>);

// SAFETY: written when the library is loaded, read by the only thread.
unsafe impl<T> Sync for Previous<T> {}

type PlannerHook = unsafe extern "C-unwind" fn(
    *mut pg_sys::Query,
    *const c_char,
    c_int,
    pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt;
type AnalyzeHook = unsafe extern "C-unwind" fn(*mut pg_sys::ParseState, *mut pg_sys::Query, *mut pg_sys::JumbleState);
type ExecutorStartHook = unsafe extern "C-unwind" fn(*mut pg_sys::QueryDesc, c_int);
type NeedsFmgrHook = unsafe extern "C-unwind" fn(Oid) -> bool;

static PLANNER: Previous<PlannerHook> = Previous(Cell::new(None));
static ANALYZE: Previous<AnalyzeHook> = Previous(Cell::new(None));
static EXECUTOR_START: Previous<ExecutorStartHook> = Previous(Cell::new(None));
static NEEDS_FMGR: Previous<NeedsFmgrHook> = Previous(Cell::new(None));
static SHMEM_REQUEST: Previous<unsafe extern "C-unwind" fn()> = Previous(Cell::new(None));
static SHMEM_STARTUP: Previous<unsafe extern "C-unwind" fn()> = Previous(Cell::new(None));
static AUTHENTICATION: Previous<unsafe extern "C-unwind" fn(*mut pg_sys::Port, c_int)> = Previous(Cell::new(None));
static EMIT_LOG: Previous<unsafe extern "C-unwind" fn(*mut pg_sys::ErrorData)> = Previous(Cell::new(None));

pub fn install() {
    // SAFETY: called once, when the library is loaded.
    unsafe {
        PLANNER.0.set(pg_sys::planner_hook);
        pg_sys::planner_hook = Some(planner);
        ANALYZE.0.set(pg_sys::post_parse_analyze_hook);
        pg_sys::post_parse_analyze_hook = Some(post_parse_analyze);
        EXECUTOR_START.0.set(pg_sys::ExecutorStart_hook);
        pg_sys::ExecutorStart_hook = Some(executor_start);
        NEEDS_FMGR.0.set(pg_sys::needs_fmgr_hook);
        pg_sys::needs_fmgr_hook = Some(needs_fmgr);
    }
}

/// For a library that is loaded with the server.
pub fn install_logs() {
    compat::request_shared_memory(|previous| SHMEM_REQUEST.0.set(previous), shmem_request);
    // SAFETY: called once, when the library is loaded.
    unsafe {
        SHMEM_STARTUP.0.set(pg_sys::shmem_startup_hook);
        pg_sys::shmem_startup_hook = Some(shmem_startup);
        AUTHENTICATION.0.set(raw::ClientAuthentication_hook);
        raw::ClientAuthentication_hook = Some(client_authentication);
        EMIT_LOG.0.set(pg_sys::emit_log_hook);
        pg_sys::emit_log_hook = Some(emit_log);
    }
}

unsafe extern "C-unwind" fn shmem_request() {
    // SAFETY: the server is starting.
    unsafe {
        if let Some(next) = SHMEM_REQUEST.0.get() {
            next();
        }
        raw::RequestAddinShmemSpace(logs::bytes());
    }
}

unsafe extern "C-unwind" fn shmem_startup() {
    // SAFETY: the server is starting.
    unsafe {
        if let Some(next) = SHMEM_STARTUP.0.get() {
            next();
        }
        place_logs();
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn look_for_targets() {
    target::targets();
}

#[pg_guard]
unsafe extern "C-unwind" fn place_logs() {
    logs::place();
    log_file::load();
    // SAFETY: the callback is a plain function. Processes that are forked forget it.
    unsafe { pg_sys::on_shmem_exit(Some(save_logs), pg_sys::Datum::from(0)) }
}

/// The server stops. After a crash, which is what another code means, nothing can be trusted.
#[pg_guard]
unsafe extern "C-unwind" fn save_logs(code: c_int, _argument: pg_sys::Datum) {
    if code == 0 {
        log_file::save();
    }
}

unsafe extern "C-unwind" fn client_authentication(port: *mut pg_sys::Port, status: c_int) {
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        connections::authenticated(port, status);
        if let Some(next) = AUTHENTICATION.0.get() {
            next(port, status);
        }
    }
}

unsafe extern "C-unwind" fn emit_log(error: *mut pg_sys::ErrorData) {
    // SAFETY: PostgreSQL's argument, passed on as it is.
    unsafe {
        stl_tr_conflict::record(&*error);
        cancel_text::replace(&mut *error);
        connections::watch_error(&*error);
        if let Some(next) = EMIT_LOG.0.get() {
            next(error);
        }
    }
}

unsafe extern "C-unwind" fn planner(
    parse: *mut pg_sys::Query,
    query_string: *const c_char,
    cursor_options: c_int,
    bound_params: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        if resolve::has_native_call(parse) {
            resolve::redirect_nested(parse);
        }
        match PLANNER.0.get() {
            Some(next) => next(parse, query_string, cursor_options, bound_params),
            None => raw::standard_planner(parse, query_string, cursor_options, bound_params),
        }
    }
}

unsafe extern "C-unwind" fn post_parse_analyze(
    pstate: *mut pg_sys::ParseState,
    query: *mut pg_sys::Query,
    jstate: *mut pg_sys::JumbleState,
) {
    connections::watch_application_name();
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        if resolve::has_native_output(pstate, query) {
            resolve::redirect_output(pstate, query);
        }
        // A statement that runs into its timeout cannot look up whether the extension is here.
        if pg_sys::StatementTimeout > 0 && target::is_unknown() && raw::IsTransactionState() {
            look_for_targets();
        }
        if let Some(next) = ANALYZE.0.get() {
            next(pstate, query, jstate);
        }
    }
}

unsafe extern "C-unwind" fn executor_start(query: *mut pg_sys::QueryDesc, flags: c_int) {
    last_query::watch();
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        match EXECUTOR_START.0.get() {
            Some(next) => next(query, flags),
            None => raw::standard_ExecutorStart(query, flags),
        }
    }
}

/// A SQL function that PostgreSQL inlines into a query is never planned, so the planner hook would not see its body:
/// answering yes keeps it from being inlined.
unsafe extern "C-unwind" fn needs_fmgr(function: Oid) -> bool {
    // SAFETY: PostgreSQL's argument, passed on as it is.
    unsafe {
        if let Some(next) = NEEDS_FMGR.0.get()
            && next(function)
        {
            return true;
        }
        resolve::is_sql_function(function) && resolve::body_has_native_call(function)
    }
}
