//! The rows behind stl_connection_log and sys_connection_log: who connected, from where, and when
//! they left.

use std::ffi::{CStr, CString};

use pgrx::pg_sys;

use crate::logs;
use crate::logs::records::{Connection, Event};
use crate::pg::privileges;
use crate::pg::set_returning;
use crate::pg::text;
use crate::shmem::packed_text;

set_returning::function!(stl_connection_log_wrapper, pg_finfo_stl_connection_log_wrapper, put_stl_rows);
set_returning::function!(sys_connection_log_wrapper, pg_finfo_sys_connection_log_wrapper, put_sys_rows);

fn put_stl_rows(rows: &mut set_returning::Rows) {
    put_rows(rows, c"stl_connection_log");
}

fn put_sys_rows(rows: &mut set_returning::Rows) {
    put_rows(rows, c"sys_connection_log");
}

fn put_rows(rows: &mut set_returning::Rows, view: &CStr) {
    privileges::check_select(view);
    let records = logs::CONNECTION.read::<Connection>();
    // SAFETY: reads a number that never changes.
    let system = unsafe { pg_sys::GetSystemIdentifier() };
    let text = |text: &[u64]| Some(text::text(&packed_text::unpack(text)));
    // Nobody has checked the encoding of these texts, and they may be cut inside a character. So
    // they are shown in ASCII, as application_name is.
    let said = |text: &[u64]| Some(text::foreign_text(packed_text::unpack(text).to_bytes(), text::UNKNOWN_ENCODING));
    for record in records {
        let event = match record.event {
            Event::AuthenticationFailure => c"authentication failure",
            Event::Authenticated => c"authenticated",
            Event::InitiatingSession => c"initiating session",
            Event::SetApplicationName => c"set application_name",
            Event::DisconnectingSession => c"disconnecting session",
            Event::Terminating => c"Terminating backend on administrator's request",
        };
        rows.put([
            Some(text::text(event)),
            Some(record.time.into()),
            text(&record.remote_host),
            text(&record.remote_port),
            Some(record.pid.into()),
            text(&record.database_name),
            text(&record.user_name),
            text(&record.auth_method),
            Some((record.duration.clamp(0, i32::MAX.into()) as i32).into()),
            text(&record.ssl_version),
            text(&record.ssl_cipher),
            text(&record.application_name),
            said(&record.os_version),
            said(&record.driver_version),
            said(&record.plugin_name),
            Some(record.protocol_version.into()),
            Some(text::text(&session_id(system, &record))),
        ]);
    }
}

/// Unique among all servers and times: no other session has the same server, start and pid. In the
/// form of a UUID.
fn session_id(system: u64, record: &Connection) -> CString {
    let id = u128::from(system) << 64 ^ (record.session_start as u128) << 22 ^ u128::from(record.pid as u32);
    let digits = format!("{id:032x}");
    let (parts, last) = ([&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20]], &digits[20..]);
    CString::new(format!("{}-{last}", parts.join("-"))).unwrap_or_default()
}
