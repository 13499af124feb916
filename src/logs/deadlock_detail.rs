//! Reads from the detail of a deadlock what the transaction waited for. Nothing here calls
//! PostgreSQL.

/// What a transaction waited for when it was chosen to end a deadlock.
#[derive(Debug, PartialEq)]
pub enum Awaited {
    /// A table, or a part of it, such as a row.
    Relation(u32),
    /// The end of another transaction, such as one that changed the same row.
    Transaction,
    Unknown,
}

/// Reads PostgreSQL's detail of a deadlock. It has a line for each process, such as
/// `Process 8585 waits for ShareLock on transaction 5; blocked by process 8586.`
/// In any language but English it tells nothing. Called in the middle of PostgreSQL's error
/// handling: nothing here allocates.
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

/// What follows `Process 8585 waits for `, if 8585 is `pid`.
fn wait_of(line: &str, pid: i32) -> Option<&str> {
    let (process, wait) = line.strip_prefix("Process ")?.split_once(" waits for ")?;
    (process.parse() == Ok(pid)).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let before = crate::pg::allocator::allocations();
        assert_eq!(awaited(detail, 8585), Awaited::Relation(16435));
        assert_eq!(crate::pg::allocator::allocations(), before);
    }
}
