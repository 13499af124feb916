//! What clients say about themselves: their drivers, Redshift's session parameters, the query group.
//!
//! In come startup packets and SET; out come settings that the session can show, and what the logs
//! and views tell of a client.

pub mod pairs;
pub mod parameters;
pub mod drivers;
pub mod query_group;
