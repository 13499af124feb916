//! How a person reads a duration, a name and a statement. Pure text: nothing here calls PostgreSQL.

/// How many letters of a statement are shown.
const FIRST: usize = 60;

/// The first words of a statement, on one line.
pub fn first_words(statement: &str) -> String {
    let mut words = String::new();
    for word in statement.split(|letter: char| letter.is_whitespace() || letter.is_control()) {
        if !word.is_empty() && !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if words.len() > 4 * FIRST {
            break;
        }
    }
    match words.char_indices().nth(FIRST) {
        Some((end, _)) => format!("{}...", words[..end].trim_end()),
        None => words,
    }
}

/// A name that breaks no line.
pub fn one_line(name: &str) -> String {
    name.chars().map(|letter| if breaks_line(letter) { ' ' } else { letter }).collect()
}

/// Would a terminal or a browser begin a new line there, or do worse?
pub fn breaks_line(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
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
        assert_eq!(one_line("a\nb\u{7f}c\u{85}d\u{2028}e\u{2029}f"), "a b c d e f");
    }
}
