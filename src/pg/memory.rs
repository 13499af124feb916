//! For when memory runs out: the call fails with PostgreSQL's error 53200, and nothing else does.
//!
//! Rust ends the process when an allocation fails, and PostgreSQL then ends all sessions. So lists
//! that grow with the server ask before they grow. What the error itself needs comes from the
//! reserve in `allocator.rs`.
//!
//! When pgrx catches an error of PostgreSQL's, it copies the error into the current memory context.
//! If that has no room, the copy fails in the same place, again and again, until PostgreSQL panics.
//! So we call PostgreSQL's functions in a context that has room.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::hash::Hash;
use std::ptr;

use pgrx::pg_sys;

use crate::pg::backend_local::BackendLocal;

/// Raises the error. Tests of pure code have no PostgreSQL to raise it.
fn none_left() -> ! {
    #[cfg(test)]
    unreachable!("tests have memory");
    #[cfg(not(test))]
    crate::error::out_of_memory().raise()
}

/// Raises the error unless there is room for a few short texts. Called before each of many: none of
/// them asks by itself, and together they would use up the reserve.
pub fn room_for_texts() {
    /// More than the reserve gives to anybody.
    const BYTES: usize = 16 * 1024;
    let mut room = Vec::<u8>::new();
    if room.try_reserve_exact(BYTES).is_err() {
        none_left();
    }
    // Or the compiler leaves all of it out.
    std::hint::black_box(&mut room);
}

/// Adds to a list that may become large.
pub fn push<T>(list: &mut Vec<T>, item: T) {
    if list.len() == list.capacity() && list.try_reserve(1).is_err() {
        none_left();
    }
    list.push(item);
}

/// A list that may become large.
pub fn collect<T>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut list = Vec::new();
    items.for_each(|item| push(&mut list, item));
    list
}

/// Adds to bytes that may become many.
pub fn extend(list: &mut Vec<u8>, bytes: &[u8]) {
    if list.try_reserve(bytes.len()).is_err() {
        none_left();
    }
    list.extend_from_slice(bytes);
}

/// Room for so many bytes.
pub fn bytes(number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    if bytes.try_reserve_exact(number).is_err() {
        none_left();
    }
    bytes
}

/// A map that may become large.
pub fn map<K: Hash + Eq, V>(items: impl Iterator<Item = (K, V)>) -> HashMap<K, V> {
    let mut map = HashMap::new();
    items.for_each(|(key, value)| insert(&mut map, key, value));
    map
}

pub fn insert<K: Hash + Eq, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    room_for_one(map);
    map.insert(key, value);
}

pub fn room_for_one<K: Hash + Eq, V>(map: &mut HashMap<K, V>) {
    if map.try_reserve(1).is_err() {
        none_left();
    }
}

/// A set that may become large.
pub fn set<T: Hash + Eq>(items: impl Iterator<Item = T>) -> HashSet<T> {
    let mut set = HashSet::new();
    for item in items {
        if set.try_reserve(1).is_err() {
            none_left();
        }
        set.insert(item);
    }
    set
}

/// A memory context that exists from the beginning, with room in it.
type Room = BackendLocal<Cell<pg_sys::MemoryContext>>;

static CALL: Room = BackendLocal::new(Cell::new(ptr::null_mut()));
static ROW: Room = BackendLocal::new(Cell::new(ptr::null_mut()));

/// Called when the library is loaded.
pub fn make_room() {
    for room in [&CALL, &ROW] {
        const BYTES: usize = 16 * 1024;
        // SAFETY: the context lives as long as this process, and those that are forked from it.
        room.set(unsafe {
            let name = c"redshift_sessions room".as_ptr();
            pg_sys::AllocSetContextCreateInternal(pg_sys::TopMemoryContext, name, BYTES, BYTES, 16 * BYTES)
        });
    }
}

/// As long as this lives, the current memory context is one that has room.
pub struct Roomy {
    room: pg_sys::MemoryContext,
    before: pg_sys::MemoryContext,
}

impl Roomy {
    /// For a call of PostgreSQL's functions. What they allocate lives until the next `Roomy::call`.
    pub fn call() -> Self {
        Roomy::enter(&CALL)
    }

    /// For a function of ours that makes rows. `clear` empties the context for the next row.
    pub fn row() -> Self {
        Roomy::enter(&ROW)
    }

    fn enter(room: &Room) -> Self {
        // SAFETY: nobody keeps what an earlier call has left there.
        unsafe {
            pg_sys::MemoryContextReset(room.get());
            Roomy { room: room.get(), before: pg_sys::MemoryContextSwitchTo(room.get()) }
        }
    }

    pub fn clear(&self) {
        // SAFETY: what was in it has been copied.
        unsafe { pg_sys::MemoryContextReset(self.room) }
    }

    pub fn context(&self) -> pg_sys::MemoryContext {
        self.room
    }
}

impl Drop for Roomy {
    fn drop(&mut self) {
        // SAFETY: the context of whoever made this, which outlives it.
        unsafe { pg_sys::CurrentMemoryContext = self.before }
    }
}

/// A memory context below the current one, deleted when this goes. Do not make it below the room of
/// `Roomy::call`: the next call would delete it.
pub struct Scratch(pg_sys::MemoryContext);

impl Scratch {
    pub fn new(name: &'static CStr) -> Self {
        // SAFETY: an error finds room. The name is a constant, as PostgreSQL requires.
        unsafe {
            let parent = pg_sys::CurrentMemoryContext;
            let _room = Roomy::call();
            Scratch(pg_sys::AllocSetContextCreateInternal(
                parent,
                name.as_ptr(),
                pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            ))
        }
    }

    pub fn context(&self) -> pg_sys::MemoryContext {
        self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // SAFETY: nobody keeps what is in it, and it is not the current context.
        unsafe { pg_sys::MemoryContextDelete(self.0) }
    }
}

/// Calls a function of PostgreSQL's. What it allocates goes into `context`, and its error goes
/// where there is room.
///
/// # Safety
/// `function` calls PostgreSQL without a guard, and holds nothing that has a destructor.
pub unsafe fn allocate_in<T>(context: pg_sys::MemoryContext, function: impl FnOnce() -> T) -> T {
    let room = Roomy::call();
    // SAFETY: promised by the caller.
    unsafe {
        pg_sys::ffi::pg_guard_ffi_boundary(|| {
            pg_sys::CurrentMemoryContext = context;
            let result = function();
            pg_sys::CurrentMemoryContext = room.room;
            result
        })
    }
}

/// Copies a string of PostgreSQL's.
pub fn c_string(text: &CStr) -> CString {
    let bytes = text.to_bytes_with_nul();
    let mut copy = Vec::new();
    if copy.try_reserve_exact(bytes.len()).is_err() {
        none_left();
    }
    copy.extend_from_slice(bytes);
    CString::from_vec_with_nul(copy).unwrap_or_default()
}
