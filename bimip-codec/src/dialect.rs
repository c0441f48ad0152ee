//! Which language a connection speaks.

use core::fmt;
use core::str::FromStr;

use bimip_proto::{Caps, limits};
use thiserror::Error;

/// A way to write packets. Its text is the name used in subprotocols and configuration.
///
/// ```
/// use bimip_codec::Dialect;
///
/// assert_eq!("bimip.v1".parse(), Ok(Dialect::Scheme));
/// assert_eq!(Dialect::VoicePing.to_string(), "voiceping");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// `voiceping`: msgpack arrays of push-to-talk clients.
    VoicePing,
    /// `bimip.v1`: protobuf `MessageScheme`.
    Scheme,
    /// `bimip.deployed`: protobuf `MessageScheme` in the layout of the server that is in the field.
    Deployed,
    /// `bimip.events`: one JSON object a frame.
    Events,
    /// `bimip.chat`: JSON entities of messages, several a frame.
    Chat,
}

/// The text names no dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a dialect is one of voiceping, bimip.v1, bimip.deployed, bimip.events, bimip.chat")]
#[non_exhaustive]
pub struct DialectError;

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 5] = [Self::VoicePing, Self::Scheme, Self::Deployed, Self::Events, Self::Chat];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VoicePing => "voiceping",
            Self::Scheme => "bimip.v1",
            Self::Deployed => "bimip.deployed",
            Self::Events => "bimip.events",
            Self::Chat => "bimip.chat",
        }
    }

    /// What it has words for.
    #[must_use]
    pub const fn caps(self) -> Caps {
        match self {
            Self::VoicePing => Caps::WALKIE,
            Self::Scheme => Caps::FULL,
            Self::Deployed => Caps::DEPLOYED,
            Self::Events => Caps::EVENTS,
            Self::Chat => Caps::CHAT,
        }
    }

    /// Whether its frames are text, which a web socket tells from bytes.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Events | Self::Chat)
    }

    /// The longest frame it reads, in bytes. A driver refuses longer ones before it has them in memory.
    #[must_use]
    pub const fn frame_bytes(self) -> usize {
        match self {
            Self::VoicePing => limits::WALKIE_FRAME_BYTES,
            Self::Scheme | Self::Deployed | Self::Events | Self::Chat => limits::FRAME_BYTES,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Dialect {
    type Err = DialectError;

    fn from_str(text: &str) -> Result<Self, DialectError> {
        Self::ALL.into_iter().find(|dialect| dialect.name() == text).ok_or(DialectError)
    }
}
