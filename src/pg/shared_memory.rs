//! The library's shared memory: asked for while the server starts, found by each of its processes.

use pgrx::pg_sys;

use crate::pg::raw;
use crate::shmem::Segment;

/// Asks for the memory of all segments.
///
/// # Safety
/// The server is starting, and nobody has shared memory yet.
pub unsafe fn request(segments: &[&dyn Segment]) {
    // SAFETY: promised by the caller.
    unsafe { raw::RequestAddinShmemSpace(bytes(segments)) }
}

/// Tells each segment where it lies. True if the memory is new and empty: the server starts, or
/// starts anew after a crash, and there are no other processes. A server that executes its children
/// instead of forking them (EXEC_BACKEND) comes here in each child as well, which finds the memory.
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
    let bytes = segments.iter().map(|segment| segment.bytes());
    bytes.inspect(|bytes| assert!(bytes.is_multiple_of(8), "each segment is aligned")).sum()
}
