//! What a user decides about their own account: being seen, tokens, push registrations, logging out.

use bimip_proto::{
    Address, Body, BodyKind, ClientPacket, ClientRef, Device, DeviceName, Draft, Form, LogOut, PushToken,
    TokenAnswer, TokenTask, UserId, limits,
};

use super::frame::{Fields, identity, to_ms};
use super::live::{DISABLED, ENABLED};
use super::numbers::{self, kind};
use super::v1::{self, AwarenessVisibility, Logout, PushNotification, TokenAuthority};
use crate::{DecodeError, EncodeError};

/// `type` of the answer to a push registration.
const REGISTERED: &str = "registered";
const REMOVED: &str = "removed";

// ---- visibility ---------------------------------------------------------------------------------------------

pub(super) fn visibility(
    fields: Fields,
    it: &AwarenessVisibility,
) -> Result<(Option<ClientRef>, bool), DecodeError> {
    let visible = match it.r#type {
        ENABLED => true,
        DISABLED => false,
        _ => return Err(fields.wrong("type")),
    };
    Ok((fields.client_ref(&it.id)?, visible))
}

pub(super) fn visible(me: Option<&Device>, id: Option<&ClientRef>, visible: bool) -> AwarenessVisibility {
    AwarenessVisibility {
        id: id.map_or_else(String::new, |id| id.as_str().to_owned()),
        from: me.map(identity),
        r#type: if visible { ENABLED } else { DISABLED },
        timestamp: 0,
        details: String::new(),
    }
}

// ---- tokens -------------------------------------------------------------------------------------------------

/// BM-AUTH-1: as first frame of a connection, a validation is the sign-in. Later it is what it says (BM-TOKEN-1):
/// the same words, which the session tells apart.
pub(super) fn token(fields: Fields, it: TokenAuthority) -> Result<ClientPacket, DecodeError> {
    if it.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    let task = numbers::task(it.task).ok_or_else(|| fields.wrong("task"))?;
    let to = it.to.unwrap_or_default();
    let user = match to.eid.as_str() {
        "" => None,
        eid => Some(UserId::new(eid).map_err(|_| fields.wrong("to.eid"))?),
    };
    let device = device_name(fields, to.connection_resource_id.as_deref())?;
    match task {
        TokenTask::Validate => Ok(ClientPacket::SignIn { user, device, token: it.token.into() }),
        _ if it.token.is_empty() => Err(fields.wrong("token")),
        task => Ok(ClientPacket::Token { task, token: it.token.into() }),
    }
}

fn device_name(fields: Fields, name: Option<&str>) -> Result<Option<DeviceName>, DecodeError> {
    match name {
        None | Some("") => Ok(None),
        Some(name) => DeviceName::new(name).map(Some).map_err(|_| fields.wrong("to.connection_resource_id")),
    }
}

pub(super) fn token_request(
    me: Option<&Device>,
    task: TokenTask,
    token: &[u8],
) -> Result<TokenAuthority, EncodeError> {
    Ok(TokenAuthority {
        to: me.map(identity),
        token: utf8(token)?,
        r#type: kind::REQUEST,
        task: numbers::of_task(task),
        ..Default::default()
    })
}

pub(super) fn token_answer(me: Option<&Device>, it: &TokenAnswer) -> Result<TokenAuthority, EncodeError> {
    Ok(TokenAuthority {
        to: me.map(identity),
        token: it.token.as_deref().map_or_else(|| Ok(String::new()), utf8)?,
        r#type: kind::RESPONSE,
        task: numbers::of_task(it.task),
        expires: it.expires.map_or(0, to_ms),
        ..Default::default()
    })
}

pub(super) fn read_token_answer(fields: Fields, it: TokenAuthority) -> Result<TokenAnswer, DecodeError> {
    if it.r#type != kind::RESPONSE {
        return Err(fields.wrong("type"));
    }
    Ok(TokenAnswer {
        task: numbers::task(it.task).ok_or_else(|| fields.wrong("task"))?,
        token: Some(it.token).filter(|token| !token.is_empty()).map(Into::into),
        expires: match it.expires {
            0 => None,
            at => Some(fields.ms(at, "expires")?),
        },
    })
}

fn utf8(bytes: &[u8]) -> Result<String, EncodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| EncodeError::Unsayable { field: "token" })
}

// ---- push ---------------------------------------------------------------------------------------------------

/// BM-PUSH-1: to oneself or to nobody a registration; BM-PUSH-2: to somebody else a notification, which is a message.
pub(super) fn push(
    fields: Fields,
    me: Option<&Device>,
    it: PushNotification,
) -> Result<ClientPacket, DecodeError> {
    let id = fields.client_ref(&it.id)?;
    let to = it.to.as_ref().map_or("", |to| &to.eid);
    if !to.is_empty() && me.is_none_or(|me| me.user.as_str() != to) {
        if !it.r#type.is_empty() {
            return Err(fields.wrong("type"));
        }
        let client_time = match it.timestamp {
            0 => None,
            at => Some(fields.ms(at, "timestamp")?),
        };
        let body = Body { kind: BodyKind::Notification, form: Form::Opaque, bytes: it.payload, seal: None };
        let client_ref = Some(id.ok_or_else(|| fields.wrong("id"))?);
        let to = Address::User(fields.user(it.to.as_ref(), "to.eid")?);
        return Ok(ClientPacket::Send(Draft { client_ref, to, client_time, body }));
    }
    if it.r#type.len() + it.payload.len() > limits::PUSH_TOKEN_BYTES {
        return Err(fields.wrong("payload"));
    }
    let token = Some(it.payload).filter(|token| !token.is_empty());
    Ok(ClientPacket::PushToken(PushToken { id, service: it.r#type, token }))
}

pub(super) fn registration(me: Option<&Device>, it: &PushToken) -> PushNotification {
    PushNotification {
        id: it.id.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        from: me.map(identity),
        to: me.map(identity),
        r#type: it.service.clone(),
        timestamp: 0,
        payload: it.token.clone().unwrap_or_default(),
    }
}

pub(super) fn registered(me: Option<&Device>, id: Option<&ClientRef>, registered: bool) -> PushNotification {
    let service = if registered { REGISTERED } else { REMOVED };
    let answer = PushToken { id: id.cloned(), service: service.to_owned(), token: None };
    PushNotification { from: None, ..registration(me, &answer) }
}

pub(super) fn read_registered(
    fields: Fields,
    it: &PushNotification,
) -> Result<(Option<ClientRef>, bool), DecodeError> {
    let registered = match it.r#type.as_str() {
        REGISTERED => true,
        REMOVED => false,
        _ => return Err(fields.wrong("type")),
    };
    Ok((fields.client_ref(&it.id)?, registered))
}

// ---- logging out --------------------------------------------------------------------------------------------

/// BM-BYE-2, BM-LOGOUT-1.
pub(super) fn logout(fields: Fields, it: &Logout) -> Result<ClientPacket, DecodeError> {
    if it.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    if it.scope == numbers::SCOPE_NONE {
        return Ok(ClientPacket::Bye);
    }
    let device = it.to.as_ref().and_then(|to| to.connection_resource_id.as_deref());
    let device = device_name(fields, device)?;
    let what = scoped(it.scope, device).ok_or_else(|| fields.wrong("scope"))?;
    Ok(ClientPacket::LogOut(what))
}

fn scoped(scope: i32, device: Option<DeviceName>) -> Option<LogOut> {
    match scope {
        numbers::SCOPE_DEVICE => Some(LogOut::Device(device)),
        numbers::SCOPE_SESSION => Some(LogOut::Session),
        numbers::SCOPE_ACCOUNT => Some(LogOut::Account),
        _ => None,
    }
}

pub(super) fn log_out(me: Option<&Device>, what: &LogOut, kind: i32, status: i32) -> Logout {
    let (scope, device) = match what {
        LogOut::Device(device) => (numbers::SCOPE_DEVICE, device.as_ref()),
        LogOut::Session => (numbers::SCOPE_SESSION, None),
        _ => (numbers::SCOPE_ACCOUNT, None),
    };
    let to = v1::Identity {
        eid: me.map_or_else(String::new, |me| me.user.as_str().to_owned()),
        connection_resource_id: device.map(|name| name.as_str().to_owned()),
        node: None,
    };
    Logout { to: Some(to), r#type: kind, status, scope, ..Default::default() }
}

/// The answer about another device: BM-LOGOUT-2.
pub(super) fn read_logged_out(fields: Fields, it: &Logout) -> Result<LogOut, DecodeError> {
    let device = it.to.as_ref().and_then(|to| to.connection_resource_id.as_deref());
    scoped(it.scope, device_name(fields, device)?).ok_or_else(|| fields.wrong("scope"))
}
