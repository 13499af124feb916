//! Hides the passwords in statements that set one. Nothing here calls PostgreSQL.
//!
//! The text may be cut, may be no SQL at all, and may be a piece of a larger string: so this looks
//! for the word and for what follows it, not for statements.

use std::borrow::Cow;

const WORD: &[u8] = b"password";
const HIDDEN: &[u8] = b"'***'";

/// The text with each string that follows the word PASSWORD exchanged.
pub fn hide(text: &[u8]) -> Cow<'_, [u8]> {
    let mut shown: Vec<u8> = Vec::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = find_word(&text[at..]) {
        let word = at + found;
        at = word + WORD.len();
        let begin = at + blank(&text[at..]);
        let length = string(&text[begin..]);
        if length > 0 && !ends_a_literal(text, word, begin) {
            shown.extend_from_slice(&text[copied..begin]);
            shown.extend_from_slice(HIDDEN);
            at = begin + length;
            copied = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    shown.extend_from_slice(&text[copied..]);
    Cow::Owned(shown)
}

/// Where the word is, whole and in any case.
fn find_word(text: &[u8]) -> Option<usize> {
    let part_of_a_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    (0..text.len().checked_sub(WORD.len() - 1)?).find(|&at| {
        text[at..at + WORD.len()].eq_ignore_ascii_case(WORD)
            && !part_of_a_word(at.checked_sub(1).map(|before| &text[before]))
            && !part_of_a_word(text.get(at + WORD.len()))
    })
}

/// Is the word part of a literal, which the quote at `quote` ends? In doubt it is not: too much is
/// hidden rather than a password shown.
fn ends_a_literal(text: &[u8], word: usize, quote: usize) -> bool {
    let before = &text[..quote];
    let dollar = before.windows(2).any(|two| two[0] == b'$' && !two[1].is_ascii_digit());
    if dollar || before.contains(&b'\\') || text[quote] != b'\'' || text.get(quote + 1) == Some(&b'\'') {
        return false;
    }
    let behind = |at: usize, end: &[u8]| {
        text[at..].windows(end.len()).position(|part| part == end).map_or(text.len(), |found| at + found + end.len())
    };
    let mut at = 0;
    while at < word {
        at = match &text[at..] {
            // A doubled quote ends one literal here and begins the next, which makes no difference.
            [b'\'', ..] => {
                let end = behind(at + 1, b"'");
                if end > word {
                    return true;
                }
                end
            }
            [b'"', ..] => behind(at + 1, b"\""),
            [b'-', b'-', ..] => behind(at, b"\n"),
            [b'/', b'*', ..] => behind(at + 2, b"*/"),
            _ => at + 1,
        };
    }
    false
}

/// Bytes of white space and comments, and of a `=`.
fn blank(text: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        at += match rest {
            [byte, ..] if byte.is_ascii_whitespace() || *byte == b'=' => 1,
            [b'-', b'-', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', ..] => rest.windows(2).position(|two| two == b"*/").map_or(rest.len(), |end| end + 2),
            _ => return at,
        };
    }
}

/// Bytes of the string that the text begins with: 0 if it begins with none. One without an end goes
/// to the end of the text.
fn string(text: &[u8]) -> usize {
    let prefix = match text {
        [b'e' | b'E', b'\'', ..] => 1,
        [b'u' | b'U', b'&', b'\'', ..] => 2,
        _ => 0,
    };
    match &text[prefix..] {
        [b'\'', ..] => prefix + quoted(&text[prefix..], prefix == 1),
        [b'$', ..] => dollar_quoted(text),
        _ => 0,
    }
}

/// In a string that is part of another one each quote is there twice, or four times.
fn quoted(text: &[u8], escapes: bool) -> usize {
    let quotes = |text: &[u8]| text.iter().take_while(|byte| **byte == b'\'').count();
    let opening = quotes(text);
    let ends = |next: Option<&u8>| next.is_none_or(|next| !next.is_ascii_alphanumeric());
    if opening % 2 == 0 && ends(text.get(opening)) {
        return opening; // an empty one
    }
    // As many as open it close it: ''' is a quote in the string and the end of it, or the
    // beginning.
    let level = if opening % 2 == 1 { 1 } else { opening };
    let mut at = level;
    while at < text.len() {
        match text[at] {
            b'\\' if escapes => at += 2,
            b'\'' => {
                let run = quotes(&text[at..]);
                at += run;
                if run % (2 * level) >= level {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

fn dollar_quoted(text: &[u8]) -> usize {
    let Some(tag) = text[1..].iter().position(|byte| *byte == b'$').map(|end| &text[..end + 2]) else { return 0 };
    if !tag[1..tag.len() - 1].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii()) {
        return 0;
    }
    let end = text[tag.len()..].windows(tag.len()).position(|part| part == tag);
    end.map_or(text.len(), |end| end + 2 * tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        String::from_utf8(hide(text.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn passwords_are_hidden_however_they_are_written() {
        for secret in [
            "'secret'",
            "'sec''ret'",
            "''''",
            "E'sec\\'ret'",
            "e'sec\\\\'",
            "U&'\\0073ecret'",
            "$$sec'ret$$",
            "$a$sec$$ret$a$",
            "'md5secret'",
            "'sec\nret'",
            "'secret",
        ] {
            for before in [
                "CREATE USER x PASSWORD ",
                "alter role x with encrypted password\n\t",
                "ALTER USER x PASSWORD/* ' */",
                "x PassWord -- '\n",
                "password = ",
            ] {
                let cut = secret == "'secret";
                let after = if cut { "" } else { " VALID UNTIL 'infinity'" };
                assert_eq!(shown(&format!("{before}{secret}{after}")), format!("{before}'***'{after}"));
            }
        }
    }

    #[test]
    fn a_password_in_a_string_is_hidden_too() {
        assert_eq!(
            shown("DO $$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD ''secret'' NOLOGIN'; END $$"),
            "DO $$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD '***' NOLOGIN'; END $$"
        );
        assert_eq!(shown("SELECT 'x PASSWORD ''''se''''''''cret'''' y'"), "SELECT 'x PASSWORD '***' y'");
    }

    #[test]
    fn what_is_no_password_stays() {
        for text in [
            "",
            "p",
            "password",
            "SELECT password FROM t",
            "ALTER USER x PASSWORD NULL",
            "ALTER USER x PASSWORD DISABLE",
            "SELECT 'password', 'b'",
            "SELECT * FROM t WHERE q = 'my password' AND \"it's\" = 'x' -- don't",
            "/* don't */ SELECT 'it''s a password', 'b'",
            "SELECT passwords 'a', my_password 'b', password2 'c'",
            "SELECT 'a', password, 'b'",
            "PASSWORD $1",
            "PASSWORD $",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn whatever_the_text_is_there_is_an_end() {
        let pieces = ["password", "'", "''", "$$", "$a$", "E'", "\\", "/*", "--", "\n", " ", "=", "x", "ä"];
        let mut number: u64 = 1;
        for _ in 0..20_000 {
            let text: String = (0..8)
                .map(|_| {
                    number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    pieces[(number >> 33) as usize % pieces.len()]
                })
                .collect();
            let once = shown(&text);
            assert!(once.len() <= text.len() + 40, "{text}");
        }
    }
}
