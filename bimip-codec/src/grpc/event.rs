//! Events, from the ones that JSON has for them.

use bimip_proto::{Body, Entry, ServerPacket};

use super::message::{self, text, time};
use super::wire::{Message, MessageEvent};
use crate::events::fields::fields;
use crate::events::message::write as write_message;
use crate::json::{Object, Writer};
use crate::rest::write_flat;
use crate::{DecodeError, EncodeError, Frames, events as json};

/// The events of a packet, one, several, or none where JSON events have no words for it: GR-EVT-1.
///
/// # Errors
/// [`EncodeError`] when the packet cannot be written.
pub fn events(packet: &ServerPacket, out: &mut Vec<MessageEvent>) -> Result<(), EncodeError> {
    let entry = match packet {
        ServerPacket::Deliver(row) => Some(&*row.entry),
        _ => None,
    };
    if let (ServerPacket::Deliver(row), Some(Entry::Message(it))) = (packet, entry) {
        let mut to = Writer::new(it.body.bytes.len() + 512);
        write_message(&mut to, it);
        write_flat(&mut to, &it.body);
        let message = read_back(&to.finish(), message::read)?;
        out.push(MessageEvent {
            r#type: "new_message".to_owned(),
            conversation_id: message.conversation_id.clone(),
            at: message.created_at,
            message: Some(message),
            offset: row.offset.0,
            prev_offset: row.prev.0,
            ..MessageEvent::default()
        });
        return Ok(());
    }
    let body = match entry {
        Some(Entry::Revised(it)) => it.body.as_ref(),
        _ => None,
    };
    let mut frames = Frames::new();
    json::encode_server(packet, None, &mut frames)?;
    for frame in frames.drain() {
        let frame = core::str::from_utf8(&frame).unwrap_or_default();
        out.push(read_back(frame, |object| read(object, body))?);
    }
    Ok(())
}

fn read_back<T>(
    text: &str,
    read: impl FnOnce(Object<'_>) -> Result<T, DecodeError>,
) -> Result<T, EncodeError> {
    // Written a moment ago by the other side of the same words.
    Object::parse(text).and_then(|object| read(object).ok()).ok_or(EncodeError::NotSpoken)
}

fn read(object: Object<'_>, body: Option<&Body>) -> Result<MessageEvent, DecodeError> {
    let [kind, offset, prev, user, device, reader, conversation, timestamp] = fields(
        object,
        0,
        [
            "type",
            "offset",
            "prev_offset",
            "user_id",
            "device_id",
            "reader_id",
            "conversation_id",
            "timestamp",
        ],
    );
    let kind = text(kind)?;
    let mut event = MessageEvent {
        offset: offset.number()?.unwrap_or_default(),
        prev_offset: prev.number()?.unwrap_or_default(),
        user_id: text(if reader.is_there() { reader } else { user })?,
        device_id: text(device)?,
        at: time(timestamp)?,
        conversation_id: text(conversation)?,
        ..MessageEvent::default()
    };
    match kind.as_str() {
        "message_delivered" => marked(&mut event, object, "delivered", "delivered_at")?,
        "message_read" => marked(&mut event, object, "read", "read_at")?,
        "message_played" => marked(&mut event, object, "played", "played_at")?,
        "message_forwarded" => marked(&mut event, object, "forwarded", "forwarded_at")?,
        "message_edited" => revised(&mut event, object, body, "edited")?,
        "message_deleted" => revised(&mut event, object, body, "deleted")?,
        _ => object.as_str().clone_into(&mut event.json),
    }
    event.r#type = kind;
    Ok(event)
}

fn marked(
    event: &mut MessageEvent,
    object: Object<'_>,
    status: &str,
    when: &'static str,
) -> Result<(), DecodeError> {
    let [id, client_id, at] = fields(object, 0, ["message_id", "client_id", when]);
    event.at = time(at)?;
    event.message = Some(Message {
        id: text(id)?,
        client_id: text(client_id)?,
        status: status.to_owned(),
        ..Message::default()
    });
    Ok(())
}

fn revised(
    event: &mut MessageEvent,
    object: Object<'_>,
    body: Option<&Body>,
    status: &str,
) -> Result<(), DecodeError> {
    let [id, client_id] = fields(object, 0, ["message_id", "message_client_id"]);
    let flat = body.map(|body| {
        let mut to = Writer::new(256);
        write_flat(&mut to, body);
        to.finish()
    });
    let flat = flat.as_deref().and_then(Object::parse).map(message::read).transpose()?;
    let flat = flat.unwrap_or_default();
    event.message = Some(Message {
        id: text(id)?,
        client_id: text(client_id)?,
        status: status.to_owned(),
        deleted: body.is_none(),
        mentions: flat.mentions,
        reply_to_id: flat.reply_to_id,
        ..message::read(object)?
    });
    Ok(())
}
