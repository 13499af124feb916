//! Which query group has a session chosen? Shown as the label of its statements, to everybody who sees them.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys;

use crate::board::{Board, Place};
use crate::compat::raw;
use crate::slot::Slot;
use crate::words;

/// As in stv_inflight.
const LONGEST: usize = 320;
const TEXT_WORDS: usize = LONGEST / 8;
const WORDS: usize = TEXT_WORDS + 1;

pub static LABELS: Board<Slot<WORDS>> = Board::new();

// SAFETY: its version and its words are atomic, zero is an empty slot.
unsafe impl Place for Slot<WORDS> {}

/// What Redshift shows for a session that has not chosen any.
pub const DEFAULT: &CStr = c"default";

static SETTING: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(DEFAULT));

pub fn define() {
    // SAFETY: the assign hook is a plain C function, see there.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            c"query_group",
            c"Label of the statements that follow, in stv_inflight.",
            c"Redshift also chooses the queue by it; PostgreSQL has no queues.",
            &SETTING,
            GucContext::Userset,
            GucFlags::default(),
            None,
            Some(assign),
            None,
        );
    }
}

/// Has this session written on its place, or looked whether it must? A backend has one thread.
struct Once(Cell<bool>);

// SAFETY: read and written by the only thread.
unsafe impl Sync for Once {}

static PUBLISHED: Once = Once(Cell::new(false));
static BEGUN: Once = Once(Cell::new(false));

/// Called with every statement. What the configuration file says was set before there was a session, and the encoding of its letters, the
/// database's, is known only now. A place without a label is one with the default: most sessions never touch theirs.
pub fn publish_initial() {
    if BEGUN.0.replace(true) {
        return;
    }
    // SAFETY: the setting's text, or NULL, which PostgreSQL replaces as a whole.
    unsafe {
        let value: *const c_char = *SETTING.as_ptr();
        if value.is_null() || CStr::from_ptr(value) != DEFAULT {
            assign(value, std::ptr::null_mut());
        }
    }
}

/// The session ends: its pid may come again.
pub fn clear() {
    if PUBLISHED.0.get()
        && let Some(place) = LABELS.own()
    {
        place.replace([0; WORDS]);
    }
}

/// The assign hook of the setting, which runs in the middle of a rollback too: nothing here fails, allocates or waits.
unsafe extern "C-unwind" fn assign(value: *const c_char, _extra: *mut c_void) {
    // SAFETY: a string, or NULL for none.
    publish(if value.is_null() { c"" } else { unsafe { CStr::from_ptr(value) } });
}

fn publish(value: &CStr) {
    // SAFETY: reads this process's own memory.
    let (pid, is_client, encoding) =
        unsafe { (pg_sys::MyProcPid, !pg_sys::MyProcPort.is_null(), raw::GetDatabaseEncoding()) };
    if is_client && let Some(place) = LABELS.own() {
        let mut row = [0; WORDS];
        row[0] = u64::from(pid as u32) | (encoding as u64) << 32;
        row[1..].copy_from_slice(&words::pack::<TEXT_WORDS>(cut(value.to_bytes())));
        place.replace(row);
        PUBLISHED.0.set(true);
    }
}

fn cut(text: &[u8]) -> &[u8] {
    if text.len() <= LONGEST {
        return text;
    }
    // SAFETY: looks at the text; the cut is between two characters.
    let length = unsafe { raw::pg_mbcliplen(text.as_ptr().cast(), text.len() as i32, LONGEST as i32) };
    &text[..length as usize]
}

/// The label of a session's statements, and its encoding.
pub fn label(pid: i32) -> (CString, i32) {
    match LABELS.of_pid(pid).and_then(|place| place.read()) {
        Some((_, row)) if row[0] as u32 == pid as u32 => (words::unpack(&row[1..]), (row[0] >> 32) as i32),
        _ => (DEFAULT.into(), 0),
    }
}
