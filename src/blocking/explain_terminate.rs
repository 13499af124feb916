//! `redshift_sessions.explain_terminate(pid)`: what pg_terminate_backend(pid) would do. Nothing is
//! signalled.

use pgrx::pg_sys::{self, Oid};

use crate::blocking::explanation::{self, Facts};
use crate::blocking::graph::Who;
use crate::blocking::reading::{self, Known};
use crate::blocking::show::put_line;
use crate::blocking::tree::Tree;
use crate::error;
use crate::pg::backend::{self, Backend};
use crate::pg::locks::{self, Object, Snapshot};
use crate::pg::memory;
use crate::pg::native_functions::{CANCEL, TERMINATE, name_of};
use crate::pg::objects;
use crate::pg::privileges;
use crate::pg::set_returning::{self, Arguments, Rows};
use crate::policy::{self, Right};
use crate::transactions::snapshot;

set_returning::function!(explain_terminate_wrapper, pg_finfo_explain_terminate_wrapper, put_rows, with arguments);

fn put_rows(rows: &mut Rows, arguments: Arguments) {
    let pid = arguments.integer();
    let Some(target) = Backend::find(pid) else {
        put_line(rows, error::no_such_session(pid).text());
        return;
    };
    let (picture, facts) =
        reading::picture_and(privileges::readable_rows(), |locks, known| facts(pid, &target, locks, known));
    let party = picture.parties.iter().position(|party| party.who == Who::Process(pid));
    let tree = Tree::of(&picture, party);
    let facts = Facts { waits: party.map(|party| tree.waits(party)).unwrap_or_default(), ..facts };
    explanation::explain(&facts, |line| put_line(rows, line));
    let waiters = party.filter(|party| picture.edges.iter().any(|edge| edge.blocker == *party));
    if let Some(heading) = explanation::waiters(waiters.is_some(), facts.about.is_some()) {
        put_line(rows, heading);
    }
    if let Some(party) = waiters {
        tree.lines_below(party, |line| put_line(rows, line));
    }
}

fn facts(pid: i32, target: &Backend, locks: &Snapshot, known: &Known) -> Facts {
    let (caller, owner) = (backend::caller(), target.owner.as_ref());
    let about = known.process(pid);
    let (relations, other_locks, leader) = match &about {
        Some(_) => (relations(pid, locks, known), other_locks(pid, locks), leader(pid, locks)),
        None => (Vec::new(), 0, None),
    };
    Facts {
        pid,
        leader,
        caller: objects::name_of_role(caller.user),
        // SAFETY: reads this process's own memory.
        is_caller: pid == unsafe { pg_sys::MyProcPid },
        terminate: entitled(policy::may_terminate(&caller, owner), TERMINATE, error::terminate_denied()),
        cancel: entitled(policy::may_cancel(&caller, owner), CANCEL, error::cancel_denied()),
        locks: relations,
        other_locks,
        waits: Vec::new(),
        about,
    }
}

/// Whoever may not execute PostgreSQL's function may not execute ours.
fn entitled(right: Option<Right>, function: Oid, denied: error::Message) -> Result<Right, String> {
    if !privileges::may_execute(function) {
        let name = name_of(function).to_string_lossy();
        return Err(format!("permission denied for function {name}"));
    }
    right.ok_or_else(|| denied.reason().into())
}

/// The rows of svv_transactions that would go.
fn relations(pid: i32, locks: &Snapshot, known: &Known) -> Vec<String> {
    let (transactions, rows) =
        snapshot::open_in(locks, known.sessions.values().map(|session| session.process), known.rows);
    let held = rows.into_iter().filter(|row| row.granted() && transactions[row.transaction()].pid == Some(pid));
    memory::collect(held.filter_map(|row| {
        pgrx::check_for_interrupts!();
        memory::room_for_texts();
        let database = transactions[row.transaction()].database;
        let name = objects::relation(database, Oid::from_u32(row.relation()? as u32));
        Some(format!("{} on {name}", locks::mode_name(row.mode()).to_string_lossy()))
    }))
}

/// Locks that svv_transactions does not show.
fn other_locks(pid: i32, locks: &Snapshot) -> usize {
    let of_process = locks.holders().filter(|(holder, _)| holder.pid == pid || holder.leader == pid);
    let held = of_process.flat_map(|(_, range)| locks.locks(range)).filter(|lock| lock.held != 0);
    held.filter(|lock| matches!(lock.object, Object::Other | Object::PartOf(_))).count()
}

fn leader(pid: i32, locks: &Snapshot) -> Option<i32> {
    locks
        .holders()
        .map(|(holder, _)| holder)
        .find(|holder| holder.pid == pid && holder.leader != 0)
        .map(|holder| holder.leader)
}
