//! Finds deadlocks: parties that wait for each other in a circle. Nothing here calls PostgreSQL.
//!
//! These are the strongly connected components of the graph, by Tarjan's algorithm, with a stack of
//! its own: there may be as many parties in a row as the server has sessions. Only whoever holds a
//! lock counts as a blocker. A circle through a place in a queue is none that stays: PostgreSQL
//! lets somebody jump the queue (deadlock.c).

use crate::blocking::graph::Graph;
use crate::pg::memory;

/// The parties of each deadlock, as indexes.
pub fn deadlocks(graph: &Graph) -> Vec<Vec<usize>> {
    let mut search = Search::new(graph);
    for party in 0..graph.parties.len() {
        if search.number[party] == 0 {
            search.visit(party);
        }
    }
    search.found
}

struct Search {
    /// For each party, whom it waits for.
    blockers: Vec<Vec<usize>>,
    /// In which order they were met, from 1.
    number: Vec<usize>,
    /// The lowest number that can be reached on the stack.
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    met: usize,
    found: Vec<Vec<usize>>,
}

impl Search {
    fn new(graph: &Graph) -> Self {
        let parties = graph.parties.len();
        let mut blockers = memory::collect((0..parties).map(|_| Vec::new()));
        for edge in graph.edges.iter().filter(|edge| !edge.queued) {
            memory::push(&mut blockers[graph.waits[edge.wait].waiter], edge.blocker);
        }
        Search {
            blockers,
            number: memory::collect((0..parties).map(|_| 0)),
            low: memory::collect((0..parties).map(|_| 0)),
            on_stack: memory::collect((0..parties).map(|_| false)),
            stack: Vec::new(),
            met: 0,
            found: Vec::new(),
        }
    }

    fn visit(&mut self, root: usize) {
        // Each party on the way, with how many of its blockers have been looked at.
        let mut way = vec![(root, 0)];
        self.meet(root);
        while let Some((party, looked_at)) = way.last_mut() {
            let party = *party;
            if let Some(&blocker) = self.blockers[party].get(*looked_at) {
                *looked_at += 1;
                if self.number[blocker] == 0 {
                    self.meet(blocker);
                    memory::push(&mut way, (blocker, 0));
                } else if self.on_stack[blocker] {
                    self.low[party] = self.low[party].min(self.number[blocker]);
                }
                continue;
            }
            way.pop();
            if let Some((waiter, _)) = way.last() {
                self.low[*waiter] = self.low[*waiter].min(self.low[party]);
            }
            if self.low[party] == self.number[party] {
                self.leave(party);
            }
        }
    }

    fn meet(&mut self, party: usize) {
        self.met += 1;
        self.number[party] = self.met;
        self.low[party] = self.met;
        self.on_stack[party] = true;
        memory::push(&mut self.stack, party);
    }

    /// Takes a component off the stack.
    fn leave(&mut self, party: usize) {
        let start = self.stack.iter().rposition(|other| *other == party).unwrap_or(0);
        let mut members = memory::collect(self.stack.drain(start..));
        members.iter().for_each(|member| self.on_stack[*member] = false);
        if members.len() > 1 {
            members.sort_unstable();
            memory::push(&mut self.found, members);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocking::graph::{Edge, Wait, Who};

    /// Each waiter, whom it waits for, and whether that one is only before it in a queue.
    fn found(parties: usize, waits: &[(usize, usize, bool)]) -> Vec<Vec<usize>> {
        let mut graph = Graph::default();
        graph.parties.extend((0..parties).map(|party| Who::Process(party as i32)));
        for (wait, (waiter, blocker, queued)) in waits.iter().enumerate() {
            graph.waits.push(Wait { waiter: *waiter, pid: 0, mode: 8, tag: Default::default(), since: None });
            graph.edges.push(Edge { wait, blocker: *blocker, queued: *queued });
        }
        deadlocks(&graph)
    }

    #[test]
    fn a_chain_is_no_deadlock() {
        assert!(found(3, &[(0, 1, false), (1, 2, false)]).is_empty());
        let chain: Vec<_> = (0..100_000).map(|party| (party, party + 1, false)).collect();
        assert!(found(100_001, &chain).is_empty());
    }

    #[test]
    fn a_circle_is_one_and_whoever_waits_for_it_is_not_in_it() {
        assert_eq!(found(4, &[(0, 1, false), (1, 2, false), (2, 0, false), (3, 0, false)]), [[0, 1, 2]]);
        let chain: Vec<_> = (0..50_000).map(|party| (party, (party + 1) % 50_000, false)).collect();
        assert_eq!(found(50_000, &chain)[0].len(), 50_000);
    }

    #[test]
    fn there_may_be_two() {
        assert_eq!(
            found(4, &[(0, 1, false), (1, 0, false), (2, 3, false), (3, 2, false), (0, 2, false)]),
            [[2, 3], [0, 1]]
        );
    }

    #[test]
    fn a_circle_through_a_queue_is_none() {
        assert!(found(2, &[(0, 1, true), (1, 0, false)]).is_empty());
    }
}
