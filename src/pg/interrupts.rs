//! For code that must not be interrupted: PostgreSQL's HOLD_INTERRUPTS and RESUME_INTERRUPTS.

use pgrx::pg_sys;

/// This session is neither cancelled nor ended while `function` runs. After an error PostgreSQL
/// sets its count back itself.
pub fn hold<T>(function: impl FnOnce() -> T) -> T {
    // SAFETY: a count of this process, read by PostgreSQL's ProcessInterrupts.
    unsafe { pg_sys::InterruptHoldoffCount += 1 };
    let result = function();
    // SAFETY: the same count of this process.
    unsafe { pg_sys::InterruptHoldoffCount -= 1 };
    result
}
