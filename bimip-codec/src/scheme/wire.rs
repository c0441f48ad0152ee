//! Protobuf from borrowed parts, for what a server writes all day.
//!
//! The generated structs own every text that they hold: a receipt of 32 messages would be built from 200 allocations,
//! to be written and dropped. The bytes here are the same as theirs, which the tests compare: fields in the order of
//! their tags, and nothing for what is zero or empty.

use core::fmt::{self, Write as _};

use bytes::{BufMut as _, BytesMut};

use crate::Frames;

/// Where fields go: into a buffer, or into a count of their bytes.
pub(super) trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Takes a number in groups of seven bits, the lowest first.
    fn varint(&mut self, value: u64);
}

impl Sink for BytesMut {
    fn put(&mut self, bytes: &[u8]) {
        self.put_slice(bytes);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.put_u8(0x80 | (value & 0x7f) as u8);
            value >>= 7;
        }
        self.put_u8((value & 0x7f) as u8);
    }
}

/// How many bytes fields have.
#[derive(Default)]
pub(super) struct Count(usize);

impl Count {
    /// The bytes so far.
    pub(super) const fn bytes(&self) -> usize {
        self.0
    }
}

impl Sink for Count {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    fn varint(&mut self, value: u64) {
        self.0 += match value {
            0 => 1,
            value => (value.ilog2() / 7 + 1) as usize,
        };
    }
}

/// Something made of fields.
pub(super) trait Fields {
    /// Writes them. Called twice for one frame: the length comes before them.
    fn write<S: Sink>(&self, to: &mut S);

    /// How many bytes they have.
    fn len(&self) -> usize {
        let mut count = Count::default();
        self.write(&mut count);
        count.bytes()
    }
}

fn key<S: Sink>(to: &mut S, tag: u32, wire_type: u32) {
    to.varint((tag << 3 | wire_type).into());
}

/// An unsigned number.
pub(super) fn uint<S: Sink>(to: &mut S, tag: u32, value: u64) {
    if value != 0 {
        key(to, tag, 0);
        to.varint(value);
    }
}

/// A signed number: of 32 bits too, it is written as if it had 64.
pub(super) fn int<S: Sink>(to: &mut S, tag: u32, value: impl Into<i64>) {
    uint(to, tag, value.into().cast_unsigned());
}

/// Bytes.
pub(super) fn bytes<S: Sink>(to: &mut S, tag: u32, value: &[u8]) {
    if !value.is_empty() {
        key(to, tag, 2);
        to.varint(value.len() as u64);
        to.put(value);
    }
}

/// A text.
pub(super) fn text<S: Sink>(to: &mut S, tag: u32, value: &str) {
    bytes(to, tag, value.as_bytes());
}

/// A message in a message, which is there even if it says nothing.
pub(super) fn nested<S: Sink>(to: &mut S, tag: u32, value: &impl Fields) {
    key(to, tag, 2);
    to.varint(value.len() as u64);
    value.write(to);
}

/// Adds a frame with these fields under its route.
pub(super) fn put(route: u32, payload: &impl Fields, out: &mut Frames) {
    let payload_bytes = payload.len();
    out.frame(HEADER_BYTES + payload_bytes, |to| {
        uint(to, 1, route.into());
        key(to, route, 2);
        to.varint(payload_bytes as u64);
        payload.write(to);
    });
}

/// What stands before a payload at most: two keys, a route and a length.
const HEADER_BYTES: usize = 16;

/// A number or an id as text, without an allocation: at most 20 characters.
#[derive(Default, Clone, Copy)]
pub(super) struct Short {
    bytes: [u8; 20],
    len: usize,
}

impl Short {
    /// The text of a value whose text is that short.
    pub(super) fn of(value: impl fmt::Display) -> Self {
        let mut short = Self::default();
        let written = write!(short, "{value}");
        debug_assert!(written.is_ok(), "longer than 20 characters");
        short
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(u64);

    impl Fields for One {
        fn write<S: Sink>(&self, to: &mut S) {
            to.varint(self.0);
        }
    }

    #[test]
    fn numbers_have_the_length_that_is_counted() {
        let edges = (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit]).chain([u64::MAX]);
        for value in edges {
            let mut written = BytesMut::new();
            One(value).write(&mut written);
            assert_eq!(written.len(), One(value).len(), "{value}");
            let read = prost::encoding::decode_varint(&mut written);
            assert_eq!(read, Ok(value));
        }
    }

    #[test]
    fn the_longest_short_texts_fit() {
        assert_eq!(Short::of(u64::MAX).as_str(), u64::MAX.to_string());
        let id = bimip_proto::MessageId::new(u32::MAX, u64::MAX);
        assert_eq!(Short::of(id).as_str(), id.to_string());
    }
}
