//! What if there is no memory? The call fails with PostgreSQL's error 53200, and nothing else does.
//!
//! Rust ends the process when an allocation fails, and PostgreSQL then ends all sessions. So lists that grow with the server ask
//! before they grow, and what an error itself needs, which is small, comes from a reserve that is there from the beginning.
//!
//! An error of PostgreSQL's that pgrx catches is copied into the current memory context. If that has no room, the copy fails in the
//! same place, again and again, until PostgreSQL panics. So its functions are called in a context that has room.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::hash::Hash;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use pgrx::pg_sys;

/// Tests of pure code have no PostgreSQL to tell it to.
fn none_left() -> ! {
    #[cfg(test)]
    unreachable!("tests have memory");
    #[cfg(not(test))]
    crate::error::out_of_memory().raise()
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

/// A memory context that is there from the beginning, with its room. A backend has one thread.
struct Room(Cell<pg_sys::MemoryContext>);

// SAFETY: written when the library is loaded, read by the only thread.
unsafe impl Sync for Room {}

static CALL: Room = Room(Cell::new(ptr::null_mut()));
static ROW: Room = Room(Cell::new(ptr::null_mut()));

/// Called when the library is loaded.
pub fn make_room() {
    for room in [&CALL, &ROW] {
        const BYTES: usize = 16 * 1024;
        // SAFETY: lives as long as the process, as those that are forked from it.
        room.0.set(unsafe {
            let name = c"redshift_sessions room".as_ptr();
            pg_sys::AllocSetContextCreateInternal(pg_sys::TopMemoryContext, name, BYTES, BYTES, 16 * BYTES)
        });
    }
}

/// The current memory context has room, until this goes.
pub struct Roomy {
    room: pg_sys::MemoryContext,
    before: pg_sys::MemoryContext,
}

impl Roomy {
    /// For functions of PostgreSQL's. What they allocate is there until the next one.
    pub fn call() -> Self {
        Roomy::enter(&CALL)
    }

    /// While a function of ours makes rows. `clear` makes it empty again.
    pub fn row() -> Self {
        Roomy::enter(&ROW)
    }

    fn enter(room: &Room) -> Self {
        // SAFETY: nobody keeps what an earlier call has left there.
        unsafe {
            pg_sys::MemoryContextReset(room.0.get());
            Roomy { room: room.0.get(), before: pg_sys::MemoryContextSwitchTo(room.0.get()) }
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
        // SAFETY: the context of whoever called us, which outlives us.
        unsafe { pg_sys::CurrentMemoryContext = self.before }
    }
}

/// A memory context below the current one, which ends with this. Not below the room of calls: it would end with the next one.
pub struct Scratch(pg_sys::MemoryContext);

impl Scratch {
    pub fn new(name: &'static CStr) -> Self {
        // SAFETY: an error is raised where there is room. The name is constant, as PostgreSQL wants it.
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
        // SAFETY: nobody keeps what is in it; it is not the current one.
        unsafe { pg_sys::MemoryContextDelete(self.0) }
    }
}

/// What a function of PostgreSQL's allocates is in `context`, and an error of it where there is room.
///
/// # Safety
/// The function is one that is not guarded, with nothing around it that has a destructor.
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

/// A copy of a string of PostgreSQL's.
pub fn c_string(text: &CStr) -> CString {
    let bytes = text.to_bytes_with_nul();
    let mut copy = Vec::new();
    if copy.try_reserve_exact(bytes.len()).is_err() {
        none_left();
    }
    copy.extend_from_slice(bytes);
    CString::from_vec_with_nul(copy).unwrap_or_default()
}

/// How often this thread of a test has asked for memory.
#[cfg(test)]
pub fn allocations() -> usize {
    ALLOCATIONS.get()
}

#[cfg(test)]
thread_local!(static ALLOCATIONS: Cell<usize> = const { Cell::new(0) });

#[global_allocator]
static ALLOCATOR: Reserved<System> = Reserved { system: System, reserve: Reserve::new() };

/// Bytes of the reserve; pages that nobody writes to take no memory.
const BYTES: usize = 64 * 1024;
/// What asks for more is a list, which can be told that there is none.
const LARGEST: usize = 4 * 1024;
const ALIGN: usize = 16;

/// The system's memory, and when there is none a reserve.
struct Reserved<A> {
    system: A,
    reserve: Reserve,
}

// SAFETY: memory of the system, or pieces of the reserve, which overlap with nothing as long as they are in use.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Reserved<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        #[cfg(test)]
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: promised by the caller.
        let memory = unsafe { self.system.alloc(layout) };
        if memory.is_null() { self.reserve.take(layout) } else { memory }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if self.reserve.owns(memory) {
            self.reserve.give_back();
        } else {
            // SAFETY: promised by the caller; it came from the system.
            unsafe { self.system.dealloc(memory, layout) }
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: promised by the caller; the old piece is at least as large as what is copied of it.
        unsafe {
            if !self.reserve.owns(memory) {
                let larger = self.system.realloc(memory, layout, size);
                if !larger.is_null() {
                    return larger;
                }
            }
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                ptr::copy_nonoverlapping(memory, new, layout.size().min(size));
                self.dealloc(memory, layout);
            }
            new
        }
    }
}

/// Given out from the front, and whole again when the last piece is back: errors do not last.
struct Reserve {
    memory: UnsafeCell<Memory>,
    /// Pieces in use in the upper half, bytes given out in the lower.
    state: AtomicU64,
}

#[repr(align(16))]
struct Memory([u8; BYTES]);

// SAFETY: each piece is given to one owner.
unsafe impl Sync for Reserve {}

const PIECE: u64 = 1 << 32;

impl Reserve {
    const fn new() -> Self {
        Reserve { memory: UnsafeCell::new(Memory([0; BYTES])), state: AtomicU64::new(0) }
    }

    /// NULL if it asks for too much, or nothing is left.
    fn take(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST || layout.align() > ALIGN {
            return ptr::null_mut();
        }
        let size = layout.size().next_multiple_of(ALIGN) as u64;
        let more = |state: u64| ((state % PIECE) + size <= BYTES as u64).then(|| state + PIECE + size);
        match self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more) {
            // SAFETY: inside of the reserve.
            Ok(before) => unsafe { (&raw mut (*self.memory.get()).0).cast::<u8>().add((before % PIECE) as usize) },
            Err(_) => ptr::null_mut(),
        }
    }

    fn give_back(&self) {
        let less = |state: u64| Some(if state / PIECE == 1 { 0 } else { state - PIECE });
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Relaxed, less);
    }

    fn owns(&self, memory: *const u8) -> bool {
        (memory as usize).wrapping_sub(self.memory.get() as usize) < BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A system without memory.
    struct Nothing;

    // SAFETY: gives nothing.
    unsafe impl GlobalAlloc for Nothing {
        unsafe fn alloc(&self, _layout: Layout) -> *mut u8 {
            ptr::null_mut()
        }
        unsafe fn dealloc(&self, _memory: *mut u8, _layout: Layout) {
            unreachable!("it gave nothing")
        }
    }

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 8).unwrap()
    }

    #[test]
    fn small_pieces_come_from_the_reserve_and_large_ones_from_nowhere() {
        let allocator = Reserved { system: Nothing, reserve: Reserve::new() };
        // SAFETY: pieces are given back with the size that they have.
        unsafe {
            assert!(allocator.alloc(layout(LARGEST + 1)).is_null());
            let (one, two) = (allocator.alloc(layout(5)), allocator.alloc(layout(100)));
            assert_eq!(two.offset_from(one), ALIGN as isize);
            one.write_bytes(7, 5);
            let grown = allocator.realloc(one, layout(5), 50);
            assert_eq!(std::slice::from_raw_parts(grown, 5), [7; 5]);
            assert!(allocator.realloc(two, layout(100), LARGEST + 1).is_null());
            allocator.dealloc(two, layout(100));
            allocator.dealloc(grown, layout(50));
            assert_eq!(allocator.alloc(layout(1)), one);
        }
    }

    #[test]
    fn the_reserve_ends() {
        let allocator = Reserved { system: Nothing, reserve: Reserve::new() };
        // SAFETY: as above.
        unsafe {
            let pieces: Vec<_> = (0..BYTES / LARGEST).map(|_| allocator.alloc(layout(LARGEST))).collect();
            assert!(pieces.iter().all(|piece| !piece.is_null()) && allocator.alloc(layout(1)).is_null());
            pieces.iter().for_each(|piece| allocator.dealloc(*piece, layout(LARGEST)));
            assert_eq!(allocator.alloc(layout(LARGEST)), pieces[0]);
        }
    }
}
