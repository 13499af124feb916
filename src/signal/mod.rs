//! How is a session ended or its query cancelled? Find it, decide, send.
//!
//! The integer functions answer as Redshift does; the boolean ones stand in for PostgreSQL's own wherever a
//! plain call sits inside an expression (see `resolve.rs`).

pub mod native;
pub mod cancel_text;

use pgrx::prelude::*;

use crate::error;
use crate::logs::records::Kind;
use crate::logs::svl_terminate;
use crate::pg::backend::{self, Backend};
use crate::pg::extension;
use crate::policy;
use crate::signal::native::Native;

#[pg_extern(sql = false)]
fn pg_terminate_backend(pid: i32) -> i32 {
    terminate(pid, 0).into()
}

#[pg_extern(sql = false)]
fn pg_terminate_backend_bool(pid: i32, timeout: i64) -> bool {
    terminate(pid, timeout)
}

#[pg_extern(sql = false)]
fn pg_cancel_backend(pid: i32) -> i32 {
    (send_cancel(pid, None) || missing(pid)).into()
}

#[pg_extern(sql = false)]
fn pg_cancel_backend_bool(pid: i32) -> bool {
    send_cancel(pid, None) || missing(pid)
}

fn terminate(pid: i32, timeout: i64) -> bool {
    extension::remind();
    Native::TERMINATE_NOW.check_execute();
    if timeout < 0 {
        return Native::Terminate { timeout }.call(pid); // which refuses it, before it looks at the pid
    }
    let Some(target) = Backend::find(pid) else { return missing(pid) };
    if policy::may_terminate(&backend::caller(), target.owner.as_ref()).is_err() {
        error::terminate_denied().raise();
    }
    if !Native::TERMINATE_NOW.call(pid) {
        return missing(pid);
    }
    svl_terminate::record(pid, Kind::Terminate);
    timeout == 0 || wait(pid, timeout)
}

/// As PostgreSQL's function, which would send a second signal first: by now the pid may be somebody else's.
fn wait(pid: i32, timeout: i64) -> bool {
    let ended = native::wait_for_end(pid, timeout) || Backend::find(pid).is_none();
    if !ended {
        error::still_there(pid, timeout).warn();
    }
    ended
}

/// What Redshift's CANCEL command does: `CANCEL pid 'message'`. The message is a text, in the encoding of this database.
#[pg_extern(sql = false)]
fn cancel(pid: Option<i32>, message: Option<&[u8]>) -> Option<i32> {
    let pid = pid?;
    match send_cancel(pid, message.filter(|message| !message.is_empty())) {
        true => Some(1),
        false => error::no_such_session(pid).raise(),
    }
}

fn send_cancel(pid: i32, message: Option<&[u8]>) -> bool {
    extension::remind();
    Native::Cancel.check_execute();
    let Some(target) = Backend::find(pid) else { return false };
    if policy::may_cancel(&backend::caller(), target.owner.as_ref()).is_err() {
        error::cancel_denied().raise();
    }
    let note = cancel_text::leave(pid, message);
    if !Native::Cancel.call(pid) {
        return false;
    }
    note.sent();
    svl_terminate::record(pid, Kind::Cancel);
    true
}

fn missing(pid: i32) -> bool {
    error::no_such_session(pid).warn();
    false
}
