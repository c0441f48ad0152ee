//! Frames of bimip.v1 as the generator makes and reads them: made once and patched, read without an allocation.

use bimip_codec::scheme::v1::message_scheme::Payload;
use bimip_codec::scheme::v1::{Identity, Message, MessageScheme, Signal};
use prost::Message as _;

/// What a body weighs.
pub(super) const BODY_BYTES: usize = 150;
/// Digits of a number in a frame, in base 16.
const DIGITS: usize = 16;
const NUMBER: &[u8; DIGITS] = b"NNNNNNNNNNNNNNNN";
const STAMP: &[u8; DIGITS] = b"SSSSSSSSSSSSSSSS";
/// Where the stamp stands in a body; the number stands before it.
const NUMBER_AT: usize = 6;
const STAMP_AT: usize = 29;

/// A message that is sent again and again, with another number each time.
#[derive(Debug)]
pub(crate) struct Draft {
    frame: Vec<u8>,
    /// Where the numbers and the stamps stand.
    numbers: Vec<usize>,
    stamps: Vec<usize>,
}

impl Draft {
    pub(crate) fn new(from: &str, device: &str, to: &str) -> Self {
        Self::sized(from, device, to, BODY_BYTES)
    }

    /// With a body of so many bytes.
    pub(super) fn sized(from: &str, device: &str, to: &str, body_bytes: usize) -> Self {
        Self::of(Message { to: Some(identity(to, None)), ..message(from, device, body_bytes) })
    }

    /// To a group whose name is nothing but letters, digits and underscores.
    pub(super) fn to_group(from: &str, device: &str, group: &str) -> Self {
        Self::of(Message { conversation: format!("g:{group}"), ..message(from, device, BODY_BYTES) })
    }

    fn of(message: Message) -> Self {
        let frame = scheme(6, Payload::Message(message));
        let numbers = positions(&frame, NUMBER);
        let stamps = positions(&frame, STAMP);
        Self { frame, numbers, stamps }
    }

    /// The frame with this number and stamp.
    pub(crate) fn next(&mut self, number: u64, stamp: u64) -> &[u8] {
        for at in &self.numbers {
            write_hex(&mut self.frame[*at..at + DIGITS], number);
        }
        for at in &self.stamps {
            write_hex(&mut self.frame[*at..at + DIGITS], stamp);
        }
        &self.frame
    }

    /// Only the body.
    pub(crate) fn body(number: u64, stamp: u64) -> Vec<u8> {
        let mut body = template(BODY_BYTES);
        write_hex(&mut body[NUMBER_AT..NUMBER_AT + DIGITS], number);
        write_hex(&mut body[STAMP_AT..STAMP_AT + DIGITS], stamp);
        body
    }

    pub(super) const fn len(&self) -> usize {
        self.frame.len()
    }
}

/// A message to nobody yet.
fn message(from: &str, device: &str, body_bytes: usize) -> Message {
    Message {
        id: format!("m{}", String::from_utf8_lossy(NUMBER)),
        from: Some(identity(from, Some(device))),
        r#type: 1,
        timestamp: 1_763_652_000_000,
        payload: template(body_bytes).into(),
        encryption_type: "none".to_owned(),
        status: 1,
        ..Message::default()
    }
}

/// JSON, as apps send it.
fn template(bytes: usize) -> Vec<u8> {
    let mut body = br#"{"n":""#.to_vec();
    body.extend_from_slice(NUMBER);
    body.extend_from_slice(br#"","t":""#);
    body.extend_from_slice(STAMP);
    body.extend_from_slice(br#"","text":""#);
    body.resize(bytes - 2, b'x');
    body.extend_from_slice(br#""}"#);
    body
}

fn positions(frame: &[u8], mark: &[u8]) -> Vec<usize> {
    (0..frame.len()).filter(|at| frame[*at..].starts_with(mark)).collect()
}

pub(super) fn identity(user: &str, device: Option<&str>) -> Identity {
    Identity { eid: user.to_owned(), connection_resource_id: device.map(str::to_owned), node: None }
}

/// A frame of this route.
pub(crate) fn scheme(route: i64, payload: Payload) -> Vec<u8> {
    MessageScheme { route, payload: Some(payload) }.encode_to_vec()
}

/// "Everything up to here is stored."
pub(crate) fn dispose(offset: u64) -> Vec<u8> {
    let signal = Signal { user_offset: offset.to_string(), status: 2, r#type: 1, ..Signal::default() };
    scheme(7, Payload::Signal(signal))
}

// ---- reading ----------------------------------------------------------------------------------------------

/// What a frame of the server says, as far as the generator cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// This message is stored.
    Ack(u64),
    /// A message.
    Delivery { number: u64, stamp: u64, offset: u64 },
    /// A message of mine arrived. With the last of a row comes the row's offset.
    Receipt { offset: Option<u64> },
    /// Where I stand.
    Welcome,
    /// The server says no, with this code.
    Refused(u64),
    /// An answer that needs no answer.
    Other,
}

/// Reads a frame of the server. `None` when it is none.
pub(super) fn read(frame: &[u8]) -> Option<Heard> {
    for field in Fields(frame) {
        match field? {
            (6, Value::Bytes(message)) => return read_message(message),
            (7, Value::Bytes(signal)) => return read_signal(signal),
            (11 | 12, Value::Bytes(error)) => {
                let code = Fields(error).flatten().find(|(tag, _)| *tag == 1);
                return Some(Heard::Refused(code.map_or(0, |(_, code)| code.number())));
            }
            (16, _) => return Some(Heard::Welcome),
            _ => {}
        }
    }
    Some(Heard::Other)
}

fn read_message(message: &[u8]) -> Option<Heard> {
    let (mut body, mut offset) = (None, None);
    for field in Fields(message) {
        match field? {
            (7, Value::Bytes(payload)) => body = Some(payload),
            (13, Value::Bytes(text)) => offset = decimal(text),
            _ => {}
        }
    }
    let (number, stamp) = (read_hex(body?.get(NUMBER_AT..)?)?, read_hex(body?.get(STAMP_AT..)?)?);
    Some(Heard::Delivery { number, stamp, offset: offset? })
}

fn read_signal(signal: &[u8]) -> Option<Heard> {
    let (mut id, mut offset, mut status, mut kind, mut code) = (&[][..], None, 0, 0, 0);
    for field in Fields(signal) {
        match field? {
            (1, Value::Bytes(text)) => id = text,
            (3, Value::Bytes(text)) => offset = decimal(text),
            (4, Value::Number(number)) => status = number,
            (8, Value::Number(number)) => kind = number,
            (11, Value::Number(number)) => code = number,
            _ => {}
        }
    }
    Some(match (kind, status) {
        (2, 1) => Heard::Ack(read_hex(id.get(1..)?)?),
        (3, _) => Heard::Refused(code),
        (4, 2) => Heard::Receipt { offset },
        _ => Heard::Other,
    })
}

/// A field's value on the wire.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

impl Value<'_> {
    const fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            _ => 0,
        }
    }
}

/// The fields of a protobuf message; `None` where it is broken, and nothing after it.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.skip(8)?,
            2 => {
                let len = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(len)?;
                self.0 = rest;
                Value::Bytes(bytes)
            }
            5 => self.skip(4)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn skip(&mut self, len: usize) -> Option<Value<'a>> {
        self.0 = self.0.get(len..)?;
        Some(Value::Fixed)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

pub(super) fn write_hex(to: &mut [u8], number: u64) {
    for (digit, shift) in to.iter_mut().zip((0..64).step_by(4).rev()) {
        *digit = b"0123456789abcdef"[usize::try_from(number >> shift & 15).unwrap_or_default()];
    }
}

pub(super) fn read_hex(text: &[u8]) -> Option<u64> {
    let digit = |digit: u8| char::from(digit).to_digit(16);
    text.get(..DIGITS)?.iter().try_fold(0, |number, byte| Some(number << 4 | u64::from(digit(*byte)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_what_prost_reads() {
        let mut draft = Draft::new("ann", "phone", "bob");
        let (first, second) = (draft.next(1, 2).to_vec(), draft.next(0xabc, u64::MAX).to_vec());
        assert_eq!(first.len(), second.len());
        let scheme = MessageScheme::decode(&second[..]).unwrap();
        let Some(Payload::Message(message)) = scheme.payload else { panic!("{scheme:?}") };
        assert_eq!((message.id.as_str(), message.payload.len()), ("m0000000000000abc", BODY_BYTES));
        assert_eq!(message.payload, Draft::body(0xabc, u64::MAX));
        assert!(message.payload.starts_with(br#"{"n":"0000000000000abc","t":"ffffffffffffffff","text":"x"#));
    }

    #[test]
    fn what_the_server_says_is_read() {
        let message =
            Message { payload: Draft::body(7, 9).into(), user_offset: "12".to_owned(), ..Message::default() };
        let heard = |route, payload| read(&scheme(route, payload)).unwrap();
        let delivery = Heard::Delivery { number: 7, stamp: 9, offset: 12 };
        assert_eq!(heard(6, Payload::Message(message)), delivery);
        let signal = |r#type, status| Signal {
            id: "m000000000000000a".to_owned(),
            user_offset: "5".to_owned(),
            r#type,
            status,
            code: 429,
            ..Signal::default()
        };
        assert_eq!(heard(7, Payload::Signal(signal(2, 1))), Heard::Ack(10));
        assert_eq!(heard(7, Payload::Signal(signal(2, 2))), Heard::Other);
        assert_eq!(heard(7, Payload::Signal(signal(3, 1))), Heard::Refused(429));
        assert_eq!(heard(7, Payload::Signal(signal(4, 2))), Heard::Receipt { offset: Some(5) });
        assert_eq!(read(b"\x3a\xff"), None);
    }
}
