//! The shared memory of the library: asked for before the server starts, found by each of its processes.

use pgrx::pg_sys;

use crate::pg::raw;
use crate::shmem::Segment;

/// # Safety
/// The server is starting, and nobody has shared memory yet.
pub unsafe fn request(segments: &[&dyn Segment]) {
    // SAFETY: promised by the caller.
    unsafe { raw::RequestAddinShmemSpace(bytes(segments)) }
}

/// Tells each segment where it is. True if the memory is new, and empty: the server starts, or starts
/// anew after a crash, and there are no other processes. Where a server executes its children, each
/// of them comes here as well, and finds it.
///
/// # Safety
/// Called by shmem_startup_hook.
pub unsafe fn place(segments: &[&dyn Segment]) -> bool {
    // SAFETY: promised by the caller. The memory is shared, aligned and as large as asked for.
    unsafe {
        let mut found = false;
        let name = c"redshift_sessions".as_ptr();
        let mut memory = pg_sys::ShmemInitStruct(name, bytes(segments), &mut found).cast::<u8>();
        if !found {
            memory.write_bytes(0, bytes(segments));
        }
        for segment in segments {
            segment.place(memory);
            memory = memory.add(segment.bytes());
        }
        !found
    }
}

fn bytes(segments: &[&dyn Segment]) -> usize {
    segments.iter().map(|segment| segment.bytes()).sum()
}
