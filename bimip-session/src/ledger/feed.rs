//! Groups too large for a row in every mailbox: one feed for all, from which each member's mailbox is filled.

/// A part of a group's feed that is for one user: what was said while they were in the group, as far as it is not in
/// their mailbox yet.
///
/// Places of a feed count what was said in a group since it became large, messages and what became of them, from 1 on
/// without gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "storage backends build it")]
pub struct Stretch {
    /// The last place that is in the mailbox already, or that was not for this user.
    pub after: u64,
    /// The last place that is for this user; `None` while they are in the group.
    pub until: Option<u64>,
}

impl Stretch {
    /// Whether something of it is not in the mailbox yet, of a feed that reaches so far.
    #[must_use]
    pub const fn has_more(self, head: u64) -> bool {
        match self.until {
            Some(until) => self.after < until,
            None => self.after < head,
        }
    }

    /// Nothing is left of it.
    pub(super) fn is_done(self) -> bool {
        self.until.is_some_and(|until| until <= self.after)
    }
}
