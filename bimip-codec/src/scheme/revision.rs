//! Route 17: edits and deletions.

use std::sync::Arc;

use bimip_proto::{
    Body, ClientPacket, ClientRef, Device, Entry, Names, Noted, Offset, Reject, Revise, Revision, Row, Seal,
    Seq, ServerPacket,
};
use bytes::Bytes;

use super::frame::{Fields, fits, identity, put, reference_text, to_ms};
use super::kind as content_kind;
use super::numbers::{self, DELETE, EDIT, kind};
use super::payload::payload;
use super::v1;
use super::v1::message_scheme::Payload;
use crate::{DecodeError, Frames};

// ---- a client asks ------------------------------------------------------------------------------------------

pub(super) fn request(me: Option<&Device>, it: &Revise) -> v1::Revision {
    let shape = v1::Revision {
        r#type: kind::REQUEST,
        id: it.client_ref.as_str().to_owned(),
        signal_id: reference_text(&it.message),
        from: me.map(identity),
        ..Default::default()
    };
    with_body(shape, it.body.as_ref())
}

/// BM-REV-1.
pub(super) fn read_request(fields: Fields, it: v1::Revision) -> Result<ClientPacket, DecodeError> {
    if it.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    let client_ref = fields.client_ref(&it.id)?.ok_or_else(|| fields.wrong("id"))?;
    let message = fields.reference(&it.signal_id)?;
    let body = read_body(fields, it, |kind, bytes, seal| content_kind::said(fields, kind, bytes, seal))?;
    if let Some(body) = &body {
        fits(body.bytes.len(), body.seal.as_ref().map_or(0, seal_bytes))?;
    }
    Ok(ClientPacket::Revise(Revise { client_ref, message, body }))
}

const fn seal_bytes(seal: &Seal) -> usize {
    seal.encryption_type.len() + seal.encrypted.len() + seal.signature.len()
}

// ---- the server answers -------------------------------------------------------------------------------------

/// BM-REV-2.
pub(super) fn put_revised(id: &ClientRef, edition: u32, offset: Offset, out: &mut Frames) {
    let revision = v1::Revision {
        r#type: kind::RESPONSE,
        id: id.as_str().to_owned(),
        edition,
        user_offset: offset.0.to_string(),
        ..Default::default()
    };
    put(Payload::Revision(revision), out);
}

/// BM-REV-2.
pub(super) fn put_unrevised(id: &ClientRef, reason: Reject, retry_after_ms: Option<u32>, out: &mut Frames) {
    let revision = v1::Revision {
        r#type: kind::ERROR,
        id: id.as_str().to_owned(),
        code: numbers::of_reject(reason),
        error: reason.to_string(),
        retry_after_ms: retry_after_ms.unwrap_or_default(),
        ..Default::default()
    };
    put(Payload::Revision(revision), out);
}

/// BM-REV-3: a row.
pub(super) fn put_row(row: &Row, it: &Revision, out: &mut Frames) {
    let shape = v1::Revision {
        r#type: kind::EVENT,
        id: it.client_ref.as_str().to_owned(),
        signal_id: it.message.id.to_string(),
        from: Some(identity(&it.by)),
        edition: it.edition,
        conversation: it.conversation.to_string(),
        conversation_seq: it.seq.0,
        user_offset: row.offset.0.to_string(),
        prev_offset: row.prev.0,
        message_id: it.message.client_ref.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        server_time: to_ms(it.at),
        ..Default::default()
    };
    put(Payload::Revision(with_body(shape, it.body.as_ref())), out);
}

pub(super) fn read_server(fields: Fields, it: v1::Revision) -> Result<ServerPacket, DecodeError> {
    let client_ref = fields.client_ref(&it.id)?.ok_or_else(|| fields.wrong("id"))?;
    Ok(match it.r#type {
        kind::RESPONSE => ServerPacket::Noted(Noted::Revised {
            client_ref,
            edition: it.edition,
            offset: Offset(fields.decimal(&it.user_offset, "user_offset")?),
        }),
        kind::ERROR => ServerPacket::Noted(Noted::Unrevised {
            client_ref,
            reason: numbers::reject(it.code),
            retry_after_ms: Some(it.retry_after_ms).filter(|ms| *ms > 0),
        }),
        kind::EVENT => ServerPacket::Deliver(read_row(fields, client_ref, it)?),
        _ => return Err(fields.wrong("type")),
    })
}

fn read_row(fields: Fields, client_ref: ClientRef, it: v1::Revision) -> Result<Row, DecodeError> {
    let (prev, offset) = (Offset(it.prev_offset), Offset(fields.decimal(&it.user_offset, "user_offset")?));
    let revision = Revision {
        message: Names {
            id: fields.message_id(&it.signal_id)?,
            alias: None,
            client_ref: ClientRef::new(&it.message_id).ok(),
        },
        conversation: it.conversation.parse().map_err(|_| fields.wrong("conversation"))?,
        seq: Seq(it.conversation_seq),
        edition: it.edition,
        by: fields.device(it.from.as_ref(), "from")?,
        client_ref,
        at: fields.ms(it.server_time, "server_time")?,
        body: read_body(fields, it, |kind, bytes, seal| Ok(content_kind::told(kind, bytes, seal)))?,
    };
    Ok(Row { prev, offset, entry: Arc::new(Entry::Revised(revision)) })
}

// ---- what it says -------------------------------------------------------------------------------------------

fn with_body(shape: v1::Revision, body: Option<&Body>) -> v1::Revision {
    let Some(body) = body else { return v1::Revision { action: DELETE, ..shape } };
    let seal = body.seal.clone().unwrap_or_default();
    v1::Revision {
        action: EDIT,
        payload: payload(body, None),
        kind: numbers::of_kind(body),
        encryption_type: seal.encryption_type,
        encrypted: seal.encrypted,
        signature: seal.signature,
        ..shape
    }
}

fn read_body(
    fields: Fields,
    it: v1::Revision,
    read: impl FnOnce(i32, Bytes, Option<Seal>) -> Result<Body, DecodeError>,
) -> Result<Option<Body>, DecodeError> {
    let seal = Seal { encryption_type: it.encryption_type, encrypted: it.encrypted, signature: it.signature };
    let seal = Some(seal).filter(|seal| *seal != Seal::default());
    match it.action {
        EDIT => read(it.kind, it.payload, seal).map(Some),
        DELETE if it.payload == Bytes::new() && seal.is_none() && it.kind == 0 => Ok(None),
        DELETE => Err(fields.wrong("payload")),
        _ => Err(fields.wrong("action")),
    }
}
