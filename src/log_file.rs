//! Where are the logs while the server is down? In a file, written when it stops and read when it starts.
//!
//! As pg_stat_statements does: the file is gone while the server runs, so a crash leaves none, and the logs begin empty.
//! Nothing in the file is trusted: one that is damaged, foreign, of another version or no file at all is set aside, with a line in the log.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};

use serde::{Deserialize, Serialize};

use crate::ring::Counts;
use crate::{error, logs};

/// In the data directory, where PostgreSQL keeps what statistics it saves.
const PATH: &str = "pg_stat/redshift_sessions.json";
const ASIDE: &str = "pg_stat/redshift_sessions.json.bad";
const TEMPORARY: &str = "pg_stat/redshift_sessions.json.tmp";

/// A number and its comma take at most 21 bytes, for a word of 8; the logs may have been larger before.
const LARGEST: u64 = 64 * 1024 * 1024;
const BYTES_PER_BYTE: u64 = 3;

/// Far from where a count, or the version of a slot made of it, would overflow.
const MOST_ROWS: u64 = 1 << 60;

/// Changes whenever a row of a log gets another meaning.
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

pub fn save() {
    let written = encode(logs::save()).and_then(|text| {
        // Made anew: a pipe of that name would wait for a reader, and a link lead elsewhere.
        let _ = fs::remove_file(TEMPORARY);
        let file = OpenOptions::new().write(true).create_new(true).open(TEMPORARY);
        let mut file = file.map_err(|error| error.to_string())?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| error.to_string())?;
        fs::rename(TEMPORARY, PATH).map_err(|error| error.to_string())
    });
    if let Err(reason) = written {
        let _ = fs::remove_file(TEMPORARY);
        error::log_file_not_written(PATH, &reason).log();
    }
}

pub fn load() {
    let Some(text) = read(PATH, LARGEST.saturating_add(BYTES_PER_BYTE.saturating_mul(logs::bytes() as u64))) else {
        return;
    };
    match text.and_then(|text| decode(&text)) {
        Ok(saved) => {
            logs::restore(&saved);
            let _ = fs::remove_file(PATH);
        }
        Err(reason) => {
            let aside = fs::rename(PATH, ASIDE).is_ok().then_some(ASIDE);
            error::log_file_not_used(PATH, &reason, aside).log();
        }
    }
}

/// None if nothing is there. Only a file is opened, and not one without end: a pipe would keep the server from starting.
fn read(path: &str, largest: u64) -> Option<Result<Vec<u8>, String>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        Err(error) => return Some(Err(error.to_string())),
        Ok(found) if !found.is_file() => return Some(Err("it is not a file".into())),
        Ok(found) if found.len() > largest => return Some(Err(format!("it is larger than {largest} bytes"))),
        Ok(_) => {}
    }
    let mut text = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(largest).read_to_end(&mut text));
    Some(read.map(|_| text).map_err(|error| error.to_string()))
}

fn encode(logs: Vec<SavedLog>) -> Result<String, String> {
    let file = File { redshift_sessions: VERSION, checksum: checksum(&logs), logs };
    serde_json::to_string(&file).map_err(|error| error.to_string())
}

fn decode(text: &[u8]) -> Result<Vec<SavedLog>, String> {
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

/// Each row that was written is here or was dropped.
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
