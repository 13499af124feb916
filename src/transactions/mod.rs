//! svv_transactions and stv_locks: which transactions are open, and what they hold and await.
//!
//! In come the lock table and the table of sessions; out come rows, to a plain SELECT by a scan of
//! its own, to any other query by a function.

pub mod packed_row;
pub mod collector;
pub mod snapshot;
pub mod svv_transactions;
pub mod stv_locks;
pub mod pushdown;
pub mod custom_scan;
