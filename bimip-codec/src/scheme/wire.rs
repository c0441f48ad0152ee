//! Protobuf from borrowed parts, for what a server writes all day.
//!
//! The generated structs own every text that they hold: a receipt of 32 messages would be built from 200 allocations,
//! to be written and dropped. The bytes here are the same as theirs, which the tests compare: fields in the order of
//! their tags, and nothing for what is zero or empty.

use bimip_proto::MessageId;

use crate::Frames;

/// Where fields go: into a buffer, or into a count of their bytes.
pub(super) trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);

    /// Takes a number in groups of seven bits, the lowest first.
    fn varint(&mut self, value: u64);

    /// Takes fields with their length before them.
    fn nested(&mut self, value: &impl Fields);
}

/// Memory of exactly the size that was counted.
pub(super) struct Room<'a>(pub(super) &'a mut [u8]);

impl Sink for Room<'_> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        if let Some((here, rest)) = core::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            here.copy_from_slice(bytes);
            self.0 = rest;
        } else {
            debug_assert!(false, "more than was counted");
        }
    }

    #[inline]
    fn varint(&mut self, mut value: u64) {
        if value < 0x80 {
            return self.put(&[(value & 0x7f) as u8]);
        }
        let (mut bytes, mut len) = ([0; 10], 0);
        while value >= 0x80 {
            bytes[len] = 0x80 | (value & 0x7f) as u8;
            value >>= 7;
            len += 1;
        }
        bytes[len] = (value & 0x7f) as u8;
        self.put(&bytes[..=len]);
    }

    #[inline]
    fn nested(&mut self, value: &impl Fields) {
        self.varint(value.len() as u64);
        value.write(self);
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
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }

    #[inline]
    fn varint(&mut self, value: u64) {
        // One byte for each seven bits that are used, and one for none.
        self.0 += ((70 - (value | 1).leading_zeros()) / 7) as usize;
    }

    #[inline]
    fn nested(&mut self, value: &impl Fields) {
        let len = value.len();
        self.varint(len as u64);
        self.0 += len;
    }
}

/// Something made of fields.
pub(super) trait Fields {
    /// Writes them. Called at least twice for one frame: the length comes before them.
    fn write<S: Sink>(&self, to: &mut S);

    /// How many bytes they have.
    fn len(&self) -> usize {
        let mut count = Count::default();
        self.write(&mut count);
        count.bytes()
    }
}

#[inline]
fn key<S: Sink>(to: &mut S, tag: u32, wire_type: u32) {
    to.varint((tag << 3 | wire_type).into());
}

/// An unsigned number.
#[inline]
pub(super) fn uint<S: Sink>(to: &mut S, tag: u32, value: u64) {
    if value != 0 {
        key(to, tag, 0);
        to.varint(value);
    }
}

/// A signed number: of 32 bits too, it is written as if it had 64.
#[inline]
pub(super) fn int<S: Sink>(to: &mut S, tag: u32, value: impl Into<i64>) {
    uint(to, tag, value.into().cast_unsigned());
}

/// Bytes.
#[inline]
pub(super) fn bytes<S: Sink>(to: &mut S, tag: u32, value: &[u8]) {
    if !value.is_empty() {
        key(to, tag, 2);
        to.varint(value.len() as u64);
        to.put(value);
    }
}

/// A text.
#[inline]
pub(super) fn text<S: Sink>(to: &mut S, tag: u32, value: &str) {
    bytes(to, tag, value.as_bytes());
}

/// A message in a message, which is there even if it says nothing.
#[inline]
pub(super) fn nested<S: Sink>(to: &mut S, tag: u32, value: &impl Fields) {
    key(to, tag, 2);
    to.nested(value);
}

/// Adds a frame with these fields under its route.
pub(super) fn put(route: u32, payload: &impl Fields, out: &mut Frames) {
    let frame = Frame { route, payload, payload_bytes: payload.len() };
    out.filled(frame.len(), |room| frame.write(&mut Room(room)));
}

struct Frame<'a, T> {
    route: u32,
    payload: &'a T,
    payload_bytes: usize,
}

impl<T: Fields> Fields for Frame<'_, T> {
    fn write<S: Sink>(&self, to: &mut S) {
        self.header(to);
        self.payload.write(to);
    }

    fn len(&self) -> usize {
        let mut count = Count::default();
        self.header(&mut count);
        count.bytes() + self.payload_bytes
    }
}

impl<T> Frame<'_, T> {
    fn header<S: Sink>(&self, to: &mut S) {
        uint(to, 1, self.route.into());
        key(to, self.route, 2);
        to.varint(self.payload_bytes as u64);
    }
}

/// A number or an id as text, without an allocation: at most 20 characters.
#[derive(Clone, Copy)]
pub(super) struct Short {
    /// The text is at the end.
    bytes: [u8; 20],
    start: usize,
}

impl Short {
    /// A message id.
    pub(super) const fn id(id: MessageId) -> Self {
        Self { bytes: id.to_ascii(), start: 0 }
    }

    /// A number in decimal.
    pub(super) const fn decimal(mut number: u64) -> Self {
        let (mut bytes, mut start) = ([b'0'; 20], 20);
        loop {
            start -= 1;
            bytes[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Self { bytes, start };
            }
        }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[self.start..]).unwrap_or_default()
    }

    /// The text, as the bytes it is made of.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
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
            let mut written = vec![0; One(value).len()];
            let mut room = Room(&mut written);
            One(value).write(&mut room);
            assert!(room.0.is_empty(), "{value}");
            let read = prost::encoding::decode_varint(&mut written.as_slice());
            assert_eq!(read, Ok(value));
        }
    }

    #[test]
    fn short_texts_are_the_printed_ones() {
        for number in [0, 1, 9, 10, 99, 100, 1_763_652_000_123, u64::MAX - 1, u64::MAX] {
            assert_eq!(Short::decimal(number).as_str(), number.to_string());
        }
        for id in [MessageId::NONE, MessageId::new(1, 77), MessageId::new(u32::MAX, u64::MAX)] {
            assert_eq!(Short::id(id).as_str(), id.to_string());
        }
    }
}
