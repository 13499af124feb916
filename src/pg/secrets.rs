//! Hides the passwords in statements that set one, as far as they follow the word PASSWORD. Nothing
//! here calls PostgreSQL.
//!
//! Outside of literals, the strings after the word are hidden. In a literal, as in the body of DO
//! or a connection string, a password may be written in any way. So everything after the word is
//! hidden there, to the end of the statement. In doubt too much is hidden. The time that it takes
//! grows with the length of the text, whatever that is.

use std::borrow::Cow;
use std::ops::Range;

use crate::pg::lexemes::{blank, comment, count, is_in_word, is_space, string};
use crate::pg::memory;

const WORD: &[u8] = b"password";
const HIDDEN: &[u8] = b"'***'";

/// The text with what may be a password exchanged.
pub fn hide(text: &[u8]) -> Cow<'_, [u8]> {
    let mut shown: Vec<u8> = Vec::new();
    let mut copied = 0;
    for secret in secrets(text) {
        memory::extend(&mut shown, &text[copied..secret.start]);
        memory::extend(&mut shown, HIDDEN);
        copied = secret.end;
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    memory::extend(&mut shown, &text[copied..]);
    Cow::Owned(shown)
}

/// The pieces of a statement that are to be hidden.
pub fn secrets(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    Secrets { text, at: 0, last: b"", about_role: false }
}

struct Secrets<'a> {
    text: &'a [u8],
    at: usize,
    /// The word before this place.
    last: &'a [u8],
    /// This is CREATE or ALTER of a role.
    about_role: bool,
}

impl Iterator for Secrets<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        while self.at < self.text.len() {
            let (begin, rest) = (self.at, &self.text[self.at..]);
            let secret = if let length @ 1.. = string(rest) {
                self.at += length;
                match &rest[..length] {
                    // The name of an option, or of a column.
                    [b'"', name @ .., b'"'] if name.eq_ignore_ascii_case(WORD) => strings(self.text, self.at),
                    [b'"', .., b'"'] => continue,
                    [b'\'', word @ .., b'\''] if word.eq_ignore_ascii_case(WORD) => continue,
                    literal => in_literal(literal).map(|from| begin + from..self.text.len()),
                }
            } else if let length @ 1.. = comment(rest) {
                self.at += length;
                in_comment(&rest[..length]).map(|from| begin + from..self.at)
            } else {
                let length = rest.iter().take_while(|byte| is_in_word(**byte)).count();
                self.at += length.max(1);
                self.after(if length > 0 { &rest[..length] } else { &rest[..1] })
            };
            if let Some(secret) = secret {
                self.at = secret.end;
                return Some(secret);
            }
        }
        None
    }
}

impl<'a> Secrets<'a> {
    /// What is to be hidden after this word, or this one letter that is in none.
    fn after(&mut self, word: &'a [u8]) -> Option<Range<usize>> {
        let is = |word: &[u8], one_of: &[&str]| one_of.iter().any(|one| word.eq_ignore_ascii_case(one.as_bytes()));
        self.about_role &= word != b";";
        self.about_role |= is(word, &["role", "user"]) && is(self.last, &["create", "alter"]);
        if !is_space(word[0]) {
            self.last = word;
        }
        if !word.eq_ignore_ascii_case(WORD) {
            return None;
        }
        let strings = strings(self.text, self.at);
        if strings.is_some() || !self.about_role {
            return strings;
        }
        // The quotes were forgotten. Nobody knows where it ends. DISABLE is Redshift's.
        let begin = self.at + blank(&self.text[self.at..], b"");
        let bare = &self.text[begin..];
        let word = &bare[..count(bare, |byte| !byte.is_ascii_whitespace() && byte != b';')];
        let is_none = matches!(word, [] | [b',' | b')', ..]) || is(word, &["null", "disable"]);
        (!is_none).then_some(begin..self.text.len())
    }
}

/// From where on a literal is hidden. What is appended to it is hidden too.
fn in_literal(literal: &[u8]) -> Option<usize> {
    let behind = behind_word(literal)?;
    Some(behind + count(&literal[behind..], |byte| byte.is_ascii_whitespace() || byte == b'='))
}

/// From where on a comment is hidden. One that quotes nothing after the word is about passwords.
fn in_comment(comment: &[u8]) -> Option<usize> {
    let behind = behind_word(comment)?;
    let unquoted = count(&comment[behind..], |byte| !b"'\"$".contains(&byte));
    (behind + unquoted < comment.len()).then_some(behind + unquoted)
}

/// Where the text goes on after the word. Before the word there may be the last letter of an
/// escape.
pub fn behind_word(text: &[u8]) -> Option<usize> {
    let backslash = count(text, |byte| byte != b'\\');
    let is_one = |begin: &usize| {
        let (before, word) = text.split_at(*begin);
        word[..WORD.len()].eq_ignore_ascii_case(WORD)
            && (*begin > backslash || !before.last().is_some_and(|byte| is_in_word(*byte)))
            && !word.get(WORD.len()).is_some_and(|byte| is_in_word(*byte))
    };
    (0..text.len().checked_sub(WORD.len() - 1)?).find(is_one).map(|begin| begin + WORD.len())
}

/// The strings after the word, which ends at `behind`. None if there are none.
fn strings(text: &[u8], behind: usize) -> Option<Range<usize>> {
    let assigned = |at: usize| at + blank(&text[at..], b":=>");
    let mut begin = assigned(behind);
    if let [b't' | b'T', b'o' | b'O', next @ ..] = &text[begin..]
        && string(&next[blank(next, b"")..]) > 0
    {
        begin += 2 + blank(next, b""); // SET app.password TO '...'
    }
    let (mut end, mut next) = (begin, begin);
    // Strings that follow each other are one.
    while let length @ 1.. = string(&text[next..]) {
        end = next + length;
        next = end + blank(&text[end..], b"");
        if text[next..].starts_with(b"||") {
            end = text.len();
            break;
        }
    }
    (end > begin).then_some(begin..end)
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
        for (statement, seen) in [
            (
                "DO $$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD ''secret'' NOLOGIN'; END $$",
                "DO $$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD '***'",
            ),
            ("SELECT 'user=x password = secret port=1', 'y'", "SELECT 'user=x password = '***'"),
            ("SELECT '{\"password\": \"secret\"}', 'y'", "SELECT '{\"password'***'"),
            ("SELECT 'my password', 'perhaps secret'", "SELECT 'my password'***'"),
        ] {
            assert_eq!(shown(statement), seen);
        }
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
            "SELECT f(format('ALTER ROLE x PASSWORD ''%s''', '!SECRET'))",
            "SELECT f(concat('ALTER ROLE x PASSWORD ', quote_literal('SECRET')))",
            "SELECT f('ALTER ROLE x PASSWORD '::text || quote_literal('SECRET'))",
            "SELECT f('ALTER ROLE x PASSWORD '\n '''SECRET''')",
            "SELECT f(E'ALTER ROLE x\\nPASSWORD\\t\\'SECRET\\'')",
            "DO E'BEGIN ALTER ROLE x PASSWORD \\047SECRET\\047; END'",
            "SELECT f('ALTER ROLE x PASSWORD ''' || '!SECRET' || '''')",
            "DO $$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD ''' || ' SECRET' || ''''; END $$",
            "DO $$ BEGIN EXECUTE 'ALTER ROLE x PASSWORD ' || quote_literal('!SECRET'); END $$",
            "DO $$ BEGIN EXECUTE concat('ALTER ROLE x PASSWORD ', quote_literal(' SECRET')); END $$",
            "DO 'BEGIN EXECUTE ''ALTER ROLE x PASSWORD '' || quote_literal('' SECRET''); END'",
            "CREATE USER MAPPING FOR x SERVER s OPTIONS (\"password\" 'SECRET')",
            "CREATE USER MAPPING FOR x SERVER s OPTIONS (user 'y', password 'SECRET')",
            "CREATE SUBSCRIPTION s CONNECTION 'host=h password=SECRET' PUBLICATION p",
            "SELECT dblink_connect('password=SECRET')",
            "SELECT dblink_connect('user=x password = SECRET')",
            "SELECT dblink_connect('password=a;&\"\\''\\ SECRET user=x')",
            "SELECT dblink_connect(format('password=%s', 'SECRET'))",
            "ALTER ROLE x PASSWORD \"SECRET\"",
            "ALTER ROLE y PASSWORD 'x\\'; ALTER ROLE x PASSWORD ';SECRET'",
            "SELECT f('ALTER ROLE x PASSWORD '' SECRET''')",
            "SELECT f('ALTER ROLE x PASSWORD E'' SECRET''')",
            "SELECT f('ALTER ROLE x PASSWORD ''a''\n '' SECRET''')",
            "SELECT f($$ALTER ROLE x PASSWORD $$ || quote_literal($$ SECRET$$))",
            "SELECT f(E'ALTER ROLE x\\040PASSWORD ''SECRET''')",
            "SELECT dblink_connect('password = --SECRET')",
            "SELECT dblink_connect('password = x'\n 'SECRET')",
            "DO E'BEGIN EXECUTE \\'ALTER ROLE x PASSWORD \\' || quote_literal(\\' SECRET\\'); END'",
            "SELECT f(E'ALTER ROLE x PASSWORD U&\\'SECRET\\'')",
            "ALTER ROLE x PASSWORD N'SECRET'",
            "SET app.password TO 'SECRET'",
            "SELECT dblink_connect('password=toSECRET')",
            "UPDATE t SET password = 'a' || 'SECRET'",
            "SELECT f(password => 'SECRET', x := 1)",
            "ALTER ROLE x PASSWORD$$SECRET$$",
            "CREATE USER x IN GROUP y PASSWORD SECRET",
            "SELECT 1; alter /* a */ role x password a+SECRET; SELECT 1",
            "ALTER USER x PASSWORD = SECRET",
            "ALTER\u{b}USER x PASSWORD SECRET",
            "ALTER USER x PASSWORD\u{b}SECRET",
            "ALTER USER x PASSWORD my SECRET",
            "ALTER USER x PASSWORD my;SECRET",
            "ALTER USER x PASSWORD ( 'SECRET')",
            "ALTER ROLE x SET app.password TO SECRET",
            "SELECT 1 /* \"PASSWORD\" 'SECRET",
            "SELECT \"PASSWORD 'SECRET'",
        ] {
            assert!(!shown(statement).contains("SECRET"), "{}", shown(statement));
        }
    }

    #[test]
    fn the_time_grows_with_the_length() {
        for piece in [
            "password/*",
            "password ",
            "alter role password=",
            "alter role password --",
            "password $",
            "'password' ",
            "password 'x' ",
            "password=",
            "password--",
        ] {
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
            "ALTER USER x CREATEDB; SELECT password FROM t",
            "ALTER USER MAPPING FOR x SERVER s OPTIONS (DROP password)",
            "ALTER USER MAPPING FOR x SERVER s OPTIONS (DROP password, SET user 'y')",
            "CREATE TABLE user (password text); ALTER USER x PASSWORD",
            "SELECT 'password', 'b'",
            "/* don't */ SELECT 'it''s', password, \"it's\", $a$it's$a$, E'\\'', 'password' -- don't",
            "/* the password */ SELECT 'a' -- of password\n, 'b'",
            "SELECT \"my password\", 'b'",
            "SELECT $1$, password, '$1$'",
            "SELECT passwords 'a', my_password 'b', password2 'c'",
            "SELECT 'a', password, 'b'",
            "PASSWORD $1",
            "PASSWORD $",
        ] {
            assert_eq!(shown(text), text);
        }
    }

    /// Eight pieces at a time, at random.
    fn texts<'a>(pieces: &'a [&str], between: &'a str) -> impl Iterator<Item = String> + 'a {
        let mut number: u64 = 1;
        let mut piece = move || {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            pieces[(number >> 33) as usize % pieces.len()]
        };
        std::iter::from_fn(move || Some((0..8).map(|_| piece().to_owned() + between).collect()))
    }

    #[test]
    fn whatever_is_before_the_word_nothing_is_shown() {
        let pieces: Vec<_> =
            "'a'_'it''s'_''_E'it\\'s'_\"it's\"_\"a\"\"'\"_$$ it's \"x $$_$t$ ' $$ $t$_-- don't \"x\n_x\
            _/* ' /* \" */ $$ */_U&'\\0041'_a$1_$1_date'2020-01-01'_'c:\\d'_1,_password_'password'"
                .split('_')
                .collect();
        let set: Vec<_> = "PASSWORD 'SECRET'_PASSWORD E'\\'SECRET'_'PASSWORD '' SECRET'''_$$ PASSWORD ' SECRET' $$\
            _'PASSWORD ' || 'SECRET'_E'\\'\\nPASSWORD \\'SECRET'_$t$ PASSWORD $$SECRET$$ $t$_'password=SECRET'"
            .split('_')
            .collect();
        for (before, set) in texts(&pieces, " ").take(20_000).zip(set.iter().cycle()) {
            let text = before + set;
            assert!(!shown(&text).contains("SECRET"), "{text}: {}", shown(&text));
        }
    }

    #[test]
    fn whatever_the_text_is_there_is_an_end() {
        let pieces = ["password", "'", "''", "$$", "$a$", "E'", "\\", "/*", "--", "\n", " ", "=", "x", "ä"];
        for text in texts(&pieces, "").take(20_000) {
            let once = shown(&text);
            assert!(once.len() <= text.len() + 40, "{text}");
        }
    }
}
