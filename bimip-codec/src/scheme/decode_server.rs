//! A server's frame, as a client reads it.

use std::sync::Arc;

use bimip_proto::{
    Address, BodyKind, CloseReason, ConversationId, Entry, Fault, FaultKind, Head, Message, Noted, Offset,
    Ping, Row, Seal, Seq, ServerPacket, Status, Welcome, Window,
};
use bytes::Bytes;

use super::frame::{Fields, open};
use super::numbers::{self, kind, route};
use super::parts::State;
use super::read;
use super::v1::message_scheme::Payload;
use super::v1::{self, Signal};
use super::{account, group, kind as content_kind, live, query, reaction, revision, user};
use crate::DecodeError;

const SERVED: [u32; 17] = [
    route::AWARENESS,
    route::PING_PONG,
    route::AWARENESS_VISIBILITY,
    route::TOKEN_AUTHORITY,
    route::MESSAGE,
    route::SIGNAL,
    route::PUSH_NOTIFICATION,
    route::LOCATION_STREAM,
    route::BODY,
    route::ERROR,
    route::LOGOUT,
    route::WELCOME,
    route::REVISION,
    route::QUERY,
    route::GROUP,
    route::REACTION,
    route::USER,
];

/// Reads one frame; `None` for a part of a receipt that is not the last.
pub(crate) fn decode_server(state: &mut State, frame: Bytes) -> Result<Option<ServerPacket>, DecodeError> {
    let envelope = open(frame, &SERVED)?;
    let fields = Fields { origin: envelope.origin };
    if envelope.origin == route::WELCOME {
        return Ok(Some(ServerPacket::Welcome(welcome(fields, &envelope.view()?)?)));
    }
    Ok(Some(match envelope.payload()? {
        Payload::Message(it) => ServerPacket::Deliver(message(fields, it)?),
        Payload::Signal(it) => return signal(state, fields, &it),
        Payload::PingPong(it) if it.r#type == kind::PONG => {
            ServerPacket::Pong { ping: Ping { id: it.id.into() }, at: fields.ms(it.timestamp, "timestamp")? }
        }
        Payload::Logout(it) if it.r#type == kind::RESPONSE => match it.status {
            numbers::LOGOUT_SUCCESS => {
                ServerPacket::Noted(Noted::LoggedOut(account::read_logged_out(fields, &it)?))
            }
            _ => ServerPacket::Bye(numbers::bye(&it.details)),
        },
        Payload::Awareness(it) => ServerPacket::Aware(live::read_aware(fields, &it)?),
        Payload::AwarenessVisibility(it) => {
            let (id, visible) = account::visibility(fields, &it)?;
            ServerPacket::Visible { id, visible }
        }
        Payload::TokenAuthority(it) => ServerPacket::Token(account::read_token_answer(fields, it)?),
        Payload::PushNotification(it) => {
            let (id, registered) = account::read_registered(fields, &it)?;
            ServerPacket::Noted(Noted::PushToken { id, registered })
        }
        Payload::LocationStream(it) => {
            let from = fields.device(it.from.as_ref(), "from")?;
            ServerPacket::Track { from, track: live::track(fields, &it)? }
        }
        Payload::Body(it) if it.route == i64::from(route::AWARENESS) => {
            let around = it.awareness_list.iter().map(|it| live::read_aware(fields, it));
            ServerPacket::Around(around.collect::<Result<_, _>>()?)
        }
        Payload::Revision(it) => revision::read_server(fields, it)?,
        Payload::Query(it) => query::read_server(fields, it)?,
        Payload::Group(it) => group::read_server(fields, it)?,
        Payload::Reaction(it) => reaction::read_server(fields, &it)?,
        Payload::User(it) => user::read_server(fields, it)?,
        Payload::Error(it) => error(it),
        _ => return Err(fields.wrong("type")),
    }))
}

fn welcome(fields: Fields, welcome: &read::Welcome<'_>) -> Result<Welcome, DecodeError> {
    Ok(Welcome {
        epoch: welcome.epoch.try_into().map_err(|_| fields.wrong("epoch"))?,
        resume_from: Offset(welcome.resume_from),
        first: Offset(welcome.first),
        head: Offset(welcome.head),
        window: Window { rows: welcome.window, ..Window::default() },
        heartbeat_ms: welcome.heartbeat_ms,
        server_time: fields.ms(welcome.server_time, "server_time")?,
        connection_id: fields.decimal(welcome.connection_id, "connection_id")?,
        dedup_days: welcome.dedup_days,
    })
}

fn message(fields: Fields, message: v1::Message) -> Result<Row, DecodeError> {
    let (prev, offset) = (message.prev_offset, fields.decimal(&message.user_offset, "user_offset")?);
    let message = told(fields, message)?;
    Ok(Row { prev: Offset(prev), offset: Offset(offset), entry: Arc::new(Entry::Message(message)) })
}

/// A message, without its place in a mailbox.
pub(super) fn told(fields: Fields, message: v1::Message) -> Result<Message, DecodeError> {
    let kind = match message.r#type {
        kind::CHAT => BodyKind::Text,
        kind::NOTIFICATION => BodyKind::Notification,
        _ => return Err(fields.wrong("type")),
    };
    let conversation: ConversationId =
        message.conversation.parse().map_err(|_| fields.wrong("conversation"))?;
    let to = match conversation {
        ConversationId::Group(group) => Address::Group(group),
        _ => Address::User(fields.user(message.to.as_ref(), "to.eid")?),
    };
    let at = fields.ms(message.server_time, "server_time")?;
    let client_time = Some(fields.ms(message.timestamp, "timestamp")?).filter(|time| *time != at);
    let mut head = Head {
        id: fields.message_id(&message.signal_id)?,
        from: fields.device(message.from.as_ref(), "from")?,
        to,
        client_ref: fields.client_ref(&message.id)?,
        client_time,
        at,
        stamp: at,
        seq: Seq(message.conversation_seq),
        kind,
    };
    let seal = Seal {
        encryption_type: message.encryption_type,
        encrypted: message.encrypted,
        signature: message.signature,
    };
    let seal = Some(seal).filter(|seal| *seal != Seal::default());
    let mut body = content_kind::told(message.kind, message.payload, seal);
    if kind == BodyKind::Notification {
        body.kind = kind;
    }
    head.kind = body.kind;
    Ok(Message { head, body })
}

fn signal(state: &mut State, fields: Fields, signal: &Signal) -> Result<Option<ServerPacket>, DecodeError> {
    let status = numbers::status(signal.status);
    Ok(Some(match (signal.r#type, status) {
        (kind::RESPONSE, None) if signal.status == numbers::SENT => accepted(fields, signal)?,
        (kind::RESPONSE, Some(status)) => ServerPacket::Noted(noted(fields, status, signal)?),
        (kind::ERROR, None) if signal.status != numbers::SENT => ServerPacket::Declined {
            origin: fields.origin,
            id: fields.client_ref(&signal.id)?,
            reason: numbers::reject(signal.code),
            retry_after_ms: retry(signal),
        },
        (kind::ERROR, None) => ServerPacket::Rejected {
            client_ref: fields.client_ref(&signal.id)?,
            to: None,
            reason: numbers::reject(signal.code),
            retry_after_ms: retry(signal),
        },
        (kind::ERROR, Some(status)) => ServerPacket::Noted(Noted::Refused {
            message: fields.reference(&signal.signal_id)?,
            status,
            reason: numbers::reject(signal.code),
            retry_after_ms: retry(signal),
        }),
        (kind::EVENT, Some(status)) => return state.part(fields, status, signal),
        (kind::EVENT, None) => {
            let act = numbers::act(signal.status).ok_or_else(|| fields.wrong("status"))?;
            let from = fields.device(signal.from.as_ref(), "from")?;
            ServerPacket::Signal { from, signal: live::signal(fields, None, act, signal)? }
        }
        (kind::RESPONSE, None) => return Err(fields.wrong("status")),
        _ => return Err(fields.wrong("type")),
    }))
}

fn retry(signal: &Signal) -> Option<u32> {
    Some(signal.retry_after_ms).filter(|ms| *ms > 0)
}

fn accepted(fields: Fields, signal: &Signal) -> Result<ServerPacket, DecodeError> {
    let client_ref = fields.client_ref(&signal.id)?;
    let at = fields.ms(signal.timestamp, "timestamp")?;
    let head = Head {
        id: fields.message_id(&signal.signal_id)?,
        from: fields.device(signal.from.as_ref(), "from")?,
        to: Address::User(fields.user(signal.to.as_ref(), "to.eid")?),
        client_ref: client_ref.clone(),
        client_time: None,
        at,
        stamp: at,
        seq: Seq::default(),
        kind: BodyKind::Text,
    };
    let offset = Offset(fields.decimal(&signal.user_offset, "user_offset")?);
    Ok(ServerPacket::Accepted { client_ref, head, offset })
}

fn noted(fields: Fields, status: Status, signal: &Signal) -> Result<Noted, DecodeError> {
    if status == Status::Delivered && !signal.user_offset.is_empty() {
        return Ok(Noted::Disposed(Offset(fields.decimal(&signal.user_offset, "user_offset")?)));
    }
    let message = fields.reference(&signal.signal_id)?;
    Ok(match status {
        Status::Delivered => Noted::Delivered(vec![message]),
        status => Noted::Marked { message, status },
    })
}

/// A failed sign-in ends the connection; every other error is about one frame.
fn error(error: v1::ErrorMessage) -> ServerPacket {
    let kind = numbers::fault(error.code);
    let origin = u32::try_from(error.error_origin).unwrap_or_default();
    match (kind, numbers::bye(&error.details)) {
        (FaultKind::Refused, reason @ (CloseReason::Refused | CloseReason::SignInTimeout)) => {
            ServerPacket::Bye(reason)
        }
        _ if numbers::is_reject_alone(error.code) => ServerPacket::Declined {
            origin,
            id: None,
            reason: numbers::reject(error.code),
            retry_after_ms: Some(error.retry_after_ms).filter(|ms| *ms > 0),
        },
        _ => ServerPacket::Fault(Fault { kind, origin, details: error.details.into() }),
    }
}
