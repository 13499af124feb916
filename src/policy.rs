//! Who may signal whom, and who may see which rows. Facts in, verdict out; nothing here calls
//! PostgreSQL.
//!
//! Amazon's rule (PG_TERMINATE_BACKEND): "You can terminate a session owned by your user. A
//! superuser can terminate any session." Amazon's CANCEL page names a CANCEL privilege; membership
//! of pg_signal_backend stands for it here.

use pgrx::pg_sys::Oid;

/// The user who asks for a signal: current_user.
pub struct Caller {
    pub user: Oid,
    pub superuser: bool,
    /// Has the privileges of pg_signal_backend, which stands for Redshift's CANCEL privilege.
    pub may_cancel_others: bool,
}

/// The user who logged in to a session.
pub struct Owner {
    pub user: Oid,
    pub superuser: bool,
}

/// What entitles somebody to a signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Right {
    /// The caller is a superuser.
    Superuser,
    /// The session belongs to the caller's user.
    Owner,
    /// The caller is a member of pg_signal_backend, and the session's owner is no superuser.
    CancelPrivilege,
}

/// None if the caller may not. Only superusers may terminate a process without an owner. That is a
/// background process, or a session that has not yet logged in.
pub fn may_terminate(caller: &Caller, owner: Option<&Owner>) -> Option<Right> {
    match owner {
        _ if caller.superuser => Some(Right::Superuser),
        Some(owner) if owner.user == caller.user => Some(Right::Owner),
        _ => None,
    }
}

/// Whoever may terminate a session may cancel its query. Members of pg_signal_backend may also
/// cancel queries of every other user who is no superuser.
pub fn may_cancel(caller: &Caller, owner: Option<&Owner>) -> Option<Right> {
    let of_others = || owner.filter(|owner| caller.may_cancel_others && !owner.superuser);
    may_terminate(caller, owner).or_else(|| of_others().map(|_| Right::CancelPrivilege))
}

/// Which rows of a user-visible view one reader gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VisibleRows {
    All,
    OwnedBy(Oid),
}

impl VisibleRows {
    /// `reads_all`: the reader has the privileges of pg_read_all_stats, which stands for Redshift's
    /// SYSLOG ACCESS UNRESTRICTED.
    pub fn of(reader: Oid, superuser: bool, reads_all: bool) -> Self {
        if superuser || reads_all { VisibleRows::All } else { VisibleRows::OwnedBy(reader) }
    }

    /// A background process has no owner: only those who see everything see it.
    pub fn include(self, owner: Option<Oid>) -> bool {
        match self {
            VisibleRows::All => true,
            VisibleRows::OwnedBy(user) => owner == Some(user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Oid = Oid::from_u32(101);
    const BOB: Oid = Oid::from_u32(102);

    fn caller(user: Oid, superuser: bool, may_cancel_others: bool) -> Caller {
        Caller { user, superuser, may_cancel_others }
    }

    #[test]
    fn the_rule_as_a_table() {
        let alice = Owner { user: ALICE, superuser: false };
        let root = Owner { user: BOB, superuser: true };
        let (superuser, own, privilege) = (Some(Right::Superuser), Some(Right::Owner), Some(Right::CancelPrivilege));
        // caller, owner of the target, right to terminate, right to cancel
        let table = [
            (caller(ALICE, false, false), Some(&alice), own, own),
            (caller(BOB, false, false), Some(&alice), None, None),
            (caller(BOB, true, false), Some(&alice), superuser, superuser),
            (caller(BOB, true, true), Some(&alice), superuser, superuser),
            (caller(ALICE, true, false), Some(&root), superuser, superuser),
            (caller(ALICE, false, false), Some(&root), None, None),
            (caller(BOB, false, true), Some(&alice), None, privilege),
            (caller(ALICE, false, true), Some(&root), None, None),
            (caller(ALICE, false, true), Some(&alice), own, own),
            (caller(ALICE, false, false), None, None, None),
            (caller(ALICE, false, true), None, None, None),
            (caller(ALICE, true, false), None, superuser, superuser),
        ];
        for (row, (caller, owner, terminate, cancel)) in table.iter().enumerate() {
            assert_eq!(may_terminate(caller, *owner), *terminate, "terminate, row {row}");
            assert_eq!(may_cancel(caller, *owner), *cancel, "cancel, row {row}");
        }
    }

    #[test]
    fn rows_belong_to_their_owner_or_to_those_who_see_all() {
        assert_eq!(VisibleRows::of(ALICE, false, false), VisibleRows::OwnedBy(ALICE));
        assert_eq!(VisibleRows::of(ALICE, true, false), VisibleRows::All);
        assert_eq!(VisibleRows::of(ALICE, false, true), VisibleRows::All);
        assert!(VisibleRows::All.include(None) && VisibleRows::All.include(Some(BOB)));
        assert!(VisibleRows::OwnedBy(ALICE).include(Some(ALICE)));
        assert!(!VisibleRows::OwnedBy(ALICE).include(Some(BOB)));
        assert!(!VisibleRows::OwnedBy(ALICE).include(None));
    }
}
