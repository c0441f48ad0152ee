//! Questions about what is stored, and their answers.

use bimip_proto::{
    Ask, ClientPacket, ClientRef, ConversationState, Found, HistoryMessage, HistoryPlace, PageFrom, Query,
    Seq, ServerPacket, UserId, limits,
};

use super::decode_server::aware;
use super::encode_client::{event, name, named, write_address};
use super::encode_server::write_aware;
use super::fields::{Value, address, fields};
use super::{group, kinds, message, reaction, status, user, words};
use crate::json::{Object, Writer};
use crate::{DecodeError, EncodeError};

/// EV-QRY-1.
pub(super) fn read_request(
    me: Option<&UserId>,
    object: Object<'_>,
    origin: u32,
) -> Result<ClientPacket, DecodeError> {
    let [id, conversation, to, limit] = fields(object, origin, ["id", "conversation_id", "to", "limit"]);
    let id = id.some_client_ref()?;
    let limit = limit.small()?;
    let ask = match origin {
        kinds::HISTORY => {
            let [before, after] = fields(object, origin, ["before", "after"]);
            let [before_id, after_id] = fields(object, origin, ["before_id", "after_id"]);
            let from = page(place(before, before_id)?, place(after, after_id)?, after)?;
            Ask::History { of: address(me, conversation, to)?, from, limit }
        }
        kinds::STATUS => {
            let [message, after] = fields(object, origin, ["message_id", "after_user"]);
            Ask::Status { message: message.message()?, after: after.user()?, limit }
        }
        kinds::PROFILE => {
            let [user] = fields(object, origin, ["user_id"]);
            Ask::Profile(user.some_user()?)
        }
        kinds::ADDRESS_BOOK | kinds::BLOCKED => {
            let [after] = fields(object, origin, ["after_user"]);
            let after = after.user()?;
            if origin == kinds::BLOCKED {
                Ask::Blocked { after, limit }
            } else {
                Ask::AddressBook { after, limit }
            }
        }
        kinds::DEVICES => Ask::Devices,
        kinds::GROUP_STATE => {
            let [group] = fields(object, origin, ["group_id"]);
            Ask::Group(group.some_group()?)
        }
        kinds::AROUND => {
            let [after] = fields(object, origin, ["after_user"]);
            Ask::Around { after: after.user()? }
        }
        kinds::MEMBERS => {
            let [group, after] = fields(object, origin, ["group_id", "after_user"]);
            Ask::Members { group: group.some_group()?, after: after.user()?, limit }
        }
        kinds::CONVERSATION => Ask::Conversation(address(me, conversation, to)?),
        _ => {
            let [before, after] = fields(object, origin, ["before_id", "after_id"]);
            let from = page(before.message_id()?, after.message_id()?, after)?;
            Ask::Conversations { from, limit }
        }
    };
    Ok(ClientPacket::Query(Query { id, ask }))
}

/// A place in a conversation: by itself, or by the id of a message.
fn place(seq: Value<'_>, id: Value<'_>) -> Result<Option<HistoryPlace>, DecodeError> {
    match (seq.number()?, id.message_id()?) {
        (Some(_), Some(_)) => Err(id.wrong()),
        (Some(seq), None) => Ok(Some(HistoryPlace::Seq(Seq(seq)))),
        (None, id) => Ok(id.map(HistoryPlace::Id)),
    }
}

fn page<P>(before: Option<P>, after: Option<P>, field: Value<'_>) -> Result<PageFrom<P>, DecodeError> {
    match (before, after) {
        (None, None) => Ok(PageFrom::Latest),
        (Some(before), None) => Ok(PageFrom::Before(before)),
        (None, Some(after)) => Ok(PageFrom::After(after)),
        _ => Err(field.wrong()),
    }
}

pub(super) fn request(it: &Query) -> Result<Writer, EncodeError> {
    let mut to;
    match &it.ask {
        Ask::History { of, from, limit } => {
            to = event(kinds::HISTORY);
            write_address(&mut to, of);
            match from {
                PageFrom::Latest => {}
                PageFrom::Before(HistoryPlace::Seq(seq)) => to.number("before", seq.0),
                PageFrom::Before(HistoryPlace::Id(id)) => to.text("before_id", &id.to_string()),
                PageFrom::After(HistoryPlace::Seq(seq)) => to.number("after", seq.0),
                PageFrom::After(HistoryPlace::Id(id)) => to.text("after_id", &id.to_string()),
            }
            to.number("limit", *limit);
        }
        Ask::Conversation(of) => {
            to = event(kinds::CONVERSATION);
            write_address(&mut to, of);
        }
        Ask::Conversations { from, limit } => {
            to = event(kinds::CONVERSATIONS);
            match from {
                PageFrom::Latest => {}
                PageFrom::Before(id) => to.text("before_id", &id.to_string()),
                PageFrom::After(id) => to.text("after_id", &id.to_string()),
            }
            to.number("limit", *limit);
        }
        Ask::Status { message, after, limit } => {
            to = event(kinds::STATUS);
            to.text("message_id", &name(message)?);
            to.maybe("after_user", after.as_ref().map(|it| it.as_str()));
            to.number("limit", *limit);
        }
        Ask::Profile(user) => {
            to = event(kinds::PROFILE);
            to.text("user_id", user.as_str());
        }
        Ask::AddressBook { after, limit } | Ask::Blocked { after, limit } => {
            let blocked = matches!(it.ask, Ask::Blocked { .. });
            to = event(if blocked { kinds::BLOCKED } else { kinds::ADDRESS_BOOK });
            to.maybe("after_user", after.as_ref().map(|it| it.as_str()));
            to.number("limit", *limit);
        }
        Ask::Devices => to = event(kinds::DEVICES),
        Ask::Group(group) => {
            to = event(kinds::GROUP_STATE);
            to.text("group_id", group.as_str());
        }
        Ask::Around { after } => {
            to = event(kinds::AROUND);
            to.maybe("after_user", after.as_ref().map(|it| it.as_str()));
        }
        Ask::Members { group, after, limit } => {
            to = event(kinds::MEMBERS);
            to.text("group_id", group.as_str());
            to.maybe("after_user", after.as_ref().map(|it| it.as_str()));
            to.number("limit", *limit);
        }
        _ => return Err(EncodeError::Unsayable { field: "ask" }),
    }
    to.text("id", it.id.as_str());
    Ok(to)
}

/// EV-QRY-2. Nothing of what a later version than this codec has found: it was not asked for in this dialect.
pub(super) fn answer(id: &ClientRef, found: &Found) -> Option<Writer> {
    let mut to = named("answer");
    to.text("id", id.as_str());
    match found {
        Found::History { messages, more } => {
            to.objects("messages", messages, write_message);
            to.flag("has_more", *more);
        }
        Found::Conversations { conversations, more } => {
            to.objects("conversations", conversations, write_conversation);
            to.flag("has_more", *more);
        }
        Found::Status(None) => to.object("status", |_| {}),
        Found::Status(Some(it)) => {
            to.object("status", |to| status::write(to, it));
            to.flag("has_more", it.more);
        }
        Found::Profile(found) => to.object("profile", |to| {
            if let Some(it) = found {
                user::write_state(to, it);
            }
        }),
        Found::AddressBook { saved, more } => {
            to.objects("address_book", saved, user::write_entry);
            to.flag("has_more", *more);
        }
        Found::Devices(devices) => to.objects("devices", devices, user::write_device),
        Found::Blocked { users, more } => {
            to.texts("blocked", users.iter().map(UserId::as_str));
            to.flag("has_more", *more);
        }
        Found::Group(found) => to.object("group", |to| {
            if let Some(it) = found {
                group::write_state(to, it);
            }
        }),
        Found::Members { members, next } => {
            to.objects("members", members, group::write_member);
            to.flag("has_more", next.is_some());
            to.maybe("after_user", next.as_ref().map(|it| it.as_str()));
        }
        Found::Around { around, more, .. } => {
            to.objects("presences", around, write_aware);
            to.flag("has_more", *more);
        }
        _ => return None,
    }
    Some(to)
}

pub(crate) fn write_message(to: &mut Writer, it: &HistoryMessage) {
    message::write(to, &it.message);
    if it.edition > 0 {
        to.number("edition", it.edition);
    }
    if it.deleted {
        to.flag("deleted", true);
    }
    to.texts("marks", words::of_marks(it.marks));
    reaction::write_summary(to, &it.reactions);
}

pub(crate) fn write_conversation(to: &mut Writer, it: &ConversationState) {
    to.text("id", &it.conversation().to_string());
    to.object("last_message", |to| write_message(to, &it.last));
    to.number("message_count", it.messages);
    to.number("read_seq", it.read.0);
    to.number("unread_count", it.unread);
    to.flag("unread_exact", it.exact);
    to.raw("unread_deleted", &format!("{:?}", it.deleted.iter().map(|seq| seq.0).collect::<Vec<_>>()));
}

/// At a client's end.
pub(super) fn read_answer(object: Object<'_>) -> Result<ServerPacket, DecodeError> {
    let [id, messages, conversations, status, more] =
        fields(object, 0, ["id", "messages", "conversations", "status", "has_more"]);
    let [profile, book, devices, blocked, group, members, next, presences] = fields(
        object,
        0,
        ["profile", "address_book", "devices", "blocked", "group", "members", "after_user", "presences"],
    );
    let (id, more) = (id.some_client_ref()?, more.flag()?.unwrap_or_default());
    let rows = limits::PAGE_ROWS as usize;
    let found = if let Some(status) = status.object()? {
        // An empty object: there is nothing that the asker may know of.
        let there = (status.len() > 0).then(|| status::read(status, more)).transpose()?;
        Found::Status(there.map(Box::new))
    } else if let Some(profile) = profile.object()? {
        Found::Profile((profile.len() > 0).then(|| user::read_state(profile)).transpose()?)
    } else if let Some(group) = group.object()? {
        let there = (group.len() > 0).then(|| group::read_state(group)).transpose()?;
        Found::Group(there.map(Box::new))
    } else if presences.is_there() {
        let list = presences.objects(limits::AROUND)?.into_iter().map(aware);
        Found::Around { around: list.collect::<Result<_, _>>()?, more, contacts: Vec::new() }
    } else if members.is_there() {
        let list = members.objects(rows)?.into_iter().map(group::read_member);
        Found::Members { members: list.collect::<Result<_, _>>()?, next: next.user()? }
    } else if book.is_there() {
        let list = book.objects(rows)?.into_iter().map(user::read_entry);
        Found::AddressBook { saved: list.collect::<Result<_, _>>()?, more }
    } else if devices.is_there() {
        let list = devices.objects(limits::LISTED_DEVICES)?.into_iter().map(user::read_device);
        Found::Devices(list.collect::<Result<_, _>>()?)
    } else if blocked.is_there() {
        Found::Blocked { users: blocked.users(rows)?, more }
    } else if conversations.is_there() {
        let list = conversations.objects(rows)?.into_iter().map(read_conversation);
        let list = in_bounds(list, |it| &it.last, &conversations)?;
        Found::Conversations { conversations: list, more }
    } else {
        let list = messages.objects(rows)?.into_iter().map(read_message);
        Found::History { messages: in_bounds(list, |it| it, &messages)?, more }
    };
    Ok(ServerPacket::Answer { id, found })
}

/// What is found, up to as many reactions as an answer has.
fn in_bounds<T>(
    list: impl Iterator<Item = Result<T, DecodeError>>,
    message: impl Fn(&T) -> &HistoryMessage,
    field: &Value<'_>,
) -> Result<Vec<T>, DecodeError> {
    let mut reactions = 0;
    list.map(|it| {
        let it = it?;
        reactions += message(&it).reactions.counts.len();
        if reactions > limits::PAGE_REACTIONS { Err(field.wrong()) } else { Ok(it) }
    })
    .collect()
}

fn read_message(object: Object<'_>) -> Result<HistoryMessage, DecodeError> {
    let [edition, deleted, marks] = fields(object, 0, ["edition", "deleted", "marks"]);
    Ok(HistoryMessage {
        message: message::read(object, 0)?,
        edition: edition.small()?,
        deleted: deleted.flag()?.unwrap_or_default(),
        marks: status::read_marks(marks)?,
        reactions: reaction::read_summary(object)?,
    })
}

fn read_conversation(object: Object<'_>) -> Result<ConversationState, DecodeError> {
    let [last, messages, read, unread, exact, deleted] = fields(
        object,
        0,
        ["last_message", "message_count", "read_seq", "unread_count", "unread_exact", "unread_deleted"],
    );
    Ok(ConversationState {
        last: read_message(last.object()?.ok_or_else(|| last.wrong())?)?,
        messages: messages.some_number()?,
        read: Seq(read.some_number()?),
        unread: unread.some_number()?,
        deleted: deleted.numbers(limits::UNREAD_MESSAGES)?.into_iter().map(Seq).collect(),
        exact: exact.flag()?.unwrap_or(true),
    })
}
