//! Our own settings, redshift_sessions.*; `define` has them in the order of the README.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};

use crate::pg::compat;
use crate::pg::locks::Source;
use crate::pg::preload;
use crate::pg::raw;

static REDIRECT: GucSetting<bool> = GucSetting::<bool>::new(true);
static INTEGER_RESULT: GucSetting<bool> = GucSetting::<bool>::new(true);

/// `snapshot` is right on every server; `define` makes `lists` the default where that is proved.
static LOCK_SOURCE: GucSetting<Source> = GucSetting::<Source>::new(Source::snapshot);

static SERVERLESS: GucSetting<bool> = GucSetting::<bool>::new(false);
static CANCEL_TEXT: GucSetting<bool> = GucSetting::<bool>::new(true);
static DRIVER_SERVER_VERSION: GucSetting<bool> = GucSetting::<bool>::new(true);
static TERMINATE_LOG_SIZE: GucSetting<i32> = GucSetting::<i32>::new(10_000);
static CONFLICT_LOG_SIZE: GucSetting<i32> = GucSetting::<i32>::new(1_000);
static CONNECTION_LOG_SIZE: GucSetting<i32> = GucSetting::<i32>::new(5_000);
static SESSION_LOG_SIZE: GucSetting<i32> = GucSetting::<i32>::new(5_000);
static USER_LOG_SIZE: GucSetting<i32> = GucSetting::<i32>::new(1_000);
static TRANSACTION_LOG_SIZE: GucSetting<i32> = GucSetting::<i32>::new(1_000);
static STATEMENT_LOG_SIZE: GucSetting<i32> = GucSetting::<i32>::new(1_000);
const LARGEST_LOG: i32 = 10_000_000;

/// A client whose statement is cancelled reads Redshift's text instead of PostgreSQL's.
pub fn cancel_text() -> bool {
    CANCEL_TEXT.get()
}

/// Amazon's drivers see server_version 8.0.2, Redshift's, instead of the server's own.
pub fn driver_server_version() -> bool {
    DRIVER_SERVER_VERSION.get()
}

/// Number of rows that svl_terminate keeps; 0 turns it off.
pub fn terminate_log_size() -> usize {
    TERMINATE_LOG_SIZE.get() as usize
}

/// Number of rows that stl_tr_conflict keeps; 0 turns it off.
pub fn conflict_log_size() -> usize {
    CONFLICT_LOG_SIZE.get() as usize
}

/// Number of rows that stl_connection_log keeps; 0 turns it off.
pub fn connection_log_size() -> usize {
    CONNECTION_LOG_SIZE.get() as usize
}

/// Number of ended sessions that stl_sessions and sys_session_history keep; 0 turns them off.
pub fn session_log_size() -> usize {
    SESSION_LOG_SIZE.get() as usize
}

/// Number of changes of users that stl_userlog and sys_userlog keep; 0 turns them off.
pub fn user_log_size() -> usize {
    USER_LOG_SIZE.get() as usize
}

/// Number of finished transactions that sys_transaction_history and stl_undone keep; 0 turns them
/// off.
pub fn transaction_log_size() -> usize {
    TRANSACTION_LOG_SIZE.get() as usize
}

/// Number of finished statements that are kept; 0 for the last one of each session only.
pub fn statement_log_size() -> usize {
    STATEMENT_LOG_SIZE.get() as usize
}

/// Plain calls of pg_terminate_backend and pg_cancel_backend follow Redshift's rule.
pub fn redirect() -> bool {
    is_on(&REDIRECT)
}

/// Plain calls in a bare output column give Redshift's integer instead of PostgreSQL's boolean.
pub fn integer_result() -> bool {
    is_on(&INTEGER_RESULT)
}

/// STL_ and STV_ views are refused to everybody, as in Redshift Serverless.
pub fn serverless() -> bool {
    is_on(&SERVERLESS)
}

/// The lock table is read through each backend's lists, or through PostgreSQL's own snapshot.
pub fn lock_source() -> Source {
    LOCK_SOURCE.get()
}

/// For settings that every statement reads. Leaves out pgrx's check of the thread, which costs more
/// than reading the setting.
fn is_on(setting: &GucSetting<bool>) -> bool {
    // SAFETY: only PostgreSQL writes it, in the backend's only thread.
    unsafe { *setting.as_ptr() }
}

pub fn define() {
    // SAFETY: the only hook, `plan_again`, is a plain function that cannot fail.
    unsafe {
        GucRegistry::define_bool_guc_with_hooks(
            c"redshift_sessions.redirect",
            c"Plain calls of pg_terminate_backend and pg_cancel_backend follow Redshift's rule.",
            c"",
            &REDIRECT,
            GucContext::Suset,
            GucFlags::default(),
            None,
            Some(plan_again),
            None,
        );
        GucRegistry::define_bool_guc_with_hooks(
            c"redshift_sessions.integer_result",
            c"Plain calls in a bare output column give Redshift's integer instead of PostgreSQL's boolean.",
            c"",
            &INTEGER_RESULT,
            GucContext::Userset,
            GucFlags::default(),
            None,
            None,
            None,
        );
    }
    GucRegistry::define_bool_guc(
        c"redshift_sessions.cancel_text",
        c"A client whose statement is cancelled reads Redshift's text instead of PostgreSQL's.",
        c"",
        &CANCEL_TEXT,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"redshift_sessions.serverless",
        c"STL_ and STV_ views are refused to everybody, as in Redshift Serverless.",
        c"",
        &SERVERLESS,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"redshift_sessions.lock_source",
        c"The lock table is read through each backend's lists, or through PostgreSQL's own snapshot.",
        c"",
        &LOCK_SOURCE,
        GucContext::Suset,
        GucFlags::default(),
    );
    if compat::lock_lists_are_proved() {
        compat::set_default(c"redshift_sessions.lock_source", c"lists");
    }
    if preload::by_server() {
        GucRegistry::define_bool_guc(
            c"redshift_sessions.driver_server_version",
            c"Amazon's drivers see server_version 8.0.2, Redshift's, instead of the server's own.",
            c"",
            &DRIVER_SERVER_VERSION,
            GucContext::Sighup,
            GucFlags::default(),
        );
        define_log_sizes();
    }
    compat::reserve_settings(c"redshift_sessions");
}

fn define_log_sizes() {
    let define = |name, meaning, setting| {
        GucRegistry::define_int_guc(
            name,
            meaning,
            c"",
            setting,
            0,
            LARGEST_LOG,
            GucContext::Postmaster,
            GucFlags::default(),
        );
    };
    define(
        c"redshift_sessions.terminate_log_size",
        c"Number of rows that svl_terminate keeps; 0 turns it off.",
        &TERMINATE_LOG_SIZE,
    );
    define(
        c"redshift_sessions.conflict_log_size",
        c"Number of rows that stl_tr_conflict keeps; 0 turns it off.",
        &CONFLICT_LOG_SIZE,
    );
    define(
        c"redshift_sessions.connection_log_size",
        c"Number of rows that stl_connection_log keeps; 0 turns it off.",
        &CONNECTION_LOG_SIZE,
    );
    define(
        c"redshift_sessions.session_log_size",
        c"Number of ended sessions that stl_sessions and sys_session_history keep; 0 turns them off.",
        &SESSION_LOG_SIZE,
    );
    define(
        c"redshift_sessions.user_log_size",
        c"Number of changes of users that stl_userlog and sys_userlog keep; 0 turns them off.",
        &USER_LOG_SIZE,
    );
    define(
        c"redshift_sessions.transaction_log_size",
        c"Number of finished transactions that sys_transaction_history and stl_undone keep; 0 turns them off.",
        &TRANSACTION_LOG_SIZE,
    );
    define(
        c"redshift_sessions.statement_log_size",
        c"Number of finished statements that are kept; 0 for the last one of each session only.",
        &STATEMENT_LOG_SIZE,
    );
}

/// Cached plans, those of PL/pgSQL above all, call the function that was right when they were made.
unsafe extern "C-unwind" fn plan_again(redirect: bool, _extra: *mut std::ffi::c_void) {
    if redirect != REDIRECT.get() {
        // SAFETY: only marks plans as stale; does not fail.
        unsafe { raw::ResetPlanCache() }
    }
}
