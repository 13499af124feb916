//! Which transactions are prepared. PostgreSQL tells this only through a set-returning function.

use std::collections::HashMap;
use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Datum, Oid};

use crate::pg::memory;

/// A prepared transaction, which belongs to no session.
#[derive(Clone, Copy)]
pub struct Prepared {
    pub owner: Oid,
    pub database: Oid,
    /// When it was prepared. None while COMMIT PREPARED or ROLLBACK PREPARED releases its locks: by
    /// then PostgreSQL no longer lists it.
    pub prepared: Option<i64>,
}

/// Columns of pg_prepared_xact(): transaction, gid, prepared, ownerid, dbid.
const TRANSACTION: i16 = 1;
const GID: i16 = 2;
const PREPARED: i16 = 3;
const OWNER: i16 = 4;
const DATABASE: i16 = 5;

/// The prepared transactions that PostgreSQL lists, by their ids.
pub fn transactions() -> HashMap<u32, Prepared> {
    let mut transactions = HashMap::new();
    for_each(|xid, prepared, _| memory::insert(&mut transactions, xid, prepared));
    transactions
}

/// The same, each with the name that its user has given it.
pub fn named_transactions() -> HashMap<u32, (Prepared, CString)> {
    let mut transactions = HashMap::new();
    for_each(|xid, prepared, gid| memory::insert(&mut transactions, xid, (prepared, memory::c_string(gid))));
    transactions
}

/// The name lives as long as the call.
fn for_each(mut look: impl FnMut(u32, Prepared, &CStr)) {
    // SAFETY: calls the function as the executor does, row after row until it is done. Its rows are
    // copied. What it allocates goes into the caller's context.
    unsafe {
        let econtext = pg_sys::CreateStandaloneExprContext();
        let mut result = pg_sys::ReturnSetInfo {
            type_: pg_sys::NodeTag::T_ReturnSetInfo,
            econtext,
            allowedModes: pg_sys::SetFunctionReturnMode::SFRM_ValuePerCall as i32,
            ..Default::default()
        };
        let mut function = pg_sys::FmgrInfo::default();
        pg_sys::fmgr_info(Oid::from(pg_sys::F_PG_PREPARED_XACT), &mut function);
        let mut call = pg_sys::FunctionCallInfoBaseData {
            flinfo: &mut function,
            resultinfo: (&raw mut result).cast(),
            ..Default::default()
        };
        loop {
            result.isDone = pg_sys::ExprDoneCond::ExprSingleResult;
            call.isnull = false;
            let row = pg_sys::pg_prepared_xact(&mut call);
            if result.isDone == pg_sys::ExprDoneCond::ExprEndResult {
                break;
            }
            let column = |number| {
                let mut isnull = false;
                pg_sys::GetAttributeByNum(row.cast_mut_ptr(), number, &mut isnull)
            };
            let prepared = Prepared {
                owner: oid(column(OWNER)),
                database: oid(column(DATABASE)),
                prepared: Some(column(PREPARED).value() as i64),
            };
            let gid = pg_sys::text_to_cstring(column(GID).cast_mut_ptr());
            look(column(TRANSACTION).value() as u32, prepared, CStr::from_ptr(gid));
        }
        pg_sys::FreeExprContext(econtext, true);
    }
}

fn oid(datum: Datum) -> Oid {
    Oid::from(datum.value() as u32)
}
