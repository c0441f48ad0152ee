//! Who is in a group, and since when.

use bimip_proto::{MayPost, Role, Seq, Status, limits};

/// A group, as a store knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "storage backends build it")]
pub struct GroupHead {
    /// Anybody may join. Otherwise one has to be let in.
    pub open: bool,
    /// How many are in it now.
    pub members: u32,
    /// Who may post.
    pub post: MayPost,
    /// It is no more. Its name stays taken.
    pub deleted: bool,
    /// How often it was changed; 0 while nobody managed it. Up to then its members come and go without a word.
    pub edition: u32,
    /// How many are not let in any more.
    pub banned: u32,
}

/// One time in a group: the messages after `joined`, up to `left`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "storage backends build it")]
pub struct Stay {
    /// The last message that was not for this member yet.
    pub joined: Seq,
    /// The last message that still was; `None` while the stay lasts.
    pub left: Option<Seq>,
}

/// What a store knows about one user in one group. Kept after they left, for what they received before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Membership {
    stays: Vec<Stay>,
    delivered: Seq,
    read: Seq,
    role: Role,
    since: u64,
    banned: bool,
}

impl Membership {
    /// As a store kept it: stays in order, at most [`STAYS`](limits::STAYS), of which only the last may still last.
    /// `None` when they are not so.
    #[must_use]
    pub fn restore(stays: Vec<Stay>, delivered: Seq, read: Seq) -> Option<Self> {
        let in_order = stays.windows(2).all(|pair| pair[0].left.is_some_and(|left| left < pair[1].joined));
        let sane = stays.iter().all(|stay| stay.left.is_none_or(|left| stay.joined <= left));
        let kept = in_order && sane && stays.len() <= limits::STAYS;
        kept.then(|| Self { stays, delivered, read, ..Self::default() })
    }

    /// With what a store kept beside that. `None` when it cannot be: who is not in the group has no role there, and who is
    /// banned is not in it.
    #[must_use]
    pub fn ranked(self, role: Role, since: u64, banned: bool) -> Option<Self> {
        let sane = if self.is_member() { !banned } else { role == Role::Member };
        sane.then_some(Self { role, since, banned, ..self })
    }

    /// The stays, the last one last.
    #[must_use]
    pub fn stays(&self) -> &[Stay] {
        &self.stays
    }

    /// In a large group: all messages up to here are delivered to this member.
    #[must_use]
    pub const fn delivered(&self) -> Seq {
        self.delivered
    }

    /// In a large group: all messages up to here are read by this member.
    #[must_use]
    pub const fn read(&self) -> Seq {
        self.read
    }

    /// What the user may do in the group; [`Role::Member`] for who is not in it.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Which log entry was to be the next one when the last stay began: who came earlier has a lower one.
    #[must_use]
    pub const fn since(&self) -> u64 {
        self.since
    }

    /// Whether the user is not let in any more.
    #[must_use]
    pub const fn is_banned(&self) -> bool {
        self.banned
    }

    /// Whether the user is in the group now.
    #[must_use]
    pub fn is_member(&self) -> bool {
        self.stays.last().is_some_and(|stay| stay.left.is_none())
    }

    /// Whether a message was for this user.
    #[must_use]
    pub fn saw(&self, seq: Seq) -> bool {
        self.stays.iter().any(|stay| stay.joined < seq && stay.left.is_none_or(|left| seq <= left))
    }

    /// Begins a stay after message `at`, unless one lasts. One that ended there goes on.
    pub(super) fn join(&mut self, at: Seq, since: u64) {
        if !self.is_member() {
            self.since = since;
        }
        match self.stays.last_mut() {
            Some(stay) if stay.left.is_none() => {}
            Some(stay) if stay.left == Some(at) => stay.left = None,
            _ => {
                if self.stays.len() >= limits::STAYS {
                    self.stays.remove(0);
                }
                self.stays.push(Stay { joined: at, left: None });
            }
        }
    }

    /// Gives a role to who is in the group.
    pub(super) const fn set_role(&mut self, role: Role) {
        self.role = role;
    }

    /// Whether the user, who is not in the group, is let in again.
    pub(super) const fn set_banned(&mut self, banned: bool) {
        self.banned = banned;
    }

    /// Ends the stay after message `at`, and with it every role. One without messages in it leaves no trace.
    pub(super) fn leave(&mut self, at: Seq) {
        self.role = Role::Member;
        self.since = 0;
        let Some(stay) = self.stays.last_mut().filter(|stay| stay.left.is_none()) else { return };
        stay.left = Some(at);
        if stay.joined == at {
            self.stays.pop();
        }
    }

    /// Notes how far this member is. What is read is delivered.
    pub(super) fn mark(&mut self, status: Status, seq: Seq) {
        if status == Status::Read {
            self.read = self.read.max(seq);
        }
        self.delivered = self.delivered.max(seq);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_sees_what_was_said_during_a_stay() {
        let mut it = Membership::default();
        it.join(Seq(3), 1);
        it.join(Seq(4), 1);
        assert!(it.is_member() && !it.saw(Seq(3)) && it.saw(Seq(4)) && it.saw(Seq(99)));
        it.leave(Seq(5));
        it.leave(Seq(9));
        assert!(!it.is_member() && it.saw(Seq(5)) && !it.saw(Seq(6)));
        it.join(Seq(7), 1);
        assert!(it.is_member() && !it.saw(Seq(7)) && it.saw(Seq(8)) && it.saw(Seq(4)));
        assert_eq!(it.stays().len(), 2);
    }

    #[test]
    fn stays_without_messages_are_not_kept() {
        let mut it = Membership::default();
        for _ in 0..100 {
            it.join(Seq(3), 1);
            it.leave(Seq(3));
        }
        assert_eq!(it, Membership::default());
        it.join(Seq(3), 1);
        it.leave(Seq(4));
        it.join(Seq(4), 1);
        assert_eq!(it.stays(), [Stay { joined: Seq(3), left: None }]);
    }

    #[test]
    fn only_the_last_stays_are_remembered() {
        let mut it = Membership::default();
        for at in 0..100 {
            it.join(Seq(3 * at), 1);
            it.leave(Seq(3 * at + 1));
        }
        assert_eq!(it.stays().len(), limits::STAYS);
        assert!(it.saw(Seq(298)) && !it.saw(Seq(1)));
        let back = Membership::restore(it.stays().to_vec(), it.delivered(), it.read());
        assert_eq!(back, Some(it));
    }

    #[test]
    fn what_no_store_wrote_is_refused() {
        let (past, now) = (Stay { joined: Seq(1), left: Some(Seq(5)) }, Stay { joined: Seq(7), left: None });
        let restore = |stays: &[Stay]| Membership::restore(stays.to_vec(), Seq(0), Seq(0));
        assert!(restore(&[past, now]).is_some());
        assert!(restore(&[now, past]).is_none());
        assert!(restore(&[past, past]).is_none());
        assert!(restore(&[Stay { joined: Seq(5), left: Some(Seq(1)) }]).is_none());
    }
}
