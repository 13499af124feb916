//! The tree for a person: each party once, below whoever is in its way. Nothing here calls
//! PostgreSQL.
//!
//! Whoever waits for several is below the first of them, and the line names the others. A circle
//! has no top: it begins with its lowest pid, below a line that says so.

use crate::blocking::graph::Edge;
use crate::blocking::picture::{Party, Picture};
use crate::pg::memory;

const INDENT: &str = "    ";
/// Deeper levels are not indented further: a line would grow with the number of sessions.
const DEEPEST: usize = 20;
/// How many others a line names.
const NAMED: usize = 5;

pub struct Tree<'a> {
    picture: &'a Picture,
    /// For each party, the edge to the party that it is below.
    above: Vec<Option<&'a Edge>>,
    below: Vec<Vec<usize>>,
    others: Vec<Vec<usize>>,
}

impl<'a> Tree<'a> {
    /// Who waits for `first` is below it, whoever else is in the way.
    pub fn of(picture: &'a Picture, first: Option<usize>) -> Self {
        let number = picture.parties.len();
        let mut tree = Tree {
            picture,
            above: memory::collect((0..number).map(|_| None)),
            below: memory::collect((0..number).map(|_| Vec::new())),
            others: memory::collect((0..number).map(|_| Vec::new())),
        };
        let mut edges = memory::collect(picture.shown_edges());
        edges.sort_unstable_by_key(|edge| {
            (edge.queued, Some(edge.blocker) != first, picture.parties[edge.blocker].who, edge.wait)
        });
        for edge in edges {
            let waiter = picture.waits[edge.wait].waiter;
            match tree.above[waiter] {
                None => tree.above[waiter] = Some(edge),
                Some(first) if first.blocker != edge.blocker && !tree.others[waiter].contains(&edge.blocker) => {
                    memory::push(&mut tree.others[waiter], edge.blocker);
                }
                Some(_) => (),
            }
        }
        // The one that has waited longest first; parties come by their pids.
        for party in picture.involved() {
            if let Some(edge) = tree.above[party] {
                memory::push(&mut tree.below[edge.blocker], party);
            }
        }
        for below in &mut tree.below {
            below.sort_unstable_by_key(|party| {
                let wait = tree.above[*party].map(|edge| &picture.waits[edge.wait]);
                (std::cmp::Reverse(wait.and_then(|wait| wait.waited)), picture.parties[*party].who)
            });
        }
        tree
    }

    /// The whole tree, a line at a time.
    pub fn lines(&self, mut put: impl FnMut(&str)) {
        let mut shown = memory::collect(self.above.iter().map(|_| false));
        let involved = self.picture.involved();
        for &party in involved.iter().filter(|party| self.above[**party].is_none()) {
            self.branch(party, 0, &mut shown, &mut put);
        }
        // What is left hangs on circles.
        for &party in &involved {
            if let Some(start) = self.circle(party, &shown) {
                put(&self.heading(&start));
                self.branch(start[0], 0, &mut shown, &mut put);
            }
        }
    }

    /// Whoever waits for the party, and so on.
    pub fn lines_below(&self, party: usize, mut put: impl FnMut(&str)) {
        let mut shown = memory::collect(self.above.iter().map(|_| false));
        shown[party] = true;
        for &waiter in &self.below[party] {
            self.branch(waiter, 1, &mut shown, &mut put);
        }
    }

    /// What the party waits for, and who is in its way.
    pub fn waits(&self, party: usize) -> Vec<String> {
        let edges = memory::collect(self.picture.shown_edges());
        let of_party = edges.chunk_by(|a, b| a.wait == b.wait).filter_map(|edges| {
            let wait = self.picture.wait(edges[0]).filter(|wait| wait.waiter == party)?;
            let blockers = memory::collect(edges.iter().map(|edge| edge.blocker));
            Some(format!("{}; in its way: {}", wait.text(), self.names(&blockers)))
        });
        memory::collect(of_party)
    }

    /// The members of the circle that the party is in or below, the lowest pid first. None if it
    /// has been shown.
    fn circle(&self, party: usize, shown: &[bool]) -> Option<Vec<usize>> {
        if shown[party] {
            return None;
        }
        let mut met = memory::collect(shown.iter().map(|_| false));
        let up = |party: usize| self.above[party].map(|edge| edge.blocker);
        let mut at = party;
        while !met[at] {
            if shown[at] {
                return None;
            }
            met[at] = true;
            at = up(at)?;
        }
        let mut members = vec![at];
        let mut next = up(at)?;
        while next != at {
            memory::push(&mut members, next);
            next = up(next)?;
        }
        members.sort_unstable_by_key(|member| self.picture.parties[*member].who);
        Some(members)
    }

    fn heading(&self, circle: &[usize]) -> String {
        let pids = self.names(circle);
        match circle.iter().all(|member| self.picture.is_deadlocked(*member)) {
            true => format!("deadlock of {pids}:"),
            false => format!("{pids} wait for each other in queues:"),
        }
    }

    fn branch(&self, root: usize, depth: usize, shown: &mut [bool], put: &mut impl FnMut(&str)) {
        let mut todo = vec![(root, depth)];
        while let Some((party, depth)) = todo.pop() {
            if std::mem::replace(&mut shown[party], true) {
                continue;
            }
            memory::room_for_texts();
            put(&format!("{}{}", INDENT.repeat(depth.min(DEEPEST)), self.line(party)));
            for &waiter in self.below[party].iter().rev() {
                memory::push(&mut todo, (waiter, depth + 1));
            }
        }
    }

    fn line(&self, index: usize) -> String {
        let party = &self.picture.parties[index];
        let mut line = party.title();
        match self.above[index] {
            Some(edge) => {
                if let Some(wait) = self.picture.wait(edge) {
                    line += &format!(" {}", wait.text());
                }
                if edge.queued {
                    line += &format!(", queued behind {}", self.names(&[edge.blocker]));
                } else if self.picture.is_deadlocked(index) {
                    line += &format!(", held by {}", self.names(&[edge.blocker]));
                }
            }
            None => line += &party.doing().map(|doing| format!(" {doing}")).unwrap_or_default(),
        }
        if !self.others[index].is_empty() {
            line += &format!(", also for {}", self.names(&self.others[index]));
        }
        line + &statement(party)
    }

    fn names(&self, parties: &[usize]) -> String {
        let named: Vec<_> = parties.iter().take(NAMED).map(|party| self.picture.parties[*party].short()).collect();
        match parties.len().saturating_sub(NAMED) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }
}

pub fn statement(party: &Party) -> String {
    match party.statement() {
        Some(statement) if !statement.is_empty() => format!(": {statement}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocking::examples::{about, drawn, hidden, picture, session};
    use crate::blocking::graph::Who;
    use crate::blocking::picture::{About, Kind};

    fn lines(picture: &Picture) -> Vec<String> {
        let mut lines = Vec::new();
        Tree::of(picture, None).lines(|line| lines.push(line.into()));
        lines
    }

    #[test]
    fn who_somebody_is() {
        let kind = Kind::Prepared(Some("two\nlines".into()));
        let about = About { kind, open_for: Some(1_000_000), ..about("alice") };
        let prepared = Party { who: Who::Prepared(3, 4), about: Some(about) };
        assert_eq!(prepared.title(), "prepared transaction two lines alice@dev");
        assert_eq!(prepared.doing().as_deref(), Some("prepared 1 s ago"));
        assert_eq!(Party { about: None, ..prepared }.title(), "prepared transaction (not yours)");
        assert_eq!(hidden(7).title(), "7 (not yours)");
        assert_eq!(hidden(7).doing(), None);
        assert_eq!(session(8, "x\ny").title(), "8 x y@dev");
    }

    #[test]
    fn places_in_a_queue_are_shown_if_nobody_holds_the_lock() {
        let parties = || (0..4).map(|pid| session(pid, "a")).collect();
        let shown = |edges: &[_]| picture(parties(), edges).shown_edges().count();
        assert_eq!(shown(&[(1, 0, false), (1, 2, true), (1, 3, true)]), 1);
        assert_eq!(shown(&[(1, 2, true), (1, 3, true)]), 2);
    }

    #[test]
    fn a_waiter_is_below_its_blocker() {
        let picture = drawn();
        assert_eq!(
            lines(&picture),
            [
                "11 alice@dev idle for 5 s in a transaction of 1 min 0 s: select 1",
                "    12 bob@dev waits 3 s for AccessExclusiveLock on table public.t: lock t",
                "        13 carol@dev waits 2 s for AccessShareLock on table public.t, queued behind 12: select 2",
            ]
        );
        let mut below = Vec::new();
        Tree::of(&picture, None).lines_below(1, |line| below.push(line.to_owned()));
        assert_eq!(below, [lines(&picture)[2][4..].to_owned()]);
    }

    #[test]
    fn who_waits_for_several_is_there_once() {
        let parties = vec![session(1, "a"), session(2, "b"), session(3, "c"), hidden(4)];
        let picture = picture(parties, &[(2, 0, false), (2, 1, false), (3, 2, false)]);
        assert_eq!(
            lines(&picture),
            [
                "1 a@dev",
                "    3 c@dev waits for AccessExclusiveLock on table public.t, also for 2",
                "        4 (not yours)",
                "2 b@dev",
            ]
        );
    }

    #[test]
    fn whoever_waits_for_one_is_below_that_one() {
        let parties = (1..=3).map(|pid| session(pid, "a")).collect();
        let picture = picture(parties, &[(2, 0, false), (2, 1, false)]);
        let tree = Tree::of(&picture, Some(1));
        let mut below = Vec::new();
        tree.lines_below(1, |line| below.push(line.to_owned()));
        assert_eq!(below, ["    3 a@dev waits for AccessExclusiveLock on table public.t, also for 1"]);
        assert_eq!(tree.waits(2), ["waits for AccessExclusiveLock on table public.t; in its way: 1, 2"]);
        assert!(tree.waits(1).is_empty());
    }

    #[test]
    fn a_deadlock_begins_with_its_lowest_pid_and_has_a_heading() {
        let parties = (1..=4).map(|pid| session(pid, "a")).collect();
        let picture = picture(parties, &[(0, 1, false), (1, 2, false), (2, 0, false), (3, 1, false)]);
        let lines = lines(&picture);
        let pids: Vec<_> = lines.iter().map(|line| line.split(' ').find(|word| !word.is_empty()).unwrap()).collect();
        assert_eq!(lines[0], "deadlock of 1, 2, 3:");
        assert_eq!(pids, ["deadlock", "1", "3", "2", "4"]);
        assert!(lines[1].ends_with("table public.t, held by 2"), "{}", lines[1]);
    }

    #[test]
    fn a_long_chain_has_short_lines() {
        let parties = (1..=3_000).map(|pid| session(pid, "a")).collect();
        let waits: Vec<_> = (1..3_000).map(|party| (party, party - 1, false)).collect();
        let lines = lines(&picture(parties, &waits));
        assert_eq!(lines.len(), 3_000);
        assert!(lines.iter().all(|line| line.len() < 200));
    }

    #[test]
    fn a_line_names_a_few() {
        let parties = (1..=9).map(|pid| session(pid, "a")).collect();
        let waits: Vec<_> = (0..8).map(|blocker| (8, blocker, false)).collect();
        assert!(lines(&picture(parties, &waits))[1].ends_with(", also for 2, 3, 4, 5, 6 and 2 more"));
    }
}
