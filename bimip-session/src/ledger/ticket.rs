//! Tickets, and what they turn into.

use std::collections::BTreeSet;
use std::sync::Arc;

use bimip_proto::{
    Address, ClientRef, Device, DeviceName, Entry, GroupId, Head, LogOut, MessageRef, Offset, Reject, Status,
    TokenTask, UserId,
};
use thiserror::Error;

use super::put::{Put, Record};
use super::rights::Place;
use super::settle::Decision;
use super::standing::Standing;
use crate::server::ConnId;

/// What a ticket takes beside its puts.
const TICKET_BYTES: u64 = 256;

/// A command that asks to be stored, and is answered when it is.
///
/// Made by the core alone and spent once.
#[derive(Debug)]
#[must_use = "a ticket that is dropped is a command that is never answered"]
pub struct Ticket {
    puts: Vec<Put>,
    cursor: Option<(Device, Offset)>,
    /// Where the cursor has to stand for that: what lies between is delivered by the puts of this ticket, what lies
    /// before by those of earlier ones.
    cursor_from: Offset,
    conn: ConnId,
    ack: Ack,
    charge: u32,
}

/// A cursor that moves with a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advance {
    pub(crate) device: Device,
    pub(crate) from: Offset,
    pub(crate) to: Offset,
}

/// What to answer, and how: it travels in the ticket, so the core keeps no table of commits under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ack {
    /// Nobody waits.
    None,
    /// A draft.
    Draft { client_ref: Option<ClientRef>, to: Address },
    /// The end of a talk.
    Talk { to: Address },
    /// A disposal.
    Disposed(Offset),
    /// A list of delivered messages.
    Delivered(Vec<MessageRef>),
    /// A mark.
    Marked { message: MessageRef, status: Status },
    /// A revision.
    Revised(ClientRef),
    /// A command about a group.
    Grouped(ClientRef),
    /// A command about the user.
    User(ClientRef),
    /// A join.
    Joined(GroupId),
    /// A leave.
    Left(GroupId),
    /// Nobody waits but the mailbox of this user, which is being filled.
    Pulled(UserId),
    /// A join that nobody asked for in words: the sign-in said it.
    Entered,
    /// Being seen or not.
    Visible { origin: u32, id: Option<ClientRef>, visible: bool },
    /// A push token.
    PushToken { origin: u32, id: Option<ClientRef>, registered: bool },
    /// What was asked about a token.
    Token { origin: u32, task: TokenTask },
    /// A question. It makes no ticket: only its refusal is told.
    Query(ClientRef),
    /// Logging out.
    LogOut { origin: u32, what: LogOut },
    /// A reaction.
    Reacted(ClientRef),
}

impl Ack {
    /// Whether what the connection says next depends on it.
    pub(crate) const fn bars(&self) -> bool {
        matches!(self, Self::Joined(_) | Self::Left(_) | Self::Entered | Self::Grouped(_))
    }
}

impl Ticket {
    pub(crate) fn new(conn: ConnId, puts: Vec<Put>, advance: Option<Advance>, ack: Ack) -> Self {
        let cursor_from = advance.as_ref().map_or(Offset::ZERO, |advance| advance.from);
        let cursor = advance.map(|Advance { device, to, .. }| (device, to));
        let charge = TICKET_BYTES + puts.iter().map(Put::charge).sum::<u64>();
        // No ticket is near it; a number of half the size keeps proofs and failures small.
        let charge = u32::try_from(charge).unwrap_or(u32::MAX);
        Self { puts, cursor, cursor_from, conn, ack, charge }
    }

    /// What it asks to store.
    #[must_use]
    pub fn puts(&self) -> &[Put] {
        &self.puts
    }

    /// Which cursor it moves, together with what it stores.
    #[must_use]
    pub const fn cursor(&self) -> Option<&(Device, Offset)> {
        self.cursor.as_ref()
    }

    /// The cursor moves only if it stands here, or further: else a ticket before this one was lost, and with it the
    /// receipts for what its cursor passed over.
    pub(crate) const fn cursor_from(&self) -> Offset {
        self.cursor_from
    }

    /// Whether it takes no room beside what is stored already, or little: it is let in where new messages are not.
    #[must_use]
    pub fn is_small(&self) -> bool {
        self.puts.iter().all(|put| matches!(put.record, Record::Pull { .. }) || !put.is_urgent())
    }

    /// Whether nobody waits for it: then it may wait a moment for something to share a sync with.
    #[must_use]
    pub fn is_control(&self) -> bool {
        !self.puts.iter().any(Put::is_urgent)
    }

    /// Roughly what it weighs, for budgets.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.puts.iter().map(Put::bytes).sum::<usize>() + 64
    }

    /// What it may take in memory until it is answered, in bytes: what it brings, and what its proof may bring back.
    #[must_use]
    pub fn charge(&self) -> u64 {
        self.charge.into()
    }

    /// The honest answer when it could not be stored.
    pub fn failed(self, failure: Failure) -> Failed {
        Failed { conn: self.conn, ack: self.ack, cursor: self.cursor, failure, charge: self.charge }
    }

    pub(super) fn settled(self, decision: Decision) -> Committed {
        Committed {
            conn: self.conn,
            ack: self.ack,
            cursor: self.cursor,
            adrift: decision.adrift,
            outcomes: decision.outcomes,
            deliveries: decision.deliveries,
            fed: decision.fed,
            charge: self.charge,
        }
    }
}

/// What became of one put.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The message is stored.
    Stored(Placed),
    /// The message was stored before, under the same key: this is what it was given then.
    Repeat(Placed),
    /// The mark is stored, now or before.
    Noted,
    /// The revision is stored, now or before under the same key.
    Revised {
        /// Which one it is of its message.
        edition: u32,
        /// Its row in the author's own mailbox.
        offset: Offset,
    },
    /// The change of a group is stored, now or before under the same key, or there was nothing to change.
    Grouped {
        /// Which group.
        group: GroupId,
        /// Which change of it it is.
        edition: u32,
        /// Its row in the mailbox of whoever asked; zero where there was nothing to change.
        offset: Offset,
        /// Whom it brings where.
        moves: Vec<(UserId, Place)>,
    },
    /// The user is in the group, now or since before.
    Joined {
        /// Who.
        user: UserId,
        /// Which group.
        group: GroupId,
        /// Whether they may speak there.
        place: Place,
    },
    /// The user is not in the group, or no more.
    Left {
        /// Who.
        user: UserId,
        /// Which group.
        group: GroupId,
        /// Who owns the group instead.
        heir: Option<UserId>,
    },
    /// A mailbox was filled from feeds.
    Pulled {
        /// Whose.
        user: UserId,
        /// There is more for it.
        more: bool,
    },
    /// A user decided something about their account, and stands so now.
    Stands {
        /// Who.
        user: UserId,
        /// How.
        standing: Arc<Standing>,
    },
    /// The change of what a user keeps is stored, now or before under the same key, or there was nothing to change.
    User {
        /// The edition of the user's profile after it.
        edition: u32,
        /// Its row in the user's own mailbox; zero where there was nothing to change.
        offset: Offset,
        /// What sessions have to know of it, if it was not stored before.
        decided: Option<Decided>,
    },
    /// Nothing of it is stored.
    Refused(Reject),
    /// The reaction is there or taken back, now or before under the same key, or there was nothing to change.
    Reacted {
        /// Which change of the reactions to its message it is.
        edition: u32,
        /// How many users have reacted with this emoji, after it.
        count: u32,
        /// Its row in this user's own mailbox; zero where there was nothing to change.
        offset: Offset,
    },
}

/// What sessions have to know of a change of what a user keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decided {
    /// A user blocked somebody, or took that back.
    Blocked {
        /// Who.
        user: UserId,
        /// Whom.
        other: UserId,
        /// Everybody whom they have blocked after it.
        blocked: Arc<BTreeSet<UserId>>,
    },
    /// A user removed a device.
    DeviceRemoved {
        /// Who.
        user: UserId,
        /// Which.
        device: DeviceName,
        /// How they stand after it.
        standing: Arc<Standing>,
    },
}

/// What the commit gave a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what an ack says, complete")]
pub struct Placed {
    /// Its id, seq, stamp and all the rest.
    pub head: Head,
    /// Its row in the sender's own mailbox; zero when it has none.
    pub offset: Offset,
}

/// A row that a commit added to a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a row and whose it is, complete")]
pub struct Delivery {
    /// Whose mailbox.
    pub user: UserId,
    /// Where.
    pub offset: Offset,
    /// What.
    pub entry: Arc<Entry>,
}

/// The proof that a ticket is durable.
#[derive(Debug)]
#[must_use = "a proof that is dropped is an ack that is never sent"]
pub struct Committed {
    conn: ConnId,
    ack: Ack,
    cursor: Option<(Device, Offset)>,
    adrift: bool,
    outcomes: Vec<Outcome>,
    deliveries: Vec<Delivery>,
    fed: Vec<GroupId>,
    charge: u32,
}

impl Committed {
    /// What became of each put, in order.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// The rows it added.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// The groups whose feeds it added to.
    #[must_use]
    pub fn fed(&self) -> &[GroupId] {
        &self.fed
    }

    pub(crate) const fn conn(&self) -> ConnId {
        self.conn
    }

    pub(crate) const fn ack(&self) -> &Ack {
        &self.ack
    }

    /// Which cursor it moved.
    pub(crate) const fn cursor(&self) -> Option<&(Device, Offset)> {
        self.cursor.as_ref()
    }

    /// Its cursor did not move, as it did not stand where this ticket begins.
    pub(crate) const fn is_adrift(&self) -> bool {
        self.adrift
    }

    pub(super) fn into_failed(self, failure: Failure) -> Failed {
        Failed { conn: self.conn, ack: self.ack, cursor: self.cursor, failure, charge: self.charge }
    }

    /// What its ticket counted among what is under way.
    pub(crate) fn charge(&self) -> u64 {
        self.charge.into()
    }
}

/// Why a batch could not be made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The store failed and takes nothing until it is opened again.
    #[error("the store failed and is closed for writing")]
    Unavailable,
    /// There is no room left on the disk.
    #[error("the disk is full")]
    Full,
}

/// A ticket that is not stored, and never will be.
#[derive(Debug)]
#[must_use = "a failure that is dropped is a refusal that is never sent"]
pub struct Failed {
    conn: ConnId,
    ack: Ack,
    cursor: Option<(Device, Offset)>,
    failure: Failure,
    charge: u32,
}

impl Failed {
    /// Why.
    #[must_use]
    pub const fn failure(&self) -> Failure {
        self.failure
    }

    pub(crate) const fn conn(&self) -> ConnId {
        self.conn
    }

    /// What its ticket counted among what is under way.
    pub(crate) fn charge(&self) -> u64 {
        self.charge.into()
    }

    pub(crate) const fn ack(&self) -> &Ack {
        &self.ack
    }

    /// Which cursor it did not move.
    pub(crate) const fn cursor(&self) -> Option<&(Device, Offset)> {
        self.cursor.as_ref()
    }
}
