//! What a codec cannot read, and what it cannot say.

use bimip_proto::{Fault, FaultKind};
use thiserror::Error;

/// A frame that gives no packet. Nothing of it was kept; the next frame is read as if it had not come.
///
/// `origin` is the kind or route number of the frame in its own dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are not a frame of this dialect.
    #[error("not a frame: {at}")]
    Malformed {
        /// Which part of the frame could not be read.
        at: &'static str,
    },
    /// The frame, or the live audio in it, is over its limit.
    #[error("{len_bytes} bytes are over the limit of {max_bytes}")]
    TooLong {
        /// What came.
        len_bytes: usize,
        /// What may come.
        max_bytes: usize,
    },
    /// A kind or route that the dialect does not have.
    #[error("unknown kind or route {origin}")]
    Unknown {
        /// The number, or 0 where it is no number of 32 bits.
        origin: u32,
    },
    /// The route number and the payload do not belong together.
    #[error("route {origin} with the payload of another route")]
    Mismatched {
        /// The route number.
        origin: u32,
    },
    /// A route without its payload.
    #[error("route {origin} without its payload")]
    Missing {
        /// The route number.
        origin: u32,
    },
    /// A field that has to be there is not, or holds what it may not hold.
    #[error("kind or route {origin}: {field} is missing or not valid")]
    Field {
        /// The kind or route number.
        origin: u32,
        /// The name of the field.
        field: &'static str,
    },
    /// As [`Field`](Self::Field), in a dialect that says which rule was broken.
    #[error("Field '{field}' → {rule}")]
    Rule {
        /// The route number.
        origin: u32,
        /// The name of the field.
        field: &'static str,
        /// What it has to be.
        rule: &'static str,
    },
    /// Known to the dialect, and not served.
    #[error("kind or route {origin} is not supported")]
    Unsupported {
        /// The kind or route number.
        origin: u32,
    },
    /// Known, and it cannot be read before the connection is signed in.
    #[error("kind or route {origin} before sign-in")]
    OutOfPlace {
        /// The kind or route number.
        origin: u32,
    },
}

impl DecodeError {
    /// The answer to the frame. It never quotes bytes of the frame.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let (kind, origin) = match *self {
            Self::Malformed { .. } => (FaultKind::Malformed, 0),
            Self::TooLong { .. } => (FaultKind::TooLong, 0),
            Self::Unknown { origin } => (FaultKind::Unknown, origin),
            Self::Mismatched { origin } => (FaultKind::Mismatched, origin),
            Self::Missing { origin } => (FaultKind::Missing, origin),
            Self::Field { origin, .. } | Self::Rule { origin, .. } => (FaultKind::Field, origin),
            Self::Unsupported { origin } => (FaultKind::Unsupported, origin),
            Self::OutOfPlace { origin } => (FaultKind::OutOfPlace, origin),
        };
        Fault { kind, origin, details: self.to_string().into() }
    }
}

/// A packet that a dialect cannot write. Packets that a dialect merely passes over (a welcome on a msgpack
/// connection) are not errors of a server: they write nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The dialect has no word for this packet.
    #[error("the dialect has no word for this packet")]
    NotSpoken,
    /// The frame names the signed-in user, and there is none yet.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The dialect has the word, and the packet holds what it cannot carry.
    #[error("{field} cannot be written in this dialect")]
    Unsayable {
        /// Which part of the packet.
        field: &'static str,
    },
    /// The frame would be over the limit of the dialect, so no peer would read it.
    #[error("a frame of {len_bytes} bytes is over the limit of {max_bytes}")]
    TooLong {
        /// What it would have.
        len_bytes: usize,
        /// What it may have.
        max_bytes: usize,
    },
}
