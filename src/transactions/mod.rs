//! svv_transactions and stv_locks: which transactions are open, and what they hold and await.
//!
//! In come copies of the lock table, the table of sessions and the prepared transactions; out come
//! rows. A plain SELECT from svv_transactions gets them from a custom scan, every other query from
//! a function.

pub mod packed_row;
pub mod collector;
pub mod snapshot;
pub mod svv_transactions;
pub mod stv_locks;
pub mod pushdown;
pub mod custom_scan;
