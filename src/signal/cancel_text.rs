//! Chooses what the client of a cancelled statement reads: Redshift's text or cancel()'s message.
//!
//! Whoever cancels leaves a note for the session's pid in shared memory. The session finds it when
//! it is about to report that its statement was cancelled. A note is meant for the statement that
//! ran when the signal came; for a later statement it is stale. The signal is sent after the note
//! was left, and in between one statement may end and the next one begin. So the time of the signal
//! counts, not that of the note.
//!
//! PostgreSQL stops discarding signals a moment before it reads the clock for the statement's
//! start (PostgresMain: CHECK_FOR_INTERRUPTS, then SetCurrentStatementStartTimestamp). A signal
//! that comes in between was sent before the statement began, and yet cancels it, at its first
//! check. So the note of a statement that is cancelled within a moment of its start may be from a
//! moment before it.

use std::ffi::{CStr, c_char};
use std::io::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use pgrx::pg_sys;
use pgrx::prelude::PgSqlErrorCode;

use crate::gucs;
use crate::logs::query_ids;
use crate::pg::extension;
use crate::pg::interrupts;
use crate::pg::per_backend::{Board, Place};
use crate::pg::raw;
use crate::pg::text;
use crate::shmem::packed_text;
use crate::shmem::seqlock::Slot;

/// Longest message, in bytes. Redshift documents no limit.
pub const LONGEST: usize = 255;
const TEXT_WORDS: usize = LONGEST.div_ceil(8);
const NAME_WORDS: usize = pg_sys::NAMEDATALEN as usize / 8;
const WORDS: usize = 2 + NAME_WORDS + TEXT_WORDS;
const NOTES_OF_EACH: usize = 4;
const ANY_ENCODING: i32 = 0xffff;
/// In microseconds. Signals that came in between were sent up to 162 before the start, and the
/// statement was cancelled up to 66 after it. A client's own cancel request takes longer: it is a
/// connection, and a process of the postmaster.
const MOMENT: i64 = 1000;

pub static NOTES: Board<Notes> = Board::new();

#[repr(C)]
pub struct Notes {
    /// Number of senders who are about to send a signal.
    sending: AtomicU64,
    /// A time just after the last signal was sent.
    sent: AtomicI64,
    /// Number of notes left so far.
    left: AtomicU64,
    /// The last notes. A single one could not be read while its writer is stopped in the middle.
    notes: [Slot<WORDS>; NOTES_OF_EACH],
}

// SAFETY: all fields are atomic numbers of 8 bytes; zeros are no signal and empty slots.
unsafe impl Place for Notes {}

impl Notes {
    /// Leaves a note in the next slot that nobody else is writing.
    fn leave(&self, note: [u64; WORDS]) {
        for _ in 0..NOTES_OF_EACH {
            let number = self.left.fetch_add(1, Ordering::Relaxed) + 1;
            if self.notes[number as usize % NOTES_OF_EACH].write(2 * number, &note).is_some() {
                return;
            }
        }
    }

    /// The last note that is whole.
    fn note(&self) -> Option<[u64; WORDS]> {
        self.notes.iter().filter_map(Slot::read).max_by_key(|(number, _)| *number).map(|(_, note)| note)
    }

    /// Can a signal of ours have hit the statement that began at `start` and is cancelled `now`?
    fn is_for(&self, start: i64, now: i64) -> bool {
        let earliest = if now - start <= MOMENT { start - MOMENT } else { start };
        // The order matters: a sender stores the time of its signal first, and then that it is
        // done.
        self.sending.load(Ordering::Acquire) > 0 || self.sent.load(Ordering::Relaxed) >= earliest
    }
}

fn now() -> i64 {
    // SAFETY: reads the clock.
    unsafe { raw::GetCurrentTimestamp() }
}

/// As long as it lives, it counts as a sender who is about to send a signal. Without shared memory
/// there are no notes, and the client reads PostgreSQL's text.
pub struct Leaving(Option<&'static Notes>);

impl Leaving {
    fn to(place: Option<&'static Notes>) -> Self {
        if let Some(place) = place {
            place.sending.fetch_add(1, Ordering::Relaxed);
        }
        Leaving(place)
    }

    pub fn sent(self) {
        if let Some(place) = self.0 {
            place.sent.fetch_max(now(), Ordering::Relaxed);
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(place) = self.0 {
            place.sending.fetch_sub(1, Ordering::Release);
        }
    }
}

/// Leaves a note for a session, has the signal sent, and records when that was. A message of None
/// stands for Redshift's own text.
pub fn leave_while(pid: i32, message: Option<&[u8]>, signal: impl FnOnce() -> bool) -> bool {
    let note = note_to(pid, message);
    let place = NOTES.of_pid(pid);
    // If this session ended in the middle, it would count as a sender for ever.
    interrupts::hold(|| {
        let leaving = Leaving::to(place);
        if let Some(place) = place {
            place.leave(note);
        }
        let sent = signal();
        if sent {
            leaving.sent();
        }
        sent
    })
}

fn note_to(pid: i32, message: Option<&[u8]>) -> [u64; WORDS] {
    // SAFETY: reads this process's own encoding, user and pid.
    let (encoding, user, sender) =
        unsafe { (pg_sys::GetDatabaseEncoding(), text::role(pg_sys::GetUserId()), pg_sys::MyProcPid) };
    let message = message.map(|text| plain(text, encoding));
    let message = message.as_deref().map(|text| {
        // SAFETY: reads no more than the text; the cut is between two characters.
        let length = unsafe { pg_sys::pg_mbcliplen(text.as_ptr().cast(), text.len() as i32, LONGEST as i32) };
        &text[..length as usize]
    });
    let name = plain(user.as_deref().map(CStr::to_bytes).unwrap_or_default(), encoding);
    encode(pid, Sender { pid: sender, name: &name }, encoding, message)
}

/// Replaces control characters by blanks. What the caller says is written to the server's log, as
/// an error of the session that is cancelled: there it must be one line, and harmless to a
/// terminal.
fn plain(text: &[u8], encoding: i32) -> Vec<u8> {
    let is_control = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    match std::str::from_utf8(text) {
        Ok(text) if encoding == pg_sys::pg_enc::PG_UTF8 as i32 => text.replace(is_control, " ").into_bytes(),
        _ => text.iter().map(|byte| if byte.is_ascii_control() { b' ' } else { *byte }).collect(),
    }
}

struct Sender<'a> {
    pid: i32,
    name: &'a [u8],
}

fn encode(pid: i32, sender: Sender, encoding: i32, message: Option<&[u8]>) -> [u64; WORDS] {
    let mut row = [0; WORDS];
    // The length plus one, so that no message and an empty one differ.
    let length = message.map_or(0, |message| message.len().min(LONGEST) + 1);
    row[0] = u64::from(pid as u32) | (length as u64) << 32 | (encoding_of(message, encoding) as u64) << 48;
    row[1] = u64::from(sender.pid as u32) | (encoding_of(Some(sender.name), encoding) as u64) << 32;
    packed_text::pack_into(&mut row[2..][..NAME_WORDS], sender.name);
    packed_text::pack_into(&mut row[2 + NAME_WORDS..], message.unwrap_or_default());
    row
}

/// An ASCII text is the same in all encodings.
fn encoding_of(text: Option<&[u8]>, encoding: i32) -> i32 {
    if text.is_none_or(|text| text.is_ascii()) { ANY_ENCODING } else { encoding }
}

/// What a note says to the session `pid`: nothing if it is for another one. A message goes to
/// `text`.
fn decode(row: &[u64; WORDS], pid: i32, encoding: i32, text: &mut [u8; LONGEST + 1]) -> Note {
    if row[0] as u32 != pid as u32 {
        return Note::None;
    }
    let readable = [ANY_ENCODING, encoding].contains(&((row[0] >> 48) as i32));
    match (row[0] >> 32) as usize & 0xffff {
        0 => Note::Default,
        _ if !readable => Note::Default,
        length => {
            unpack_into(text, &row[2 + NAME_WORDS..]);
            text[(length - 1).min(LONGEST)] = 0;
            Note::Message
        }
    }
}

/// Says in the server's log who cancelled, as a string that ends with a NUL. In a name of another
/// encoding, each byte that is not ASCII becomes `?`.
fn sender(row: &[u64; WORDS], encoding: i32) -> [u8; 128] {
    let mut name = [0; NAME_WORDS * 8];
    unpack_into(&mut name, &row[2..]);
    if ![ANY_ENCODING, encoding].contains(&((row[1] >> 32) as i32)) {
        name.iter_mut().filter(|byte| !byte.is_ascii()).for_each(|byte| *byte = b'?');
    }
    let mut text = [0; 128];
    let mut rest = &mut text[..127];
    // Always fits; leaves the terminating NUL.
    let _ = rest.write_all(b"Cancelled by user \"");
    let _ = rest.write_all(name.split(|byte| *byte == 0).next().unwrap_or_default());
    let _ = write!(rest, "\", process {}.", row[1] as i32);
    text
}

fn unpack_into(text: &mut [u8], row: &[u64]) {
    for (bytes, word) in text.chunks_mut(8).zip(row) {
        bytes.copy_from_slice(&word.to_ne_bytes()[..bytes.len()]);
    }
}

#[derive(Debug, PartialEq)]
enum Note {
    None,
    Default,
    Message,
}

/// Changes the text of an error that PostgreSQL is about to report. This is in the middle of
/// PostgreSQL's error handling, so nothing here takes a lock or looks anything up. New texts come
/// from the error's own memory context, of which PostgreSQL keeps some in reserve. If there is no
/// memory, PostgreSQL's text stays.
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
    // SAFETY: reads this process's own memory.
    let (pid, start, encoding) =
        unsafe { (pg_sys::MyProcPid, raw::GetCurrentStatementStartTimestamp(), raw::GetDatabaseEncoding()) };
    let mut note = Note::None;
    if !timeout && let Some(place) = NOTES.own().filter(|place| place.is_for(start, now())) {
        let row = place.note();
        note = row.map_or(Note::Default, |row| decode(&row, pid, encoding, &mut text));
        if let Some(row) = row.filter(|_| note != Note::None) {
            // SAFETY: `sender` gives a string that ends with a NUL.
            let detail = unsafe { copy(error, sender(&row, encoding).as_ptr().cast()) };
            error.detail_log = if detail.is_null() { error.detail_log } else { detail };
        }
    }
    let wanted = match note {
        Note::Message => true,
        Note::Default => gucs::cancel_text(),
        Note::None => timeout && gucs::cancel_text() && extension::are_known(),
    };
    if !wanted {
        return;
    }
    if note != Note::Message {
        let id = query_ids::own(start);
        // Always fits; leaves the terminating NUL.
        let _ = write!(&mut text[..LONGEST], "Query ({id}) cancelled on user's request");
    }
    // SAFETY: `text` ends with a NUL: `decode` puts one after a message, and `write!` leaves the
    // last byte zero.
    let message = unsafe { copy(error, text.as_ptr().cast()) };
    error.message = if message.is_null() { error.message } else { message };
}

/// Copies a text to where the error's other texts are. NULL if there is no memory.
///
/// # Safety
/// `text` ends with a NUL.
unsafe fn copy(error: &pg_sys::ErrorData, text: *const c_char) -> *mut c_char {
    // SAFETY: promised by the caller.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes_with_nul();
    // SAFETY: the copy has room for all bytes; without memory it is NULL, and nothing is copied.
    unsafe {
        let no_error = pg_sys::MCXT_ALLOC_NO_OOM as i32;
        let copy = raw::MemoryContextAllocExtended(error.assoc_context, bytes.len(), no_error).cast::<c_char>();
        if !copy.is_null() {
            copy.copy_from_nonoverlapping(text, bytes.len());
        }
        copy
    }
}

/// Is this PostgreSQL's text? An error has it in `message_id`, before translation; one that was
/// caught and raised again may have it in `message` only.
fn says(error: &pg_sys::ErrorData, text: &CStr) -> bool {
    let texts = [error.message_id, error.message.cast_const()];
    // SAFETY: each is NULL or a string of the error.
    texts.iter().any(|candidate| !candidate.is_null() && unsafe { CStr::from_ptr(*candidate) } == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: i32 = pg_sys::pg_enc::PG_UTF8 as i32;
    const LATIN1: i32 = pg_sys::pg_enc::PG_LATIN1 as i32;
    const ALICE: Sender = Sender { pid: 7, name: b"alice" };

    fn round_trip(message: Option<&[u8]>) -> (Note, Vec<u8>) {
        let mut text = [b'?'; LONGEST + 1];
        let note = decode(&encode(8585, ALICE, UTF8, message), 8585, UTF8, &mut text);
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
    fn notes_for_others_are_nothing() {
        let mut text = [0; LONGEST + 1];
        let row = encode(8585, ALICE, UTF8, Some(b"stop"));
        assert_eq!(decode(&row, 8586, UTF8, &mut text), Note::None);
        assert_eq!(decode(&row, 8585, UTF8, &mut text), Note::Message);
    }

    fn place() -> &'static Notes {
        let slot = || Slot::new([const { AtomicU64::new(0) }; WORDS]);
        Box::leak(Box::new(Notes {
            sending: AtomicU64::new(0),
            sent: AtomicI64::new(0),
            left: AtomicU64::new(0),
            notes: [slot(), slot(), slot(), slot()],
        }))
    }

    #[test]
    fn the_last_whole_note_counts() {
        let place = place();
        assert_eq!(place.note(), None);
        for number in 1..10 {
            place.leave([number; WORDS]);
            assert_eq!(place.note(), Some([number; WORDS]));
        }
        // A writer that stops in the middle hides no other note, and blocks no later one.
        place.notes[2].stop_in_the_middle();
        assert_eq!(place.note(), Some([9; WORDS]));
        for number in 10..20 {
            place.leave([number; WORDS]);
            assert_eq!(place.note(), Some([number; WORDS]));
        }
    }

    #[test]
    fn a_note_is_for_a_statement_that_the_signal_can_have_hit() {
        const LATER: i64 = MOMENT + 1;
        let place = place();
        place.sent.store(-LATER, Ordering::Relaxed);
        assert!(!place.is_for(0, 0));
        let first = Leaving::to(Some(place));
        let second = Leaving::to(Some(place));
        assert!(place.is_for(100, LATER));
        place.sent.store(150, Ordering::Relaxed); // as sent()
        drop(first);
        assert!(place.is_for(200, 200 + LATER)); // the second signal may still come
        drop(second);
        let is_for = |start| place.is_for(start, start + LATER);
        assert!(is_for(100) && is_for(150) && !is_for(151));
    }

    #[test]
    fn a_signal_may_come_in_the_moment_before_the_start() {
        let place = place();
        place.sent.store(MOMENT, Ordering::Relaxed);
        assert!(place.is_for(MOMENT + 1, MOMENT + 1) && place.is_for(2 * MOMENT, 3 * MOMENT));
        assert!(!place.is_for(2 * MOMENT, 3 * MOMENT + 1)); // its own client's, later
        assert!(!place.is_for(2 * MOMENT + 1, 2 * MOMENT + 1)); // sent too long before
    }

    #[test]
    fn a_message_in_another_encoding_is_not_shown() {
        let mut text = [0; LONGEST + 1];
        let row = encode(8585, ALICE, LATIN1, Some(b"gen\xfcg"));
        assert_eq!(decode(&row, 8585, UTF8, &mut text), Note::Default);
        assert_eq!(decode(&row, 8585, LATIN1, &mut text), Note::Message);
        let plain = encode(8585, ALICE, LATIN1, Some(b"enough"));
        assert_eq!(decode(&plain, 8585, UTF8, &mut text), Note::Message);
    }

    #[test]
    fn a_message_is_one_line() {
        let one_line = |text: &str, encoding| String::from_utf8(plain(text.as_bytes(), encoding)).unwrap();
        assert_eq!(one_line("a\nb\r\tc\x1b[1m\x7f\0", UTF8), "a b  c [1m  ");
        assert_eq!(one_line("a\u{85}b\u{9b}c\u{2028}d\u{2029}ä日", UTF8), "a b c d ä日");
        assert_eq!(plain(b"a\nb\xfc\x1b", LATIN1), b"a b\xfc ");
        assert_eq!(plain(b"\xff\n", UTF8), b"\xff ");
    }

    #[test]
    fn the_log_says_who_sent_it() {
        let said = |name: &[u8], from, to| {
            let row = encode(8585, Sender { pid: i32::MAX, name }, from, None);
            CStr::from_bytes_until_nul(&sender(&row, to)).unwrap().to_bytes().to_vec()
        };
        assert_eq!(said(b"bob", UTF8, LATIN1), b"Cancelled by user \"bob\", process 2147483647.");
        assert_eq!(said(b"b\xf6b", LATIN1, LATIN1), b"Cancelled by user \"b\xf6b\", process 2147483647.");
        assert_eq!(said(b"b\xf6b", LATIN1, UTF8), b"Cancelled by user \"b?b\", process 2147483647.");
        assert!(said(&[b'x'; 63], UTF8, UTF8).ends_with(b"xx\", process 2147483647."));
    }
}
