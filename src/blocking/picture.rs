//! What the reader gets to see of the graph, with names instead of numbers. Nothing here calls
//! PostgreSQL.
//!
//! What the reader may not see is a pid and nothing else: PostgreSQL's pg_blocking_pids tells
//! everybody as much.

use crate::blocking::graph::{Edge, Who};
use crate::blocking::words;
use crate::pg::memory;

pub struct Picture {
    pub parties: Vec<Party>,
    pub waits: Vec<Wait>,
    /// In the order of the waits, and only those that the reader may see.
    pub edges: Vec<Edge>,
    pub deadlocks: Vec<Vec<usize>>,
}

pub struct Party {
    pub who: Who,
    /// None for one that the reader may not see.
    pub about: Option<About>,
}

pub struct About {
    pub kind: Kind,
    pub user: String,
    /// None for a process of none, such as a standby's startup process.
    pub database: Option<String>,
    /// As in svv_transactions.
    pub transaction: Option<i64>,
    /// How long the transaction has been open, in microseconds; of a prepared one, since it was
    /// prepared.
    pub open_for: Option<i64>,
    pub activity: Option<Activity>,
}

#[derive(PartialEq)]
pub enum Kind {
    Session,
    Background,
    /// With its gid; without, if it is being finished.
    Prepared(Option<String>),
}

pub struct Activity {
    /// Its first words.
    pub statement: String,
    pub running: bool,
    /// Since the statement began or, if it runs no more, since it ended.
    pub microseconds: i64,
}

#[derive(Clone)]
pub struct Wait {
    /// Index of a party.
    pub waiter: usize,
    pub mode: &'static str,
    /// What the lock is on.
    pub object: String,
    /// In microseconds; None if it has only begun.
    pub waited: Option<i64>,
}

/// Gives the lines of a drawing, one after the other.
pub type Draw = fn(&Picture, &mut dyn FnMut(&str));

impl Picture {
    /// The wait of an edge, if the reader may see it.
    pub fn wait(&self, edge: &Edge) -> Option<&Wait> {
        let wait = &self.waits[edge.wait];
        self.parties[wait.waiter].about.is_some().then_some(wait)
    }

    /// The parties that are in an edge, in the order of their pids.
    pub fn involved(&self) -> Vec<usize> {
        let mut involved = memory::collect(self.parties.iter().map(|_| false));
        for edge in &self.edges {
            involved[edge.blocker] = true;
            involved[self.waits[edge.wait].waiter] = true;
        }
        let mut parties = memory::collect((0..involved.len()).filter(|party| involved[*party]));
        parties.sort_unstable_by_key(|party| self.parties[*party].who);
        parties
    }

    /// For a person: who holds what somebody awaits, and, if nobody does, who comes before him in
    /// the queue. A queue of a hundred would have thousands of arrows otherwise.
    pub fn shown_edges(&self) -> impl Iterator<Item = &Edge> {
        self.edges.chunk_by(|a, b| a.wait == b.wait).flat_map(|edges| {
            let all_queued = edges.iter().all(|edge| edge.queued);
            edges.iter().filter(move |edge| all_queued || !edge.queued)
        })
    }

    pub fn is_deadlocked(&self, party: usize) -> bool {
        self.deadlocks.iter().any(|members| members.contains(&party))
    }
}

impl Party {
    /// `17688 reader@dev`.
    pub fn title(&self) -> String {
        let Some(About { kind, user, database, .. }) = &self.about else {
            return match self.who {
                Who::Process(pid) => format!("{pid} (not yours)"),
                Who::Prepared(..) => "prepared transaction (not yours)".into(),
            };
        };
        let user = words::one_line(user);
        let place = database.as_ref().map_or(user.clone(), |name| format!("{user}@{}", words::one_line(name)));
        match (kind, self.who) {
            (Kind::Prepared(Some(gid)), _) => format!("prepared transaction {} {place}", words::one_line(gid)),
            (_, Who::Prepared(..)) => format!("prepared transaction {place}"),
            (_, Who::Process(pid)) => format!("{pid} {place}"),
        }
    }

    /// By which it is named in a list: a pid, mostly.
    pub fn short(&self) -> String {
        match self.who {
            Who::Process(pid) => pid.to_string(),
            Who::Prepared(..) => self.title(),
        }
    }

    /// What somebody does who does not wait: `idle for 5 s in a transaction of 7 min`.
    pub fn doing(&self) -> Option<String> {
        let about = self.about.as_ref()?;
        let open = about.open_for.map(words::duration);
        match (&about.activity, open) {
            _ if self.is_prepared() => about.open_for.map(|age| format!("prepared {} ago", words::duration(age))),
            (Some(activity), _) if activity.running => {
                Some(format!("runs for {}", words::duration(activity.microseconds)))
            }
            (Some(activity), open) => {
                let idle = format!("idle for {}", words::duration(activity.microseconds));
                Some(open.map_or(idle.clone(), |open| format!("{idle} in a transaction of {open}")))
            }
            (None, open) => open.map(|open| format!("in a transaction of {open}")),
        }
    }

    pub fn statement(&self) -> Option<&str> {
        self.about.as_ref()?.activity.as_ref().map(|activity| activity.statement.as_str())
    }

    fn is_prepared(&self) -> bool {
        matches!(self.who, Who::Prepared(..))
    }
}

impl Wait {
    /// `waits 42 s for AccessExclusiveLock on table public.lineitem`.
    pub fn text(&self) -> String {
        match self.waited {
            Some(waited) => format!("waits {} for {}", words::duration(waited), self.lock()),
            None => format!("waits for {}", self.lock()),
        }
    }

    pub fn lock(&self) -> String {
        format!("{} on {}", self.mode, words::one_line(&self.object))
    }
}
