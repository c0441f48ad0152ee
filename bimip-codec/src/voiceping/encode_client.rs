//! A client's packet, as a server reads it.

use bimip_proto::{
    Address, Alias, BodyKind, Channel, ClientPacket, Device, Draft, Form, GroupId, MessageRef, Status, Talk,
    TalkAct, limits,
};

use super::builder::FrameBuilder;
use super::encode_server::{checked, label_text};
use super::id::IdText;
use super::kind::Kind;
use super::state::channel_of;
use super::text;
use super::value::Value;
use crate::{EncodeError, Frames, json};

/// Writes the frames of a packet. This end writes ids as strings, which every server reads.
pub(crate) fn encode_client(
    me: Option<&Device>,
    packet: &ClientPacket,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    let me = me.ok_or(EncodeError::NotSignedIn)?.user.as_str();
    let put = |frame: FrameBuilder<'_>, out: &mut Frames| {
        out.frame(frame.expected_bytes(), |to| frame.write(to));
        Ok(())
    };
    let from = IdText::Text(me);
    match packet {
        ClientPacket::Send(draft) => send(from, draft, |frame| put(frame, out)),
        ClientPacket::Talk(talk) => put(talk_frame(from, talk)?, out),
        ClientPacket::PushToken(it) => {
            let frame = FrameBuilder::new(Channel::Group, Kind::Connection, from);
            let token = it.token.as_deref().map_or(Value::Str(""), text_or_bytes);
            put(frame.payload(token), out)
        }
        ClientPacket::Delivered(messages) => match messages.as_slice() {
            [] => Ok(()),
            [one] => {
                let id = reference_text(one)?;
                put(receipt(Kind::Delivered, me, one).payload(Value::Str(&id)), out)
            }
            [first, ..] if messages.len() <= limits::DELIVERED_IDS => {
                let list = list_text(messages)?;
                put(receipt(Kind::Delivered, me, first).payload(Value::Str(&list)), out)
            }
            _ => Err(EncodeError::Unsayable { field: "messages" }),
        },
        ClientPacket::Mark { message, status: Status::Read } => {
            let id = reference_text(message)?;
            put(receipt(Kind::Read, me, message).payload(Value::Str(&id)), out)
        }
        ClientPacket::Ping(ping) => {
            let frame = FrameBuilder::new(Channel::Private, Kind::ConnectionTest, from).to(IdText::Number(0));
            let payload = checked(&ping.id)?;
            put(if payload.is_empty() { frame } else { frame.relayed(payload) }, out)
        }
        ClientPacket::Join(group) => put(member(Kind::UserAdd, from, group), out),
        ClientPacket::Leave(group) => put(member(Kind::UserRemove, from, group), out),
        _ => Err(EncodeError::NotSpoken),
    }
}

fn member<'a>(kind: Kind, from: IdText<'a>, group: &'a GroupId) -> FrameBuilder<'a> {
    FrameBuilder::new(Channel::Group, kind, from).to(IdText::Text(group.as_str()))
}

fn addressed<'a>(kind: Kind, from: IdText<'a>, to: &'a Address) -> FrameBuilder<'a> {
    FrameBuilder::new(channel_of(to), kind, from).to(IdText::Text(to.as_str()))
}

fn text_or_bytes(bytes: &[u8]) -> Value<'_> {
    core::str::from_utf8(bytes).map_or(Value::Bin(bytes), Value::Str)
}

fn send(
    from: IdText<'_>,
    draft: &Draft,
    put: impl FnOnce(FrameBuilder<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let body = &draft.body;
    if !body.is_readable() {
        return Err(EncodeError::Unsayable { field: "seal" });
    }
    let kind = match body.kind {
        BodyKind::Text => Kind::Text,
        BodyKind::Image => Kind::Image,
        BodyKind::Interactive => Kind::Interactive,
        _ => return Err(EncodeError::Unsayable { field: "kind" }),
    };
    let frame = addressed(kind, from, &draft.to);
    let unsayable = EncodeError::Unsayable { field: "body" };
    match body.form {
        Form::Text => {
            let text = text::draft_text(&body.bytes).ok_or(unsayable)?;
            put(frame.payload(Value::Str(&text)))
        }
        Form::Json | Form::Content => {
            let json = core::str::from_utf8(&body.bytes).map_err(|_| unsayable)?;
            put(frame.payload(Value::Str(json)))
        }
        _ => put(frame.payload(Value::Bin(&body.bytes))),
    }
}

fn talk_frame<'a>(from: IdText<'a>, talk: &'a Talk) -> Result<FrameBuilder<'a>, EncodeError> {
    let (kind, label, payload) = match &talk.act {
        TalkAct::Start { label, payload } => (Kind::Start, label, payload),
        TalkAct::Audio { label, payload } => (Kind::Audio, label, payload),
        TalkAct::Stop => return Ok(addressed(Kind::Stop, from, &talk.to)),
        _ => return Err(EncodeError::NotSpoken),
    };
    let frame = addressed(kind, from, &talk.to).message_id(label_text(label.as_deref()));
    let payload = checked(payload)?;
    Ok(if payload.is_empty() { frame } else { frame.relayed(payload) })
}

/// Slot 3 names the sender of the message where its alias tells; the server does not look at it.
fn receipt<'a>(kind: Kind, me: &'a str, message: &'a MessageRef) -> FrameBuilder<'a> {
    let alias: Option<&Alias> = match message {
        MessageRef::Alias(alias) => Some(alias),
        _ => None,
    };
    let channel = alias.map_or(Channel::Private, |alias| alias.channel);
    let author = alias.and_then(|alias| {
        alias.candidates().find(|(to, _)| *to == me && channel == Channel::Private).map(|(_, from)| from)
    });
    FrameBuilder::new(channel, kind, IdText::Text(me)).to(IdText::Text(author.unwrap_or(me)))
}

fn reference_text(message: &MessageRef) -> Result<String, EncodeError> {
    match message {
        MessageRef::Id(id) => Ok(id.to_string()),
        MessageRef::Alias(alias) => Ok(alias.to_string()),
        _ => Err(EncodeError::Unsayable { field: "message" }),
    }
}

fn list_text(messages: &[MessageRef]) -> Result<String, EncodeError> {
    let mut list = String::from("[");
    for message in messages {
        if list.len() > 1 {
            list.push(',');
        }
        json::push_string(&mut list, &reference_text(message)?);
    }
    list.push(']');
    Ok(list)
}
