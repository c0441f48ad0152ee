//! A client's packet, as a server reads it.

use bimip_proto::{Address, BodyKind, ClientPacket, ConversationId, Device, Draft, Form, Status};

use super::frame::{identity, named, put, reference_text, to_ms};
use super::numbers::{self, kind};
use super::payload::payload;
use super::v1::message_scheme::Payload;
use super::v1::{self, Identity, Signal};
use super::{account, group, live, query, reaction, revision, user};
use crate::{EncodeError, Frames};

/// Writes the frames of a packet. Who speaks is said where it is known, and need not be.
pub(crate) fn encode_client(
    me: Option<&Device>,
    packet: &ClientPacket,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    let request = |status, signal_id: String| Signal {
        status: numbers::of_status(status),
        signal_id,
        from: me.map(identity),
        r#type: kind::REQUEST,
        ..Signal::default()
    };
    match packet {
        ClientPacket::SignIn { user, device, token } => {
            let to = Identity {
                eid: user.as_ref().map_or("", |user| user.as_str()).to_owned(),
                connection_resource_id: device.as_ref().map(|name| name.as_str().to_owned()),
                node: None,
            };
            let token = text(token, "token")?;
            let (r#type, task) = (kind::REQUEST, numbers::VALIDATE);
            let sign_in = v1::TokenAuthority { to: Some(to), token, r#type, task, ..Default::default() };
            put(Payload::TokenAuthority(sign_in), out);
        }
        ClientPacket::Send(it) => put(Payload::Message(message(me, it)?), out),
        ClientPacket::Query(it) => put(Payload::Query(query::request(me, it)?), out),
        ClientPacket::Group(it) => put(Payload::Group(group::request(me, it)), out),
        ClientPacket::User(it) => put(Payload::User(user::request(me, it)?), out),
        ClientPacket::Join(it) => put(Payload::Group(group::move_request(me, it, numbers::JOIN)), out),
        ClientPacket::Leave(it) => put(Payload::Group(group::move_request(me, it, numbers::LEAVE)), out),
        ClientPacket::Revise(it) => put(Payload::Revision(revision::request(me, it)), out),
        ClientPacket::React(it) => put(Payload::Reaction(reaction::request(me, it)), out),
        ClientPacket::Dispose(upto) => {
            let signal =
                Signal { user_offset: upto.to_string(), ..request(Status::Delivered, String::new()) };
            put(Payload::Signal(signal), out);
        }
        ClientPacket::Delivered(messages) => {
            for message in messages {
                put(Payload::Signal(request(Status::Delivered, reference_text(message))), out);
            }
        }
        ClientPacket::Mark {
            message,
            status: status @ (Status::Read | Status::Played | Status::Forwarded),
        } => {
            put(Payload::Signal(request(*status, reference_text(message))), out);
        }
        ClientPacket::Ping(ping) => {
            let id = text(&ping.id, "ping")?;
            let ping = v1::PingPong { id, from: me.map(identity), r#type: kind::PING, ..Default::default() };
            put(Payload::PingPong(ping), out);
        }
        ClientPacket::Aware(it) => put(Payload::Awareness(live::request(me, it)), out),
        ClientPacket::Signal(it) => live::put_signal(me, it, kind::REQUEST, out),
        ClientPacket::Track(it) => live::put_track(me, it, out),
        ClientPacket::SetVisible { id, visible } => {
            put(Payload::AwarenessVisibility(account::visible(me, id.as_ref(), *visible)), out);
        }
        ClientPacket::Token { task, token } => {
            put(Payload::TokenAuthority(account::token_request(me, *task, token)?), out);
        }
        ClientPacket::PushToken(it) => put(Payload::PushNotification(account::registration(me, it)), out),
        ClientPacket::LogOut(what) => {
            let logout = account::log_out(me, what, kind::REQUEST, numbers::LOGOUT_PENDING);
            put(Payload::Logout(logout), out);
        }
        ClientPacket::Bye => {
            let logout = v1::Logout {
                to: me.map(identity),
                r#type: kind::REQUEST,
                status: numbers::LOGOUT_PENDING,
                scope: numbers::SCOPE_NONE,
                ..Default::default()
            };
            put(Payload::Logout(logout), out);
        }
        _ => return Err(EncodeError::NotSpoken),
    }
    Ok(())
}

fn text(bytes: &[u8], field: &'static str) -> Result<String, EncodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| EncodeError::Unsayable { field })
}

fn message(me: Option<&Device>, draft: &Draft) -> Result<v1::Message, EncodeError> {
    let id = draft.client_ref.as_ref().ok_or(EncodeError::Unsayable { field: "client_ref" })?;
    let content = draft.body.form == Form::Content;
    let r#type = match draft.body.kind {
        BodyKind::Text => kind::CHAT,
        BodyKind::Notification if !content => kind::NOTIFICATION,
        said if content && said.content_name().is_some() => kind::CHAT,
        _ => return Err(EncodeError::Unsayable { field: "kind" }),
    };
    // BM-GROUP-1: a user is named by `to` alone, which older servers read too.
    let conversation = match &draft.to {
        Address::Group(group) => ConversationId::Group(group.clone()).to_string(),
        _ => String::new(),
    };
    let seal = draft.body.seal.clone().unwrap_or_default();
    Ok(v1::Message {
        id: id.as_str().to_owned(),
        from: me.map(identity),
        to: Some(named(draft.to.as_str())),
        r#type,
        timestamp: draft.client_time.map_or(0, to_ms),
        payload: payload(&draft.body, None),
        encryption_type: seal.encryption_type,
        encrypted: seal.encrypted,
        signature: seal.signature,
        status: numbers::SENT,
        conversation,
        kind: if content { numbers::of_kind(&draft.body) } else { 0 },
        ..Default::default()
    })
}
