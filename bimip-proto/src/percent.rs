//! Ids inside other names.

use core::fmt;

/// A text as a part of a path or of another name: every byte but letters, digits and `-._~` as `%` and two digits in
/// upper-case hexadecimal.
///
/// ```
/// use bimip_proto::Percent;
///
/// assert_eq!(Percent("acme_bob/é").to_string(), "acme_bob%2F%C3%A9");
/// ```
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a way to print a text")]
pub struct Percent<'a>(pub &'a str);

impl Percent<'_> {
    /// Writes it to `out`, which need be no formatter.
    pub(crate) fn write_to(self, out: &mut impl fmt::Write) -> fmt::Result {
        let mut rest = self.0;
        // Runs of plain bytes at once: most ids are one.
        while let Some(at) = rest.bytes().position(|byte| !is_plain(byte)) {
            out.write_str(&rest[..at])?;
            let special = rest[at..].chars().next().map_or(0, char::len_utf8);
            for byte in rest[at..at + special].bytes() {
                write!(out, "%{byte:02X}")?;
            }
            rest = &rest[at + special..];
        }
        out.write_str(rest)
    }
}

impl fmt::Display for Percent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

pub(crate) const fn is_plain(byte: u8) -> bool {
    PLAIN[byte as usize]
}

/// Whether a byte stands for itself. A table, because this is asked for every byte of two ids in every message.
const PLAIN: [bool; 256] = {
    let (mut plain, mut byte) = ([false; 256], 0);
    while byte < 128_u8 {
        plain[byte as usize] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        byte += 1;
    }
    plain
};
