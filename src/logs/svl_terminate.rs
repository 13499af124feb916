//! The rows behind svl_terminate, and their writer: which signals were sent, and by whom.

use pgrx::pg_sys;

use crate::logs;
use crate::logs::records::{Sent, Terminate};
use crate::pg::privileges;
use crate::pg::set_returning;
use crate::pg::text;

/// Works in a read-only transaction too, and the row stays if the caller's transaction rolls back
/// later.
pub fn record(pid: i32, kind: Sent) {
    // SAFETY: reads the clock and current_user.
    let (time, user) = unsafe { (pg_sys::GetCurrentTimestamp(), pg_sys::GetUserId().to_u32()) };
    logs::TERMINATE.write(Terminate { pid, time, user, kind });
}

set_returning::function!(svl_terminate_wrapper, pg_finfo_svl_terminate_wrapper, put_rows);

fn put_rows(rows: &mut set_returning::Rows) {
    privileges::check_select(c"svl_terminate");
    let records = logs::TERMINATE.read::<Terminate>();
    for record in records {
        let kind = match record.kind {
            Sent::Cancel => c"CANCEL",
            Sent::Terminate => c"TERMINATE",
        };
        rows.put([
            Some(record.pid.into()),
            Some(record.time.into()),
            Some((record.user as i32).into()),
            Some(text::text(kind)),
        ]);
    }
}
