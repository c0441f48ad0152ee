//! Ids in a frame: text or number, equal by their decimal text.

use core::fmt;

/// The greatest number that clients of the field read as an id.
const MAX_NUMBER: u32 = 2_147_483_647;
/// Digits of [`MAX_NUMBER`].
const MAX_DIGITS: usize = 10;

/// An id as a frame writes it. `7` and `"7"` are the same id.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "the wire has these two and refuses others")]
pub enum IdText<'a> {
    /// A string.
    Text(&'a str),
    /// An integer, at most 2³¹ − 1.
    Number(u32),
}

impl IdText<'_> {
    /// Calls `read` with the text of the id, without an allocation.
    pub fn with_str<R>(self, read: impl FnOnce(&str) -> R) -> R {
        let mut number = match self {
            Self::Text(text) => return read(text),
            Self::Number(number) => number,
        };
        let mut digits = [b'0'; MAX_DIGITS];
        let mut start = MAX_DIGITS;
        loop {
            start -= 1;
            digits[start] = b'0' + u8::try_from(number % 10).unwrap_or_default();
            number /= 10;
            if number == 0 || start == 0 {
                break;
            }
        }
        read(core::str::from_utf8(&digits[start..]).unwrap_or_default())
    }

    /// Whether this is the number 0, which stands for nobody where a frame needs no user.
    pub(super) const fn is_zero(self) -> bool {
        matches!(self, Self::Number(0))
    }
}

impl PartialEq for IdText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.with_str(|this| other.with_str(|other| this == other))
    }
}

impl Eq for IdText<'_> {}

impl PartialEq<str> for IdText<'_> {
    fn eq(&self, other: &str) -> bool {
        self.with_str(|this| this == other)
    }
}

impl fmt::Display for IdText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_str(|text| f.pad(text))
    }
}

/// How a connection is written ids: clients that speak in numbers may not understand strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum IdForm {
    /// As strings, until the client writes a number.
    #[default]
    Text,
    /// As numbers, where the id is one.
    Number,
}

impl IdForm {
    /// The id as this connection reads it.
    pub(super) fn write(self, text: &str) -> IdText<'_> {
        if self == Self::Text {
            return IdText::Text(text);
        }
        // Not 0: as a number it is nobody.
        let canonical = !text.starts_with(['0', '+']);
        match text.parse() {
            Ok(number) if canonical && number <= MAX_NUMBER => IdText::Number(number),
            _ => IdText::Text(text),
        }
    }
}

/// The id of this number, if clients can read it.
pub(super) fn number(value: u64) -> Option<u32> {
    u32::try_from(value).ok().filter(|number| *number <= MAX_NUMBER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_decimal_text() {
        for number in [0, 7, 10, 1_763_652_000, MAX_NUMBER] {
            assert_eq!(IdText::Number(number).to_string(), number.to_string());
            assert!(IdText::Number(number) == IdText::Text(&number.to_string()));
        }
        assert!(IdText::Number(7) != IdText::Text("07"));
    }

    #[test]
    fn only_canonical_numbers_become_numbers() {
        let number = |text| matches!(IdForm::Number.write(text), IdText::Number(_));
        assert!(number("7") && number("1") && number("2147483647"));
        for text in ["", "0", "07", "+7", "-7", "7x", "2147483648", "00"] {
            assert!(!number(text), "{text:?}");
        }
        assert!(matches!(IdForm::Text.write("7"), IdText::Text("7")));
    }
}
