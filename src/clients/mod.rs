//! What clients say about themselves: drivers, Redshift's session parameters, the query group.
//!
//! In come startup packets and SET; out come settings that the session can show, and what logs and
//! views tell about a client.

pub mod pairs;
pub mod parameters;
pub mod drivers;
pub mod query_group;
