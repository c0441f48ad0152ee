//! Conversations: the list, one of them, and beginning one.

use bimip_proto::{
    Address, Ask, ClientPacket, ConversationId, ConversationState, Found, GroupAct, GroupCommand, GroupId,
    GroupProfile, PageFrom, Reject, UserId, limits,
};

use super::answer::{Answer, Asked, Told};
use super::parameter::{BEFORE_ID, CONVERSATION, KEY, LIMIT_CONVERSATIONS};
use super::refusal::Refusal;
use super::request::Request;
use super::table::{Method, Route, Says};
use super::{bodies, objects};
use crate::events::{query, time, words};
use crate::json::Writer;

pub(super) const ROUTES: &[Route] = &[
    Route {
        tag: "conversations",
        summary: "A page of the user's conversations, the one with the newest message first.",
        parameters: &[&LIMIT_CONVERSATIONS, &BEFORE_ID],
        answers: &[Says::json(200, "The conversations.", &objects::CONVERSATIONS)],
        ..Route::new(Method::Get, "/api/v1/conversations", "getConversations", page)
    },
    Route {
        tag: "conversations",
        summary: "Begins a conversation. For one of two users nothing is stored: it is there with its first message.",
        parameters: &[&KEY],
        body: Some(&bodies::CONVERSE),
        answers: &[Says::json(201, "The conversation.", &objects::CONVERSATION)],
        ..Route::new(Method::Post, "/api/v1/conversations", "createConversation", begin)
    },
    Route {
        tag: "conversations",
        summary: "One conversation: its last message, how many there are, and how many are unread.",
        parameters: &[&CONVERSATION],
        answers: &[Says::json(200, "The conversation.", &objects::CONVERSATION)],
        ..Route::new(Method::Get, "/api/v1/conversations/{id}", "getConversation", one)
    },
];

/// HT-CONV-1.
fn page(request: &Request<'_>) -> Result<Asked, Refusal> {
    let from = request.message_id(&BEFORE_ID)?.map_or(PageFrom::Latest, PageFrom::Before);
    let ask = Ask::Conversations { from, limit: request.limit(&LIMIT_CONVERSATIONS)? };
    Ok(Asked::one(request, request.asks(ask)?, paged))
}

fn paged(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Found::Conversations { conversations, more } = told.found(0)? else {
        return Err(Refusal::UNAVAILABLE);
    };
    let mut to = Writer::new(1024 * conversations.len());
    to.objects("conversations", conversations, |to, it| write(to, told.me, it));
    to.flag("has_more", *more);
    let next = conversations.last().filter(|_| *more).map(|it| it.last.message.head.id.to_string());
    to.maybe("next", next.as_deref());
    Ok(Answer::ok(to))
}

fn write(to: &mut Writer, me: &UserId, it: &ConversationState) {
    query::write_conversation(to, it);
    let conversation = it.conversation();
    write_kind(to, &conversation);
    if let Some(other) = conversation.peer_of(me) {
        write_two(to, me, other);
    }
    to.raw("last_activity_at", &time::written(it.last.message.head.at));
    to.text("cursor", &it.last.message.head.id.to_string());
}

fn write_kind(to: &mut Writer, it: &ConversationId) {
    let kind = if matches!(it, ConversationId::Group(_)) { "group" } else { "direct" };
    to.text("conversation_type", kind);
}

fn write_two(to: &mut Writer, me: &UserId, other: &UserId) {
    to.texts("participant_ids", [me.min(other), me.max(other)].map(UserId::as_str));
}

/// HT-CONV-2.
fn one(request: &Request<'_>) -> Result<Asked, Refusal> {
    let of = request.conversation()?;
    let ask = request.asks(Ask::Conversation(of.clone()))?;
    Ok(match of {
        Address::Group(group) => {
            Asked::chain(request, vec![ask, request.asks(Ask::Group(group))?], told_of_group)
        }
        _ => Asked::one(request, ask, told_of_one),
    })
}

fn told_of_group(told: &Told<'_>) -> Result<Answer, Refusal> {
    let (Found::Conversations { conversations, .. }, Found::Group(group)) = (told.found(0)?, told.found(1)?)
    else {
        return Err(Refusal::UNAVAILABLE);
    };
    let mut to = Writer::new(1024);
    match (conversations.first(), group) {
        (Some(it), _) => write(&mut to, told.me, it),
        (None, Some(group)) => write_silent(&mut to, &ConversationId::Group(group.group.clone())),
        (None, None) => return Err(Reject::NotMember.into()),
    }
    if let Some(group) = group {
        to.text("title", &group.profile.title);
        to.text("description", &group.profile.about);
    }
    Ok(Answer::ok(to))
}

fn told_of_one(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Some(ClientPacket::Query(bimip_proto::Query { ask: Ask::Conversation(of), .. })) = told.packet()
    else {
        return Err(Refusal::UNAVAILABLE);
    };
    let Found::Conversations { conversations, .. } = told.found(0)? else { return Err(Refusal::UNAVAILABLE) };
    let mut to = Writer::new(1024);
    match (conversations.first(), of) {
        (Some(it), _) => write(&mut to, told.me, it),
        (None, Address::User(other)) => {
            write_silent(&mut to, &ConversationId::direct(told.me.clone(), other.clone()));
            write_two(&mut to, told.me, other);
        }
        (None, _) => return Err(Reject::NotMember.into()),
    }
    Ok(Answer::ok(to))
}

/// Nothing was said in it yet.
fn write_silent(to: &mut Writer, conversation: &ConversationId) {
    to.text("id", &conversation.to_string());
    write_kind(to, conversation);
    to.number("message_count", 0_u32);
    to.number("unread_count", 0_u32);
}

/// HT-CONV-3.
fn begin(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [kind, users, title, about, id, client_ref] = request.fields([
        "conversation_type",
        "participant_ids",
        "title",
        "description",
        "id",
        "client_id",
    ])?;
    let groups = kind.some_word(|word| match word {
        "direct" => Some(false),
        "group" => Some(true),
        _ => None,
    })?;
    let members = users.users(limits::GROUP_ADD_USERS)?;
    if members.is_empty() {
        return Err(Refusal::field("participant_ids"));
    }
    let (title, about) = (title.text()?.unwrap_or_default(), about.text()?.unwrap_or_default());
    if title.len() > limits::GROUP_TITLE_BYTES {
        return Err(Refusal::field("title"));
    }
    if about.len() > limits::GROUP_ABOUT_BYTES {
        return Err(Refusal::field("description"));
    }
    let profile = GroupProfile { title: title.into(), about: about.into() };
    let [open, post] = request.fields(["open", "post"])?;
    let (open, post) = (open.flag()?.unwrap_or_default(), post.word(words::post)?.unwrap_or_default());
    let group = id.word(|text| GroupId::new(text).ok())?;
    let own = client_ref.client_ref()?;
    if !groups {
        let [other] = members.as_slice() else { return Err(Refusal::field("participant_ids")) };
        let ask = Ask::Conversation(Address::User(other.clone()));
        return Ok(Asked::one(request, request.asks(ask)?, begun));
    }
    let group = match group {
        Some(group) => group,
        None => GroupId::new(request.fresh).map_err(|_| Refusal::field("id"))?,
    };
    let client_ref = match (request.key, own) {
        (None, Some(own)) => own,
        _ => request.name()?,
    };
    let act = GroupAct::Create { profile, open, post, members };
    Ok(Asked::one(request, ClientPacket::Group(GroupCommand { client_ref, group, act }), made))
}

fn begun(told: &Told<'_>) -> Result<Answer, Refusal> {
    told_of_one(told).map(|answer| Answer { status: 201, ..answer })
}

fn made(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Some(ClientPacket::Group(GroupCommand { group, act, .. })) = told.packet() else {
        return Err(Refusal::UNAVAILABLE);
    };
    let GroupAct::Create { profile, members, .. } = act else { return Err(Refusal::UNAVAILABLE) };
    let mut to = Writer::new(512);
    write_silent(&mut to, &ConversationId::Group(group.clone()));
    let others = members.iter().filter(|user| *user != told.me);
    to.texts("participant_ids", std::iter::once(told.me).chain(others).map(UserId::as_str));
    to.text("title", &profile.title);
    to.text("description", &profile.about);
    Ok(Answer::created(to))
}
