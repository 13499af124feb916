//! A statement that is over, and how it is kept in words. Nothing here calls PostgreSQL.

/// What a statement does, by PostgreSQL's command tags.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// It failed before PostgreSQL knew.
    Unknown,
    Utility,
    Copy,
    Ddl,
    CreateTableAs,
    Select,
    Insert,
    Update,
    Delete,
    Merge,
}

/// Redshift's classes of statements: of several in one, the last class here counts.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Class {
    Unknown,
    Utility,
    Ddl,
    Query,
}

impl Kind {
    const ALL: [Self; 10] = [
        Kind::Unknown,
        Kind::Utility,
        Kind::Copy,
        Kind::Ddl,
        Kind::CreateTableAs,
        Kind::Select,
        Kind::Insert,
        Kind::Update,
        Kind::Delete,
        Kind::Merge,
    ];

    pub fn class(self) -> Class {
        match self {
            Kind::Unknown => Class::Unknown,
            Kind::Utility | Kind::Copy => Class::Utility,
            Kind::Ddl | Kind::CreateTableAs => Class::Ddl,
            Kind::Select | Kind::Insert | Kind::Update | Kind::Delete | Kind::Merge => Class::Query,
        }
    }

    /// That of a statement that does this, and then the next.
    pub fn or(self, next: Self) -> Self {
        if next.class() > self.class() { next } else { self }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Success,
    Failed,
    Canceled,
}

impl Outcome {
    const ALL: [Self; 3] = [Outcome::Success, Outcome::Failed, Outcome::Canceled];
}

/// A statement that is over: what is kept before its texts. The texts are packed, see
/// `packed_text.rs`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finished {
    pub number: i32,
    pub pid: i32,
    pub start: i64,
    /// 0 while it may go on.
    pub end: i64,
    pub user: u32,
    pub database: u32,
    /// As in svv_transactions; 0 for none.
    pub xid: i64,
    /// That were returned to the client.
    pub rows: u64,
    /// The encoding of the database, and so of the texts.
    pub encoding: u8,
    pub outcome: Outcome,
    pub kind: Kind,
    pub lengths: Lengths,
}

/// Bytes of the texts of a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lengths {
    pub text: u16,
    /// `DEFAULT_LABEL` for that.
    pub label: u16,
    pub error: u16,
}

impl Lengths {
    pub const NONE: Self = Lengths { text: 0, label: DEFAULT_LABEL, error: 0 };
}

pub const DEFAULT_LABEL: u16 = u16::MAX;

/// The texts of a finished statement, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    bytes: Vec<u8>,
    label: usize,
    error: usize,
}

impl Texts {
    pub fn text(&self) -> &[u8] {
        &self.bytes[..self.label]
    }

    pub fn label(&self) -> &[u8] {
        &self.bytes[self.label..self.error]
    }

    pub fn error(&self) -> &[u8] {
        &self.bytes[self.error..]
    }
}

impl Finished {
    /// How many bytes of each text are kept: as many as the widest column has characters.
    pub const TEXT_BYTES: usize = 4000;
    pub const LABEL_BYTES: usize = 320;
    pub const ERROR_BYTES: usize = 512;

    /// Where the texts begin, and how many words there are.
    pub const TEXT: usize = 8;
    pub const LABEL: usize = Self::TEXT + Self::TEXT_BYTES / 8;
    pub const ERROR: usize = Self::LABEL + Self::LABEL_BYTES / 8;
    pub const WORDS: usize = Self::ERROR + Self::ERROR_BYTES / 8;

    pub fn encode(self) -> [u64; Self::TEXT] {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let enums = u32::from(self.encoding) | (self.outcome as u32) << 8 | (self.kind as u32) << 16;
        [
            pair(self.pid as u32, self.number as u32),
            self.start as u64,
            self.end as u64,
            pair(self.user, self.database),
            self.xid as u64,
            self.rows,
            pair(enums, u32::from(self.lengths.text) | u32::from(self.lengths.label) << 16),
            self.lengths.error.into(),
        ]
    }

    pub fn decode(words: &[u64; Self::WORDS]) -> Self {
        let (encoding, outcome, kind) = (words[6] as u8, (words[6] >> 8) as u8, (words[6] >> 16) as u8);
        Finished {
            pid: words[0] as i32,
            number: (words[0] >> 32) as i32,
            start: words[1] as i64,
            end: words[2] as i64,
            user: words[3] as u32,
            database: (words[3] >> 32) as u32,
            xid: words[4] as i64,
            rows: words[5],
            encoding,
            outcome: Outcome::ALL[usize::from(outcome).min(Outcome::ALL.len() - 1)],
            kind: Kind::ALL[usize::from(kind).min(Kind::ALL.len() - 1)],
            lengths: Lengths { text: (words[6] >> 32) as u16, label: (words[6] >> 48) as u16, error: words[7] as u16 },
        }
    }

    /// The texts of a statement that was decoded from these words. The words after a text are left
    /// from an earlier statement. `room` gives room for so many bytes.
    pub fn texts(&self, words: &[u64; Self::WORDS], room: impl FnOnce(usize) -> Vec<u8>) -> Texts {
        let label = if self.lengths.label == DEFAULT_LABEL { 0 } else { self.lengths.label };
        let parts = [
            (Self::TEXT, Self::TEXT_BYTES, self.lengths.text),
            (Self::LABEL, Self::LABEL_BYTES, label),
            (Self::ERROR, Self::ERROR_BYTES, self.lengths.error),
        ];
        let parts = parts.map(|(from, most, length)| (from, most.min(length.into())));
        let mut bytes = room(parts.iter().map(|(_, length)| length).sum());
        for (from, length) in parts {
            bytes.extend(words[from..].iter().flat_map(|word| word.to_ne_bytes()).take(length));
        }
        Texts { bytes, label: parts[0].1, error: parts[0].1 + parts[1].1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_statement_and_its_texts_come_back() {
        let lengths = [(0, 0, 0), (8, 1, 9), (9, 8, 0), (4000, 320, 512)];
        for ((text, label, error), outcome, kind) in lengths
            .into_iter()
            .flat_map(|lengths| Outcome::ALL.map(|outcome| (lengths, outcome)))
            .flat_map(|(lengths, outcome)| Kind::ALL.map(|kind| (lengths, outcome, kind)))
        {
            let record = Finished {
                number: i32::MAX,
                pid: -1,
                start: i64::MIN,
                end: 2,
                user: u32::MAX,
                database: 3,
                xid: -(7 << 32),
                rows: u64::MAX,
                encoding: 41,
                outcome,
                kind,
                lengths: Lengths { text: text as u16, label: label as u16, error: error as u16 },
            };
            let of_each = [vec![b't'; text], vec![b'l'; label], vec![b'e'; error]];
            let mut words = [u64::from_ne_bytes(*b"previous"); Finished::WORDS];
            words[..Finished::TEXT].copy_from_slice(&record.encode());
            for (from, text) in [Finished::TEXT, Finished::LABEL, Finished::ERROR].into_iter().zip(&of_each) {
                crate::shmem::packed_text::pack_into(&mut words[from..], text);
            }
            let decoded = Finished::decode(&words);
            let texts = decoded.texts(&words, Vec::with_capacity);
            assert_eq!(decoded, record);
            assert_eq!([texts.text(), texts.label(), texts.error()], of_each.each_ref().map(Vec::as_slice));
        }
    }

    #[test]
    fn of_several_statements_in_one_the_first_of_the_highest_class_counts() {
        use Kind::*;
        let of = |kinds: &[Kind]| kinds.iter().fold(Unknown, |kind, next| kind.or(*next));
        assert_eq!(of(&[]), Unknown);
        assert_eq!(of(&[Utility, Insert, Select, Utility]), Insert);
        assert_eq!(of(&[Utility, Ddl, Copy, CreateTableAs]), Ddl);
        assert_eq!(of(&[Copy, Utility]), Copy);
    }
}
