//! A transaction that is over, and how it is kept in words. Nothing here calls PostgreSQL.

use crate::logs::records::Record;
use crate::logs::records::time_of;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transaction {
    pub user: u32,
    pub xid: i64,
    pub isolation: Isolation,
    pub start: i64,
    /// When its commit began; None if it was rolled back.
    pub commit_start: Option<i64>,
    /// When it was over.
    pub end: i64,
}

/// As PostgreSQL has it. READ UNCOMMITTED is READ COMMITTED there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Isolation {
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

impl Isolation {
    const ALL: [Self; 3] = [Isolation::ReadCommitted, Isolation::RepeatableRead, Isolation::Serializable];
}

/// Bit of the second word, above the user and the isolation.
const COMMITTED: u64 = 1 << 40;

impl Record<5> for Transaction {
    fn encode(self) -> [u64; 5] {
        let committed = if self.commit_start.is_some() { COMMITTED } else { 0 };
        [
            self.xid as u64,
            u64::from(self.user) | (self.isolation as u64) << 32 | committed,
            self.start as u64,
            self.commit_start.unwrap_or_default() as u64,
            self.end as u64,
        ]
    }

    fn decode([xid, user, start, commit_start, end]: [u64; 5]) -> Self {
        Transaction {
            user: user as u32,
            xid: xid as i64,
            isolation: Isolation::ALL[((user >> 32) as u8 as usize).min(Isolation::ALL.len() - 1)],
            start: time_of(start),
            commit_start: (user & COMMITTED != 0).then(|| time_of(commit_start)),
            end: time_of(end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_come_back_as_they_were() {
        for isolation in Isolation::ALL {
            for commit_start in [None, Some(0), Some(-7)] {
                let record = Transaction { user: u32::MAX, xid: i64::MAX, isolation, start: 1, commit_start, end: -2 };
                assert_eq!(Transaction::decode(record.encode()), record);
            }
        }
    }

    #[test]
    fn every_word_is_a_row_that_can_be_shown() {
        for word in [0, 1, u64::MAX, i64::MAX as u64, i64::MIN as u64, 0x8080_8080_8080_8080] {
            let shown = |time: i64| time == time_of(time as u64);
            let record = Transaction::decode([word; 5]);
            assert!(shown(record.start) && shown(record.end) && record.commit_start.is_none_or(shown));
        }
    }
}
