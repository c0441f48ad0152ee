//! A server's frame, as a client reads it.

use std::sync::Arc;

use bimip_proto::{
    Address, Alias, AliasKind, Body, BodyKind, CloseReason, Device, DeviceName, Entry, Floor, Form, GroupId,
    Head, Message, MessageId, MessageRef, Names, Noted, Offset, Ping, Receipt, Reject, Row, Seq,
    ServerPacket, Status, Talk, TalkAct, UnixMs, UserId,
};
use bytes::Bytes;

use super::decode_client::{label, many_ids, reference, relayed};
use super::encode_server::replaced_text;
use super::frame::Frame;
use super::kind::Kind;
use super::value::Value;
use super::{BUSY, DEVICE, state, text};
use crate::DecodeError;

/// Reads one frame.
pub(crate) fn decode_server(frame: Bytes) -> Result<ServerPacket, DecodeError> {
    let frame = Frame::decode(frame)?;
    let origin = frame.kind().number();
    Ok(match frame.kind() {
        Kind::TextAck | Kind::InteractiveAck => {
            let head = head(&frame, None)?;
            ServerPacket::Accepted { client_ref: None, head, offset: Offset::ZERO }
        }
        Kind::StopAck => ServerPacket::Floor(Floor::Ended { head: head(&frame, None)? }),
        Kind::StartAck => {
            let payload = relayed(&frame);
            ServerPacket::Floor(Floor::Granted { to: to(&frame)?, label: label(&frame), payload })
        }
        Kind::StartFailed => {
            let busy = frame.payload() == Value::Str(BUSY);
            let reason = if busy { Reject::Busy } else { Reject::Unsupported };
            ServerPacket::Floor(Floor::Denied { to: to(&frame)?, reason })
        }
        // The answer to a join, to a message and to a start is the same word; after a start kind 8 follows.
        Kind::UnauthorizedGroup => ServerPacket::Noted(Noted::Barred {
            group: group(&frame)?,
            reason: Reject::NotMember,
            retry_after_ms: None,
        }),
        Kind::Start => talk(&frame, TalkAct::Start { label: label(&frame), payload: relayed(&frame) })?,
        Kind::Audio => talk(&frame, TalkAct::Audio { label: label(&frame), payload: relayed(&frame) })?,
        Kind::Stop => recorded(&frame)?,
        Kind::Text => message(&frame, BodyKind::Text)?,
        Kind::Image => message(&frame, BodyKind::Image)?,
        Kind::Interactive => message(&frame, BodyKind::Interactive)?,
        Kind::Delivered => receipt(&frame, Status::Delivered)?,
        Kind::Read => receipt(&frame, Status::Read)?,
        Kind::ConnectionAck => {
            ServerPacket::Pong { ping: Ping { id: relayed(&frame) }, at: UnixMs::default() }
        }
        Kind::LoginDuplicated => ServerPacket::Bye(CloseReason::Replaced { by: replaced_by(&frame) }),
        Kind::Other(origin) => return Err(DecodeError::Unknown { origin }),
        _ => return Err(DecodeError::Unsupported { origin }),
    })
}

fn field(frame: &Frame, field: &'static str) -> DecodeError {
    DecodeError::Field { origin: frame.kind().number(), field }
}

fn to(frame: &Frame) -> Result<Address, DecodeError> {
    let to = frame.to().ok_or_else(|| field(frame, "to"))?;
    state::address(frame.channel(), to).map_err(|_| field(frame, "to"))
}

/// Upstream routers write kind 27 with group ids and with user ids, on channel 0 always.
fn group(frame: &Frame) -> Result<GroupId, DecodeError> {
    let to = frame.to().ok_or_else(|| field(frame, "to"))?;
    to.with_str(GroupId::new).map_err(|_| field(frame, "to"))
}

fn from(frame: &Frame) -> Result<UserId, DecodeError> {
    frame.from().with_str(UserId::new).map_err(|_| field(frame, "from"))
}

fn device(frame: &Frame) -> Result<Device, DecodeError> {
    let name = DeviceName::new(DEVICE).map_err(|_| field(frame, "from"))?;
    Ok(Device::new(from(frame)?, name))
}

/// What a message's id and slots tell about it; `kind` where the frame's own kind says what it is.
fn head(frame: &Frame, kind: Option<BodyKind>) -> Result<Head, DecodeError> {
    let id = text::message_id(frame).ok_or_else(|| field(frame, "message_id"))?;
    let alias: Alias = id.parse().map_err(|_| field(frame, "message_id"))?;
    let kind = kind.unwrap_or(match alias.kind {
        AliasKind::Talk { duration_ms } => BodyKind::Voice { duration_ms },
        AliasKind::Image => BodyKind::Image,
        AliasKind::Interactive => BodyKind::Interactive,
        _ => BodyKind::Text,
    });
    Ok(Head {
        id: MessageId::NONE,
        from: device(frame)?,
        to: to(frame)?,
        client_ref: None,
        client_time: None,
        at: alias.stamp,
        stamp: alias.stamp,
        seq: Seq::default(),
        kind,
    })
}

fn row(entry: Entry) -> ServerPacket {
    ServerPacket::Deliver(Row { prev: Offset::ZERO, offset: Offset::ZERO, entry: Arc::new(entry) })
}

fn message(frame: &Frame, kind: BodyKind) -> Result<ServerPacket, DecodeError> {
    let head = head(frame, Some(kind))?;
    let body = text::delivered(kind, frame).ok_or_else(|| field(frame, "payload"))?;
    Ok(row(Entry::Message(Message { head, body })))
}

/// The end of a talk is the message it became. Its sound came before, or is fetched by its id.
fn recorded(frame: &Frame) -> Result<ServerPacket, DecodeError> {
    let head = head(frame, None)?;
    if !matches!(head.kind, BodyKind::Voice { .. }) {
        return Err(field(frame, "message_id"));
    }
    let body = Body { kind: head.kind, form: Form::Opaque, bytes: Bytes::new(), seal: None };
    Ok(row(Entry::Message(Message { head, body })))
}

fn talk(frame: &Frame, act: TalkAct) -> Result<ServerPacket, DecodeError> {
    Ok(ServerPacket::Talk(Talk { from: from(frame)?, to: to(frame)?, act }))
}

fn receipt(frame: &Frame, status: Status) -> Result<ServerPacket, DecodeError> {
    let one = frame.payload().as_str().and_then(reference).map(|one| vec![one]);
    let messages = one.or_else(|| many_ids(frame)).ok_or_else(|| field(frame, "payload"))?;
    let messages = messages
        .into_iter()
        .map(|message| match message {
            MessageRef::Id(id) => Names { id, alias: None, client_ref: None },
            MessageRef::Alias(alias) => Names { id: MessageId::NONE, alias: Some(alias), client_ref: None },
            _ => Names { id: MessageId::NONE, alias: None, client_ref: None },
        })
        .collect();
    Ok(row(Entry::Receipt(Receipt { by: device(frame)?, status, at: UnixMs::default(), messages })))
}

/// The device at the end of the sentence, if the server wrote the sentence.
fn replaced_by(frame: &Frame) -> Option<DeviceName> {
    let before = frame.to()?.with_str(|me| replaced_text(me, ""));
    frame.payload().as_str()?.strip_prefix(before.as_str())?.parse().ok()
}
