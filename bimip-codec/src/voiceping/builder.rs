//! Writing a frame.

use bimip_proto::Channel;
use bytes::{BufMut, Bytes, BytesMut};

use super::frame::Frame;
use super::id::IdText;
use super::kind::Kind;
use super::msgpack;
use super::value::Value;

/// A frame to be written: six elements exactly when it has a message id, five when it has a payload, four when
/// it has a target, else three.
///
/// ```
/// use bimip_codec::voiceping::{FrameBuilder, IdText, Kind, Value};
/// use bimip_proto::Channel;
///
/// let frame = FrameBuilder::new(Channel::Private, Kind::Text, IdText::Text("alice"))
///     .to(IdText::Text("bob"))
///     .payload(Value::Str("hello"))
///     .build();
/// assert_eq!(&frame[..], b"\x95\x01\x11\xa5alice\xa3bob\xa5hello");
/// ```
#[derive(Debug, Clone, Copy)]
#[must_use]
pub struct FrameBuilder<'a> {
    channel: Channel,
    kind: Kind,
    from: IdText<'a>,
    to: Option<IdText<'a>>,
    message_id: Option<&'a str>,
    payload: Option<Payload<'a>>,
}

#[derive(Debug, Clone, Copy)]
enum Payload<'a> {
    Typed(Value<'a>),
    /// One checked value, as it came.
    Raw(&'a [u8]),
}

impl<'a> FrameBuilder<'a> {
    /// Three elements.
    pub const fn new(channel: Channel, kind: Kind, from: IdText<'a>) -> Self {
        Self { channel, kind, from, to: None, message_id: None, payload: None }
    }

    /// Sets the target.
    pub const fn to(mut self, to: IdText<'a>) -> Self {
        self.to = Some(to);
        self
    }

    /// Sets the message id; an empty one is none.
    pub const fn message_id(mut self, id: &'a str) -> Self {
        self.message_id = if id.is_empty() { None } else { Some(id) };
        self
    }

    /// Sets the payload.
    pub const fn payload(mut self, payload: Value<'a>) -> Self {
        self.payload = Some(Payload::Typed(payload));
        self
    }

    /// Sets the payload to one value as it was read; nil when `raw` is empty.
    pub(super) const fn relayed(mut self, raw: &'a [u8]) -> Self {
        self.payload = Some(if raw.is_empty() { Payload::Typed(Value::Nil) } else { Payload::Raw(raw) });
        self
    }

    /// Writes the frame behind what `to` holds.
    pub fn write(&self, to: &mut BytesMut) {
        let elements = match (self.message_id, self.payload, self.to) {
            (Some(_), _, _) => 6,
            (None, Some(_), _) => 5,
            (None, None, Some(_)) => 4,
            (None, None, None) => 3,
        };
        let channel = match self.channel {
            Channel::Group => 0,
            Channel::Private => 1,
        };
        match u8::try_from(self.kind.number()) {
            // Every kind there is.
            Ok(kind @ ..=0x7f) => to.put_slice(&[0x90 | elements, channel, kind]),
            _ => {
                to.put_slice(&[0x90 | elements, channel]);
                msgpack::put_uint(to, self.kind.number().into());
            }
        }
        put_id(to, self.from);
        if elements > 3 {
            put_id(to, self.to.unwrap_or(IdText::Number(0)));
        }
        if let Some(id) = self.message_id {
            msgpack::put_str(to, id);
        }
        if elements > 4 {
            match self.payload {
                Some(Payload::Raw(raw)) => to.put_slice(raw),
                Some(Payload::Typed(value)) => value.put(to),
                None => Value::Nil.put(to),
            }
        }
    }

    /// The frame in memory of its own.
    #[must_use]
    pub fn build(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.expected_bytes());
        self.write(&mut bytes);
        bytes.freeze()
    }

    /// About how long the frame gets, and never much less.
    pub(super) fn expected_bytes(&self) -> usize {
        let id = |id: IdText<'_>| match id {
            IdText::Text(text) => text.len(),
            IdText::Number(_) => 5,
        };
        let payload = match self.payload {
            Some(Payload::Raw(raw)) => raw.len(),
            Some(Payload::Typed(value)) => value.as_bytes().map_or(16, <[u8]>::len),
            None => 0,
        };
        32 + id(self.from) + self.to.map_or(0, id) + self.message_id.map_or(0, str::len) + payload
    }
}

impl Frame {
    /// The same frame, to be written again or with changes.
    pub fn to_builder(&self) -> FrameBuilder<'_> {
        let mut builder = FrameBuilder::new(self.channel(), self.kind(), self.from());
        builder.to = self.to();
        builder.message_id = self.message_id();
        if self.has_payload() {
            builder.payload = Some(Payload::Typed(self.payload()));
        }
        builder
    }
}

fn put_id(to: &mut BytesMut, id: IdText<'_>) {
    match id {
        IdText::Text(text) => msgpack::put_str(to, text),
        IdText::Number(number) => msgpack::put_uint(to, number.into()),
    }
}
