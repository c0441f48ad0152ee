//! What a socket may write, and the one place where acknowledgements are made.

use bimip_proto::{ClientRef, Floor, Found, Noted, Reject, Row, ServerPacket, Status, TokenAnswer};

use super::ticket::{Ack, Committed, Failed, Outcome};

/// How long a client should wait before it tries again after a refusal that may pass.
pub(crate) const RETRY_AFTER_MS: u32 = 1_000;

/// A packet on its way to a client. Nothing else can be written to a connection, and only the core makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing(ServerPacket);

impl Outgoing {
    /// The packet, for a codec.
    #[must_use]
    pub const fn packet(&self) -> &ServerPacket {
        &self.0
    }

    /// The packet.
    #[must_use]
    pub fn into_packet(self) -> ServerPacket {
        self.0
    }

    /// The answer to the command of a ticket, made from the proof that it is durable. `None` where nobody waits.
    ///
    /// This is the only maker of `Accepted`, `Noted` and the end of a talk.
    pub(crate) fn ack(proof: &Committed) -> Option<Self> {
        let refused = proof.outcomes().iter().find(|outcome| matches!(outcome, Outcome::Refused(_)));
        let outcome = match proof.ack() {
            // All of it or nothing was asked for.
            Ack::LogOut { .. } => refused.or_else(|| proof.outcomes().first()),
            _ => proof.outcomes().first(),
        };
        let packet = match (proof.ack(), outcome) {
            (Ack::Draft { client_ref, .. }, Some(Outcome::Stored(placed) | Outcome::Repeat(placed))) => {
                ServerPacket::Accepted {
                    client_ref: client_ref.clone(),
                    head: placed.head.clone(),
                    offset: placed.offset,
                }
            }
            (Ack::Draft { client_ref, to }, Some(Outcome::Refused(reason))) => ServerPacket::Rejected {
                client_ref: client_ref.clone(),
                to: Some(to.clone()),
                reason: *reason,
                retry_after_ms: None,
            },
            (Ack::Talk { .. }, Some(Outcome::Stored(placed))) => {
                ServerPacket::Floor(Floor::Ended { head: placed.head.clone() })
            }
            // The end of a talk is a message, and is refused like one: the floor is not what was asked for.
            (Ack::Talk { to }, Some(Outcome::Refused(reason))) => ServerPacket::Rejected {
                client_ref: None,
                to: Some(to.clone()),
                reason: *reason,
                retry_after_ms: None,
            },
            (Ack::Revised(client_ref), Some(Outcome::Revised { edition, offset })) => {
                let client_ref = client_ref.clone();
                ServerPacket::Noted(Noted::Revised { client_ref, edition: *edition, offset: *offset })
            }
            (Ack::Revised(client_ref), Some(Outcome::Refused(reason))) => {
                unrevised(client_ref, *reason, None)
            }
            (Ack::Grouped(client_ref), Some(Outcome::Grouped { edition, offset, .. })) => {
                let client_ref = client_ref.clone();
                ServerPacket::Noted(Noted::Grouped { client_ref, edition: *edition, offset: *offset })
            }
            (Ack::Grouped(client_ref), Some(Outcome::Refused(reason))) => {
                ungrouped(client_ref, *reason, None)
            }
            (Ack::Reacted(client_ref), Some(Outcome::Reacted { edition, count, offset })) => {
                ServerPacket::Noted(Noted::Reacted {
                    client_ref: client_ref.clone(),
                    edition: *edition,
                    count: *count,
                    offset: *offset,
                })
            }
            (Ack::Reacted(client_ref), Some(Outcome::Refused(reason))) => {
                unreacted(client_ref, *reason, None)
            }
            (Ack::User(client_ref), Some(Outcome::User { edition, offset, .. })) => {
                let client_ref = client_ref.clone();
                ServerPacket::Noted(Noted::UserChanged { client_ref, edition: *edition, offset: *offset })
            }
            (Ack::User(client_ref), Some(Outcome::Refused(reason))) => unchanged(client_ref, *reason, None),
            (Ack::Joined(group), Some(Outcome::Joined { .. })) => {
                ServerPacket::Noted(Noted::Joined(group.clone()))
            }
            (Ack::Joined(group), Some(Outcome::Refused(reason))) => ServerPacket::Noted(Noted::Barred {
                group: group.clone(),
                reason: *reason,
                retry_after_ms: None,
            }),
            (Ack::Left(group), Some(_)) => ServerPacket::Noted(Noted::Left(group.clone())),
            (Ack::Visible { origin, id, .. }, Some(Outcome::Refused(reason)))
            | (Ack::PushToken { origin, id, .. }, Some(Outcome::Refused(reason))) => {
                declined(*origin, id.as_ref(), *reason, None)
            }
            (Ack::Token { origin, .. } | Ack::LogOut { origin, .. }, Some(Outcome::Refused(reason))) => {
                declined(*origin, None, *reason, None)
            }
            (Ack::Visible { id, visible, .. }, Some(_)) => {
                ServerPacket::Visible { id: id.clone(), visible: *visible }
            }
            (Ack::PushToken { id, registered, .. }, Some(_)) => {
                ServerPacket::Noted(Noted::PushToken { id: id.clone(), registered: *registered })
            }
            (Ack::Token { task, .. }, Some(_)) => {
                ServerPacket::Token(TokenAnswer { task: *task, token: None, expires: None })
            }
            (Ack::LogOut { what, .. }, _) => ServerPacket::Noted(Noted::LoggedOut(what.clone())),
            (Ack::Disposed(_), _) if proof.is_adrift() => return None,
            (Ack::Disposed(offset), _) => ServerPacket::Noted(Noted::Disposed(*offset)),
            (Ack::Delivered(messages), Some(Outcome::Refused(reason))) if messages.len() == 1 => {
                ServerPacket::Noted(Noted::Refused {
                    message: messages[0].clone(),
                    status: Status::Delivered,
                    reason: *reason,
                    retry_after_ms: None,
                })
            }
            (Ack::Delivered(messages), _) => ServerPacket::Noted(Noted::Delivered(messages.clone())),
            (Ack::Marked { message, status }, Some(Outcome::Refused(reason))) => {
                ServerPacket::Noted(Noted::Refused {
                    message: message.clone(),
                    status: *status,
                    reason: *reason,
                    retry_after_ms: None,
                })
            }
            (Ack::Marked { message, status }, Some(_)) => {
                ServerPacket::Noted(Noted::Marked { message: message.clone(), status: *status })
            }
            _ => return None,
        };
        Some(Self(packet))
    }

    /// The refusal of a command that could not be made durable.
    pub(crate) fn refusal(failed: &Failed) -> Option<Self> {
        Self::refuse(failed.ack(), Reject::Unavailable)
    }

    /// The refusal of a command for a reason that may pass.
    pub(crate) fn refuse(ack: &Ack, reason: Reject) -> Option<Self> {
        let may_pass = matches!(reason, Reject::Busy | Reject::Unavailable);
        let retry_after_ms = may_pass.then_some(RETRY_AFTER_MS);
        let packet = match ack {
            Ack::Draft { client_ref, to } => ServerPacket::Rejected {
                client_ref: client_ref.clone(),
                to: Some(to.clone()),
                reason,
                retry_after_ms,
            },
            Ack::Joined(group) | Ack::Left(group) => {
                ServerPacket::Noted(Noted::Barred { group: group.clone(), reason, retry_after_ms })
            }
            Ack::Marked { message, status } => ServerPacket::Noted(Noted::Refused {
                message: message.clone(),
                status: *status,
                reason,
                retry_after_ms,
            }),
            Ack::Revised(client_ref) => unrevised(client_ref, reason, retry_after_ms),
            Ack::Grouped(client_ref) => ungrouped(client_ref, reason, retry_after_ms),
            Ack::Reacted(client_ref) => unreacted(client_ref, reason, retry_after_ms),
            Ack::User(client_ref) => unchanged(client_ref, reason, retry_after_ms),
            // A cursor that did not move is asked for again by the rows themselves; a talk's end has no word
            // for failure.
            Ack::Visible { origin, id, .. } | Ack::PushToken { origin, id, .. } => {
                declined(*origin, id.as_ref(), reason, retry_after_ms)
            }
            Ack::Token { origin, .. } | Ack::LogOut { origin, .. } => {
                declined(*origin, None, reason, retry_after_ms)
            }
            Ack::Query(id) => ServerPacket::Unanswered { id: id.clone(), reason, retry_after_ms },
            Ack::None
            | Ack::Entered
            | Ack::Pulled(_)
            | Ack::Talk { .. }
            | Ack::Disposed(_)
            | Ack::Delivered(_) => {
                return None;
            }
        };
        Some(Self(packet))
    }

    pub(crate) const fn deliver(row: Row) -> Self {
        Self(ServerPacket::Deliver(row))
    }

    /// The answer to a question, read from what is proven.
    pub(crate) const fn answer(id: ClientRef, found: Found) -> Self {
        Self(ServerPacket::Answer { id, found })
    }

    /// Anything that claims nothing about storage.
    pub(crate) fn live(packet: ServerPacket) -> Self {
        debug_assert!(
            !matches!(
                packet,
                ServerPacket::Accepted { .. }
                    | ServerPacket::Deliver(_)
                    | ServerPacket::Answer { .. }
                    | ServerPacket::Floor(Floor::Ended { .. })
                    | ServerPacket::Noted(
                        Noted::Disposed(_)
                            | Noted::Delivered(_)
                            | Noted::Marked { .. }
                            | Noted::Revised { .. }
                            | Noted::Grouped { .. }
                            | Noted::Reacted { .. }
                            | Noted::UserChanged { .. }
                            | Noted::Joined(_)
                            | Noted::Left(_)
                            | Noted::PushToken { .. }
                            | Noted::LoggedOut(_)
                    )
            ),
            "made from a proof or from a row, never like this"
        );
        Self(packet)
    }
}

fn unrevised(client_ref: &ClientRef, reason: Reject, retry_after_ms: Option<u32>) -> ServerPacket {
    ServerPacket::Noted(Noted::Unrevised { client_ref: client_ref.clone(), reason, retry_after_ms })
}

fn ungrouped(client_ref: &ClientRef, reason: Reject, retry_after_ms: Option<u32>) -> ServerPacket {
    ServerPacket::Noted(Noted::Ungrouped { client_ref: client_ref.clone(), reason, retry_after_ms })
}

fn unreacted(client_ref: &ClientRef, reason: Reject, retry_after_ms: Option<u32>) -> ServerPacket {
    ServerPacket::Noted(Noted::Unreacted { client_ref: client_ref.clone(), reason, retry_after_ms })
}

fn unchanged(client_ref: &ClientRef, reason: Reject, retry_after_ms: Option<u32>) -> ServerPacket {
    ServerPacket::Noted(Noted::UserUnchanged { client_ref: client_ref.clone(), reason, retry_after_ms })
}

fn declined(
    origin: u32,
    id: Option<&ClientRef>,
    reason: Reject,
    retry_after_ms: Option<u32>,
) -> ServerPacket {
    ServerPacket::Declined { origin, id: id.cloned(), reason, retry_after_ms }
}
