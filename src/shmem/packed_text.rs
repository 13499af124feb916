//! Texts packed into words: cut to fit, and filled up with zeros. Nothing here calls PostgreSQL.

use std::ffi::CString;
use std::sync::atomic::{AtomicU64, Ordering};

/// Cuts a long text at a byte, even in the middle of a letter. Addresses fit, and names and labels
/// have been cut between two letters: names by PostgreSQL, to 63 bytes, labels by query_group.rs.
/// What a driver says of itself has not been cut, so stl_connection_log shows only its ASCII.
pub fn pack<const WORDS: usize>(text: &[u8]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    pack_into(&mut words, text);
    words
}

/// Leaves the words after the text as they are.
pub fn pack_into(words: &mut [u64], text: &[u8]) {
    let (whole, rest) = text.as_chunks::<8>();
    for (word, eight) in words.iter_mut().zip(whole) {
        *word = u64::from_ne_bytes(*eight);
    }
    if let Some(word) = words.get_mut(whole.len())
        && !rest.is_empty()
    {
        *word = last_word(text, rest);
    }
}

/// As `pack_into`, in memory that is shared.
#[inline(always)]
pub fn store(words: &[AtomicU64], text: &[u8]) {
    let (whole, rest) = text.as_chunks::<8>();
    for (word, eight) in words.iter().zip(whole) {
        word.store(u64::from_ne_bytes(*eight), Ordering::Relaxed);
    }
    if let Some(word) = words.get(whole.len())
        && !rest.is_empty()
    {
        word.store(last_word(text, rest), Ordering::Relaxed);
    }
}

/// The `rest` of the text, filled up with zeros. Taken from its last eight bytes if it has as many:
/// cheaper than to copy so few.
#[inline(always)]
fn last_word(text: &[u8], rest: &[u8]) -> u64 {
    match text.last_chunk::<8>() {
        Some(last) => (u64::from_le_bytes(*last) >> (8 * (8 - rest.len()))).to_le(),
        None => {
            let mut eight = [0; 8];
            eight[..rest.len()].copy_from_slice(rest);
            u64::from_ne_bytes(eight)
        }
    }
}

pub fn unpack(words: &[u64]) -> CString {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).take_while(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_as_far_as_they_fit() {
        for text in ["", "a", "1234567", "12345678", "123456789", "123456789012345", "name with 'quotes' and ä"] {
            assert_eq!(unpack(&pack::<8>(text.as_bytes())).to_bytes(), text.as_bytes());
        }
        assert_eq!(unpack(&pack::<1>(b"123456789")).to_bytes(), b"12345678");
    }
}
