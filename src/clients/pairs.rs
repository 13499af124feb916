//! Writes names and values as one text, and reads them from it. Nothing here calls PostgreSQL.
//!
//! Each pair is `name=5:value`, where 5 is the length of the value in bytes. A name has no `=`; a
//! value may have anything.

pub fn add(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    text.extend_from_slice(name);
    text.extend_from_slice(format!("={}:", value.len()).as_bytes());
    text.extend_from_slice(value);
}

/// The pairs of a text, up to the first one that is not whole.
pub fn of(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, value, after) = first(rest)?;
        rest = after;
        Some((name, value))
    })
}

fn first(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = split(text, b'=')?;
    let (length, rest) = split(rest, b':')?;
    let (value, rest) = rest.split_at_checked(std::str::from_utf8(length).ok()?.parse().ok()?)?;
    Some((name, value, rest))
}

fn split(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == at)?;
    Some((&text[..end], &text[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_as_they_were() {
        let long = b"x".repeat(12_345);
        let pairs: [(&[u8], &[u8]); 5] =
            [(b"a", b"1=2:3;'\\\xe4"), (b"empty", b""), (b"digits", b"5:5"), (b"long", &long), (b"last", b"a=1:b")];
        let mut text = Vec::new();
        pairs.iter().for_each(|(name, value)| add(&mut text, name, value));
        assert!(of(&text).eq(pairs));
        assert_eq!(of(b"").count(), 0);
    }

    #[test]
    fn what_is_not_whole_is_left_out() {
        for text in ["a=5:four", "a", "a=", "a=x:1", "a=-1:", "a=99999999999999999999:1", "a=1"] {
            assert_eq!(of(text.as_bytes()).count(), 0, "{text}");
        }
        assert!(of(b"a=1:xb=9:y").eq([(b"a".as_slice(), b"x".as_slice())]));
    }
}
