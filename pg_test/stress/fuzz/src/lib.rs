//! What is fuzzed: the library's own files that parse bytes from elsewhere, without the server that the rest needs.

#[path = "../../../../src/shmem"]
pub mod shmem {
    pub mod packed_text;
    pub mod ring;
    pub mod seqlock;
}
#[path = "../../../../src/logs"]
pub mod logs {
    pub mod deadlock_detail;
    pub mod file_format;
    pub mod records;
    pub mod statement_record;
}
#[path = "../../../../src/pg"]
pub mod pg {
    pub mod lexemes;
}
#[path = "../../../../src/redirect"]
pub mod redirect {
    pub mod sql_text;
}
