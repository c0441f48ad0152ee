//! The relay's language: a length, a letter, and as many bytes as the server's frames have.

/// Each frame is led by its length.
pub(super) const PREFIX: usize = 4;
/// Who speaks, and to whom it goes: two numbers.
pub(super) const HELLO: u8 = b'H';
/// A message: a number, a stamp, padding. Passed on as it is, and acknowledged.
pub(super) const MESSAGE: u8 = b'M';
/// The acknowledgement: the number, padding.
pub(super) const ACK: u8 = b'A';
/// Rows are stored: padding. Answered.
pub(super) const DISPOSE: u8 = b'D';
pub(super) const DISPOSED: u8 = b'd';
/// Live voice: a number, a stamp, padding. Passed on as it is.
pub(super) const VOICE: u8 = b'V';

/// The sizes of the server's frames that they stand for.
pub(super) const ACK_BYTES: usize = 130;
pub(super) const DISPOSE_BYTES: usize = 16;
pub(super) const DISPOSED_BYTES: usize = 38;

/// Whom a connection without a target names.
pub(super) const NOBODY: u32 = u32::MAX;
/// All the others: a group of everybody.
pub(super) const EVERYBODY: u32 = u32::MAX - 1;

/// A frame of this size, zeros where nothing is said.
pub(super) fn frame(letter: u8, words: &[u64], bytes: usize) -> Vec<u8> {
    let mut frame = vec![0; bytes.max(1 + 8 * words.len())];
    frame[0] = letter;
    for (place, word) in frame[1..].chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    frame
}

/// A number after the letter.
pub(super) fn word(frame: &[u8], index: usize) -> Option<u64> {
    frame.get(1 + 8 * index..)?.first_chunk().map(|word| u64::from_be_bytes(*word))
}

/// A complete frame at the front, without its length, and where it ends.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let len = usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()?;
    let frame = bytes.get(PREFIX..)?.get(..len)?;
    Some((frame, PREFIX + len))
}

pub(super) fn put(frame: &[u8], to: &mut Vec<u8>) {
    to.extend_from_slice(&u32::try_from(frame.len()).unwrap_or_default().to_be_bytes());
    to.extend_from_slice(frame);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_frames() {
        let mut bytes = Vec::new();
        put(&frame(MESSAGE, &[7, 9], 40), &mut bytes);
        assert_eq!(split(&bytes[..43]), None);
        let (read, end) = split(&bytes).unwrap();
        assert_eq!((read[0], word(read, 0), word(read, 1), end), (MESSAGE, Some(7), Some(9), 44));
        assert_eq!(word(read, 4), None);
    }
}
