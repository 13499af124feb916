//! A log of bounded size that many processes write without ever waiting. Nothing here calls
//! PostgreSQL.
//!
//! The number of a row tells its slot. A writer gives up its row if another writer is busy in that
//! slot, or if a later row is there already. So a writer that dies or sleeps in the middle of a row
//! costs others a row, and no time. Rows that are overwritten or given up count as dropped: the
//! rows that are here and the dropped ones add up to the rows written.

use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::shmem::seqlock::{EMPTY, Slot, store};

/// A slot's version is twice the number of its row, with room for how often the row was changed.
const CHANGES_BITS: u32 = 16;

/// Where a row is, and in which version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    number: u64,
    version: u64,
}

impl Place {
    /// How often the row can still be changed.
    pub fn changes_left(self) -> u64 {
        let changes = (self.version >> 1) & ((1 << CHANGES_BITS) - 1);
        (1 << CHANGES_BITS) - 1 - changes
    }
}

#[repr(C)]
pub struct Header {
    written: AtomicU64,
    dropped: AtomicU64,
}

/// A ring in memory that all processes share, at the same address in each. Zeroed memory is an
/// empty ring. Its header lies apart from its slots, so that several rings have their headers in
/// one page: a new session pays for each page that it touches.
#[derive(Clone, Copy)]
pub struct Ring<const WORDS: usize> {
    header: &'static Header,
    slots: &'static [Slot<WORDS>],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub written: u64,
    pub dropped: u64,
}

impl<const WORDS: usize> Ring<WORDS> {
    /// How many bytes `size` slots take.
    pub const fn bytes(size: usize) -> usize {
        size * size_of::<Slot<WORDS>>()
    }

    /// # Safety
    /// Header and slots are aligned to 8, were zeroed before any process used them, and live as
    /// long as the process. There are `bytes(size)` bytes of slots.
    pub unsafe fn new(header: *const Header, slots: *const u8, size: usize) -> Self {
        // SAFETY: promised by the caller; everything in a ring is atomic.
        unsafe { Ring { header: &*header, slots: std::slice::from_raw_parts(slots.cast(), size) } }
    }

    pub fn size(&self) -> usize {
        self.slots.len()
    }

    pub fn counts(&self) -> Counts {
        Counts {
            written: self.header.written.load(Ordering::Relaxed),
            dropped: self.header.dropped.load(Ordering::Relaxed),
        }
    }

    /// Puts saved rows, oldest first, and what `counts` gave into an empty ring. If it has too
    /// little room, the oldest rows are dropped.
    pub fn restore(&self, counts: &Counts, rows: impl ExactSizeIterator<Item = [u64; WORDS]>) {
        self.header.written.store(counts.written.saturating_sub(rows.len() as u64), Ordering::Relaxed);
        self.header.dropped.store(counts.dropped, Ordering::Relaxed);
        rows.for_each(|row| self.write(&row));
    }

    /// Writes a row.
    pub fn write(&self, row: &[u64; WORDS]) {
        self.fill(|words| store(words, row));
    }

    /// Writes a row that `fill` stores word by word. Gives its place, or None if it was given up.
    #[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
    pub fn fill(&self, fill: impl FnOnce(&[AtomicU64; WORDS])) -> Option<Place> {
        let number = self.header.written.fetch_add(1, Ordering::Relaxed) + 1;
        let place = self.fill_as(number, fill);
        if place.is_none() {
            self.header.dropped.fetch_add(1, Ordering::Relaxed);
        }
        place
    }

    fn fill_as(&self, number: u64, fill: impl FnOnce(&[AtomicU64; WORDS])) -> Option<Place> {
        let version = number << (CHANGES_BITS + 1);
        let before = self.slot(number).fill(version, fill)?;
        if before != EMPTY {
            self.header.dropped.fetch_add(1, Ordering::Relaxed); // the row that was here
        }
        Some(Place { number, version })
    }

    /// Changes a row and gives its place. None if it has been overwritten, if a reader of old would
    /// no longer see that it changed, or if somebody else writes there.
    pub fn change(&self, place: Place, change: impl FnOnce(&[AtomicU64; WORDS])) -> Option<Place> {
        let version = place.version + 2;
        let changed = place.changes_left() > 0 && self.slot(place.number).change(place.version, version, change);
        changed.then_some(Place { version, ..place })
    }

    fn slot(&self, number: u64) -> &Slot<WORDS> {
        &self.slots[((number - 1) % self.slots.len() as u64) as usize]
    }

    /// All whole rows, in the order of their slots. Each comes with a number: the smaller, the
    /// older. Leaves out a row that is being written at this moment.
    pub fn rows(&self) -> impl Iterator<Item = (u64, [u64; WORDS])> {
        self.slots.iter().filter_map(Slot::read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Oldest first.
    fn read(ring: &Ring<3>) -> Vec<[u64; 3]> {
        let mut rows: Vec<_> = ring.rows().collect();
        rows.sort();
        rows.into_iter().map(|(_, row)| row).collect()
    }

    fn ring(size: usize) -> Ring<3> {
        let header = Box::leak(Box::new(Header { written: AtomicU64::new(0), dropped: AtomicU64::new(0) }));
        let slots = vec![0_u64; Ring::<3>::bytes(size) / 8].leak();
        // SAFETY: zeroed, aligned, leaked.
        unsafe { Ring::new(header, slots.as_ptr().cast(), size) }
    }

    #[test]
    fn rows_come_back_in_order_until_the_ring_is_full() {
        let ring = ring(4);
        assert_eq!(read(&ring), [[0; 3]; 0]);
        (1..=3).for_each(|n| ring.write(&[n, n, n]));
        assert_eq!(read(&ring), [[1; 3], [2; 3], [3; 3]]);
        assert_eq!(ring.counts(), Counts { written: 3, dropped: 0 });
        (4..=10).for_each(|n| ring.write(&[n, n, n]));
        assert_eq!(read(&ring), [[7; 3], [8; 3], [9; 3], [10; 3]]);
        assert_eq!(ring.counts(), Counts { written: 10, dropped: 6 });
        assert_eq!(ring.size(), 4);
    }

    #[test]
    fn what_was_saved_comes_back_as_far_as_there_is_room() {
        let saved = ring(4);
        (1..=10).for_each(|n| saved.write(&[n; 3]));
        for (size, first, dropped) in [(4, 7, 6), (9, 7, 6), (2, 9, 8)] {
            let restored = ring(size);
            restored.restore(&saved.counts(), read(&saved).into_iter());
            assert_eq!(read(&restored), (first..=10).map(|n| [n; 3]).collect::<Vec<_>>());
            assert_eq!(restored.counts(), Counts { written: 10, dropped });
        }
    }

    #[test]
    fn a_slot_that_is_being_written_costs_a_row_and_no_time() {
        let ring = ring(2);
        ring.write(&[1; 3]);
        // A writer has stopped in the middle of its row.
        ring.slots[1].stop_in_the_middle();
        ring.write(&[2; 3]);
        assert_eq!(read(&ring), [[1; 3]]);
        assert_eq!(ring.counts(), Counts { written: 2, dropped: 1 });
    }

    #[test]
    fn a_late_writer_does_not_replace_a_later_row() {
        let ring = ring(2);
        assert!(ring.fill_as(3, |words| store(words, &[3; 3])).is_some());
        assert!(ring.fill_as(1, |words| store(words, &[1; 3])).is_none());
        assert_eq!(read(&ring), [[3; 3]]);
    }

    #[test]
    fn a_row_can_be_changed_until_it_is_overwritten() {
        let ring = ring(2);
        let first = ring.fill(|words| store(words, &[1; 3])).unwrap();
        let changed = ring.change(first, |words| store(&words[2..], &[7])).unwrap();
        assert_eq!(ring.change(first, |_| unreachable!()), None); // it is of another version by now
        ring.write(&[2; 3]);
        assert_eq!(read(&ring), [[1, 1, 7], [2; 3]]);
        assert_eq!(ring.counts(), Counts { written: 2, dropped: 0 });
        ring.write(&[3; 3]);
        assert_eq!(ring.change(changed, |_| unreachable!()), None);
        assert_eq!(read(&ring), [[2; 3], [3; 3]]);
    }

    #[test]
    fn a_row_that_changed_too_often_stays_as_it_is() {
        let ring = ring(2);
        let mut place = ring.fill(|words| store(words, &[0; 3]));
        let mut changes = 0;
        while let Some(next) = place.and_then(|place| ring.change(place, |words| store(words, &[changes + 1; 3]))) {
            (place, changes) = (Some(next), changes + 1);
            assert_eq!(next.changes_left(), (1 << CHANGES_BITS) - 1 - changes);
        }
        assert_eq!((changes, read(&ring)), ((1 << CHANGES_BITS) - 1, vec![[changes; 3]]));
        assert_eq!(place.map(Place::changes_left), Some(0));
    }

    #[test]
    fn many_writers_and_readers_see_whole_rows_and_the_counts_add_up() {
        const WRITERS: u64 = 4;
        const ROWS: u64 = 50_000;
        let ring = ring(64);
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                scope.spawn(move || (0..ROWS).for_each(|n| ring.write(&[writer * ROWS + n; 3])));
            }
            for _ in 0..2 {
                scope.spawn(move || {
                    for _ in 0..2_000 {
                        assert!(read(&ring).iter().all(|row| row[0] == row[1] && row[1] == row[2]));
                    }
                });
            }
        });
        let counts = ring.counts();
        assert_eq!(counts.written, WRITERS * ROWS);
        assert_eq!(read(&ring).len() as u64 + counts.dropped, counts.written);
    }
}
