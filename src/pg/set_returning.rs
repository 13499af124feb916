//! Functions that return a whole table at once: in a tuplestore, as those behind PostgreSQL's own
//! views do.

use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Datum};

use crate::error;
use crate::pg::extension;
use crate::pg::memory::{self, Roomy};
use crate::pg::raw;

/// Defines a C function that returns a table or a set of texts; `$put` puts its rows. `$info` tells
/// PostgreSQL that the function is called by the version-1 conventions.
macro_rules! function {
    ($function:ident, $info:ident, $put:path) => {
        $crate::pg::set_returning::function!($function, $info, |rows, _| $put(rows), with arguments);
    };
    // `$put` gets the call's arguments too.
    ($function:ident, $info:ident, $put:expr, with arguments) => {
        #[unsafe(no_mangle)]
        extern "C" fn $info() -> &'static pgrx::pg_sys::Pg_finfo_record {
            const V1_API: pgrx::pg_sys::Pg_finfo_record = pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
            &V1_API
        }

        /// # Safety
        /// Called by PostgreSQL's function manager.
        #[unsafe(no_mangle)]
        #[pgrx::pg_guard]
        unsafe extern "C-unwind" fn $function(fcinfo: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
            // SAFETY: the function manager gives a valid call.
            let (mut rows, arguments) = unsafe {
                ($crate::pg::set_returning::materialize(fcinfo), $crate::pg::set_returning::Arguments::of(fcinfo))
            };
            let put: fn(&mut $crate::pg::set_returning::Rows, $crate::pg::set_returning::Arguments) = $put;
            put(&mut rows, arguments);
            pgrx::pg_sys::Datum::from(0)
        }
    };
}
pub(crate) use function;

/// Where the rows go, and what they look like. Both live as long as the query.
pub struct Rows {
    store: *mut pg_sys::Tuplestorestate,
    descriptor: pg_sys::TupleDesc,
    /// A row's texts live until `put`.
    row: Roomy,
}

impl Rows {
    /// Puts one row, and frees its texts. None is NULL. The SQL of an earlier version may declare
    /// fewer columns: new ones come last.
    pub fn put<const COLUMNS: usize>(&mut self, columns: [Option<Datum>; COLUMNS]) {
        self.put_and_keep(columns);
        self.row.clear();
    }

    /// Puts one row, and keeps its texts for the next one.
    pub fn put_and_keep<const COLUMNS: usize>(&mut self, columns: [Option<Datum>; COLUMNS]) {
        let mut nulls = columns.map(|column| column.is_none());
        let mut values = columns.map(|column| column.unwrap_or(Datum::from(0)));
        // SAFETY: there is a value of the right type for each column of the descriptor; the values
        // are copied.
        unsafe {
            assert!((*self.descriptor).natts as usize <= COLUMNS, "our SQL declares the columns");
            pg_sys::tuplestore_putvalues(self.store, self.descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
        }
    }
}

/// What the function was called with. Our SQL declares functions with arguments as STRICT.
#[derive(Clone, Copy)]
pub struct Arguments(pg_sys::FunctionCallInfo);

impl Arguments {
    /// # Safety
    /// As for `materialize`. The arguments are read during the call only.
    pub unsafe fn of(fcinfo: pg_sys::FunctionCallInfo) -> Self {
        Arguments(fcinfo)
    }

    /// The first argument, which is an integer.
    pub fn integer(self) -> i32 {
        self.first().value() as i32
    }

    /// The first argument, which is a text.
    pub fn text(self) -> CString {
        let _room = Roomy::call();
        // SAFETY: our SQL declares a text; it is copied.
        unsafe { memory::c_string(CStr::from_ptr(pg_sys::text_to_cstring(self.first().cast_mut_ptr()))) }
    }

    fn first(self) -> Datum {
        // SAFETY: the running call has at least one argument, and none is NULL: see above.
        unsafe { (*self.0).args.as_slice(1)[0].value }
    }
}

/// Where the running call puts its rows.
///
/// # Safety
/// `fcinfo` is that of the running call.
pub unsafe fn materialize(fcinfo: pg_sys::FunctionCallInfo) -> Rows {
    use pg_sys::SetFunctionReturnMode::*;
    extension::remind();
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

        let row = Roomy::row();
        let (mut descriptor, mut class, mut store) = (std::ptr::null_mut(), 0, std::ptr::null_mut());
        // One guard around both calls, entered in the context in which an error finds room.
        pg_sys::ffi::pg_guard_ffi_boundary(|| {
            pg_sys::CurrentMemoryContext = (*(*result).econtext).ecxt_per_query_memory;
            class = raw::get_call_result_type(fcinfo, std::ptr::null_mut(), &mut descriptor);
            if class == pg_sys::TypeFuncClass::TYPEFUNC_SCALAR {
                descriptor = raw::CreateTupleDescCopy((*result).expectedDesc);
            }
            store = raw::tuplestore_begin_heap(random_access, false, pg_sys::work_mem);
            pg_sys::CurrentMemoryContext = row.context();
        });
        assert!(!descriptor.is_null(), "our SQL declares the columns");

        (*result).returnMode = SFRM_Materialize;
        (*result).setResult = store;
        (*result).setDesc = descriptor;
        Rows { store, descriptor, row }
    }
}
