//! What may be kept of the error of a statement that sets a password. Nothing here calls
//! PostgreSQL, or allocates: it runs in the middle of PostgreSQL's error handling.

use std::ops::Range;

use crate::pg::lexemes::{count, is_in_word};
use crate::pg::secrets::{behind_word, secrets};

/// The error of a statement, as far as it may be kept: not from the first word on that is hidden in
/// the statement. PostgreSQL's parser quotes the word at which it stopped, which may be a password.
/// `id` is the error before it was translated and got its values, `statements` are the client's and
/// the one that a function made of its own.
pub fn kept<'a>(error: &'a [u8], id: &[u8], statements: [&[u8]; 2]) -> &'a [u8] {
    let mut kept = error;
    for text in statements {
        if error == id || behind_word(text).is_none() {
            continue;
        }
        if id.ends_with(b" at or near \"%s\"") {
            return b"syntax error";
        }
        kept = secrets(text).fold(kept, |kept, secret| {
            let is_secret = |word: &[u8]| !has_word(id, word) && has_word(&text[secret.clone()], word);
            words(kept).find(|word| is_secret(&kept[word.clone()])).map_or(kept, |word| &kept[..word.start])
        });
    }
    kept
}

fn words(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at + count(&text[at..], |byte| !is_in_word(byte));
        at = begin + count(&text[begin..], is_in_word);
        (at > begin).then_some(begin..at)
    })
}

fn has_word(text: &[u8], word: &[u8]) -> bool {
    words(text).any(|one| text[one].eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_quotes_nothing_of_a_statement_about_passwords() {
        let (error, id): (&[u8], &[u8]) = (b"Syntaxfehler bei \"x\"", b"%s at or near \"%s\"");
        assert_eq!(kept(error, id, [b"ALTER USER y PASSWORD x", b""]), b"syntax error");
        assert_eq!(kept(error, id, [b"SELECT f()", b"ALTER USER y PASSWORD x"]), b"syntax error");
        assert_eq!(kept(error, id, [b"ALTER USER x PASWORD", b""]), error);
        let other = |error: &'static str, id: &str, statement: &str| {
            str::from_utf8(kept(error.as_bytes(), id.as_bytes(), [statement.as_bytes(), b""])).unwrap()
        };
        let (role, id) = ("role \"y\" does not exist", "role \"%s\" does not exist");
        assert_eq!(other(role, id, "ALTER USER y PASSWORD 'role x'"), role);
        assert_eq!(other("Rolle \"X\" fehlt", id, "ALTER USER x PASSWORD 'x'"), "Rolle \"");
        let id = "invalid connection string syntax: %s";
        let quoted = "invalid connection string syntax: missing \"=\" after \"b\" in connection info string";
        assert_eq!(
            other(quoted, id, "CREATE SUBSCRIPTION s CONNECTION 'host=h password=a b' PUBLICATION p"),
            "invalid connection string syntax: missing \"=\" after \""
        );
        assert_eq!(other(quoted, id, "CREATE SUBSCRIPTION b CONNECTION 'password=a' PUBLICATION p"), quoted);
        assert_eq!(other("%s", "%s", "DO 'password s'"), "%s");
    }
}
