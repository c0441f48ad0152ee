//! A client's packet, as a server reads it.

use bimip_proto::{
    Act, Address, Awareness, Body, BodyKind, ClientPacket, ConversationId, Form, Location, LogOut,
    MessageRef, Seal, Status, Track,
};
use data_encoding::BASE64;

use super::{group, kinds, query, reaction, time, user, words};
use crate::json::Writer;
use crate::{EncodeError, Frames};

/// Writes the events of a packet.
pub(crate) fn encode_client(packet: &ClientPacket, out: &mut Frames) -> Result<(), EncodeError> {
    match packet {
        ClientPacket::SignIn { user, device, token } => {
            let mut to = event(kinds::AUTH);
            to.maybe("user_id", user.as_ref().map(|it| it.as_str()));
            to.maybe("device_id", device.as_ref().map(|it| it.as_str()));
            to.text("token", utf8(token, "token")?);
            put(to, out);
        }
        ClientPacket::Send(draft) => {
            let mut to = event(kinds::SEND);
            to.maybe("client_id", draft.client_ref.as_ref().map(|it| it.as_str()));
            write_address(&mut to, &draft.to);
            if let Some(at) = draft.client_time {
                to.raw("client_time", &time::written(at));
            }
            if words::kind(words::of_kind(draft.body.kind)) != Some(draft.body.kind) {
                return Err(EncodeError::Unsayable { field: "kind" });
            }
            to.text("message_type", words::of_kind(draft.body.kind));
            write_body(&mut to, &draft.body)?;
            put(to, out);
        }
        ClientPacket::Dispose(offset) => {
            let mut to = event(kinds::ACK);
            to.number("offset", offset.0);
            put(to, out);
        }
        ClientPacket::Delivered(messages) => {
            let names = messages.iter().map(name).collect::<Result<Vec<_>, _>>()?;
            let mut to = event(kinds::DELIVERED);
            to.texts("message_ids", names.iter().map(String::as_str));
            put(to, out);
        }
        ClientPacket::Mark {
            message,
            status: status @ (Status::Read | Status::Played | Status::Forwarded),
        } => {
            let mut to = event(kinds::MARK);
            to.text("message_id", &name(message)?);
            to.text("status", words::of_status(*status));
            put(to, out);
        }
        ClientPacket::Revise(it) => {
            let mut to = event(if it.body.is_some() { kinds::EDIT } else { kinds::DELETE });
            to.text("client_id", it.client_ref.as_str());
            to.text("message_id", &name(&it.message)?);
            if let Some(body) = &it.body {
                to.text("message_type", words::of_kind(body.kind));
                write_body(&mut to, body)?;
            }
            put(to, out);
        }
        ClientPacket::Signal(it) => {
            let mut to = match it.act {
                Act::Typing | Act::Cancelled => {
                    let mut to = event(kinds::TYPING);
                    to.flag("is_typing", it.act == Act::Typing);
                    to
                }
                act => {
                    let mut to = event(kinds::SIGNAL);
                    to.text("act", words::of_act(act));
                    to
                }
            };
            to.maybe("id", it.id.as_ref().map(|it| it.as_str()));
            write_address(&mut to, &it.to);
            write_time(&mut to, it.at);
            put(to, out);
        }
        ClientPacket::Aware(it) => {
            let mut to = event(kinds::PRESENCE);
            write_awareness(&mut to, it);
            put(to, out);
        }
        ClientPacket::Track(it) => {
            let mut to = event(kinds::LOCATION);
            write_track(&mut to, it);
            put(to, out);
        }
        ClientPacket::SetVisible { id, visible } => {
            let mut to = event(kinds::VISIBILITY);
            to.maybe("id", id.as_ref().map(|it| it.as_str()));
            to.flag("visible", *visible);
            put(to, out);
        }
        ClientPacket::Group(it) => {
            let mut to = event(kinds::GROUP);
            group::write_request(&mut to, it)?;
            put(to, out);
        }
        ClientPacket::Join(group) | ClientPacket::Leave(group) => {
            let joins = matches!(packet, ClientPacket::Join(_));
            let mut to = event(if joins { kinds::JOIN } else { kinds::LEAVE });
            to.text("group_id", group.as_str());
            put(to, out);
        }
        ClientPacket::React(it) => {
            let mut to = event(kinds::REACT);
            reaction::write_request(&mut to, it)?;
            put(to, out);
        }
        ClientPacket::User(it) => {
            let mut to = event(kinds::USER);
            user::write_request(&mut to, it)?;
            put(to, out);
        }
        ClientPacket::Query(it) => put(query::request(it)?, out),
        ClientPacket::Token { task, token } => {
            let mut to = event(kinds::TOKEN);
            to.text("task", words::of_task(*task));
            to.text("token", utf8(token, "token")?);
            put(to, out);
        }
        ClientPacket::PushToken(it) => {
            let mut to = event(kinds::PUSH_TOKEN);
            to.maybe("id", it.id.as_ref().map(|it| it.as_str()));
            to.text("service", &it.service);
            // Some services give bytes.
            match it.token.as_deref().map(|token| (core::str::from_utf8(token), token)) {
                Some((Ok(text), _)) => to.text("token", text),
                Some((Err(_), bytes)) => to.text("token_base64", &BASE64.encode(bytes)),
                None => {}
            }
            put(to, out);
        }
        ClientPacket::LogOut(what) => {
            let mut to = event(kinds::LOGOUT);
            write_log_out(&mut to, what);
            put(to, out);
        }
        ClientPacket::Ping(ping) => {
            let mut to = event(kinds::PING);
            to.text("id", utf8(&ping.id, "ping")?);
            put(to, out);
        }
        ClientPacket::Bye => put(event(kinds::BYE), out),
        _ => return Err(EncodeError::NotSpoken),
    }
    Ok(())
}

/// The beginning of a client's event.
pub(super) fn event(kind: u32) -> Writer {
    named(kinds::name(kind))
}

/// The beginning of an event of this name.
pub(crate) fn named(name: &str) -> Writer {
    let mut to = Writer::new(192);
    to.text("type", name);
    to
}

pub(crate) fn put(to: Writer, out: &mut Frames) {
    out.push(to.finish().into());
}

pub(super) fn utf8<'a>(bytes: &'a [u8], field: &'static str) -> Result<&'a str, EncodeError> {
    core::str::from_utf8(bytes).map_err(|_| EncodeError::Unsayable { field })
}

/// EV-ID-1. A place in a conversation is no name here.
pub(crate) fn name(message: &MessageRef) -> Result<String, EncodeError> {
    match message {
        MessageRef::Id(id) => Ok(id.to_string()),
        MessageRef::Alias(alias) => Ok(alias.to_string()),
        _ => Err(EncodeError::Unsayable { field: "message_id" }),
    }
}

pub(super) fn write_address(to: &mut Writer, address: &Address) {
    match address {
        Address::Group(group) => {
            to.text("conversation_id", &ConversationId::Group(group.clone()).to_string());
        }
        address => to.text("to", address.as_str()),
    }
}

pub(super) fn write_time(to: &mut Writer, at: Option<bimip_proto::UnixMs>) {
    if let Some(at) = at {
        to.raw("timestamp", &time::written(at));
    }
}

pub(super) fn write_awareness(to: &mut Writer, it: &Awareness) {
    to.maybe("id", it.id.as_ref().map(|it| it.as_str()));
    if let Some(address) = &it.to {
        write_address(to, address);
    }
    to.text("status", words::of_presence(it.presence));
    if let Some(place) = &it.location {
        write_location(to, place);
    }
    if it.ttl_s > 0 {
        to.number("ttl_s", it.ttl_s);
    }
    write_time(to, it.at);
}

pub(super) fn write_track(to: &mut Writer, it: &Track) {
    to.maybe("id", it.id.as_ref().map(|it| it.as_str()));
    write_address(to, &it.to);
    write_location(to, &it.location);
    write_time(to, it.at);
}

fn write_location(to: &mut Writer, place: &Location) {
    to.object("location", |to| {
        to.real("latitude", place.latitude());
        to.real("longitude", place.longitude());
        if let Some(altitude) = place.altitude() {
            to.real("altitude", altitude);
        }
    });
}

pub(super) fn write_log_out(to: &mut Writer, what: &LogOut) {
    to.text("scope", words::of_scope(what));
    if let LogOut::Device(Some(device)) = what {
        to.text("device_id", device.as_str());
    }
}

/// What a draft says, so that it is read as what it was.
fn write_body(to: &mut Writer, body: &Body) -> Result<(), EncodeError> {
    if matches!(body.kind, BodyKind::Voice { .. }) {
        return Err(EncodeError::Unsayable { field: "kind" });
    }
    match (body.form, core::str::from_utf8(&body.bytes)) {
        (Form::Text, Ok(text)) => to.text("content", text),
        (Form::Content, Ok(text)) if body.is_readable() && crate::json::Object::parse(text).is_some() => {
            to.raw("body", text);
        }
        (Form::Json, Ok(text)) if crate::json::Object::parse(text).is_some() => to.raw("data", text),
        _ => to.text("payload", &BASE64.encode(&body.bytes)),
    }
    if let Some(Seal { encryption_type, encrypted, signature }) = &body.seal {
        to.object("encryption", |to| {
            to.text("type", encryption_type);
            to.text("encrypted", encrypted);
            to.text("signature", signature);
        });
    }
    Ok(())
}
