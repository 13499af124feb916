//! The graph as a Mermaid flowchart and as a Graphviz digraph. Nothing here calls PostgreSQL.
//!
//! Texts come from users. In Mermaid whatever might mean something becomes a numbered entity; in
//! Graphviz a quoted string has three such letters.

use crate::blocking::graph::Edge;
use crate::blocking::picture::Picture;
use crate::blocking::words;
use crate::pg::memory;

/// Arrows lead from who waits to who is in the way; a dotted one to who only comes before it in the
/// queue.
pub fn mermaid(picture: &Picture, mut put: impl FnMut(&str)) {
    put("flowchart TD");
    for party in picture.involved() {
        memory::room_for_texts();
        let lines = party_lines(picture, party).into_iter().map(|line| mermaid_text(&line));
        put(&format!("    n{party}[\"{}\"]", lines.collect::<Vec<_>>().join("<br/>")));
    }
    for edge in picture.shown_edges() {
        memory::room_for_texts();
        let arrow = if edge.queued { "-.->" } else { "-->" };
        let label = match label(picture, edge) {
            Some(label) => format!("|\"{}\"|", mermaid_text(&label)),
            None => String::new(),
        };
        put(&format!("    n{} {arrow}{label} n{}", picture.waits[edge.wait].waiter, edge.blocker));
    }
    if !picture.deadlocks.is_empty() {
        put("    classDef deadlock stroke:#c00,stroke-width:3px");
    }
    for member in picture.deadlocks.iter().flatten() {
        put(&format!("    class n{member} deadlock"));
    }
}

pub fn dot(picture: &Picture, mut put: impl FnMut(&str)) {
    put("digraph blocking {");
    put("    node [shape=box];");
    for party in picture.involved() {
        memory::room_for_texts();
        let lines = party_lines(picture, party).into_iter().map(|line| dot_text(&line));
        let color = if picture.is_deadlocked(party) { ", color=red" } else { "" };
        put(&format!("    n{party} [label=\"{}\"{color}];", lines.collect::<Vec<_>>().join("\\n")));
    }
    for edge in picture.shown_edges() {
        memory::room_for_texts();
        let label = label(picture, edge).map(|label| dot_text(&label)).unwrap_or_default();
        let style = if edge.queued { ", style=dashed" } else { "" };
        put(&format!("    n{} -> n{} [label=\"{label}\"{style}];", picture.waits[edge.wait].waiter, edge.blocker));
    }
    put("}");
}

fn party_lines(picture: &Picture, party: usize) -> Vec<String> {
    let waits = picture.edges.iter().any(|edge| picture.waits[edge.wait].waiter == party);
    let party = &picture.parties[party];
    let doing = if waits { None } else { party.doing() };
    let statement = party.statement().filter(|statement| !statement.is_empty()).map(str::to_owned);
    [Some(party.title()), doing, statement].into_iter().flatten().collect()
}

fn label(picture: &Picture, edge: &Edge) -> Option<String> {
    picture.wait(edge).map(|wait| wait.text())
}

/// Letters, digits, blanks and a few signs stay; `#34;` is how Mermaid writes a quote.
fn mermaid_text(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        if letter.is_alphanumeric() || " _.,:@/-+=*()".contains(letter) {
            escaped.push(letter);
        } else {
            escaped += &format!("#{};", u32::from(letter));
        }
    }
    escaped
}

/// A backslash begins an escape, a quote ends the string, and an ampersand begins an entity.
fn dot_text(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\\' => escaped += "\\\\",
            '"' => escaped += "\\\"",
            '&' => escaped += "&amp;",
            letter if words::breaks_line(letter) => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocking::examples::{drawn, hidden, picture, session};
    use crate::blocking::picture::Draw;

    fn lines(draw: Draw, picture: &Picture) -> Vec<String> {
        let mut lines = Vec::new();
        draw(picture, &mut |line: &str| lines.push(line.to_owned()));
        lines
    }

    fn mermaid_lines(picture: &Picture) -> Vec<String> {
        lines(|picture, put| mermaid(picture, put), picture)
    }

    fn dot_lines(picture: &Picture) -> Vec<String> {
        lines(|picture, put| dot(picture, put), picture)
    }

    #[test]
    fn arrows_lead_to_who_is_in_the_way() {
        let mermaid = mermaid_lines(&drawn());
        assert_eq!(mermaid[0], "flowchart TD");
        assert_eq!(mermaid[1], "    n0[\"11 alice@dev<br/>idle for 5 s in a transaction of 1 min 0 s<br/>select 1\"]");
        assert_eq!(
            mermaid[4..],
            [
                "    n1 -->|\"waits 3 s for AccessExclusiveLock on table public.t\"| n0",
                "    n2 -.->|\"waits 2 s for AccessShareLock on table public.t\"| n1"
            ]
        );
        let dot = dot_lines(&drawn());
        assert_eq!(dot[3], "    n1 [label=\"12 bob@dev\\nlock t\"];");
        assert_eq!(dot[6], "    n2 -> n1 [label=\"waits 2 s for AccessShareLock on table public.t\", style=dashed];");
    }

    #[test]
    fn a_deadlock_is_marked_and_a_hidden_waiter_has_no_label() {
        let deadlock = picture(vec![session(1, "a"), hidden(2)], &[(0, 1, false), (1, 0, false)]);
        assert_eq!(
            mermaid_lines(&deadlock)[4..],
            [
                "    n1 --> n0",
                "    classDef deadlock stroke:#c00,stroke-width:3px",
                "    class n0 deadlock",
                "    class n1 deadlock"
            ]
        );
        assert_eq!(dot_lines(&deadlock)[2], "    n0 [label=\"1 a@dev\", color=red];");
    }

    #[test]
    fn no_text_breaks_out() {
        assert_eq!(mermaid_text("a\"]\n%%<b>#;`|{}"), "a#34;#93;#10;#37;#37;#60;b#62;#35;#59;#96;#124;#123;#125;");
        assert_eq!(dot_text("a\"];\n\\N&lt;<b>\u{2028}"), "a\\\"]; \\\\N&amp;lt;<b> ");
    }
}
