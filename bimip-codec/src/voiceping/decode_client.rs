//! A client's frame, as a server reads it.

use core::fmt;
use std::borrow::Cow;

use bimip_proto::{
    Address, BodyKind, Channel, Claim, ClientPacket, Device, Draft, GroupId, MessageRef, Ping, PushToken,
    Said, Status, Talk, TalkAct, UserId, limits,
};
use bytes::Bytes;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::frame::Frame;
use super::kind::Kind;
use super::state::State;
use super::text;
use super::value::Value;
use crate::DecodeError;

/// Reads one frame. A talk is from the session's user whatever the frame claims, and an id is compared with the
/// session's, so a connection that nobody signed in on says nothing: [`DecodeError::OutOfPlace`].
pub(crate) fn decode_client(
    state: &mut State,
    me: Option<&Device>,
    frame: Bytes,
) -> Result<Option<Said>, DecodeError> {
    let frame = Frame::decode(frame)?;
    state.note(&frame);
    let origin = frame.kind().number();
    if let Kind::Other(origin) = frame.kind() {
        return Err(DecodeError::Unknown { origin });
    }
    let me = &me.ok_or(DecodeError::OutOfPlace { origin })?.user;
    let packet = match frame.kind() {
        Kind::Audio => talk(state, me, &frame, audio(&frame)?)?,
        Kind::Start => {
            let act = TalkAct::Start { label: label(&frame), payload: relayed(&frame) };
            talk(state, me, &frame, act)?
        }
        Kind::Stop => talk(state, me, &frame, TalkAct::Stop)?,
        Kind::Text => send(state, &frame, BodyKind::Text)?,
        Kind::Image => send(state, &frame, BodyKind::Image)?,
        Kind::Interactive => send(state, &frame, BodyKind::Interactive)?,
        Kind::Connection => match push_token(&frame)? {
            // The apps open with it, mostly without a token: nothing is said then, nothing taken back.
            None => return Ok(None),
            Some(token) => ClientPacket::PushToken(token),
        },
        Kind::Delivered => ClientPacket::Delivered(delivered(&frame)?),
        Kind::Read => {
            let message = one_id(&frame).ok_or(DecodeError::Field { origin, field: "payload" })?;
            ClientPacket::Mark { message, status: Status::Read }
        }
        Kind::ConnectionTest => ClientPacket::Ping(Ping { id: relayed(&frame) }),
        Kind::UserAdd => ClientPacket::Join(group(state, &frame)?),
        Kind::UserRemove => ClientPacket::Leave(group(state, &frame)?),
        _ => return Err(DecodeError::Unsupported { origin }),
    };
    Ok(Some(Said { claim: claim(me, &frame)?, origin, packet }))
}

/// Slot 2 against the session. Number 0 is nobody in the frames that need no target, and nobody may say them.
fn claim(me: &UserId, frame: &Frame) -> Result<Claim, DecodeError> {
    let from = frame.from();
    if frame.kind().senderless() {
        return Ok(Claim::Own);
    }
    if from == *me.as_str() || (from.is_zero() && frame.kind().targetless()) {
        return Ok(Claim::Own);
    }
    from.with_str(UserId::new).map(Claim::Other).map_err(|_| field(frame, "from"))
}

fn field(frame: &Frame, field: &'static str) -> DecodeError {
    DecodeError::Field { origin: frame.kind().number(), field }
}

fn talk(state: &mut State, me: &UserId, frame: &Frame, act: TalkAct) -> Result<ClientPacket, DecodeError> {
    let to = frame.to().ok_or_else(|| field(frame, "to"))?;
    let to = state.address(frame.channel(), to).map_err(|_| field(frame, "to"))?;
    Ok(ClientPacket::Talk(Talk { from: me.clone(), to, act }))
}

/// VP-GROUP-1: the group of slot 3. Between two there is nothing to join.
fn group(state: &mut State, frame: &Frame) -> Result<GroupId, DecodeError> {
    if frame.channel() != Channel::Group {
        return Err(DecodeError::Unsupported { origin: frame.kind().number() });
    }
    let to = frame.to().ok_or_else(|| field(frame, "to"))?;
    match state.address(Channel::Group, to) {
        Ok(Address::Group(group)) => Ok(group),
        _ => Err(field(frame, "to")),
    }
}

fn audio(frame: &Frame) -> Result<TalkAct, DecodeError> {
    let payload = relayed(frame);
    let len_bytes = match frame.payload() {
        Value::Nil => return Err(field(frame, "payload")),
        value => value.as_bytes().map_or(payload.len(), <[u8]>::len),
    };
    if len_bytes > limits::AUDIO_BYTES {
        return Err(DecodeError::TooLong { len_bytes, max_bytes: limits::AUDIO_BYTES });
    }
    Ok(TalkAct::Audio { label: label(frame), payload })
}

fn send(state: &mut State, frame: &Frame, kind: BodyKind) -> Result<ClientPacket, DecodeError> {
    let to = frame.to().ok_or_else(|| field(frame, "to"))?;
    let to = state.address(frame.channel(), to).map_err(|_| field(frame, "to"))?;
    let body = text::sent(kind, frame).ok_or_else(|| field(frame, "payload"))?;
    Ok(ClientPacket::Send(Draft { client_ref: None, to, client_time: None, body }))
}

/// Slot 4 of six elements.
pub(super) fn label(frame: &Frame) -> Option<Bytes> {
    frame.message_id().map(|label| frame.share(label.as_bytes()))
}

/// The payload as one encoded value. The clients' `undefined` must not travel on, so it is none.
pub(super) fn relayed(frame: &Frame) -> Bytes {
    if frame.payload() == Value::Nil { Bytes::new() } else { frame.payload_raw() }
}

/// VP-PUSH-1: a token registers, the empty text takes back, nothing says nothing.
fn push_token(frame: &Frame) -> Result<Option<PushToken>, DecodeError> {
    let token = match frame.payload() {
        Value::Nil => return Ok(None),
        value => value.as_bytes().ok_or_else(|| field(frame, "payload"))?,
    };
    if token.len() > limits::PUSH_TOKEN_BYTES {
        return Err(field(frame, "payload"));
    }
    let token = Some(frame.share(token)).filter(|token| !token.is_empty());
    Ok(Some(PushToken { id: None, service: String::new(), token }))
}

/// One id, or the text of a JSON array of ids; of six elements also the id in slot 4.
fn delivered(frame: &Frame) -> Result<Vec<MessageRef>, DecodeError> {
    if let Some(one) = one_id(frame) {
        return Ok(vec![one]);
    }
    many_ids(frame).ok_or_else(|| field(frame, "payload"))
}

/// The payload as one id, else slot 4.
fn one_id(frame: &Frame) -> Option<MessageRef> {
    let payload = frame.payload().as_bytes().and_then(|bytes| core::str::from_utf8(bytes).ok());
    payload.and_then(reference).or_else(|| frame.message_id().and_then(reference))
}

/// `None` when any of them is no id, or when there are more than [`limits::DELIVERED_IDS`].
pub(super) fn many_ids(frame: &Frame) -> Option<Vec<MessageRef>> {
    struct Ids;

    impl<'de> Visitor<'de> for Ids {
        type Value = Vec<MessageRef>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of message ids")
        }

        /// Id by id, so that whoever sends more of them than there can be open rows fills no memory with them.
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut ids = Vec::new();
            while let Some(id) = list.next_element::<Cow<'de, str>>()? {
                if ids.len() == limits::DELIVERED_IDS {
                    return Err(A::Error::invalid_length(ids.len() + 1, &self));
                }
                ids.push(reference(&id).ok_or_else(|| A::Error::custom("not a message id"))?);
            }
            Ok(ids)
        }
    }

    let mut read = serde_json::Deserializer::from_slice(frame.payload().as_bytes()?);
    let ids = read.deserialize_seq(Ids).ok()?;
    read.end().ok().map(|()| ids)
}

/// A message by either of its names: they cannot be mistaken for each other.
pub(super) fn reference(text: &str) -> Option<MessageRef> {
    let alias = || text.parse().ok().map(MessageRef::Alias);
    text.parse().ok().map(MessageRef::Id).or_else(alias)
}
