//! Bodies of other dialects, as clients of this one expect them.

use bimip_proto::{Body, BodyKind, Form, Head, Percent, limits};
use bytes::Bytes;

use crate::json::{Object, Writer};

/// Shown instead of a text that grew over the limit of a frame by being put into JSON.
pub(super) const TOO_LONG: &str = "[message too long for this client]";

/// The key of the message id inside JSON of msgpack clients.
const MESSAGE_ID: &str = "message_id";

/// The payload of a body.
///
/// | body | payload |
/// |---|---|
/// | opaque, or encrypted | the bytes, untouched |
/// | text | `{"text": …}` |
/// | JSON of a msgpack client | the object without `message_id`, which names the message in that dialect only |
/// | a recorded talk | `{"kind": "voice", "duration_ms": …, "uri": …}`, without `uri` where no sound was kept |
/// | an inline image of a msgpack client | the bytes of the image |
/// | content of a kind that was said | the bytes, untouched |
///
/// Only what was accepted has a place where it can be fetched; a draft has no `head`.
pub(super) fn payload(body: &Body, head: Option<&Head>) -> Bytes {
    rewritten(body, head).unwrap_or_else(|| body.bytes.clone())
}

/// [`payload`] where it is not the bytes of the body as they are.
pub(super) fn rewritten(body: &Body, head: Option<&Head>) -> Option<Bytes> {
    if !body.is_readable() {
        return None;
    }
    if let BodyKind::Voice { duration_ms } = body.kind {
        let mut json = Writer::new(128);
        json.text("kind", "voice");
        json.raw("duration_ms", &duration_ms.to_string());
        if let Some(head) = head.filter(|_| body.sound().is_some()) {
            json.text("uri", &sound_uri(head));
        }
        return Some(json.finish().into());
    }
    let payload = match body.form {
        Form::Text => core::str::from_utf8(&body.bytes).ok().map(wrapped),
        Form::Json => without_id(&body.bytes),
        _ => None,
    };
    payload.map(|text| if text.len() > limits::BODY_BYTES { wrapped(TOO_LONG) } else { text }.into())
}

/// VP-FILE-1: where the sound of a talk is fetched, on the server that delivered it.
fn sound_uri(head: &Head) -> String {
    format!("/files/audio/{}", Percent(&head.alias().to_string()))
}

fn wrapped(text: &str) -> String {
    let mut json = Writer::new(text.len());
    json.text("text", text);
    json.finish()
}

/// The object without the id, if it has one; else it passes as it is.
fn without_id(bytes: &[u8]) -> Option<String> {
    let text = core::str::from_utf8(bytes).ok()?;
    // Few have, and whoever has it says so in letters or in escaped ones. A look is cheaper than to read it all.
    let escapes = bytes.contains(&b'\\') && text.contains("\\u");
    if !escapes && !text.contains(MESSAGE_ID) {
        return None;
    }
    let object = Object::parse(text)?;
    object.raw(MESSAGE_ID)?;
    let mut json = Writer::new(bytes.len());
    object.write_without(MESSAGE_ID, &mut json);
    Some(json.finish())
}
