//! What the file of the saved logs says, and whether it may be believed. Nothing here calls
//! PostgreSQL.

use serde::{Deserialize, Serialize};

use crate::shmem::ring::Counts;

/// Far below where a count would overflow, or the version of a slot, which is made from it.
const MOST_ROWS: u64 = 1 << 44;

/// Changes whenever a row of a log changes its meaning.
const VERSION: u32 = 2;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedLog {
    pub log: String,
    pub counts: Counts,
    pub rows: Vec<Vec<u64>>,
}

#[derive(Serialize, Deserialize)]
struct File {
    redshift_sessions: u32,
    checksum: u64,
    logs: Vec<SavedLog>,
}

pub fn encode(logs: Vec<SavedLog>) -> Result<String, String> {
    let file = File { redshift_sessions: VERSION, checksum: checksum(&logs), logs };
    serde_json::to_string(&file).map_err(|error| error.to_string())
}

pub fn decode(text: &[u8]) -> Result<Vec<SavedLog>, String> {
    let file: File = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if file.redshift_sessions != VERSION {
        return Err(format!("it is of version {}, not {VERSION}", file.redshift_sessions));
    }
    if file.checksum != checksum(&file.logs) {
        return Err("its checksum is wrong".into());
    }
    if !file.logs.iter().all(adds_up) {
        return Err("its counts are wrong".into());
    }
    Ok(file.logs)
}

/// There are no more rows here than were written and not dropped. There may be fewer: a row that
/// was never finished counts as written only.
fn adds_up(saved: &SavedLog) -> bool {
    let Counts { written, dropped } = saved.counts;
    written <= MOST_ROWS && dropped <= written && saved.rows.len() as u64 <= written - dropped
}

fn checksum(logs: &[SavedLog]) -> u64 {
    let mut bytes = Vec::new();
    for log in logs {
        bytes.extend(log.log.as_bytes());
        bytes.push(0);
        let rows = log.rows.iter().flat_map(|row| [row.len() as u64].into_iter().chain(row.iter().copied()));
        let numbers = [log.counts.written, log.counts.dropped, log.rows.len() as u64].into_iter().chain(rows);
        bytes.extend(numbers.flat_map(u64::to_le_bytes));
    }
    seahash::hash(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saved() -> Vec<SavedLog> {
        vec![
            SavedLog {
                log: "a".into(),
                counts: Counts { written: 9, dropped: 7 },
                rows: vec![vec![1, 2], vec![3, u64::MAX]],
            },
            SavedLog { log: "b".into(), counts: Counts { written: 0, dropped: 0 }, rows: vec![] },
        ]
    }

    #[test]
    fn what_was_written_is_read() {
        let text = encode(saved()).unwrap();
        assert_eq!(decode(text.as_bytes()).unwrap(), saved());
    }

    #[test]
    fn a_file_that_was_changed_anywhere_is_refused() {
        let text = encode(saved()).unwrap();
        for (position, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()) {
            let mut changed = text.clone().into_bytes();
            changed[position] = if byte == b'5' { b'6' } else { b'5' };
            assert!(decode(&changed).is_err(), "{}", String::from_utf8_lossy(&changed));
        }
        for length in 0..text.len() {
            assert!(decode(&text.as_bytes()[..length]).is_err());
        }
    }

    #[test]
    fn counts_that_do_not_add_up_are_refused() {
        for (written, dropped) in [(8, 7), (0, 0), (5, 6), (1, 0), (MOST_ROWS + 1, 0), (u64::MAX, u64::MAX - 2)] {
            let mut logs = saved();
            logs[0].counts = Counts { written, dropped };
            assert_eq!(decode(encode(logs).unwrap().as_bytes()).unwrap_err(), "its counts are wrong");
        }
    }

    #[test]
    fn another_version_is_refused_by_its_number() {
        let text = encode(saved()).unwrap().replace("\"redshift_sessions\":2", "\"redshift_sessions\":1");
        assert_eq!(decode(text.as_bytes()).unwrap_err(), "it is of version 1, not 2");
    }
}
