//! A change of a user, and how it is kept in words. Nothing here calls PostgreSQL.

use crate::logs::records::Record;
use crate::logs::records::{part, time_of};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UserChange {
    pub action: Action,
    pub user: u32,
    /// The user as it is after the change; before it, if it is dropped. Names are packed, see
    /// `packed_text.rs`.
    pub name: [u64; 8],
    /// Before it was renamed.
    pub old_name: [u64; 8],
    pub creates_databases: bool,
    pub is_superuser: bool,
    /// None for ever.
    pub valid_until: Option<i64>,
    pub pid: i32,
    pub xid: i64,
    pub time: i64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Create,
    Alter,
    Rename,
    Drop,
}

impl Action {
    const ALL: [Self; 4] = [Action::Create, Action::Alter, Action::Rename, Action::Drop];
}

/// Bits of the first word, above the pid and the action.
const CREATES_DATABASES: u64 = 1 << 40;
const IS_SUPERUSER: u64 = 1 << 41;
const HAS_END: u64 = 1 << 42;

impl Record<21> for UserChange {
    fn encode(self) -> [u64; 21] {
        let bit = |is_set: bool, bit| if is_set { bit } else { 0 };
        let mut words = [0; 21];
        words[0] = u64::from(self.pid as u32)
            | (self.action as u64) << 32
            | bit(self.creates_databases, CREATES_DATABASES)
            | bit(self.is_superuser, IS_SUPERUSER)
            | bit(self.valid_until.is_some(), HAS_END);
        words[1] = self.user.into();
        words[2] = self.xid as u64;
        words[3] = self.time as u64;
        words[4] = self.valid_until.unwrap_or_default() as u64;
        words[5..13].copy_from_slice(&self.name);
        words[13..21].copy_from_slice(&self.old_name);
        words
    }

    fn decode(words: [u64; 21]) -> Self {
        let action = Action::ALL[((words[0] >> 32) as u8 as usize).min(Action::ALL.len() - 1)];
        UserChange {
            action,
            user: words[1] as u32,
            name: part(&words, 5),
            old_name: part(&words, 13),
            creates_databases: words[0] & CREATES_DATABASES != 0,
            is_superuser: words[0] & IS_SUPERUSER != 0,
            valid_until: (words[0] & HAS_END != 0).then(|| time_of(words[4])),
            pid: words[0] as i32,
            xid: words[2] as i64,
            time: time_of(words[3]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::records::LAST_TIME;

    #[test]
    fn changes_come_back_as_they_were() {
        for action in Action::ALL {
            for valid_until in [None, Some(0), Some(-1), Some(LAST_TIME)] {
                for (creates_databases, is_superuser) in [(false, false), (false, true), (true, false), (true, true)] {
                    let (name, old_name) = ([1; 8], [2; 8]);
                    let (user, pid, xid, time) = (u32::MAX, -1, i64::MAX, -5);
                    let record = UserChange {
                        action,
                        user,
                        name,
                        old_name,
                        creates_databases,
                        is_superuser,
                        valid_until,
                        pid,
                        xid,
                        time,
                    };
                    assert_eq!(UserChange::decode(record.encode()), record);
                }
            }
        }
    }

    #[test]
    fn every_word_is_a_row_that_can_be_shown() {
        for word in [0, 1, u64::MAX, i64::MAX as u64, i64::MIN as u64, i64::MAX as u64 - 1, 0x8080_8080_8080_8080] {
            let record = UserChange::decode([word; 21]);
            let shown = |time: i64| time == time_of(time as u64);
            assert!(shown(record.time) && record.valid_until.is_none_or(shown));
        }
    }
}
