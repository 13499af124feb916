//! Can a file of saved logs, whatever it says, do more than be refused or fill the logs with rows that can be shown?
//!
//! Bytes at random hardly ever have the right checksum, so each input is also the contents of a file that has.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redshift_sessions_fuzz::logs::file_format::{self, SavedLog};
use redshift_sessions_fuzz::logs::records::{Conflict, Record};
use redshift_sessions_fuzz::shmem::ring::{Counts, Header, Ring};

const WORDS: usize = 4;

fuzz_target!(|data: &[u8]| {
    if let Ok(logs) = file_format::decode(data) {
        restore(&logs);
    }
    let built = build(data);
    let text = file_format::encode(built.clone()).expect("what was built can be written");
    if let Ok(logs) = file_format::decode(text.as_bytes()) {
        assert_eq!(logs, built);
        restore(&logs);
    }
});

/// The first words are the counts, the next one says how long rows are, and all others are rows.
fn build(data: &[u8]) -> Vec<SavedLog> {
    let mut words = data.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    let mut next = || words.next().unwrap_or_default();
    let (written, dropped, width) = (next(), next(), next() % 6);
    let rest: Vec<u64> = words.collect();
    let rows = rest.chunks(width.max(1) as usize).map(<[u64]>::to_vec).collect();
    vec![SavedLog { log: "stl_tr_conflict".into(), counts: Counts { written, dropped }, rows }]
}

/// Oldest first, as the logs read it.
fn read(ring: &Ring<WORDS>) -> Vec<[u64; WORDS]> {
    let mut rows: Vec<_> = ring.rows().collect();
    rows.sort_unstable_by_key(|(number, _)| *number);
    rows.into_iter().map(|(_, row)| row).collect()
}

/// As the server does when it starts, into logs smaller and larger than the file; then a few more rows are written.
fn restore(logs: &[SavedLog]) {
    for log in logs {
        let rows: Vec<[u64; WORDS]> = log.rows.iter().filter_map(|row| row.as_slice().try_into().ok()).collect();
        for size in [1, 3, 64] {
            let mut header = [0_u64; size_of::<Header>() / 8];
            let mut slots = vec![0_u64; Ring::<WORDS>::bytes(size) / 8];
            // SAFETY: zeroed, aligned, and outlive the ring.
            let ring = unsafe { Ring::<WORDS>::new(header.as_mut_ptr().cast(), slots.as_mut_ptr().cast(), size) };
            let mut counts = log.counts.clone();
            counts.dropped += (log.rows.len() - rows.len()) as u64;
            ring.restore(&counts, rows.clone().into_iter());
            assert_eq!(ring.counts().written, log.counts.written);
            let kept = rows.len().min(size);
            assert_eq!(read(&ring), rows[rows.len() - kept..]);
            for n in 0..5 {
                ring.write(&[n; WORDS]);
            }
            let (counts, shown) = (ring.counts(), read(&ring));
            assert_eq!(counts.written, log.counts.written + 5);
            assert!(counts.dropped <= counts.written);
            assert_eq!(shown.last(), Some(&[4; WORDS]));
            shown.into_iter().map(Conflict::decode).for_each(drop);
        }
    }
}
