//! A message as an object, and what it says.

use std::sync::OnceLock;

use bimip_proto::{
    Body, BodyKind, ConversationId, Device, DeviceName, Form, Head, Message, MessageId, Percent, Seal, Seq,
    limits,
};
use bytes::Bytes;
use data_encoding::BASE64;

use super::fields::{Value, fields};
use super::{time, words};
use crate::DecodeError;
use crate::json::{Object, Writer};

/// In the place of what a client of this dialect cannot read: EV-BODY-3.
pub(crate) const SEALED: &str = "[encrypted message]";
pub(crate) const UNREADABLE: &str = "[message in a form this client cannot show]";
pub(crate) const TOO_LONG: &str = "[message too long for this client]";
/// The key of the id inside JSON of push-to-talk clients, which names the message in that dialect only.
const MESSAGE_ID: &str = "message_id";
/// What stands around a body in an event, with the longest names.
pub(crate) const AROUND_BYTES: usize = 8 * 1024;

/// What was made of a message for the first reader.
#[derive(Debug, Default)]
pub(crate) struct Made(OnceLock<String>);

impl Made {
    /// The object of a message, made once.
    pub(super) fn get(&self, message: &Message) -> &str {
        self.0.get_or_init(|| object(message))
    }
}

/// EV-MSG-1: the object of a message.
pub(super) fn object(message: &Message) -> String {
    let mut to = Writer::new(message.body.bytes.len() + 384);
    write(&mut to, message);
    to.finish()
}

/// EV-MSG-1: the fields of a message.
pub(crate) fn write(to: &mut Writer, message: &Message) {
    let Message { head, body } = message;
    to.text("id", &head.id.to_string());
    to.text("conversation_id", &head.conversation().to_string());
    to.number("seq", head.seq.0);
    to.text("sender_user_id", head.from.user.as_str());
    to.text("sender_device_id", head.from.name.as_str());
    to.maybe("client_id", head.client_ref.as_ref().map(|id| id.as_str()));
    if let Some(at) = head.client_time {
        to.raw("client_time", &time::written(at));
    }
    to.text("message_type", words::of_kind(head.kind));
    write_body(to, body, Some(head));
    to.text("status", "sent");
    to.raw("created_at", &time::written(head.at));
}

/// EV-BODY-1 to 3: what a body says. `content` is there always, for whoever only shows text.
pub(crate) fn write_body(to: &mut Writer, body: &Body, head: Option<&Head>) {
    if !fits(body) {
        return to.text("content", TOO_LONG);
    }
    match (body.kind, body.is_readable().then(|| core::str::from_utf8(&body.bytes))) {
        (BodyKind::Voice { duration_ms }, Some(_)) => {
            to.text("content", "");
            to.number("duration_ms", duration_ms);
            if let Some(head) = head.filter(|_| body.sound().is_some()) {
                to.text("url", &sound_url(head));
            }
        }
        (_, Some(Ok(text))) => write_text(to, body, text),
        (_, readable) => {
            to.text("content", if readable.is_some() { UNREADABLE } else { SEALED });
            to.text("payload", &BASE64.encode(&body.bytes));
        }
    }
    if let Some(Seal { encryption_type, encrypted, signature }) = &body.seal {
        to.object("encryption", |to| {
            to.text("type", encryption_type);
            to.text("encrypted", encrypted);
            to.text("signature", signature);
        });
    }
}

/// Where the sound of a recorded talk is fetched (VP-FILE-1).
pub(crate) fn sound_url(head: &Head) -> String {
    format!("/files/audio/{}", Percent(&head.alias().to_string()))
}

fn write_text(to: &mut Writer, body: &Body, text: &str) {
    let form = body.form;
    let shown = crate::content::of(body).map_or_else(String::new, |it| it.shown());
    if let (Form::Content, Some(object)) = (form, Object::parse(text)) {
        to.text("content", &shown);
        return to.raw("body", object.as_str());
    }
    // What was sent as text is text, whatever it looks like.
    match Object::parse(text).filter(|_| form != Form::Text) {
        None => to.text("content", text),
        Some(object) => {
            to.text("content", &object.text("text").unwrap_or_default());
            if object.raw(MESSAGE_ID).is_some() {
                let mut without = Writer::new(text.len());
                object.write_without(MESSAGE_ID, &mut without);
                to.raw("data", &without.finish());
            } else {
                to.raw("data", object.as_str());
            }
        }
    }
}

/// Whether an event with it is no longer than a frame. A text may grow by what is escaped, and bytes grow by a third.
fn fits(body: &Body) -> bool {
    let bytes = match core::str::from_utf8(&body.bytes) {
        // An object stands there as it is, and its text beside it.
        Ok(text) if body.is_readable() => {
            let grown = crate::json::string_bytes(text);
            if body.form == Form::Text { grown } else { grown + text.len() }
        }
        _ => body.bytes.len().div_ceil(3) * 4,
    };
    let seal = body.seal.as_ref().map_or(0, |seal| {
        [&seal.encryption_type, &seal.encrypted, &seal.signature]
            .map(|text| crate::json::string_bytes(text))
            .iter()
            .sum()
    });
    bytes + seal + AROUND_BYTES <= limits::FRAME_BYTES
}

/// EV-SEND-2: what a client says: one of `content`, `body`, `data` and `payload`. What only has content must show it
/// (EV-KIND-1), or be sealed.
pub(crate) fn read_body(object: Object<'_>, origin: u32, kind: BodyKind) -> Result<Body, DecodeError> {
    let [inside] = fields(object, origin, ["body"]);
    let body = told_body(object, origin, kind)?;
    match body.form {
        Form::Content if body.is_readable() => {
            let checked = crate::content::read(&body.bytes, kind);
            checked.map_err(|it| DecodeError::Field { origin, field: it.field })?;
        }
        Form::Content => {}
        _ if shows(kind) => return Err(inside.wrong()),
        _ => {}
    }
    Ok(body)
}

/// As [`read_body`], where a server tells it: it was checked when it was accepted, and what is deleted says nothing.
pub(super) fn told_body(object: Object<'_>, origin: u32, kind: BodyKind) -> Result<Body, DecodeError> {
    let [content, data, inside, payload, encryption] =
        fields(object, origin, ["content", "data", "body", "payload", "encryption"]);
    let seal = encryption.object()?.map(|it| read_seal(it, origin)).transpose()?;
    let sealed = seal.as_ref().is_some_and(|seal| !seal.is_open());
    let (form, bytes) = if payload.is_there() {
        (if shows(kind) && sealed { Form::Content } else { Form::Opaque }, read_payload(payload)?)
    } else if let Some(inside) = inside.object()? {
        // What is sealed is the same bytes, however it is said.
        let form = if sealed && !shows(kind) { Form::Opaque } else { Form::Content };
        (form, Bytes::copy_from_slice(inside.as_str().as_bytes()))
    } else if let Some(data) = data.object()? {
        (Form::Json, Bytes::copy_from_slice(data.as_str().as_bytes()))
    } else {
        (Form::Text, content.some_text()?.into())
    };
    let beside =
        seal.as_ref().map_or(0, |it| it.encryption_type.len() + it.encrypted.len() + it.signature.len());
    let len_bytes = bytes.len() + beside;
    if len_bytes > limits::BODY_BYTES {
        return Err(DecodeError::TooLong { len_bytes, max_bytes: limits::BODY_BYTES });
    }
    Ok(Body { kind, form, bytes, seal })
}

/// Whether a message of this kind is its content, and nothing else.
fn shows(kind: BodyKind) -> bool {
    BodyKind::WITH_CONTENT.contains(&kind) && !matches!(kind, BodyKind::Text | BodyKind::Image)
}

/// Bytes in Base64.
pub(crate) fn read_payload(payload: Value<'_>) -> Result<Bytes, DecodeError> {
    let text = payload.some_text()?;
    BASE64.decode(text.as_bytes()).map(Into::into).map_err(|_| payload.wrong())
}

fn read_seal(object: Object<'_>, origin: u32) -> Result<Seal, DecodeError> {
    let [kind, encrypted, signature] = fields(object, origin, ["type", "encrypted", "signature"]);
    Ok(Seal {
        encryption_type: kind.text()?.unwrap_or_default(),
        encrypted: encrypted.text()?.unwrap_or_default(),
        signature: signature.text()?.unwrap_or_default(),
    })
}

/// At a client's end.
pub(super) fn read(object: Object<'_>, origin: u32) -> Result<Message, DecodeError> {
    let [id, conversation, seq, user, name, client_ref, client_time, kind, at, duration] = fields(
        object,
        origin,
        [
            "id",
            "conversation_id",
            "seq",
            "sender_user_id",
            "sender_device_id",
            "client_id",
            "client_time",
            "message_type",
            "created_at",
            "duration_ms",
        ],
    );
    let from = Device::new(
        user.some_user()?,
        name.device_name()?.map_or_else(unnamed, Ok).map_err(|_| name.wrong())?,
    );
    let place: ConversationId = conversation.some_word(|text| text.parse().ok())?;
    let to = place.to_of(&from.user).ok_or_else(|| conversation.wrong())?;
    let kind = kind.some_word(|word| match word {
        "voice" => Some(BodyKind::Voice { duration_ms: 0 }),
        word => words::kind(word).or(Some(BodyKind::Text)),
    })?;
    let body = match kind {
        BodyKind::Voice { .. } => Body::voice(duration.small()?, None),
        kind => told_body(object, origin, kind)?,
    };
    let at = at.some_time()?;
    let head = Head {
        id: id.message_id()?.unwrap_or(MessageId::NONE),
        from,
        to,
        client_ref: client_ref.client_ref()?,
        client_time: client_time.time()?,
        at,
        stamp: at,
        seq: Seq(seq.number()?.unwrap_or_default()),
        kind: body.kind,
    };
    Ok(Message { head, body })
}

fn unnamed() -> Result<DeviceName, bimip_proto::IdError> {
    DeviceName::new("unknown")
}
