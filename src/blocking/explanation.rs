//! What redshift_sessions.explain_terminate() says. Facts in, lines out; nothing here calls
//! PostgreSQL.

use crate::blocking::picture::{About, Kind};
use crate::blocking::words;
use crate::policy::Right;

pub struct Facts {
    pub pid: i32,
    /// About the session; None if the caller may not see it.
    pub about: Option<About>,
    /// The leader, if the process is a worker of a session.
    pub leader: Option<i32>,
    pub caller: String,
    pub is_caller: bool,
    /// The right, or the reason why not.
    pub terminate: Result<Right, String>,
    pub cancel: Result<Right, String>,
    /// The locks on relations.
    pub locks: Vec<String>,
    /// How many locks it has on other things.
    pub other_locks: usize,
    pub waits: Vec<String>,
}

/// All but who waits for it.
pub fn explain(facts: &Facts, mut put: impl FnMut(&str)) {
    put(&whose(facts));
    if let Some(leader) = facts.leader {
        put(&format!("It is a worker of {leader}, to whose transaction its locks belong."));
    }
    put(&verdict("terminate it", &facts.terminate));
    put(&verdict("cancel its query", &facts.cancel));
    let Some(about) = &facts.about else { return };
    if let Some(doing) = doing(about) {
        put(&doing);
    }
    for wait in &facts.waits {
        put(&format!("It {wait}."));
    }
    put(&what_would_go(about, facts));
    for lock in &facts.locks {
        put(&format!("    {}", words::one_line(lock)));
    }
    if facts.other_locks > 0 {
        put(&format!("    {} on rows, objects or numbers", words::count(facts.other_locks, "lock", "locks")));
    }
}

fn whose(facts: &Facts) -> String {
    let (pid, caller) = (facts.pid, words::one_line(&facts.caller));
    match &facts.about {
        None => format!("Session {pid} is not one that {caller} may see."),
        Some(About { kind: Kind::Background, database, .. }) => {
            let database = of_database(" of", database);
            format!("Process {pid} is a background process{database} and has no owner.")
        }
        Some(About { user, database, .. }) => {
            let itself = if facts.is_caller { " It is the session that asks." } else { "" };
            let (user, database) = (words::one_line(user), of_database(", in", database));
            format!("Session {pid} belongs to {user}{database}.{itself}")
        }
    }
}

fn of_database(word: &str, database: &Option<String>) -> String {
    database.as_ref().map(|name| format!("{word} database {}", words::one_line(name))).unwrap_or_default()
}

fn verdict(what: &str, right: &Result<Right, String>) -> String {
    match right {
        Ok(Right::Superuser) => format!("You may {what}: you are a superuser."),
        Ok(Right::Owner) => format!("You may {what}: it is a session of your user."),
        Ok(Right::CancelPrivilege) => {
            format!("You may {what}: you are a member of pg_signal_backend, and its user is no superuser.")
        }
        Err(reason) => format!("You may not {what}: {reason}"),
    }
}

fn doing(about: &About) -> Option<String> {
    let activity = about.activity.as_ref()?;
    let since = words::duration(activity.microseconds);
    let verb = if activity.running { "Its statement has run" } else { "It has been idle" };
    Some(match (activity.statement.as_str(), activity.running) {
        ("", _) => format!("{verb} for {since}."),
        (statement, true) => format!("{verb} for {since}: {statement}"),
        (statement, false) => format!("{verb} for {since}, after: {statement}"),
    })
}

fn what_would_go(about: &About, facts: &Facts) -> String {
    let number = facts.locks.len() + facts.other_locks;
    let locks = words::count(number, "lock", "locks");
    let end = if number == 0 { "." } else { ":" };
    let Some(id) = about.transaction else {
        return match number {
            0 => "It has no open transaction and no lock.".into(),
            _ => format!("It has no open transaction. With it would go {locks}{end}"),
        };
    };
    // A transaction gets its id with its first write; see `xid::unassigned`.
    let transaction =
        if id < 0 { "its transaction, which has written nothing".into() } else { format!("transaction {id}") };
    match about.open_for {
        None => format!("With it would go {transaction} and {locks}{end}"),
        Some(open) => format!("With it would go {transaction}, open for {}, and {locks}{end}", words::duration(open)),
    }
}

/// Says whether somebody waits for it; the tree of those who do comes below. `visible`: the caller
/// may see the session. Of another he knows no more than who of his own waits for it.
pub fn waiters(any: bool, visible: bool) -> Option<&'static str> {
    match (any, visible) {
        (true, true) => Some("Who waits for it:"),
        (true, false) => Some("Which of your sessions wait for it:"),
        (false, true) => Some("Nobody waits for it."),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocking::picture::Activity;

    fn facts() -> Facts {
        let about = About {
            kind: Kind::Session,
            user: "alice".into(),
            database: Some("dev".into()),
            transaction: Some(734),
            open_for: Some(60_000_000),
            activity: Some(Activity { statement: "select 1".into(), running: false, microseconds: 5_000_000 }),
        };
        Facts {
            pid: 11,
            about: Some(about),
            leader: None,
            caller: "bob".into(),
            is_caller: false,
            terminate: Err("Only the owner may.".into()),
            cancel: Ok(Right::CancelPrivilege),
            locks: vec!["AccessShareLock on table public.t".into()],
            other_locks: 2,
            waits: vec!["waits 3 s for x; in its way: 1".into()],
        }
    }

    fn lines(facts: &Facts) -> Vec<String> {
        let mut lines = Vec::new();
        explain(facts, |line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn what_is_known_is_told_in_order() {
        assert_eq!(
            lines(&facts()),
            [
                "Session 11 belongs to alice, in database dev.",
                "You may not terminate it: Only the owner may.",
                "You may cancel its query: you are a member of pg_signal_backend, and its user is no superuser.",
                "It has been idle for 5 s, after: select 1",
                "It waits 3 s for x; in its way: 1.",
                "With it would go transaction 734, open for 1 min 0 s, and 3 locks:",
                "    AccessShareLock on table public.t",
                "    2 locks on rows, objects or numbers",
            ]
        );
    }

    #[test]
    fn nothing_is_told_of_a_session_that_the_caller_may_not_see() {
        let hidden = Facts { about: None, ..facts() };
        assert_eq!(lines(&hidden).len(), 3);
        assert_eq!(lines(&hidden)[0], "Session 11 is not one that bob may see.");
        assert_eq!(waiters(false, false), None);
    }

    #[test]
    fn a_transaction_without_an_id_has_written_nothing() {
        let mut facts = facts();
        facts.about.as_mut().unwrap().transaction = Some(-5);
        let line = "With it would go its transaction, which has written nothing, open for 1 min 0 s, and 3 locks:";
        assert_eq!(lines(&facts)[5], line);
    }

    #[test]
    fn a_background_process_has_no_owner() {
        let mut facts = Facts { leader: Some(10), ..facts() };
        facts.about.as_mut().unwrap().kind = Kind::Background;
        assert_eq!(lines(&facts)[0], "Process 11 is a background process of database dev and has no owner.");
        facts.about.as_mut().unwrap().database = None;
        assert_eq!(lines(&facts)[0], "Process 11 is a background process and has no owner.");
        assert_eq!(lines(&facts)[1], "It is a worker of 10, to whose transaction its locks belong.");
    }

    #[test]
    fn an_idle_session_has_nothing_to_lose() {
        let mut facts = Facts { locks: Vec::new(), other_locks: 0, ..facts() };
        let about = facts.about.as_mut().unwrap();
        (about.transaction, about.open_for) = (None, None);
        assert_eq!(lines(&facts).last().unwrap(), "It has no open transaction and no lock.");
        facts.other_locks = 1;
        assert_eq!(
            lines(&facts)[5..],
            ["It has no open transaction. With it would go 1 lock:", "    1 lock on rows, objects or numbers"]
        );
    }
}
