//! A server's event, as a client reads it.

use std::sync::Arc;

use bimip_proto::{
    Act, Aware, CloseReason, ConversationId, Device, Entry, Fault, Head, LogOut, MessageId, MessageRef,
    Names, Noted, Offset, Ping, Receipt, Revision, Row, Seq, ServerPacket, Signal, Status, TokenAnswer,
    Welcome, Window, limits,
};

use super::decode_client::{read_awareness, read_track};
use super::fields::{self, Value, device, fields};
use super::message;
use super::parts::State;
use super::{group, kinds, query, reaction, user, words};
use crate::DecodeError;
use crate::json::Object;
use crate::scheme::numbers;

/// Reads one event; `None` for a part of a receipt that is not the last.
pub(crate) fn decode_server(
    state: &mut State,
    me: Option<&Device>,
    frame: &[u8],
) -> Result<Option<ServerPacket>, DecodeError> {
    let (name, object) = fields::open(frame)?;
    let me = me.map(|device| &device.user);
    Ok(Some(match name.as_str() {
        "welcome" => ServerPacket::Welcome(welcome(object)?),
        "sent" => accepted(object)?,
        "acked" => {
            let [offset] = fields(object, 0, ["offset"]);
            ServerPacket::Noted(Noted::Disposed(Offset(offset.some_number()?)))
        }
        "done" => ServerPacket::Noted(done(object)?),
        "refused" => refused(object)?,
        "new_message" => {
            let [inside] = fields(object, 0, ["message"]);
            let it = message::read(inside.object()?.ok_or_else(|| inside.wrong())?, 0)?;
            let (prev, offset) = place(object)?;
            ServerPacket::Deliver(Row { prev, offset, entry: Arc::new(Entry::Message(it)) })
        }
        "message_delivered" => return receipt(state, object, Status::Delivered, "delivered_at"),
        "message_read" => return receipt(state, object, Status::Read, "read_at"),
        "message_played" => return receipt(state, object, Status::Played, "played_at"),
        "message_forwarded" => return receipt(state, object, Status::Forwarded, "forwarded_at"),
        "message_edited" => ServerPacket::Deliver(revision(object, true)?),
        "message_deleted" => ServerPacket::Deliver(revision(object, false)?),
        "user" => ServerPacket::Deliver(user::read_change(object, place(object)?)?),
        "group" => ServerPacket::Deliver(group::read_change(object, place(object)?)?),
        "message_reaction" => ServerPacket::Deliver(reaction::read(object, place(object)?)?),
        "pong" => {
            let [id, at] = fields(object, 0, ["id", "timestamp"]);
            ServerPacket::Pong {
                ping: Ping { id: id.text()?.unwrap_or_default().into() },
                at: at.some_time()?,
            }
        }
        "presence" => ServerPacket::Aware(aware(object)?),
        "around" => {
            let [list] = fields(object, 0, ["presences"]);
            let around = list.objects(limits::AROUND)?.into_iter().map(aware);
            ServerPacket::Around(around.collect::<Result<_, _>>()?)
        }
        "typing" => {
            let [is_typing] = fields(object, 0, ["is_typing"]);
            live(object, if is_typing.flag()?.unwrap_or(true) { Act::Typing } else { Act::Cancelled })?
        }
        "signal" => {
            let [act] = fields(object, 0, ["act"]);
            live(object, act.some_word(words::act)?)?
        }
        "location" => ServerPacket::Track { from: by(object)?, track: read_track(me, object, 0)? },
        "visibility" => {
            let [id, visible] = fields(object, 0, ["id", "visible"]);
            let visible = visible.flag()?.ok_or_else(|| visible.wrong())?;
            ServerPacket::Visible { id: id.client_ref()?, visible }
        }
        "token" => {
            let [task, token, expires] = fields(object, 0, ["task", "token", "expires_at"]);
            ServerPacket::Token(TokenAnswer {
                task: task.some_word(words::task)?,
                token: token.text()?.map(Into::into),
                expires: expires.time()?,
            })
        }
        "answer" => query::read_answer(object)?,
        "error" => {
            let [request, code, details] = fields(object, 0, ["request", "code", "message"]);
            ServerPacket::Fault(Fault {
                kind: words::fault(&code.some_text()?),
                origin: request.text()?.and_then(|name| kinds::number(&name)).unwrap_or_default(),
                details: details.text()?.unwrap_or_default().into(),
            })
        }
        "bye" => {
            let [reason, device] = fields(object, 0, ["reason", "device_id"]);
            ServerPacket::Bye(match numbers::bye(&reason.some_text()?) {
                CloseReason::Replaced { .. } => CloseReason::Replaced { by: device.device_name()? },
                reason => reason,
            })
        }
        _ => return Err(DecodeError::Unknown { origin: 0 }),
    }))
}

fn welcome(object: Object<'_>) -> Result<Welcome, DecodeError> {
    let [epoch, resume_from, first, head, window] =
        fields(object, 0, ["epoch", "resume_from", "first", "head", "window"]);
    let [heartbeat, server_time, connection, dedup] =
        fields(object, 0, ["heartbeat_ms", "server_time", "connection_id", "dedup_days"]);
    Ok(Welcome {
        epoch: u32::try_from(epoch.some_number()?).map_err(|_| epoch.wrong())?,
        resume_from: Offset(resume_from.some_number()?),
        first: Offset(first.some_number()?),
        head: Offset(head.some_number()?),
        window: Window { rows: window.small()?, ..Window::default() },
        heartbeat_ms: heartbeat.small()?,
        server_time: server_time.some_time()?,
        connection_id: connection.some_word(|text| text.parse().ok())?,
        dedup_days: dedup.small()?,
    })
}

fn accepted(object: Object<'_>) -> Result<ServerPacket, DecodeError> {
    let [client_ref, id, conversation, seq, kind, offset, at] = fields(
        object,
        0,
        ["client_id", "message_id", "conversation_id", "seq", "message_type", "offset", "created_at"],
    );
    let [user, name] = fields(object, 0, ["sender_user_id", "sender_device_id"]);
    let client_ref = client_ref.client_ref()?;
    let from = device(user, name)?;
    let conversation_id: ConversationId = conversation.some_word(|text| text.parse().ok())?;
    let at = at.some_time()?;
    let head = Head {
        id: id.message_id()?.unwrap_or(MessageId::NONE),
        to: conversation_id.to_of(&from.user).ok_or_else(|| conversation.wrong())?,
        from,
        client_ref: client_ref.clone(),
        client_time: None,
        at,
        stamp: at,
        seq: Seq(seq.some_number()?),
        kind: kind.word(words::kind)?.unwrap_or(bimip_proto::BodyKind::Text),
    };
    Ok(ServerPacket::Accepted { client_ref, head, offset: Offset(offset.some_number()?) })
}

fn done(object: Object<'_>) -> Result<Noted, DecodeError> {
    let [request, client_ref, edition, offset, group, id] =
        fields(object, 0, ["request", "client_id", "edition", "offset", "group_id", "id"]);
    Ok(match request.some_word(kinds::number)? {
        kinds::DELIVERED => {
            let [messages] = fields(object, 0, ["message_ids"]);
            Noted::Delivered(messages.messages(limits::BATCH_PARTS)?)
        }
        kinds::MARK => {
            let (message, status) = marked(object)?;
            Noted::Marked { message, status }
        }
        kinds::EDIT => Noted::Revised {
            client_ref: client_ref.some_client_ref()?,
            edition: edition.small()?,
            offset: Offset(offset.some_number()?),
        },
        kinds::GROUP => Noted::Grouped {
            client_ref: client_ref.some_client_ref()?,
            edition: edition.small()?,
            offset: Offset(offset.some_number()?),
        },
        kinds::USER => Noted::UserChanged {
            client_ref: client_ref.some_client_ref()?,
            edition: edition.small()?,
            offset: Offset(offset.some_number()?),
        },
        kinds::REACT => {
            let [count] = fields(object, 0, ["count"]);
            Noted::Reacted {
                client_ref: client_ref.some_client_ref()?,
                edition: edition.small()?,
                count: count.small()?,
                offset: Offset(offset.some_number()?),
            }
        }
        kinds::JOIN => Noted::Joined(group.some_group()?),
        kinds::LEAVE => Noted::Left(group.some_group()?),
        kinds::PUSH_TOKEN => {
            let [registered] = fields(object, 0, ["registered"]);
            Noted::PushToken { id: id.client_ref()?, registered: registered.flag()?.unwrap_or_default() }
        }
        kinds::LOGOUT => {
            let [scope, device] = fields(object, 0, ["scope", "device_id"]);
            let device = device.device_name()?;
            Noted::LoggedOut(scope.some_word(|word| match word {
                "device" => Some(LogOut::Device(device)),
                "session" => Some(LogOut::Session),
                "account" => Some(LogOut::Account),
                _ => None,
            })?)
        }
        _ => return Err(request.wrong()),
    })
}

fn refused(object: Object<'_>) -> Result<ServerPacket, DecodeError> {
    let [request, client_ref, id, group, code, retry] =
        fields(object, 0, ["request", "client_id", "id", "group_id", "code", "retry_after_ms"]);
    let reason = words::reject(&code.some_text()?);
    let retry_after_ms = Some(retry.small()?).filter(|ms| *ms > 0);
    let name = request.text()?.unwrap_or_default();
    if name == "query" {
        return Ok(ServerPacket::Unanswered { id: id.some_client_ref()?, reason, retry_after_ms });
    }
    let client_ref = client_ref.client_ref()?;
    Ok(match (kinds::number(&name).unwrap_or_default(), client_ref) {
        (kinds::SEND, client_ref) => ServerPacket::Rejected { client_ref, to: None, reason, retry_after_ms },
        (kinds::EDIT, Some(client_ref)) => {
            ServerPacket::Noted(Noted::Unrevised { client_ref, reason, retry_after_ms })
        }
        (kinds::GROUP, Some(client_ref)) => {
            ServerPacket::Noted(Noted::Ungrouped { client_ref, reason, retry_after_ms })
        }
        (kinds::USER, Some(client_ref)) => {
            ServerPacket::Noted(Noted::UserUnchanged { client_ref, reason, retry_after_ms })
        }
        (kinds::REACT, Some(client_ref)) => {
            ServerPacket::Noted(Noted::Unreacted { client_ref, reason, retry_after_ms })
        }
        (kinds::JOIN, _) if group.is_there() => {
            ServerPacket::Noted(Noted::Barred { group: group.some_group()?, reason, retry_after_ms })
        }
        (kinds::MARK, _) => {
            let (message, status) = marked(object)?;
            ServerPacket::Noted(Noted::Refused { message, status, reason, retry_after_ms })
        }
        (origin, _) => ServerPacket::Declined { origin, id: id.client_ref()?, reason, retry_after_ms },
    })
}

fn marked(object: Object<'_>) -> Result<(MessageRef, Status), DecodeError> {
    let [message, status] = fields(object, 0, ["message_id", "status"]);
    Ok((message.message()?, status.some_word(words::status)?))
}

/// Where a row stands: the row before it, and its own.
fn place(object: Object<'_>) -> Result<(Offset, Offset), DecodeError> {
    let [offset, prev] = fields(object, 0, ["offset", "prev_offset"]);
    Ok((Offset(prev.some_number()?), Offset(offset.some_number()?)))
}

fn receipt(
    state: &mut State,
    object: Object<'_>,
    status: Status,
    at: &'static str,
) -> Result<Option<ServerPacket>, DecodeError> {
    let [user, name, at, message, client_ref, offset] =
        fields(object, 0, ["reader_id", "device_id", at, "message_id", "client_id", "offset"]);
    let part = Receipt { by: device(user, name)?, status, at: at.some_time()?, messages: Vec::new() };
    let names = names(message, client_ref)?;
    let place = if offset.is_there() { Some(place(object)?) } else { None };
    let whole = state.part(part, names, place.is_some());
    Ok(whole.zip(place).map(|(receipt, (prev, offset))| {
        ServerPacket::Deliver(Row { prev, offset, entry: Arc::new(Entry::Receipt(receipt)) })
    }))
}

pub(super) fn names(message: Value<'_>, client_ref: Value<'_>) -> Result<Option<Names>, DecodeError> {
    let mut names = Names { id: MessageId::NONE, alias: None, client_ref: client_ref.client_ref()? };
    if message.is_there() {
        match message.message()? {
            MessageRef::Id(id) => names.id = id,
            MessageRef::Alias(alias) => names.alias = Some(alias),
            _ => {}
        }
    }
    let named = names.reference().is_some() || names.client_ref.is_some();
    Ok(named.then_some(names))
}

fn revision(object: Object<'_>, edits: bool) -> Result<Row, DecodeError> {
    let [message, message_ref, conversation, seq, edition, user, name, client_ref, kind, at] = fields(
        object,
        0,
        [
            "message_id",
            "message_client_id",
            "conversation_id",
            "seq",
            "edition",
            "user_id",
            "device_id",
            "client_id",
            "message_type",
            "timestamp",
        ],
    );
    let kind = kind.word(words::kind)?.unwrap_or(bimip_proto::BodyKind::Text);
    let revision = Revision {
        message: names(message, message_ref)?.ok_or_else(|| message.wrong())?,
        conversation: conversation.some_word(|text| text.parse().ok())?,
        seq: Seq(seq.some_number()?),
        edition: edition.small()?,
        by: device(user, name)?,
        client_ref: client_ref.some_client_ref()?,
        at: at.some_time()?,
        body: edits.then(|| message::told_body(object, 0, kind)).transpose()?,
    };
    let (prev, offset) = place(object)?;
    Ok(Row { prev, offset, entry: Arc::new(Entry::Revised(revision)) })
}

fn by(object: Object<'_>) -> Result<Device, DecodeError> {
    let [user, name] = fields(object, 0, ["user_id", "device_id"]);
    device(user, name)
}

pub(super) fn aware(object: Object<'_>) -> Result<Aware, DecodeError> {
    Ok(Aware { from: by(object)?, awareness: read_awareness(None, object, 0)? })
}

fn live(object: Object<'_>, act: Act) -> Result<ServerPacket, DecodeError> {
    let [id, conversation, at] = fields(object, 0, ["id", "conversation_id", "timestamp"]);
    let from = by(object)?;
    let place: ConversationId = conversation.some_word(|text| text.parse().ok())?;
    let to = place.to_of(&from.user).ok_or_else(|| conversation.wrong())?;
    Ok(ServerPacket::Signal { from, signal: Signal { id: id.client_ref()?, to, act, at: at.time()? } })
}
