//! What a user says about messages of others: that they arrived, were read, and more.

use bimip_proto::{ClientPacket, MessageRef, Noted, Reject, Status, UnixMs, limits};

use super::answer::{Answer, Asked, Told, refused};
use super::parameter::MESSAGE;
use super::refusal::Refusal;
use super::request::{Request, named_message};
use super::table::{Method, Route, Says};
use super::{bodies, objects};
use crate::events::{time, words};
use crate::json::Writer;

pub(super) const ROUTES: &[Route] = &[
    Route {
        aliases: &["/messages/read"],
        tag: "receipts",
        summary: "Messages were read.",
        body: Some(&bodies::READ),
        answers: &[Says::json(200, "Noted.", &objects::READ)],
        ..Route::new(Method::Post, "/api/v1/messages/read", "markRead", read)
    },
    Route {
        aliases: &["/messages/delivered"],
        tag: "receipts",
        summary: "Messages arrived, in any order; the cursor of the device stays.",
        body: Some(&bodies::DELIVERED),
        answers: &[Says::json(200, "Noted.", &objects::DELIVERED)],
        ..Route::new(Method::Post, "/api/v1/messages/delivered", "markDelivered", delivered)
    },
    Route {
        tag: "receipts",
        summary: "A message was read.",
        parameters: &[&MESSAGE],
        answers: &[Says::json(200, "Noted.", &objects::READ)],
        ..Route::new(Method::Post, "/api/v1/messages/{id}/read", "markOneRead", read_one)
    },
    Route {
        tag: "receipts",
        summary: "Something is said about a message.",
        parameters: &[&MESSAGE],
        body: Some(&bodies::MARK),
        answers: &[Says::json(200, "Noted.", &objects::MARKED)],
        ..Route::new(Method::Post, "/api/v1/messages/{id}/marks", "mark", mark)
    },
];

/// HT-READ-1.
fn read(request: &Request<'_>) -> Result<Asked, Refusal> {
    let (messages, alone) = named(request)?;
    let marks = messages.into_iter().map(|message| ClientPacket::Mark { message, status: Status::Read });
    let marks: Vec<_> = marks.collect();
    Ok(if alone { Asked::chain(request, marks, were_read) } else { Asked::each(request, marks, were_read) })
}

/// The messages of a body, and whether it is one that was named alone.
fn named(request: &Request<'_>) -> Result<(Vec<MessageRef>, bool), Refusal> {
    let [one, several] = request.fields(["message_id", "message_ids"])?;
    let names = several.texts(limits::BATCH_PARTS)?;
    if !one.is_there() && !several.is_there() {
        return Err(Refusal::field("message_ids"));
    }
    if let Some(name) = one.text()?
        && names.is_empty()
    {
        return Ok((vec![named_message(&name)?], true));
    }
    let one = one.text()?;
    // HT-READ-2: what names no message is one that is not there, and is not counted.
    let all = names.iter().chain(&one).filter_map(|name| named_message(name).ok());
    let all: Vec<_> = all.collect();
    if all.len() > limits::BATCH_PARTS { Err(Refusal::field("message_ids")) } else { Ok((all, false)) }
}

fn read_one(request: &Request<'_>) -> Result<Asked, Refusal> {
    let mark = ClientPacket::Mark { message: request.message()?, status: Status::Read };
    Ok(Asked::one(request, mark, were_read))
}

#[expect(clippy::unnecessary_wraps, reason = "one writer of many")]
fn were_read(told: &Told<'_>) -> Result<Answer, Refusal> {
    let count = told.answers.iter().filter(|answer| refused(answer.as_ref()).is_none()).count();
    Ok(Answer::ok(counted(count, "read_at", told.now)))
}

fn counted(count: usize, when: &str, now: UnixMs) -> Writer {
    let mut to = Writer::new(64);
    to.number("marked_count", count as u64);
    to.raw(when, &time::written(now));
    to
}

/// HT-DLV-1.
fn delivered(request: &Request<'_>) -> Result<Asked, Refusal> {
    let (messages, _) = named(request)?;
    if messages.is_empty() {
        // None that is there: nothing is said, and nothing counted.
        return Ok(Asked::chain(request, Vec::new(), arrived));
    }
    Ok(Asked::one(request, ClientPacket::Delivered(messages), arrived))
}

fn arrived(told: &Told<'_>) -> Result<Answer, Refusal> {
    let count = match told.answers {
        [] => 0,
        _ => match told.noted()? {
            Noted::Delivered(messages) => messages.len(),
            _ => return Err(Refusal::UNAVAILABLE),
        },
    };
    Ok(Answer::ok(counted(count, "delivered_at", told.now)))
}

/// HT-MARK-1.
fn mark(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [status] = request.fields(["status"])?;
    let status = status.some_word(words::status)?;
    let message = request.message()?;
    Ok(match status {
        Status::Delivered => Asked::one(request, ClientPacket::Delivered(vec![message]), marked),
        status => Asked::one(request, ClientPacket::Mark { message, status }, marked),
    })
}

fn marked(told: &Told<'_>) -> Result<Answer, Refusal> {
    let (message, status) = match told.packet() {
        Some(ClientPacket::Mark { message, status }) => (message, *status),
        Some(ClientPacket::Delivered(messages)) => match (messages.first(), told.noted()?) {
            (Some(message), Noted::Delivered(noted)) if !noted.is_empty() => (message, Status::Delivered),
            _ => return Err(Reject::NoSuchMessage.into()),
        },
        _ => return Err(Refusal::UNAVAILABLE),
    };
    let mut to = Writer::new(96);
    to.text("message_id", &written(message));
    to.text("status", words::of_status(status));
    Ok(Answer::ok(to))
}

/// A message as the request named it.
pub(super) fn written(message: &MessageRef) -> String {
    match message {
        MessageRef::Id(id) => id.to_string(),
        MessageRef::Alias(alias) => alias.to_string(),
        // No request names one otherwise.
        _ => String::new(),
    }
}
