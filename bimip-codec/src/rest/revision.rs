//! What becomes of a message: edits, deletions, reactions.

use bimip_proto::{ClientPacket, Emoji, Noted, React, Revise};

use super::answer::{Answer, Asked, Told};
use super::mark::written;
use super::parameter::{EMOJI, KEY, MESSAGE, Parameter};
use super::refusal::Refusal;
use super::request::Request;
use super::table::{Method, Route, Says};
use super::{bodies, draft, objects};
use crate::events::fields::fields;
use crate::events::{message, time, words};
use crate::json::Writer;

const MESSAGE_AND_KEY: &[&Parameter] = &[&MESSAGE, &KEY];
const EDITED: &[Says] = &[Says::json(200, "It says this from now on.", &objects::EDITED)];

const fn edits(method: Method, name: &'static str, summary: &'static str) -> Route {
    Route {
        aliases: &["/messages/{id}"],
        tag: "messages",
        summary,
        parameters: MESSAGE_AND_KEY,
        body: Some(&bodies::EDIT),
        answers: EDITED,
        ..Route::new(method, "/api/v1/messages/{id}", name, edit)
    }
}

const REACTION: &[&Parameter] = &[&MESSAGE, &EMOJI, &KEY];
const REACTED: &[Says] = &[Says::json(200, "Done, now or before.", &objects::REACTED)];

const fn reacts(method: Method, name: &'static str, summary: &'static str, on: bool) -> Route {
    Route {
        tag: "messages",
        summary,
        parameters: REACTION,
        answers: REACTED,
        ..Route::new(
            method,
            "/api/v1/messages/{id}/reactions/{emoji}",
            name,
            if on { react } else { take_back },
        )
    }
}

pub(super) const ROUTES: &[Route] = &[
    edits(Method::Put, "editMessage", "Lets a message of one's own say something else."),
    edits(Method::Patch, "patchMessage", "The same."),
    Route {
        aliases: &["/messages/{id}"],
        tag: "messages",
        summary: "Deletes a message of one's own for everybody.",
        parameters: &[&MESSAGE, &KEY],
        answers: &[Says::json(200, "It says nothing any more.", &objects::DELETED)],
        ..Route::new(Method::Delete, "/api/v1/messages/{id}", "deleteMessage", delete)
    },
    reacts(Method::Put, "react", "Reacts to a message.", true),
    reacts(Method::Delete, "takeReactionBack", "Takes a reaction back.", false),
];

/// HT-REV-1.
fn edit(request: &Request<'_>) -> Result<Asked, Refusal> {
    let object = request.object()?;
    let [client_ref] = fields(object, 0, ["client_id"]);
    let client_ref = match (request.key, client_ref.client_ref()?) {
        (None, Some(own)) => own,
        _ => request.name()?,
    };
    let revise = Revise { client_ref, message: request.message()?, body: Some(draft::read_body(object)?) };
    Ok(Asked::one(request, ClientPacket::Revise(revise), edited))
}

fn edited(told: &Told<'_>) -> Result<Answer, Refusal> {
    let (revise, edition) = revised(told)?;
    let Some(body) = &revise.body else { return Err(Refusal::UNAVAILABLE) };
    let mut to = Writer::new(body.bytes.len() + 256);
    to.text("id", &written(&revise.message));
    to.text("message_type", words::of_kind(body.kind));
    message::write_body(&mut to, body, None);
    draft::write_flat(&mut to, body);
    to.flag("is_edited", true);
    to.number("edition", edition);
    to.raw("edited_at", &time::written(told.now));
    Ok(Answer::ok(to))
}

fn revised<'a>(told: &Told<'a>) -> Result<(&'a Revise, u32), Refusal> {
    match (told.packet(), told.noted()?) {
        (Some(ClientPacket::Revise(revise)), Noted::Revised { edition, .. }) => Ok((revise, *edition)),
        _ => Err(Refusal::UNAVAILABLE),
    }
}

/// HT-REV-2.
fn delete(request: &Request<'_>) -> Result<Asked, Refusal> {
    let revise = Revise { client_ref: request.name()?, message: request.message()?, body: None };
    Ok(Asked::one(request, ClientPacket::Revise(revise), deleted))
}

fn deleted(told: &Told<'_>) -> Result<Answer, Refusal> {
    let (revise, edition) = revised(told)?;
    let mut to = Writer::new(128);
    to.text("id", &written(&revise.message));
    to.flag("deleted", true);
    to.number("edition", edition);
    to.raw("deleted_at", &time::written(told.now));
    Ok(Answer::ok(to))
}

/// HT-RCT-1.
fn react(request: &Request<'_>) -> Result<Asked, Refusal> {
    reaction(request, true)
}

fn take_back(request: &Request<'_>) -> Result<Asked, Refusal> {
    reaction(request, false)
}

fn reaction(request: &Request<'_>, on: bool) -> Result<Asked, Refusal> {
    let emoji = Emoji::new(request.text(1)).map_err(|_| Refusal::field("emoji"))?;
    let react = React { client_ref: request.name()?, message: request.message()?, emoji, on };
    Ok(Asked::one(request, ClientPacket::React(react), reacted))
}

fn reacted(told: &Told<'_>) -> Result<Answer, Refusal> {
    let (Some(ClientPacket::React(react)), Noted::Reacted { edition, count, .. }) =
        (told.packet(), told.noted()?)
    else {
        return Err(Refusal::UNAVAILABLE);
    };
    let mut to = Writer::new(128);
    to.text("message_id", &written(&react.message));
    to.text("emoji", react.emoji.as_str());
    to.flag("on", react.on);
    to.number("count", *count);
    to.number("edition", *edition);
    Ok(Answer::ok(to))
}
