//! What several connections are written alike.

use crate::{chat, events, scheme, voiceping};

/// The frames of one packet, made once for all who get it: a memo that a fan-out carries along, for
/// [`Codec::encode_shared`](crate::Codec::encode_shared).
///
/// It is filled by the connections that write first, one part for each dialect and form of ids, and read by the
/// rest. It is empty until then, may be used from several threads, and belongs to **one packet**: to one step of a
/// talk, or to one entry whatever its place in each mailbox.
///
/// ```
/// use std::sync::Arc;
///
/// use bimip_codec::{Codec, Dialect, Frames, Shared};
/// use bimip_proto::{Address, Device, DeviceName, GroupId, ServerPacket, Talk, TalkAct, UserId};
///
/// let sound = TalkAct::Audio { label: None, payload: bytes::Bytes::from_static(b"\xc4\x03abc") };
/// let to = Address::Group(GroupId::new("team")?);
/// let packet = ServerPacket::Talk(Talk { from: UserId::new("alice")?, to, act: sound });
///
/// let (shared, mut frames) = (Arc::new(Shared::new()), Frames::new());
/// for member in ["bob", "carol", "dave"] {
///     let mut codec = Codec::new(Dialect::VoicePing);
///     codec.signed_in(&Device::new(UserId::new(member)?, DeviceName::new("phone")?));
///     codec.encode_shared(&packet, &shared, &mut frames)?;
/// }
/// let frames: Vec<_> = frames.drain().collect();
/// assert!(frames[0] == frames[1] && frames[1] == frames[2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Shared {
    pub(crate) voiceping: voiceping::Made,
    pub(crate) scheme: scheme::Made,
    pub(crate) events: events::Made,
    pub(crate) chat: chat::Made,
}

impl Shared {
    /// With nothing made yet; nothing is allocated.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
