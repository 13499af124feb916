//! What does the client of a cancelled statement read? Redshift's text, or what the caller of cancel() said.
//!
//! Whoever cancels leaves a note for the session's pid in shared memory. The session finds it when it is about to report that
//! its statement was cancelled. A note is for the statement that ran when it was left: one for an earlier statement is stale.

use std::ffi::CStr;
use std::io::Write;

use pgrx::pg_sys;
use pgrx::prelude::PgSqlErrorCode;

use crate::board::Board;
use crate::compat::raw;
use crate::slot::Slot;
use crate::{gucs, sessions, target, words};

/// Longest message, in bytes. Redshift documents no limit.
pub const LONGEST: usize = 255;
const TEXT_WORDS: usize = LONGEST.div_ceil(8);
const WORDS: usize = TEXT_WORDS + 2;
const ANY_ENCODING: i32 = 0xffff;

pub static NOTES: Board<WORDS> = Board::new();

/// Leaves a note; None for Redshift's own text. Without shared memory there is none, and the client reads PostgreSQL's text.
pub fn leave(pid: i32, message: Option<&[u8]>) {
    // SAFETY: read the clock and the encoding; the cut is between two characters.
    let (now, encoding, message) = unsafe {
        let whole =
            |text: &[u8]| pg_sys::pg_mbcliplen(text.as_ptr().cast(), text.len() as i32, LONGEST as i32) as usize;
        (raw::GetCurrentTimestamp(), pg_sys::GetDatabaseEncoding(), message.map(|text| &text[..whole(text)]))
    };
    if let Some(place) = NOTES.of_pid(pid) {
        place.replace(encode(pid, now, encoding, message));
    }
}

fn encode(pid: i32, time: i64, encoding: i32, message: Option<&[u8]>) -> [u64; WORDS] {
    let mut row = [0; WORDS];
    // Length and one, so that no message and an empty one differ.
    let length = message.map_or(0, |message| message.len().min(LONGEST) + 1);
    // A text without letters of other languages is the same in all encodings.
    let encoding = if message.is_none_or(|text| text.is_ascii()) { ANY_ENCODING } else { encoding };
    row[0] = u64::from(pid as u32) | (length as u64) << 32 | (encoding as u64) << 48;
    row[1] = time as u64;
    row[2..].copy_from_slice(&words::pack::<TEXT_WORDS>(message.unwrap_or_default()));
    row
}

/// What a note says to a session: nothing if it is not for this one, or not for what it runs now.
fn decode(row: &[u64; WORDS], pid: i32, statement_start: i64, encoding: i32, text: &mut [u8; LONGEST + 1]) -> Note {
    if row[0] as u32 != pid as u32 || (row[1] as i64) < statement_start {
        return Note::None;
    }
    let readable = [ANY_ENCODING, encoding].contains(&((row[0] >> 48) as i32));
    match (row[0] >> 32) as usize & 0xffff {
        0 => Note::Default,
        _ if !readable => Note::Default,
        length => {
            for (bytes, word) in text.chunks_mut(8).zip(&row[2..]) {
                bytes.copy_from_slice(&word.to_ne_bytes()[..bytes.len()]);
            }
            text[(length - 1).min(LONGEST)] = 0;
            Note::Message
        }
    }
}

#[derive(Debug, PartialEq)]
enum Note {
    None,
    Default,
    Message,
}

/// Changes the text of an error that PostgreSQL is about to report, in the middle of its error handling: nothing here takes a lock
/// or looks anything up, and the new text takes the old one's memory context.
///
/// # Safety
/// `error` is that of emit_log_hook.
pub unsafe fn replace(error: &mut pg_sys::ErrorData) {
    if error.elevel != pg_sys::PGERROR as i32 || error.sqlerrcode != PgSqlErrorCode::ERRCODE_QUERY_CANCELED as i32 {
        return;
    }
    let timeout = says(error, c"canceling statement due to statement timeout");
    // A function may raise this SQLSTATE with a text of its own, which stays.
    if !timeout && !says(error, c"canceling statement due to user request") {
        return;
    }
    let mut text = [0; LONGEST + 1];
    // SAFETY: read this process's own memory.
    let (pid, start, encoding) =
        unsafe { (pg_sys::MyProcPid, raw::GetCurrentStatementStartTimestamp(), raw::GetDatabaseEncoding()) };
    let note = match NOTES.own().and_then(Slot::read) {
        _ if timeout => Note::None,
        Some((_, row)) => decode(&row, pid, start, encoding, &mut text),
        None => Note::None,
    };
    let wanted = match note {
        Note::Message => true,
        Note::Default => gucs::cancel_text(),
        Note::None => timeout && gucs::cancel_text() && target::are_known(),
    };
    if !wanted {
        return;
    }
    if note != Note::Message {
        let id = sessions::query_id(pid, start);
        // Fits, and there is a zero behind it.
        let _ = write!(&mut text[..LONGEST], "Query ({id}) cancelled on user's request");
    }
    // SAFETY: a string with a zero at its end, copied to where the old one is.
    unsafe { error.message = raw::MemoryContextStrdup(error.assoc_context, text.as_ptr().cast()) }
}

/// Is this PostgreSQL's text, before its translation, or as an error that was caught and raised again has it?
fn says(error: &pg_sys::ErrorData, text: &CStr) -> bool {
    let texts = [error.message_id, error.message.cast_const()];
    // SAFETY: strings of the error, or NULL.
    texts.iter().any(|candidate| !candidate.is_null() && unsafe { CStr::from_ptr(*candidate) } == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(message: Option<&[u8]>) -> (Note, Vec<u8>) {
        let mut text = [b'?'; LONGEST + 1];
        let note = decode(&encode(8585, 100, 6, message), 8585, 100, 6, &mut text);
        (note, text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec())
    }

    #[test]
    fn messages_come_back_as_they_were() {
        assert_eq!(round_trip(None).0, Note::Default);
        for length in [0, 1, 7, 8, 9, 254, LONGEST] {
            let message = vec![b'x'; length];
            assert_eq!(round_trip(Some(&message)), (Note::Message, message));
        }
        assert_eq!(round_trip(Some(&[b'y'; 400])), (Note::Message, vec![b'y'; LONGEST]));
    }

    #[test]
    fn notes_for_others_and_for_earlier_statements_are_nothing() {
        let mut text = [0; LONGEST + 1];
        let row = encode(8585, 100, 6, Some(b"stop"));
        assert_eq!(decode(&row, 8586, 50, 6, &mut text), Note::None);
        assert_eq!(decode(&row, 8585, 101, 6, &mut text), Note::None);
        assert_eq!(decode(&row, 8585, 99, 6, &mut text), Note::Message);
    }

    #[test]
    fn a_message_in_another_encoding_is_not_shown() {
        let mut text = [0; LONGEST + 1];
        let row = encode(8585, 100, 8, Some(b"gen\xfcg"));
        assert_eq!(decode(&row, 8585, 99, 6, &mut text), Note::Default);
        assert_eq!(decode(&row, 8585, 99, 8, &mut text), Note::Message);
        let plain = encode(8585, 100, 8, Some(b"enough"));
        assert_eq!(decode(&plain, 8585, 99, 6, &mut text), Note::Message);
    }
}
