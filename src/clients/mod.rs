//! What clients say about themselves: drivers, Redshift's session parameters, the query group.
//!
//! In come startup packets and SET; out come settings that the session can show, and what logs and
//! views tell about a client.

pub mod pairs;
pub mod parameters;
pub mod drivers;
pub mod query_group;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error;
use crate::pg::preload;

static DEFINED: AtomicBool = AtomicBool::new(false);

/// Defines the settings of Redshift's names, except those that another library has defined: these
/// are left to it. Called when the libraries of shared_preload_libraries have all been loaded,
/// because a library that comes after ours would find its setting taken, and stop the server's
/// start. A server that starts anew after a crash calls it again.
pub fn define() {
    if DEFINED.swap(true, Ordering::Relaxed) {
        return;
    }
    let mut others = parameters::define();
    others.extend(query_group::define());
    if preload::by_server() {
        others.extend(drivers::define());
        if !others.is_empty() {
            let names: Vec<_> = others.into_iter().map(|name| name.to_string_lossy()).collect();
            error::settings_of_others(&names.join(", ")).log();
        }
    }
}
