//! What a lock is on, in words: PostgreSQL's LOCKTAG (storage/lock.h). Nothing here calls
//! PostgreSQL.

use pgrx::pg_sys::{LockTagType, Oid};

use crate::pg::locks::Tag;

/// Names, by their numbers.
pub trait Names {
    /// `table public.t`
    fn relation(&self, database: Oid, relation: Oid) -> String;
    fn database(&self, database: Oid) -> String;
    /// The full 64-bit id.
    fn transaction(&self, xid: u32) -> i64;
}

/// `row_of`: the relation a row of which the waiter has locked meanwhile, if it has. Whoever waits
/// for a row waits for the transaction that has changed it, and holds the row's lock so that others
/// queue behind him (heapam.c: heap_acquire_tuplock).
pub fn object(tag: &Tag, row_of: Option<(Oid, Oid)>, names: &impl Names) -> String {
    use LockTagType::*;
    let Tag { field1, field2, field3, field4, .. } = *tag;
    let relation = || names.relation(oid(field1), oid(field2));
    match u32::from(tag.kind) {
        LOCKTAG_RELATION => relation(),
        LOCKTAG_RELATION_EXTEND => format!("the end of {}, to add pages", relation()),
        LOCKTAG_DATABASE_FROZEN_IDS => format!("the frozen ids of database {}", names.database(oid(field1))),
        LOCKTAG_PAGE => format!("page {field3} of {}", relation()),
        LOCKTAG_TUPLE => format!("row ({field3},{field4}) of {}", relation()),
        LOCKTAG_TRANSACTION => match row_of {
            Some((database, table)) => {
                format!("transaction {}, for a row of {}", names.transaction(field1), names.relation(database, table))
            }
            None => format!("transaction {}", names.transaction(field1)),
        },
        LOCKTAG_VIRTUALTRANSACTION => format!("virtual transaction {}/{field2}", field1 as i32),
        LOCKTAG_SPECULATIVE_TOKEN => format!("an insertion of transaction {}", names.transaction(field1)),
        LOCKTAG_OBJECT if field1 == 0 => format!("object {field3} of {}", names.relation(oid(0), oid(field2))),
        LOCKTAG_OBJECT => {
            let catalog = names.relation(oid(0), oid(field2));
            format!("object {field3} of {catalog} in database {}", names.database(oid(field1)))
        }
        LOCKTAG_ADVISORY if field4 == 1 => {
            format!("advisory lock {}{}", (i64::from(field2) << 32) | i64::from(field3), place(field1, names))
        }
        LOCKTAG_ADVISORY => format!("advisory lock ({}, {}){}", field2 as i32, field3 as i32, place(field1, names)),
        _ => format!("a lock of kind {}", tag.kind),
    }
}

fn place(database: u32, names: &impl Names) -> String {
    format!(" of database {}", names.database(oid(database)))
}

fn oid(number: u32) -> Oid {
    Oid::from_u32(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers;

    impl Names for Numbers {
        fn relation(&self, database: Oid, relation: Oid) -> String {
            format!("table {}.{}", database.to_u32(), relation.to_u32())
        }
        fn database(&self, database: Oid) -> String {
            format!("d{}", database.to_u32())
        }
        fn transaction(&self, xid: u32) -> i64 {
            (3 << 32) + i64::from(xid)
        }
    }

    #[test]
    fn every_kind_has_words() {
        let table = [
            (0, (5, 7, 0, 0), "table 5.7"),
            (1, (5, 7, 0, 0), "the end of table 5.7, to add pages"),
            (2, (5, 0, 0, 0), "the frozen ids of database d5"),
            (3, (5, 7, 9, 0), "page 9 of table 5.7"),
            (4, (5, 7, 9, 2), "row (9,2) of table 5.7"),
            (5, (8, 0, 0, 0), "transaction 12884901896"),
            (6, (3, 12, 0, 0), "virtual transaction 3/12"),
            (7, (8, 1, 0, 0), "an insertion of transaction 12884901896"),
            (8, (0, 1262, 5, 0), "object 5 of table 0.1262"),
            (8, (5, 2615, 6, 0), "object 6 of table 0.2615 in database d5"),
            (9, (1, 2, 3, 4), "a lock of kind 9"),
            (10, (5, u32::MAX, u32::MAX, 1), "advisory lock -1 of database d5"),
            (10, (5, u32::MAX, 2, 2), "advisory lock (-1, 2) of database d5"),
        ];
        for (kind, (field1, field2, field3, field4), text) in table {
            let tag = Tag { field1, field2, field3, field4, kind, method: 1 };
            assert_eq!(object(&tag, None, &Numbers), text);
        }
    }

    #[test]
    fn a_row_is_a_transaction_and_a_table() {
        let tag = Tag { field1: 8, kind: 5, ..Tag::default() };
        let row_of = Some((Oid::from_u32(5), Oid::from_u32(7)));
        assert_eq!(object(&tag, row_of, &Numbers), "transaction 12884901896, for a row of table 5.7");
    }
}
