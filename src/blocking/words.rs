//! How a person reads a duration, a name and a statement. Pure text: nothing here calls PostgreSQL.

/// How many letters of a statement are shown.
const FIRST: usize = 60;

/// The first words of a statement, on one line. Whatever follows the word PASSWORD is left out: it
/// may be one.
pub fn first_words(statement: &str) -> String {
    let mut words = String::new();
    for word in statement.split(|letter: char| letter.is_whitespace() || letter.is_control()) {
        let before_password = password_in(word);
        let shown = &word[..before_password.unwrap_or(word.len())];
        if !shown.is_empty() && !words.is_empty() {
            words.push(' ');
        }
        words.push_str(shown);
        if before_password.is_some() {
            return shortened(&words, true);
        }
        if words.len() > 4 * FIRST {
            break;
        }
    }
    shortened(&words, false)
}

fn shortened(words: &str, more: bool) -> String {
    match words.char_indices().nth(FIRST) {
        Some((end, _)) => format!("{}...", words[..end].trim_end()),
        None if more => format!("{words} ..."),
        None => words.into(),
    }
}

/// Where the part ends that may be shown: behind the word PASSWORD, if it is in this one. Other
/// letters may stand beside it, as in `password'secret'`.
fn password_in(word: &str) -> Option<usize> {
    const PASSWORD: &str = "password";
    let lower = word.to_ascii_lowercase();
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    lower.match_indices(PASSWORD).map(|(start, _)| (start, start + PASSWORD.len())).find_map(|(start, end)| {
        let before = start.checked_sub(1).and_then(|index| lower.as_bytes().get(index));
        (!is_part(before) && !is_part(lower.as_bytes().get(end))).then_some(end)
    })
}

/// A name that breaks no line.
pub fn one_line(name: &str) -> String {
    name.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// In the two largest units.
pub fn duration(microseconds: i64) -> String {
    let seconds = microseconds.max(0) / 1_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

/// `one`, or `two`, with the number.
pub fn count(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_one_short_line() {
        assert_eq!(first_words("  select\n\t1,\r\n  2  "), "select 1, 2");
        assert_eq!(first_words(""), "");
        assert_eq!(first_words(&"x".repeat(FIRST)), "x".repeat(FIRST));
        assert_eq!(first_words(&"é".repeat(FIRST + 1)), format!("{}...", "é".repeat(FIRST)));
        assert_eq!(first_words(&"ab ".repeat(1000)), format!("{}...", "ab ".repeat(20).trim_end()));
    }

    #[test]
    fn no_password_is_shown() {
        let hidden =
            ["alter role x password 'secret'", "ALTER ROLE x PassWord\n'secret'", "alter role x password'secret'"];
        for statement in hidden {
            assert_eq!(first_words(statement).to_lowercase(), "alter role x password ...", "{statement}");
        }
        assert_eq!(first_words("alter role x encrypted password$a$secret$a$"), "alter role x encrypted password ...");
        assert_eq!(first_words("/**/password/**/'secret'"), "/**/password ...");
        assert_eq!(first_words("select user_password, passwords from t"), "select user_password, passwords from t");
        assert!(first_words(&format!("{} password 'secret'", "y".repeat(FIRST))).ends_with("y..."));
    }

    #[test]
    fn a_duration_has_two_units() {
        const SECOND: i64 = 1_000_000;
        let table = [
            (-5, "0 s"),
            (59 * SECOND, "59 s"),
            (61 * SECOND, "1 min 1 s"),
            (3_661 * SECOND, "1 h 1 min"),
            (90_000 * SECOND, "1 d 1 h"),
        ];
        for (microseconds, text) in table {
            assert_eq!(duration(microseconds), text);
        }
        assert_eq!([count(1, "lock", "locks"), count(2, "lock", "locks")], ["1 lock", "2 locks"]);
    }

    #[test]
    fn a_name_breaks_no_line() {
        assert_eq!(one_line("a\nb\u{7f}c"), "a b c");
    }
}
