//! Who waits for whom, for a person who is about to act: `redshift_sessions.blocking()` and
//! `redshift_sessions.explain_terminate()`.
//!
//! In comes one copy of the lock table, and what sessions do; out come lines of text. The graph,
//! its deadlocks and every line are made by pure code. Nothing is signalled.

mod words;
mod graph;
mod deadlocks;
mod picture;
mod wait_text;
#[cfg(test)]
mod examples;
mod tree;
mod diagrams;
mod json;
mod explanation;
mod reading;
mod show;
mod explain_terminate;
