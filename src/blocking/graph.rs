//! Who waits for whom: contenders for locks in, a graph out. Nothing here calls PostgreSQL.
//!
//! The rule is that of PostgreSQL's pg_blocking_pids (lockfuncs.c). Somebody is in the way of a
//! waiter if he holds a mode that conflicts with the one awaited, or if he awaits such a mode too
//! and comes before the waiter in the queue. A parallel worker counts as its leader, and nobody is
//! in his own way.

use std::collections::HashMap;

use crate::pg::locks::{Contender, Holder, Tag};
use crate::pg::memory;

/// For each mode, from 1, the modes that conflict with it, as bits (lock.c: LockConflicts).
const CONFLICTS: [u32; 8] = [
    bits(&[8]),
    bits(&[7, 8]),
    bits(&[5, 6, 7, 8]),
    bits(&[4, 5, 6, 7, 8]),
    bits(&[3, 4, 6, 7, 8]),
    bits(&[3, 4, 5, 6, 7, 8]),
    bits(&[2, 3, 4, 5, 6, 7, 8]),
    bits(&[1, 2, 3, 4, 5, 6, 7, 8]),
];

const fn bits(modes: &[u32]) -> u32 {
    let (mut mask, mut index) = (0, 0);
    while index < modes.len() {
        mask |= 1 << modes[index];
        index += 1;
    }
    mask
}

/// Who holds and waits: a process, with its parallel workers, or a prepared transaction.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Who {
    Process(i32),
    /// By its numbers, as in `Holder`.
    Prepared(i32, u32),
}

impl Who {
    pub fn of(holder: &Holder) -> Self {
        match (holder.pid, holder.leader) {
            (0, _) => Who::Prepared(holder.backend, holder.local),
            (pid, 0) => Who::Process(pid),
            (_, leader) => Who::Process(leader),
        }
    }
}

#[derive(Clone, Copy)]
pub struct Wait {
    /// Index of a party.
    pub waiter: usize,
    /// The process that waits: the waiter, or one of its parallel workers.
    pub pid: i32,
    pub mode: i32,
    pub tag: Tag,
    /// None if it has only begun.
    pub since: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Edge {
    /// Index of a wait.
    pub wait: usize,
    /// Index of a party.
    pub blocker: usize,
    /// The blocker does not hold the lock; it only comes first in the queue.
    pub queued: bool,
}

#[derive(Default)]
pub struct Graph {
    pub parties: Vec<Who>,
    pub waits: Vec<Wait>,
    /// In the order of the waits.
    pub edges: Vec<Edge>,
    index: HashMap<Who, usize>,
}

impl Graph {
    /// `pause` is called now and then.
    pub fn of(contenders: &[Contender], pause: impl Fn()) -> Self {
        let mut graph = Graph::default();
        // Each queue stays in its order.
        let mut order = memory::collect(0..contenders.len());
        order.sort_unstable_by_key(|index| (contenders[*index].tag, *index));
        let sorted = memory::collect(order.into_iter().map(|index| &contenders[index]));
        for object in sorted.chunk_by(|a, b| a.tag == b.tag) {
            let parties = memory::collect(object.iter().map(|contender| graph.party(Who::of(&contender.who))));
            for (place, waiter) in object.iter().enumerate().filter(|(_, contender)| contender.awaited != 0) {
                pause();
                let since = Some(waiter.since).filter(|since| *since != 0);
                let wait =
                    Wait { waiter: parties[place], pid: waiter.who.pid, mode: waiter.awaited, tag: waiter.tag, since };
                memory::push(&mut graph.waits, wait);
                graph.add_edges(object, &parties, place);
            }
        }
        graph
    }

    /// The blockers of the latest wait, which is that of the contender at `place`.
    fn add_edges(&mut self, object: &[&Contender], parties: &[usize], place: usize) {
        let wait = self.waits.len() - 1;
        let conflicts = CONFLICTS[object[place].awaited as usize - 1];
        let mut edges = Vec::new();
        for (other, contender) in object.iter().enumerate().filter(|(other, _)| parties[*other] != parties[place]) {
            let holds = conflicts & contender.held != 0;
            let queued = contender.awaited != 0 && conflicts & 1 << contender.awaited != 0 && other < place;
            if holds || queued {
                memory::push(&mut edges, Edge { wait, blocker: parties[other], queued: !holds });
            }
        }
        // Who holds the lock and is in the queue as well, holds it.
        edges.sort_unstable();
        edges.dedup_by_key(|edge| edge.blocker);
        edges.into_iter().for_each(|edge| memory::push(&mut self.edges, edge));
    }

    /// Leaves out what the reader may not see: a wait is shown if he may see one of its two ends.
    pub fn show_only(&mut self, seen: &[bool]) {
        let waits = &self.waits;
        self.edges.retain(|edge| seen[edge.blocker] || seen[waits[edge.wait].waiter]);
    }

    fn party(&mut self, who: Who) -> usize {
        if let Some(index) = self.index.get(&who) {
            return *index;
        }
        memory::push(&mut self.parties, who);
        memory::insert(&mut self.index, who, self.parties.len() - 1);
        self.parties.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Tag = Tag { field1: 5, field2: 16_400, field3: 0, field4: 0, kind: 0, method: 1 };
    const OTHER: Tag = Tag { field2: 16_401, ..TABLE };

    fn contender(pid: i32, tag: Tag, held: &[u32], awaited: i32) -> Contender {
        let who = Holder { pid, backend: pid, local: 1, ..Holder::default() };
        Contender { who, tag, held: bits(held), awaited, since: 0 }
    }

    /// waiter, blocker, queued
    fn edges(contenders: &[Contender]) -> Vec<(i32, i32, bool)> {
        let graph = Graph::of(contenders, || ());
        let pid = |party: usize| match graph.parties[party] {
            Who::Process(pid) => pid,
            Who::Prepared(..) => 0,
        };
        graph.edges.iter().map(|edge| (pid(graph.waits[edge.wait].waiter), pid(edge.blocker), edge.queued)).collect()
    }

    #[test]
    fn conflicts_are_mutual() {
        for a in 1..=8 {
            for b in 1..=8 {
                assert_eq!(CONFLICTS[a - 1] >> b & 1, CONFLICTS[b - 1] >> a & 1, "{a} {b}");
            }
        }
        assert_eq!(CONFLICTS.map(u32::count_ones), [1, 2, 4, 5, 5, 6, 7, 8]);
    }

    #[test]
    fn whoever_holds_a_conflicting_mode_is_in_the_way() {
        let contenders = [contender(1, TABLE, &[1], 0), contender(2, TABLE, &[], 8), contender(3, TABLE, &[3], 0)];
        assert_eq!(edges(&contenders), [(2, 1, false), (2, 3, false)]);
        assert_eq!(edges(&[contender(1, TABLE, &[1], 0), contender(2, OTHER, &[], 8)]), []);
        assert_eq!(edges(&[contender(1, TABLE, &[1], 0), contender(2, TABLE, &[], 3)]), []);
    }

    #[test]
    fn a_reader_waits_behind_a_waiting_writer_and_not_the_other_way_round() {
        let contenders = [contender(1, TABLE, &[1], 0), contender(2, TABLE, &[], 8), contender(3, TABLE, &[], 1)];
        assert_eq!(edges(&contenders), [(2, 1, false), (3, 2, true)]);
    }

    #[test]
    fn who_holds_and_awaits_is_one_blocker_that_holds() {
        let contenders = [
            contender(1, TABLE, &[], 8),
            contender(1, TABLE, &[1], 0),
            contender(2, TABLE, &[], 8),
            contender(2, TABLE, &[1], 0),
        ];
        assert_eq!(edges(&contenders), [(1, 2, false), (2, 1, false)]);
    }

    #[test]
    fn workers_are_their_leader_and_nobody_waits_for_himself() {
        let mut worker = contender(4, TABLE, &[], 1);
        worker.who.leader = 1;
        let contenders = [contender(1, TABLE, &[8], 0), worker, contender(2, TABLE, &[8], 0)];
        assert_eq!(edges(&contenders), [(1, 2, false)]);
    }

    #[test]
    fn a_wait_is_shown_to_whoever_sees_one_of_its_ends() {
        let chain = [
            contender(1, TABLE, &[8], 0),
            contender(2, TABLE, &[], 8),
            contender(2, OTHER, &[8], 0),
            contender(3, OTHER, &[], 8),
        ];
        let shown = |seen: [bool; 3]| {
            let mut graph = Graph::of(&chain, || ());
            assert_eq!(graph.parties, [Who::Process(1), Who::Process(2), Who::Process(3)]);
            graph.show_only(&seen);
            graph.edges.len()
        };
        assert_eq!(shown([true, true, true]), 2);
        assert_eq!([shown([true, false, false]), shown([false, true, false]), shown([false, false, true])], [1, 2, 1]);
        assert_eq!(shown([false, false, false]), 0);
    }

    #[test]
    fn prepared_transactions_are_told_apart() {
        let prepared = |local| {
            let mut contender = contender(0, TABLE, &[1], 0);
            contender.who.local = local;
            contender
        };
        let contenders = [prepared(7), prepared(8), contender(2, TABLE, &[], 8)];
        assert_eq!(edges(&contenders), [(2, 0, false), (2, 0, false)]);
    }
}
