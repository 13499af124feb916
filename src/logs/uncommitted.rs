//! Rows that are written only if their transaction commits. Nothing here calls PostgreSQL.

use crate::pg::memory;

/// The rows of one transaction, each with the subtransaction that it would go with, in the order in
/// which they were added.
pub struct Uncommitted<T> {
    rows: Vec<(u32, T)>,
}

impl<T> Uncommitted<T> {
    pub const fn new() -> Self {
        Uncommitted { rows: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn add(&mut self, subtransaction: u32, row: T) {
        memory::push(&mut self.rows, (subtransaction, row));
    }

    /// What was done in the subtransaction is now its parent's.
    pub fn subtransaction_committed(&mut self, own: u32, parent: u32) {
        self.rows.iter_mut().filter(|(subtransaction, _)| *subtransaction == own).for_each(|row| row.0 = parent);
    }

    pub fn subtransaction_aborted(&mut self, own: u32) {
        self.rows.retain(|(subtransaction, _)| *subtransaction != own);
    }

    /// The transaction is over.
    pub fn take(&mut self) -> impl Iterator<Item = T> {
        std::mem::take(&mut self.rows).into_iter().map(|(_, row)| row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Uncommitted<char> {
        let mut rows = Uncommitted::new();
        for (subtransaction, row) in [(1, 'a'), (2, 'b'), (3, 'c'), (2, 'd'), (1, 'e')] {
            rows.add(subtransaction, row);
        }
        rows
    }

    fn left(mut rows: Uncommitted<char>) -> String {
        let left = rows.take().collect();
        assert!(rows.is_empty());
        left
    }

    #[test]
    fn a_transaction_that_commits_keeps_all_in_order() {
        assert!(Uncommitted::<char>::new().is_empty() && !rows().is_empty());
        assert_eq!(left(rows()), "abcde");
    }

    #[test]
    fn a_subtransaction_that_aborts_takes_its_own() {
        let mut rows = rows();
        rows.subtransaction_aborted(2);
        assert_eq!(left(rows), "ace");
    }

    #[test]
    fn what_was_done_below_goes_with_who_took_it_over() {
        let mut inner_first = rows();
        inner_first.subtransaction_committed(3, 2);
        inner_first.subtransaction_aborted(2);
        assert_eq!(left(inner_first), "ae");
        let mut all = rows();
        all.subtransaction_committed(3, 2);
        all.subtransaction_committed(2, 1);
        all.subtransaction_aborted(2);
        assert_eq!(left(all), "abcde");
    }
}
