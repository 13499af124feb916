//! Amazon Redshift's sessions, transactions and locks on a stock PostgreSQL.
//!
//! ```text
//! SQL call -> signal (find the session) -> policy (may I?) -> backend (PostgreSQL's own function sends)
//! SELECT   -> svv_transactions -> locks + backend (snapshots) -> transactions (what is open?) -> row
//! names    -> hooks (where do we listen?) -> resolve (which calls?) -> target (our functions)
//! ```

use pgrx::prelude::*;

// what users call
mod signal;
mod svv_transactions;
// what we decide
mod error;
mod gucs;
mod policy;
mod row;
mod source;
mod transactions;
// where unsafe lives
mod backend;
mod compat;
mod hooks;
mod locks;
mod preload;
mod prepared;
mod resolve;
mod set_returning;
mod target;

pg_module_magic!(name, version);

extension_sql_file!("../sql/schema.sql", name = "schema", bootstrap);
extension_sql_file!("../sql/pg_terminate_backend.sql", name = "pg_terminate_backend", requires = ["schema"]);
extension_sql_file!("../sql/pg_terminate_backend_bool.sql", name = "pg_terminate_backend_bool", requires = ["schema"]);
extension_sql_file!("../sql/pg_cancel_backend.sql", name = "pg_cancel_backend", requires = ["schema"]);
extension_sql_file!("../sql/pg_cancel_backend_bool.sql", name = "pg_cancel_backend_bool", requires = ["schema"]);
extension_sql_file!("../sql/svv_transactions.sql", name = "svv_transactions", requires = ["schema"]);
extension_sql_file!("../sql/preload.sql", name = "preload", finalize);

#[pg_guard]
extern "C-unwind" fn _PG_init() {
    preload::remember();
    gucs::define();
    target::watch_catalog();
    hooks::install();
}
