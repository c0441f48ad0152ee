//! Bodies: out of the payloads of clients, and into what their clients can show.

use std::borrow::Cow;

use bimip_proto::{Body, BodyKind, Form, Message, limits};
use bytes::Bytes;

use super::frame::Frame;
use super::value::Value;
use crate::content;
use crate::json::{Object, Writer, push_string};

/// Shown instead of a message that is encrypted for clients of another dialect.
pub const SEALED: &str = "[encrypted message]";
/// Shown instead of a message that is neither text nor JSON.
pub const UNREADABLE: &str = "[message in a form this client cannot show]";

/// Shown instead of a message that would not fit into a frame of this dialect.
pub const TOO_LONG: &str = "[message too long for this client]";

/// What is shown of a message at most, in bytes: the rest of a frame is envelope (two ids, and both again in the
/// message id).
const SHOWN_BYTES: usize = limits::WALKIE_FRAME_BYTES - 2 * 1024;

/// Before the text of an edit.
const EDITED: &str = "[edited] ";
/// The key of the id of the message that an edit is of.
const EDITED_ID: &str = "edited_message_id";

/// The key of the message id inside JSON payloads.
const MESSAGE_ID: &str = "message_id";
/// The key of the text inside JSON payloads.
const TEXT: &str = "text";

/// The body a client sent, or `None` where there is nothing to store.
pub(super) fn sent(kind: BodyKind, frame: &Frame) -> Option<Body> {
    let (form, bytes) = match frame.payload() {
        Value::Nil => return None,
        Value::Str(text) if Object::parse(text).is_some() => (Form::Json, frame.share(text.as_bytes())),
        Value::Str(text) => (Form::Text, frame.share(text.as_bytes())),
        Value::Bin(bytes) => {
            let form = match core::str::from_utf8(bytes) {
                Ok(text) if Object::parse(text).is_some() => Form::Json,
                // The bytes of an image may happen to be UTF-8, and are an image all the same.
                Ok(_) if kind != BodyKind::Image => Form::Text,
                _ => Form::Opaque,
            };
            (form, frame.share(bytes))
        }
        map @ Value::Map(_) => (Form::Json, map.to_json()?.into()),
        array @ Value::Array(_) => (Form::Text, array.to_json()?.into()),
        scalar => (Form::Text, scalar.to_text().into()),
    };
    Some(Body { kind, form, bytes, seal: None })
}

/// A body as it is put into a frame.
pub(super) enum Shown<'a> {
    /// A JSON object with the message id inside.
    Json(String),
    /// Bytes; the message id goes into a slot of its own.
    Binary(&'a [u8]),
}

/// What a client is shown of a message that it knows as `id`.
///
/// | body | shown |
/// |---|---|
/// | JSON object | the object, `message_id` replaced, every other key unchanged and in order |
/// | JSON object, interactive | `text` is the object as a JSON string, which is what such clients unwrap |
/// | content of a kind, without text | the object, with a line for each attachment as `text` |
/// | text, or opaque and UTF-8 | `{"message_id", "text"}` |
/// | opaque image | bytes in a frame of six elements |
/// | encrypted | `text` is [`SEALED`] |
/// | too long for a frame | `text` is [`TOO_LONG`] |
/// | anything else | `text` is [`UNREADABLE`] |
pub(super) fn shown<'a>(message: &'a Message, id: &str) -> Shown<'a> {
    match converted(message, id) {
        Shown::Json(json) if json.len() > SHOWN_BYTES => Shown::Json(wrapped(id, TOO_LONG)),
        Shown::Binary(bytes) if bytes.len() > SHOWN_BYTES => Shown::Json(wrapped(id, TOO_LONG)),
        fitting => fitting,
    }
}

fn converted<'a>(message: &'a Message, id: &str) -> Shown<'a> {
    let body = &message.body;
    if !body.is_readable() {
        return Shown::Json(wrapped(id, SEALED));
    }
    if body.form == Form::Opaque && body.kind == BodyKind::Image {
        return Shown::Binary(&body.bytes);
    }
    let Ok(text) = core::str::from_utf8(&body.bytes) else {
        return Shown::Json(wrapped(id, UNREADABLE));
    };
    let object = if body.form == Form::Text { None } else { Object::parse(text) };
    Shown::Json(match object {
        None => wrapped(id, text),
        Some(_) if body.kind == BodyKind::Interactive => {
            let mut quoted = String::with_capacity(text.len() + 16);
            push_string(&mut quoted, text);
            wrapped(id, &quoted)
        }
        Some(object) => {
            let mut json = Writer::new(text.len() + id.len());
            json.text(MESSAGE_ID, id);
            match content::of(body).filter(|content| content.text.is_empty()) {
                Some(content) => {
                    json.text(TEXT, &content.shown());
                    object.write_without_any(&[MESSAGE_ID, TEXT], &mut json);
                }
                None => object.write_without(MESSAGE_ID, &mut json),
            }
            json.finish()
        }
    })
}

/// What a client is shown of an edit that it knows as `id`: the new text, and which message says it from now on.
pub(super) fn edited(body: &Body, id: &str, of: Option<&str>) -> String {
    let written = |text: &str| {
        let mut json = Writer::new(id.len() + text.len() + EDITED.len());
        json.text(MESSAGE_ID, id);
        json.text(TEXT, &format!("{EDITED}{text}"));
        json.maybe(EDITED_ID, of);
        json.finish()
    };
    let json = written(&plain(body));
    if json.len() > SHOWN_BYTES { written(TOO_LONG) } else { json }
}

/// What a body says in words.
fn plain(body: &Body) -> Cow<'_, str> {
    if !body.is_readable() {
        return SEALED.into();
    }
    let Ok(text) = core::str::from_utf8(&body.bytes) else { return UNREADABLE.into() };
    if let Some(content) = content::of(body) {
        return content.shown().into();
    }
    match Object::parse(text).filter(|_| body.form != Form::Text) {
        Some(object) => object.text(TEXT).unwrap_or_default().into(),
        None => text.into(),
    }
}

fn wrapped(id: &str, text: &str) -> String {
    let mut json = Writer::new(id.len() + text.len());
    json.text(MESSAGE_ID, id);
    json.text(TEXT, text);
    json.finish()
}

/// What receivers of a recorded talk are told.
pub(super) fn talk_info(id: &str, duration_ms: u32) -> String {
    let mut json = Writer::new(id.len() + 16);
    json.text(MESSAGE_ID, id);
    json.raw("duration", &duration_ms.to_string());
    json.finish()
}

/// The message id of a frame, wherever it carries it.
pub(super) fn message_id(frame: &Frame) -> Option<String> {
    let inside = frame.payload().as_bytes().and_then(Object::parse_bytes);
    match (frame.message_id(), inside) {
        (Some(id), _) => Some(id.to_owned()),
        (None, inside) => inside?.text(MESSAGE_ID),
    }
}

/// The body a server delivered: [`shown`], undone as far as that is possible.
pub(super) fn delivered(kind: BodyKind, frame: &Frame) -> Option<Body> {
    let body = |form, bytes| Some(Body { kind, form, bytes, seal: None });
    let payload = frame.payload();
    if let (Some(_), Value::Bin(bytes)) = (frame.message_id(), payload) {
        return body(Form::Opaque, frame.share(bytes));
    }
    let json = payload.as_str()?;
    let object = Object::parse(json)?;
    match object.text(TEXT).filter(|_| object.len() == 2) {
        Some(text) => {
            let unquoted = if kind == BodyKind::Interactive { unquoted(&text) } else { None };
            match unquoted {
                Some(inner) => body(Form::Json, inner.into()),
                None => body(Form::Text, text.into()),
            }
        }
        None => {
            let mut rest = Writer::new(json.len());
            object.write_without(MESSAGE_ID, &mut rest);
            body(Form::Json, rest.finish().into())
        }
    }
}

/// The JSON object inside a JSON string.
fn unquoted(text: &str) -> Option<String> {
    serde_json::from_str::<String>(text).ok().filter(|inner| Object::parse(inner).is_some())
}

/// A draft's text as payload: inside JSON where the server would otherwise take it for the JSON of a client.
pub(super) fn draft_text(bytes: &Bytes) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok()?;
    Some(match Object::parse(text) {
        None => text.to_owned(),
        Some(_) => {
            let mut json = Writer::new(text.len());
            json.text(TEXT, text);
            json.finish()
        }
    })
}
