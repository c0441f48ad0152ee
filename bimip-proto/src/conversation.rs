//! Which conversation a message belongs to.

use core::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::percent::{Percent, is_plain};
use crate::{Address, GroupId, UserId, limits};

/// A conversation: two users, or a group. It gives its messages their order ([`Seq`](crate::Seq)).
///
/// Printed as `d:<low>:<high>` and `g:<group>`, each id percent-encoded, so that the text is safe in a path and
/// reads back unambiguously.
///
/// ```
/// use bimip_proto::{ConversationId, UserId};
///
/// let (a, b) = (UserId::new("b@x")?, UserId::new("a:1")?);
/// let conversation = ConversationId::direct(a.clone(), b.clone());
/// assert_eq!(conversation, ConversationId::direct(b, a));
/// assert_eq!(conversation.to_string(), "d:a%3A1:b%40x");
/// # Ok::<(), bimip_proto::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ConversationId {
    /// Two users, in order; the same user twice is a note to oneself. Made by [`direct`](Self::direct).
    #[non_exhaustive]
    Direct(UserId, UserId),
    /// A group.
    Group(GroupId),
}

/// The text is not a conversation id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a conversation id is d:<user>:<user> with the lower user first, or g:<group>")]
#[non_exhaustive]
pub struct ConversationError;

impl ConversationId {
    /// The conversation of two users, whichever is named first.
    #[must_use]
    pub fn direct(one: UserId, other: UserId) -> Self {
        if one <= other { Self::Direct(one, other) } else { Self::Direct(other, one) }
    }

    /// Whom `user` speaks with in a conversation of two; `None` in a group, and for a stranger.
    #[must_use]
    pub fn peer_of(&self, user: &UserId) -> Option<&UserId> {
        match self {
            Self::Direct(low, high) if low == user => Some(high),
            Self::Direct(low, high) if high == user => Some(low),
            _ => None,
        }
    }

    /// Where a word of `from` in it goes to: to the group, or to the other one of two; `None` for a stranger.
    #[must_use]
    pub fn to_of(&self, from: &UserId) -> Option<Address> {
        match self {
            Self::Group(group) => Some(Address::Group(group.clone())),
            Self::Direct(..) => self.peer_of(from).cloned().map(Address::User),
        }
    }

    /// The conversation that `from` speaks in when writing to `to`.
    #[must_use]
    pub fn of(from: &UserId, to: &Address) -> Self {
        match to {
            Address::User(user) => Self::direct(from.clone(), user.clone()),
            Address::Group(group) => Self::Group(group.clone()),
        }
    }

    /// Writes the text of [`of`](Self::of) to `out`, without making the id.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_of(from: &UserId, to: &Address, out: &mut impl fmt::Write) -> fmt::Result {
        match to {
            Address::User(to) => write_direct(out, from.min(to), from.max(to)),
            Address::Group(group) => write_group(out, group),
        }
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(low, high) => write_direct(f, low, high),
            Self::Group(group) => write_group(f, group),
        }
    }
}

fn write_direct(out: &mut impl fmt::Write, low: &UserId, high: &UserId) -> fmt::Result {
    out.write_str("d:")?;
    Percent(low.as_str()).write_to(out)?;
    out.write_str(":")?;
    Percent(high.as_str()).write_to(out)
}

fn write_group(out: &mut impl fmt::Write, group: &GroupId) -> fmt::Result {
    out.write_str("g:")?;
    Percent(group.as_str()).write_to(out)
}

impl FromStr for ConversationId {
    type Err = ConversationError;

    fn from_str(text: &str) -> Result<Self, ConversationError> {
        let user = |part| read_percent(part).and_then(|id| UserId::new(&id).ok()).ok_or(ConversationError);
        if let Some(group) = text.strip_prefix("g:") {
            let id = read_percent(group).and_then(|id| GroupId::new(&id).ok());
            return id.map(Self::Group).ok_or(ConversationError);
        }
        let (low, high) =
            text.strip_prefix("d:").and_then(|rest| rest.split_once(':')).ok_or(ConversationError)?;
        let (low, high) = (user(low)?, user(high)?);
        if low > high { Err(ConversationError) } else { Ok(Self::Direct(low, high)) }
    }
}

/// Strict: only what [`Percent`] writes, so that one conversation has one text.
fn read_percent(text: &str) -> Option<String> {
    if text.len() > 3 * limits::ID_BYTES {
        // No id is that long, not even with every byte escaped.
        return None;
    }
    let mut bytes = text.bytes();
    let mut read = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if is_plain(byte) {
            read.push(byte);
            continue;
        }
        if byte != b'%' {
            return None;
        }
        let value = 16 * upper_hex(bytes.next()?)? + upper_hex(bytes.next()?)?;
        if is_plain(value) {
            return None;
        }
        read.push(value);
    }
    String::from_utf8(read).ok()
}

const fn upper_hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_back(a in "\\PC{1,20}", b in "\\PC{1,20}") {
            let (Ok(a), Ok(b), Ok(g)) = (UserId::new(&a), UserId::new(&b), GroupId::new(&a)) else { return Ok(()) };
            for id in [ConversationId::direct(a, b), ConversationId::Group(g)] {
                prop_assert_eq!(id.to_string().parse(), Ok(id));
            }
        }

        #[test]
        fn the_text_needs_no_id(a in "\\PC{1,20}", b in "\\PC{1,20}") {
            let (Ok(from), Ok(b), Ok(g)) = (UserId::new(&a), UserId::new(&b), GroupId::new(&a)) else { return Ok(()) };
            for to in [Address::User(b), Address::User(from.clone()), Address::Group(g)] {
                let mut text = String::new();
                ConversationId::write_of(&from, &to, &mut text).unwrap();
                prop_assert_eq!(text, ConversationId::of(&from, &to).to_string());
            }
        }

        #[test]
        fn one_conversation_has_one_text(text in "[dg]:[a-c%:2-6A-F]{1,12}") {
            if let Ok(id) = text.parse::<ConversationId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
