//! Are texts of statements, functions and errors read without surprises? Compared with slower readings of the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redshift_sessions_fuzz::logs::deadlock_detail::{self, Awaited};
use redshift_sessions_fuzz::redirect::sql_text;

fuzz_target!(|data: &[u8]| {
    let lower = String::from_utf8_lossy(data).to_ascii_lowercase();
    let signs = ["pg_terminate_backend", "pg_cancel_backend", ":funcid 2096 ", ":funcid 2171 "];
    assert_eq!(sql_text::names_native_call(data), signs.iter().any(|sign| lower.contains(sign)));

    // Whatever stands before, a comment around it changes nothing.
    let prepared = sql_text::first_word_is(data, "prepare");
    for before in [&b" \n\t;"[..], b"-- x\n", b"/* a /* b */ ; */"] {
        assert_eq!(sql_text::first_word_is(&[before, data].concat(), "prepare"), prepared);
    }
    assert!(!prepared || lower.contains("prepare"));

    let pid = i32::from(data.first().copied().unwrap_or_default());
    if deadlock_detail::awaited(data, pid) != Awaited::Unknown {
        assert!(lower.contains(&format!("process {pid} waits for ")));
    }
    let detail = |object: &str| {
        format!(
            "Process {pid} waits for ShareLock on {object}; blocked by process 1.\n{}",
            lower.replace("Process", "")
        )
    };
    assert_eq!(deadlock_detail::awaited(detail("relation 7 of database 5").as_bytes(), pid), Awaited::Relation(7));
    assert_eq!(deadlock_detail::awaited(detail("transaction 7").as_bytes(), pid), Awaited::Transaction);
});
