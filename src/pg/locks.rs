//! Which locks are held and awaited? One copy of the lock table, in our own terms.
//!
//! As in PostgreSQL's own, the fast-path locks of each backend are read first and the rest of the table after that, so the
//! copy of one backend can mix two transactions; `transactions.rs` sorts that out.

use std::ffi::c_void;
use std::ops::Range;
use std::ptr;

use pgrx::guc::PostgresGucEnum;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, Oid};

use crate::pg::memory::{self, Scratch};
use crate::policy::VisibleRows;

/// A process or a prepared transaction with locks. There may be several for one process. As in locks.c, which says more.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Holder {
    /// In PostgreSQL's process array.
    pub index: u32,
    pub backend: i32,
    /// The transaction whose virtual transaction lock it holds, 0 for none.
    pub local: u32,
    /// The same when it was looked at again.
    pub now: u32,
    /// 0 for a prepared transaction.
    pub pid: i32,
    /// The leader's pid, of a parallel worker; 0 for others.
    pub leader: i32,
    /// Of its transaction, 0 if it has none or is ending.
    pub xid: u32,
    pub user: Oid,
    pub database: Oid,
    /// How many, in the order of the holders.
    pub locks: u32,
}

impl Holder {
    /// Did its transaction hold its locks all the time between the two looks?
    pub fn is_open(&self) -> bool {
        self.local != 0 && self.now == self.local
    }
}

/// What a holder has and awaits of one object.
#[derive(Clone, Copy)]
pub struct Lock {
    /// One bit for each mode held, as PostgreSQL's LOCKBIT_ON.
    pub held: i32,
    /// The mode asked for, 0 for none.
    pub awaited: i32,
    /// It is held, and somebody waits for the same object.
    pub in_the_way: bool,
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

/// As in locks.c.
#[derive(Clone, Copy)]
#[repr(C)]
struct Entry {
    object: u32,
    held: u16,
    awaited: u8,
    kind: u8,
}

const IN_THE_WAY: u8 = 0x80;

impl Lock {
    /// Of someone who waits for something that svv_transactions shows.
    pub fn is_in_the_way(self) -> bool {
        self.in_the_way && self.object != Object::Other
    }
}

impl From<&Entry> for Lock {
    fn from(entry: &Entry) -> Self {
        Lock {
            held: entry.held.into(),
            awaited: entry.awaited.into(),
            in_the_way: entry.kind & IN_THE_WAY != 0,
            object: object(entry),
        }
    }
}

/// Kinds of lock tags, see PostgreSQL's storage/lock.h.
fn object(entry: &Entry) -> Object {
    use pg_sys::LockTagType::*;
    match (entry.kind & !IN_THE_WAY).into() {
        LOCKTAG_RELATION => Object::Relation(entry.object),
        LOCKTAG_RELATION_EXTEND | LOCKTAG_PAGE | LOCKTAG_TUPLE => Object::PartOf(entry.object),
        LOCKTAG_TRANSACTION => Object::Transaction(entry.object),
        LOCKTAG_VIRTUALTRANSACTION | LOCKTAG_SPECULATIVE_TOKEN => Object::OtherTransaction,
        _ => Object::Other,
    }
}

/// As in locks.c.
#[repr(C)]
struct Entries {
    holders: *mut Holder,
    holder_number: usize,
    holder_room: usize,
    locks: *const Entry,
    number: usize,
    room: usize,
}

/// How the lock table is read; the values of redshift_sessions.lock_source.
#[derive(PostgresGucEnum, Clone, Copy, PartialEq)]
#[allow(non_camel_case_types)] // these are the values
pub enum Source {
    /// Each backend's own lists of locks: fast.
    lists,
    /// PostgreSQL's own snapshot, that of pg_locks.
    snapshot,
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

type Meanwhile = Option<unsafe extern "C-unwind" fn(*mut c_void)>;

unsafe extern "C-unwind" {
    fn redshift_sessions_lock_lists(wanted: *const Wanted, meanwhile: Meanwhile, argument: *mut c_void) -> Entries;
    fn redshift_sessions_lock_snapshot() -> Entries;
    fn redshift_sessions_look_again(holders: *mut Holder, number: usize);
}

/// A copy of the lock table, as old as its memory context.
pub struct Snapshot<'a> {
    holders: &'a mut [Holder],
    locks: &'a [Entry],
}

impl<'a> Snapshot<'a> {
    /// At least what is asked for. `look` is called once it has been copied: when transactions may already have gone on, or, `frozen`,
    /// while nobody can take or release a lock for which others wait. PostgreSQL's snapshot cannot be frozen: who has gone on since, and was
    /// in the way, is shown as it is by then.
    pub fn take(
        context: &'a Scratch,
        source: Source,
        rows: VisibleRows,
        only: Only,
        frozen: bool,
        mut look: &mut dyn FnMut(),
    ) -> Self {
        let user = match rows {
            VisibleRows::All => Oid::INVALID,
            VisibleRows::OwnedBy(user) => user,
        };
        let wanted = Wanted { user, pid: only.pid.unwrap_or(0), waiting: only.waiting };
        let while_locked = frozen && source == Source::lists;
        let (meanwhile, argument): (Meanwhile, *mut c_void) =
            if while_locked { (Some(call), (&raw mut look).cast()) } else { (None, ptr::null_mut()) };
        // SAFETY: gives arrays of that many elements, allocated in the context. Nothing here has a destructor; the argument is
        // what `call` expects.
        let snapshot = unsafe {
            let entries = memory::allocate_in(context.context(), || match source {
                Source::lists => redshift_sessions_lock_lists(&wanted, meanwhile, argument),
                Source::snapshot => redshift_sessions_lock_snapshot(),
            });
            Snapshot {
                holders: std::slice::from_raw_parts_mut(entries.holders, entries.holder_number),
                locks: std::slice::from_raw_parts(entries.locks, entries.number),
            }
        };
        if !while_locked {
            look();
        }
        // SAFETY: the array is ours; what is read of the process array are single words.
        unsafe { redshift_sessions_look_again(snapshot.holders.as_mut_ptr(), snapshot.holders.len()) };
        snapshot
    }

    /// Each holder with the range of its locks.
    pub fn holders(&self) -> impl Iterator<Item = (&Holder, Range<usize>)> {
        self.holders.iter().scan(0, |end, holder| {
            let start = *end;
            *end += holder.locks as usize;
            Some((holder, start..*end))
        })
    }

    pub fn locks(&self, range: Range<usize>) -> impl Iterator<Item = Lock> {
        self.locks[range].iter().map(Lock::from)
    }
}

/// Called by locks.c with the locks held: PostgreSQL lets go of them if this raises an error.
#[pg_guard]
unsafe extern "C-unwind" fn call(look: *mut c_void) {
    // SAFETY: `take` gives one of these.
    unsafe { (*look.cast::<&mut dyn FnMut()>())() }
}
