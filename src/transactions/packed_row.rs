//! One row of svv_transactions, as a number that sorts as the row does.

/// Sorting the numbers sorts the rows as Redshift's view does: by transaction, then by granted,
/// then by relation as a signed integer with NULL last. The mode comes last to make the order
/// complete.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row(u64);

const TRANSACTION_SHIFT: u32 = 38;
const GRANTED: u64 = 1 << 37;
const NO_RELATION: u64 = 1 << 36;
const RELATION_SHIFT: u32 = 4;
const SIGN: u32 = 1 << 31;

impl Row {
    pub fn new(transaction: usize, granted: bool, relation: Option<u32>, mode: i32) -> Self {
        let relation = match relation {
            Some(oid) => u64::from(oid ^ SIGN) << RELATION_SHIFT,
            None => NO_RELATION,
        };
        let granted = if granted { GRANTED } else { 0 };
        Row((transaction as u64) << TRANSACTION_SHIFT | granted | relation | mode as u64)
    }

    /// Index in the list of transactions.
    pub fn transaction(self) -> usize {
        (self.0 >> TRANSACTION_SHIFT) as usize
    }

    pub fn granted(self) -> bool {
        self.0 & GRANTED != 0
    }

    /// The bits of the table's OID, as a signed 4-byte integer.
    pub fn relation(self) -> Option<i32> {
        (self.0 & NO_RELATION == 0).then_some(((self.0 >> RELATION_SHIFT) as u32 ^ SIGN) as i32)
    }

    pub fn mode(self) -> i32 {
        (self.0 & 0xf) as i32
    }

    pub fn with_transaction(self, transaction: usize) -> Self {
        Row(self.0 & ((1 << TRANSACTION_SHIFT) - 1) | (transaction as u64) << TRANSACTION_SHIFT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gives_back_what_it_was_made_of() {
        for oid in [0, 1, 1259, SIGN - 1, SIGN, u32::MAX] {
            let row = Row::new(7, true, Some(oid), 8);
            assert_eq!((row.transaction(), row.granted(), row.mode()), (7, true, 8));
            assert_eq!(row.relation(), Some(oid as i32));
        }
        let row = Row::new(70_000, false, None, 5).with_transaction(3);
        assert_eq!((row.transaction(), row.granted(), row.relation(), row.mode()), (3, false, None, 5));
    }

    #[test]
    fn numbers_sort_as_the_view_does() {
        let sorted = [
            Row::new(0, false, Some(u32::MAX), 1), // the integer -1
            Row::new(0, false, Some(5), 1),
            Row::new(0, false, Some(5), 3),
            Row::new(0, false, None, 5),
            Row::new(0, true, Some(4), 8),
            Row::new(0, true, None, 7),
            Row::new(1, false, None, 5),
        ];
        assert!(sorted.is_sorted_by(|a, b| a < b));
    }
}
