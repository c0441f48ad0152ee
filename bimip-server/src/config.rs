//! The bounds and times of a server.

use std::time::Duration;

use bimip_codec::Dialect;
use bimip_proto::limits;
use bimip_proto::{Caps, Silence};
use bimip_session::server as core;

/// The bounds and times of a server.
///
/// ```
/// use bimip_server::Config;
///
/// let mut config = Config::default();
/// config.core.window.rows = 64;
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The core's own: the window of a device, the times of sign-in, silence and talks.
    pub core: core::Config,
    /// Connections at once; one more is turned away at the door. Each takes a few KiB when idle and at most its
    /// window when busy.
    pub connections: u32,
    /// What was read from sockets and that the core has not seen yet, in bytes, of all connections: when it is full, no
    /// socket is read. At least 1.
    pub inbox_bytes: u32,
    /// How long a socket may refuse one frame until the connection is closed. Its cursor makes that harmless.
    pub write_stall: Duration,
    /// How long a cursor or a receipt may wait for a message to share a sync with.
    pub control_wait: Duration,
    /// How long a shutdown waits for the commands under way, and then for the store to close.
    pub drain: Duration,
    /// How long a closing connection may take to read its goodbye.
    pub linger: Duration,
    /// What becomes of the msgpack connections that a user has already when another one comes.
    pub voiceping_sessions: VoicePingSessions,
    /// How long a connection may say nothing, by dialect.
    pub silences: Silences,
    /// How long a peer on the HTTP port may leave what was sent to it unread or unacknowledged until its connection is
    /// cut: whoever takes no more of a stream holds a place. Where the system can do that, which Linux does.
    pub unread_wait: Duration,
    /// How long a request of HTTP waits for its answer.
    pub call_wait: Duration,
    /// How often one user may ask over HTTP.
    pub call_rate: Rate,
    /// The origins of pages in browsers that may ask over HTTP and open web sockets, such as `https://chat.example`; any where
    /// none is named.
    pub origins: Vec<String>,
}

/// How often something may be done: so many at once, and then so many a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "complete")]
pub struct Rate {
    /// How many a second; 0 for as many as come.
    pub per_second: u32,
    /// How many at once.
    pub burst: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            core: core::Config::default(),
            connections: 100_000,
            inbox_bytes: limits::INBOX_BYTES,
            write_stall: Duration::from_secs(10),
            control_wait: Duration::from_millis(20),
            drain: Duration::from_secs(10),
            linger: Duration::from_secs(2),
            voiceping_sessions: VoicePingSessions::default(),
            silences: Silences::default(),
            unread_wait: Duration::from_secs(60),
            call_wait: crate::line::CALL_WAIT,
            // Ten times what an app does that loads its first screen.
            call_rate: Rate { per_second: 100, burst: 200 },
            origins: Vec::new(),
        }
    }
}

/// How long a connection may say nothing until it is ended, and its user is offline if it was the last: by dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Silences {
    /// The msgpack dialect: as the field's clients expect.
    pub voiceping: Silence,
    /// bimip.v1. A telephone in a pocket wakes its radio for every sign of life, so it may be silent for longer.
    pub bimip: Silence,
    /// The protobuf layout of the deployed server, of telephones too.
    pub deployed: Silence,
}

impl Default for Silences {
    fn default() -> Self {
        let mobile = Silence::of(240_000);
        Self { voiceping: Silence::of(120_000), bimip: mobile, deployed: mobile }
    }
}

impl Silences {
    /// The same for every dialect.
    #[must_use]
    pub const fn all(silence: Silence) -> Self {
        Self { voiceping: silence, bimip: silence, deployed: silence }
    }

    /// What a dialect can say, and how long it may be silent.
    pub(crate) const fn caps(&self, dialect: Dialect) -> Caps {
        let silence = match dialect {
            Dialect::VoicePing => Some(self.voiceping),
            Dialect::Scheme => Some(self.bimip),
            Dialect::Deployed => Some(self.deployed),
            // Of a newer codec: as the core says for all.
            _ => None,
        };
        Caps { silence, ..dialect.caps() }
    }
}

/// How many msgpack connections a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum VoicePingSessions {
    /// One: a new connection takes the place of the old one, which is told so when it is another device. They
    /// share one cursor, so what one device has received does not come again on the next.
    #[default]
    Replace,
    /// One for each device, each with a cursor of its own.
    Multi,
}
