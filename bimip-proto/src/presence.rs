//! What is live and never stored: presence, typing, calls, positions.

use crate::{Address, ClientRef, Device, UnixMs};

/// What a user is doing, or says to be doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Presence {
    /// Here.
    Online,
    /// Not here.
    Offline,
    /// Here, but away from the device.
    Away,
    /// Here, but busy.
    Busy,
    /// Here, and not to be disturbed.
    DoNotDisturb,
    /// Writing to somebody.
    Typing,
    /// Recording something for somebody.
    Recording,
    /// Passed something on, as a passing remark; the durable word is [`Status::Forwarded`](crate::Status).
    Forwarded,
    /// Got something, as a passing remark; the durable word is [`Status::Delivered`](crate::Status).
    Delivered,
    /// Read something, as a passing remark; the durable word is [`Status::Read`](crate::Status).
    Read,
    /// Back again: a word to one's own other devices.
    Resumed,
}

/// Whom a presence is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "everybody who may know, one peer, oneself: complete")]
pub enum Reach {
    /// Everybody who shares a conversation with the user.
    Contacts,
    /// The one it is to.
    Peer,
    /// The user's own other devices.
    Own,
}

impl Presence {
    /// Every presence, for tables.
    pub const ALL: [Self; 11] = [
        Self::Online,
        Self::Offline,
        Self::Away,
        Self::Busy,
        Self::DoNotDisturb,
        Self::Typing,
        Self::Recording,
        Self::Forwarded,
        Self::Delivered,
        Self::Read,
        Self::Resumed,
    ];

    /// Whom it is told.
    #[must_use]
    pub const fn reach(self) -> Reach {
        match self {
            Self::Online | Self::Offline | Self::Away | Self::Busy | Self::DoNotDisturb => Reach::Contacts,
            Self::Typing | Self::Recording | Self::Forwarded | Self::Delivered | Self::Read => Reach::Peer,
            Self::Resumed => Reach::Own,
        }
    }
}

/// A user's presence, as a client says it and as others hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Awareness {
    /// The client's own name for what it says.
    pub id: Option<ClientRef>,
    /// To whom, where its [`reach`](Presence::reach) is one peer; nobody otherwise.
    pub to: Option<Address>,
    /// What.
    pub presence: Presence,
    /// Where, if the user shares it.
    pub location: Option<Location>,
    /// How long it holds, in seconds; 0 where nothing is said about it.
    pub ttl_s: u32,
    /// When it was said: by the client's clock on the way in, by the server's on the way out.
    pub at: Option<UnixMs>,
}

/// Somebody's presence, as others hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Aware {
    /// Whose, and said with which device.
    pub from: Device,
    /// What.
    pub awareness: Awareness,
}

/// What somebody does in a conversation just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Act {
    /// Writes.
    Typing,
    /// Records.
    Recording,
    /// Paused writing or recording.
    Paused,
    /// Gave it up.
    Cancelled,
    /// Goes on.
    Resumed,
    /// Calls.
    Calling,
    /// Declines a call.
    Declined,
}

impl Act {
    /// Every act, for tables.
    pub const ALL: [Self; 7] = [
        Self::Typing,
        Self::Recording,
        Self::Paused,
        Self::Cancelled,
        Self::Resumed,
        Self::Calling,
        Self::Declined,
    ];

    /// Whether it tells what its user is doing, which a hidden user does not. A call is a word to the other one.
    #[must_use]
    pub const fn is_presence(self) -> bool {
        !matches!(self, Self::Calling | Self::Declined)
    }
}

/// An act, as a client says it and as others hear it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Signal {
    /// The client's own name for what it says.
    pub id: Option<ClientRef>,
    /// In whose conversation: with a user, or of a group.
    pub to: Address,
    /// What.
    pub act: Act,
    /// When it was said: by the client's clock on the way in, by the server's on the way out.
    pub at: Option<UnixMs>,
}

/// A step of a moving position.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Track {
    /// The client's own name for the stream.
    pub id: Option<ClientRef>,
    /// For whom.
    pub to: Address,
    /// Where.
    pub location: Location,
    /// When it was there, by the client's clock.
    pub at: Option<UnixMs>,
}

/// A place on earth.
#[derive(Debug, Clone, Copy)]
pub struct Location {
    latitude: f64,
    longitude: f64,
    altitude: Option<f64>,
}

impl Location {
    /// A place in degrees north, degrees east and, if known, metres above the sea; `None` if it is not on earth.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64, altitude: Option<f64>) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        let near = altitude.is_none_or(f64::is_finite);
        (on_earth && near).then_some(Self { latitude, longitude, altitude })
    }

    /// Degrees north.
    #[must_use]
    pub const fn latitude(&self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    #[must_use]
    pub const fn longitude(&self) -> f64 {
        self.longitude
    }

    /// Metres above the sea.
    #[must_use]
    pub const fn altitude(&self) -> Option<f64> {
        self.altitude
    }

    fn bits(&self) -> (u64, u64, Option<u64>) {
        (self.latitude.to_bits(), self.longitude.to_bits(), self.altitude.map(f64::to_bits))
    }
}

/// By the bits: no `Location` holds a NaN.
impl PartialEq for Location {
    fn eq(&self, other: &Self) -> bool {
        self.bits() == other.bits()
    }
}

impl Eq for Location {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_on_earth() {
        assert!(Location::new(52.5, 13.4, Some(34.0)).is_some());
        assert!(Location::new(90.0, -180.0, None).is_some());
        for (latitude, longitude, altitude) in
            [(90.1, 0.0, None), (0.0, 180.5, None), (f64::NAN, 0.0, None), (0.0, 0.0, Some(f64::INFINITY))]
        {
            assert!(Location::new(latitude, longitude, altitude).is_none());
        }
    }
}
