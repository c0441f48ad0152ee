//! Accounts and tokens, and the description of all of this.

use bimip_proto::{ClientPacket, LogOut, ServerPacket, TokenTask};

use super::answer::{Answer, Asked, Told, nothing};
use super::refusal::Refusal;
use super::request::Request;
use super::shape::Named;
use super::table::{Door, Method, Route, Says, Serves};
use super::{bodies, objects};
use crate::events::time;
use crate::json::Writer;

const MADE: &[Says] = &[Says::json(201, "The account is made.", &objects::PASS)];
const GIVEN: &[Says] = &[Says::json(200, "A token.", &objects::PASS)];

const fn door(
    path: &'static str,
    name: &'static str,
    door: Door,
    body: &'static Named,
    status: &'static [Says],
) -> Route {
    Route {
        tag: "auth",
        body: Some(body),
        answers: status,
        serves: Serves::Door(door),
        ..Route::new(Method::Post, path, name, unread)
    }
}

pub(super) const ROUTES: &[Route] = &[
    Route {
        summary: "Makes an account, where anybody may.",
        ..door("/api/v1/auth/register", "register", Door::Register, &bodies::CREDENTIALS, MADE)
    },
    Route {
        summary: "A token for a password.",
        ..door("/api/v1/auth/login", "logIn", Door::LogIn, &bodies::CREDENTIALS, GIVEN)
    },
    Route {
        summary: "Another password. Everything that came in by the one before is logged out.",
        ..door("/api/v1/auth/password", "changePassword", Door::ChangePassword, &bodies::NEW_PASSWORD, GIVEN)
    },
    Route {
        tag: "auth",
        summary: "A newer token for one that is still good.",
        body: Some(&bodies::REFRESH),
        answers: &[Says::json(200, "The newer one.", &objects::PASS)],
        ..Route::new(Method::Post, "/api/v1/auth/refresh", "refresh", refresh)
    },
    Route {
        tag: "auth",
        summary: "Logs out a device, the token of this request, or everything of the user's.",
        body: Some(&bodies::LOG_OUT),
        answers: &[Says::nothing("Logged out.")],
        ..Route::new(Method::Post, "/api/v1/auth/logout", "logOut", log_out)
    },
    Route {
        tag: "description",
        summary: "This description.",
        answers: &[Says::json(200, "An OpenAPI document.", &objects::DOCUMENT)],
        serves: Serves::Door(Door::Document),
        ..Route::new(Method::Get, "/api/v1/openapi.json", "describe", unread)
    },
];

/// Of routes that the door answers.
fn unread(_: &Request<'_>) -> Result<Asked, Refusal> {
    Err(Refusal::NOT_FOUND)
}

/// HT-AUTH-2.
fn refresh(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [token] = request.fields(["token"])?;
    let token = token.some_text()?;
    if token.is_empty() {
        return Err(Refusal::field("token"));
    }
    let packet = ClientPacket::Token { task: TokenTask::Refresh, token: token.into() };
    Ok(Asked::one(request, packet, refreshed))
}

fn refreshed(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Some(ServerPacket::Token(it)) = told.answer() else { return Err(Refusal::UNAVAILABLE) };
    let token = it.token.as_deref().and_then(|token| core::str::from_utf8(token).ok());
    let mut to = Writer::new(512);
    to.text("token", token.ok_or(Refusal::UNAVAILABLE)?);
    if let Some(at) = it.expires {
        to.raw("expires_at", &time::written(at));
    }
    Ok(Answer::ok(to))
}

/// HT-AUTH-3.
fn log_out(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [scope, device] = request.fields(["scope", "device_id"])?;
    let device = device.device_name()?;
    let what = scope.some_word(|word| match word {
        "device" => Some(LogOut::Device(device)),
        "session" => Some(LogOut::Session),
        "account" => Some(LogOut::Account),
        _ => None,
    })?;
    Ok(Asked::one(request, ClientPacket::LogOut(what), nothing))
}
