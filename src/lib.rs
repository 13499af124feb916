//! Amazon Redshift's sessions, transactions and locks on a stock PostgreSQL.
//!
//! A call that signals a session passes through `redirect` (is this call meant?), `signal` (find,
//! decide, send) and `policy` (may the caller?). A query on a view goes to the view's own file in
//! `transactions`, `activity` or `logs`, which asks `pg` what PostgreSQL knows. `hooks` hears of
//! everything else and tells the room that it concerns.

use pgrx::prelude::*;

// The rooms. Each imports only from rooms above its own line; .ci/rooms checks that.
mod policy;
mod error;
mod shmem;
mod pg;
mod gucs;
mod serverless;
mod clients;
mod redirect;
mod transactions;
mod blocking;
mod logs;
mod activity;
mod signal;
mod hooks;

pg_module_magic!(name, version);

// One object per file. Each requires the one before it, so that every build has the same order.
extension_sql_file!("../sql/conflicts.sql", name = "conflicts", bootstrap);
extension_sql_file!("../sql/schema.sql", name = "schema", requires = ["conflicts"]);
extension_sql_file!("../sql/pg_terminate_backend.sql", name = "pg_terminate_backend", requires = ["schema"]);
extension_sql_file!(
    "../sql/pg_terminate_backend_bool.sql",
    name = "pg_terminate_backend_bool",
    requires = ["pg_terminate_backend"]
);
extension_sql_file!(
    "../sql/pg_cancel_backend.sql",
    name = "pg_cancel_backend",
    requires = ["pg_terminate_backend_bool"]
);
extension_sql_file!(
    "../sql/pg_cancel_backend_bool.sql",
    name = "pg_cancel_backend_bool",
    requires = ["pg_cancel_backend"]
);
extension_sql_file!("../sql/svv_transactions.sql", name = "svv_transactions", requires = ["pg_cancel_backend_bool"]);
extension_sql_file!("../sql/sessions.sql", name = "sessions", requires = ["svv_transactions"]);
extension_sql_file!("../sql/stv_sessions.sql", name = "stv_sessions", requires = ["sessions"]);
extension_sql_file!("../sql/recents.sql", name = "recents", requires = ["stv_sessions"]);
extension_sql_file!("../sql/stv_recents.sql", name = "stv_recents", requires = ["recents"]);
extension_sql_file!("../sql/statements.sql", name = "statements", requires = ["stv_recents"]);
extension_sql_file!("../sql/sys_query_history.sql", name = "sys_query_history", requires = ["statements"]);
extension_sql_file!("../sql/sys_query_text.sql", name = "sys_query_text", requires = ["sys_query_history"]);
extension_sql_file!("../sql/stl_query.sql", name = "stl_query", requires = ["sys_query_text"]);
extension_sql_file!("../sql/stl_querytext.sql", name = "stl_querytext", requires = ["stl_query"]);
extension_sql_file!("../sql/svl_qlog.sql", name = "svl_qlog", requires = ["stl_querytext"]);
extension_sql_file!("../sql/svl_statementtext.sql", name = "svl_statementtext", requires = ["svl_qlog"]);
extension_sql_file!("../sql/stl_utilitytext.sql", name = "stl_utilitytext", requires = ["svl_statementtext"]);
extension_sql_file!("../sql/stl_ddltext.sql", name = "stl_ddltext", requires = ["stl_utilitytext"]);
extension_sql_file!("../sql/stv_inflight.sql", name = "stv_inflight", requires = ["stl_ddltext"]);
extension_sql_file!("../sql/svv_query_inflight.sql", name = "svv_query_inflight", requires = ["stv_inflight"]);
extension_sql_file!("../sql/stv_locks.sql", name = "stv_locks", requires = ["svv_query_inflight"]);
extension_sql_file!("../sql/stl_restarted_sessions.sql", name = "stl_restarted_sessions", requires = ["stv_locks"]);
extension_sql_file!("../sql/cancel.sql", name = "cancel", requires = ["stl_restarted_sessions"]);
extension_sql_file!("../sql/pg_last_query_id.sql", name = "pg_last_query_id", requires = ["cancel"]);
extension_sql_file!("../sql/svl_terminate.sql", name = "svl_terminate", requires = ["pg_last_query_id"]);
extension_sql_file!("../sql/stl_tr_conflict.sql", name = "stl_tr_conflict", requires = ["svl_terminate"]);
extension_sql_file!("../sql/stl_connection_log.sql", name = "stl_connection_log", requires = ["stl_tr_conflict"]);
extension_sql_file!("../sql/all_sessions.sql", name = "all_sessions", requires = ["stl_connection_log"]);
extension_sql_file!("../sql/stl_sessions.sql", name = "stl_sessions", requires = ["all_sessions"]);
extension_sql_file!("../sql/sys_session_history.sql", name = "sys_session_history", requires = ["stl_sessions"]);
extension_sql_file!("../sql/stl_userlog.sql", name = "stl_userlog", requires = ["sys_session_history"]);
extension_sql_file!("../sql/sys_userlog.sql", name = "sys_userlog", requires = ["stl_userlog"]);
extension_sql_file!("../sql/sys_connection_log.sql", name = "sys_connection_log", requires = ["sys_userlog"]);
extension_sql_file!("../sql/readable.sql", name = "readable", requires = ["sys_connection_log"]);
extension_sql_file!("../sql/svl_user_info.sql", name = "svl_user_info", requires = ["readable"]);
extension_sql_file!("../sql/svv_user_info.sql", name = "svv_user_info", requires = ["svl_user_info"]);
extension_sql_file!("../sql/pg_user_info.sql", name = "pg_user_info", requires = ["svv_user_info"]);
extension_sql_file!("../sql/stv_db_isolation_level.sql", name = "stv_db_isolation_level", requires = ["pg_user_info"]);
extension_sql_file!(
    "../sql/stv_wlm_query_state.sql",
    name = "stv_wlm_query_state",
    requires = ["stv_db_isolation_level"]
);
extension_sql_file!(
    "../sql/stv_wlm_query_queue_state.sql",
    name = "stv_wlm_query_queue_state",
    requires = ["stv_wlm_query_state"]
);
extension_sql_file!(
    "../sql/sys_transaction_history.sql",
    name = "sys_transaction_history",
    requires = ["stv_wlm_query_queue_state"]
);
extension_sql_file!("../sql/stl_undone.sql", name = "stl_undone", requires = ["sys_transaction_history"]);
extension_sql_file!("../sql/logs.sql", name = "logs", requires = ["stl_undone"]);
extension_sql_file!("../sql/blocking.sql", name = "blocking", requires = ["logs"]);
extension_sql_file!("../sql/explain_terminate.sql", name = "explain_terminate", requires = ["blocking"]);
extension_sql_file!("../sql/preload.sql", name = "preload", requires = ["explain_terminate"]);
extension_sql_file!("../sql/privileges.sql", name = "privileges", finalize);

#[pg_guard]
extern "C-unwind" fn _PG_init() {
    pg::memory::make_room();
    pg::preload::remember();
    gucs::define();
    pg::extension::watch_catalog();
    transactions::custom_scan::register();
    redirect::function_body::watch_catalog();
    hooks::install();
    if pg::preload::by_server() {
        hooks::install_logs(); // and, when all libraries are there, clients::define
    } else {
        clients::define();
    }
}
