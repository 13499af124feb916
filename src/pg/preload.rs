//! How the library was loaded: with the server, or later. CREATE EXTENSION warns those who would
//! miss something.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::error;
use crate::pg::raw;

static PRELOADED: AtomicBool = AtomicBool::new(false);

/// Called when the library is loaded.
pub fn remember() {
    // SAFETY: a flag that PostgreSQL sets while it starts.
    let starting = unsafe { pg_sys::process_shared_preload_libraries_in_progress };
    PRELOADED.store(starting, Ordering::Relaxed);
    if !starting {
        // Plans that were made before this call PostgreSQL's own functions.
        // SAFETY: only marks plans as stale.
        unsafe { raw::ResetPlanCache() }
    }
}

/// Was the library loaded with the server, so that there is shared memory?
pub fn by_server() -> bool {
    PRELOADED.load(Ordering::Relaxed)
}

/// Called by CREATE EXTENSION.
#[pg_extern(sql = false)]
fn warn_if_not_preloaded() {
    if !by_server() {
        error::not_preloaded(&libraries()).warn();
    }
}

/// The value of shared_preload_libraries.
pub fn libraries() -> String {
    // SAFETY: the setting exists in every server, and its value is a string.
    let libraries =
        unsafe { CStr::from_ptr(pg_sys::GetConfigOption(c"shared_preload_libraries".as_ptr(), false, false)) };
    libraries.to_string_lossy().into_owned()
}
