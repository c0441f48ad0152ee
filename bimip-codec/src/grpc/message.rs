//! A message, from the object that JSON has for it.

use bimip_proto::limits;

use super::wire::{Encryption, Mention, Message};
use crate::DecodeError;
use crate::events::fields::{Value, fields};
use crate::events::message::read_payload;
use crate::json::Object;

/// GR-MSG-1.
pub(super) fn read(object: Object<'_>) -> Result<Message, DecodeError> {
    let [id, conversation, seq, user, device, client_id, kind, content] = fields(
        object,
        0,
        [
            "id",
            "conversation_id",
            "seq",
            "sender_user_id",
            "sender_device_id",
            "client_id",
            "message_type",
            "content",
        ],
    );
    let [body, data, payload, encryption, duration, url, mentions, reply_to] = fields(
        object,
        0,
        ["body", "data", "payload", "encryption", "duration_ms", "url", "mentions", "reply_to_id"],
    );
    let [status, created_at, edition, deleted] =
        fields(object, 0, ["status", "created_at", "edition", "deleted"]);
    Ok(Message {
        id: text(id)?,
        conversation_id: text(conversation)?,
        sender_user_id: text(user)?,
        content: text(content)?,
        message_type: text(kind)?,
        status: text(status)?,
        created_at: time(created_at)?,
        mentions: read_mentions(mentions)?,
        reply_to_id: reply_to.text()?,
        sender_device_id: text(device)?,
        client_id: text(client_id)?,
        seq: seq.number()?.unwrap_or_default(),
        edition: edition.small()?,
        deleted: deleted.flag()?.unwrap_or_default(),
        body: object_text(body)?,
        data: object_text(data)?,
        payload: if payload.is_there() { Some(read_payload(payload)?) } else { None },
        encryption: encryption.object()?.map(read_encryption).transpose()?,
        duration_ms: duration.small()?,
        url: text(url)?,
    })
}

pub(super) fn text(value: Value<'_>) -> Result<String, DecodeError> {
    Ok(value.text()?.unwrap_or_default())
}

/// Milliseconds since the Unix epoch; 0 where nothing is said.
pub(super) fn time(value: Value<'_>) -> Result<i64, DecodeError> {
    let at = value.time()?.map_or(0, |at| at.0);
    Ok(i64::try_from(at).unwrap_or(i64::MAX))
}

fn object_text(value: Value<'_>) -> Result<String, DecodeError> {
    Ok(value.object()?.map(|object| object.as_str().to_owned()).unwrap_or_default())
}

fn read_encryption(object: Object<'_>) -> Result<Encryption, DecodeError> {
    let [kind, encrypted, signature] = fields(object, 0, ["type", "encrypted", "signature"]);
    Ok(Encryption { r#type: text(kind)?, encrypted: text(encrypted)?, signature: text(signature)? })
}

fn read_mentions(mentions: Value<'_>) -> Result<Vec<Mention>, DecodeError> {
    let list = mentions.objects(limits::MENTIONS)?.into_iter().map(|it| {
        let [user, offset, length] = fields(it, 0, ["user_id", "offset", "length"]);
        let place = |value: Value<'_>| Ok(i32::try_from(value.small()?).unwrap_or(i32::MAX));
        Ok(Mention { user_id: text(user)?, offset: place(offset)?, length: place(length)? })
    });
    list.collect()
}
