//! The rows behind stl_userlog and sys_userlog: which users were created, altered, renamed and
//! dropped.

use std::ffi::CStr;

use crate::logs;
use crate::logs::user_record::{Action, UserChange};
use crate::pg::privileges;
use crate::pg::set_returning;
use crate::pg::text;
use crate::shmem::packed_text;

set_returning::function!(stl_userlog_wrapper, pg_finfo_stl_userlog_wrapper, put_stl_rows);
set_returning::function!(sys_userlog_wrapper, pg_finfo_sys_userlog_wrapper, put_sys_rows);

fn put_stl_rows(rows: &mut set_returning::Rows) {
    put_rows(rows, c"stl_userlog");
}

fn put_sys_rows(rows: &mut set_returning::Rows) {
    put_rows(rows, c"sys_userlog");
}

fn put_rows(rows: &mut set_returning::Rows, view: &CStr) {
    privileges::check_select(view);
    for record in logs::USER.read::<UserChange>() {
        let action = match record.action {
            Action::Create => c"create",
            Action::Alter => c"alter",
            Action::Rename => c"rename",
            Action::Drop => c"drop",
        };
        let number = |is_set: bool| Some(i32::from(is_set).into());
        rows.put([
            Some((record.user as i32).into()),
            Some(text::text(&packed_text::unpack(&record.name))),
            Some(text::text(&packed_text::unpack(&record.old_name))),
            Some(text::text(action)),
            number(record.creates_databases),
            number(record.is_superuser),
            number(record.is_superuser), // who may update catalogs, see svv_user_info
            record.valid_until.map(|end| end.into()),
            Some(record.pid.into()),
            Some(record.xid.into()),
            Some(record.time.into()),
        ]);
    }
}
