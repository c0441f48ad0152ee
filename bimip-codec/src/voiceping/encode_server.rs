//! A server's packet, as a client reads it.

use bimip_proto::{
    Address, Body, BodyKind, Channel, CloseReason, Device, DeviceName, Entry, Floor, Head, Message, Noted,
    Receipt, Reject, Revision, ServerPacket, Status, Talk, TalkAct,
};

use super::builder::FrameBuilder;
use super::id::{IdForm, IdText};
use super::kind::Kind;
use super::state::{State, channel_of};
use super::text::{self, Shown};
use super::value::Value;
use super::{ACK_FAILED, ACKNOWLEDGED, BUSY, UNAUTHORIZED_GROUP, msgpack};
use crate::{EncodeError, Frames};

/// Writes the frames of a packet. Packets without a word in this dialect write nothing.
pub(crate) fn encode_server(
    state: &State,
    me: Option<&Device>,
    packet: &ServerPacket,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    let mut writer = Writer { form: state.form(), me, out };
    match packet {
        ServerPacket::Accepted { head, .. } => writer.accepted(head),
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => writer.message(message),
            Entry::Receipt(receipt) => return writer.receipt(receipt),
            Entry::Revised(revision) => writer.edit(revision),
            _ => {}
        },
        ServerPacket::Talk(talk) => return writer.talk(talk),
        ServerPacket::Floor(floor) => return writer.floor(floor),
        ServerPacket::Pong { ping, .. } => {
            let me = writer.me()?;
            // From number 0 whatever form the client writes: that is the server.
            let frame = FrameBuilder::new(Channel::Private, Kind::ConnectionAck, IdText::Number(0));
            writer.put(frame.to(writer.form.write(me.user.as_str())).relayed(checked(&ping.id)?));
        }
        // What may pass says nothing about the group: clients join again at each start, members too.
        ServerPacket::Noted(Noted::Barred { reason: Reject::Busy | Reject::Unavailable, .. }) => {}
        ServerPacket::Noted(Noted::Barred { group, .. }) => return writer.unauthorized(group.as_str()),
        ServerPacket::Rejected { to: Some(Address::Group(group)), reason: Reject::NotMember, .. } => {
            return writer.unauthorized(group.as_str());
        }
        ServerPacket::Bye(CloseReason::Replaced { by: Some(by) }) => return writer.replaced(by),
        _ => {}
    }
    Ok(())
}

struct Writer<'a> {
    form: IdForm,
    me: Option<&'a Device>,
    out: &'a mut Frames,
}

impl<'a> Writer<'a> {
    fn me(&self) -> Result<&'a Device, EncodeError> {
        self.me.ok_or(EncodeError::NotSignedIn)
    }

    fn put(&mut self, frame: FrameBuilder<'_>) {
        self.out.frame(frame.expected_bytes(), |to| frame.write(to));
    }

    /// A frame between a talker or sender and a target, in this order in both directions.
    fn frame<'b>(&self, kind: Kind, from: &'b str, to: &'b Address) -> FrameBuilder<'b> {
        FrameBuilder::new(channel_of(to), kind, self.form.write(from)).to(self.form.write(to.as_str()))
    }

    /// VP-ACK-1: the id in slot 4, sender and target as in the draft.
    fn accepted(&mut self, head: &Head) {
        let kind = match head.kind {
            BodyKind::Voice { .. } => Kind::StopAck,
            BodyKind::Interactive => Kind::InteractiveAck,
            _ => Kind::TextAck,
        };
        let id = head.alias().to_string();
        let frame = self.frame(kind, head.from.user.as_str(), &head.to);
        self.put(frame.message_id(&id).payload(Value::Str(ACKNOWLEDGED)));
    }

    fn message(&mut self, message: &Message) {
        let Message { head, body: Body { kind, .. } } = message;
        let id = head.alias().to_string();
        let from = head.from.user.as_str();
        let kind = match *kind {
            BodyKind::Voice { duration_ms } => {
                let info = text::talk_info(&id, duration_ms);
                let frame = self.frame(Kind::Stop, from, &head.to);
                return self.put(frame.payload(Value::Str(&info)));
            }
            BodyKind::Image => Kind::Image,
            BodyKind::Interactive => Kind::Interactive,
            _ => Kind::Text,
        };
        let frame = self.frame(kind, from, &head.to);
        match text::shown(message, &id) {
            Shown::Json(json) => self.put(frame.payload(Value::Str(&json))),
            Shown::Binary(bytes) => self.put(frame.message_id(&id).payload(Value::Bin(bytes))),
        }
    }

    /// VP-TEXT-7: an edit is a new text that says so, with an id of its own.
    fn edit(&mut self, edit: &Revision) {
        let (Some(body), Some(to), Some(id)) =
            (&edit.body, edit.conversation.to_of(&edit.by.user), edit.alias())
        else {
            return;
        };
        let (from, id) = (edit.by.user.as_str(), id.to_string());
        let of = edit.message.alias.as_ref().map(ToString::to_string);
        let json = text::edited(body, &id, of.as_deref());
        let frame = self.frame(Kind::Text, from, &to);
        self.put(frame.payload(Value::Str(&json)));
    }

    /// One frame for each message, towards its sender. A message without an alias is not of this dialect.
    fn receipt(&mut self, receipt: &Receipt) -> Result<(), EncodeError> {
        let kind = match receipt.status {
            Status::Delivered => Kind::Delivered,
            Status::Read => Kind::Read,
            _ => return Ok(()),
        };
        let me = self.me()?;
        for alias in receipt.messages.iter().filter_map(|names| names.alias.as_ref()) {
            let by = self.form.write(receipt.by.user.as_str());
            let id = alias.to_string();
            let frame = FrameBuilder::new(alias.channel, kind, by).to(self.form.write(me.user.as_str()));
            self.put(frame.payload(Value::Str(&id)));
        }
        Ok(())
    }

    fn talk(&mut self, talk: &Talk) -> Result<(), EncodeError> {
        let (kind, label, payload) = match &talk.act {
            TalkAct::Start { label, payload } => (Kind::Start, label, payload),
            TalkAct::Audio { label, payload } => (Kind::Audio, label, payload),
            // Receivers hear of the end as a message of kind voice.
            _ => return Ok(()),
        };
        let frame = self.frame(kind, talk.from.as_str(), &talk.to).relayed(checked(payload)?);
        self.put(frame.message_id(label_text(label.as_deref())));
        Ok(())
    }

    fn floor(&mut self, floor: &Floor) -> Result<(), EncodeError> {
        match floor {
            Floor::Ended { head } => self.accepted(head),
            Floor::Granted { to, label, payload } => self.granted(to, label.as_deref(), checked(payload)?)?,
            Floor::Denied { to, reason } => {
                let me = self.me()?.user.as_str();
                let text = if *reason == Reject::Busy { BUSY } else { ACK_FAILED };
                if let (Reject::NotMember, Address::Group(group)) = (reason, to) {
                    self.unauthorized(group.as_str())?;
                }
                self.put(self.frame(Kind::StartFailed, me, to).payload(Value::Str(text)));
            }
            _ => {}
        }
        Ok(())
    }

    /// VP-GROUP-2: the user is not in the group, whatever was tried.
    fn unauthorized(&mut self, group: &str) -> Result<(), EncodeError> {
        let me = self.form.write(self.me()?.user.as_str());
        let frame = FrameBuilder::new(Channel::Group, Kind::UnauthorizedGroup, me).to(self.form.write(group));
        self.put(frame.payload(Value::Str(UNAUTHORIZED_GROUP)));
        Ok(())
    }

    /// VP-TALK-2: the payload comes back with its type; from a group as a string; and never as nothing.
    fn granted(&mut self, to: &Address, label: Option<&[u8]>, payload: &[u8]) -> Result<(), EncodeError> {
        let frame = self.frame(Kind::StartAck, self.me()?.user.as_str(), to).message_id(label_text(label));
        let value = Value::read(payload);
        if value.is_falsy() {
            self.put(frame.payload(Value::Str(ACKNOWLEDGED)));
        } else if matches!(to, Address::Group(_)) {
            let text = value.to_text();
            // Bytes of which nothing is left as text would come back as nothing.
            let text = if text.is_empty() { ACKNOWLEDGED } else { &text };
            self.put(frame.payload(Value::Str(text)));
        } else {
            self.put(frame.relayed(payload));
        }
        Ok(())
    }

    fn replaced(&mut self, by: &DeviceName) -> Result<(), EncodeError> {
        let me = self.me()?.user.as_str();
        let text = replaced_text(me, by.as_str());
        let frame = FrameBuilder::new(Channel::Private, Kind::LoginDuplicated, IdText::Number(0));
        self.put(frame.to(self.form.write(me)).payload(Value::Str(&text)));
        Ok(())
    }
}

/// The sentence that clients of the field know, word for word.
pub(super) fn replaced_text(me: &str, by: &str) -> String {
    format!("userId {me} has logged in from another deviceId {by}")
}

/// A payload to be relayed has to be one value of this dialect, or the frame around it would be none.
pub(super) fn checked(payload: &[u8]) -> Result<&[u8], EncodeError> {
    match msgpack::skip(payload, 0) {
        Ok(end) if end == payload.len() => Ok(payload),
        _ if payload.is_empty() => Ok(payload),
        _ => Err(EncodeError::Unsayable { field: "payload" }),
    }
}

/// Labels come from a text slot, so they are text; no label is the empty one.
pub(super) fn label_text(label: Option<&[u8]>) -> &str {
    label.and_then(|label| core::str::from_utf8(label).ok()).unwrap_or_default()
}
