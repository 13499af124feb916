//! Who is connected, what runs and what has run: stv_sessions, stv_recents, stv_inflight and more.
//!
//! In come the table of sessions and the logs; out come the rows that the reader may see.

pub mod idle_timeout;
pub mod readable;
pub mod sessions;
pub mod statements;
pub mod all_sessions;
