//! What must not be interrupted: PostgreSQL's HOLD_INTERRUPTS and RESUME_INTERRUPTS.

use pgrx::pg_sys;

/// This session is neither cancelled nor ended in the middle of it. An error sets PostgreSQL's count back.
pub fn hold<T>(function: impl FnOnce() -> T) -> T {
    // SAFETY: a count of this process, read by PostgreSQL's ProcessInterrupts.
    unsafe { pg_sys::InterruptHoldoffCount += 1 };
    let result = function();
    // SAFETY: as above.
    unsafe { pg_sys::InterruptHoldoffCount -= 1 };
    result
}
