//! `redshift_sessions.blocking(format)`: who waits for whom, a line a row.

use crate::blocking::diagrams;
use crate::blocking::json;
use crate::blocking::picture::Draw;
use crate::blocking::reading;
use crate::blocking::tree::Tree;
use crate::error;
use crate::pg::privileges;
use crate::pg::set_returning::{self, Arguments, Rows};
use crate::pg::text;

set_returning::function!(blocking_wrapper, pg_finfo_blocking_wrapper, put_rows, with arguments);

fn put_rows(rows: &mut Rows, arguments: Arguments) {
    let format = arguments.text();
    let draw: Draw = match format.to_bytes() {
        b"tree" => |picture, put| Tree::of(picture, None).lines(put),
        b"mermaid" => |picture, put| diagrams::mermaid(picture, put),
        b"dot" => |picture, put| diagrams::dot(picture, put),
        b"json" => |picture, put| match json::json(picture) {
            Some(document) => put(&document),
            None => error::out_of_memory().raise(),
        },
        _ => error::no_such_format(&text::readable(format.to_bytes())).raise(),
    };
    let (picture, ()) = reading::picture_and(privileges::readable_rows(), |_, _| ());
    draw(&picture, &mut |line| put_line(rows, line));
}

/// A long answer can be cancelled.
pub fn put_line(rows: &mut Rows, line: &str) {
    pgrx::check_for_interrupts!();
    rows.put([Some(text::line(line))]);
}
