//! A row that processes share without a lock, and never read by halves. Nothing here calls
//! PostgreSQL.
//!
//! A writer claims the slot by making its version odd. A reader takes the row if the version was
//! even before it read, and is the same afterwards.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// The version of a slot that was never written.
pub const EMPTY: u64 = 0;

#[repr(C)]
pub struct Slot<const WORDS: usize> {
    version: AtomicU64,
    row: [AtomicU64; WORDS],
}

impl<const WORDS: usize> Slot<WORDS> {
    /// Writes the row, and gives the version of the one that was here. Gives None and writes
    /// nothing while somebody else writes, or if the row here has a later version. Versions are
    /// even. If `row` is shorter than the slot, the rest of the slot stays as it was.
    pub fn write(&self, version: u64, row: &[u64]) -> Option<u64> {
        self.fill(version, |words| store(words, row))
    }

    /// As `write`, for a row that `fill` stores word by word.
    pub fn fill(&self, version: u64, fill: impl FnOnce(&[AtomicU64; WORDS])) -> Option<u64> {
        let before = self.version.load(Ordering::Relaxed);
        if before % 2 == 1 || before > version { None } else { self.exchange(before, version, fill) }
    }

    /// Changes a row that is still of the version `before`, and gives it the version `after`. False
    /// if it is not, or somebody else writes.
    pub fn change(&self, before: u64, after: u64, change: impl FnOnce(&[AtomicU64; WORDS])) -> bool {
        self.exchange(before, after, change).is_some()
    }

    /// As `write`, with the next version: replaces whatever is here, unless somebody else is
    /// writing.
    pub fn replace(&self, row: [u64; WORDS]) -> Option<u64> {
        let before = self.version.load(Ordering::Relaxed);
        // The new version is made from the very one that is exchanged. So two who replace at once
        // cannot give two rows the same version.
        if before % 2 == 1 { None } else { self.exchange(before, before + 2, |words| store(words, &row)) }
    }

    fn exchange(&self, before: u64, version: u64, fill: impl FnOnce(&[AtomicU64; WORDS])) -> Option<u64> {
        self.version.compare_exchange(before, before + 1, Ordering::Acquire, Ordering::Relaxed).ok()?;
        fence(Ordering::Release); // the odd version is seen before any of the words
        fill(&self.row);
        self.version.store(version, Ordering::Release);
        Some(before)
    }

    /// A whole row and its version. None if nothing was written yet, or if the row was being
    /// written each time we looked.
    pub fn read(&self) -> Option<(u64, [u64; WORDS])> {
        const PATIENCE: usize = 1000;
        for _ in 0..PATIENCE {
            let before = self.version.load(Ordering::Acquire);
            if before == EMPTY {
                return None;
            }
            let row = std::array::from_fn(|index| self.row[index].load(Ordering::Relaxed));
            fence(Ordering::Acquire); // the words are read before the version is read again
            if before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before {
                return Some((before, row));
            }
            std::hint::spin_loop();
        }
        None
    }

    #[cfg(test)]
    pub fn new(row: [AtomicU64; WORDS]) -> Self {
        Slot { version: AtomicU64::new(EMPTY), row }
    }

    #[cfg(test)]
    pub fn stop_in_the_middle(&self) {
        self.version.store(1, Ordering::Relaxed);
    }
}

/// Stores as many words as there are of both.
pub fn store(words: &[AtomicU64], row: &[u64]) {
    for (word, value) in words.iter().zip(row) {
        word.store(*value, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot() -> Slot<2> {
        Slot::new([const { AtomicU64::new(0) }; 2])
    }

    #[test]
    fn rows_are_replaced_by_later_ones_only() {
        let slot = slot();
        assert_eq!(slot.read(), None);
        assert_eq!(slot.write(6, &[1, 2]), Some(EMPTY));
        assert_eq!(slot.write(4, &[3, 4]), None);
        assert_eq!(slot.read(), Some((6, [1, 2])));
        assert_eq!(slot.replace([5, 6]), Some(6));
        assert_eq!(slot.read(), Some((8, [5, 6])));
        assert_eq!(slot.write(10, &[7]), Some(8));
        assert_eq!(slot.read(), Some((10, [7, 6])));
    }

    #[test]
    fn a_row_is_changed_only_if_it_is_still_the_same() {
        let slot = slot();
        let change = |words: &[AtomicU64; 2]| store(&words[1..], &[9]);
        assert!(!slot.change(2, 4, change));
        slot.write(2, &[1, 2]);
        assert!(slot.change(2, 4, change));
        assert_eq!(slot.read(), Some((4, [1, 9])));
        assert!(!slot.change(2, 6, |_| unreachable!()));
        assert_eq!(slot.read(), Some((4, [1, 9])));
    }

    #[test]
    fn a_row_that_is_being_written_is_neither_read_nor_replaced() {
        let slot = slot();
        slot.stop_in_the_middle();
        assert_eq!(slot.read(), None);
        assert_eq!(slot.write(8, &[1, 1]), None);
        assert_eq!(slot.replace([1, 1]), None);
    }

    #[test]
    fn two_who_replace_at_once_never_give_a_version_to_two_rows() {
        const ROWS: u64 = 300_000;
        let slot = Slot::new([const { AtomicU64::new(0) }; 8]);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let slot = &slot;
                scope.spawn(move || (0..ROWS).for_each(|n| _ = slot.replace([writer * ROWS + n; 8])));
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = (EMPTY, 0);
                    for _ in 0..ROWS {
                        let Some((version, row)) = slot.read() else { continue };
                        assert!(row.iter().all(|word| *word == row[0]), "a row of two: {row:?}");
                        assert!(version > last.0 || (version, row[0]) == last, "{version} of {row:?} after {last:?}");
                        last = (version, row[0]);
                    }
                });
            }
        });
    }
}
