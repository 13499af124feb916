//! What does the text of a statement, function or error tell? Nothing here calls PostgreSQL.

/// Is this the first word, after white space and comments? `word` is lower case.
pub fn first_word_is(statement: &[u8], word: &str) -> bool {
    let rest = skip_blank(statement);
    let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(rest.len());
    rest[..end].eq_ignore_ascii_case(word.as_bytes())
}

/// White space, semicolons, `-- ...` and `/* ... */`, which nests.
fn skip_blank(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [byte, rest @ ..] if byte.is_ascii_whitespace() || matches!(byte, b'\x0b' | b';') => rest,
            [b'-', b'-', rest @ ..] => {
                let end = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
                &rest[end..]
            }
            [b'/', b'*', rest @ ..] => skip_comment(rest),
            _ => return text,
        }
    }
}

fn skip_comment(mut text: &[u8]) -> &[u8] {
    let mut depth = 1;
    while depth > 0 {
        text = match text {
            [] => return text,
            [b'/', b'*', rest @ ..] => {
                depth += 1;
                rest
            }
            [b'*', b'/', rest @ ..] => {
                depth -= 1;
                rest
            }
            [_, rest @ ..] => rest,
        }
    }
    text
}

/// Could the body of a SQL function call PostgreSQL's functions? Its text names them, or its parsed form has their
/// oids. A name in a comment counts too; what follows from a yes is only that the function is not inlined.
pub fn names_native_call(body: &[u8]) -> bool {
    const SIGNS: [&[u8]; 4] = [b"pg_terminate_backend", b"pg_cancel_backend", b":funcid 2096 ", b":funcid 2171 "];
    SIGNS.iter().any(|sign| body.windows(sign.len()).any(|window| window.eq_ignore_ascii_case(sign)))
}

/// What a transaction waited for when it was chosen to end a deadlock.
#[derive(Debug, PartialEq)]
pub enum Awaited {
    /// A table, or a row of it.
    Relation(u32),
    /// The end of another one that changed the same row.
    Transaction,
    Unknown,
}

/// Reads PostgreSQL's detail of a deadlock, `Process 8585 waits for ShareLock on transaction 5; blocked by process 8586.`, a line for
/// each process. In another language than English it tells nothing. Asked in the middle of PostgreSQL's error handling: nothing here allocates.
pub fn awaited(detail: &[u8], pid: i32) -> Awaited {
    let Ok(detail) = std::str::from_utf8(detail) else { return Awaited::Unknown };
    let Some(line) = detail.lines().find_map(|line| wait_of(line, pid)) else { return Awaited::Unknown };
    let Some((_, object)) = line.split_once(" on ") else { return Awaited::Unknown };
    let object = object.split(';').next().unwrap_or_default();
    if object.starts_with("transaction ") {
        return Awaited::Transaction;
    }
    match object.split_once("relation ").and_then(|(_, rest)| rest.split_once(" of database ")) {
        Some((relation, _)) => relation.parse().map_or(Awaited::Unknown, Awaited::Relation),
        None => Awaited::Unknown,
    }
}

/// What stands behind `Process 8585 waits for `.
fn wait_of(line: &str, pid: i32) -> Option<&str> {
    let (process, wait) = line.strip_prefix("Process ")?.split_once(" waits for ")?;
    (process.parse() == Ok(pid)).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_stands_behind_blanks_and_comments() {
        for yes in [
            "prepare x as select 1",
            "  PREPARE\nx",
            ";\n-- select\nPrepare x",
            "/* a /* b */ c */PREPARE x",
            "prepare",
        ] {
            assert!(first_word_is(yes.as_bytes(), "prepare"), "{yes}");
        }
        for no in
            ["", "select 1", "prepare_it()", "/* prepare", "-- prepare x", "\"prepare\"", "create view prepare as"]
        {
            assert!(!first_word_is(no.as_bytes(), "prepare"), "{no}");
        }
    }

    #[test]
    fn names_are_found_in_text_and_in_parsed_bodies() {
        for yes in
            ["SELECT PG_Terminate_Backend($1)", "x pg_cancel_backend", "({FUNCEXPR :funcid 2096 :funcresulttype 16"]
        {
            assert!(names_native_call(yes.as_bytes()), "{yes}");
        }
        for no in ["", "SELECT 1", "pg_terminate_backen", ":funcid 20961 ", ":funcid 12096 "] {
            assert!(!names_native_call(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn the_detail_of_a_deadlock_tells_what_was_awaited() {
        let waits = |object: &str| {
            let other = "Process 8586 waits for ExclusiveLock on relation 7 of database 5; blocked by process 8585.";
            format!("{other}\nProcess 8585 waits for ShareLock on {object}; blocked by process 8586.")
        };
        for (object, expected) in [
            ("relation 16435 of database 5", Awaited::Relation(16435)),
            ("tuple (0,3) of relation 16435 of database 5", Awaited::Relation(16435)),
            ("transaction 749", Awaited::Transaction),
            ("advisory lock [5,0,1,1]", Awaited::Unknown),
            ("relation x of database 5", Awaited::Unknown),
        ] {
            assert_eq!(awaited(waits(object).as_bytes(), 8585), expected, "{object}");
        }
        for nothing in
            ["", "Prozess 8585 wartet auf ShareLock-Sperre auf Transaktion 749", "Process 8585 waits for \u{e4}"]
        {
            assert_eq!(awaited(nothing.as_bytes(), 8585), Awaited::Unknown);
        }
        assert_eq!(awaited(waits("transaction 749").as_bytes(), 858), Awaited::Unknown);
        assert_eq!(awaited(b"\xff", 8585), Awaited::Unknown);
    }

    #[test]
    fn the_detail_of_a_deadlock_is_read_without_memory() {
        let detail = b"Process 8586 waits for ShareLock on transaction 7; blocked by process 8585.\n\
                       Process 8585 waits for ShareLock on relation 16435 of database 5; blocked by process 8586.";
        let before = crate::memory::allocations();
        assert_eq!(awaited(detail, 8585), Awaited::Relation(16435));
        assert_eq!(crate::memory::allocations(), before);
    }
}
