//! Route 18: questions about what is stored.

use bimip_proto::{
    Address, Ask, BodyKind, ClientPacket, ClientRef, ConversationId, ConversationState, Device, Found,
    HistoryMessage, Marks, PageFrom, Query, Reject, Seq, ServerPacket, UserId, limits,
};
use bytes::Bytes;

use super::decode_server::told;
use super::frame::{Fields, identity, named, put, to_ms};
use super::numbers::{self, CONVERSATION, CONVERSATIONS, HISTORY, kind};
use super::payload::payload;
use super::reaction;
use super::v1;
use super::v1::message_scheme::Payload;
use crate::{DecodeError, EncodeError, Frames};

// ---- a client asks ------------------------------------------------------------------------------------------

pub(super) fn request(me: Option<&Device>, it: &Query) -> Result<v1::Query, EncodeError> {
    let shape = v1::Query {
        r#type: kind::REQUEST,
        id: it.id.as_str().to_owned(),
        from: me.map(identity),
        ..Default::default()
    };
    Ok(match &it.ask {
        Ask::History { of, from, limit } => {
            let (before, after) = match from {
                PageFrom::Latest => (None, None),
                PageFrom::Before(Seq(seq)) => (Some(*seq), None),
                PageFrom::After(Seq(seq)) => (None, Some(*seq)),
            };
            v1::Query { ask: HISTORY, before, after, limit: *limit, ..about(of, shape) }
        }
        Ask::Conversation(of) => v1::Query { ask: CONVERSATION, ..about(of, shape) },
        Ask::Conversations { from, limit } => {
            let (before_id, after_id) = match from {
                PageFrom::Latest => (String::new(), String::new()),
                PageFrom::Before(id) => (id.to_string(), String::new()),
                PageFrom::After(id) => (String::new(), id.to_string()),
            };
            v1::Query { ask: CONVERSATIONS, before_id, after_id, limit: *limit, ..shape }
        }
        _ => return Err(EncodeError::Unsayable { field: "ask" }),
    })
}

/// BM-GROUP-1.
fn about(of: &Address, shape: v1::Query) -> v1::Query {
    let conversation = match of {
        Address::Group(group) => ConversationId::Group(group.clone()).to_string(),
        _ => String::new(),
    };
    v1::Query { to: Some(named(of.as_str())), conversation, ..shape }
}

/// BM-QRY-1.
pub(super) fn read_request(
    fields: Fields,
    me: Option<&UserId>,
    it: &v1::Query,
) -> Result<ClientPacket, DecodeError> {
    if it.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    let id = fields.client_ref(&it.id)?.ok_or_else(|| fields.wrong("id"))?;
    let of = || fields.address(me, &it.conversation, it.to.as_ref().map_or("", |to| &to.eid));
    let ask = match it.ask {
        HISTORY => {
            let from = match (it.before, it.after) {
                (None, None) => PageFrom::Latest,
                (Some(before), None) => PageFrom::Before(Seq(before)),
                (None, Some(after)) => PageFrom::After(Seq(after)),
                _ => return Err(fields.wrong("after")),
            };
            Ask::History { of: of()?, from, limit: it.limit }
        }
        CONVERSATION => Ask::Conversation(of()?),
        CONVERSATIONS => {
            let from = match (&*it.before_id, &*it.after_id) {
                ("", "") => PageFrom::Latest,
                (before, "") => PageFrom::Before(before.parse().map_err(|_| fields.wrong("before_id"))?),
                ("", after) => PageFrom::After(after.parse().map_err(|_| fields.wrong("after_id"))?),
                _ => return Err(fields.wrong("after_id")),
            };
            Ask::Conversations { from, limit: it.limit }
        }
        _ => return Err(fields.wrong("ask")),
    };
    Ok(ClientPacket::Query(Query { id, ask }))
}

// ---- the server answers -------------------------------------------------------------------------------------

/// BM-QRY-2.
pub(super) fn put_answer(id: &ClientRef, found: &Found, out: &mut Frames) {
    let (ask, rows, more) = match found {
        Found::History { messages, more } => (HISTORY, messages.iter().map(message).collect(), *more),
        Found::Conversations { conversations, more } => {
            (CONVERSATIONS, conversations.iter().map(conversation).collect(), *more)
        }
        // Made by a later version than this codec: it was not asked for in this dialect.
        _ => return,
    };
    let answer = v1::Query {
        r#type: kind::RESPONSE,
        id: id.as_str().to_owned(),
        ask,
        rows,
        more,
        ..Default::default()
    };
    put(Payload::Query(answer), out);
}

/// BM-QRY-3.
pub(super) fn put_unanswered(id: &ClientRef, reason: Reject, retry_after_ms: Option<u32>, out: &mut Frames) {
    let refusal = v1::Query {
        r#type: kind::ERROR,
        id: id.as_str().to_owned(),
        code: numbers::of_reject(reason),
        error: reason.to_string(),
        retry_after_ms: retry_after_ms.unwrap_or_default(),
        ..Default::default()
    };
    put(Payload::Query(refusal), out);
}

fn message(it: &HistoryMessage) -> v1::QueryRow {
    let bimip_proto::Message { head, body } = &it.message;
    let seal = body.seal.clone().unwrap_or_default();
    let message = v1::Message {
        id: head.client_ref.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        signal_id: head.id.to_string(),
        from: Some(identity(&head.from)),
        to: Some(named(head.to.as_str())),
        r#type: if head.kind == BodyKind::Notification { kind::NOTIFICATION } else { kind::CHAT },
        timestamp: to_ms(head.client_time.unwrap_or(head.at)),
        payload: if it.deleted { Bytes::new() } else { payload(body, Some(head)) },
        encryption_type: seal.encryption_type,
        encrypted: seal.encrypted,
        signature: seal.signature,
        status: numbers::SENT,
        signal_offset: head.id.sequence().to_string(),
        conversation: head.conversation().to_string(),
        conversation_seq: head.seq.0,
        server_time: to_ms(head.at),
        kind: numbers::of_kind(body),
        ..Default::default()
    };
    v1::QueryRow {
        message: Some(message),
        edition: it.edition,
        deleted: it.deleted,
        marks: it.marks.bits().into(),
        reactions: reaction::counts(&it.reactions),
        reaction_edition: it.reactions.edition,
        ..Default::default()
    }
}

fn conversation(it: &ConversationState) -> v1::QueryRow {
    v1::QueryRow {
        messages: it.messages,
        read: it.read.0,
        unread: it.unread,
        unread_at_most: !it.exact,
        unread_deleted: it.deleted.iter().map(|seq| seq.0).collect(),
        ..message(&it.last)
    }
}

pub(super) fn read_server(fields: Fields, it: v1::Query) -> Result<ServerPacket, DecodeError> {
    let id = fields.client_ref(&it.id)?.ok_or_else(|| fields.wrong("id"))?;
    let more = it.more;
    Ok(match (it.r#type, it.ask) {
        (kind::RESPONSE, HISTORY) => {
            let messages = it.rows.into_iter().map(|row| read_message(fields, row));
            let messages = messages.collect::<Result<_, _>>()?;
            ServerPacket::Answer { id, found: Found::History { messages, more } }
        }
        (kind::RESPONSE, CONVERSATIONS) => {
            let conversations = it.rows.into_iter().map(|row| read_conversation(fields, row));
            let conversations = conversations.collect::<Result<_, _>>()?;
            ServerPacket::Answer { id, found: Found::Conversations { conversations, more } }
        }
        (kind::RESPONSE, _) => return Err(fields.wrong("ask")),
        (kind::ERROR, _) => ServerPacket::Unanswered {
            id,
            reason: numbers::reject(it.code),
            retry_after_ms: Some(it.retry_after_ms).filter(|ms| *ms > 0),
        },
        _ => return Err(fields.wrong("type")),
    })
}

fn read_message(fields: Fields, row: v1::QueryRow) -> Result<HistoryMessage, DecodeError> {
    let message = row.message.ok_or_else(|| fields.wrong("message"))?;
    let marks = u8::try_from(row.marks).map_err(|_| fields.wrong("marks"))?;
    let reactions = reaction::read_summary(fields, row.reaction_edition, &row.reactions)?;
    Ok(HistoryMessage {
        message: told(fields, message)?,
        edition: row.edition,
        deleted: row.deleted,
        marks: Marks::from_bits(marks),
        reactions,
    })
}

fn read_conversation(fields: Fields, row: v1::QueryRow) -> Result<ConversationState, DecodeError> {
    let (messages, read, unread, exact) = (row.messages, Seq(row.read), row.unread, !row.unread_at_most);
    // Looked at before it is written down once more.
    if row.unread_deleted.len() > limits::UNREAD_MESSAGES {
        return Err(fields.wrong("unread_deleted"));
    }
    let deleted = row.unread_deleted.iter().map(|seq| Seq(*seq)).collect();
    Ok(ConversationState { last: read_message(fields, row)?, messages, read, unread, deleted, exact })
}
