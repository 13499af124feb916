//! Accepts the session parameters of Redshift's reference that PostgreSQL does not have.
//!
//! They keep what they are set to and do nothing, because PostgreSQL has nothing that they could
//! change. The one that does something, query_group, is in `query_group.rs`. Types, ranges and
//! defaults are those of the reference's pages.

use std::ffi::{CStr, c_char, c_int};

use pgrx::pg_sys::{self, GucContext};

use crate::pg::raw;

pub struct Parameter {
    name: &'static CStr,
    meaning: &'static CStr,
    kind: Type,
    context: GucContext::Type,
}

enum Type {
    Bool(bool),
    Int {
        default: i32,
        least: i32,
        most: i32,
    },
    Real {
        default: f64,
        least: f64,
        most: f64,
    },
    Text(&'static CStr),
    /// The first one is the default.
    Choice(&'static [&'static CStr]),
}

const fn parameter(name: &'static CStr, kind: Type, meaning: &'static CStr) -> Parameter {
    Parameter { name, meaning, kind, context: GucContext::PGC_USERSET }
}

const ANY: Type = Type::Int { default: -1, least: i32::MIN, most: i32::MAX };

#[rustfmt::skip] // a table
const PARAMETERS: &[Parameter] = &[
    parameter(c"analyze_threshold_percent", Type::Real { default: 10.0, least: 0.0, most: 100.0 }, c"Share of changed rows below which ANALYZE would skip a table."),
    parameter(c"cast_super_null_on_error", Type::Bool(true), c"A failed cast of SUPER would give NULL."),
    parameter(c"datashare_break_glass_session_var", Type::Text(c""), c"Token that would let a data share be dropped."),
    parameter(c"default_array_search_null_handling", Type::Bool(true), c"Functions that search arrays would find NULL."),
    parameter(c"default_geometry_encoding", Type::Int { default: 2, least: 1, most: 2 }, c"Form in which geometries would be stored."),
    parameter(c"describe_field_name_in_uppercase", Type::Bool(false), c"Names of result columns would be in upper case."),
    parameter(c"downcase_delimited_identifier", Type::Bool(true), c"Quoted names would be folded to lower case."),
    parameter(c"enable_case_sensitive_identifier", Type::Bool(false), c"Quoted names would keep their case, as they always do in PostgreSQL."),
    parameter(c"enable_case_sensitive_super_attribute", Type::Bool(false), c"Attributes of SUPER would keep their case."),
    parameter(c"enable_numeric_rounding", Type::Bool(false), c"Casts to NUMERIC would round, as they always do in PostgreSQL."),
    parameter(c"enable_result_cache_for_session", Type::Bool(true), c"Queries would be answered from the result cache."),
    parameter(c"enable_spectrum_oid", Type::Bool(true), c"External tables would have the column $spectrum_oid."),
    parameter(c"enable_vacuum_boost", Type::Bool(false), c"VACUUM would run with BOOST."),
    parameter(c"error_on_nondeterministic_update", Type::Bool(false), c"An UPDATE that joins a row twice would fail."),
    parameter(c"interval_forbid_composite_literals", Type::Bool(true), c"Interval literals of months and days would fail."),
    parameter(c"json_parse_dedup_attributes", Type::Bool(false), c"JSON_PARSE would keep the last of attributes of one name."),
    parameter(c"json_parse_truncate_strings", Type::Bool(false), c"JSON_PARSE would cut long strings."),
    parameter(c"json_serialization_enable", Type::Bool(false), c"Nested data of external tables would be returned as JSON."),
    parameter(c"json_serialization_parse_nested_strings", Type::Bool(false), c"Strings in such data would be parsed as JSON."),
    parameter(c"max_concurrency_scaling_clusters", Type::Int { default: 1, least: 0, most: 10 }, c"Number of clusters that concurrency scaling would use."),
    parameter(c"max_cursor_result_set_size", Type::Int { default: 0, least: 0, most: 14_400_000 }, c"Size of a cursor's result in megabytes; unused in Redshift too."),
    Parameter { context: GucContext::PGC_INTERNAL, ..parameter(c"max_failed_login_attempts", Type::Int { default: 5, least: 2, most: 50 }, c"Failed logins after which a user would be locked.") },
    parameter(c"mv_enable_aqmv_for_session", Type::Bool(true), c"Queries would be rewritten to use materialized views."),
    parameter(c"navigate_super_null_on_error", Type::Bool(true), c"A missing member of SUPER would give NULL."),
    parameter(c"parse_super_null_on_error", Type::Bool(false), c"Input of SUPER that cannot be parsed would give NULL."),
    parameter(c"pg_federation_repeatable_read", Type::Bool(true), c"Federated queries would use REPEATABLE READ."),
    parameter(c"spectrum_enable_pseudo_columns", Type::Bool(true), c"External tables would have the columns $path and $size."),
    parameter(c"spectrum_query_maxerror", ANY, c"Errors of external data after which a query would be cancelled; negative for no limit."),
    parameter(c"stored_proc_log_min_messages", Type::Choice(&[c"log", c"info", c"notice", c"warning", c"exception"]), c"Lowest level of a procedure's messages that would be logged."),
    parameter(c"use_fips_ssl", Type::Bool(false), c"TLS would be FIPS-compliant."),
    parameter(c"wlm_query_slot_count", Type::Int { default: 1, least: 1, most: 50 }, c"Number of slots that a query would take in its queue."),
];

/// The second sentence about each of them in pg_settings (extra_desc).
const NOTE: &CStr = c"A parameter of Amazon Redshift, without effect in PostgreSQL.";

/// For settings without a dot in their names. PostgreSQL reads its configuration files before it
/// loads libraries, and does not start if such a setting is in them: so ALTER SYSTEM refuses it.
pub const NOT_BY_ALTER_SYSTEM: u32 = pg_sys::GUC_DISALLOW_IN_AUTO_FILE;

/// Gives the names of those that are another library's.
pub fn define() -> Vec<&'static CStr> {
    let (others, own): (Vec<_>, Vec<_>) = PARAMETERS.iter().partition(|parameter| exists(parameter.name));
    own.into_iter().for_each(define_one);
    others.into_iter().map(|parameter| parameter.name).collect()
}

/// Does a parameter of this name exist? A later PostgreSQL, or another library, may have it.
pub fn exists(name: &CStr) -> bool {
    let name = name.as_ptr();
    // SAFETY: look-ups. The value of a string may be NULL, and its flags 0. Then only its text,
    // which is empty, tells that it is there.
    unsafe {
        !raw::GetConfigOption(name, true, false).is_null()
            || raw::GetConfigOptionFlags(name, true) != 0
            || !pg_sys::GetConfigOptionByName(name, std::ptr::null_mut(), true).is_null()
    }
}

fn define_one(parameter: &Parameter) {
    let &Parameter { name, meaning, ref kind, context } = parameter;
    let (name, meaning, note) = (name.as_ptr(), meaning.as_ptr(), NOTE.as_ptr());
    let flags = NOT_BY_ALTER_SYSTEM as c_int;
    // SAFETY: all that PostgreSQL keeps a pointer to lives as long as the process.
    unsafe {
        match *kind {
            Type::Bool(default) => {
                let value = Box::leak(Box::new(default));
                pg_sys::DefineCustomBoolVariable(name, meaning, note, value, default, context, flags, None, None, None);
            }
            Type::Int { default, least, most } => {
                let value = Box::leak(Box::new(default));
                pg_sys::DefineCustomIntVariable(
                    name, meaning, note, value, default, least, most, context, flags, None, None, None,
                );
            }
            Type::Real { default, least, most } => {
                let value = Box::leak(Box::new(default));
                pg_sys::DefineCustomRealVariable(
                    name, meaning, note, value, default, least, most, context, flags, None, None, None,
                );
            }
            Type::Text(default) => {
                let value = Box::leak(Box::new(std::ptr::null_mut::<c_char>()));
                let default = default.as_ptr();
                pg_sys::DefineCustomStringVariable(
                    name, meaning, note, value, default, context, flags, None, None, None,
                );
            }
            Type::Choice(choices) => {
                let value: &mut c_int = Box::leak(Box::new(0));
                let choices = Box::leak(enum_entries(choices)).as_ptr();
                pg_sys::DefineCustomEnumVariable(
                    name, meaning, note, value, 0, choices, context, flags, None, None, None,
                );
            }
        }
    }
}

/// The choices as PostgreSQL wants them: an entry without a name ends them.
fn enum_entries(choices: &[&'static CStr]) -> Box<[pg_sys::config_enum_entry]> {
    let entry = |name, val| pg_sys::config_enum_entry { name, val, hidden: false };
    let entries = choices.iter().zip(0..).map(|(choice, number)| entry(choice.as_ptr(), number));
    entries.chain([entry(std::ptr::null(), 0)]).collect()
}
