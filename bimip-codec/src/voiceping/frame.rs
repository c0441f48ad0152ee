//! One frame: an array of three to six elements, cut into spans.

use core::ops::Range;

use bimip_proto::{Channel, limits};
use bytes::Bytes;

use super::id::{self, IdText};
use super::kind::Kind;
use super::msgpack::{self, Broken, Token};
use super::value::Value;
use crate::DecodeError;

/// A place in the frame. Frames are below 4 GiB by far.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: u32,
    len: u32,
}

#[derive(Debug, Clone, Copy)]
enum Id {
    Text(Span),
    Number(u32),
    /// Nil, or not there.
    Nobody,
}

/// A checked frame: spans into one [`Bytes`], nothing copied, nothing allocated.
///
/// | elements | slots |
/// |---|---|
/// | 3 | channel, kind, from |
/// | 4 | channel, kind, from, to |
/// | 5 | channel, kind, from, to, payload |
/// | 6 | channel, kind, from, to, message id, payload |
///
/// ```
/// use bimip_codec::voiceping::{Frame, Kind};
///
/// let frame = Frame::decode(bytes::Bytes::from_static(b"\x95\x01\x11\xa5alice\xa3bob\xa5hello"))?;
/// assert_eq!(frame.kind(), Kind::Text);
/// assert_eq!(frame.from().to_string(), "alice");
/// assert_eq!(frame.payload().as_str(), Some("hello"));
/// # Ok::<(), bimip_codec::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Frame {
    bytes: Bytes,
    channel: Channel,
    kind: Kind,
    from: Id,
    to: Id,
    message_id: Option<Span>,
    /// The whole value with its header; empty when there is none.
    payload: Span,
}

const fn malformed(at: &'static str) -> DecodeError {
    DecodeError::Malformed { at }
}

impl Frame {
    /// Checks a frame and takes it.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] over [`WALKIE_FRAME_BYTES`](limits::WALKIE_FRAME_BYTES), else
    /// [`DecodeError::Malformed`] with the slot that could not be read. A kind that the dialect does not have
    /// is no error here: the frame is one, and its [`kind`](Self::kind) says so.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let (len_bytes, max_bytes) = (bytes.len(), limits::WALKIE_FRAME_BYTES);
        if len_bytes > max_bytes {
            return Err(DecodeError::TooLong { len_bytes, max_bytes });
        }
        let raw: &[u8] = &bytes;
        let (count, at) = match msgpack::token(raw, 0) {
            Ok((Token::Array(count @ 3..=6), at)) => (count, at),
            Ok((Token::Array(_), _)) => return Err(malformed("element count")),
            _ => return Err(malformed("array header")),
        };
        let (channel, at) = match msgpack::token(raw, at) {
            Ok((Token::Uint(0), at)) => (Channel::Group, at),
            Ok((Token::Uint(1), at)) => (Channel::Private, at),
            _ => return Err(malformed("channel")),
        };
        let (kind, at) = match msgpack::token(raw, at) {
            Ok((Token::Uint(number), at)) => (Kind::from_number(number.try_into().unwrap_or(u32::MAX)), at),
            Ok((Token::Int(_), at)) => (Kind::Other(u32::MAX), at),
            _ => return Err(malformed("kind")),
        };
        let (from, at) = read_from(raw, at, kind).map_err(|Broken| malformed("from"))?;
        let (to, at) = match count {
            3 => (Id::Nobody, at),
            _ => read_id(raw, at).map_err(|Broken| malformed("to"))?,
        };
        if matches!(to, Id::Nobody | Id::Number(0)) && !kind.targetless() {
            return Err(malformed("to"));
        }
        let (message_id, at) = match count {
            6 => read_message_id(raw, at).map_err(|Broken| malformed("message id"))?,
            _ => (None, at),
        };
        let end = match count {
            3 | 4 => at,
            _ => msgpack::skip(raw, at).map_err(|Broken| malformed("payload"))?,
        };
        if end != raw.len() {
            return Err(malformed("end of frame"));
        }
        let payload = span(at, end - at).map_err(|Broken| malformed("payload"))?;
        Ok(Self { channel, kind, from, to, message_id, payload, bytes })
    }

    /// Group or private.
    #[must_use]
    pub const fn channel(&self) -> Channel {
        self.channel
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whom it claims to be from; number 0 in a join or leave that names nobody there.
    #[must_use]
    pub fn from(&self) -> IdText<'_> {
        self.id(self.from).unwrap_or(IdText::Number(0))
    }

    /// Whom it is to; `None` for nil and for frames without the slot.
    #[must_use]
    pub fn to(&self) -> Option<IdText<'_>> {
        self.id(self.to)
    }

    /// The message id of a frame of six elements, if it is not empty.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.map(|span| self.text(span))
    }

    /// The payload, typed; [`Value::Nil`] when there is none.
    #[must_use]
    pub fn payload(&self) -> Value<'_> {
        Value::read(&self.bytes[range(self.payload)])
    }

    /// Whether the frame has the payload slot at all.
    #[must_use]
    pub const fn has_payload(&self) -> bool {
        self.payload.len > 0
    }

    /// The payload as it is on the wire, header included; empty when there is none. Shares the frame's memory.
    #[must_use]
    pub fn payload_raw(&self) -> Bytes {
        self.bytes.slice(range(self.payload))
    }

    /// Whether the frame names anybody by number. 0 is nobody, so it says nothing about the client.
    pub(super) const fn speaks_numbers(&self) -> bool {
        matches!(self.from, Id::Number(1..)) || matches!(self.to, Id::Number(1..))
    }

    /// A part of this frame's memory as bytes of their own, sharing it.
    pub(super) fn share(&self, part: &[u8]) -> Bytes {
        // An empty part may point anywhere, and sharing nothing is free.
        if part.is_empty() { Bytes::new() } else { self.bytes.slice_ref(part) }
    }

    fn id(&self, id: Id) -> Option<IdText<'_>> {
        match id {
            Id::Text(span) => Some(IdText::Text(self.text(span))),
            Id::Number(number) => Some(IdText::Number(number)),
            Id::Nobody => None,
        }
    }

    fn text(&self, span: Span) -> &str {
        core::str::from_utf8(&self.bytes[range(span)]).unwrap_or_default()
    }
}

const fn range(span: Span) -> Range<usize> {
    // Lossless: spans are made from usize, and usize has 32 bits at least wherever this builds.
    span.start as usize..span.start as usize + span.len as usize
}

fn span(start: usize, len: usize) -> Result<Span, Broken> {
    Ok(Span {
        start: u32::try_from(start).map_err(|_| Broken)?,
        len: u32::try_from(len).map_err(|_| Broken)?,
    })
}

#[inline]
fn read_text(raw: &[u8], at: usize, len: usize) -> Result<(Span, usize), Broken> {
    let text = msgpack::content(raw, at, len)?;
    core::str::from_utf8(text).map_err(|_| Broken)?;
    Ok((span(at, len)?, at + len))
}

#[inline]
fn read_id(raw: &[u8], at: usize) -> Result<(Id, usize), Broken> {
    Ok(match msgpack::token(raw, at)? {
        (Token::Str(len), at) => {
            let (span, at) = read_text(raw, at, len)?;
            (Id::Text(span), at)
        }
        (Token::Uint(value), at) => (Id::Number(id::number(value).ok_or(Broken)?), at),
        (Token::Nil | Token::Undefined, at) => (Id::Nobody, at),
        _ => return Err(Broken),
    })
}

/// VP-GROUP-1: where nobody looks at the sender, any value will do.
fn read_from(raw: &[u8], at: usize, kind: Kind) -> Result<(Id, usize), Broken> {
    match read_id(raw, at) {
        Ok((Id::Nobody, _)) | Err(Broken) if kind.senderless() => Ok((Id::Nobody, msgpack::skip(raw, at)?)),
        Ok((Id::Nobody, _)) => Err(Broken),
        read => read,
    }
}

fn read_message_id(raw: &[u8], at: usize) -> Result<(Option<Span>, usize), Broken> {
    Ok(match msgpack::token(raw, at)? {
        (Token::Str(0) | Token::Nil | Token::Undefined, at) => (None, at),
        (Token::Str(len), at) => {
            let (span, at) = read_text(raw, at, len)?;
            (Some(span), at)
        }
        _ => return Err(Broken),
    })
}
