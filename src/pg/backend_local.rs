//! Memory of one backend that is there as long as the process.

use std::ops::Deref;

/// A static of the one thread that a backend has. What changes in it is a `Cell`.
pub struct BackendLocal<T>(T);

// SAFETY: PostgreSQL's processes have one thread, which reads and writes it.
unsafe impl<T> Sync for BackendLocal<T> {}

impl<T> BackendLocal<T> {
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
