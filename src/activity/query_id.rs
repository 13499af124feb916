//! The number of a query, and which one this session ran last: the function pg_last_query_id.

use std::cell::Cell;

use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::pg::backend_local::BackendLocal;
use crate::pg::raw;

/// Start of the statement that runs, and of the one before; 0 for none.
static STATEMENTS: BackendLocal<Cell<(i64, i64)>> = BackendLocal::new(Cell::new((0, 0)));

/// Called with each query that is about to run; those inside of functions belong to the same statement. What PostgreSQL
/// evaluates while it plans runs outside of a portal, and its message has another start.
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

/// Its number was that of stv_inflight; -1 if there was none.
#[pg_extern(sql = false)]
fn pg_last_query_id() -> i32 {
    match STATEMENTS.get() {
        (_, 0) => -1,
        // SAFETY: reads this process's own memory.
        (_, start) => query_id(unsafe { pg_sys::MyProcPid }, start),
    }
}

/// PostgreSQL does not number statements. A statement is known by its session and its start: a positive number made of
/// the two stays the same while it runs, and hardly ever meets another one. It says nothing about the order.
pub fn query_id(pid: i32, started: i64) -> i32 {
    // The finalizer of splitmix64: each bit of the result depends on each bit of what goes in.
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
