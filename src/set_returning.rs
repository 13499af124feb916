//! How does a function return a whole table at once? In a tuplestore, as PostgreSQL's own views over functions do.

use pgrx::pg_sys;

use crate::error;

/// Where the rows go, and what they look like. Both live as long as the query.
///
/// # Safety
/// `fcinfo` is that of the running call.
pub unsafe fn materialize(fcinfo: pg_sys::FunctionCallInfo) -> (*mut pg_sys::Tuplestorestate, pg_sys::TupleDesc) {
    use pg_sys::SetFunctionReturnMode::*;
    // SAFETY: as PostgreSQL's InitMaterializedSRF, which 14 does not have.
    unsafe {
        let result = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
        let accepts_set = !result.is_null()
            && (*result).type_ == pg_sys::NodeTag::T_ReturnSetInfo
            && (*result).allowedModes & SFRM_Materialize as i32 != 0;
        if !accepts_set {
            error::set_not_accepted().raise();
        }
        let random_access = (*result).allowedModes & SFRM_Materialize_Random as i32 != 0;

        let caller = pg_sys::MemoryContextSwitchTo((*(*result).econtext).ecxt_per_query_memory);
        let mut descriptor = std::ptr::null_mut();
        let class = pg_sys::get_call_result_type(fcinfo, std::ptr::null_mut(), &mut descriptor);
        assert_eq!(class, pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE, "our SQL declares the columns");
        let store = pg_sys::tuplestore_begin_heap(random_access, false, pg_sys::work_mem);
        pg_sys::MemoryContextSwitchTo(caller);

        (*result).returnMode = SFRM_Materialize;
        (*result).setResult = store;
        (*result).setDesc = descriptor;
        (store, descriptor)
    }
}
