//! What goes into a session and what comes out.

use bimip_proto::{
    ClientPacket, Device, Draft, GroupCommand, MessageRef, Offset, React, Reject, Revise, ServerPacket,
    Status, UnixMs, UserCommand,
};
use bytes::Bytes;

use super::event::Event;

/// Bounds, times and identity of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Which device this is.
    pub device: Device,
    /// The token to sign in with as the first packet; `None` when the transport's headers carry it.
    pub token: Option<Bytes>,
    /// When the token runs out, if that is known: a newer one is asked for in time ([`Event::Token`]).
    pub token_expires: Option<UnixMs>,
    /// How long before the token runs out a newer one is asked for; of a token that lives shorter than twice this,
    /// at half of what is left of it.
    pub refresh_ahead_ms: u64,
    /// Whether the server's first word is a welcome. Without one the session is up when it is connected.
    pub welcome: bool,
    /// Whether the dialect names drafts, so that sending one again is harmless. Without it a draft whose ack was
    /// lost is given back to the app ([`Event::Unsure`]).
    pub resend: bool,
    /// Whether the server has to be told that this client says what it has stored, before it is given anything: in a dialect
    /// where what arrived counts as stored until then. Said right behind the sign-in.
    pub announce: bool,
    /// Drafts waiting for their ack. Bounds the memory, and what is sent again after a cut.
    pub unacked_drafts: usize,
    /// Drafts on the wire at once; the rest wait here. Under the server's own bound.
    pub window_drafts: usize,
    /// Marks waiting for their answer; as many edits and deletions, as many commands about groups, and as many about the
    /// user.
    pub unnoted_marks: usize,
    /// Marks on the wire at once, as many edits and deletions, and as many commands of each kind; the rest wait here.
    pub window_marks: usize,
    /// First wait before dialling again; doubled up to [`redial_max_ms`](Self::redial_max_ms), and then drawn
    /// between nothing and that, so that a crowd does not come back at once.
    pub redial_min_ms: u64,
    /// The longest wait before dialling again.
    pub redial_max_ms: u64,
    /// After a goodbye of a server that goes away the wait is drawn below this at least: everybody was told at once.
    pub redial_crowd_ms: u64,
    /// The longest time that a server may tell this device to stay away or to keep a draft back; more counts as this.
    pub retry_after_max_ms: u64,
    /// A connection that was up for so long was a good one: the next wait begins at
    /// [`redial_min_ms`](Self::redial_min_ms) again.
    pub steady_ms: u64,
    /// Where the draws start; give each device another number.
    pub seed: u64,
    /// Patience for a dial, a welcome and a pong.
    pub patience_ms: u64,
    /// The longest silence, either way, before the server is asked for a sign of life. A welcome can lower it.
    pub heartbeat_max_ms: u64,
    /// The shortest: where connections die in silence the heartbeat is halved down to this, and becomes slower again
    /// while they hold.
    pub heartbeat_min_ms: u64,
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
            token_expires: None,
            refresh_ahead_ms: 300_000,
            welcome: true,
            resend: true,
            announce: false,
            unacked_drafts: 1024,
            window_drafts: 64,
            unnoted_marks: 1024,
            window_marks: 64,
            redial_min_ms: 500,
            redial_max_ms: 30_000,
            redial_crowd_ms: 4_000,
            retry_after_max_ms: 600_000,
            steady_ms: 10_000,
            seed: 1,
            patience_ms: 10_000,
            heartbeat_max_ms: 60_000,
            heartbeat_min_ms: 10_000,
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
    /// Marks whose answer the app has not seen.
    pub marks: Vec<(MessageRef, Status)>,
    /// Edits and deletions whose answer the app has not seen, in order.
    pub revisions: Vec<Revise>,
    /// Commands about groups whose answer the app has not seen, in order.
    pub groups: Vec<GroupCommand>,
    /// Reactions whose answer the app has not seen, in order.
    pub reactions: Vec<React>,
    /// Commands about the user whose answer the app has not seen, in order.
    pub users: Vec<UserCommand>,
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
    /// The connection could not be made, or is gone, and the other side said when to come back: an HTTP answer with
    /// `Retry-After` instead of a web socket.
    TurnedAway {
        /// After how long.
        retry_after_ms: u64,
    },
    /// The dial was answered, and the sign-in refused: an HTTP answer of 401.
    Refused,
    /// This packet was not written and never will be: the dialect has no words for it, or not enough room.
    Unwritable(Box<ClientPacket>, Reject),
}

/// What a session wants done.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Dial. Answer with [`Input::Connected`], or with [`Input::Disconnected`], [`Input::TurnedAway`] or
    /// [`Input::Refused`].
    Connect,
    /// Write this, after what was written before.
    Transmit(ClientPacket),
    /// Close the connection, if there still is one. No answer is needed.
    Hangup,
    /// Tell the app.
    Event(Event),
}

/// There is no room for another command until earlier ones are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "gives the value back, and nothing else")]
pub struct Full<T>(pub T);
