//! Where are the logs while the server is down? In a file, written when it stops and read when it starts.
//!
//! As pg_stat_statements does: the file is gone while the server runs, so a crash leaves none, and the logs begin empty.
//! Nothing in the file is trusted: one that is damaged, foreign or of another version is set aside, with a line in the log.

use std::fs;
use std::io::{ErrorKind, Write};

use serde::{Deserialize, Serialize};

use crate::ring::Counts;
use crate::{error, logs};

/// In the data directory, where PostgreSQL keeps what statistics it saves.
const PATH: &str = "pg_stat/redshift_sessions.json";
const ASIDE: &str = "pg_stat/redshift_sessions.json.bad";
const TEMPORARY: &str = "pg_stat/redshift_sessions.json.tmp";

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
        let mut file = fs::File::create(TEMPORARY).map_err(|error| error.to_string())?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| error.to_string())?;
        fs::rename(TEMPORARY, PATH).map_err(|error| error.to_string())
    });
    if let Err(reason) = written {
        let _ = fs::remove_file(TEMPORARY);
        error::log_file_not_written(PATH, &reason).log();
    }
}

pub fn load() {
    let decoded = match fs::read(PATH) {
        Ok(text) => decode(&text),
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => Err(error.to_string()),
    };
    match decoded {
        Ok(saved) => {
            logs::restore(&saved);
            let _ = fs::remove_file(PATH);
        }
        Err(reason) => {
            let _ = fs::rename(PATH, ASIDE);
            error::log_file_not_used(PATH, &reason, ASIDE).log();
        }
    }
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
    Ok(file.logs)
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
    fn another_version_is_refused_by_its_number() {
        let text = encode(saved()).unwrap().replace("\"redshift_sessions\":2", "\"redshift_sessions\":1");
        assert_eq!(decode(text.as_bytes()).unwrap_err(), "it is of version 1, not 2");
    }
}
