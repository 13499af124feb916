//! What is fuzzed? What parses bytes that come from elsewhere: the library's own files, without the server that the rest needs.

/// Stands in for src/memory.rs, which calls PostgreSQL when there is no memory.
pub mod memory {
    pub fn collect<T>(items: impl Iterator<Item = T>) -> Vec<T> {
        items.collect()
    }
}
#[path = "../../../../src/record.rs"]
pub mod record;
#[path = "../../../../src/ring.rs"]
pub mod ring;
#[path = "../../../../src/saved.rs"]
pub mod saved;
#[path = "../../../../src/slot.rs"]
pub mod slot;
#[path = "../../../../src/source.rs"]
pub mod source;
#[path = "../../../../src/words.rs"]
pub mod words;
