//! Reads who contends for which lock, and says of each what the reader may see.
//!
//! The locks are one copy of the lock table, so the graph is that of one moment. Sessions are read
//! after it, as for svv_transactions: what somebody runs may be of a moment later. A statement that
//! began after the wait is not shown.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ffi::CString;

use pgrx::pg_sys::{self, Oid};

use crate::blocking::deadlocks::deadlocks;
use crate::blocking::graph::{Graph, Who};
use crate::blocking::picture::{About, Activity, Kind, Party, Picture, Wait};
use crate::blocking::wait_text::{self, Names};
use crate::blocking::words;
use crate::gucs;
use crate::pg::locks::{self, Holder, Lock, Object, Only, Snapshot};
use crate::pg::memory::{self, Scratch};
use crate::pg::objects;
use crate::pg::prepared::{self, Prepared};
use crate::pg::processes::{self, ProcessKind, Session};
use crate::pg::secrets;
use crate::pg::text;
use crate::pg::xid;
use crate::policy::VisibleRows;
use crate::transactions::svv_transactions::INTERNAL_USER;

/// The picture, and what `look` takes from the copy of the locks and from what is known of
/// sessions. `look` must put no row: that would free the copy.
pub fn picture_and<T>(rows: VisibleRows, look: impl FnOnce(&Snapshot, &Known) -> T) -> (Picture, T) {
    let context = Scratch::new(c"redshift_sessions blocking");
    let mut sessions = HashMap::new();
    let mut read_sessions = || {
        let read = processes::sessions_and_background(rows);
        sessions = memory::map(read.into_iter().map(|session| (session.process.pid, session)));
    };
    let only = Only { contenders: true, ..Only::default() };
    let locks = Snapshot::take(&context, gucs::lock_source(), VisibleRows::All, only, false, &mut read_sessions);
    // SAFETY: reads the clock.
    let now = unsafe { pg_sys::GetCurrentTimestamp() };
    let known = Known { rows, sessions, next_xid: xid::next(), now, prepared: OnceCell::new() };
    let picture = known.picture(&locks);
    (picture, look(&locks, &known))
}

/// What the reader may know of sessions and prepared transactions.
pub struct Known {
    pub rows: VisibleRows,
    /// Those that the reader may see.
    pub sessions: HashMap<i32, Session>,
    next_xid: u64,
    now: i64,
    /// Read only when it is asked for: few servers have prepared transactions.
    prepared: OnceCell<HashMap<u32, (Prepared, CString)>>,
}

impl Known {
    fn picture(&self, locks: &Snapshot) -> Picture {
        let mut graph = Graph::of(locks.contenders(), || {
            pgrx::check_for_interrupts!();
        });
        let of_locks = OfLocks::of(locks, &graph);
        let holders = memory::map(locks.contenders().iter().map(|contender| (Who::of(&contender.who), contender.who)));
        let mut parties = memory::collect(graph.parties.iter().map(|who| {
            memory::room_for_texts();
            let about = match *who {
                Who::Process(pid) => self.process(pid),
                Who::Prepared(..) => self.prepared(&holders[who], of_locks.prepared.get(who).copied()),
            };
            Party { who: *who, about }
        }));
        let waits = memory::collect(graph.waits.iter().map(|wait| {
            pgrx::check_for_interrupts!();
            memory::room_for_texts();
            self.forget_later_statement(&mut parties[wait.waiter], wait.since);
            Wait {
                waiter: wait.waiter,
                mode: locks::mode_name(wait.mode).to_str().unwrap_or_default(),
                object: match &parties[wait.waiter].about {
                    Some(_) => wait_text::object(&wait.tag, of_locks.row_of.get(&wait.pid).copied(), self),
                    None => String::new(),
                },
                waited: wait.since.map(|since| self.now - since),
            }
        }));
        let seen = memory::collect(parties.iter().map(|party| party.about.is_some()));
        graph.show_only(&seen);
        Picture { parties, waits, deadlocks: deadlocks(&graph), edges: graph.edges }
    }

    /// None if the reader may not see it, or if it has gone.
    pub fn process(&self, pid: i32) -> Option<About> {
        let session = self.sessions.get(&pid)?;
        let background = session.process.kind == ProcessKind::Background;
        let transaction = session.full_xid(self.next_xid);
        Some(About {
            kind: if background { Kind::Background } else { Kind::Session },
            user: if background {
                INTERNAL_USER.to_string_lossy().into()
            } else {
                objects::name_of_role(session.process.user)
            },
            database: Some(session.process.database)
                .filter(|database| *database != Oid::INVALID)
                .map(objects::name_of_database),
            transaction,
            open_for: transaction.and(session.process.transaction_start).map(|start| self.now - start),
            activity: session.statement.as_ref().map(|statement| Activity {
                statement: words::first_words(&text::readable(&secrets::hide(statement.text.to_bytes()))),
                running: statement.ended.is_none(),
                microseconds: self.now - statement.ended.unwrap_or(statement.started),
            }),
        })
    }

    /// A transaction that PostgreSQL does not list is being finished.
    fn prepared(&self, holder: &Holder, xid: Option<u32>) -> Option<About> {
        let listed = xid.and_then(|xid| self.prepared.get_or_init(prepared::named_transactions).get(&xid));
        let (owner, database) =
            listed.map_or((holder.user, holder.database), |(prepared, _)| (prepared.owner, prepared.database));
        self.rows.include(Some(owner)).then(|| About {
            kind: Kind::Prepared(listed.map(|(_, gid)| text::readable(gid.to_bytes()))),
            user: objects::name_of_role(owner),
            database: Some(objects::name_of_database(database)),
            transaction: xid.map(|xid| xid::full(self.next_xid, xid)),
            open_for: listed.and_then(|(prepared, _)| prepared.prepared).map(|start| self.now - start),
            activity: None,
        })
    }

    fn forget_later_statement(&self, party: &mut Party, since: Option<i64>) {
        let Who::Process(pid) = party.who else { return };
        let started = self.sessions.get(&pid).and_then(|session| session.statement.as_ref()).map(|s| s.started);
        if let (Some(about), Some(since), Some(started)) = (&mut party.about, since, started)
            && started > since
        {
            about.activity = None;
        }
    }
}

impl Names for Known {
    fn relation(&self, database: Oid, relation: Oid) -> String {
        objects::relation(database, relation)
    }

    fn database(&self, database: Oid) -> String {
        objects::name_of_database(database)
    }

    fn transaction(&self, xid: u32) -> i64 {
        xid::full(self.next_xid, xid)
    }
}

/// What the other locks of contenders tell.
struct OfLocks {
    /// The table whose row a waiting process has locked, and the table's database.
    row_of: HashMap<i32, (Oid, Oid)>,
    /// The ids of prepared transactions.
    prepared: HashMap<Who, u32>,
}

impl OfLocks {
    fn of(locks: &Snapshot, graph: &Graph) -> Self {
        let waiting = memory::set(graph.waits.iter().map(|wait| wait.pid));
        let mut found = OfLocks { row_of: HashMap::new(), prepared: HashMap::new() };
        for (holder, range) in locks.holders() {
            if holder.pid == 0 {
                found.add_prepared(holder, locks.locks(range));
            } else if waiting.contains(&holder.pid) {
                let mut rows = locks.locks(range).filter(|lock| lock.held != 0).filter_map(|lock| match lock.object {
                    Object::PartOf(relation) => Some(Oid::from_u32(relation)),
                    _ => None,
                });
                if let Some(relation) = rows.next() {
                    memory::insert(&mut found.row_of, holder.pid, (holder.database, relation));
                }
            }
            pgrx::check_for_interrupts!();
        }
        found
    }

    /// The oldest of its ids is the top-level one; savepoints have others.
    fn add_prepared(&mut self, holder: &Holder, locks: impl Iterator<Item = Lock>) {
        let held = locks.filter(|lock| lock.held != 0).filter_map(|lock| match lock.object {
            Object::Transaction(xid) => Some(xid),
            _ => None,
        });
        let known = self.prepared.get(&Who::of(holder)).copied();
        let own = Some(holder.xid).filter(|xid| *xid != 0);
        if let Some(xid) = held.chain(known).chain(own).reduce(xid::older) {
            memory::insert(&mut self.prepared, Who::of(holder), xid);
        }
    }
}
