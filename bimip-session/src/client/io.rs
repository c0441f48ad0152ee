//! What goes into a session and what comes out.

use bimip_proto::{
    ClientPacket, ClientRef, CloseReason, Device, Draft, Fault, Floor, GroupId, Head, MessageRef, Offset,
    Reject, Row, ServerPacket, Status, Talk, Welcome,
};

use super::live::Heard;
use bytes::Bytes;

/// Bounds, times and identity of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Which device this is.
    pub device: Device,
    /// The token to sign in with as the first packet; `None` when the transport's headers carry it.
    pub token: Option<Bytes>,
    /// Whether the server's first word is a welcome. Without one the session is up when it is connected.
    pub welcome: bool,
    /// Whether the dialect names drafts, so that sending one again is harmless. Without it a draft whose ack was
    /// lost is given back to the app ([`Event::Unsure`]).
    pub resend: bool,
    /// Drafts waiting for their ack. Bounds the memory, and what is sent again after a cut.
    pub unacked_drafts: usize,
    /// Drafts on the wire at once; the rest wait here. Under the server's own bound.
    pub window_drafts: usize,
    /// Marks waiting for their answer.
    pub unnoted_marks: usize,
    /// First wait before dialling again; doubled up to [`redial_max_ms`](Self::redial_max_ms), and then drawn
    /// between nothing and that, so that a crowd does not come back at once.
    pub redial_min_ms: u64,
    /// The longest wait before dialling again.
    pub redial_max_ms: u64,
    /// Where the draws start; give each device another number.
    pub seed: u64,
    /// Patience for a dial, a welcome and a pong.
    pub patience_ms: u64,
    /// Stored rows are disposed of in one packet after this many rows ...
    pub dispose_rows: u64,
    /// ... or this long after the first of them.
    pub dispose_ms: u64,
}

impl Config {
    /// The defaults, for a device.
    #[must_use]
    pub fn new(device: Device) -> Self {
        let token = Some(Bytes::copy_from_slice(device.user.as_str().as_bytes()));
        Self {
            device,
            token,
            welcome: true,
            resend: true,
            unacked_drafts: 1024,
            window_drafts: 64,
            unnoted_marks: 1024,
            redial_min_ms: 500,
            redial_max_ms: 30_000,
            seed: 1,
            patience_ms: 10_000,
            dispose_rows: 32,
            dispose_ms: 20,
        }
    }
}

/// What a device kept from its last run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "apps build it from their store")]
pub struct Resume {
    /// The epoch of the store that [`seen`](Self::seen) belongs to; 0 for a new device.
    pub epoch: u32,
    /// The last row the app stored.
    pub seen: Offset,
    /// Drafts whose ack the app has not seen, in order.
    pub unacked: Vec<Draft>,
}

/// What happens to a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// The dial succeeded.
    Connected,
    /// The server said something.
    Packet(ServerPacket),
    /// The connection is gone, or could not be made.
    Disconnected,
}

/// What a session wants done.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Dial. Answer with [`Input::Connected`] or [`Input::Disconnected`].
    Connect,
    /// Write this, after what was written before.
    Transmit(ClientPacket),
    /// Close the connection, if there still is one. No answer is needed.
    Hangup,
    /// Tell the app.
    Event(Event),
}

/// What an app hears.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The session is up, in a dialect that does not say where it stands.
    Online,
    /// The session is up and goes on where it was.
    Resumed(Welcome),
    /// The session is up; the server has let go of rows that this device has not seen. They are in the history.
    Gap {
        /// The last row seen before.
        seen: Offset,
        /// Rows are delivered after this one.
        resume_from: Offset,
        /// The server's word.
        welcome: Welcome,
    },
    /// The session is up with another store: rows and offsets of the old one mean nothing here.
    Reset(Welcome),
    /// The connection is gone; the session dials again by itself.
    Offline,
    /// The session is over, and does not dial again by itself.
    Ended(CloseReason),
    /// A draft is stored for everybody it goes to.
    Sent {
        /// The draft's name.
        client_ref: Option<ClientRef>,
        /// What the server made of it.
        head: Head,
        /// Its row in this user's own mailbox.
        offset: Offset,
    },
    /// A draft is not stored and will not be tried again.
    Refused {
        /// The draft.
        draft: Draft,
        /// Why.
        reason: Reject,
    },
    /// The connection broke between a draft and its ack, in a dialect where sending it again could double it.
    Unsure(Draft),
    /// A new row: store it, then call [`stored`](super::ClientSession::stored) with its offset.
    Received(Row),
    /// A mark is noted.
    Marked {
        /// About which message.
        message: MessageRef,
        /// What.
        status: Status,
    },
    /// A mark is refused and will not be tried again.
    MarkRefused {
        /// About which message.
        message: MessageRef,
        /// What.
        status: Status,
        /// Why.
        reason: Reject,
    },
    /// This user is in the group.
    Joined(GroupId),
    /// This user is not in the group, or no more.
    Left(GroupId),
    /// This user is not let into the group, or not heard there.
    Barred {
        /// Which group.
        group: GroupId,
        /// Why.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
    /// Somebody talks to this user.
    Talk(Talk),
    /// The answer to this device's own talk.
    Floor(Floor),
    /// Something beside messages: presence, tokens, being seen.
    Heard(Heard),
    /// The server could not make sense of a packet of this session.
    Fault(Fault),
}

/// There is no room for another command until earlier ones are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "gives the value back, and nothing else")]
pub struct Full<T>(pub T);
