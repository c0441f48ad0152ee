//! Route 18: questions about what is stored.

use bimip_proto::{
    Address, Ask, BodyKind, ClientPacket, ClientRef, ConversationId, ConversationState, Device, Found,
    GroupId, HistoryMessage, HistoryPlace, Marks, PageFrom, Query, Reject, Seq, ServerPacket, UserId, limits,
};
use bytes::Bytes;

use super::decode_server::told;
use super::frame::{Fields, identity, named, put, reference_text, to_ms};
use super::group;
use super::live;
use super::numbers::{
    self, ASK_ADDRESS_BOOK, ASK_AROUND, ASK_BLOCKED, ASK_DEVICES, ASK_GROUP, ASK_MEMBERS, ASK_PROFILE,
    CONVERSATION, CONVERSATIONS, HISTORY, MESSAGE_STATUS, kind,
};
use super::payload::payload;
use super::reaction;
use super::status;
use super::user;
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
            let mut asked = v1::Query { ask: HISTORY, limit: *limit, ..about(of, shape) };
            match from {
                PageFrom::Latest => {}
                PageFrom::Before(HistoryPlace::Seq(seq)) => asked.before = Some(seq.0),
                PageFrom::Before(HistoryPlace::Id(id)) => asked.before_id = id.to_string(),
                PageFrom::After(HistoryPlace::Seq(seq)) => asked.after = Some(seq.0),
                PageFrom::After(HistoryPlace::Id(id)) => asked.after_id = id.to_string(),
            }
            asked
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
        Ask::Status { message, after, limit } => v1::Query {
            ask: MESSAGE_STATUS,
            signal_id: reference_text(message),
            after_user: after.as_ref().map_or_else(String::new, |after| after.as_str().to_owned()),
            limit: *limit,
            ..shape
        },
        Ask::Profile(user) => v1::Query { ask: ASK_PROFILE, to: Some(named(user.as_str())), ..shape },
        Ask::AddressBook { after, limit } => after_user(ASK_ADDRESS_BOOK, after.as_ref(), *limit, shape),
        Ask::Devices => v1::Query { ask: ASK_DEVICES, ..shape },
        Ask::Blocked { after, limit } => after_user(ASK_BLOCKED, after.as_ref(), *limit, shape),
        Ask::Group(group) => v1::Query { ask: ASK_GROUP, ..about_group(group, shape) },
        Ask::Around { after } => after_user(ASK_AROUND, after.as_ref(), 0, shape),
        Ask::Members { group, after, limit } => {
            about_group(group, after_user(ASK_MEMBERS, after.as_ref(), *limit, shape))
        }
        _ => return Err(EncodeError::Unsayable { field: "ask" }),
    })
}

fn after_user(ask: i32, after: Option<&UserId>, limit: u32, shape: v1::Query) -> v1::Query {
    let after_id = after.map_or_else(String::new, |user| user.as_str().to_owned());
    v1::Query { ask, after_id, limit, ..shape }
}

/// BM-GROUP-1.
fn about(of: &Address, shape: v1::Query) -> v1::Query {
    match of {
        Address::Group(group) => about_group(group, shape),
        to => v1::Query { to: Some(named(to.as_str())), ..shape },
    }
}

fn about_group(group: &GroupId, shape: v1::Query) -> v1::Query {
    let conversation = ConversationId::Group(group.clone()).to_string();
    v1::Query { to: Some(named(group.as_str())), conversation, ..shape }
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
            let before = read_place(fields, it.before, &it.before_id, "before_id")?;
            let from = match (before, read_place(fields, it.after, &it.after_id, "after_id")?) {
                (None, None) => PageFrom::Latest,
                (Some(before), None) => PageFrom::Before(before),
                (None, Some(after)) => PageFrom::After(after),
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
        MESSAGE_STATUS => {
            let after = match &*it.after_user {
                "" => None,
                after => Some(fields.eid(after, "after_user")?),
            };
            Ask::Status { message: fields.reference(&it.signal_id)?, after, limit: it.limit }
        }
        ASK_PROFILE => Ask::Profile(fields.user(it.to.as_ref(), "to.eid")?),
        ASK_ADDRESS_BOOK => Ask::AddressBook { after: read_after(fields, &it.after_id)?, limit: it.limit },
        ASK_DEVICES => Ask::Devices,
        ASK_BLOCKED => Ask::Blocked { after: read_after(fields, &it.after_id)?, limit: it.limit },
        ASK_GROUP => Ask::Group(group_of(fields, of()?)?),
        ASK_AROUND => Ask::Around { after: read_after(fields, &it.after_id)? },
        ASK_MEMBERS => Ask::Members {
            group: group_of(fields, of()?)?,
            after: read_after(fields, &it.after_id)?,
            limit: it.limit,
        },
        _ => return Err(fields.wrong("ask")),
    };
    Ok(ClientPacket::Query(Query { id, ask }))
}

/// A place in a conversation: by itself, or by the id of a message.
fn read_place(
    fields: Fields,
    seq: Option<u64>,
    id: &str,
    field: &'static str,
) -> Result<Option<HistoryPlace>, DecodeError> {
    match (seq, id) {
        (seq, "") => Ok(seq.map(|seq| HistoryPlace::Seq(Seq(seq)))),
        (None, id) => id.parse().map(|id| Some(HistoryPlace::Id(id))).map_err(|_| fields.wrong(field)),
        _ => Err(fields.wrong(field)),
    }
}

/// The group that a question is about, which it names as a conversation.
fn group_of(fields: Fields, of: Address) -> Result<GroupId, DecodeError> {
    match of {
        Address::Group(group) => Ok(group),
        _ => Err(fields.wrong("conversation")),
    }
}

fn read_after(fields: Fields, after: &str) -> Result<Option<UserId>, DecodeError> {
    if after.is_empty() { Ok(None) } else { fields.eid(after, "after_id").map(Some) }
}

// ---- the server answers -------------------------------------------------------------------------------------

/// BM-QRY-2.
pub(super) fn put_answer(id: &ClientRef, found: &Found, out: &mut Frames) {
    if let Found::Status(found) = found {
        return put(Payload::Query(status::answer(id, found.as_deref())), out);
    }
    let shape = v1::Query { r#type: kind::RESPONSE, id: id.as_str().to_owned(), ..Default::default() };
    let answer = match found {
        Found::History { messages, more } => {
            v1::Query { ask: HISTORY, rows: messages.iter().map(message).collect(), more: *more, ..shape }
        }
        Found::Conversations { conversations, more } => {
            let rows = conversations.iter().map(conversation).collect();
            v1::Query { ask: CONVERSATIONS, rows, more: *more, ..shape }
        }
        Found::Profile(found) => {
            v1::Query { ask: ASK_PROFILE, users: found.iter().map(user::state).collect(), ..shape }
        }
        Found::AddressBook { saved: entries, more } => v1::Query {
            ask: ASK_ADDRESS_BOOK,
            users: entries.iter().map(user::entry).collect(),
            more: *more,
            ..shape
        },
        Found::Devices(devices) => {
            v1::Query { ask: ASK_DEVICES, devices: devices.iter().map(user::own_device).collect(), ..shape }
        }
        Found::Blocked { users, more } => {
            let row = |user: &UserId| v1::QueryUser { eid: user.as_str().to_owned(), ..Default::default() };
            v1::Query { ask: ASK_BLOCKED, users: users.iter().map(row).collect(), more: *more, ..shape }
        }
        Found::Group(found) => {
            v1::Query { ask: ASK_GROUP, group: found.as_deref().map(group::state), ..shape }
        }
        Found::Around { around, more, .. } => v1::Query {
            ask: ASK_AROUND,
            around: around.iter().map(live::aware).collect(),
            more: *more,
            ..shape
        },
        Found::Members { members, next } => v1::Query {
            members: members.iter().map(group::member).collect(),
            more: next.is_some(),
            ..after_user(ASK_MEMBERS, next.as_ref(), 0, shape)
        },
        // Made by a later version than this codec: it was not asked for in this dialect.
        _ => return,
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
        (kind::RESPONSE, MESSAGE_STATUS) => {
            let found = Found::Status(status::read(fields, it)?.map(Box::new));
            ServerPacket::Answer { id, found }
        }
        (kind::RESPONSE, ASK_PROFILE) => {
            let mut users = it.users.into_iter();
            let found = users.next().map(|row| user::read_state(fields, row)).transpose()?;
            if users.next().is_some() {
                return Err(fields.wrong("users"));
            }
            ServerPacket::Answer { id, found: Found::Profile(found) }
        }
        (kind::RESPONSE, ASK_ADDRESS_BOOK) => {
            let saved = it.users.into_iter().map(|row| user::read_entry(fields, row));
            let saved = saved.collect::<Result<_, _>>()?;
            ServerPacket::Answer { id, found: Found::AddressBook { saved, more } }
        }
        (kind::RESPONSE, ASK_DEVICES) => {
            let devices = it.devices.into_iter().map(|row| user::read_own_device(fields, &row));
            ServerPacket::Answer { id, found: Found::Devices(devices.collect::<Result<_, _>>()?) }
        }
        (kind::RESPONSE, ASK_BLOCKED) => {
            let users = it.users.iter().map(|row| fields.eid(&row.eid, "users.eid"));
            let users = users.collect::<Result<_, _>>()?;
            ServerPacket::Answer { id, found: Found::Blocked { users, more } }
        }
        (kind::RESPONSE, ASK_GROUP) => {
            let found = it.group.map(|it| group::read_state(fields, it)).transpose()?;
            ServerPacket::Answer { id, found: Found::Group(found.map(Box::new)) }
        }
        (kind::RESPONSE, ASK_AROUND) => {
            let around = it.around.iter().map(|row| live::read_aware(fields, row));
            let around = around.collect::<Result<_, _>>()?;
            ServerPacket::Answer { id, found: Found::Around { around, more, contacts: Vec::new() } }
        }
        (kind::RESPONSE, ASK_MEMBERS) => {
            let members = it.members.iter().map(|row| group::read_member(fields, row));
            let (members, next) = (members.collect::<Result<_, _>>()?, read_after(fields, &it.after_id)?);
            ServerPacket::Answer { id, found: Found::Members { members, next } }
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
