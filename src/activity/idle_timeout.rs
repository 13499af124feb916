//! Reads from a role's settings after how many seconds its idle sessions end.

use std::ffi::CString;

use pgrx::pg_sys;
use pgrx::prelude::*;

const SETTING: &[u8] = b"idle_session_timeout=";

/// None if it is not set. The settings may be in any encoding. Part of a second counts as a whole
/// one, because 0 means never.
#[pg_extern(sql = false)]
fn idle_timeout(settings: Array<&[u8]>) -> Option<i32> {
    let value = settings.iter().flatten().find_map(|setting| setting.strip_prefix(SETTING))?;
    let value = CString::new(value).ok()?;
    let mut milliseconds = 0;
    // SAFETY: parses a C string as the server does when it applies the setting.
    let valid = unsafe {
        pg_sys::parse_int(value.as_ptr(), &mut milliseconds, pg_sys::GUC_UNIT_MS as i32, std::ptr::null_mut())
    };
    valid.then(|| (i64::from(milliseconds) + 999).div_euclid(1000) as i32)
}
