//! The devices of a user.

use bimip_proto::{Ask, ClientPacket, Found, Noted, PushToken, UserAct, UserCommand, limits};

use super::answer::{Answer, Asked, Told, nothing};
use super::parameter::{DEVICE, KEY};
use super::refusal::Refusal;
use super::request::Request;
use super::table::{Method, Route, Says};
use super::{bodies, objects};
use crate::events::user;
use crate::json::Writer;

pub(super) const ROUTES: &[Route] = &[
    Route {
        tag: "devices",
        summary: "The devices of the user.",
        answers: &[Says::json(200, "The devices.", &objects::DEVICES)],
        ..Route::new(Method::Get, "/api/v1/devices", "getDevices", list)
    },
    Route {
        tag: "devices",
        summary: "Logs a device out and lists it no more.",
        parameters: &[&DEVICE, &KEY],
        answers: &[Says::nothing("Done, now or before.")],
        ..Route::new(Method::Delete, "/api/v1/devices/{id}", "removeDevice", remove)
    },
    Route {
        tag: "devices",
        summary: "Where to push to while the device is away. One's own device only.",
        parameters: &[&DEVICE],
        body: Some(&bodies::PUSH),
        answers: &[Says::json(200, "Stored.", &objects::PUSH)],
        ..Route::new(Method::Put, "/api/v1/devices/{id}/push_token", "setPushToken", set_push_token)
    },
    Route {
        tag: "devices",
        summary: "Takes that back.",
        parameters: &[&DEVICE],
        answers: &[Says::json(200, "There is none any more.", &objects::PUSH)],
        ..Route::new(Method::Delete, "/api/v1/devices/{id}/push_token", "removePushToken", remove_push_token)
    },
];

/// HT-DEV-1.
fn list(request: &Request<'_>) -> Result<Asked, Refusal> {
    Ok(Asked::one(request, request.asks(Ask::Devices)?, listed))
}

fn listed(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Found::Devices(devices) = told.found(0)? else { return Err(Refusal::UNAVAILABLE) };
    let mut to = Writer::new(128 * devices.len());
    to.objects("devices", devices, user::write_device);
    Ok(Answer::ok(to))
}

fn remove(request: &Request<'_>) -> Result<Asked, Refusal> {
    let act = UserAct::RemoveDevice(request.device()?);
    let command = UserCommand { client_ref: request.name()?, act };
    Ok(Asked::one(request, ClientPacket::User(command), nothing))
}

/// HT-DEV-2.
fn set_push_token(request: &Request<'_>) -> Result<Asked, Refusal> {
    own(request)?;
    let [service, token] = request.fields(["service", "token"])?;
    let (service, given) = (service.text()?.unwrap_or_default(), token.some_text()?);
    if given.is_empty() || service.len() + given.len() > limits::PUSH_TOKEN_BYTES {
        return Err(Refusal::field("token"));
    }
    let token = PushToken { id: None, service, token: Some(given.into()) };
    Ok(Asked::one(request, ClientPacket::PushToken(token), registered))
}

fn remove_push_token(request: &Request<'_>) -> Result<Asked, Refusal> {
    own(request)?;
    let token = PushToken { id: None, service: String::new(), token: None };
    Ok(Asked::one(request, ClientPacket::PushToken(token), registered))
}

/// HT-DEV-2: another device is answered as one that is not there.
fn own(request: &Request<'_>) -> Result<(), Refusal> {
    if request.device()? == request.me.name { Ok(()) } else { Err(Refusal::NOT_FOUND) }
}

fn registered(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Noted::PushToken { registered, .. } = told.noted()? else { return Err(Refusal::UNAVAILABLE) };
    let mut to = Writer::new(32);
    to.flag("registered", *registered);
    Ok(Answer::ok(to))
}
