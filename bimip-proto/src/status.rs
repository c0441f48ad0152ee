//! How far a message got, for whom and on which devices, and why no further.

use crate::{Address, ClientRef, Device, DeviceName, Marks, MessageId, Offset, Seq, Status, UnixMs, UserId};

/// The answer to [`Ask::Status`](crate::Ask::Status): one moment of what is stored, and what the core that answers knows of
/// its connections. All times are the server's.
///
/// An author is told of all recipients, a recipient of nobody but themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct MessageStatus {
    /// Which message.
    pub id: MessageId,
    /// What its author called it.
    pub client_ref: Option<ClientRef>,
    /// Who wrote it, on which device.
    pub from: Device,
    /// Where it went.
    pub to: Address,
    /// Its place in its conversation.
    pub seq: Seq,
    /// When the server took it in. It was acknowledged once it was durable, and is durable now.
    pub at: UnixMs,
    /// It is deleted: whoever does not have it gets its deletion instead.
    pub deleted: bool,
    /// How many of its recipients have it.
    pub counts: StatusCounts,
    /// A page of them.
    pub recipients: Vec<RecipientStatus>,
    /// There are more, after the last one of this page.
    pub more: bool,
}

/// How many recipients have a message, of those that the asker is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct StatusCounts {
    /// To whom it went.
    pub recipients: u32,
    /// Who has it, on some device. Those who have read it are among them.
    pub delivered: u32,
    /// Who has read it.
    pub read: u32,
    /// Whether these are the numbers. Else there are at least so many: of a very large group not everybody is looked at.
    pub exact: bool,
    /// When the first of them had it, where that is known.
    pub first_delivered_at: Option<UnixMs>,
    /// When the first of them had read it, where that is known.
    pub first_read_at: Option<UnixMs>,
}

/// How far a message got with one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct RecipientStatus {
    /// Who.
    pub user: UserId,
    /// Its row in their mailbox. Told to nobody else: it counts what they get from everybody.
    pub row: Option<Offset>,
    /// What they said about it. In a large group what is said of a message holds for all before it.
    pub marks: Marks,
    /// When a device of theirs had it. `None` where that was not so, or is not known: for messages of older stores, and in
    /// large groups, where a member is remembered by place.
    pub delivered_at: Option<UnixMs>,
    /// When they had read it; `None` likewise.
    pub read_at: Option<UnixMs>,
    /// What of the user, and not of a device, keeps it from them. `None` once it is delivered.
    pub why: Option<NotYet>,
    /// Their devices by name: those that ever stored something, at most
    /// [`STATUS_DEVICES`](crate::limits::STATUS_DEVICES), and as many again that are connected or were. `None` where the
    /// asker is not told of them.
    pub devices: Option<Vec<DeviceStatus>>,
    /// They have more devices than these.
    pub more_devices: bool,
}

/// How far a message got with one device of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct DeviceStatus {
    /// Which device.
    pub name: DeviceName,
    /// How far.
    pub state: DeviceState,
    /// When its connection began, if it is connected to the core that answers.
    pub connected_at: Option<UnixMs>,
}

/// Where a message is on its way to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceState {
    /// The device has stored it, or had its turn and passed it over: its cursor is there or beyond, durably.
    Acknowledged,
    /// It was written to the connection that the device has, and is not acknowledged, or not durably.
    Sent {
        /// When; `None` where the device has just acknowledged it.
        at: Option<UnixMs>,
    },
    /// The device is connected and takes rows. These come first.
    Next {
        /// How many rows are before it that the device has not acknowledged.
        rows_before: u64,
    },
    /// The device is connected and has as much in its hands as it may: it must acknowledge something first.
    WindowFull {
        /// How many rows are before it that the device has not acknowledged.
        rows_before: u64,
    },
    /// The device is connected in a dialect that has no words for it.
    NoWords,
    /// The device was logged out, and is not known to have come back.
    LoggedOut {
        /// When.
        at: UnixMs,
    },
    /// The device is not connected.
    Offline {
        /// Since when; `None` where that is not known, as when it has not been here since the server began.
        since: Option<UnixMs>,
    },
    /// The device is not connected to the core that answers. Whether it is to another one over the same store is not known
    /// here.
    Elsewhere,
    /// Nothing can be said of this device: it is just coming or going, or where the message is in the mailbox was not found
    /// within reasonable work.
    Unknown,
}

/// What of a recipient, and not of one of their devices, keeps a message from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotYet {
    /// The message was deleted before they had it.
    Deleted,
    /// They are not in the group any more. What was said while they were comes if they come back.
    LeftGroup,
    /// It waits in the feed of a large group until one of their devices reads.
    NotFilled,
    /// None of their devices has ever stored anything here, nor been connected since the server began.
    NeverConnected,
    /// Nothing of this user's devices is told to whoever asks: the user hides whether they are here, or the group is too
    /// large for that, or asker and recipient are not both in it.
    Untold,
}

/// How far a message got, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the steps, complete")]
pub enum Reached {
    /// The server has it; no device is known to have been sent it.
    Pending,
    /// A device was sent it.
    Sent,
    /// A device has it.
    Delivered,
    /// The user has read it.
    Read,
}

impl RecipientStatus {
    /// How far it got with them.
    #[must_use]
    pub fn reached(&self) -> Reached {
        let sent =
            |it: &DeviceStatus| matches!(it.state, DeviceState::Acknowledged | DeviceState::Sent { .. });
        if self.marks.has(Status::Read) {
            Reached::Read
        } else if self.marks.has(Status::Delivered) {
            Reached::Delivered
        } else if self.devices.iter().flatten().any(sent) {
            Reached::Sent
        } else {
            Reached::Pending
        }
    }
}

impl MessageStatus {
    /// How far it got with everybody: [`Reached::Read`] when all have read it, [`Reached::Delivered`] when all have it,
    /// [`Reached::Sent`] when it is under way to somebody of this page, or somebody has it.
    #[must_use]
    pub fn reached(&self) -> Reached {
        let StatusCounts { recipients, delivered, read, exact, .. } = self.counts;
        let all = |count| exact && recipients > 0 && count >= recipients;
        let furthest = self.recipients.iter().map(RecipientStatus::reached).max();
        if all(read) {
            Reached::Read
        } else if all(delivered) {
            Reached::Delivered
        } else if delivered > 0 {
            Reached::Sent
        } else {
            furthest.unwrap_or(Reached::Pending).min(Reached::Sent)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient(marks: Marks, state: DeviceState) -> RecipientStatus {
        RecipientStatus {
            user: UserId::new("bob").unwrap(),
            row: None,
            marks,
            delivered_at: None,
            read_at: None,
            why: None,
            devices: Some(vec![DeviceStatus {
                name: DeviceName::new("phone").unwrap(),
                state,
                connected_at: None,
            }]),
            more_devices: false,
        }
    }

    fn status(counts: [u32; 3], exact: bool, recipients: Vec<RecipientStatus>) -> MessageStatus {
        let [all, delivered, read] = counts;
        let counts = StatusCounts { recipients: all, delivered, read, exact, ..StatusCounts::default() };
        MessageStatus {
            id: MessageId::new(1, 1),
            client_ref: None,
            from: Device::new(UserId::new("ann").unwrap(), DeviceName::new("pc").unwrap()),
            to: Address::User(UserId::new("bob").unwrap()),
            seq: Seq(1),
            at: UnixMs(1),
            deleted: false,
            counts,
            recipients,
            more: false,
        }
    }

    #[test]
    fn the_word_is_what_is_known_and_no_more() {
        let offline = DeviceState::Offline { since: None };
        let none = Marks::NONE;
        for (marks, state, expected) in [
            (none, offline, Reached::Pending),
            (none, DeviceState::Next { rows_before: 0 }, Reached::Pending),
            (none, DeviceState::Sent { at: None }, Reached::Sent),
            (none, DeviceState::Acknowledged, Reached::Sent),
            (none.with(Status::Played), offline, Reached::Pending),
            (none.with(Status::Delivered), offline, Reached::Delivered),
            (none.with(Status::Read), offline, Reached::Read),
        ] {
            assert_eq!(recipient(marks, state).reached(), expected, "{marks:?}, {state:?}");
        }
    }

    #[test]
    fn all_have_it_only_where_all_were_counted() {
        let bob = |state| vec![recipient(Marks::NONE, state)];
        let offline = DeviceState::Offline { since: None };
        for (counts, exact, recipients, expected) in [
            ([0, 0, 0], true, Vec::new(), Reached::Pending),
            ([1, 0, 0], true, bob(offline), Reached::Pending),
            ([1, 0, 0], true, bob(DeviceState::Sent { at: None }), Reached::Sent),
            ([2, 1, 1], true, bob(offline), Reached::Sent),
            ([2, 2, 1], true, Vec::new(), Reached::Delivered),
            ([2, 2, 2], true, Vec::new(), Reached::Read),
            ([2, 2, 2], false, Vec::new(), Reached::Sent),
        ] {
            assert_eq!(status(counts, exact, recipients).reached(), expected, "{counts:?}");
        }
    }
}
