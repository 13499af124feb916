//! Which settings are there? In the README's order.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};

use crate::compat;

static REDIRECT: GucSetting<bool> = GucSetting::<bool>::new(true);
static INTEGER_RESULT: GucSetting<bool> = GucSetting::<bool>::new(true);

/// Plain calls of pg_terminate_backend and pg_cancel_backend follow Redshift's rule.
pub fn redirect() -> bool {
    REDIRECT.get()
}

/// Plain calls in a bare output column give Redshift's integer instead of PostgreSQL's boolean.
pub fn integer_result() -> bool {
    INTEGER_RESULT.get()
}

pub fn define() {
    // SAFETY: the assign hook is a plain C function, see there.
    unsafe {
        GucRegistry::define_bool_guc_with_hooks(
            c"redshift_sessions.redirect",
            c"Plain calls of pg_terminate_backend and pg_cancel_backend follow Redshift's rule.",
            c"",
            &REDIRECT,
            GucContext::Suset,
            GucFlags::default(),
            None,
            Some(plan_again),
            None,
        );
        GucRegistry::define_bool_guc_with_hooks(
            c"redshift_sessions.integer_result",
            c"Plain calls in a bare output column give Redshift's integer instead of PostgreSQL's boolean.",
            c"",
            &INTEGER_RESULT,
            GucContext::Userset,
            GucFlags::default(),
            None,
            None,
            None,
        );
    }
    compat::reserve_settings(c"redshift_sessions");
}

/// Cached plans, those of PL/pgSQL above all, hold the function that was right when they were made.
unsafe extern "C-unwind" fn plan_again(redirect: bool, _extra: *mut std::ffi::c_void) {
    if redirect != REDIRECT.get() {
        // SAFETY: only marks plans as stale; does not fail.
        unsafe { compat::raw::ResetPlanCache() }
    }
}
