//! Everything that differs between server versions, but for declarations, which are in `raw.rs`.
//! The rest of the code sees one function.

use std::ffi::{CStr, c_int};

use pgrx::pg_sys::{self, Oid};

use crate::pg::list;
use crate::pg::raw;

/// Defines `$name`, our planner_hook; 19 gave it an argument. `$before` gets the query, and gives
/// the next hook.
macro_rules! planner_hook {
    ($name:ident, $before:path) => {
        #[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
        unsafe extern "C-unwind" fn $name(
            parse: *mut pg_sys::Query,
            query_string: *const c_char,
            cursor_options: c_int,
            bound_params: pg_sys::ParamListInfo,
            #[cfg(pg19_plus)] explain: *mut pg_sys::ExplainState,
        ) -> *mut pg_sys::PlannedStmt {
            // SAFETY: PostgreSQL's arguments, passed on as they are.
            unsafe {
                let next = $before(parse).unwrap_or(raw::standard_planner);
                #[cfg(not(pg19_plus))]
                return next(parse, query_string, cursor_options, bound_params);
                #[cfg(pg19_plus)]
                return next(parse, query_string, cursor_options, bound_params, explain);
            }
        }
    };
}
pub(crate) use planner_hook;

/// What post_parse_analyze_hook gets of a query's normalized form; to be read only, from 19 on.
#[cfg(not(pg19_plus))]
pub type JumbleState = *mut pg_sys::JumbleState;
#[cfg(pg19_plus)]
pub type JumbleState = *const pg_sys::JumbleState;

/// Defines `$name`, our ExecutorRun_hook; 18 took an argument away. `$around` gets the query and a
/// closure that runs it: given the next hook, the closure calls that, or the standard function.
macro_rules! executor_run_hook {
    ($name:ident, $around:path) => {
        #[cfg(not(pg18_plus))]
        #[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
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
        #[cfg_attr(target_os = "linux", unsafe(link_section = ".text.session"))]
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

/// 14 has no MERGE, and no kind of query of this number.
#[cfg(feature = "pg14")]
pub const CMD_MERGE: pg_sys::CmdType::Type = pg_sys::CmdType::Type::MAX;
#[cfg(not(feature = "pg14"))]
pub const CMD_MERGE: pg_sys::CmdType::Type = pg_sys::CmdType::CMD_MERGE;

/// CUSTOMPATH_SUPPORT_PROJECTION. 14 has no such flag, and every custom scan projects.
pub const CUSTOM_SCAN_PROJECTS: u32 = 4;

/// Is this the process of a client's session? `is_walsender` is asked where the process array does
/// not tell: 18 does not count a replication connection among regular backends, and later minor
/// releases of the versions before, as 15.18, count it among background workers.
#[cfg(not(pg19_plus))]
pub fn is_client(process: &pg_sys::PGPROC, is_walsender: impl FnOnce() -> bool) -> bool {
    #[cfg(not(pg18_plus))]
    let regular = !process.isBackgroundWorker;
    #[cfg(pg18_plus)]
    let regular = process.isRegularBackend;
    regular || is_walsender()
}

/// Is this the process of a client's session? From 19 on the process array tells.
#[cfg(pg19_plus)]
pub fn is_client(process: &pg_sys::PGPROC, _is_walsender: impl FnOnce() -> bool) -> bool {
    use pg_sys::BackendType::{B_BACKEND, B_WAL_SENDER};
    [B_BACKEND, B_WAL_SENDER].contains(&process.backendType)
}

/// The numbers of the backend and of its local transaction; the latter is 0 outside a transaction.
pub fn virtual_transaction_of(process: &pg_sys::PGPROC) -> (i32, u32) {
    #[cfg(not(pg17_plus))]
    return (process.backendId, process.lxid);
    #[cfg(pg17_plus)]
    return (process.vxid.procNumber, process.vxid.lxid);
}

/// The entry at `index`, from 1, in PostgreSQL's copy of the table of sessions.
///
/// # Safety
/// The entry is not used after that copy has been cleared.
pub unsafe fn local_backend_status(index: c_int) -> *mut pg_sys::LocalPgBackendStatus {
    // SAFETY: gives NULL for an index that does not exist.
    unsafe {
        #[cfg(not(pg16_plus))]
        return pg_sys::pgstat_fetch_stat_local_beentry(index);
        #[cfg(pg16_plus)]
        return pg_sys::pgstat_get_local_beentry_by_index(index);
    }
}

/// AclMode has 64 bits from 16 on, and 32 before.
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

/// Has `request` called while shared memory can still be asked for: on 14 at once.
#[cfg(feature = "pg14")]
pub fn request_shared_memory(
    _save: impl FnOnce(Option<unsafe extern "C-unwind" fn()>),
    request: unsafe extern "C-unwind" fn(),
) {
    // SAFETY: the library is being loaded with the server.
    unsafe { request() }
}

/// Has `request` called while shared memory can still be asked for: from 15 on by a hook. `save`
/// gets the hook that was there before.
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

/// How many processes there can be that have a session or run in the background. 14 counts them
/// only after shared memory has been asked for.
pub fn most_backends() -> usize {
    // SAFETY: settings, final before shared memory is asked for.
    unsafe {
        #[cfg(feature = "pg14")]
        let most = pg_sys::MaxConnections
            + pg_sys::autovacuum_max_workers
            + 1
            + pg_sys::max_worker_processes
            + pg_sys::max_wal_senders;
        #[cfg(not(feature = "pg14"))]
        let most = pg_sys::MaxBackends;
        most as usize
    }
}

/// Server versions on which pg_test/stress/proof has compared our reading of the lock lists with
/// PostgreSQL's own snapshot. On others, redshift_sessions.lock_source is `snapshot` unless it is
/// set. 19_0000 is the number of 19's release candidates, too.
const PROVED: [i32; 8] = [14_0001, 15_0018, 16_0014, 17_0009, 17_0011, 18_0004, 18_0006, 19_0000];

pub fn lock_lists_are_proved() -> bool {
    // SAFETY: every server has this setting, and its value is a string.
    let version = unsafe { CStr::from_ptr(raw::GetConfigOption(c"server_version_num".as_ptr(), false, false)) };
    version.to_str().is_ok_and(|version| version.parse().is_ok_and(|version: i32| PROVED.contains(&version)))
}

/// Sets the value that a setting has as long as nobody else sets it.
pub fn set_default(name: &CStr, value: &CStr) {
    use pg_sys::{GucContext::PGC_SUSET, GucSource::PGC_S_DYNAMIC_DEFAULT};
    // SAFETY: the setting has been defined and takes the value; PostgreSQL copies the strings.
    unsafe { raw::SetConfigOption(name.as_ptr(), value.as_ptr(), PGC_SUSET, PGC_S_DYNAMIC_DEFAULT) }
}

/// Nobody may set what we do not define below our prefix. 14 only warns of what has been set
/// already.
pub fn reserve_settings(prefix: &CStr) {
    // SAFETY: PostgreSQL copies the prefix.
    unsafe {
        #[cfg(feature = "pg14")]
        pg_sys::EmitWarningsOnPlaceholders(prefix.as_ptr());
        #[cfg(not(feature = "pg14"))]
        pg_sys::MarkGUCPrefixReserved(prefix.as_ptr());
    }
}

/// The least level of what this process writes into the log. From 19 on each kind of process has
/// its own.
pub fn log_min_messages() -> *mut c_int {
    #[cfg(not(pg19_plus))]
    return &raw mut pg_sys::log_min_messages;
    // SAFETY: PostgreSQL indexes this array in the same way, see should_output_to_server in elog.c.
    #[cfg(pg19_plus)]
    return unsafe { (&raw mut pg_sys::log_min_messages).cast::<c_int>().add(pg_sys::MyBackendType as usize) };
}

pub fn changes_no_table(plan: &pg_sys::PlannedStmt) -> bool {
    #[cfg(not(pg19_plus))]
    return plan.resultRelations.is_null();
    #[cfg(pg19_plus)]
    return plan.resultRelationRelids.is_null();
}

/// The tables that a plan changes, by their places in its list of tables. From 19 on it has a set
/// of them.
///
/// # Safety
/// The plan outlives what this gives.
pub unsafe fn result_relations(plan: *const pg_sys::PlannedStmt) -> impl Iterator<Item = c_int> {
    // SAFETY: promised by the caller; a list of integers.
    #[cfg(not(pg19_plus))]
    return unsafe { list::cells((*plan).resultRelations).iter().map(|cell| cell.int_value) };
    // SAFETY: promised by the caller; PostgreSQL goes through a set in this way.
    #[cfg(pg19_plus)]
    return unsafe {
        let set = (*plan).resultRelationRelids;
        let next = move |last: &c_int| Some(raw::bms_next_member(set, *last)).filter(|next| *next >= 0);
        std::iter::successors(next(&-1), next)
    };
}

/// What says of a relation which privileges PostgreSQL checks. From 16 on it has a list of its own,
/// before it is the list of all that a query reads.
#[cfg(not(pg16_plus))]
type Checked = pg_sys::RangeTblEntry;
#[cfg(pg16_plus)]
type Checked = pg_sys::RTEPermissionInfo;

/// The relations whose privileges PostgreSQL checks before it runs a plan. A view that was expanded
/// is among them.
///
/// # Safety
/// The plan outlives what this gives.
pub unsafe fn checked_in_plan(plan: *const pg_sys::PlannedStmt) -> impl Iterator<Item = Oid> {
    // SAFETY: promised by the caller.
    unsafe {
        #[cfg(not(pg16_plus))]
        return checked((*plan).rtable);
        #[cfg(pg16_plus)]
        return checked((*plan).permInfos);
    }
}

/// The same of a query that was rewritten, without those of its sub-queries.
///
/// # Safety
/// The query outlives what this gives.
pub unsafe fn checked_in_query(query: *const pg_sys::Query) -> impl Iterator<Item = Oid> {
    // SAFETY: promised by the caller.
    unsafe {
        #[cfg(not(pg16_plus))]
        return checked((*query).rtable);
        #[cfg(pg16_plus)]
        return checked((*query).rteperminfos);
    }
}

/// # Safety
/// A list of such entries, which outlives what this gives.
unsafe fn checked(list: *const pg_sys::List) -> impl Iterator<Item = Oid> {
    // SAFETY: promised by the caller. An entry that is no relation asks for nothing.
    unsafe { list::pointers::<Checked>(list).filter(|entry| (**entry).requiredPerms != 0).map(|entry| (*entry).relid) }
}

/// All of a plain query in which there can be an expression.
pub struct PlainParts {
    pub target_list: *mut pg_sys::List,
    pub returning_list: *mut pg_sys::List,
    pub jointree: *mut pg_sys::FromExpr,
}

/// None if the query is not plain: if query_tree_walker of nodeFuncs.c would find more in it. Each
/// field has its name here, so that a version with a new one does not compile before somebody has
/// looked whether that function goes into it.
///
/// # Safety
/// The query is PostgreSQL's.
pub unsafe fn plain_parts(query: &pg_sys::Query) -> Option<PlainParts> {
    let pg_sys::Query {
        targetList: target_list,
        returningList: returning_list,
        jointree,
        rtable,
        // These are rare.
        cteList: common_tables,
        setOperations: set_operations,
        havingQual: having,
        limitOffset: offset,
        limitCount: count,
        windowClause: windows,
        onConflict: on_conflict,
        withCheckOptions: checks,
        #[cfg(not(feature = "pg14"))]
            mergeActionList: merge_actions,
        #[cfg(pg17_plus)]
            mergeJoinCondition: merge_condition,
        // That function does not go into these.
        type_: _,
        commandType: _,
        querySource: _,
        queryId: _,
        canSetTag: _,
        utilityStmt: _,
        resultRelation: _,
        hasAggs: _,
        hasWindowFuncs: _,
        hasTargetSRFs: _,
        hasSubLinks: _,
        hasDistinctOn: _,
        hasRecursive: _,
        hasModifyingCTE: _,
        hasForUpdate: _,
        hasRowSecurity: _,
        #[cfg(pg18_plus)]
            hasGroupRTE: _,
        isReturn: _,
        #[cfg(pg16_plus)]
            rteperminfos: _,
        #[cfg(all(not(feature = "pg14"), not(pg17_plus)))]
            mergeUseOuterJoin: _,
        #[cfg(pg17_plus)]
            mergeTargetRelation: _,
        override_: _,
        #[cfg(pg18_plus)]
            returningOldAlias: _,
        #[cfg(pg18_plus)]
            returningNewAlias: _,
        groupClause: _,
        groupDistinct: _,
        groupingSets: _,
        distinctClause: _,
        sortClause: _,
        limitOption: _,
        rowMarks: _,
        constraintDeps: _,
        stmt_location: _,
        stmt_len: _,
    } = *query;
    let rare = [common_tables, windows, checks].iter().any(|list| !list.is_null())
        || [set_operations, having, offset, count].iter().any(|node| !node.is_null())
        || !on_conflict.is_null();
    #[cfg(not(feature = "pg14"))]
    let rare = rare || !merge_actions.is_null();
    #[cfg(pg17_plus)]
    let rare = rare || !merge_condition.is_null();
    // SAFETY: promised by the caller. Of a plain table range_table_entry_walker visits these two.
    let mut tables = unsafe { list::pointers::<pg_sys::RangeTblEntry>(rtable).map(|table| &*table) };
    let plain = !rare
        && !jointree.is_null()
        && tables.all(|table| {
            let has_none = [pg_sys::RTEKind::RTE_RELATION, pg_sys::RTEKind::RTE_RESULT].contains(&table.rtekind);
            has_none && table.tablesample.is_null() && table.securityQuals.is_null()
        });
    plain.then_some(PlainParts { target_list, returning_list, jointree })
}
