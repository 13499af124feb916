//! Transaction ids: their full 64 bits, their order, and what stands in for one that is not
//! assigned.

use pgrx::pg_sys;

/// The id that the next transaction will get.
pub fn next() -> u64 {
    // SAFETY: reads one number under its lock.
    unsafe { pg_sys::ReadNextFullTransactionId() }.value
}

/// Stands in for the id of a transaction that has none: negative, and different for each of them.
pub fn unassigned(backend: i32, local: u32) -> i64 {
    -((i64::from(backend) << 32) + i64::from(local))
}

/// The 64-bit id of an open transaction: older than the next one, by less than 2^32.
pub fn full(next: u64, xid: u32) -> i64 {
    let epoch = next >> 32;
    let epoch = if u64::from(xid) > next & 0xffff_ffff { epoch.wrapping_sub(1) } else { epoch };
    (epoch << 32 | u64::from(xid)) as i64
}

/// The older of two ids. Ids wrap around, so this compares as PostgreSQL's TransactionIdPrecedes
/// does.
pub fn older(a: u32, b: u32) -> u32 {
    if (a.wrapping_sub(b) as i32) < 0 { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_transaction_is_of_this_epoch_or_the_one_before() {
        assert_eq!(full(0x3_0000_0010, 0xf), 0x3_0000_000f);
        assert_eq!(full(0x3_0000_0010, 0xffff_fff0), 0x2_ffff_fff0);
        assert_eq!(full(750, 749), 749);
    }
}
