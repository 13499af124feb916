//! The switchboard: installs each hook once, lets the rooms hear it in order, and passes it on.
//!
//! A guard of pgrx's costs a setjmp, and copies an error that passes through it into the current
//! memory context, which may have no room. So each hook is a bare function without destructors. Our
//! own look at a query is one guarded call, made only when there is something to do; it has
//! returned before the next hook runs. Such calls are `#[cold]`: inlined, their guard would have
//! the hook save registers each time. What every session runs is in the section `.text.session`,
//! which linkers put into `.text`: Linux maps the 64 KiB around each page of code that is touched.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Oid};

use crate::clients;
use crate::clients::query_group;
use crate::logs;
use crate::logs::conflicts;
use crate::logs::connections;
use crate::logs::file;
use crate::logs::query_ids;
use crate::logs::statement_record::Kind;
use crate::logs::statements;
use crate::logs::transaction_events;
use crate::logs::user_changes;
use crate::pg::backend_local::BackendLocal;
use crate::pg::compat;
use crate::pg::extension;
use crate::pg::raw;
use crate::pg::shared_memory;
use crate::redirect;
use crate::redirect::find;
use crate::redirect::function_body;
use crate::redirect::refuse;
use crate::serverless;
use crate::shmem::Segment;
use crate::signal::cancel_text;
use crate::transactions::custom_scan;

/// The hook that was there before ours; None if there was none.
type Previous<T> = BackendLocal<Cell<T>>;

static PLANNER: Previous<pg_sys::planner_hook_type> = BackendLocal::new(Cell::new(None));
static ANALYZE: Previous<pg_sys::post_parse_analyze_hook_type> = BackendLocal::new(Cell::new(None));
static EXECUTOR_START: Previous<pg_sys::ExecutorStart_hook_type> = BackendLocal::new(Cell::new(None));
static EXECUTOR_RUN: Previous<pg_sys::ExecutorRun_hook_type> = BackendLocal::new(Cell::new(None));
static EXECUTOR_FINISH: Previous<pg_sys::ExecutorFinish_hook_type> = BackendLocal::new(Cell::new(None));
static UTILITY: Previous<pg_sys::ProcessUtility_hook_type> = BackendLocal::new(Cell::new(None));
static PATHS: Previous<pg_sys::set_rel_pathlist_hook_type> = BackendLocal::new(Cell::new(None));
static NEEDS_FMGR: Previous<pg_sys::needs_fmgr_hook_type> = BackendLocal::new(Cell::new(None));
static ACCESS: Previous<pg_sys::object_access_hook_type> = BackendLocal::new(Cell::new(None));
static SHMEM_REQUEST: Previous<Option<unsafe extern "C-unwind" fn()>> = BackendLocal::new(Cell::new(None));
static SHMEM_STARTUP: Previous<pg_sys::shmem_startup_hook_type> = BackendLocal::new(Cell::new(None));
static AUTHENTICATION: Previous<raw::AuthenticationHook> = BackendLocal::new(Cell::new(None));
static EMIT_LOG: Previous<pg_sys::emit_log_hook_type> = BackendLocal::new(Cell::new(None));

pub fn install() {
    // SAFETY: called once, when the library is loaded.
    unsafe {
        PLANNER.set(pg_sys::planner_hook);
        pg_sys::planner_hook = Some(planner);
        ANALYZE.set(pg_sys::post_parse_analyze_hook);
        pg_sys::post_parse_analyze_hook = Some(post_parse_analyze);
        EXECUTOR_START.set(pg_sys::ExecutorStart_hook);
        pg_sys::ExecutorStart_hook = Some(executor_start);
        EXECUTOR_RUN.set(pg_sys::ExecutorRun_hook);
        pg_sys::ExecutorRun_hook = Some(executor_run);
        EXECUTOR_FINISH.set(pg_sys::ExecutorFinish_hook);
        pg_sys::ExecutorFinish_hook = Some(executor_finish);
        PATHS.set(pg_sys::set_rel_pathlist_hook);
        pg_sys::set_rel_pathlist_hook = Some(paths);
        NEEDS_FMGR.set(pg_sys::needs_fmgr_hook);
        pg_sys::needs_fmgr_hook = Some(needs_fmgr);
        ACCESS.set(pg_sys::object_access_hook);
        pg_sys::object_access_hook = Some(access);
        UTILITY.set(pg_sys::ProcessUtility_hook);
        pg_sys::ProcessUtility_hook = Some(utility);
    }
}

/// Our parts of shared memory, in this order.
static SEGMENTS: [&dyn Segment; 13] = [
    &logs::HEADERS,
    &file::MARK,
    &query_ids::COUNTER,
    &query_ids::NUMBERED,
    &logs::TERMINATE,
    &logs::CONFLICT,
    &logs::CONNECTION,
    &logs::ENDED,
    &logs::USER,
    &logs::TRANSACTION,
    &logs::STATEMENT,
    &cancel_text::NOTES,
    &query_group::LABELS,
];

/// Called only when the library is loaded with the server.
pub fn install_logs() {
    compat::request_shared_memory(|previous| SHMEM_REQUEST.set(previous), shmem_request);
    // SAFETY: called once, when the library is loaded.
    unsafe {
        SHMEM_STARTUP.set(pg_sys::shmem_startup_hook);
        pg_sys::shmem_startup_hook = Some(shmem_startup);
        AUTHENTICATION.set(raw::ClientAuthentication_hook);
        raw::ClientAuthentication_hook = Some(client_authentication);
        EMIT_LOG.set(pg_sys::emit_log_hook);
        pg_sys::emit_log_hook = Some(emit_log);
        raw::RegisterXactCallback(Some(transaction_events::ended), std::ptr::null_mut());
        raw::RegisterSubXactCallback(Some(transaction_events::subtransaction_ended), std::ptr::null_mut());
    }
}

unsafe extern "C-unwind" fn shmem_request() {
    // SAFETY: the server is starting.
    unsafe {
        if let Some(next) = SHMEM_REQUEST.get() {
            next();
        }
        shared_memory::request(&SEGMENTS);
    }
}

unsafe extern "C-unwind" fn shmem_startup() {
    // SAFETY: the server is starting.
    unsafe {
        if let Some(next) = SHMEM_STARTUP.get() {
            next();
        }
        define_settings();
        place_logs();
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn define_settings() {
    clients::define();
}

#[pg_guard]
unsafe extern "C-unwind" fn place_logs() {
    // SAFETY: the server is starting. The callback is a plain function, and forked processes forget
    // it.
    unsafe {
        if shared_memory::place(&SEGMENTS) {
            file::load();
            pg_sys::on_shmem_exit(Some(file::save_at_exit), pg_sys::Datum::from(0));
        }
    }
}

#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe extern "C-unwind" fn client_authentication(port: *mut pg_sys::Port, status: c_int) {
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        file::server_is_up();
        connections::authenticated(port, status);
        if let Some(next) = AUTHENTICATION.get() {
            next(port, status);
        }
    }
}

unsafe extern "C-unwind" fn emit_log(error: *mut pg_sys::ErrorData) {
    // SAFETY: PostgreSQL's argument, passed on as it is.
    unsafe {
        conflicts::record(&*error);
        cancel_text::replace(&mut *error);
        connections::watch_error(&*error);
        statements::failed(&*error);
        if let Some(next) = EMIT_LOG.get() {
            next(error);
        }
    }
}

/// # Safety
/// The query is the planner's.
unsafe fn before_planner(parse: *mut pg_sys::Query) -> pg_sys::planner_hook_type {
    // SAFETY: promised by the caller.
    unsafe {
        if serverless::is_on() {
            serverless::refuse_query(parse);
        }
        if find::has_native_call(parse) {
            redirect::redirect_nested(parse);
        }
    }
    PLANNER.get()
}

compat::planner_hook!(planner, before_planner);

#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe extern "C-unwind" fn post_parse_analyze(
    pstate: *mut pg_sys::ParseState,
    query: *mut pg_sys::Query,
    jstate: compat::JumbleState,
) {
    connections::watch_application_name();
    query_group::publish_unless_done();
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        if redirect::has_native_output(query) {
            redirect::redirect_output(pstate, query);
        }
        // A statement that has run into its timeout can no longer look up whether the extension is
        // here, so that is done now.
        if pg_sys::StatementTimeout > 0 && extension::is_unknown() && raw::IsTransactionState() {
            extension::look();
        }
        if let Some(next) = ANALYZE.get() {
            next(pstate, query, jstate);
        }
    }
}

#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe extern "C-unwind" fn paths(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    index: pg_sys::Index,
    table: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        if custom_scan::is_candidate(root, relation, table) && !others_watch_access() {
            custom_scan::replace_path(relation, table);
        }
        if let Some(next) = PATHS.get() {
            next(root, relation, index, table);
        }
    }
}

#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe extern "C-unwind" fn executor_start(query: *mut pg_sys::QueryDesc, flags: c_int) {
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        if serverless::is_on() {
            serverless::refuse_plan(query);
        }
        EXECUTOR_START.get().unwrap_or(raw::standard_ExecutorStart)(query, flags);
    }
}

/// # Safety
/// `query` is that of ExecutorRun, and `run` runs it.
unsafe fn around_executor_run(query: *const pg_sys::QueryDesc, run: impl FnOnce(pg_sys::ExecutorRun_hook_type)) {
    // SAFETY: promised by the caller.
    let (outermost, before) = unsafe {
        let start = raw::GetCurrentStatementStartTimestamp();
        query_ids::watch(start);
        let outermost = statements::begin(start, (*query).sourceText, || statements::kind_of_query(query));
        (outermost, conflicts::enter(query))
    };
    run(EXECUTOR_RUN.get());
    conflicts::leave(before);
    if outermost {
        // SAFETY: promised by the caller; it has run.
        statements::end(unsafe { statements::returned_by_query(query) });
    }
}

compat::executor_run_hook!(executor_run, around_executor_run);

/// Runs the triggers of a query after it, foreign keys' and unique constraints' among them.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe extern "C-unwind" fn executor_finish(query: *mut pg_sys::QueryDesc) {
    let before = conflicts::enter_other();
    // SAFETY: PostgreSQL's argument, passed on as it is.
    unsafe { EXECUTOR_FINISH.get().unwrap_or(raw::standard_ExecutorFinish)(query) };
    conflicts::leave(before);
}

unsafe extern "C-unwind" fn utility(
    statement: *mut pg_sys::PlannedStmt,
    query_string: *const c_char,
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    destination: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    let mut kind = Kind::Unknown;
    let mut kind_of_this = || {
        // SAFETY: PostgreSQL's argument.
        kind = unsafe { statements::kind_of_command(statement) };
        kind
    };
    // SAFETY: PostgreSQL's argument.
    let outermost =
        unsafe { statements::begin(raw::GetCurrentStatementStartTimestamp(), query_string, &mut kind_of_this) };
    let before = conflicts::enter_other();
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        if refuse::is_definition(statement) {
            refuse::refuse_definition(statement);
        }
        let role = if user_changes::is_about_roles(statement) { Some(user_changes::before(statement)) } else { None };
        let next = UTILITY.get().unwrap_or(raw::standard_ProcessUtility);
        next(statement, query_string, read_only_tree, context, params, environment, destination, completion);
        if let Some(role) = role {
            user_changes::after(statement, role);
        }
    }
    conflicts::leave(before);
    if outermost {
        // SAFETY: PostgreSQL's argument, as `next` has left it.
        statements::end(unsafe { statements::returned_by_command(kind, completion) });
    }
}

/// The planner hook never sees the body of a SQL function that PostgreSQL inlines into a query.
/// Answering yes keeps a function from being inlined.
unsafe extern "C-unwind" fn needs_fmgr(function: Oid) -> bool {
    // SAFETY: PostgreSQL's argument, passed on as it is.
    unsafe {
        if let Some(next) = NEEDS_FMGR.get()
            && next(function)
        {
            return true;
        }
        function_body::is_candidate(function) && function_body::must_stay(function)
    }
}

/// Called, among others, for each function of a query before it runs.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
unsafe extern "C-unwind" fn access(
    access: pg_sys::ObjectAccessType::Type,
    class: Oid,
    object: Oid,
    part: c_int,
    argument: *mut c_void,
) {
    // SAFETY: PostgreSQL's arguments, passed on as they are.
    unsafe {
        if refuse::is_native_call(access, class, object) {
            refuse::refuse(object);
        }
        if let Some(next) = ACCESS.get() {
            next(access, class, object, part, argument);
        }
    }
}

/// Does another library use object_access_hook? It may have come before us or after. Our scan does
/// not call that hook for the function that it replaces.
fn others_watch_access() -> bool {
    // SAFETY: reads a pointer that is set while libraries are loaded.
    let first = unsafe { pg_sys::object_access_hook };
    ACCESS.get().is_some() || first.map(|hook| hook as *const ()) != Some(access as *const ())
}
