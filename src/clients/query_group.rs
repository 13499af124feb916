//! The query group of a session: the label of its statements, for everybody who sees them.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys;

use crate::clients::parameters;
use crate::pg::backend_local::BackendLocal;
use crate::pg::per_backend::{Board, Place};
use crate::pg::raw;
use crate::shmem::packed_text;
use crate::shmem::seqlock::Slot;

/// Longest label, in bytes: as many as the column of stv_inflight has characters.
const LONGEST: usize = 320;
const TEXT_WORDS: usize = LONGEST / 8;
const WORDS: usize = TEXT_WORDS + 1;

pub static LABELS: Board<Slot<WORDS>> = Board::new();

// SAFETY: a slot is its version and its words, atomic numbers of 8 bytes; zeros are an empty one.
unsafe impl Place for Slot<WORDS> {}

/// What Redshift shows for a session that has not chosen a query group.
pub const DEFAULT: &CStr = c"default";

const NAME: &CStr = c"query_group";
static SETTING: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(DEFAULT));

/// Is the setting another library's? Then nobody tells us when it changes, so it is asked for.
static IS_OTHERS: AtomicBool = AtomicBool::new(false);

/// Gives its name if it is another library's.
pub fn define() -> Option<&'static CStr> {
    if parameters::exists(NAME) {
        IS_OTHERS.store(true, Ordering::Relaxed);
        return Some(NAME);
    }
    // SAFETY: the assign hook is a plain C function, see there.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            NAME,
            c"Label of the statements that follow, in stv_inflight.",
            c"Redshift also chooses the queue by it; PostgreSQL has no queues.",
            &SETTING,
            GucContext::Userset,
            GucFlags::DISALLOW_IN_AUTO_FILE,
            None,
            Some(assign),
            None,
        );
    }
    None
}

/// The setting's value. An empty one of another library's is that of a session which has not chosen
/// any.
fn value<'a>() -> &'a CStr {
    let is_others = IS_OTHERS.load(Ordering::Relaxed);
    // SAFETY: NULL or the setting's string, which PostgreSQL only replaces as a whole; of a setting
    // that is no string, a static buffer.
    unsafe {
        let value = if is_others { raw::GetConfigOption(NAME.as_ptr(), true, false) } else { *SETTING.as_ptr() };
        let value = if value.is_null() { c"" } else { CStr::from_ptr(value) };
        if is_others && value.is_empty() { DEFAULT } else { value }
    }
}

/// Has this session written to its place?
static PUBLISHED: BackendLocal<Cell<bool>> = BackendLocal::new(Cell::new(false));
/// Has it looked whether it must?
static BEGUN: BackendLocal<Cell<bool>> = BackendLocal::new(Cell::new(false));

/// Called with every statement; the first one publishes the label of the configuration file. That
/// label was set before there was a session, and only now is its encoding known, the database's. An
/// empty place stands for the default label, so most sessions never touch theirs.
///
/// If the setting is another library's, each statement publishes what it finds.
pub fn publish_unless_done() {
    if BEGUN.replace(true) && !IS_OTHERS.load(Ordering::Relaxed) {
        return;
    }
    let value = value();
    if PUBLISHED.get() || value != DEFAULT {
        publish(value);
    }
}

/// Called when the session ends: another session may get its pid.
pub fn clear() {
    if PUBLISHED.get()
        && let Some(place) = LABELS.own()
    {
        place.replace([0; WORDS]);
    }
}

/// The assign hook of the setting. It runs in the middle of a rollback too, so nothing here fails,
/// allocates or waits.
unsafe extern "C-unwind" fn assign(value: *const c_char, _extra: *mut c_void) {
    // SAFETY: NULL or a string.
    publish(if value.is_null() { c"" } else { unsafe { CStr::from_ptr(value) } });
}

fn publish(value: &CStr) {
    // SAFETY: reads this process's own memory.
    let (pid, is_client, encoding) =
        unsafe { (pg_sys::MyProcPid, !pg_sys::MyProcPort.is_null(), raw::GetDatabaseEncoding()) };
    if is_client && let Some(place) = LABELS.own() {
        let mut row = [0; WORDS];
        row[0] = u64::from(pid as u32) | (encoding as u64) << 32;
        row[1..].copy_from_slice(&packed_text::pack::<TEXT_WORDS>(cut(value.to_bytes())));
        place.replace(row);
        PUBLISHED.set(true);
    }
}

fn cut(text: &[u8]) -> &[u8] {
    if text.len() <= LONGEST {
        return text;
    }
    // SAFETY: reads no more than the text; the cut is between two characters.
    let length = unsafe { raw::pg_mbcliplen(text.as_ptr().cast(), text.len() as i32, LONGEST as i32) };
    &text[..length as usize]
}

/// The label of this session's statements; None for the default one.
pub fn own<'a>() -> Option<&'a [u8]> {
    // Nearly every session has never chosen one.
    if BEGUN.get() && !PUBLISHED.get() && !IS_OTHERS.load(Ordering::Relaxed) {
        return None;
    }
    let label = value();
    (label != DEFAULT).then(|| label.to_bytes())
}

/// The label of a session's statements, and its encoding.
pub fn label(pid: i32) -> (CString, i32) {
    match LABELS.of_pid(pid).and_then(|place| place.read()) {
        Some((_, row)) if row[0] as u32 == pid as u32 => (packed_text::unpack(&row[1..]), (row[0] >> 32) as i32),
        _ => (DEFAULT.into(), 0),
    }
}
