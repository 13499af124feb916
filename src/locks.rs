//! Which locks are held and awaited? One snapshot of the lock table, in our own terms.
//!
//! As in PostgreSQL's own, the fast-path locks of each backend are read first and the rest of the table after that, so the
//! snapshot of one backend can mix two transactions; `transactions.rs` sorts that out.

use pgrx::pg_sys::{self, Oid};

use crate::memory;
use crate::policy::Rows;

/// One entry of the lock table: what one virtual transaction holds and awaits on one object.
#[derive(Clone, Copy)]
pub struct Lock {
    /// Number of the backend and of its local transaction, 0 for none.
    pub holder: (i32, u32),
    /// 0 for a prepared transaction.
    pub pid: i32,
    /// One bit for each mode held, as PostgreSQL's LOCKBIT_ON.
    pub held: i32,
    /// The mode asked for, 0 for none.
    pub awaited: i32,
    pub object: Object,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Object {
    Relation(u32),
    /// A row or page of the relation, or its extension.
    PartOf(u32),
    /// A transaction by its id.
    Transaction(u32),
    /// Another way to wait for a transaction: by its virtual id, or for its speculative insertion.
    OtherTransaction,
    /// Advisory locks, locks on objects that are no relation.
    Other,
}

/// Kinds of lock tags, see PostgreSQL's storage/lock.h.
fn object(entry: &Entry) -> Object {
    use pg_sys::LockTagType::*;
    match entry.kind.into() {
        LOCKTAG_RELATION => Object::Relation(entry.object),
        LOCKTAG_RELATION_EXTEND | LOCKTAG_PAGE | LOCKTAG_TUPLE => Object::PartOf(entry.object),
        LOCKTAG_TRANSACTION => Object::Transaction(entry.object),
        LOCKTAG_VIRTUALTRANSACTION | LOCKTAG_SPECULATIVE_TOKEN => Object::OtherTransaction,
        _ => Object::Other,
    }
}

/// A copy of the lock table, which lives in the memory context in which it was taken.
pub struct Snapshot<'a>(&'a [Entry]);

/// As in locks.c.
#[repr(C)]
struct Entry {
    backend: i32,
    local: u32,
    pid: i32,
    object: u32,
    held: u16,
    awaited: u8,
    kind: u8,
}

/// As in locks.c.
#[repr(C)]
struct Entries {
    locks: *const Entry,
    number: usize,
    room: usize,
}

/// Which locks are enough, as far as a query says.
#[derive(Clone, Copy, Default)]
pub struct Only {
    pub pid: Option<i32>,
    /// Of transactions that wait.
    pub waiting: bool,
}

/// As in locks.c.
#[repr(C)]
struct Wanted {
    user: Oid,
    pid: i32,
    waiting: bool,
}

unsafe extern "C-unwind" {
    fn redshift_sessions_locks_of(wanted: *const Wanted) -> Entries;
}

impl Snapshot<'_> {
    /// At least what is asked for.
    ///
    /// # Safety
    /// The current memory context must outlive the snapshot.
    pub unsafe fn take(rows: Rows, only: Only) -> Self {
        let user = match rows {
            Rows::All => Oid::INVALID,
            Rows::OwnedBy(user) => user,
        };
        let wanted = Wanted { user, pid: only.pid.unwrap_or(0), waiting: only.waiting };
        // SAFETY: gives an array of that many elements, allocated in the current context. Nothing here has a destructor.
        unsafe {
            let entries = memory::allocate_in(pg_sys::CurrentMemoryContext, || redshift_sessions_locks_of(&wanted));
            Snapshot(std::slice::from_raw_parts(entries.locks, entries.number))
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = Lock> {
        self.0.iter().map(|entry| Lock {
            holder: (entry.backend, entry.local),
            pid: entry.pid,
            held: entry.held.into(),
            awaited: entry.awaited.into(),
            object: object(entry),
        })
    }
}
