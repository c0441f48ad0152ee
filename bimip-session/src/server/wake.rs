//! What cores over one store tell each other: where to look, never what is there.

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{Device, DeviceName, GroupId, Offset, UnixMs, UserId, limits};

/// That there are other cores over the same store, and what this one does about it.
///
/// Storage is the truth: whatever a core says to its clients comes from there, so nothing that passes between cores
/// can make a message appear, be lost or be acknowledged. A core tells the others where to look
/// ([`Output::Wake`](super::Output::Wake)), and they look. A wake-up that is lost costs at most
/// [`poll_ms`](Self::poll_ms); one that is doubled, late, out of order or about nothing costs a read.
///
/// Connections are numbered by the driver, once for each core. If [`Welcome`](bimip_proto::Welcome)s are to name
/// connections that nobody else names, number them once for all cores. Tickets of all cores may be settled in one
/// batch: the proofs come in the order of the tickets, and each goes to the core that its ticket came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Siblings {
    /// How often storage is asked about each user who is here, woken or not: at least once in so long, and at most a
    /// quarter sooner. 0 is taken as 1.
    pub poll_ms: u64,
}

impl Default for Siblings {
    fn default() -> Self {
        Self { poll_ms: limits::POLL_MS }
    }
}

/// Something in storage that another core changed, or the beginning of a session there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "drivers carry it, so they must know all of it")]
pub enum Subject {
    /// A mailbox grew.
    Mailbox {
        /// Whose.
        user: UserId,
        /// Its last row that the core knows to be durable. Whoever does not know says `Offset(u64::MAX)`: then the
        /// mailbox is read until it ends.
        head: Offset,
    },
    /// Something was said in a group that has a feed.
    Group(GroupId),
    /// A user came into a group or left one, or decided something about their account.
    Account(UserId),
    /// A session began. Those of the same device that began before it are over, on whatever core they are.
    ///
    /// Before it is what began more than [`CLOCK_SKEW_MS`](limits::CLOCK_SKEW_MS) earlier: a session that is told to go
    /// may not come back by itself, so where clocks leave it open which is the newer one, both stay. The older one ends
    /// when it falls silent, and does no harm until then.
    Session {
        /// Whose.
        device: Device,
        /// The hardware behind it, where several share one cursor.
        label: Option<DeviceName>,
        /// When, by its core's clock.
        began: UnixMs,
    },
}

/// What the others are to be told, gathered until the driver has carried out everything else.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    mailboxes: BTreeMap<UserId, Offset>,
    groups: BTreeSet<GroupId>,
    accounts: BTreeSet<UserId>,
    sessions: BTreeMap<Device, (UnixMs, Option<DeviceName>)>,
}

impl Wakes {
    pub(super) fn mailbox(&mut self, user: &UserId, head: Offset) {
        match self.mailboxes.get_mut(user) {
            Some(known) => *known = head.max(*known),
            None => {
                self.mailboxes.insert(user.clone(), head);
            }
        }
    }

    pub(super) fn group(&mut self, group: &GroupId) {
        if !self.groups.contains(group) {
            self.groups.insert(group.clone());
        }
    }

    pub(super) fn account(&mut self, user: &UserId) {
        if !self.accounts.contains(user) {
            self.accounts.insert(user.clone());
        }
    }

    pub(super) fn session(&mut self, device: Device, began: UnixMs, label: Option<DeviceName>) {
        self.sessions.insert(device, (began, label));
    }

    /// The next part of it, at most [`WAKE_SUBJECTS`](limits::WAKE_SUBJECTS). What ends something comes first.
    pub(super) fn take(&mut self) -> Option<Vec<Subject>> {
        let room = |taken: &Vec<Subject>| taken.len() < limits::WAKE_SUBJECTS;
        let mut taken = Vec::new();
        while room(&taken)
            && let Some((device, (began, label))) = self.sessions.pop_first()
        {
            taken.push(Subject::Session { device, label, began });
        }
        while room(&taken)
            && let Some(user) = self.accounts.pop_first()
        {
            taken.push(Subject::Account(user));
        }
        while room(&taken)
            && let Some(group) = self.groups.pop_first()
        {
            taken.push(Subject::Group(group));
        }
        while room(&taken)
            && let Some((user, head)) = self.mailboxes.pop_first()
        {
            taken.push(Subject::Mailbox { user, head });
        }
        (!taken.is_empty()).then_some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: usize) -> UserId {
        UserId::new(&number.to_string()).unwrap()
    }

    #[test]
    fn what_is_said_twice_is_told_once_and_nothing_is_left_out() {
        let mut wakes = Wakes::default();
        let many = limits::WAKE_SUBJECTS + 1;
        for number in 0..many {
            wakes.mailbox(&user(number), Offset(7));
            wakes.mailbox(&user(number), Offset(5));
            wakes.account(&user(number));
            wakes.account(&user(number));
        }
        let parts: Vec<_> = std::iter::from_fn(|| wakes.take()).collect();
        assert!(parts.iter().all(|part| part.len() <= limits::WAKE_SUBJECTS));
        let all: Vec<_> = parts.into_iter().flatten().collect();
        let accounts = all.iter().filter(|it| matches!(it, Subject::Account(_))).count();
        let heads = all.iter().filter(|it| matches!(it, Subject::Mailbox { head: Offset(7), .. })).count();
        assert_eq!((accounts, heads, all.len()), (many, many, 2 * many));
        assert_eq!(wakes.take(), None);
    }
}
