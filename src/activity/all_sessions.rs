//! The rows behind stl_sessions and sys_session_history: live and ended sessions, and how they
//! ended.

use pgrx::pg_sys::Oid;

use crate::logs;
use crate::logs::records::Ended;
use crate::pg::memory;
use crate::pg::privileges;
use crate::pg::processes::{self, Session};
use crate::pg::set_returning;
use crate::pg::text;
use crate::policy::VisibleRows;
use crate::shmem::packed_text;

set_returning::function!(all_sessions_wrapper, pg_finfo_all_sessions_wrapper, put_rows);

fn put_rows(rows: &mut set_returning::Rows) {
    let wanted = privileges::readable_rows();
    // Live sessions first: one that ends meanwhile is in both lists, and none is in neither.
    let live = processes::sessions(wanted);
    let records = ended(wanted);
    let gone = memory::set(records.iter().map(|record| (record.pid, record.start)));
    for session in live.iter().filter(|session| !gone.contains(&(session.process.pid, session.started))) {
        put_live(rows, session);
    }
    records.iter().for_each(|record| put_ended(rows, record));
}

fn ended(wanted: VisibleRows) -> Vec<Ended> {
    let records = logs::ENDED.read::<Ended>().into_iter();
    memory::collect(records.filter(|record| wanted.include(Some(Oid::from(record.user)))))
}

fn put_ended(rows: &mut set_returning::Rows, record: &Ended) {
    rows.put([
        Some(record.pid.into()),
        Some(Oid::from(record.user).into()),
        Some(text::text(&packed_text::unpack(&record.user_name))),
        Some(Oid::from(record.database).into()),
        Some(text::text(&packed_text::unpack(&record.database_name))),
        Some(record.start.into()),
        Some(record.end.into()),
        Some((record.how as i32).into()),
    ]);
}

fn put_live(rows: &mut set_returning::Rows, session: &Session) {
    rows.put([
        Some(session.process.pid.into()),
        Some(session.process.user.into()),
        text::role_name(session.process.user),
        Some(session.process.database.into()),
        text::database_name(session.process.database),
        Some(session.started.into()),
        None,
        None,
    ]);
}
