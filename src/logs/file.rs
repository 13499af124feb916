//! Keeps the logs in a file while the server is down: written when it stops, read when it starts.
//!
//! The file is removed when the first client comes, because only then is the server up: a start may
//! fail late, for a line of pg_hba.conf, and the next one needs the file. While sessions run there
//! is no file, so after a crash, when nothing in memory can be trusted, the logs begin empty.
//!
//! Nothing in the file is trusted. If it is damaged, foreign, of another version or not a regular
//! file, it is set aside, with a line in the server's log.

use std::cell::Cell;
use std::ffi::c_int;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use pgrx::pg_guard;
use pgrx::pg_sys::Datum;

use crate::error;
use crate::logs;
use crate::logs::file_format;
use crate::pg::backend_local::BackendLocal;
use crate::shmem::Segment;

/// In the data directory, where PostgreSQL keeps the statistics that it saves.
const PATH: &str = "pg_stat/redshift_sessions.json";
const ASIDE: &str = "pg_stat/redshift_sessions.json.bad";
const TEMPORARY: &str = "pg_stat/redshift_sessions.json.tmp";

/// The file may be larger than the logs need now by this much: they may have been larger before.
const LARGEST: u64 = 64 * 1024 * 1024;
/// In the file, a word of 8 bytes is a number and its comma: at most 21 bytes.
const BYTES_PER_BYTE: u64 = 3;

/// A reason may quote the file, which may be one long text.
const LONGEST_REASON: usize = 200;

/// In shared memory: 1 while the file that the logs came from is still there.
pub struct Mark(BackendLocal<Cell<Option<&'static AtomicU64>>>);

pub static MARK: Mark = Mark(BackendLocal::new(Cell::new(None)));

impl Segment for Mark {
    fn bytes(&self) -> usize {
        size_of::<AtomicU64>()
    }

    unsafe fn place(&self, memory: *mut u8) {
        // SAFETY: promised by the caller.
        self.0.set(Some(unsafe { &*memory.cast() }));
    }
}

/// A client is here, so the server is up: removes the file.
pub fn server_is_up() {
    if let Some(mark) = MARK.0.get()
        && mark.load(Ordering::Relaxed) == 1
        && mark.swap(0, Ordering::Relaxed) == 1
    {
        let _ = fs::remove_file(PATH);
    }
}

/// Called when the server stops. A code other than 0 means that it crashed or failed to start;
/// after a crash nothing in memory can be trusted.
#[pg_guard]
pub unsafe extern "C-unwind" fn save_at_exit(code: c_int, _argument: Datum) {
    if code == 0 {
        save();
    }
}

fn save() {
    let written = file_format::encode(logs::save()).and_then(|text| {
        // Always a new file: a pipe of that name would wait for a reader, and a link would lead
        // elsewhere.
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
    let Some(text) = read(PATH, LARGEST.saturating_add(BYTES_PER_BYTE.saturating_mul(logs::saved_bytes() as u64)))
    else {
        return;
    };
    match text.and_then(|text| file_format::decode(&text)) {
        Ok(saved) => {
            logs::restore(&saved);
            if let Some(mark) = MARK.0.get() {
                mark.store(1, Ordering::Relaxed);
            }
        }
        Err(reason) => {
            let aside = fs::rename(PATH, ASIDE).is_ok().then_some(ASIDE);
            let reason: String = reason.chars().take(LONGEST_REASON).collect();
            error::log_file_not_used(PATH, &reason, aside).log();
        }
    }
}

/// None if nothing is there. Opens only a regular file of at most `largest` bytes: a pipe would
/// keep the server from starting.
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
