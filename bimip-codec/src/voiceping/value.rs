//! The payload of a frame, typed.

use core::fmt::Write;

use bytes::{BufMut, BytesMut};

use super::msgpack::{self, Token};
use crate::json::push_string;

/// One value of a frame, read in place.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Nil, `undefined` of the clients' JavaScript encoder, or no payload at all.
    Nil,
    /// True or false.
    Bool(bool),
    /// An integer that is not negative.
    Uint(u64),
    /// A negative integer.
    Int(i64),
    /// A number with a point. Single precision is widened.
    Float(f64),
    /// Text.
    Str(&'a str),
    /// Bytes.
    Bin(&'a [u8]),
    /// Milliseconds since the Unix epoch.
    Date(i64),
    /// A list.
    Array(Items<'a>),
    /// Keys and values, taking turns.
    Map(Items<'a>),
}

/// The values inside a list or a map, read in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Items<'a> {
    raw: &'a [u8],
    left: u64,
}

impl<'a> Items<'a> {
    fn raw(&self) -> &'a [u8] {
        self.raw
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        self.left = self.left.checked_sub(1)?;
        let end = msgpack::skip(self.raw, 0).ok()?;
        let (one, rest) = self.raw.split_at_checked(end)?;
        self.raw = rest;
        Some(Value::read(one))
    }
}

impl<'a> Value<'a> {
    /// Reads exactly one value that has been checked before; [`Nil`](Self::Nil) where it has not.
    pub(super) fn read(raw: &'a [u8]) -> Self {
        let Ok((token, at)) = msgpack::token(raw, 0) else { return Self::Nil };
        let rest = raw.get(at..).unwrap_or_default();
        match token {
            Token::Nil | Token::Undefined => Self::Nil,
            Token::Bool(value) => Self::Bool(value),
            Token::Uint(value) => Self::Uint(value),
            Token::Int(value) => Self::Int(value),
            Token::Float(value) => Self::Float(value),
            Token::Str(_) => core::str::from_utf8(rest).map_or(Self::Nil, Self::Str),
            Token::Bin(_) => Self::Bin(rest),
            Token::Date(value) => Self::Date(value),
            Token::Array(count) => Self::Array(Items { raw: rest, left: count.into() }),
            Token::Map(count) => Self::Map(Items { raw: rest, left: 2 * u64::from(count) }),
        }
    }

    /// The text, if it is one.
    #[must_use]
    pub const fn as_str(&self) -> Option<&'a str> {
        match *self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes of a text or of bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Str(text) => Some(text.as_bytes()),
            Self::Bin(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Whether clients of the field take it for "nothing": nil, false, zero, the empty string.
    pub(super) fn is_falsy(&self) -> bool {
        match *self {
            Self::Nil | Self::Bool(false) | Self::Uint(0) => true,
            Self::Float(value) => value == 0.0 || value.is_nan(),
            Self::Str(text) => text.is_empty(),
            _ => false,
        }
    }

    /// The value as a text of its own: numbers in decimal, structures as JSON, bytes as far as they are UTF-8.
    pub(super) fn to_text(self) -> String {
        match self {
            Self::Str(text) => text.to_owned(),
            Self::Bin(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => {
                let mut text = String::new();
                other.write_json(&mut text);
                text
            }
        }
    }

    /// The value as JSON, if JSON has words for it: bytes it has not, and keys only if they are texts or
    /// integers.
    pub(super) fn to_json(self) -> Option<String> {
        let mut text = String::new();
        self.write_json(&mut text).then_some(text)
    }

    /// Recursion is bounded: a checked value nests at most [`DEPTH`](bimip_proto::limits::DEPTH) deep.
    fn write_json(self, to: &mut String) -> bool {
        match self {
            Self::Nil => to.push_str("null"),
            Self::Bool(value) => to.push_str(if value { "true" } else { "false" }),
            Self::Uint(value) => return write!(to, "{value}").is_ok(),
            Self::Int(value) | Self::Date(value) => return write!(to, "{value}").is_ok(),
            Self::Float(value) if value.is_finite() => return write!(to, "{value}").is_ok(),
            Self::Float(_) => to.push_str("null"),
            Self::Str(text) => push_string(to, text),
            Self::Bin(_) => return false,
            Self::Array(items) => {
                to.push('[');
                for (index, item) in items.enumerate() {
                    if index > 0 {
                        to.push(',');
                    }
                    if !item.write_json(to) {
                        return false;
                    }
                }
                to.push(']');
            }
            Self::Map(mut items) => {
                to.push('{');
                let mut first = true;
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    if !core::mem::take(&mut first) {
                        to.push(',');
                    }
                    match key {
                        Self::Str(text) => push_string(to, text),
                        Self::Uint(_) | Self::Int(_) => push_string(to, &key.to_text()),
                        _ => return false,
                    }
                    to.push(':');
                    if !value.write_json(to) {
                        return false;
                    }
                }
                to.push('}');
            }
        }
        true
    }

    /// Writes it, every integer and length in its smallest form.
    pub(super) fn put(&self, to: &mut BytesMut) {
        let structure = |to: &mut BytesMut, small: u8, wide: u8, count: u64| match count {
            0..=15 => to.put_u8(small | u8::try_from(count).unwrap_or_default()),
            16..=0xffff => {
                to.put_u8(wide);
                to.put_u16(u16::try_from(count).unwrap_or_default());
            }
            _ => {
                to.put_u8(wide + 1);
                to.put_u32(u32::try_from(count).unwrap_or_default());
            }
        };
        match *self {
            Self::Nil => to.put_u8(0xc0),
            Self::Bool(value) => to.put_u8(if value { 0xc3 } else { 0xc2 }),
            Self::Uint(value) => msgpack::put_uint(to, value),
            Self::Int(value) => msgpack::put_int(to, value),
            Self::Float(value) => {
                to.put_u8(0xcb);
                to.put_f64(value);
            }
            Self::Str(text) => msgpack::put_str(to, text),
            Self::Bin(bytes) => msgpack::put_bin(to, bytes),
            Self::Date(value) => {
                to.put_slice(&[0xd7, 0]);
                to.put_i64(value);
            }
            Self::Array(items) => {
                structure(to, 0x90, 0xdc, items.left);
                to.put_slice(items.raw());
            }
            Self::Map(items) => {
                structure(to, 0x80, 0xde, items.left / 2);
                to.put_slice(items.raw());
            }
        }
    }
}
