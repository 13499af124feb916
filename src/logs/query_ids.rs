//! Numbers the statements of the server, in ascending order. pg_last_query_id is the number of the
//! last one that ran a query.
//!
//! PostgreSQL does not number statements, and tells us of one only after it was parsed and
//! analyzed, which may have to wait for a lock. So whoever asks first gives the number: the session
//! that runs the statement, or a reader who sees it run. They agree in the session's place.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::logs::file_format::SavedLog;
use crate::pg::backend_local::BackendLocal;
use crate::pg::per_backend::{Board, Place};
use crate::pg::raw;
use crate::shmem::Segment;
use crate::shmem::ring::Counts;
use crate::shmem::seqlock::{EMPTY, Slot, store};

/// How many statements were numbered.
pub struct Counter(BackendLocal<Cell<Option<&'static AtomicU64>>>);

pub static COUNTER: Counter = Counter(BackendLocal::new(Cell::new(None)));

impl Segment for Counter {
    fn bytes(&self) -> usize {
        size_of::<AtomicU64>()
    }

    unsafe fn place(&self, memory: *mut u8) {
        // SAFETY: promised by the caller.
        self.0.set(Some(unsafe { &*memory.cast() }));
    }
}

/// What the number is called in the file of the saved logs.
const SAVED: &str = "query ids";

impl Counter {
    fn next(counter: &AtomicU64) -> u64 {
        counter.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn save(&self) -> Option<SavedLog> {
        let count = self.0.get()?.load(Ordering::Relaxed);
        Some(SavedLog { log: SAVED.into(), counts: Counts { written: count, dropped: count }, rows: Vec::new() })
    }

    pub fn restore(&self, saved: &[SavedLog]) {
        if let Some(counter) = self.0.get()
            && let Some(saved) = saved.iter().find(|saved| saved.log == SAVED)
        {
            counter.store(saved.counts.written, Ordering::Relaxed);
        }
    }
}

/// When the session's last statement began, and its number.
type Numbered = Slot<2>;

pub static NUMBERED: Board<Numbered> = Board::new();

// SAFETY: a slot is its version and its words, atomic numbers of 8 bytes; zeros are an empty one.
unsafe impl Place for Numbered {}

#[derive(Clone, Copy, PartialEq)]
enum Asker {
    /// Runs the statement.
    Session,
    /// Has seen that it runs.
    Reader,
}

/// The number of the statement that began at `start`. None if what a reader has seen has ended
/// meanwhile, or if nobody let us write.
fn agree(place: &Numbered, counter: &AtomicU64, start: i64, asker: Asker) -> Option<u64> {
    /// Whoever writes there is done after a few instructions, unless the system has stopped it.
    const PATIENCE: usize = 100;
    for _ in 0..PATIENCE {
        let (version, numbered) = place.read().unwrap_or_default();
        let [began, number] = numbered;
        if began as i64 == start {
            return Some(number);
        }
        // A later one has begun.
        if asker == Asker::Reader && version != EMPTY && began as i64 > start {
            return None;
        }
        let number = Counter::next(counter);
        if place.change(version, version + 2, |words| store(words, &[start as u64, number])) {
            return Some(number);
        }
        std::thread::yield_now();
    }
    None
}

/// The number of a session's statement. None if that has ended since the reader saw it.
pub fn of(pid: i32, start: i64) -> Option<i32> {
    match COUNTER.0.get() {
        Some(counter) => agree(NUMBERED.of_pid(pid)?, counter, start, Asker::Reader).map(shown),
        None => Some(made_up(pid, start)),
    }
}

/// The start and the number of the statement that this session asked for last.
static OWN: BackendLocal<Cell<(i64, i32)>> = BackendLocal::new(Cell::new((0, 0)));

/// The number of a statement of this session.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
pub fn own(start: i64) -> i32 {
    let (last, number) = OWN.get();
    if last == start {
        return number;
    }
    let number = agreed(start);
    OWN.set((start, number));
    number
}

fn agreed(start: i64) -> i32 {
    match (NUMBERED.own(), COUNTER.0.get()) {
        (Some(place), Some(counter)) => {
            shown(agree(place, counter, start, Asker::Session).unwrap_or_else(|| Counter::next(counter)))
        }
        // SAFETY: reads this process's own memory.
        _ => made_up(unsafe { pg_sys::MyProcPid }, start),
    }
}

/// Redshift's columns are integers: after the largest comes 1 again.
fn shown(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(((number - 1) % i32::MAX as u64 + 1) as i32)
}

/// Without shared memory nobody can count. Then the number is made of the session's pid and the
/// statement's start. It stays the same while the statement runs, and hardly ever equals another
/// one's. It says nothing about the order of statements.
fn made_up(pid: i32, started: i64) -> i32 {
    // The finalizer of splitmix64: each bit of the result depends on each bit of the input.
    let mut bits = (started as u64) ^ (pid as u64).rotate_left(40);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ bits >> 31) as i32 & i32::MAX).max(1)
}

/// The last statement of this session that ran a query: its start and its number; 0 for none.
static LAST: BackendLocal<Cell<(i64, i32)>> = BackendLocal::new(Cell::new((0, 0)));
/// The number of the one before; 0 for none.
static BEFORE: BackendLocal<Cell<i32>> = BackendLocal::new(Cell::new(0));

/// Called with each query that is about to run, in the statement that began at `start`. Queries
/// inside functions belong to the same statement. Queries that PostgreSQL evaluates while it plans
/// do not count: they run outside a portal, and their message has a start of its own.
pub fn watch(start: i64) {
    let (last, number) = LAST.get();
    if start == last || !raw::runs_portal() {
        return;
    }
    if last != 0 {
        BEFORE.set(number);
    }
    LAST.set((start, own(start)));
}

/// The number that the statement before this one had in stv_inflight; -1 if there was none.
#[pg_extern(sql = false)]
fn pg_last_query_id() -> i32 {
    match BEFORE.get() {
        0 => -1,
        number => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_numbers_are_positive_stable_and_differ() {
        let start = 846_000_000_000_000;
        let ids: Vec<i32> =
            (0..1000).flat_map(|n| [made_up(4000 + n, start), made_up(4000, start + i64::from(n))]).collect();
        assert!(ids.iter().all(|id| *id > 0));
        assert_eq!(made_up(4000, start), ids[0]);
        let mut distinct = ids.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), ids.len() - 1); // (4000, start) is there twice
    }

    #[test]
    fn after_the_largest_integer_comes_one() {
        assert_eq!([1, 2, i32::MAX as u64, i32::MAX as u64 + 1].map(shown), [1, 2, i32::MAX, 1]);
    }

    #[test]
    fn whoever_asks_gets_the_same_number() {
        let (place, counter) = (Slot::new([const { AtomicU64::new(0) }; 2]), AtomicU64::new(41));
        let ask = |start, asker| agree(&place, &counter, start, asker);
        use Asker::{Reader, Session};
        assert_eq!([ask(-5, Session), ask(-5, Reader), ask(-5, Session)], [Some(42); 3]);
        assert_eq!([ask(7, Reader), ask(7, Session), ask(7, Reader)], [Some(43); 3]);
        // A reader who is late takes nothing away from the running statement.
        assert_eq!([ask(-5, Reader), ask(7, Reader)], [None, Some(43)]);
        // The clock was set back.
        assert_eq!([ask(3, Session), ask(3, Reader), ask(3, Session)], [Some(44); 3]);
    }

    #[test]
    fn many_who_ask_at_once_agree_and_numbers_ascend() {
        let (place, counter) = (&Slot::new([const { AtomicU64::new(0) }; 2]), &AtomicU64::new(0));
        let barrier = &std::sync::Barrier::new(4);
        let of_each: Vec<Vec<u64>> = std::thread::scope(|scope| {
            let ask = move |asker| {
                let mut numbers = Vec::new();
                for start in 1..2_000 {
                    barrier.wait();
                    numbers.push(agree(place, counter, start, asker).unwrap());
                }
                numbers
            };
            let threads = [Asker::Session, Asker::Reader, Asker::Reader, Asker::Reader];
            let threads: Vec<_> = threads.into_iter().map(|asker| scope.spawn(move || ask(asker))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(of_each.iter().all(|numbers| *numbers == of_each[0]));
        assert!(of_each[0].is_sorted());
    }
}
