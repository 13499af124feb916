//! Numbers queries, and remembers the last one of this session for pg_last_query_id.

use std::cell::Cell;

use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::pg::backend_local::BackendLocal;
use crate::pg::raw;

/// When the running statement and the one before it began; 0 for none.
static STATEMENTS: BackendLocal<Cell<(i64, i64)>> = BackendLocal::new(Cell::new((0, 0)));

/// Called with each query that is about to run. Queries inside functions belong to the same
/// statement. Queries that PostgreSQL evaluates while it plans do not count: they run outside a
/// portal, and their message has a start of its own.
pub fn watch() {
    // SAFETY: reads this process's own memory.
    let (start, planning) = unsafe { (raw::GetCurrentStatementStartTimestamp(), pg_sys::ActivePortal.is_null()) };
    if planning {
        return;
    }
    let (current, _) = STATEMENTS.get();
    if start != current {
        STATEMENTS.set((start, current));
    }
}

/// The number that the statement before this one had in stv_inflight; -1 if there was none.
#[pg_extern(sql = false)]
fn pg_last_query_id() -> i32 {
    match STATEMENTS.get() {
        (_, 0) => -1,
        // SAFETY: reads this process's own memory.
        (_, start) => query_id(unsafe { pg_sys::MyProcPid }, start),
    }
}

/// PostgreSQL does not number statements, so we make a positive number of the session's pid and the
/// statement's start. It stays the same while the statement runs, and hardly ever equals another
/// one's. It says nothing about the order of statements.
pub fn query_id(pid: i32, started: i64) -> i32 {
    // The finalizer of splitmix64: each bit of the result depends on each bit of the input.
    let mut bits = (started as u64) ^ (pid as u64).rotate_left(40);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ bits >> 31) as i32 & i32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_ids_are_positive_stable_and_differ() {
        let start = 846_000_000_000_000;
        let ids: Vec<i32> =
            (0..1000).flat_map(|n| [query_id(4000 + n, start), query_id(4000, start + i64::from(n))]).collect();
        assert!(ids.iter().all(|id| *id > 0));
        assert_eq!(query_id(4000, start), ids[0]);
        let mut distinct = ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), ids.len() - 1); // (4000, start) is there twice
    }
}
