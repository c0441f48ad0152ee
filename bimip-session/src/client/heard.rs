//! What a session hears, and what it makes of it.

use bimip_proto::{
    Address, ClientPacket, ClientRef, Entry, GroupId, Head, MessageRef, Noted, Now, Offset, Reject, Row,
    ServerPacket, Status,
};

use super::event::Event;
use super::inbox::Arrival;
use super::io::Output;
use super::link::Link;
use super::session::ClientSession;

impl ClientSession {
    pub(super) fn heard(&mut self, now: Now, packet: ServerPacket) {
        if !matches!(self.link, Link::Greeting { .. } | Link::Up { .. }) {
            return;
        }
        self.heartbeat.heard(now);
        if self.heard_of_token(now, &packet) {
            return;
        }
        match packet {
            ServerPacket::Welcome(welcome) => self.welcomed(now, welcome),
            ServerPacket::Accepted { client_ref, head, offset } => self.accepted(client_ref, head, offset),
            ServerPacket::Rejected { client_ref, to, reason, retry_after_ms } => {
                self.rejected(now, client_ref.as_ref(), to.as_ref(), reason, retry_after_ms);
            }
            ServerPacket::Noted(noted) => self.noted(now, noted),
            ServerPacket::Deliver(row) => self.arrived(now, row),
            ServerPacket::Answer { id, found } => self.heard_answer(&id, found),
            ServerPacket::Unanswered { id, reason, retry_after_ms } => {
                self.heard_no_answer(&id, reason, retry_after_ms);
            }
            ServerPacket::Talk(talk) => self.outbox.push_back(Output::Event(Event::Talk(talk))),
            ServerPacket::Floor(floor) => self.heard_floor(now, floor),
            ServerPacket::Fault(fault) => self.outbox.push_back(Output::Event(Event::Fault(fault))),
            ServerPacket::Bye(reason) => self.bye(now, reason),
            other => self.heard_live(now, other),
        }
    }

    fn accepted(&mut self, client_ref: Option<ClientRef>, mut head: Head, offset: Offset) {
        self.held_mono_ms = None;
        if let Some(draft) = self.drafts.answered(client_ref.as_ref(), Some(&head.to)) {
            // An ack need not say what the draft says: not every dialect tells a group from a user in it.
            (head.to, head.kind) = (draft.to, draft.body.kind);
            self.outbox.push_back(Output::Event(Event::Sent { client_ref, head, offset }));
        }
    }

    fn rejected(
        &mut self,
        now: Now,
        client_ref: Option<&ClientRef>,
        to: Option<&Address>,
        reason: Reject,
        retry_after_ms: Option<u32>,
    ) {
        self.held_mono_ms = None;
        if let Some(wait_ms) = retry_after_ms {
            self.retry_after(now, wait_ms);
            self.drafts.refused_for_now(client_ref, to);
        } else if let Some(draft) = self.drafts.answered(client_ref, to) {
            self.outbox.push_back(Output::Event(Event::Refused { draft, reason }));
        } else if let Some(revise) = self.revisions.answered(|it| Some(&it.client_ref) == client_ref) {
            // A server that could not read it knows only its name.
            self.outbox.push_back(Output::Event(Event::RevisionRefused { revise, reason }));
        } else if let Some(command) = self.groups.answered(|it| Some(&it.client_ref) == client_ref) {
            self.outbox.push_back(Output::Event(Event::GroupRefused { command, reason }));
        } else if let Some(react) = self.reactions.answered(|it| Some(&it.client_ref) == client_ref) {
            self.outbox.push_back(Output::Event(Event::ReactionRefused { react, reason }));
        } else if let Some(command) = self.users.answered(|it| Some(&it.client_ref) == client_ref) {
            self.outbox.push_back(Output::Event(Event::UserRefused { command, reason }));
        }
    }

    fn noted(&mut self, now: Now, noted: Noted) {
        match noted {
            Noted::Marked { message, status } => {
                if self.marked(&message, status) {
                    self.outbox.push_back(Output::Event(Event::Marked { message, status }));
                }
            }
            Noted::Revised { client_ref, edition, offset } => {
                if let Some(revise) = self.revisions.answered(|it| it.client_ref == client_ref) {
                    self.outbox.push_back(Output::Event(Event::Revised { revise, edition, offset }));
                }
            }
            Noted::Unrevised { client_ref, retry_after_ms: Some(wait_ms), .. } => {
                self.retry_after(now, wait_ms);
                self.revisions.again(|it| it.client_ref == client_ref);
            }
            Noted::Unrevised { client_ref, reason, .. } => {
                if let Some(revise) = self.revisions.answered(|it| it.client_ref == client_ref) {
                    self.outbox.push_back(Output::Event(Event::RevisionRefused { revise, reason }));
                }
            }
            Noted::Reacted { client_ref, edition, count, offset } => {
                if let Some(react) = self.reactions.answered(|it| it.client_ref == client_ref) {
                    self.outbox.push_back(Output::Event(Event::Reacted { react, edition, count, offset }));
                }
            }
            Noted::Unreacted { client_ref, retry_after_ms: Some(wait_ms), .. } => {
                self.retry_after(now, wait_ms);
                self.reactions.again(|it| it.client_ref == client_ref);
            }
            Noted::Unreacted { client_ref, reason, .. } => {
                if let Some(react) = self.reactions.answered(|it| it.client_ref == client_ref) {
                    self.outbox.push_back(Output::Event(Event::ReactionRefused { react, reason }));
                }
            }
            Noted::Grouped { client_ref, edition, offset } => {
                if let Some(command) = self.groups.answered(|it| it.client_ref == client_ref) {
                    self.outbox.push_back(Output::Event(Event::Grouped { command, edition, offset }));
                }
            }
            Noted::Ungrouped { client_ref, retry_after_ms: Some(wait_ms), .. } => {
                self.retry_after(now, wait_ms);
                self.groups.again(|it| it.client_ref == client_ref);
            }
            Noted::Ungrouped { client_ref, reason, .. } => {
                if let Some(command) = self.groups.answered(|it| it.client_ref == client_ref) {
                    self.outbox.push_back(Output::Event(Event::GroupRefused { command, reason }));
                }
            }
            Noted::UserChanged { client_ref, edition, offset } => {
                if let Some(command) = self.users.answered(|it| it.client_ref == client_ref) {
                    self.outbox.push_back(Output::Event(Event::UserChanged { command, edition, offset }));
                }
            }
            Noted::UserUnchanged { client_ref, retry_after_ms: Some(wait_ms), .. } => {
                self.retry_after(now, wait_ms);
                self.users.again(|it| it.client_ref == client_ref);
            }
            Noted::UserUnchanged { client_ref, reason, .. } => {
                if let Some(command) = self.users.answered(|it| it.client_ref == client_ref) {
                    self.outbox.push_back(Output::Event(Event::UserRefused { command, reason }));
                }
            }
            Noted::Joined(group) => {
                self.joining.retain(|asked| *asked != group);
                self.outbox.push_back(Output::Event(Event::Joined(group)));
            }
            Noted::Left(group) => self.outbox.push_back(Output::Event(Event::Left(group))),
            Noted::Barred { group, reason, retry_after_ms } => {
                self.barred_draft(&group, reason);
                self.outbox.push_back(Output::Event(Event::Barred { group, reason, retry_after_ms }));
            }
            Noted::Refused { retry_after_ms: Some(wait_ms), message, status, .. } => {
                self.retry_after(now, wait_ms);
                self.marks.again(|(it, said)| *said == status && *it == message);
            }
            Noted::Refused { message, status, reason, .. } => {
                if self.marked(&message, status) {
                    self.outbox.push_back(Output::Event(Event::MarkRefused { message, status, reason }));
                }
            }
            other => self.heard_live(now, ServerPacket::Noted(other)),
        }
    }

    /// A dialect without names says of a draft to a strange group only that the group is strange. It is the oldest one there,
    /// unless it is a join that was answered.
    fn barred_draft(&mut self, group: &GroupId, reason: Reject) {
        let joins = self.joining.len();
        self.joining.retain(|asked| asked != group);
        if self.config.resend || self.joining.len() < joins {
            return;
        }
        if let Some(draft) = self.drafts.answered(None, Some(&Address::Group(group.clone()))) {
            self.outbox.push_back(Output::Event(Event::Refused { draft, reason }));
        }
    }

    /// A mark is answered: whether it was waited for.
    fn marked(&mut self, message: &MessageRef, status: Status) -> bool {
        self.marks.answered(|(it, said)| *said == status && it == message).is_some()
    }

    /// The server is busy: what waits for an answer goes again then. The first word counts, so that the waits of a
    /// whole window do not add up.
    fn retry_after(&mut self, now: Now, wait_ms: u32) {
        let wait_ms = u64::from(wait_ms).min(self.config.retry_after_max_ms);
        self.retry_mono_ms.get_or_insert(now.mono_ms + wait_ms);
    }

    fn arrived(&mut self, now: Now, row: Row) {
        match self.inbox.arrives(&row) {
            Arrival::New => {
                if let Entry::Message(message) = &*row.entry {
                    self.spoke_up(&message.head.from, &message.head.to);
                }
                self.outbox.push_back(Output::Event(Event::Received(row)));
            }
            Arrival::Stored => self.inbox.dispose_again(now.mono_ms, self.config.dispose_ms),
            Arrival::Said(message) => self.say(now, ClientPacket::Delivered(vec![message])),
            Arrival::Seen => {}
            Arrival::Missing => self.hangup(now),
        }
    }
}
