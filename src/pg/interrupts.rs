//! For code that must not be interrupted: PostgreSQL's HOLD_INTERRUPTS and RESUME_INTERRUPTS.

use pgrx::pg_sys;

/// This session is neither cancelled nor ended while `function` runs. After an error PostgreSQL
/// sets its count back itself.
pub fn hold<T>(function: impl FnOnce() -> T) -> T {
    // SAFETY: a count of this process, read by PostgreSQL's ProcessInterrupts. It is put back to
    // what it was, not counted down: an error that was caught inside has set it to zero.
    unsafe {
        let before = pg_sys::InterruptHoldoffCount;
        pg_sys::InterruptHoldoffCount = before + 1;
        let result = function();
        pg_sys::InterruptHoldoffCount = before;
        result
    }
}
