//! PostgreSQL's lists, read in place.

use pgrx::pg_sys::{List, ListCell};

/// The cells of a list of pointers, integers or oids.
///
/// # Safety
/// `list` is NIL, which is NULL, or a list that nobody changes meanwhile.
pub unsafe fn cells<'a>(list: *const List) -> &'a [ListCell] {
    // SAFETY: promised by the caller.
    unsafe {
        match list.as_ref() {
            Some(list) => std::slice::from_raw_parts(list.elements, list.length as usize),
            None => &[],
        }
    }
}

/// The pointers in a list of pointers.
///
/// # Safety
/// As for `cells`. The pointers are to `T`, or to nodes that begin as `T` does.
pub unsafe fn pointers<'a, T: 'a>(list: *const List) -> impl ExactSizeIterator<Item = *mut T> + 'a {
    // SAFETY: promised by the caller.
    unsafe { cells(list).iter().map(|cell| cell.ptr_value.cast()) }
}
