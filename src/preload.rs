//! How was the library loaded? CREATE EXTENSION tells those who would miss something.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::compat::raw;
use crate::error;

static PRELOADED: AtomicBool = AtomicBool::new(false);

/// Called when the library is loaded.
pub fn remember() {
    // SAFETY: a flag that PostgreSQL sets while it starts.
    let by_server = unsafe { pg_sys::process_shared_preload_libraries_in_progress };
    PRELOADED.store(by_server, Ordering::Relaxed);
    if !by_server {
        // SAFETY: only marks plans as stale: those made before us call PostgreSQL's own functions.
        unsafe { raw::ResetPlanCache() }
    }
}

/// Called by CREATE EXTENSION.
#[pg_extern(sql = false)]
fn warn_if_not_preloaded() {
    if !PRELOADED.load(Ordering::Relaxed) {
        // SAFETY: the setting exists in every server, and its value is a string.
        let libraries =
            unsafe { CStr::from_ptr(pg_sys::GetConfigOption(c"shared_preload_libraries".as_ptr(), false, false)) };
        error::not_preloaded(&libraries.to_string_lossy()).warn();
    }
}
