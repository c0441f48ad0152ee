//! The message id of the msgpack dialect: a text that says channel, kind, parties and time.

use core::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::UnixMs;

/// The two kinds of conversation of the msgpack dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the wire has these two and refuses others")]
pub enum Channel {
    /// Number 0: to the members of a group.
    Group,
    /// Number 1: to one user.
    Private,
}

/// What an alias names, with the number it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AliasKind {
    /// 3: a recorded talk, with its length.
    Talk {
        /// From START to STOP.
        duration_ms: u32,
    },
    /// 17: a text.
    Text,
    /// 18: an image.
    Image,
    /// 23: an interactive message.
    Interactive,
}

/// `channel_kind_to_from_time.txt`, or `channel_3_to_from_time_durationms.opus`.
///
/// Clients read channel, kind, time and duration from it. To and from can be told apart only by someone who
/// knows one of them, since ids may contain `_`: a parsed alias keeps them [`Parties::Joined`], and the server
/// resolves it against the session's user ([`candidates`](Alias::candidates)). Unique, because the commit
/// bumps the millisecond where two messages of one conversation would share it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Alias {
    /// Group or private.
    pub channel: Channel,
    /// Text, talk, and so on.
    pub kind: AliasKind,
    /// To whom and from whom.
    pub parties: Parties,
    /// The message's [`stamp`](crate::Head::stamp).
    pub stamp: UnixMs,
}

/// To and from of an alias.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_enums, reason = "known apart, or not")]
pub enum Parties {
    /// Known apart: the alias was made from a message.
    Split {
        /// The user or group the message went to.
        to: Arc<str>,
        /// Its author.
        from: Arc<str>,
    },
    /// `to_from`, as it was read.
    Joined(Arc<str>),
}

/// Why a text is not an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AliasError {
    /// It does not follow `channel_kind_to_from_time.txt` or `channel_3_to_from_time_durationms.opus`.
    #[error(
        "not a message id of the form channel_kind_to_from_time.txt or channel_3_to_from_time_durationms.opus"
    )]
    Grammar,
    /// `/` or `..` in it: such an id would be a path.
    #[error("a message id must not contain '/' or '..'")]
    Path,
}

impl Alias {
    /// The alias of a message.
    #[must_use]
    pub const fn new(channel: Channel, kind: AliasKind, to: Arc<str>, from: Arc<str>, stamp: UnixMs) -> Self {
        Self { channel, kind, parties: Parties::Split { to, from }, stamp }
    }

    /// Every way to read the parties as `(to, from)`. At most one for each `_` in them.
    pub fn candidates(&self) -> impl Iterator<Item = (&str, &str)> {
        let (split, joined): (_, &str) = match &self.parties {
            Parties::Split { to, from } => (Some((&**to, &**from)), ""),
            Parties::Joined(joined) => (None, joined),
        };
        let read = joined
            .match_indices('_')
            .map(|(at, _)| (&joined[..at], &joined[at + 1..]))
            .filter(|(to, from)| !to.is_empty() && !from.is_empty());
        split.into_iter().chain(read)
    }

    fn joined(&self) -> impl Iterator<Item = u8> {
        let (a, b, c): (&str, &str, &str) = match &self.parties {
            Parties::Split { to, from } => (to, "_", from),
            Parties::Joined(joined) => (joined, "", ""),
        };
        a.bytes().chain(b.bytes()).chain(c.bytes())
    }
}

impl PartialEq for Alias {
    /// Equal as text: it does not matter whether the parties are known apart.
    fn eq(&self, other: &Self) -> bool {
        (self.channel, self.kind, self.stamp) == (other.channel, other.kind, other.stamp)
            && self.joined().eq(other.joined())
    }
}

impl Eq for Alias {}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channel = match self.channel {
            Channel::Group => 0,
            Channel::Private => 1,
        };
        let kind = match self.kind {
            AliasKind::Talk { .. } => 3,
            AliasKind::Text => 17,
            AliasKind::Image => 18,
            AliasKind::Interactive => 23,
        };
        write!(f, "{channel}_{kind}_")?;
        match &self.parties {
            Parties::Split { to, from } => write!(f, "{to}_{from}")?,
            Parties::Joined(joined) => f.write_str(joined)?,
        }
        match self.kind {
            AliasKind::Talk { duration_ms } => write!(f, "_{}_{duration_ms}ms.opus", self.stamp),
            _ => write!(f, "_{}.txt", self.stamp),
        }
    }
}

impl FromStr for Alias {
    type Err = AliasError;

    /// Reads from both ends, since only the middle may contain `_` of its own.
    fn from_str(text: &str) -> Result<Self, AliasError> {
        if text.contains('/') || text.contains("..") {
            return Err(AliasError::Path);
        }
        let (stem, talk) = match (text.strip_suffix(".opus"), text.strip_suffix(".txt")) {
            (Some(stem), _) => (stem, true),
            (_, Some(stem)) => (stem, false),
            _ => return Err(AliasError::Grammar),
        };
        let (channel, rest) = stem.split_once('_').ok_or(AliasError::Grammar)?;
        let (kind, rest) = rest.split_once('_').ok_or(AliasError::Grammar)?;
        let channel = match channel {
            "0" => Channel::Group,
            "1" => Channel::Private,
            _ => return Err(AliasError::Grammar),
        };
        let (rest, kind) = match (kind, talk) {
            ("3", true) => {
                let (rest, duration) = rest.rsplit_once('_').ok_or(AliasError::Grammar)?;
                let duration = duration.strip_suffix("ms").and_then(number).ok_or(AliasError::Grammar)?;
                let duration_ms = u32::try_from(duration).map_err(|_| AliasError::Grammar)?;
                (rest, AliasKind::Talk { duration_ms })
            }
            ("17", false) => (rest, AliasKind::Text),
            ("18", false) => (rest, AliasKind::Image),
            ("23", false) => (rest, AliasKind::Interactive),
            _ => return Err(AliasError::Grammar),
        };
        let (joined, stamp) = rest.rsplit_once('_').ok_or(AliasError::Grammar)?;
        let stamp = UnixMs(number(stamp).ok_or(AliasError::Grammar)?);
        let alias = Self { channel, kind, parties: Parties::Joined(joined.into()), stamp };
        if alias.candidates().next().is_none() {
            return Err(AliasError::Grammar);
        }
        Ok(alias)
    }
}

/// Decimal digits without sign or leading zeros, so that text and number stand for each other one to one.
fn number(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_documented_forms() {
        let talk: Alias = "1_3_acme_bob_acme_alice_1763652000000_3120ms.opus".parse().unwrap();
        assert_eq!(talk.kind, AliasKind::Talk { duration_ms: 3120 });
        assert_eq!(talk.stamp, UnixMs(1_763_652_000_000));
        assert!(talk.candidates().any(|parties| parties == ("acme_bob", "acme_alice")));
        let text: Alias = "1_17_acme_bob_acme_alice_1763652000000.txt".parse().unwrap();
        assert_eq!(text.kind, AliasKind::Text);
        let made =
            Alias::new(Channel::Private, AliasKind::Text, "acme_bob".into(), "acme_alice".into(), text.stamp);
        assert_eq!(made, text);
    }

    #[test]
    fn what_is_not_one() {
        for text in [
            "",
            "x",
            "1_17_a_b.txt",
            "1_17_b_5.txt",
            "2_17_a_b_5.txt",
            "1_9_a_b_5.txt",
            "1_3_a_b_5.opus",
            "1_3_a_b_5_NaNms.opus",
            "1_17_a_b_05.txt",
            "1_17_a_b_+5.txt",
            "1_17_a_b_5.opus",
            "1_3_a_b_5_6ms.txt",
            "1_17___5.txt",
        ] {
            assert_eq!(text.parse::<Alias>(), Err(AliasError::Grammar), "{text:?}");
        }
        assert_eq!("1_17_../a_b_5.txt".parse::<Alias>(), Err(AliasError::Path));
    }

    proptest! {
        #[test]
        fn text_and_back(
            group: bool, talk in proptest::option::of(0..u32::MAX), to in "[a-z_]{1,8}x", from in "x[a-z_]{1,8}", stamp: u64,
        ) {
            let channel = if group { Channel::Group } else { Channel::Private };
            let kind = talk.map_or(AliasKind::Text, |duration_ms| AliasKind::Talk { duration_ms });
            let alias = Alias::new(channel, kind, to.as_str().into(), from.as_str().into(), UnixMs(stamp));
            let read: Alias = alias.to_string().parse().unwrap();
            prop_assert_eq!(&read, &alias);
            prop_assert!(read.candidates().any(|pair| pair == (to.as_str(), from.as_str())));
        }

        #[test]
        fn whatever_is_read_prints_the_same(text: String) {
            if let Ok(alias) = text.parse::<Alias>() {
                prop_assert_eq!(alias.to_string(), text);
            }
        }
    }
}
