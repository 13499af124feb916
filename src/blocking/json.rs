//! The graph as JSON, for programs. Nothing here calls PostgreSQL.
//!
//! docs/reference.md describes its shape. Members are added, never changed. What the reader may not
//! see is null.

use std::io::{Error, ErrorKind, Result, Write};

use serde::Serialize;

use crate::blocking::graph::Who;
use crate::blocking::picture::{About, Kind, Picture};
use crate::pg::memory;

#[derive(Serialize)]
struct Document<'a> {
    sessions: Vec<Session<'a>>,
    waits: Vec<Wait<'a>>,
    deadlocks: &'a [Vec<usize>],
}

#[derive(Serialize)]
struct Session<'a> {
    id: usize,
    pid: Option<i32>,
    gid: Option<&'a str>,
    kind: Option<&'static str>,
    user: Option<&'a str>,
    database: Option<&'a str>,
    transaction: Option<i64>,
    transaction_seconds: Option<f64>,
    running: Option<bool>,
    statement_seconds: Option<f64>,
    statement: Option<&'a str>,
}

#[derive(Serialize)]
struct Wait<'a> {
    waiter: usize,
    blocker: usize,
    queued: bool,
    seconds: Option<f64>,
    mode: Option<&'a str>,
    object: Option<&'a str>,
}

/// On one line. None if it is too large for the memory that is left.
pub fn json(picture: &Picture) -> Option<String> {
    let document = Document {
        sessions: memory::collect(picture.involved().into_iter().map(|party| session(picture, party))),
        waits: memory::collect(picture.edges.iter().map(|edge| {
            let wait = picture.wait(edge);
            Wait {
                waiter: picture.waits[edge.wait].waiter,
                blocker: edge.blocker,
                queued: edge.queued,
                seconds: wait.and_then(|wait| wait.waited).map(seconds),
                mode: wait.map(|wait| wait.mode),
                object: wait.map(|wait| wait.object.as_str()),
            }
        })),
        deadlocks: &picture.deadlocks,
    };
    let mut text = Careful(Vec::new());
    serde_json::to_writer(&mut text, &document).ok()?;
    String::from_utf8(text.0).ok()
}

fn session(picture: &Picture, id: usize) -> Session<'_> {
    let party = &picture.parties[id];
    let about = party.about.as_ref();
    let activity = about.and_then(|about| about.activity.as_ref());
    Session {
        id,
        pid: match party.who {
            Who::Process(pid) => Some(pid),
            Who::Prepared(..) => None,
        },
        gid: about.and_then(|about| match &about.kind {
            Kind::Prepared(gid) => gid.as_deref(),
            _ => None,
        }),
        kind: about.map(|About { kind, .. }| match kind {
            Kind::Session => "session",
            Kind::Background => "background process",
            Kind::Prepared(_) => "prepared transaction",
        }),
        user: about.map(|about| about.user.as_str()),
        database: about.and_then(|about| about.database.as_deref()),
        transaction: about.and_then(|about| about.transaction),
        transaction_seconds: about.and_then(|about| about.open_for).map(seconds),
        running: activity.map(|activity| activity.running),
        statement_seconds: activity.map(|activity| seconds(activity.microseconds)),
        statement: activity.map(|activity| activity.statement.as_str()),
    }
}

fn seconds(microseconds: i64) -> f64 {
    microseconds.max(0) as f64 / 1e6
}

/// Memory that asks before it grows.
struct Careful(Vec<u8>);

impl Write for Careful {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.try_reserve(bytes.len()).map_err(|_| Error::from(ErrorKind::OutOfMemory))?;
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocking::examples::{hidden, picture, session};

    #[test]
    fn what_the_reader_may_not_see_is_null() {
        let picture = picture(vec![session(1, "a\"b"), hidden(2)], &[(1, 0, false)]);
        let text = json(&picture).unwrap();
        assert!(!text.contains('\n'));
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["sessions"][0]["user"], "a\"b");
        assert_eq!(document["sessions"][1]["pid"], 2);
        let members = document["sessions"][1].as_object().unwrap();
        assert!(members.iter().all(|(name, value)| ["id", "pid"].contains(&name.as_str()) || value.is_null()));
        let wait = &document["waits"][0];
        assert_eq!((&wait["waiter"], &wait["blocker"], &wait["queued"]), (&1.into(), &0.into(), &false.into()));
        assert!(wait["mode"].is_null() && wait["object"].is_null() && wait["seconds"].is_null());
    }
}
