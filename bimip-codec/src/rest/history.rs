//! Messages that are stored, and how far one got.

use bimip_proto::{Address, Ask, ClientPacket, Found, HistoryMessage, HistoryPlace, PageFrom, Reject};

use super::answer::{Answer, Asked, Told};
use super::parameter::{
    AFTER_ID, AFTER_USER, BEFORE_ID, CONVERSATION, LIMIT_MESSAGES, LIMIT_RECIPIENTS, MESSAGE, USER,
};
use super::refusal::Refusal;
use super::request::Request;
use super::table::{Method, Route, Says};
use super::{draft, objects};
use crate::chat::entity;
use crate::events::{query, status};
use crate::json::Writer;

pub(super) const ROUTES: &[Route] = &[
    Route {
        aliases: &["/messages/{id}"],
        tag: "messages",
        summary: "A page of the messages of a conversation, the newest first.",
        parameters: &[&CONVERSATION, &LIMIT_MESSAGES, &BEFORE_ID, &AFTER_ID],
        answers: &[Says::json(200, "The messages that this user may see.", &objects::MESSAGES)],
        ..Route::new(Method::Get, "/api/v1/messages/{id}", "getMessages", page)
    },
    Route {
        tag: "messages",
        summary: "The same, beside the conversation.",
        parameters: &[&CONVERSATION, &LIMIT_MESSAGES, &BEFORE_ID, &AFTER_ID],
        answers: &[Says::json(200, "The messages that this user may see.", &objects::MESSAGES)],
        ..Route::new(Method::Get, "/api/v1/conversations/{id}/messages", "getMessagesOfConversation", page)
    },
    Route {
        tag: "messages",
        summary: "A page of the conversation with a user, as entities of chat, the newest first.",
        parameters: &[&USER, &LIMIT_MESSAGES, &BEFORE_ID, &AFTER_ID],
        answers: &[Says::json(200, "The messages that this user may see.", &objects::ENTITIES)],
        ..Route::new(Method::Get, "/v1.0/messages/{user}", "getChat", chat)
    },
    Route {
        tag: "messages",
        summary: "How far a message got, with whom, and what keeps it.",
        parameters: &[&MESSAGE, &AFTER_USER, &LIMIT_RECIPIENTS],
        answers: &[Says::json(200, "How far it got.", &objects::STATUS)],
        ..Route::new(Method::Get, "/api/v1/messages/{id}/status", "getMessageStatus", how_far)
    },
];

/// HT-HIST-1.
fn page(request: &Request<'_>) -> Result<Asked, Refusal> {
    Ok(Asked::one(request, history(request, request.conversation()?)?, paged))
}

/// HT-HIST-2.
fn chat(request: &Request<'_>) -> Result<Asked, Refusal> {
    Ok(Asked::one(request, history(request, Address::User(request.user(0)?))?, entities))
}

fn history(request: &Request<'_>, of: Address) -> Result<ClientPacket, Refusal> {
    let (before, after) = (request.message_id(&BEFORE_ID)?, request.message_id(&AFTER_ID)?);
    let from = match (before, after) {
        (None, None) => PageFrom::Latest,
        (Some(before), None) => PageFrom::Before(HistoryPlace::Id(before)),
        (None, Some(after)) => PageFrom::After(HistoryPlace::Id(after)),
        _ => return Err(Refusal::field("after_id")),
    };
    request.asks(Ask::History { of, from, limit: request.limit(&LIMIT_MESSAGES)? })
}

fn paged(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Found::History { messages, more } = told.found(0)? else {
        return Err(Refusal::UNAVAILABLE);
    };
    let mut to = Writer::new(messages.iter().map(|it| it.message.body.bytes.len() + 512).sum());
    to.objects("messages", messages.iter().rev(), write);
    to.flag("has_more", *more);
    Ok(Answer::ok(to))
}

fn entities(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Found::History { messages, more } = told.found(0)? else {
        return Err(Refusal::UNAVAILABLE);
    };
    let mut to = Writer::new(messages.iter().map(|it| it.message.body.bytes.len() + 512).sum());
    let batches = if messages.is_empty() { None } else { Some(messages) };
    to.objects("messages", batches, |to, messages| {
        to.objects("payload", messages.iter().rev(), |to, it| {
            entity::write_marked(to, &it.message, it.marks);
            if it.deleted {
                to.flag("deleted", true);
            }
        });
    });
    to.flag("has_more", *more);
    Ok(Answer::ok(to))
}

/// HT-MSG-1, HT-MSG-2: a message as it is now.
pub(super) fn write(to: &mut Writer, it: &HistoryMessage) {
    query::write_message(to, it);
    if it.edition > 0 && !it.deleted {
        to.flag("is_edited", true);
    }
    draft::write_flat(to, &it.message.body);
}

/// HT-STAT-1.
fn how_far(request: &Request<'_>) -> Result<Asked, Refusal> {
    let ask = Ask::Status {
        message: request.message()?,
        after: request.user_in_query(&AFTER_USER)?,
        limit: request.limit(&LIMIT_RECIPIENTS)?,
    };
    Ok(Asked::one(request, request.asks(ask)?, got))
}

fn got(told: &Told<'_>) -> Result<Answer, Refusal> {
    match told.found(0)? {
        Found::Status(Some(it)) => {
            let mut to = Writer::new(1024);
            status::write(&mut to, it);
            to.flag("has_more", it.more);
            Ok(Answer::ok(to))
        }
        _ => Err(Reject::NoSuchMessage.into()),
    }
}
