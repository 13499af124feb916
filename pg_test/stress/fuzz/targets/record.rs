//! Is every sequence of words a row that can be shown, and the same one each time?

#![no_main]

use libfuzzer_sys::fuzz_target;
use redshift_sessions_fuzz::logs::records::{Conflict, Connection, Ended, Record, Terminate};
use redshift_sessions_fuzz::logs::statement_record::Finished;
use redshift_sessions_fuzz::shmem::packed_text;

/// What PostgreSQL has for times.
const TIMES: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;

fuzz_target!(|data: &[u8]| {
    let terminate = settle::<3, Terminate>(data);
    let conflict = settle::<4, Conflict>(data);
    let ended = settle::<20, Ended>(data);
    let connection = settle::<66, Connection>(data);
    for time in [
        terminate.time,
        conflict.start,
        conflict.abort,
        ended.start,
        ended.end,
        connection.time,
        connection.session_start,
    ] {
        assert!(TIMES.contains(&time));
    }
    for text in [&connection.user_name[..], &connection.remote_host, &ended.database_name] {
        let text = packed_text::unpack(text);
        assert_eq!(packed_text::unpack(&packed_text::pack::<8>(text.as_bytes())), text);
    }
    let words = packed_text::pack::<{ Finished::WORDS }>(data);
    let finished = Finished::decode(&words);
    let texts = finished.texts(&words, Vec::with_capacity);
    for (text, most, length) in [
        (texts.text(), Finished::TEXT_BYTES, finished.lengths.text),
        (texts.label(), Finished::LABEL_BYTES, finished.lengths.label),
        (texts.error(), Finished::ERROR_BYTES, finished.lengths.error),
    ] {
        assert!(text.len() <= most && text.len() <= length.into());
    }
});

/// A row that was decoded is encoded to what it is decoded from.
fn settle<const WORDS: usize, R: Record<WORDS> + PartialEq + std::fmt::Debug>(data: &[u8]) -> R {
    let record = R::decode(packed_text::pack::<WORDS>(data));
    assert_eq!(R::decode(record.encode()), record);
    record
}
