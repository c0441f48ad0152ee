//! A client's packet, as a server reads it.

use bimip_proto::{Act, Address, Body, ClientPacket, MessageRef, Status};

use super::{State, attached, entity};
use crate::events::encode_client::{name, named, put};
use crate::events::{self, time};
use crate::json::Writer;
use crate::{EncodeError, Frames};

/// Writes the frame of a packet.
pub(crate) fn encode_client(
    state: &State,
    packet: &ClientPacket,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    match packet {
        ClientPacket::SignIn { .. } | ClientPacket::Ping(_) | ClientPacket::Bye => {
            return events::encode_client(packet, out);
        }
        ClientPacket::Send(draft) => {
            let said = said(&draft.body)?;
            put(
                entity::frame(state, [()], |to, ()| {
                    to.maybe("messageId", draft.client_ref.as_ref().map(|it| it.as_str()));
                    write_address(to, &draft.to);
                    if let Some(at) = draft.client_time {
                        to.raw("timestamp", &time::written(at));
                    }
                    said.write(to);
                }),
                out,
            );
        }
        ClientPacket::Revise(it) => {
            let (id, said) = (name(&it.message)?, it.body.as_ref().map(said).transpose()?);
            put(
                entity::frame(state, [()], |to, ()| {
                    to.text("messageId", it.client_ref.as_str());
                    to.text("id", &id);
                    to.flag(if said.is_some() { "edited" } else { "deleted" }, true);
                    if let Some(said) = &said {
                        said.write(to);
                    }
                }),
                out,
            );
        }
        ClientPacket::Delivered(messages) => marks(state, messages, "delivered", out)?,
        ClientPacket::Mark { message, status: Status::Read } => {
            marks(state, core::slice::from_ref(message), "read", out)?;
        }
        ClientPacket::Dispose(offset) => {
            let mut to = Writer::new(32);
            to.number("ack", offset.0);
            put(to, out);
        }
        ClientPacket::Signal(it) if matches!(it.act, Act::Typing | Act::Cancelled) => {
            let mut to = named("typing");
            write_address(&mut to, &it.to);
            to.flag("isTyping", it.act == Act::Typing);
            if let Some(at) = it.at {
                to.raw("timestamp", &time::written(at));
            }
            put(to, out);
        }
        _ => return Err(EncodeError::NotSpoken),
    }
    Ok(())
}

fn marks(state: &State, messages: &[MessageRef], mark: &str, out: &mut Frames) -> Result<(), EncodeError> {
    let names = messages.iter().map(name).collect::<Result<Vec<_>, _>>()?;
    for names in names.chunks(bimip_proto::limits::CHAT_ENTITIES) {
        put(
            entity::frame(state, names, |to, name| {
                to.text("messageId", name);
                to.flag(mark, true);
            }),
            out,
        );
    }
    Ok(())
}

pub(super) fn write_address(to: &mut Writer, address: &Address) {
    match address {
        Address::Group(group) => to.text("groupId", group.as_str()),
        address => to.text("receiverId", address.as_str()),
    }
}

/// What a draft says, if the server reads it as what it was.
fn said(body: &Body) -> Result<entity::Says, EncodeError> {
    let said = entity::Says::of(body, None);
    match attached::body(&said.text, &said.uris) {
        Ok(read) if read == *body => Ok(said),
        _ => Err(EncodeError::Unsayable { field: "body" }),
    }
}
