//! Hides the passwords in statements that set one, as far as they follow the word PASSWORD. Nothing
//! here calls PostgreSQL.
//!
//! The text may be cut, may be no SQL at all, and may be a piece of a larger string. So this looks
//! for the word and for what follows it, not for statements. In doubt too much is hidden. The time
//! that it takes grows with the length of the text, whatever that is.

use std::borrow::Cow;

use crate::pg::memory;

const WORD: &[u8] = b"password";
const HIDDEN: &[u8] = b"'***'";

/// The text with the strings that follow the word PASSWORD exchanged.
pub fn hide(text: &[u8]) -> Cow<'_, [u8]> {
    let mut shown: Vec<u8> = Vec::new();
    let mut literals = Literals::of(text);
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = find_word(&text[at..]) {
        let word = at + found;
        let secret = secret(text, word, &mut literals);
        at = secret.end;
        if secret.length > 0 {
            memory::extend(&mut shown, &text[copied..secret.end - secret.length]);
            memory::extend(&mut shown, HIDDEN);
            copied = secret.end;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    memory::extend(&mut shown, &text[copied..]);
    Cow::Owned(shown)
}

/// The error of a statement. If something in that was hidden, the error does not quote it either.
pub fn hide_in_error(error: &[u8], something_was_hidden: bool) -> Cow<'_, [u8]> {
    const QUOTES: &[u8] = b"at or near ";
    match error.windows(QUOTES.len()).position(|part| part == QUOTES) {
        Some(found) if something_was_hidden => {
            let mut shown = Vec::new();
            memory::extend(&mut shown, &error[..found + QUOTES.len()]);
            memory::extend(&mut shown, HIDDEN);
            Cow::Owned(shown)
        }
        _ => hide(error),
    }
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

/// What follows the word: where it ends, and how many bytes of it are secret.
struct Secret {
    end: usize,
    length: usize,
}

fn secret(text: &[u8], word: usize, literals: &mut Literals) -> Secret {
    let mut at = word + WORD.len();
    let quoted_name = word > 0 && text[word - 1] == b'"' && text.get(at) == Some(&b'"');
    at += usize::from(quoted_name);
    if text.get(at) == Some(&b'=') && literals.may_contain(word) {
        // As in a connection string, where the value needs no quotes.
        let value = at + 1;
        let ends = |byte: &u8| byte.is_ascii_whitespace() || b"'\";&\\".contains(byte);
        let length = text[value..].iter().position(ends).unwrap_or(text.len() - value);
        if length > 0 {
            return Secret { end: value + length, length };
        }
    }
    let begin = at + blank(&text[at..]);
    let rest = &text[begin..];
    if rest.first() == Some(&b'%') && literals.may_contain(word) {
        return Secret { end: text.len(), length: rest.len() }; // format('... PASSWORD %L', ...)
    }
    if rest.first() == Some(&b'\'') && rest.get(1) != Some(&b'\'') && literals.surely_contain(word) {
        // The quote ends a literal, to which the password may be appended.
        let appended = begin + 1 + blank(&text[begin + 1..]);
        return match &text[appended..] {
            rest @ [b'|', b'|', ..] => Secret { end: text.len(), length: rest.len() },
            _ => Secret { end: begin + 1, length: 0 },
        };
    }
    let mut end = begin;
    // Strings that follow each other are one.
    while let length @ 1.. = string(&text[end..]) {
        end += length;
        let next = end + blank(&text[end..]);
        if string(&text[next..]) == 0 {
            break;
        }
        end = next;
    }
    // What was taken for a string was none, if a word follows at once.
    if end > begin && text.get(end).is_some_and(|next| next.is_ascii_alphanumeric()) {
        end = text.len();
    }
    Secret { end: end.max(begin), length: end - begin }
}

/// Where the literals of a text are. The questions are asked in the order of the text.
struct Literals<'a> {
    text: &'a [u8],
    /// From here on quotes may mean something else: after a backslash, and after a $ that may begin
    /// a string.
    doubtful: usize,
    at: usize,
    /// The last one, or another piece that was passed at once.
    last: (usize, bool),
}

impl<'a> Literals<'a> {
    fn of(text: &'a [u8]) -> Self {
        let begins_a_string = |two: &[u8]| two[0] == b'$' && !two[1].is_ascii_digit();
        let dollar = text.windows(2).position(begins_a_string).unwrap_or(text.len());
        let backslash = text.iter().position(|byte| *byte == b'\\').unwrap_or(text.len());
        Literals { text, doubtful: dollar.min(backslash), at: 0, last: (0, false) }
    }

    fn surely_contain(&mut self, place: usize) -> bool {
        place < self.doubtful && self.contain(place)
    }

    fn may_contain(&mut self, place: usize) -> bool {
        place >= self.doubtful || self.contain(place)
    }

    fn contain(&mut self, place: usize) -> bool {
        while self.at <= place {
            let begin = self.at;
            self.at = match &self.text[begin..] {
                // A doubled quote ends one literal here and begins the next: no difference.
                [b'\'', ..] => self.behind(begin + 1, b"'"),
                [b'"', ..] => self.behind(begin + 1, b"\""),
                [b'-', b'-', ..] => self.behind(begin, b"\n"),
                [b'/', b'*', ..] => begin + comment(&self.text[begin..]),
                _ => begin + 1,
            };
            self.last = (begin, self.text.get(begin) == Some(&b'\''));
        }
        self.last.1 && self.last.0 < place
    }

    fn behind(&self, at: usize, end: &[u8]) -> usize {
        let found = self.text[at..].windows(end.len()).position(|part| part == end);
        found.map_or(self.text.len() + 1, |found| at + found + end.len())
    }
}

/// Bytes of white space and comments, and of a `=`.
fn blank(text: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let rest = &text[at..];
        at += match rest {
            [byte, ..] if byte.is_ascii_whitespace() || b"=\x0b".contains(byte) => 1,
            [b'-', b'-', ..] => rest.iter().position(|byte| b"\n\r".contains(byte)).unwrap_or(rest.len()),
            [b'/', b'*', ..] => comment(rest),
            _ => return at,
        };
    }
}

/// Bytes of the comment that the text begins with. Comments may be in comments.
fn comment(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        (depth, at) = match &text[at..] {
            [b'/', b'*', ..] => (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth - 1, at + 2),
            _ => (depth, at + 1),
        };
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Bytes of the string that the text begins with: 0 if it begins with none. One without an end goes
/// to the end of the text.
fn string(text: &[u8]) -> usize {
    match text {
        [b'\'', ..] => quoted(text),
        [b'e' | b'E', b'\'', ..] => 1 + quoted(&text[1..]),
        [b'u' | b'U', b'&', b'\'', ..] => 2 + quoted(&text[2..]),
        [b'$', ..] => dollar_quoted(text),
        // Within another string, and a mistake that is made.
        [b'\\', b'\'', ..] => enclosed(text, b"\\'"),
        [b'"', ..] => enclosed(text, b"\""),
        _ => 0,
    }
}

fn enclosed(text: &[u8], mark: &[u8]) -> usize {
    let end = text[mark.len()..].windows(mark.len()).position(|part| part == mark);
    end.map_or(text.len(), |end| end + 2 * mark.len())
}

/// In a string that is part of another one each quote is there twice, or four times. A backslash
/// may escape a quote: that depends on a setting.
fn quoted(text: &[u8]) -> usize {
    let quotes = |text: &[u8]| text.iter().take_while(|byte| **byte == b'\'').count();
    let opening = quotes(text);
    let ends = |next: Option<&u8>| next.is_none_or(|next| next.is_ascii_whitespace() || b";,)".contains(next));
    if opening % 2 == 0 && ends(text.get(opening)) {
        return opening; // an empty one
    }
    // As many as open it close it: ''' is a quote in the string and the end of it, or the
    // beginning.
    let level = if opening % 2 == 1 { 1 } else { opening };
    let mut at = level;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
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
    enclosed(text, tag)
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
    fn no_way_of_writing_shows_the_secret() {
        for statement in [
            "ALTER ROLE x PASSWORD 'abc'\n'SECRET'",
            "ALTER ROLE x PASSWORD E'a'\n\n 'SECRET' VALID UNTIL 'infinity'",
            "ALTER ROLE x PASSWORD /* /* */ 'x' */ 'SECRET'",
            "ALTER ROLE x PASSWORD --c\r'SECRET'",
            "ALTER ROLE x PASSWORD\u{b}'SECRET'",
            "ALTER ROLE x PASSWORD 'a\\'SECRET'",
            "ALTER ROLE x VALID UNTIL '2030-01-01'PASSWORD'SECRET'",
            "DO $$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD ''!SECRET'''; END $$",
            "DO 'BEGIN EXECUTE ''ALTER ROLE x PASSWORD ''''éSECRET''''''; END'",
            "DO $$ BEGIN EXECUTE E'ALTER ROLE x PASSWORD \\'SECRET\\''; END $$",
            "DO $$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD ' || quote_literal('SECRET'); END $$",
            "SELECT f('ALTER ROLE x PASSWORD ' || quote_literal('SECRET'))",
            "DO $$ BEGIN EXECUTE format('ALTER ROLE x PASSWORD %L', 'SECRET'); END $$",
            "SELECT f(format('ALTER ROLE x PASSWORD %L', 'SECRET'))",
            "CREATE USER MAPPING FOR x SERVER s OPTIONS (\"password\" 'SECRET')",
            "CREATE USER MAPPING FOR x SERVER s OPTIONS (user 'y', password 'SECRET')",
            "CREATE SUBSCRIPTION s CONNECTION 'host=h password=SECRET' PUBLICATION p",
            "SELECT dblink_connect('password=SECRET')",
            "ALTER ROLE x PASSWORD \"SECRET\"",
        ] {
            assert!(!shown(statement).contains("SECRET"), "{}", shown(statement));
        }
    }

    #[test]
    fn an_error_quotes_nothing_that_is_hidden() {
        let hide =
            |error: &str, hidden| String::from_utf8(hide_in_error(error.as_bytes(), hidden).into_owned()).unwrap();
        assert_eq!(hide("syntax error at or near \"SECRET\"", true), "syntax error at or near '***'");
        assert_eq!(hide("syntax error at or near \"SELEKT\"", false), "syntax error at or near \"SELEKT\"");
        assert_eq!(hide("bad PASSWORD 'SECRET'", false), "bad PASSWORD '***'");
    }

    #[test]
    fn the_time_grows_with_the_length() {
        for piece in
            ["password/*", "password ", "password $", "'password' ", "password 'x' ", "password=", "password--"]
        {
            let text = piece.repeat(200_000);
            assert!(shown(&text).len() <= 2 * text.len());
        }
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
