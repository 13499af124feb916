//! Which locks are held and awaited: a copy of the lock table, in our own terms.
//!
//! As in PostgreSQL's own copy, the fast-path locks of each backend are read first, and the rest of
//! the table after that. So what is copied of one backend can mix two transactions;
//! `transactions/collector.rs` sorts that out.

use std::ffi::{CStr, CString, c_void};
use std::ops::Range;
use std::ptr;

use once_cell::sync::Lazy;
use pgrx::guc::PostgresGucEnum;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, Oid};

use crate::pg::memory::{self, Scratch};
use crate::policy::VisibleRows;

/// A process or a prepared transaction that has locks. A process may be here several times.
/// The same struct as RedshiftSessionsHolder in locks.c, which says more.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Holder {
    /// The index of its entry in the process array (ProcGlobal->allProcs).
    pub index: u32,
    pub backend: i32,
    /// The local transaction whose virtual transaction lock it holds, 0 for none.
    pub local: u32,
    /// The same, looked at again later.
    pub now: u32,
    /// 0 for a prepared transaction.
    pub pid: i32,
    /// The pid of a parallel worker's leader; 0 for others.
    pub leader: i32,
    /// The id of its transaction, 0 if it has none or is ending. PostgreSQL's snapshot leaves it 0:
    /// there the id is among the locks.
    pub xid: u32,
    pub user: Oid,
    pub database: Oid,
    /// How many locks it has. The locks lie in the order of the holders.
    pub locks: u32,
}

impl Holder {
    /// Did its transaction hold its locks from the first look to the second?
    pub fn is_open(&self) -> bool {
        self.local != 0 && self.now == self.local
    }
}

/// Which locks a holder has and awaits on one object.
#[derive(Clone, Copy)]
pub struct Lock {
    /// One bit for each mode held, as PostgreSQL's LOCKBIT_ON.
    pub held: i32,
    /// The mode awaited, 0 for none.
    pub awaited: i32,
    /// It is held, and somebody waits for the same object.
    pub in_the_way: bool,
    pub object: Object,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Object {
    Relation(u32),
    /// A row or a page of the relation, or the extension of the relation by pages.
    PartOf(u32),
    /// A transaction by its id.
    Transaction(u32),
    /// A transaction by its virtual id, or its speculative insertion.
    OtherTransaction,
    /// Advisory locks, and locks on objects that are no relations.
    Other,
}

/// The same struct as RedshiftSessionsLock in locks.c.
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
    /// Does it keep somebody waiting for something that svv_transactions shows?
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

/// The kinds of lock tags are in PostgreSQL's storage/lock.h.
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

/// What a lock is on, exactly: PostgreSQL's LOCKTAG. Its fields mean something else for each kind.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(C)]
pub struct Tag {
    pub field1: u32,
    pub field2: u32,
    pub field3: u32,
    pub field4: u16,
    pub kind: u8,
    pub method: u8,
}

/// Somebody who awaits a lock, or who holds one on an object for which somebody waits. Whoever
/// holds one mode and awaits another is there twice. Those who await the same object come in the
/// order of its queue; if `Source::snapshot` was read, in the order in which they began to wait.
/// The same struct as RedshiftSessionsContender in locks.c.
#[derive(Clone, Copy, Default)]
#[repr(C)]
pub struct Contender {
    /// Without the number of its locks.
    pub who: Holder,
    pub tag: Tag,
    /// One bit for each mode held; 0 for who waits.
    pub held: u32,
    /// The mode awaited, 0 for none.
    pub awaited: i32,
    /// When the wait began; 0 if that is not known yet.
    pub since: i64,
}

/// The same struct as RedshiftSessionsLocks in locks.c.
#[repr(C)]
struct Entries {
    holders: *mut Holder,
    holder_number: usize,
    holder_room: usize,
    locks: *const Entry,
    number: usize,
    room: usize,
    contenders: *const Contender,
    contender_number: usize,
    contender_room: usize,
}

/// Names of the lock modes in the order of their numbers, from 1: the same in every server.
static MODES: Lazy<Vec<CString>> = Lazy::new(|| {
    // SAFETY: gives a constant string for each mode of the default lock method.
    let name = |mode| unsafe { CStr::from_ptr(pg_sys::GetLockmodeName(1, mode)) };
    (1..=8).map(|mode| name(mode).to_owned()).collect()
});

/// `mode` is 1 to 8.
pub fn mode_name(mode: i32) -> &'static CStr {
    &MODES[mode as usize - 1]
}

/// How the lock table is read; the values of redshift_sessions.lock_source.
#[derive(PostgresGucEnum, Clone, Copy, PartialEq)]
#[allow(non_camel_case_types)] // these are the values
pub enum Source {
    /// Each backend's own lists of locks: fast.
    lists,
    /// PostgreSQL's own snapshot, which pg_locks shows.
    snapshot,
}

/// Which locks are enough for a query.
#[derive(Clone, Copy, Default)]
pub struct Only {
    pub pid: Option<i32>,
    /// Only those of transactions that wait.
    pub waiting: bool,
    /// All locks, and who contends for which.
    pub contenders: bool,
}

/// The same struct as RedshiftSessionsWanted in locks.c.
#[repr(C)]
struct Wanted {
    user: Oid,
    pid: i32,
    waiting: bool,
    contenders: bool,
}

type Meanwhile = Option<unsafe extern "C-unwind" fn(*mut c_void)>;

unsafe extern "C-unwind" {
    fn redshift_sessions_lock_lists(wanted: *const Wanted, meanwhile: Meanwhile, argument: *mut c_void) -> Entries;
    fn redshift_sessions_lock_snapshot(contenders: bool) -> Entries;
    fn redshift_sessions_look_again(holders: *mut Holder, number: usize);
}

/// A copy of the lock table, which lives as long as its memory context.
pub struct Snapshot<'a> {
    holders: &'a mut [Holder],
    locks: &'a [Entry],
    contenders: &'a [Contender],
}

impl<'a> Snapshot<'a> {
    /// Copies at least what is asked for, and calls `look` after that. If `frozen`, nobody can take
    /// or release a lock for which others wait until `look` has returned. If not, transactions may
    /// have gone on before it is called. PostgreSQL's snapshot cannot be frozen: whoever was in the
    /// way, and has gone on since, is shown as it is by then.
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
        let wanted = Wanted { user, pid: only.pid.unwrap_or(0), waiting: only.waiting, contenders: only.contenders };
        let while_locked = frozen && source == Source::lists;
        let (meanwhile, argument): (Meanwhile, *mut c_void) =
            if while_locked { (Some(call), (&raw mut look).cast()) } else { (None, ptr::null_mut()) };
        // SAFETY: locks.c gives arrays of that many elements, allocated in the context. Nothing in
        // the closure has a destructor; the argument is what `call` expects.
        let snapshot = unsafe {
            let entries = memory::allocate_in(context.context(), || match source {
                Source::lists => redshift_sessions_lock_lists(&wanted, meanwhile, argument),
                Source::snapshot => redshift_sessions_lock_snapshot(only.contenders),
            });
            Snapshot {
                holders: std::slice::from_raw_parts_mut(entries.holders, entries.holder_number),
                locks: std::slice::from_raw_parts(entries.locks, entries.number),
                contenders: std::slice::from_raw_parts(entries.contenders, entries.contender_number),
            }
        };
        if !while_locked {
            look();
        }
        // SAFETY: the holders are ours; each index is one of the process array, of which a single
        // word is read.
        unsafe { redshift_sessions_look_again(snapshot.holders.as_mut_ptr(), snapshot.holders.len()) };
        snapshot
    }

    /// Each holder, with the range of its locks.
    pub fn holders(&self) -> impl Iterator<Item = (&Holder, Range<usize>)> {
        self.holders.iter().scan(0, |end, holder| {
            let start = *end;
            *end += holder.locks as usize;
            Some((holder, start..*end))
        })
    }

    /// Empty unless it was asked for.
    pub fn contenders(&self) -> &[Contender] {
        self.contenders
    }

    pub fn locks(&self, range: Range<usize>) -> impl Iterator<Item = Lock> {
        self.locks[range].iter().map(Lock::from)
    }
}

/// Called by locks.c while it holds the LWLocks: PostgreSQL releases them if this raises an error.
#[pg_guard]
unsafe extern "C-unwind" fn call(look: *mut c_void) {
    // SAFETY: `take` passes a pointer to one of these.
    unsafe { (*look.cast::<&mut dyn FnMut()>())() }
}
