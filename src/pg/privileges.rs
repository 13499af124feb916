//! What current_user may read and execute.

use std::ffi::CStr;

use pgrx::pg_sys::{self, Oid};

use crate::pg::compat;
use crate::policy::VisibleRows;

/// Which rows of user-visible views current_user gets.
pub fn readable_rows() -> VisibleRows {
    // SAFETY: plain look-ups, inside the transaction of the call.
    unsafe {
        let user = pg_sys::GetUserId();
        let reads_all = pg_sys::has_privs_of_role(user, Oid::from(pg_sys::ROLE_PG_READ_ALL_STATS));
        VisibleRows::of(user, pg_sys::superuser(), reads_all)
    }
}

/// Raises an error unless current_user has SELECT on the view. A view calls its function with the
/// reader's rights, so the function behind a view for superusers must check this itself: then GRANT
/// SELECT opens the view, and calling the function is no way around it.
pub fn check_select(view: &CStr) {
    // SAFETY: plain look-ups; aclcheck_error raises PostgreSQL's own error.
    unsafe {
        let relation = pg_sys::get_relname_relid(view.as_ptr(), Oid::from(pg_sys::PG_CATALOG_NAMESPACE));
        let verdict = pg_sys::pg_class_aclcheck(relation, pg_sys::GetUserId(), compat::acl_mode(pg_sys::ACL_SELECT));
        if verdict != pg_sys::AclResult::ACLCHECK_OK {
            pg_sys::aclcheck_error(verdict, pg_sys::ObjectType::OBJECT_VIEW, view.as_ptr());
        }
    }
}

/// May current_user execute the function?
pub fn may_execute(function: Oid) -> bool {
    // SAFETY: a plain look-up.
    let user = unsafe { pg_sys::GetUserId() };
    compat::function_aclcheck(function, user) == pg_sys::AclResult::ACLCHECK_OK
}

/// Raises an error, with this name, unless current_user may execute the function.
pub fn check_execute(function: Oid, name: &CStr) {
    // SAFETY: plain look-ups; aclcheck_error raises PostgreSQL's own error.
    unsafe {
        let verdict = compat::function_aclcheck(function, pg_sys::GetUserId());
        if verdict != pg_sys::AclResult::ACLCHECK_OK {
            pg_sys::aclcheck_error(verdict, pg_sys::ObjectType::OBJECT_FUNCTION, name.as_ptr());
        }
    }
}
