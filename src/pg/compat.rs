//! Everything that differs between server versions; the rest of the code sees one function.

use std::ffi::{CStr, c_int};

use pgrx::pg_sys::{self, Oid};

use crate::pg::raw;

/// Defines the hook around the run of a query: `$around` gets the query, and what calls the next hook,
/// given that. 18 took an argument away.
macro_rules! executor_run_hook {
    ($name:ident, $around:path) => {
        #[cfg(not(pg18_plus))]
        unsafe extern "C-unwind" fn $name(
            query: *mut pg_sys::QueryDesc,
            direction: pg_sys::ScanDirection::Type,
            count: u64,
            once: bool,
        ) {
            // SAFETY: PostgreSQL's arguments, passed on as they are.
            unsafe {
                $around(query, |next: pg_sys::ExecutorRun_hook_type| match next {
                    Some(next) => next(query, direction, count, once),
                    None => raw::standard_ExecutorRun(query, direction, count, once),
                });
            }
        }

        #[cfg(pg18_plus)]
        unsafe extern "C-unwind" fn $name(
            query: *mut pg_sys::QueryDesc,
            direction: pg_sys::ScanDirection::Type,
            count: u64,
        ) {
            // SAFETY: PostgreSQL's arguments, passed on as they are.
            unsafe {
                $around(query, |next: pg_sys::ExecutorRun_hook_type| match next {
                    Some(next) => next(query, direction, count),
                    None => raw::standard_ExecutorRun(query, direction, count),
                });
            }
        }
    };
}
pub(crate) use executor_run_hook;

/// CUSTOMPATH_SUPPORT_PROJECTION: 14 asks nobody and projects.
pub const CUSTOM_SCAN_PROJECTS: u32 = 4;

/// Is this the process of a client's session? `is_walsender` is asked where the process array does
/// not tell: 18 does not count a replication connection among regular backends, and later minor
/// releases of the versions before, as 15.18, count it among background workers.
pub fn is_client(process: &pg_sys::PGPROC, is_walsender: impl FnOnce() -> bool) -> bool {
    #[cfg(not(pg18_plus))]
    let regular = !process.isBackgroundWorker;
    #[cfg(pg18_plus)]
    let regular = process.isRegularBackend;
    regular || is_walsender()
}

/// Number of the backend and of its local transaction, 0 outside a transaction.
pub fn virtual_transaction_of(process: &pg_sys::PGPROC) -> (i32, u32) {
    #[cfg(not(pg17_plus))]
    return (process.backendId, process.lxid);
    #[cfg(pg17_plus)]
    return (process.vxid.procNumber, process.vxid.lxid);
}

/// The entry of the table of sessions at `index`, from 1.
///
/// # Safety
/// The entry lives until the copy of the table is cleared.
pub unsafe fn local_backend_status(index: c_int) -> *mut pg_sys::LocalPgBackendStatus {
    // SAFETY: gives NULL for an index that does not exist.
    unsafe {
        #[cfg(not(pg16_plus))]
        return pg_sys::pgstat_fetch_stat_local_beentry(index);
        #[cfg(pg16_plus)]
        return pg_sys::pgstat_get_local_beentry_by_index(index);
    }
}

/// Privileges are bits of 64 from 16 on.
pub fn acl_mode(privilege: u32) -> pg_sys::AclMode {
    #[cfg(not(pg16_plus))]
    return privilege;
    #[cfg(pg16_plus)]
    return privilege.into();
}

pub fn function_aclcheck(function: Oid, user: Oid) -> pg_sys::AclResult::Type {
    // SAFETY: a plain look-up.
    unsafe {
        #[cfg(not(pg16_plus))]
        return pg_sys::pg_proc_aclcheck(function, user, acl_mode(pg_sys::ACL_EXECUTE));
        #[cfg(pg16_plus)]
        return pg_sys::object_aclcheck(pg_sys::ProcedureRelationId, function, user, acl_mode(pg_sys::ACL_EXECUTE));
    }
}

/// Has `request` called when the server may still ask for shared memory: by a hook from 15 on, at once before.
#[cfg(feature = "pg14")]
pub fn request_shared_memory(
    _save: impl FnOnce(Option<unsafe extern "C-unwind" fn()>),
    request: unsafe extern "C-unwind" fn(),
) {
    // SAFETY: the library is being loaded with the server.
    unsafe { request() }
}

/// Has `request` called when the server may still ask for shared memory: by a hook from 15 on, at once before.
#[cfg(not(feature = "pg14"))]
pub fn request_shared_memory(
    save: impl FnOnce(Option<unsafe extern "C-unwind" fn()>),
    request: unsafe extern "C-unwind" fn(),
) {
    // SAFETY: the library is being loaded with the server.
    unsafe {
        save(pg_sys::shmem_request_hook);
        pg_sys::shmem_request_hook = Some(request);
    }
}

/// Servers on which the tests have compared our reading of the lock lists with PostgreSQL's own snapshot (pg_test/proof): on others,
/// redshift_sessions.lock_source is `snapshot` unless it is set.
const PROVED: [i32; 7] = [14_0001, 15_0018, 16_0014, 17_0009, 17_0011, 18_0004, 18_0006];

pub fn lock_lists_are_proved() -> bool {
    // SAFETY: a setting of each server, a number in digits.
    let version = unsafe { CStr::from_ptr(raw::GetConfigOption(c"server_version_num".as_ptr(), false, false)) };
    version.to_str().is_ok_and(|version| version.parse().is_ok_and(|version: i32| PROVED.contains(&version)))
}

/// What a setting is as long as nobody sets it.
pub fn set_default(name: &CStr, value: &CStr) {
    use pg_sys::{GucContext::PGC_SUSET, GucSource::PGC_S_DYNAMIC_DEFAULT};
    // SAFETY: a setting that has been defined, and a value that it takes; both are copied.
    unsafe { raw::SetConfigOption(name.as_ptr(), value.as_ptr(), PGC_SUSET, PGC_S_DYNAMIC_DEFAULT) }
}

/// Nobody else may define settings below our prefix.
pub fn reserve_settings(prefix: &CStr) {
    // SAFETY: copies the prefix.
    unsafe {
        #[cfg(feature = "pg14")]
        pg_sys::EmitWarningsOnPlaceholders(prefix.as_ptr());
        #[cfg(not(feature = "pg14"))]
        pg_sys::MarkGUCPrefixReserved(prefix.as_ptr());
    }
}
