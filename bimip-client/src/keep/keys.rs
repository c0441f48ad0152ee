//! Where things stand in a store. Keys sort as what they name: numbers are big-endian.
//!
//! | key | value |
//! |---|---|
//! | `m` name | one fact about the device |
//! | `o` number | a draft that waits for its answer, in order |
//! | `k` number | a mark that waits for its answer, in order |
//! | `v` number | an edit or a deletion that waits for its answer, in order |
//! | `g` number | a command about a group that waits for its answer, in order |
//! | `u` number | a command about the user that waits for its answer, in order |
//! | `x` number | a reaction that waits for its answer, in order |
//! | `e` number | a mark about a message that is not here yet, in order |
//! | `h` conversation 0 era place | a line |
//! | `i` epoch sequence, `a` alias, `c` client reference | the key of the line of that name |
//! | `s` conversation | what the list of conversations says about it |
//! | `r` number conversation | nothing: conversations by their last message |

use bimip_proto::{Alias, ClientRef, ConversationId, MessageId};

use crate::history::Position;

pub(super) const FORMAT: &[u8] = b"mformat";
pub(super) const DEVICE: &[u8] = b"mdevice";
pub(super) const PLACE: &[u8] = b"mplace";
pub(super) const NEXT: &[u8] = b"mnext";
pub(super) const TOKEN: &[u8] = b"mtoken";

pub(super) fn draft(number: u64) -> Vec<u8> {
    numbered(b'o', number)
}

pub(super) fn mark(number: u64) -> Vec<u8> {
    numbered(b'k', number)
}

pub(super) fn revision(number: u64) -> Vec<u8> {
    numbered(b'v', number)
}

pub(super) fn command(number: u64) -> Vec<u8> {
    numbered(b'g', number)
}

pub(super) fn user_command(number: u64) -> Vec<u8> {
    numbered(b'u', number)
}

pub(super) fn reaction(number: u64) -> Vec<u8> {
    numbered(b'x', number)
}

pub(super) fn early(number: u64) -> Vec<u8> {
    numbered(b'e', number)
}

fn numbered(tag: u8, number: u64) -> Vec<u8> {
    let mut key = vec![tag];
    key.extend(number.to_be_bytes());
    key
}

/// The number at the end of a key of a draft, a mark, a revision, a command or a reaction.
pub(super) fn number(key: &[u8]) -> Option<u64> {
    key.get(1..)?.try_into().ok().map(u64::from_be_bytes)
}

/// All keys with this first byte, as a range.
pub(super) fn all(tag: u8) -> (Vec<u8>, Vec<u8>) {
    (vec![tag], vec![tag + 1])
}

/// All lines of a conversation, as a range. Its text has no byte below `%`.
pub(super) fn lines(conversation: &ConversationId) -> (Vec<u8>, Vec<u8>) {
    let mut from = format!("h{conversation}").into_bytes();
    let mut until = from.clone();
    from.push(0);
    until.push(1);
    (from, until)
}

pub(super) fn line(conversation: &ConversationId, at: Position) -> Vec<u8> {
    let (mut key, _) = lines(conversation);
    key.extend(at.era.to_be_bytes());
    key.extend(at.place.to_be_bytes());
    key
}

/// The place at the end of a key of a line.
pub(super) fn position(key: &[u8]) -> Option<Position> {
    let (rest, place) = key.split_last_chunk::<8>()?;
    let (_, era) = rest.split_last_chunk::<4>()?;
    Some(Position { era: u32::from_be_bytes(*era), place: u64::from_be_bytes(*place) })
}

pub(super) fn by_id(id: MessageId) -> Vec<u8> {
    let mut key = vec![b'i'];
    key.extend(id.epoch().to_be_bytes());
    key.extend(id.sequence().to_be_bytes());
    key
}

pub(super) fn by_alias(alias: &Alias) -> Vec<u8> {
    format!("a{alias}").into_bytes()
}

pub(super) fn by_client_ref(name: &ClientRef) -> Vec<u8> {
    format!("c{name}").into_bytes()
}

pub(super) fn summary(conversation: &ConversationId) -> Vec<u8> {
    format!("s{conversation}").into_bytes()
}

pub(super) fn recency(number: u64, conversation: &ConversationId) -> Vec<u8> {
    let mut key = numbered(b'r', number);
    key.extend(conversation.to_string().into_bytes());
    key
}

/// The conversation at the end of a key of [`recency`].
pub(super) fn recent(key: &[u8]) -> Option<ConversationId> {
    std::str::from_utf8(key.get(9..)?).ok()?.parse().ok()
}
