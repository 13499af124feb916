//! The lexemes of a statement, as in PostgreSQL's scan.l: blanks, comments, literals and names.
//! Nothing here calls PostgreSQL. Lengths are in bytes, and 0 if the text begins with no such
//! lexeme.

/// Bytes of white space, comments, and of what else is `skipped`.
pub fn blank(text: &[u8], skipped: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        at += match comment(&text[at..]) {
            0 if is_space(byte) || skipped.contains(&byte) => 1,
            0 => break,
            length => length,
        };
    }
    at
}

/// As in PostgreSQL's scan.l, from 16 on with the vertical tab.
pub fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

pub fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

pub fn count(text: &[u8], is_meant: impl Fn(u8) -> bool) -> usize {
    text.iter().take_while(|byte| is_meant(**byte)).count()
}

/// Bytes of a comment. There may be comments in it.
pub fn comment(text: &[u8]) -> usize {
    if text.starts_with(b"--") {
        return count(text, |byte| byte != b'\n' && byte != b'\r');
    }
    let (mut depth, mut at) = (0, 0);
    while text.starts_with(b"/*") && at < text.len() {
        (depth, at) = match &text[at..] {
            [b'/', b'*', ..] => (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth - 1, at + 2),
            _ => (depth, at + 1),
        };
        if depth == 0 {
            break;
        }
    }
    at
}

/// Bytes of a literal or of a quoted name. One without an end goes to the end of the text.
pub fn string(text: &[u8]) -> usize {
    match text {
        [b'\'', ..] => quoted(text, false),
        [b'e' | b'E', b'\'', ..] => 1 + quoted(&text[1..], true),
        [b'b' | b'B' | b'n' | b'N' | b'x' | b'X', b'\'', ..] => 1 + quoted(&text[1..], false),
        [b'u' | b'U', b'&', b'\'', ..] => 2 + quoted(&text[2..], false),
        [b'"', ..] => enclosed(text, b"\""),
        [b'$', ..] => dollar_quoted(text),
        _ => 0,
    }
}

/// Without `escapes`, whether a backslash escapes a quote depends on a setting. Then nobody knows
/// where the string ends.
fn quoted(text: &[u8], escapes: bool) -> usize {
    let mut at = 1;
    while at < text.len() {
        at += match text[at..] {
            [b'\\', _, ..] if escapes => 2,
            [b'\\', b'\'', ..] => return text.len(),
            [b'\'', b'\'', ..] => 2,
            [b'\'', ..] => return at + 1,
            _ => 1,
        };
    }
    text.len()
}

fn dollar_quoted(text: &[u8]) -> usize {
    let tag = 1 + count(&text[1..], is_in_word);
    if text.get(tag) != Some(&b'$') || text[1].is_ascii_digit() { 0 } else { enclosed(text, &text[..=tag]) }
}

fn enclosed(text: &[u8], mark: &[u8]) -> usize {
    let end = text[mark.len()..].windows(mark.len()).position(|part| part == mark);
    end.map_or(text.len(), |end| end + 2 * mark.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_ends_at_its_own_mark() {
        for literal in [
            "''",
            "'a''b'",
            "E'\\'a\\\\'",
            "U&'\\0041'",
            "$$'$a$'$$",
            "$a$ $$ $b$ $a$",
            "\"a'b\"",
            "N'a'",
            "$ä$ $a$ $ä$",
        ] {
            assert_eq!(string(format!("{literal} 'b' $$ $a$ \"").as_bytes()), literal.len(), "{literal}");
        }
        for open in ["'a", "'a\\' 'b'", "E'a\\'", "$$a$", "$a$ $$", "\"a"] {
            assert_eq!(string(open.as_bytes()), open.len(), "{open}");
        }
        for none in ["", "a'b'", "$1$ $1$", "$", "$a", "e", "U&"] {
            assert_eq!(string(none.as_bytes()), 0, "{none}");
        }
    }

    #[test]
    fn comments_nest_and_lines_end() {
        for (text, length) in
            [("/* /* */ */ */", 11), ("/* /* */", 8), ("--a\rb", 3), ("-- a", 4), ("- -", 0), ("a", 0)]
        {
            assert_eq!(comment(text.as_bytes()), length, "{text}");
        }
        assert_eq!(blank(b" \x0b\n;/* a */--\n;=x", b";="), 16);
        assert_eq!(blank(b" ;", b""), 1);
    }
}
