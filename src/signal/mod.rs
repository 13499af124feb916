//! Ends sessions and cancels their queries, by Redshift's rule.
//!
//! In come a pid and what the caller wants. `send` finds the session, decides, sends the signal and
//! gives the outcome; the functions that users call turn the outcome into Redshift's words. The
//! integer functions answer as Redshift does; the boolean ones stand in for PostgreSQL's own inside
//! expressions (see the room `redirect`).

pub mod native;
pub mod cancel_text;

use pgrx::prelude::*;

use crate::error;
use crate::logs::records::Sent;
use crate::logs::svl_terminate;
use crate::pg::backend::{self, Backend};
use crate::pg::extension;
use crate::pg::native_functions::{CANCEL, TERMINATE};
use crate::policy;

/// What users ask for.
#[derive(Clone, Copy)]
enum Wish<'a> {
    Terminate,
    /// With the message for whoever runs the query; None for Redshift's own text.
    Cancel(Option<&'a [u8]>),
}

enum Outcome {
    Sent,
    NoSuchSession,
    Denied,
}

/// Like pg_signal_backend in PostgreSQL's signalfuncs.c, with Redshift's rule before PostgreSQL's
/// own.
fn send(pid: i32, wish: Wish) -> Outcome {
    let Some(target) = Backend::find(pid) else { return Outcome::NoSuchSession };
    let (caller, owner) = (backend::caller(), target.owner.as_ref());
    let allowed = match wish {
        Wish::Terminate => policy::may_terminate(&caller, owner),
        Wish::Cancel(_) => policy::may_cancel(&caller, owner),
    };
    if allowed.is_none() {
        return Outcome::Denied;
    }
    let sent = match wish {
        Wish::Terminate => native::terminate(pid),
        Wish::Cancel(message) => cancel_text::leave_while(pid, message, || native::cancel(pid)),
    };
    if !sent {
        return Outcome::NoSuchSession; // it ended after it was found
    }
    svl_terminate::record(
        pid,
        match wish {
            Wish::Terminate => Sent::Terminate,
            Wish::Cancel(_) => Sent::Cancel,
        },
    );
    Outcome::Sent
}

#[pg_extern(sql = false)]
fn pg_terminate_backend(pid: i32) -> i32 {
    terminate(pid, 0).into()
}

#[pg_extern(sql = false)]
fn pg_terminate_backend_bool(pid: i32, timeout: i64) -> bool {
    // As PostgreSQL's function does (signalfuncs.c): what is a negative timeout there must be one
    // here, because it is refused there before the rule is asked.
    terminate(pid, timeout as i32)
}

#[pg_extern(sql = false)]
fn pg_cancel_backend(pid: i32) -> i32 {
    was_cancelled(pid).into()
}

#[pg_extern(sql = false)]
fn pg_cancel_backend_bool(pid: i32) -> bool {
    was_cancelled(pid)
}

fn terminate(pid: i32, timeout: i32) -> bool {
    extension::remind();
    native::check_execute(TERMINATE);
    if timeout < 0 {
        native::refuse_timeout(pid, timeout.into());
    }
    match send(pid, Wish::Terminate) {
        Outcome::Sent => timeout == 0 || has_ended(pid, timeout.into()),
        Outcome::NoSuchSession => warn_of_missing(pid),
        Outcome::Denied => error::terminate_denied().raise(),
    }
}

/// Waits like PostgreSQL's function with a timeout. That one would send a second signal first, and
/// by now the pid may be somebody else's.
fn has_ended(pid: i32, timeout: i64) -> bool {
    let ended = native::wait_for_end(pid, timeout) || Backend::find(pid).is_none();
    if !ended {
        error::still_there(pid, timeout).warn();
    }
    ended
}

fn was_cancelled(pid: i32) -> bool {
    match cancel_query(pid, None) {
        Outcome::Sent => true,
        Outcome::NoSuchSession => warn_of_missing(pid),
        Outcome::Denied => error::cancel_denied().raise(),
    }
}

/// Does what Redshift's command `CANCEL pid 'message'` does. The message is in the encoding of this
/// database.
#[pg_extern(sql = false)]
fn cancel(pid: Option<i32>, message: Option<&[u8]>) -> Option<i32> {
    let pid = pid?;
    match cancel_query(pid, message.filter(|message| !message.is_empty())) {
        Outcome::Sent => Some(1),
        Outcome::NoSuchSession => error::no_such_session(pid).raise(),
        Outcome::Denied => error::cancel_denied().raise(),
    }
}

fn cancel_query(pid: i32, message: Option<&[u8]>) -> Outcome {
    extension::remind();
    native::check_execute(CANCEL);
    send(pid, Wish::Cancel(message))
}

fn warn_of_missing(pid: i32) -> bool {
    error::no_such_session(pid).warn();
    false
}
