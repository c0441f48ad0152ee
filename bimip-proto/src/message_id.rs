//! The id of a message: which store, and which record of its log.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

/// The name of a message everywhere and for ever: the epoch of the store that accepted it and the sequence of
/// its record in that store's log.
///
/// Printed as 20 characters of base32hex (`0`–`9`, `a`–`v`), so that text order is number order. Read back in
/// either case. It needs no index: the sequence *is* the place of the record.
///
/// ```
/// use bimip_proto::MessageId;
///
/// let id = MessageId::new(7, 42);
/// assert_eq!(id.to_string().len(), 20);
/// assert_eq!(id.to_string().parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId {
    epoch: u32,
    sequence: u64,
}

/// The text is not 20 base32hex characters of a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a message id is 20 characters of base32hex")]
#[non_exhaustive]
pub struct MessageIdError;

const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
const CHARS: usize = 20;
/// 96 bits of id in 100 bits of text: the last character carries four zero bits.
const PAD_BITS: u32 = 4;
/// Half of the characters, which is what fits into 64 bits.
const HALF: usize = CHARS / 2;

impl MessageId {
    /// No message: what a decoded [`Head`](crate::Head) carries where its dialect has no such id.
    pub const NONE: Self = Self::new(0, 0);

    /// The record `sequence` of the store with this epoch.
    #[must_use]
    pub const fn new(epoch: u32, sequence: u64) -> Self {
        Self { epoch, sequence }
    }

    /// The store that gave the id; changed only by a restore or repair.
    #[must_use]
    pub const fn epoch(self) -> u32 {
        self.epoch
    }

    /// The place in that store's log: rising, with gaps, never a cursor.
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.sequence
    }

    /// The 20 characters that it is printed as, all of them ASCII. Cheaper than [`Display`](fmt::Display), for whoever
    /// writes many.
    #[must_use]
    pub const fn to_ascii(self) -> [u8; CHARS] {
        // Two halves of 50 bits, because shifting 128 bits once for every character is slow.
        let low = (self.sequence << PAD_BITS) & ((1 << 50) - 1);
        let high = ((self.epoch as u64) << 18) | (self.sequence >> 46);
        let mut text = [0; CHARS];
        let mut index = 0;
        while index < HALF {
            let shift = 5 * (HALF - 1 - index);
            text[index] = DIGITS[((high >> shift) & 31) as usize];
            text[HALF + index] = DIGITS[((low >> shift) & 31) as usize];
            index += 1;
        }
        text
    }

    /// Whether this is [`NONE`](Self::NONE).
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.epoch == 0 && self.sequence == 0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(core::str::from_utf8(&self.to_ascii()).unwrap_or_default())
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{:x}.{}", self.epoch, self.sequence)
    }
}

impl FromStr for MessageId {
    type Err = MessageIdError;

    fn from_str(text: &str) -> Result<Self, MessageIdError> {
        let text: &[u8; CHARS] = text.as_bytes().try_into().map_err(|_| MessageIdError)?;
        let (high, low) = text.split_at(HALF);
        let (high, low) = (half(high)?, half(low)?);
        let sequence = (high << 46) | (low >> PAD_BITS);
        let epoch = u32::try_from(high >> 18).map_err(|_| MessageIdError)?;
        if low & ((1 << PAD_BITS) - 1) == 0 { Ok(Self { epoch, sequence }) } else { Err(MessageIdError) }
    }
}

/// The 50 bits of ten characters.
fn half(text: &[u8]) -> Result<u64, MessageIdError> {
    text.iter().try_fold(0, |bits, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'v' => byte - b'a' + 10,
            b'A'..=b'V' => byte - b'A' + 10,
            _ => return Err(MessageIdError),
        };
        Ok((bits << 5) | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_back(epoch: u32, sequence: u64) {
            let id = MessageId::new(epoch, sequence);
            let text = id.to_string();
            prop_assert_eq!(text.len(), 20);
            prop_assert_eq!(text.parse(), Ok(id));
            prop_assert_eq!(text.to_uppercase().parse(), Ok(id));
        }

        #[test]
        fn text_order_is_number_order(a: (u32, u64), b: (u32, u64)) {
            let (a, b) = (MessageId::new(a.0, a.1), MessageId::new(b.0, b.1));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }

        #[test]
        fn other_text_is_refused(text: String) {
            if let Ok(id) = text.parse::<MessageId>() {
                prop_assert_eq!(id.to_string(), text.to_lowercase());
            }
        }
    }

    #[test]
    fn pad_bits_are_part_of_the_grammar() {
        assert_eq!("00000000000000000001".parse::<MessageId>(), Err(MessageIdError));
        assert_eq!("0000000000000000000g".parse(), Ok(MessageId::new(0, 1)));
    }
}
