//! Every message that a user can read from us, with its SQLSTATE, detail and hint.

use std::ffi::CStr;

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::{PgLogLevel, PgSqlErrorCode};

pub struct Message {
    code: PgSqlErrorCode,
    text: String,
    detail: Option<&'static str>,
    hint: Option<String>,
}

/// Redshift's text, from its CANCEL page. The functions only warn, so that a query over many pids
/// runs on; CANCEL raises an error.
pub fn no_such_session(pid: i32) -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        text: format!(
            "Session {pid} does not exist. The session PID might have changed. \
             Check the stl_restarted_sessions system table for details."
        ),
        detail: None,
        hint: None,
    }
}

/// PostgreSQL's own words, from pg_terminate_backend in signalfuncs.c.
pub fn still_there(pid: i32, timeout: i64) -> Message {
    let unit = if timeout == 1 { "millisecond" } else { "milliseconds" };
    Message {
        code: PgSqlErrorCode::ERRCODE_WARNING,
        text: format!("backend with PID {pid} did not terminate within {timeout} {unit}"),
        detail: None,
        hint: None,
    }
}

pub fn terminate_denied() -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        text: "permission denied to terminate session".into(),
        detail: Some("Only the user who owns the session or a superuser may terminate it."),
        hint: None,
    }
}

pub fn cancel_denied() -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        text: "permission denied to cancel query".into(),
        detail: Some(
            "Only the user who owns the session or a superuser may cancel its query; \
             members of pg_signal_backend may too, unless the session is a superuser's.",
        ),
        hint: None,
    }
}

/// `function` is PostgreSQL's own, called in a place where calls are not redirected.
pub fn native_denied(function: &CStr) -> Message {
    let function = function.to_string_lossy();
    Message {
        code: PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        text: format!("permission denied for function {function}"),
        detail: Some(
            "A call in this place would follow PostgreSQL's rule, by which more users may signal a session than by Redshift's.",
        ),
        hint: Some(format!(
            "Call it in a plain query, as in SELECT {function}(pid), or call redshift_sessions.{function}(pid)."
        )),
    }
}

/// Redshift Serverless's words. PostgreSQL would speak of a view.
pub fn serverless(view: &CStr) -> Message {
    let view = view.to_string_lossy();
    Message {
        code: PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        text: format!("permission denied for relation {view}"),
        detail: Some("Redshift Serverless refuses STL_ and STV_ views, and redshift_sessions.serverless is on."),
        hint: Some("Use SYS_ and SVV_ views, or: SET redshift_sessions.serverless = off;".into()),
    }
}

/// CREATE EXTENSION says this. `libraries` is the current value of shared_preload_libraries.
pub fn not_preloaded(libraries: &str) -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_WARNING,
        text: "redshift_sessions is not in shared_preload_libraries".into(),
        detail: Some(
            "Views and the functions in schema redshift_sessions work; plain pg_terminate_backend() and \
             pg_cancel_backend() keep PostgreSQL's rule in sessions that have not loaded the library.",
        ),
        hint: Some(format!(
            "Set this in postgresql.conf and restart the server: shared_preload_libraries = '{}'",
            preload_line(libraries)
        )),
    }
}

/// Each session that uses the SQL of an earlier version says this once.
pub fn earlier_sql(installed: &str, library: &str) -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_WARNING,
        text: format!(
            "extension redshift_sessions is of version {installed} in this database, its library of version {library}"
        ),
        detail: Some("All of the earlier version works; what is new comes with the update."),
        hint: Some("Run: ALTER EXTENSION redshift_sessions UPDATE;".into()),
    }
}

/// The other way round: the server still runs with the library that it was started with.
pub fn earlier_library(installed: &str, library: &str) -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_WARNING,
        text: format!(
            "extension redshift_sessions is of version {installed} in this database, its library of version {library}"
        ),
        detail: None,
        hint: Some(format!("Install the library of version {installed} and restart the server.")),
    }
}

/// For the view of a log that is not kept. `libraries` is the current value of
/// shared_preload_libraries, or None if our library was loaded with the server.
pub fn no_log(view: &str, setting: &str, libraries: Option<&str>) -> Message {
    let preload = libraries.map(|libraries| format!("shared_preload_libraries = '{}', ", preload_line(libraries)));
    Message {
        code: PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        text: format!("the log behind {view} is not kept"),
        detail: Some("Logs need shared memory, which the library gets when the server starts."),
        hint: Some(format!(
            "Set this in postgresql.conf and restart the server: {}{setting} above 0",
            preload.unwrap_or_default()
        )),
    }
}

/// For the server's log, while the server starts. `aside` is the file's new name, None if it could
/// not be renamed.
pub fn log_file_not_used(path: &str, reason: &str, aside: Option<&str>) -> Message {
    let left = match aside {
        Some(aside) => format!("The file was renamed to \"{aside}\"; the logs begin empty."),
        None => "The file stays where it is; the logs begin empty.".into(),
    };
    Message {
        code: PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
        text: format!("logs of redshift_sessions were not read from file \"{path}\": {reason}"),
        detail: None,
        hint: Some(left),
    }
}

/// For the server's log, while the server stops.
pub fn log_file_not_written(path: &str, reason: &str) -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_IO_ERROR,
        text: format!("logs of redshift_sessions were not written to file \"{path}\": {reason}"),
        detail: None,
        hint: None,
    }
}

/// For the server's log, while the server starts.
pub fn settings_of_others(names: &str) -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        text: format!("redshift_sessions leaves settings to the library that has defined them: {names}"),
        detail: None,
        hint: None,
    }
}

/// PostgreSQL's own words, from its set-returning functions.
pub fn set_not_accepted() -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        text: "set-valued function called in context that cannot accept a set".into(),
        detail: None,
        hint: None,
    }
}

pub fn out_of_memory() -> Message {
    Message { code: PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, text: "out of memory".into(), detail: None, hint: None }
}

pub fn too_many_locks() -> Message {
    Message { detail: Some("The lock table is too large to be copied."), ..out_of_memory() }
}

/// Of redshift_sessions.blocking().
pub fn no_such_format(format: &str) -> Message {
    Message {
        code: PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        text: format!("unrecognized format: \"{format}\""),
        detail: None,
        hint: Some("Formats are tree, mermaid, dot and json.".into()),
    }
}

impl Message {
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The sentence that says why.
    pub fn reason(&self) -> &'static str {
        self.detail.unwrap_or_default()
    }

    pub fn warn(self) {
        self.report(PgLogLevel::WARNING);
    }

    /// To the server's log only.
    pub fn log(self) {
        self.report(PgLogLevel::LOG);
    }

    pub fn raise(self) -> ! {
        self.report(PgLogLevel::ERROR);
        unreachable!("an error does not return")
    }

    fn report(self, level: PgLogLevel) {
        let mut report = ErrorReport::new(self.code, self.text, "redshift_sessions");
        if let Some(detail) = self.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = self.hint {
            report = report.set_hint(hint);
        }
        report.report(level);
    }
}

fn preload_line(libraries: &str) -> String {
    match libraries.trim() {
        "" => "redshift_sessions".into(),
        others => format!("{others}, redshift_sessions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_add_keeps_what_is_there() {
        assert_eq!(preload_line(" "), "redshift_sessions");
        assert_eq!(preload_line("pg_stat_statements"), "pg_stat_statements, redshift_sessions");
    }

    #[test]
    fn a_missing_session_is_told_in_redshifts_words() {
        assert_eq!(
            no_such_session(-7).text,
            "Session -7 does not exist. The session PID might have changed. \
             Check the stl_restarted_sessions system table for details."
        );
    }
}
