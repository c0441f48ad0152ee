//! What a store keeps of a user beside messages: the profile, when they were seen, and with which devices.

use std::sync::Arc;

use bimip_proto::{Device, UnixMs, UserProfile};

/// What a user keeps, in one small row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "storage backends keep it")]
pub struct UserHead {
    /// Which change of the profile was the last; 0 where none was ever set.
    pub edition: u32,
    /// How many entries the address book has.
    pub saved: u32,
    /// What the user tells others about themselves.
    pub profile: Arc<UserProfile>,
}

/// A device that is listed for its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "storage backends keep it")]
pub struct Listed {
    /// When it first signed in, since it is listed.
    pub first: UnixMs,
    /// When it last came or went.
    pub last: UnixMs,
}

/// A device came or went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "which, since when and when, complete")]
pub struct Sighting {
    /// Which device.
    pub device: Device,
    /// When its session began.
    pub since: UnixMs,
    /// When it was there.
    pub at: UnixMs,
}
