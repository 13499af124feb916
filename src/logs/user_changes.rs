//! Notes which users are created, altered, renamed and dropped, for stl_userlog and sys_userlog.
//!
//! A user is a role that may log in. What a command did is known once it has succeeded, and counts
//! once its transaction has committed: until then the rows wait here. No row has anything of a
//! password.

use std::cell::RefCell;
use std::ffi::CStr;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag, ObjectType, Oid};

use crate::logs;
use crate::logs::uncommitted::Uncommitted;
use crate::logs::user_record::{Action, UserChange};
use crate::pg::backend_local::BackendLocal;
use crate::pg::list;
use crate::pg::raw;
use crate::pg::roles;
use crate::pg::roles::Role;
use crate::shmem::packed_text;

static WAITING: BackendLocal<RefCell<Uncommitted<UserChange>>> = BackendLocal::new(RefCell::new(Uncommitted::new()));

/// The role that a command is about to change, as it is before; none for one that is created.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Before {
    role: Oid,
    could_log_in: bool,
}

/// Is this a command about roles? A cheap first look, because it is taken for every command.
///
/// # Safety
/// `command` is what ProcessUtility_hook was given.
pub unsafe fn is_about_roles(command: *const pg_sys::PlannedStmt) -> bool {
    use NodeTag::*;
    // SAFETY: promised by the caller; nodes are read by their tags.
    unsafe {
        let statement = (*command).utilityStmt;
        match (*statement).type_ {
            T_CreateRoleStmt | T_AlterRoleStmt | T_AlterRoleSetStmt | T_DropRoleStmt => logs::USER.is_on(),
            T_RenameStmt => {
                (*statement.cast::<pg_sys::RenameStmt>()).renameType == ObjectType::OBJECT_ROLE && logs::USER.is_on()
            }
            _ => false,
        }
    }
}

/// Called before the command. Users to be dropped are noted now: if it fails, so does its
/// transaction.
///
/// # Safety
/// As for `is_about_roles`, which said yes.
#[cold]
#[pg_guard]
pub unsafe extern "C-unwind" fn before(command: *const pg_sys::PlannedStmt) -> Before {
    use NodeTag::*;
    // SAFETY: promised by the caller; nodes are read by their tags, and a role that is named by
    // more than its name is looked up as the command does it.
    let role = unsafe {
        let statement = (*command).utilityStmt;
        let of_spec = |role: *mut pg_sys::RoleSpec| {
            if role.is_null() { None } else { roles::by_oid(pg_sys::get_rolespec_oid(role, true)) }
        };
        match (*statement).type_ {
            T_DropRoleStmt => {
                note_dropped((*statement.cast::<pg_sys::DropRoleStmt>()).roles);
                None
            }
            T_RenameStmt => roles::by_name(CStr::from_ptr((*statement.cast::<pg_sys::RenameStmt>()).subname)),
            T_AlterRoleStmt => of_spec((*statement.cast::<pg_sys::AlterRoleStmt>()).role),
            T_AlterRoleSetStmt => of_spec((*statement.cast::<pg_sys::AlterRoleSetStmt>()).role),
            _ => None,
        }
    };
    role.map_or(Before { role: Oid::INVALID, could_log_in: false }, |role| Before {
        role: role.oid,
        could_log_in: role.can_log_in,
    })
}

/// Called after the command, which has succeeded.
///
/// # Safety
/// As for `before`, which gave `before`.
#[cold]
#[pg_guard]
pub unsafe extern "C-unwind" fn after(command: *const pg_sys::PlannedStmt, before: Before) {
    use NodeTag::*;
    roles::show_changes();
    // SAFETY: promised by the caller; nodes are read by their tags.
    unsafe {
        let statement = (*command).utilityStmt;
        let (action, role, old_name) = match (*statement).type_ {
            T_CreateRoleStmt => {
                let name = CStr::from_ptr((*statement.cast::<pg_sys::CreateRoleStmt>()).role);
                (Action::Create, roles::by_name(name), c"")
            }
            T_RenameStmt => {
                let old_name = CStr::from_ptr((*statement.cast::<pg_sys::RenameStmt>()).subname);
                (Action::Rename, roles::by_oid(before.role), old_name)
            }
            T_AlterRoleStmt if changes_members(statement.cast()) => return,
            T_AlterRoleStmt | T_AlterRoleSetStmt => (Action::Alter, roles::by_oid(before.role), c""),
            _ => return,
        };
        if let Some(role) = role.filter(|role| role.can_log_in || before.could_log_in) {
            note(action, &role, old_name);
        }
    }
}

/// ALTER GROUP ... ADD USER and DROP USER change what others belong to, and nothing of the role.
///
/// # Safety
/// The statement is that of the command.
unsafe fn changes_members(statement: *const pg_sys::AlterRoleStmt) -> bool {
    // SAFETY: promised by the caller; a list of DefElem.
    unsafe {
        list::pointers::<pg_sys::DefElem>((*statement).options)
            .any(|option| CStr::from_ptr((*option).defname) == c"rolemembers")
    }
}

/// # Safety
/// A list of RoleSpec.
unsafe fn note_dropped(list: *const pg_sys::List) {
    // SAFETY: promised by the caller. Only one that is named by its name has one, and no others may
    // be dropped.
    let names = unsafe { list::pointers::<pg_sys::RoleSpec>(list).map(|role| (*role).rolename) };
    let mut noted = Vec::new();
    for name in names.filter(|name| !name.is_null()) {
        // SAFETY: a string of the statement's.
        let role = roles::by_name(unsafe { CStr::from_ptr(name) });
        if let Some(role) = role.filter(|role| role.can_log_in && !noted.contains(&role.oid)) {
            note(Action::Drop, &role, c"");
            noted.push(role.oid);
        }
    }
}

fn note(action: Action, role: &Role, old_name: &CStr) {
    // SAFETY: reads this process's own memory.
    let (subtransaction, pid, time) =
        unsafe { (pg_sys::GetCurrentSubTransactionId(), pg_sys::MyProcPid, raw::GetCurrentStatementStartTimestamp()) };
    let change = UserChange {
        action,
        user: role.oid.to_u32(),
        name: packed_text::pack(role.name.to_bytes()),
        old_name: packed_text::pack(old_name.to_bytes()),
        creates_databases: role.creates_databases,
        is_superuser: role.is_superuser,
        valid_until: role.valid_until.filter(|end| *end != i64::MAX), // infinity
        pid,
        xid: 0,
        time,
    };
    WAITING.borrow_mut().add(subtransaction, change);
}

/// The transaction has ended, whose id is known now. One that is prepared may end in another
/// session, or after a restart: its rows are given up.
pub fn transaction_ended(committed: bool, xid: i64) {
    if !WAITING.borrow().is_empty() {
        write_waiting(committed, xid);
    }
}

#[cold]
fn write_waiting(committed: bool, xid: i64) {
    let mut waiting = WAITING.borrow_mut();
    waiting.take().filter(|_| committed).for_each(|change| logs::USER.write(UserChange { xid, ..change }));
}

/// `parent` is None for one that is rolled back.
pub fn subtransaction_ended(own: u32, parent: Option<u32>) {
    let mut waiting = WAITING.borrow_mut();
    match parent {
        Some(parent) => waiting.subtransaction_committed(own, parent),
        None => waiting.subtransaction_aborted(own),
    }
}
