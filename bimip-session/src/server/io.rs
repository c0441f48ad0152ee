//! What goes into the core and what comes out.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bimip_proto::{
    Ask, Caps, CloseReason, Device, DeviceName, Entry, Fault, Found, GroupId, Offset, Reject, Said,
    SoundName, TokenId, TokenTask, UnixMs, UserId, Window, limits,
};
use bytes::Bytes;

use super::wake::{Siblings, Subject};
use crate::ledger::{Committed, Failed, Outgoing, Standing, Ticket};

/// A connection, numbered by the driver. Never used twice in the life of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the driver's own number")]
pub struct ConnId(pub u64);

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// The recording of one talk, numbered by the core. Never used twice in the life of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a number, and nothing else")]
pub struct SoundId(pub u64);

impl fmt::Display for SoundId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

/// What happens to a recording. The first piece begins it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "drivers must carry out all of it")]
pub enum SoundAct {
    /// Add this piece: one encoded value of the talker's dialect. It is part of a larger buffer, so copy what you
    /// keep.
    Piece(Bytes),
    /// It is complete: give it a name, make it durable under it, and answer with [`Input::Kept`]. The message of the
    /// talk waits for that.
    Keep,
    /// Nobody will hear it.
    Drop,
}

/// Who a connection is, as the authenticator found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The user, and the device whose cursor the connection moves.
    pub device: Device,
    /// The hardware behind it, where several share one cursor (the msgpack dialect under its policy of one
    /// connection a user).
    pub label: Option<DeviceName>,
    /// When the grant runs out.
    pub expires: Option<UnixMs>,
    /// The token it came from, by which it can be revoked.
    pub token_id: Option<TokenId>,
    /// When the token was made: what is logged out by date is every token made before. `None` where there is no
    /// token to revoke; a token without a date counts as made at zero.
    pub issued: Option<UnixMs>,
    /// Groups that the token says the user is in: joined when the session begins.
    pub groups: Vec<GroupId>,
}

impl Grant {
    /// A grant without expiry.
    #[must_use]
    pub const fn new(device: Device) -> Self {
        Self { device, label: None, expires: None, token_id: None, issued: None, groups: Vec::new() }
    }
}

/// What the authenticator says of a token that a session asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "drivers build it")]
pub struct Vouched {
    /// What the token grants; of a refresh, what the newer one does.
    pub grant: Grant,
    /// The newer token, of a refresh.
    pub token: Option<Bytes>,
}

/// The authenticator says no. Why is the server's business: a stranger learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "no, and nothing else")]
pub struct Refused;

/// What a store knows about a device when it connects, or now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "drivers build it")]
pub struct Attachment {
    /// The epoch of the store.
    pub epoch: u32,
    /// The number of the session that begins: higher than that of every one that began before over the same store. 0 from
    /// a store that only one core uses.
    pub session: u64,
    /// The device's cursor; zero for a new one.
    pub cursor: Offset,
    /// The first row the mailbox still has.
    pub first: Offset,
    /// The last durable row of the mailbox.
    pub head: Offset,
    /// The last log record that is proven, of anybody; 0 in an empty store.
    pub sequence: u64,
    /// The groups that the user is in.
    pub groups: Vec<GroupId>,
    /// Those of them in which the user may not speak: [`listens`](crate::ledger::listens) says which.
    pub listens: Vec<GroupId>,
    /// What the user decided about their account.
    pub standing: Arc<Standing>,
    /// Whom the user has a conversation of two with, at most [`CONTACTS`](limits::CONTACTS).
    pub contacts: Vec<UserId>,
    /// Something waits in the feed of a group to be put into this mailbox.
    pub behind: bool,
    /// Whom the user has blocked.
    pub blocked: Arc<BTreeSet<UserId>>,
}

/// A request for the next rows of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "drivers read it")]
pub struct ReadPage {
    /// For whom; comes back in the page.
    pub conn: ConnId,
    /// Whose mailbox.
    pub user: UserId,
    /// Rows after this one.
    pub after: Offset,
    /// At most so many.
    pub rows: u32,
    /// At most so many bytes, counted by [`weight`](super::weight), but always one row.
    pub bytes: u64,
}

/// The answer to a [`ReadPage`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "drivers build it")]
pub struct Page {
    /// From the request.
    pub conn: ConnId,
    /// Durable rows, in order, without a gap after the request's `after`; `None` when the store could not be
    /// read.
    pub rows: Option<Vec<(Offset, Arc<Entry>)>>,
}

/// A question about what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "drivers read it")]
pub struct Lookup {
    /// For whom; comes back in the answer.
    pub conn: ConnId,
    /// Who asks.
    pub user: UserId,
    /// What.
    pub ask: Ask,
}

/// The answer to a [`Lookup`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "drivers build it")]
pub struct Answered {
    /// From the question.
    pub conn: ConnId,
    /// What [`find`](crate::ledger::find) found in one moment of what is proven, after the question was asked; `None` when
    /// the store could not be read.
    pub found: Option<Found>,
}

/// What happens to the core.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// A connection, with the grant if the transport's headers already signed it in.
    Opened {
        /// Its number.
        conn: ConnId,
        /// What its dialect can say.
        caps: Caps,
        /// Who it is.
        grant: Option<Grant>,
    },
    /// The answer to [`Output::Authenticate`].
    Granted(ConnId, Result<Grant, Refused>),
    /// The answer to [`Output::Attach`]; `None` when the store could not be read.
    Attached(ConnId, Option<Attachment>),
    /// The answer to [`Output::Contacts`]; `None` when the store could not be read.
    Contacts(UserId, Option<Vec<UserId>>),
    /// The answer to [`Output::Token`].
    Token(ConnId, Result<Vouched, Reject>),
    /// What a client said, in order.
    Packets(ConnId, Vec<Said>),
    /// A frame that the codec refused.
    Garbled(ConnId, Fault),
    /// A frame over the limit: where it ends is beyond reach, so nothing more can be read.
    Oversize(ConnId),
    /// The answer to [`Output::Barrier`]: everything sent before it arrived.
    Barrier(ConnId, u64),
    /// The connection is gone.
    Closed(ConnId),
    /// A ticket is durable.
    Committed(Committed),
    /// A ticket is not stored.
    Failed(Failed),
    /// The answer to [`Output::Read`].
    Page(Page),
    /// The answer to [`Output::Query`].
    Answered(Answered),
    /// The answer to [`SoundAct::Keep`]: the sound is durable under this name, or could not be kept.
    Kept(SoundId, Option<SoundName>),
    /// Another core over the same store says where to look: what its [`Output::Wake`] said, in any order, any number
    /// of times, or never. Ignored by a core that is alone. Take it from cores of the same store only: a forged one shows
    /// nobody anything, but may end a session.
    Woken(Vec<Subject>),
    /// Whoever keeps the accounts says that nothing which lets this user in and was made up to then is good any more: the
    /// account is logged out with that date, once it is durable. May be said again and again.
    LogOut(UserId, UnixMs),
    /// The server shuts down, for this reason: refuse new commands, answer the ones under way, say goodbye.
    Drain(CloseReason),
}

/// What the core wants done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Output {
    /// Write this to a connection, after what was written before.
    Send(ConnId, Outgoing),
    /// Write this to several connections: the same to each, so that it need be encoded only once for each dialect.
    SendAll(Arc<[ConnId]>, Outgoing),
    /// Write this row of a recorded talk to a connection that did not hear it, with the talk before it: its start and
    /// every piece. Where the sound cannot be read, the row alone.
    Replay(ConnId, Outgoing, SoundName),
    /// Ask the transport for a sign that everything written so far has arrived (a web socket ping carrying the
    /// number), in the same write as the rows before it.
    Barrier(ConnId, u64),
    /// Close it after what was written. No further input about it is needed but [`Input::Closed`].
    Close(ConnId, CloseReason),
    /// Read no more from this connection: it has said more than can be carried out. What was read already may
    /// still come.
    Pause(ConnId),
    /// Read on.
    Resume(ConnId),
    /// Who is this? Answer with [`Input::Granted`].
    Authenticate {
        /// Who asks.
        conn: ConnId,
        /// Who they say they are: to compare, not to believe.
        user: Option<UserId>,
        /// Which device they say it is.
        device: Option<DeviceName>,
        /// Their proof.
        token: Bytes,
    },
    /// Where does this device stand? Answer with [`Input::Attached`]. Asked once when a session begins, and by a core
    /// that is not alone also later: after a wake-up, and now and then ([`Siblings::poll_ms`]). At most one question
    /// for each connection is open.
    Attach(ConnId, Device),
    /// With whom does this user have a conversation of two? Answer with [`Input::Contacts`]. At most one question for
    /// each user is open.
    Contacts(UserId),
    /// What is this token worth? Answer with [`Input::Token`]: the grant of a good one; of one to be revoked also if
    /// it has run out; for a refresh also a newer one. At most one question for each connection is open.
    Token {
        /// Who asks.
        conn: ConnId,
        /// Whose session it is: a token for another device is none for this one.
        device: Device,
        /// What for.
        task: TokenTask,
        /// The token.
        token: Bytes,
    },
    /// Make this durable. Answer with [`Input::Committed`] or [`Input::Failed`], in the order of the tickets.
    Commit(Ticket),
    /// Something happens to the recording of a talk. Never in the way of what is relayed.
    Sound(SoundId, SoundAct),
    /// Give the next rows of a mailbox. Answer with [`Input::Page`]. An empty page is an answer.
    Read(ReadPage),
    /// Look up what a user asks for. Answer with [`Input::Answered`]. At most one question for each connection is open.
    Query(Lookup),
    /// Tell every other core over the same store where to look: [`Input::Woken`] there. Only from a core that is not
    /// alone. What happened between two polls is gathered: each subject once, at most
    /// [`WAKE_SUBJECTS`](limits::WAKE_SUBJECTS) in one. Lose it if you must: it costs the others at most
    /// [`Siblings::poll_ms`].
    Wake(Vec<Subject>),
}

/// The bounds and times of a core.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How much is in flight to one device. Bounds the memory of a connection whatever its backlog.
    pub window: Window,
    /// Time from opening to sign-in.
    pub sign_in_ms: u64,
    /// What [`Welcome`](bimip_proto::Welcome) asks of clients. Under the 30 s of common middleboxes.
    pub heartbeat_ms: u32,
    /// Silence after which a barrier asks whether the connection still lives, unless its
    /// [`Caps::silence`] says otherwise.
    pub probe_ms: u64,
    /// Silence after which it does not.
    pub idle_ms: u64,
    /// How long a client whose cursor moves by messages may leave a full window without a commit. It is then taken for
    /// one that never commits, and given what comes next. Looked at when it gives a sign of life.
    pub commit_patience_ms: u64,
    /// Tickets of one connection that storage has not answered; what comes beyond that waits.
    pub commits_per_connection: u32,
    /// Tickets of all connections that storage has not answered; what comes beyond that waits.
    pub commits_in_flight: u32,
    /// What the tickets of one connection weigh that storage has not answered, in bytes; what comes beyond that waits. At
    /// least 1: whatever is smaller lets nothing through.
    pub commit_bytes_per_connection: u64,
    /// What the tickets of all connections weigh that storage has not answered, in bytes; what comes beyond that waits.
    /// At least 1.
    pub commit_bytes_in_flight: u64,
    /// What waits of one connection, in bytes; what comes beyond that is refused as busy.
    pub held_bytes_per_connection: u64,
    /// What waits of all connections, in bytes; what comes beyond that is refused as busy. From half of it on, nothing
    /// more is read from whoever has something waiting.
    pub held_bytes: u64,
    /// A talk is ended here.
    pub talk_ms: u64,
    /// A talk that never ended is forgotten here.
    pub talk_forgotten_ms: u64,
    /// Silence of a talker after which another member of the group may take the floor.
    pub floor_idle_ms: u64,
    /// How often it is said again what a user is doing.
    pub presence_refresh_ms: u64,
    /// Whether a group that somebody joins for the first time is open to everybody. Otherwise groups are made, and
    /// joined, only by what the authenticator grants.
    pub open_groups: bool,
    /// A group with more members gets a feed: what is said there is put into the mailboxes of those alone who are here.
    pub row_members: u32,
    /// The recording of one talk; a longer one is not kept. 0 records nothing.
    pub sound_bytes: u64,
    /// All recordings that are not stored yet; a talk beyond that is not recorded.
    pub sounds_bytes: u64,
    /// How long the message of a talk waits for its sound to be stored.
    pub sound_keep_ms: u64,
    /// Whether a talk that somebody missed is played to them when they come back, where their dialect has live voice.
    /// Otherwise they learn of its end alone.
    pub replay_talks: bool,
    /// How long it may take until it is written down when somebody was seen.
    pub seen_ms: u64,
    /// The other cores over the same store. `None`: this one is alone with it, wakes nobody and never polls.
    pub siblings: Option<Siblings>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            window: Window::default(),
            sign_in_ms: limits::SIGN_IN_MS,
            heartbeat_ms: 25_000,
            probe_ms: 54_000,
            idle_ms: 120_000,
            commit_patience_ms: limits::COMMIT_PATIENCE_MS,
            commits_per_connection: limits::COMMITS_PER_CONNECTION,
            commits_in_flight: limits::COMMITS_IN_FLIGHT,
            commit_bytes_per_connection: limits::COMMIT_BYTES_PER_CONNECTION,
            commit_bytes_in_flight: limits::COMMIT_BYTES_IN_FLIGHT,
            held_bytes_per_connection: limits::HELD_BYTES_PER_CONNECTION,
            held_bytes: limits::HELD_BYTES,
            talk_ms: limits::TALK_MS,
            talk_forgotten_ms: limits::TALK_FORGOTTEN_MS,
            floor_idle_ms: limits::FLOOR_IDLE_MS,
            presence_refresh_ms: limits::PRESENCE_REFRESH_MS,
            open_groups: true,
            row_members: limits::ROW_MEMBERS,
            sound_bytes: limits::SOUND_BYTES,
            sounds_bytes: limits::SOUNDS_BYTES,
            sound_keep_ms: limits::SOUND_KEEP_MS,
            replay_talks: false,
            seen_ms: limits::SEEN_MS,
            siblings: None,
        }
    }
}
