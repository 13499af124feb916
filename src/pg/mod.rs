//! Questions to PostgreSQL: what the rest of the code knows of the server, it knows from here.
//!
//! In come pids, oids and names; out come copies in our own terms. Unsafe code and the differences
//! between versions live here, as far as they can.

pub mod backend_local;
pub mod raw;
pub mod lexemes;
pub mod list;
pub mod allocator;
pub mod memory;
pub mod interrupts;
pub mod compat;
pub mod preload;
pub mod shared_memory;
pub mod per_backend;
pub mod text;
pub mod secrets;
pub mod secret_errors;
pub mod objects;
pub mod extension;
pub mod set_returning;
pub mod xid;
pub mod port;
pub mod prepared;
pub mod processes;
pub mod backend;
pub mod privileges;
pub mod roles;
pub mod native_functions;
pub mod locks;
