//! What must hold, checked from outside: against what leaves the cores, what apps are told, the disk, and the clock.
//!
//! | id | what | where |
//! |---|---|---|
//! | I1 | what is acknowledged, to a client or to an app, is durable at that moment and at the end | `acks`, `apps`, `drafts` |
//! | I2 | a draft is stored once, acknowledged with one id and one offset, and reported once | `acks`, `apps`, `drafts` |
//! | I3 | a message is in the mailboxes of all it is for, or in none | `acks`, `mailboxes` |
//! | I4 | every mailbox and device has a conversation in the order of its seq, and so were a device's drafts | `mailboxes`, `drafts` |
//! | I5 | offsets and seqs are dense; stamps rise; what is shown is durable | `rows`, `mailboxes` |
//! | I6 | cursors never go back, and never beyond the mailbox | `cursors` |
//! | I7 | receipts rise, are told once, and have a cause; a mark that an app kept arrives | `receipts`, `apps` |
//! | I8 | a device that comes to rest has its whole mailbox, in order, once; at any time a part from the start | `apps`, `devices` |
//! | I9 | nobody is told what is not theirs | `rows`, `mailboxes`, `voice` |
//! | I17 | an answer is all that its asker may see of what it is about, as it is stored, and no more; what was there when it was asked for is in it | `answers` |
//! | I21 | how far a message got is told to those it is for and to its author, as it is: no more than is durable and was written, no less than was durable when it was asked, and when | `statuses` |
//! | I10 | what was refused is not stored | `drafts`, `commands` |
//! | I13 | drafts are answered in time; when the faults stop, everything comes to rest in time | `pace`, `rest` |
//! | I14 | live voice holds no text up; the end of a talk is a durable message | `pace`, `voice` |
//! | I18 | editions of a message are dense, reach whoever has it, and the highest holds; of what is deleted nothing leaves any more; a revision is carried out and answered once | `revisions`, `rows`, `commands` |
//! | I19 | a group is what its changes come to: who may do what and post, who is in it and is told | `managed`, `commands` |
//! | I20 | of a hidden user nothing live leaves; of the others what holds is told to those who share something with them | `presence` |
//! | I16 | a jump of the wall clock changes no order, loses nothing, and ends no session | `clock` |
//!
//! Nothing here knows how the machines work, and none of the parts knows of the others. What is checked on the way
//! costs a few look-ups for each packet; what is checked at the end is one pass over everything stored.

mod acks;
mod answers;
mod apps;
mod clock;
mod commands;
mod cursors;
mod devices;
mod drafts;
mod findings;
mod mailboxes;
mod managed;
mod members;
mod pace;
mod presence;
mod receipts;
mod rest;
mod revisions;
mod rows;
mod statuses;
mod truth;
mod voice;

use bimip_proto::{
    Ask, Caps, ClientPacket, ClientRef, Device, Entry, Found, Head, MessageRef, Now, Offset, Query, Row,
    ServerPacket, Status, UserId,
};

use self::acks::Acks;
use self::answers::Answers;
use self::apps::Apps;
use self::clock::Clock;
use self::commands::Commands;
use self::cursors::Cursors;
use self::findings::Findings;
use self::members::Members;
use self::pace::Pace;
use self::presence::Presences;
use self::receipts::Receipts;
use self::rest::Rested;
use self::revisions::Revisions;
use self::statuses::Statuses;
use self::voice::Voice;
use crate::ledger::Book;
use crate::server::ConnId;

pub use self::rest::Bounds;

/// Collects violations. One world, one checker.
#[derive(Debug, Default)]
pub struct Checker {
    findings: Findings,
    now_ms: u64,
    acks: Acks,
    answers: Answers,
    apps: Apps,
    clock: Clock,
    commands: Commands,
    cursors: Cursors,
    members: Members,
    pace: Pace,
    presence: Presences,
    receipts: Receipts,
    rest: Rested,
    statuses: Statuses,
    revisions: Revisions,
    voice: Voice,
}

/// What one device's app holds at the end.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the world fills it")]
pub struct Held<'a> {
    /// Which device.
    pub device: &'a Device,
    /// Whether it is a walkie-talkie: no numbers of rows, at least once instead of exactly once.
    pub walkie: bool,
    /// What its dialect can say.
    pub caps: Caps,
    /// What its app stored, in order.
    pub rows: Vec<(Offset, &'a Entry)>,
}

/// What one draft came to.
#[derive(Debug, Clone)]
#[expect(clippy::exhaustive_structs, reason = "the world fills it")]
pub struct Fate {
    /// Who sent it.
    pub device: Device,
    /// The text it can be known by, in any dialect.
    pub tag: String,
    /// Drafts of one device in the order they were sent; 0 where that order is not promised.
    pub place: u64,
    /// The app was told that it is sent.
    pub sent: bool,
    /// The app was told that it is not known what became of it, or there is no word for that.
    pub unsure: bool,
    /// The app was told that it is refused, which only a group does that its author is not in.
    pub refused: bool,
    /// The app lost it in a crash before it had synced it.
    pub lost: bool,
}

impl Checker {
    /// A checker for a world of several cores: what one of them decides, the others know after `stale_ms` at most.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            presence: Presences::new(&bounds),
            revisions: Revisions::new(bounds.lag_ms),
            voice: Voice::new(bounds.late_ms()),
            rest: Rested::new(bounds),
            ..Self::default()
        }
    }

    /// What was found.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        self.findings.list()
    }

    /// Somebody else found something, such as a bot.
    pub fn found(&mut self, what: String) {
        self.findings.check(false, || what);
    }

    /// What time it is from here on, by the clock that does not jump.
    pub const fn now(&mut self, now: Now) {
        self.now_ms = now.mono_ms;
    }

    // ---- the cores ------------------------------------------------------------------------------------

    /// A packet leaves a core for a device.
    pub fn leaves(&mut self, device: &Device, packet: &ServerPacket, durable: &Book) {
        let findings = &mut self.findings;
        self.acks.leaves(findings, device, packet, durable);
        self.commands.leaves(findings, device, packet, durable);
        rows::leaves(findings, self.now_ms, device, packet, durable, &self.revisions);
        self.voice.leaves(findings, self.now_ms, device, packet, &self.members);
    }

    /// A connection is made, for a device whose dialect has words for presence or not.
    pub fn opens(&mut self, core: usize, conn: ConnId, device: &Device, tells: bool) {
        self.presence.opens(core, conn, device, tells);
    }

    /// The same packet, by its core and connection.
    pub fn tells(&mut self, core: usize, conn: ConnId, packet: &ServerPacket, durable: &Book) {
        let (findings, members) = (&mut self.findings, &self.members);
        self.presence.tells(findings, self.now_ms, (core, conn), packet, durable, members);
    }

    /// Storage could not say whom to tell of a user.
    pub fn unread(&mut self, user: &UserId) {
        self.presence.unread(user);
    }

    /// The same packet, by its connection.
    pub fn says(&mut self, conn: ConnId, packet: &ServerPacket, durable: &Book) {
        self.pace.says(&mut self.findings, self.now_ms, conn, packet);
        self.voice.says(&mut self.findings, conn, packet, durable);
        self.clock.says(&mut self.findings, self.now_ms, conn, packet);
        self.rest.says(self.now_ms, packet);
    }

    /// The same packet, by its connection and, while its link is up, its device.
    pub fn carries(&mut self, conn: ConnId, device: Option<&Device>, packet: &ServerPacket) {
        self.statuses.carries(conn, device, packet);
    }

    /// A packet reaches a core.
    pub fn hears(&mut self, conn: ConnId, packet: &ClientPacket) {
        self.pace.hears(self.now_ms, conn, packet);
        self.voice.hears(conn, packet);
    }

    /// A core is told that a connection may live for so long.
    pub fn granted(&mut self, conn: ConnId, life_ms: u64) {
        self.clock.granted(conn, self.now_ms + life_ms);
    }

    /// A connection is gone, or its core is; the core may not know yet.
    pub fn gone(&mut self, conn: ConnId, durable: &Book) {
        self.pace.gone(conn);
        self.presence.gone(self.now_ms, conn, durable, &self.members);
        self.voice.gone(conn);
    }

    /// The disk refused something: the end of a talk has no word for that.
    pub fn refused(&mut self) {
        self.voice.refused();
    }

    /// The wall clock has jumped, nothing else has happened yet, and every timer was asked whether it is due.
    pub fn jumps(&mut self, what_ended: Option<&str>) {
        self.clock.jumps(&mut self.findings, what_ended);
    }

    /// Something became durable.
    pub fn synced(&mut self, devices: &[&Device], durable: &Book) {
        self.cursors.synced(&mut self.findings, devices, durable);
        self.commands.synced(durable);
        self.members.synced(self.now_ms, durable);
        self.revisions.synced(self.now_ms, durable, &self.members);
        self.presence.synced(&mut self.findings, self.now_ms, durable, &self.members);
    }

    /// A question was answered from what is durable now.
    pub fn looked_up(&mut self, user: &UserId, ask: &Ask, found: &Found, durable: &Book) {
        match ask {
            Ask::Status { .. } => statuses::looked_up(&mut self.findings, user, ask, found, durable),
            _ => answers::looked_up(&mut self.findings, user, ask, found, durable),
        }
    }

    // ---- the apps -------------------------------------------------------------------------------------

    /// A message reaches an app.
    pub fn arrives(&mut self, device: &Device, entry: &Entry) {
        self.receipts.arrives(device, entry);
    }

    /// An app is told of a row.
    pub fn received(&mut self, device: &Device, row: &Row, durable: &Book) {
        self.apps.received(&mut self.findings, device, row, durable);
        self.rest.received(device);
        self.arrives(device, &row.entry);
    }

    /// An app is told that a draft is sent.
    pub fn sent(&mut self, device: &Device, client_ref: Option<&ClientRef>, head: &Head, durable: &Book) {
        self.apps.sent(&mut self.findings, device, client_ref, head, durable);
    }

    /// An app asks.
    pub fn asks(&mut self, device: &Device, query: &Query, durable: &Book) {
        self.answers.asks(device, query, durable);
        self.statuses.asks(device, query, durable);
    }

    /// An app is told what it asked for.
    pub fn answered_with(&mut self, device: &Device, query: &Query, found: &Found, durable: &Book) {
        self.answers.answered(&mut self.findings, device, query, found);
        self.statuses.answered(&mut self.findings, device, query, found, durable);
    }

    /// An app was answered, one of `window` that may be on the wire at once.
    pub fn answered(&mut self, device: &Device, window: usize) {
        self.rest.trip(device, window as u64);
    }

    /// An app says something about a message, and keeps that until it is answered.
    pub fn marks(&mut self, device: &Device, message: &MessageRef, status: Status) {
        self.apps.marks(device, message, status);
    }

    /// An app is told that what it said about a message is noted, or that it is refused.
    pub fn marked(
        &mut self,
        device: &Device,
        message: &MessageRef,
        status: Status,
        noted: bool,
        durable: &Book,
    ) {
        self.apps.marked(&mut self.findings, device, (message, status), noted, durable);
    }

    /// An app asks for a revision, or for something about a group, and keeps that until it is answered.
    pub fn commands(&mut self, device: &Device, name: &ClientRef) {
        self.commands.asks(device, name);
    }

    /// An app is told that this is done, as which edition and with which row; or that it is refused.
    pub fn commanded(
        &mut self,
        device: &Device,
        name: &ClientRef,
        done: Option<(u32, Offset)>,
        durable: &Book,
    ) {
        self.commands.answered(&mut self.findings, device, name, done, durable);
    }

    /// What an app wrote so far survives a crash from here on.
    pub fn stored(&mut self, device: &Device) {
        self.apps.stored(device);
        self.commands.stored(device);
    }

    /// An app starts again, with what had survived.
    pub fn restarts(&mut self, device: &Device) {
        self.apps.restarts(device);
        self.commands.restarts(device);
    }

    // ---- the end --------------------------------------------------------------------------------------

    /// The faults have stopped.
    pub const fn calms(&mut self) {
        self.rest.calms(self.now_ms);
    }

    /// All links are up, or one of them is not any more.
    pub fn linked(&mut self, all_up: bool) {
        self.rest.linked(&mut self.findings, self.now_ms, all_up);
    }

    /// The faults stopped long enough ago: everything is judged.
    ///
    /// `rested` is whether nothing is under way, and `since_mono_ms` since when.
    pub fn at_rest(
        &mut self,
        rested: bool,
        since_mono_ms: u64,
        durable: &Book,
        held: &[Held<'_>],
        fates: &[Fate],
    ) {
        self.rest.ends(&mut self.findings, since_mono_ms, rested);
        self.pace.ends(&mut self.findings, self.now_ms);
        self.presence.at_rest(&mut self.findings, self.now_ms, durable, &self.members);
        self.judge(durable, held, fates, true);
    }

    /// The run was stopped in the midst of it: what may never happen is judged, not what has yet to.
    pub fn stopped(&mut self, durable: &Book, held: &[Held<'_>], fates: &[Fate]) {
        self.pace.ends(&mut self.findings, self.now_ms);
        self.judge(durable, held, fates, false);
    }

    fn judge(&mut self, durable: &Book, held: &[Held<'_>], fates: &[Fate], at_rest: bool) {
        let findings = &mut self.findings;
        mailboxes::judge(findings, durable, at_rest);
        drafts::judge(findings, durable, fates, at_rest);
        self.receipts.judge(findings, durable, held, &self.revisions, at_rest);
        devices::judge(findings, durable, held, &self.revisions, at_rest);
        self.apps.judge(findings, durable, at_rest);
        self.revisions.judge(findings, durable, at_rest);
        self.commands.judge(findings, at_rest);
        managed::judge(findings, durable, at_rest);
    }
}
