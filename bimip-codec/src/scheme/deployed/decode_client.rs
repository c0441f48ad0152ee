//! A client's frame, as a server reads it.

use bimip_proto::{
    Address, Body, BodyKind, Claim, ClientPacket, ConversationId, Device, Draft, Form, MessageRef, Ping,
    Said, Seal, Seq, Status, UnixMs, UserId, limits,
};
use bytes::Bytes;
use serde::de::IgnoredAny;

use super::frame::{Rules, open};
use super::live;
use super::memory::{Asked, State, Stored};
use super::names::{ID_BYTES, keyed};
use super::numbers::{self, kind, route};
use super::wire::message_scheme::Payload;
use super::wire::{Identity, Logout, Message, PingPong, Signal};
use crate::DecodeError;

const SERVED: [u32; 8] = [
    route::AWARENESS,
    route::PING_PONG,
    route::VISIBILITY,
    route::TOKEN_AUTHORITY,
    route::MESSAGE,
    route::SIGNAL,
    route::LOCATION,
    route::LOGOUT,
];

const NOT_EMPTY: &str = "must not be empty";
const POSITIVE: &str = "must be milliseconds since 1970, above 0";

/// Reads one frame: usually one packet, and two where a mark about a message also says that it is stored.
pub(crate) fn decode_client(
    state: &mut State,
    me: Option<&Device>,
    frame: Bytes,
    out: &mut Vec<Said>,
) -> Result<(), DecodeError> {
    let (origin, payload) = open(frame, &SERVED)?;
    // There is no sign-in but that at the door.
    let me = me.ok_or(DecodeError::OutOfPlace { origin })?;
    let rules = Rules { origin };
    let claim = |identity: Option<&Identity>, field| {
        let user = rules.user(identity, field)?;
        Ok(if user == me.user { Claim::Own } else { Claim::Other(user) })
    };
    let mut say = |claim, packet| out.push(Said { claim, origin, packet });
    match payload {
        Payload::PingPong(it) => say(claim(it.from.as_ref(), "from.eid")?, ping(rules, it)?),
        Payload::Message(it) => say(claim(it.from.as_ref(), "from.eid")?, message(rules, it)?),
        Payload::Awareness(it) => {
            let packet = ClientPacket::Aware(live::awareness(rules, &it)?);
            say(claim(it.from.as_ref(), "from.eid")?, packet);
        }
        Payload::AwarenessVisibility(it) => {
            say(claim(it.from.as_ref(), "from.eid")?, live::visibility(rules, &it)?);
        }
        Payload::TokenAuthority(it) => say(claim(it.to.as_ref(), "to.eid")?, live::token(rules, it)?),
        Payload::LocationStream(it) => {
            say(claim(it.from.as_ref(), "from.eid")?, ClientPacket::Track(live::track(rules, &it)?));
        }
        Payload::Logout(it) => say(claim(it.to.as_ref(), "to.eid")?, logout(rules, &it)?),
        Payload::Signal(it) => match claim(it.from.as_ref(), "from.eid")? {
            Claim::Own => signal(state, rules, me, it, |packet| say(Claim::Own, packet))?,
            // Nothing is remembered of what somebody else is made to say.
            other => say(other, ClientPacket::Ping(Ping::default())),
        },
        _ => return Err(DecodeError::Unsupported { origin }),
    }
    Ok(())
}

/// BD-PING-1.
fn ping(rules: Rules, ping: PingPong) -> Result<ClientPacket, DecodeError> {
    rules.hold(!ping.id.is_empty() && !ping.id.starts_with('\0'), "id", NOT_EMPTY)?;
    rules.hold(ping.r#type == kind::REQUEST, "type", "must be 1 (PING)")?;
    rules.hold(ping.timestamp > 0, "timestamp", POSITIVE)?;
    Ok(ClientPacket::Ping(Ping { id: ping.id.into() }))
}

/// BD-SEND-1.
fn message(rules: Rules, message: Message) -> Result<ClientPacket, DecodeError> {
    let has_device = message.from.as_ref().and_then(|from| from.connection_resource_id.as_deref());
    rules.hold(has_device.is_some_and(|name| !name.is_empty()), "from.connection_resource_id", NOT_EMPTY)?;
    let to = rules.user(message.to.as_ref(), "to.eid")?;
    let kind = match message.r#type {
        kind::CHAT => BodyKind::Text,
        kind::NOTIFICATION => BodyKind::Notification,
        _ => return Err(rules.broken("type", "must be 1 (chat) or 2 (notification)")),
    };
    rules.hold(message.status == numbers::SENT, "status", "must be 1 (SENT) in a new message")?;
    let at = u64::try_from(message.timestamp).ok().filter(|at| *at > 0).map(UnixMs);
    let at = at.ok_or_else(|| rules.broken("timestamp", POSITIVE))?;
    let client_ref = keyed(&message.id, at, &to);
    let client_ref = client_ref.ok_or_else(|| rules.broken("id", id_rule()))?;
    rules.hold(!message.encryption_type.is_empty(), "encryption_type", NOT_EMPTY)?;
    let seal = Seal {
        encryption_type: message.encryption_type,
        encrypted: message.encrypted,
        signature: message.signature,
    };
    let payload = message.payload;
    // A body too large on its own is refused by name. What a seal adds must still fit the recipient's frame.
    let sealed = payload.len() + seal.encryption_type.len() + seal.encrypted.len() + seal.signature.len();
    if payload.len() <= limits::BODY_BYTES && sealed > limits::BODY_BYTES {
        return Err(DecodeError::TooLong { len_bytes: sealed, max_bytes: limits::BODY_BYTES });
    }
    let is_json = serde_json::from_slice::<IgnoredAny>(&payload).is_ok();
    rules.hold(is_json, "payload", "must be JSON in UTF-8")?;
    let body = Body { kind, form: Form::Opaque, bytes: payload, seal: Some(seal) };
    let to = Address::User(to);
    Ok(ClientPacket::Send(Draft { client_ref: Some(client_ref), to, client_time: Some(at), body }))
}

const fn id_rule() -> &'static str {
    // The number is part of the text so that a client's developer sees it.
    const { assert!(ID_BYTES == 111) };
    "must have 1 to 111 bytes"
}

/// BD-COMMIT-1, BD-MARK-1, BD-RESUME-1: a word about a message of the conversation with `to`.
fn signal(
    state: &mut State,
    rules: Rules,
    me: &Device,
    signal: Signal,
    mut say: impl FnMut(ClientPacket),
) -> Result<(), DecodeError> {
    rules.hold(signal.r#type == kind::REQUEST, "type", "must be 1 (REQUEST)")?;
    rules.hold(signal.id.len() <= limits::CLIENT_REF_BYTES, "id", "must have at most 128 bytes")?;
    if let Some(act) = numbers::act(signal.status) {
        say(ClientPacket::Signal(live::signal(rules, act, &signal)?));
        return Ok(());
    }
    let peer = rules.user(signal.to.as_ref(), "to.eid")?;
    if signal.status == numbers::RESUME {
        say(ClientPacket::Ping(resume(&signal.id, &peer)));
        return Ok(());
    }
    let status = match signal.status {
        // "Sent" is how a device says that it has a copy of what another device sent.
        numbers::SENT => Some(Status::Delivered),
        number => numbers::status(number),
    };
    let status = status.ok_or_else(|| rules.broken("status", "must be 1 to 13"))?;
    let seq = Seq(rules.offset(&signal.signal_offset, "signal_offset")?);
    let conversation = ConversationId::direct(me.user.clone(), peer.clone());
    let place = MessageRef::Place { conversation, seq };
    let mut asked = Asked { id: signal.id, peer, seq, status: signal.status, row: None };
    let stored = state.stored(&asked.peer, seq);
    if status != Status::Delivered {
        state.ask(asked);
        say(ClientPacket::Mark { message: place, status });
        // Whoever has read a message has it.
        if let Stored::UpTo { row, .. } = stored {
            say(ClientPacket::Dispose(row));
        }
        return Ok(());
    }
    // A copy of what another device sent is delivered to nobody; its answer is that of the row. Any other message is
    // delivered by its own word, since its row may have left with the barrier.
    match stored {
        Stored::UpTo { row, own } => {
            asked.row = own.then_some(row);
            if !own {
                say(ClientPacket::Delivered(vec![place]));
            }
            say(ClientPacket::Dispose(row));
        }
        // The cursor waits for what is missing.
        Stored::Early { row, own: true } => asked.row = Some(row),
        Stored::Early { own: false, .. } | Stored::Unknown => say(ClientPacket::Delivered(vec![place])),
    }
    state.ask(asked);
    Ok(())
}

/// BD-RESUME-1: nothing is to be fetched, since all that is missing was sent at the beginning. The answer is the
/// core's echo: it comes after what the core had to send before.
fn resume(id: &str, peer: &UserId) -> Ping {
    Ping { id: format!("{RESUME}{id}\0{peer}").into() }
}

/// What an echo of [`resume`] begins with; a client's own ping never does.
pub(super) const RESUME: &str = "\0resume\0";

/// BD-BYE-1.
fn logout(rules: Rules, logout: &Logout) -> Result<ClientPacket, DecodeError> {
    rules.hold(logout.r#type == kind::REQUEST, "type", "must be 1 (REQUEST)")?;
    rules.hold(logout.status == numbers::LOGOUT_PENDING, "status", "must be 4 (PENDING)")?;
    rules.hold(logout.timestamp > 0, "timestamp", POSITIVE)?;
    Ok(ClientPacket::Bye)
}
