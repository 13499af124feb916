//! Pictures for the tests of whatever is made of one.

use crate::blocking::deadlocks::deadlocks;
use crate::blocking::graph::{self, Edge, Graph, Who};
use crate::blocking::picture::{About, Activity, Kind, Party, Picture, Wait};

pub fn about(user: &str) -> About {
    let (user, database) = (user.into(), Some("dev".into()));
    About { kind: Kind::Session, user, database, transaction: None, open_for: None, activity: None }
}

pub fn session(pid: i32, user: &str) -> Party {
    Party { who: Who::Process(pid), about: Some(about(user)) }
}

pub fn hidden(pid: i32) -> Party {
    Party { who: Who::Process(pid), about: None }
}

/// Idle for five seconds in a transaction of a minute.
fn idle(pid: i32, user: &str, statement: &str) -> Party {
    let activity = Activity { statement: statement.into(), running: false, microseconds: 5_000_000 };
    let about = About { open_for: Some(60_000_000), activity: Some(activity), ..about(user) };
    Party { who: Who::Process(pid), about: Some(about) }
}

/// Each waiter, its blocker, and whether that one is only before it in the queue. The same waiter
/// twice in a row is one wait.
pub fn picture(parties: Vec<Party>, edges: &[(usize, usize, bool)]) -> Picture {
    let mut graph = Graph::default();
    graph.parties.extend(parties.iter().map(|party| party.who));
    let mut waits = Vec::new();
    for (waiter, blocker, queued) in edges {
        if waits.last().is_none_or(|wait: &Wait| wait.waiter != *waiter) {
            let (mode, object) = ("AccessExclusiveLock", "table public.t".into());
            waits.push(Wait { waiter: *waiter, mode, object, waited: None });
            graph.waits.push(graph::Wait { waiter: *waiter, pid: 0, mode: 8, tag: Default::default(), since: None });
        }
        graph.edges.push(Edge { wait: waits.len() - 1, blocker: *blocker, queued: *queued });
    }
    Picture { parties, waits, deadlocks: deadlocks(&graph), edges: graph.edges }
}

/// Bob waits for Alice, who is idle, and Carol is behind Bob.
pub fn drawn() -> Picture {
    let parties = vec![idle(11, "alice", "select 1"), idle(12, "bob", "lock t"), idle(13, "carol", "select 2")];
    let mut picture = picture(parties, &[(1, 0, false), (2, 1, true)]);
    picture.waits[0].waited = Some(3_000_000);
    picture.waits[1].waited = Some(2_000_000);
    picture.waits[1].mode = "AccessShareLock";
    picture
}
