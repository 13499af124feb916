//! Amazon Redshift's sessions, transactions and locks on a stock PostgreSQL.
//!
//! ```text
//! SQL call -> signal (find the session) -> policy (may I?) -> backend (PostgreSQL's own function sends)
//! SELECT   -> scan, or svv_transactions -> snapshot (locks + process) -> transactions (what is open?) -> row
//! signal   -> svl_terminate, error -> stl_tr_conflict (conflict), login and exit -> connections,
//!             queries -> statements: logs -> ring (shared memory)
//! names    -> hooks (where do we listen?) -> resolve (which calls?), inlining, refuse (what passes by?) -> target (our functions)
//! ```

use pgrx::prelude::*;

// The rooms. Each imports only from those above it, see .ci/rooms.
mod policy;
mod error;
mod shmem;
mod pg;
mod gucs;
mod clients;
mod redirect;
mod transactions;
mod logs;
mod activity;
mod signal;
mod hooks;

pg_module_magic!(name, version);

extension_sql_file!("../sql/schema.sql", name = "schema", bootstrap);
extension_sql_file!("../sql/pg_terminate_backend.sql", name = "pg_terminate_backend", requires = ["schema"]);
extension_sql_file!("../sql/pg_terminate_backend_bool.sql", name = "pg_terminate_backend_bool", requires = ["schema"]);
extension_sql_file!("../sql/pg_cancel_backend.sql", name = "pg_cancel_backend", requires = ["schema"]);
extension_sql_file!("../sql/pg_cancel_backend_bool.sql", name = "pg_cancel_backend_bool", requires = ["schema"]);
extension_sql_file!("../sql/svv_transactions.sql", name = "svv_transactions", requires = ["schema"]);
extension_sql_file!("../sql/sessions.sql", name = "sessions", requires = ["schema"]);
extension_sql_file!("../sql/stv_sessions.sql", name = "stv_sessions", requires = ["sessions"]);
extension_sql_file!("../sql/recents.sql", name = "recents", requires = ["schema"]);
extension_sql_file!("../sql/stv_recents.sql", name = "stv_recents", requires = ["recents"]);
extension_sql_file!("../sql/stv_inflight.sql", name = "stv_inflight", requires = ["sessions"]);
extension_sql_file!("../sql/svv_query_inflight.sql", name = "svv_query_inflight", requires = ["sessions"]);
extension_sql_file!("../sql/stv_locks.sql", name = "stv_locks", requires = ["schema"]);
extension_sql_file!("../sql/stl_restarted_sessions.sql", name = "stl_restarted_sessions", requires = ["schema"]);
extension_sql_file!("../sql/cancel.sql", name = "cancel", requires = ["schema"]);
extension_sql_file!("../sql/pg_last_query_id.sql", name = "pg_last_query_id", requires = ["schema"]);
extension_sql_file!("../sql/svl_terminate.sql", name = "svl_terminate", requires = ["schema"]);
extension_sql_file!("../sql/stl_tr_conflict.sql", name = "stl_tr_conflict", requires = ["schema"]);
extension_sql_file!("../sql/stl_connection_log.sql", name = "stl_connection_log", requires = ["schema"]);
extension_sql_file!("../sql/all_sessions.sql", name = "all_sessions", requires = ["schema"]);
extension_sql_file!("../sql/stl_sessions.sql", name = "stl_sessions", requires = ["all_sessions", "stv_sessions"]);
extension_sql_file!(
    "../sql/sys_session_history.sql",
    name = "sys_session_history",
    requires = ["all_sessions", "stv_sessions"]
);
extension_sql_file!("../sql/logs.sql", name = "logs", requires = ["schema"]);
extension_sql_file!("../sql/preload.sql", name = "preload", requires = ["schema"]);
extension_sql_file!("../sql/privileges.sql", name = "privileges", finalize);

#[pg_guard]
extern "C-unwind" fn _PG_init() {
    pg::memory::make_room();
    pg::preload::remember();
    gucs::define();
    clients::query_group::define();
    clients::parameters::define();
    pg::extension::watch_catalog();
    transactions::custom_scan::register();
    redirect::function_body::watch_catalog();
    hooks::install();
    if pg::preload::by_server() {
        clients::drivers::define();
        hooks::install_logs();
    }
}
