//! Who is connected, and what runs? The rows behind stv_sessions, stv_recents and stv_inflight.

use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum};

use crate::process::{Session, Statement};
use crate::{backend, names, process, query_group, set_returning, snapshot, transactions};

set_returning::function!(sessions_wrapper, pg_finfo_sessions_wrapper);

/// # Safety
/// Called by PostgreSQL's function manager.
#[unsafe(no_mangle)]
#[pg_guard]
unsafe extern "C-unwind" fn sessions_wrapper(fcinfo: pg_sys::FunctionCallInfo) -> Datum {
    // SAFETY: the function manager gives a valid call.
    let mut rows = unsafe { set_returning::materialize(fcinfo) };
    let next_xid = snapshot::next_xid();
    // SAFETY: reads the clock.
    let now = unsafe { pg_sys::GetCurrentTimestamp() };
    for session in process::sessions(backend::readable_rows()) {
        let statement = session.statement.as_ref();
        rows.put([
            Some(session.process.pid.into()),
            Some(session.process.user.into()),
            names::role_name(session.process.user),
            Some(session.process.database.into()),
            names::database_name(session.process.database),
            Some(session.started.into()),
            xid(&session, next_xid).map(Datum::from),
            statement.map(|statement| query_id(session.process.pid, statement.started).into()),
            statement.map(|statement| statement.ended.is_none().into()),
            statement.map(|statement| statement.started.into()),
            statement.map(|statement| duration(statement, now).into()),
            statement.map(|statement| names::text(&statement.text)),
            Some(label(session.process.pid)),
        ]);
    }
    Datum::from(0)
}

fn label(pid: i32) -> Datum {
    let (label, encoding) = query_group::label(pid);
    names::foreign_text(label.into_bytes(), encoding)
}

/// As svv_transactions shows it.
fn xid(session: &Session, next_xid: u64) -> Option<i64> {
    match (session.xid, session.virtual_transaction) {
        (0, (_, 0)) => None,
        (0, (backend, local)) => Some(transactions::unassigned_xid(backend, local)),
        (xid, _) => Some(transactions::full_xid(next_xid, xid)),
    }
}

fn duration(statement: &Statement, now: i64) -> i32 {
    microseconds(statement.started, statement.ended.unwrap_or(now))
}

/// From one time to another; what does not fit stays at the limit.
pub fn microseconds(start: i64, end: i64) -> i32 {
    end.saturating_sub(start).clamp(0, i32::MAX.into()) as i32
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

    fn statement(started: i64, ended: Option<i64>) -> Statement {
        Statement { text: c"select 1".into(), started, ended }
    }

    #[test]
    fn durations_are_clamped() {
        assert_eq!(duration(&statement(100, None), 350), 250);
        assert_eq!(duration(&statement(100, Some(120)), 350), 20);
        assert_eq!(duration(&statement(400, None), 350), 0);
        assert_eq!(duration(&statement(0, None), i64::MAX), i32::MAX);
    }

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
