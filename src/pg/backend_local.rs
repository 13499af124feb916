//! Statics of one backend, which live as long as its process.

use std::ops::Deref;

/// A static that is used by the one thread of a backend. What changes in it is a `Cell`.
pub struct BackendLocal<T>(T);

// SAFETY: a process of PostgreSQL's has one thread, and only that reads and writes the value.
unsafe impl<T> Sync for BackendLocal<T> {}

impl<T> BackendLocal<T> {
    /// For statics only: a test that shared one between its threads would break the rule.
    pub const fn new(value: T) -> Self {
        BackendLocal(value)
    }
}

impl<T> Deref for BackendLocal<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
