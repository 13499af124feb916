//! What the text of a statement or function tells about its calls. Nothing here calls PostgreSQL.

use crate::pg::lexemes::{blank, count, is_in_word};

/// Is `word` the first word, after white space, semicolons and comments? Case does not matter.
pub fn first_word_is(statement: &[u8], word: &str) -> bool {
    let rest = &statement[blank(statement, b";")..];
    rest[..count(rest, is_in_word)].eq_ignore_ascii_case(word.as_bytes())
}

/// Could the body of a SQL function call PostgreSQL's own functions? Then its text has their names,
/// or its parsed body has their oids. A name in a comment counts too: all that follows from a yes
/// is that the function is not inlined.
pub fn names_native_call(body: &[u8]) -> bool {
    const SIGNS: [&[u8]; 4] = [b"pg_terminate_backend", b"pg_cancel_backend", b":funcid 2096 ", b":funcid 2171 "];
    SIGNS.iter().any(|sign| body.windows(sign.len()).any(|window| window.eq_ignore_ascii_case(sign)))
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
}
