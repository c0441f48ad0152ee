//! The parts that records are made of.
//!
//! Numbers are big-endian and of fixed width. Lengths are LEB128: seven bits a byte, the lowest first, the top
//! bit set on all but the last, in the shortest form only, so that a record has one encoding.

use std::str;

/// The bytes are not a record that any version of this program wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Garbage;

/// Takes fields from the front of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'r>(&'r [u8]);

impl<'r> Fields<'r> {
    pub(super) const fn new(record: &'r [u8]) -> Self {
        Self(record)
    }

    /// Nothing may be left over: it would be something this program does not understand.
    pub(super) const fn end(self) -> Result<(), Garbage> {
        if self.0.is_empty() { Ok(()) } else { Err(Garbage) }
    }

    /// How much is left.
    pub(super) const fn left(self) -> usize {
        self.0.len()
    }

    /// So many bytes, whatever they are.
    pub(super) fn take(&mut self, length: usize) -> Result<&'r [u8], Garbage> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Garbage)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Garbage> {
        let (array, rest) = self.0.split_first_chunk::<N>().ok_or(Garbage)?;
        self.0 = rest;
        Ok(*array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Garbage> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Garbage> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Garbage> {
        self.array().map(u64::from_be_bytes)
    }

    /// A length, already checked against what is left.
    pub(super) fn length(&mut self) -> Result<usize, Garbage> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                let length = usize::try_from(value).map_err(|_| Garbage)?;
                return if shortest && length <= self.0.len() { Ok(length) } else { Err(Garbage) };
            }
        }
        Err(Garbage)
    }

    pub(super) fn bytes(&mut self) -> Result<&'r [u8], Garbage> {
        let length = self.length()?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<&'r str, Garbage> {
        str::from_utf8(self.bytes()?).map_err(|_| Garbage)
    }
}

/// Appends a length.
pub(super) fn put_length(record: &mut Vec<u8>, mut length: usize) {
    loop {
        let [low, ..] = length.to_le_bytes();
        length >>= 7;
        if length == 0 {
            return record.push(low & 0x7f);
        }
        record.push(low | 0x80);
    }
}

/// Appends bytes with their length before them.
pub(super) fn put_bytes(record: &mut Vec<u8>, bytes: &[u8]) {
    put_length(record, bytes.len());
    record.extend_from_slice(bytes);
}

/// Appends a number.
pub(super) fn put_u32(record: &mut Vec<u8>, number: u32) {
    record.extend_from_slice(&number.to_be_bytes());
}

/// Appends a number.
pub(super) fn put_u64(record: &mut Vec<u8>, number: u64) {
    record.extend_from_slice(&number.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_encoding() {
        for length in [0, 1, 127, 128, 300, 16_383, 16_384, 2_097_151, 2_097_152] {
            let mut record = Vec::new();
            put_length(&mut record, length);
            let written = record.len();
            record.resize(written + length, 0);
            let mut fields = Fields::new(&record);
            assert_eq!(fields.length(), Ok(length));
            assert_eq!(fields.0.len(), length);
            assert_eq!(Fields::new(&record[..record.len() - 1]).length().is_ok(), length == 0 && written > 1);
        }
        assert_eq!(Fields::new(&[0x80, 0]).length(), Err(Garbage), "a longer form of zero");
        assert_eq!(Fields::new(&[0xff; 9]).length(), Err(Garbage), "without an end");
    }
}
