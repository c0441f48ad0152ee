//! The payload of a frame, typed.

use core::fmt::{self, Write};

use bytes::{BufMut, BytesMut};

use super::msgpack::{self, Token};
use crate::json::{push_string, string_bytes};

/// Below it nobody asks how much longer a structure gets as JSON.
const JSON_SPARE_BYTES: usize = 16 * 1024;

/// The longest number, and what stands around it.
const NUMBER_BYTES: usize = 40;

/// Why a value is not written as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotJson {
    /// JSON has no bytes, and only texts as keys.
    NoWord,
    /// It would be much longer than it is now.
    TooLong,
}

fn write_number(to: &mut String, value: impl fmt::Display) {
    let written = write!(to, "{value}");
    debug_assert!(written.is_ok(), "a string takes everything");
}

/// As the clients' JavaScript does: with an exponent where the digits would be zeros, which could be three hundred.
fn write_float(to: &mut String, value: f64) {
    let size = value.abs();
    if !value.is_finite() {
        to.push_str("null");
    } else if size >= 1e21 || (size < 1e-6 && size > 0.0) {
        write_number(to, format_args!("{value:e}"));
    } else {
        write_number(to, value);
    }
}

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

    /// The value as a text of its own: numbers in decimal, structures as JSON, bytes as far as they are UTF-8. Empty
    /// where the JSON would be too long.
    pub(super) fn to_text(self) -> String {
        match self {
            Self::Str(text) => text.to_owned(),
            Self::Bin(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => {
                let mut text = other.room();
                // What JSON has no word for ends the text early; what is too long is no text at all.
                if other.write_json(&mut text, other.json_bytes()) == Err(NotJson::TooLong) {
                    text.clear();
                }
                text
            }
        }
    }

    /// The value as JSON, if JSON has words for it: bytes it has not, and keys only if they are texts or
    /// integers. `None` also where it would be too long.
    pub(super) fn to_json(self) -> Option<String> {
        let mut text = self.room();
        self.write_json(&mut text, self.json_bytes()).ok()?;
        text.shrink_to_fit();
        Some(text)
    }

    /// Where the JSON of a value goes. Of a large one all that it may become, or doubling would make more of it.
    fn room(&self) -> String {
        match self {
            Self::Array(items) | Self::Map(items) if items.raw.len() > JSON_SPARE_BYTES => {
                String::with_capacity(self.json_bytes())
            }
            _ => String::new(),
        }
    }

    /// How long the JSON of a value may be: a list of small things becomes up to six times as long, and no frame shall
    /// take that much more memory than it has bytes.
    const fn json_bytes(&self) -> usize {
        match self {
            Self::Array(items) | Self::Map(items) => 2 * items.raw.len() + JSON_SPARE_BYTES,
            _ => usize::MAX,
        }
    }

    /// Stops at what JSON has no word for, and before `max_bytes`. Recursion is bounded: a checked value nests at most
    /// [`DEPTH`](bimip_proto::limits::DEPTH) deep.
    fn write_json(self, to: &mut String, max_bytes: usize) -> Result<(), NotJson> {
        match self {
            Self::Nil => to.push_str("null"),
            Self::Bool(value) => to.push_str(if value { "true" } else { "false" }),
            Self::Uint(value) => write_number(to, value),
            Self::Int(value) | Self::Date(value) => write_number(to, value),
            Self::Float(value) => write_float(to, value),
            Self::Str(text) => {
                // An escape is six bytes long.
                let worst = 6 * text.len() + 2;
                if worst > max_bytes.saturating_sub(to.len())
                    && string_bytes(text) > max_bytes.saturating_sub(to.len())
                {
                    return Err(NotJson::TooLong);
                }
                push_string(to, text);
            }
            Self::Bin(_) => return Err(NotJson::NoWord),
            Self::Array(items) => {
                to.push('[');
                for (index, item) in items.enumerate() {
                    if index > 0 {
                        to.push(',');
                    }
                    item.write_json(to, max_bytes)?;
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
                        Self::Str(_) => key.write_json(to, max_bytes)?,
                        Self::Uint(_) | Self::Int(_) => push_string(to, &key.to_text()),
                        _ => return Err(NotJson::NoWord),
                    }
                    to.push(':');
                    value.write_json(to, max_bytes)?;
                }
                to.push('}');
            }
        }
        // The longest thing without an end of its own, a number with what stands around it, still fits.
        if to.len() + NUMBER_BYTES <= max_bytes { Ok(()) } else { Err(NotJson::TooLong) }
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
