//! What is live and never stored.

use bimip_proto::{Act, Ask, Awareness, ClientPacket, Found, Reach, ServerPacket, Signal};

use super::answer::{Answer, Asked, Told, nothing};
use super::parameter::AFTER_USER;
use super::refusal::Refusal;
use super::request::{Request, address};
use super::table::{Method, Route, Says};
use super::{bodies, objects};
use crate::events::{read_awareness, write_aware};
use crate::json::Writer;

pub(super) const ROUTES: &[Route] = &[
    Route {
        aliases: &["/messages/typing"],
        tag: "presence",
        summary: "The user writes in a conversation, or stopped. Ends by itself after 10 s.",
        body: Some(&bodies::TYPING),
        answers: &[Says::nothing("Said to those who are here.")],
        ..Route::new(Method::Post, "/api/v1/messages/typing", "typing", typing)
    },
    Route {
        tag: "presence",
        summary: "Who is here of those whom the user may see, and what they are doing.",
        parameters: &[&AFTER_USER],
        answers: &[Says::json(200, "The presences.", &objects::AROUND)],
        ..Route::new(Method::Get, "/api/v1/presence", "getPresence", around)
    },
    Route {
        tag: "presence",
        summary: "What the user is doing, for those who may know.",
        body: Some(&bodies::PRESENCE),
        answers: &[Says::nothing("Said to those who are here.")],
        ..Route::new(Method::Put, "/api/v1/presence", "setPresence", aware)
    },
    Route {
        tag: "presence",
        summary: "Whether others see what the user is doing.",
        body: Some(&bodies::VISIBILITY),
        answers: &[Says::json(200, "Stored.", &objects::VISIBILITY)],
        ..Route::new(Method::Put, "/api/v1/visibility", "setVisibility", set_visible)
    },
];

/// HT-LIVE-1.
fn typing(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [conversation, to, is_typing] = request.fields(["conversation_id", "to", "is_typing"])?;
    let to = address(&request.me.user, conversation, to)?;
    let act = if is_typing.flag()?.unwrap_or(true) { Act::Typing } else { Act::Cancelled };
    Ok(Asked::one(request, ClientPacket::Signal(Signal { id: None, to, act, at: None }), nothing))
}

/// HT-LIVE-2.
fn aware(request: &Request<'_>) -> Result<Asked, Refusal> {
    let said: Awareness = read_awareness(Some(&request.me.user), request.object()?, 0)?;
    if said.presence.reach() != Reach::Contacts {
        return Err(Refusal::field("status"));
    }
    let said = Awareness { id: None, to: None, at: None, ..said };
    Ok(Asked::one(request, ClientPacket::Aware(said), nothing))
}

/// HT-LIVE-4.
fn around(request: &Request<'_>) -> Result<Asked, Refusal> {
    let ask = Ask::Around { after: request.user_in_query(&AFTER_USER)? };
    Ok(Asked::one(request, request.asks(ask)?, told))
}

fn told(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Found::Around { around, more, .. } = told.found(0)? else { return Err(Refusal::UNAVAILABLE) };
    let mut to = Writer::new(128 * around.len());
    to.objects("presences", around, write_aware);
    to.flag("has_more", *more);
    Ok(Answer::ok(to))
}

/// HT-LIVE-3.
fn set_visible(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [visible] = request.fields(["visible"])?;
    let visible = visible.flag()?.ok_or_else(|| Refusal::field("visible"))?;
    Ok(Asked::one(request, ClientPacket::SetVisible { id: None, visible }, visibility))
}

fn visibility(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Some(ServerPacket::Visible { visible, .. }) = told.answer() else {
        return Err(Refusal::UNAVAILABLE);
    };
    let mut to = Writer::new(32);
    to.flag("visible", *visible);
    Ok(Answer::ok(to))
}
