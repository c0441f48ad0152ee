//! What a message is, where that is said.

use bimip_proto::{Body, BodyKind, Form, Seal};
use bytes::Bytes;

use super::frame::Fields;
use super::numbers::{self, FORM, TALK};
use crate::{DecodeError, content};

/// BM-KIND-1: the body that a client says, with the number of its kind. Without one nothing is looked at.
pub(super) fn said(
    fields: Fields,
    number: i32,
    bytes: Bytes,
    seal: Option<Seal>,
) -> Result<Body, DecodeError> {
    if number == 0 {
        return Ok(Body { kind: BodyKind::Text, form: Form::Opaque, bytes, seal });
    }
    let kind = numbers::content_kind(number).ok_or_else(|| fields.wrong("kind"))?;
    let body = Body { kind, form: Form::Content, bytes, seal };
    if body.is_readable() {
        content::read(&body.bytes, kind).map_err(|error| fields.wrong(error.field))?;
    }
    Ok(body)
}

/// BM-KIND-2: the body that a server tells. A number of a newer server is one that says nothing.
pub(super) fn told(number: i32, bytes: Bytes, seal: Option<Seal>) -> Body {
    let (kind, form) = match number {
        // The length stands in the payload, which is the server's own.
        TALK => (BodyKind::Text, Form::Opaque),
        FORM => (BodyKind::Interactive, Form::Opaque),
        _ => {
            numbers::content_kind(number).map_or((BodyKind::Text, Form::Opaque), |kind| (kind, Form::Content))
        }
    };
    Body { kind, form, bytes, seal }
}
