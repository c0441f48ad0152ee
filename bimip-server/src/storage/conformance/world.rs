//! A core over the store under test, with clients that say what a case wants said.

use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, CloseReason, Device, DeviceName, Draft, Entry, GroupId,
    Head, MessageRef, Noted, Now, Offset, Receipt, Reject, Row, Said, ServerPacket, Status, TokenId,
    TokenTask, UnixMs, UserId,
};
use bimip_session::Machine;
use bimip_session::ledger::{Standing, Ticket};
use bimip_session::server::{Attachment, Config, ConnId, Grant, Input, Output, ServerCore, Vouched};
use bytes::Bytes;

use super::Subject;
use crate::storage::{Reader, Storage};

/// Rows as a reader gives them.
pub(super) type Rows = Vec<(Offset, Arc<Entry>)>;

/// How long a token is good.
pub(super) const TOKEN_MS: u64 = 3_600_000;

/// The store, the core, and what clients have heard.
pub(super) struct World<S: Storage> {
    core: ServerCore,
    pub(super) store: S,
    pub(super) reader: S::Reader,
    pub(super) now: Now,
    pub(super) tickets: Vec<Ticket>,
    heard: BTreeMap<ConnId, Vec<ServerPacket>>,
    devices: BTreeMap<ConnId, Device>,
    closed: Vec<(ConnId, CloseReason)>,
    next: u64,
    row_members: u32,
}

impl<S: Storage> World<S> {
    pub(super) fn new(store: S) -> Self {
        Self::with_row_members(store, Config::default().row_members)
    }

    /// With groups that get a feed when they have more members than this.
    pub(super) fn with_row_members(store: S, row_members: u32) -> Self {
        let mut config = Config::default();
        config.row_members = row_members;
        Self {
            row_members,
            core: ServerCore::new(config),
            reader: store.reader(),
            store,
            now: Now { mono_ms: 1, unix_ms: 1_763_652_000_000 },
            tickets: Vec::new(),
            heard: BTreeMap::new(),
            devices: BTreeMap::new(),
            closed: Vec::new(),
            next: 1,
        }
    }

    /// The same store after a restart; every connection is gone. `None` where the backend keeps nothing.
    pub(super) fn reopen(self, subject: &Subject<'_, S>) -> Option<Self> {
        let reopen = subject.reopen.as_ref()?;
        let Self { store, reader, now, row_members, .. } = self;
        drop(reader);
        let mut world = Self::with_row_members(reopen(store), row_members);
        world.now = now;
        Some(world)
    }

    /// The same store under a new core.
    pub(super) fn restart(self) -> Self {
        let mut world = Self::with_row_members(self.store, self.row_members);
        world.now = self.now;
        world
    }

    // ---- clients ------------------------------------------------------------------------------------

    pub(super) fn open(&mut self, user: &str, device: &str) -> ConnId {
        self.open_with(Caps::FULL, user, device)
    }

    pub(super) fn open_with(&mut self, caps: Caps, user: &str, device: &str) -> ConnId {
        self.open_granted(caps, Grant::new(self::device(user, device)))
    }

    /// Signs in with a token that has a name and was made now.
    pub(super) fn open_by_token(&mut self, caps: Caps, user: &str, device: &str, token: &str) -> ConnId {
        let grant = self.grant(self::device(user, device), token);
        self.open_granted(caps, grant)
    }

    fn open_granted(&mut self, caps: Caps, grant: Grant) -> ConnId {
        let conn = ConnId(self.next);
        self.next += 1;
        self.devices.insert(conn, grant.device.clone());
        self.input(Input::Opened { conn, caps, grant: Some(grant) });
        conn
    }

    /// Every token is good, and is its own name.
    fn grant(&self, device: Device, token: &str) -> Grant {
        let mut grant = Grant::new(device);
        grant.token_id = TokenId::new(token).ok();
        grant.issued = Some(UnixMs(self.now.unix_ms));
        grant.expires = Some(UnixMs(self.now.unix_ms + TOKEN_MS));
        grant
    }

    pub(super) fn revoke(&mut self, conn: ConnId, token: &str) {
        let token = Bytes::copy_from_slice(token.as_bytes());
        self.say(conn, ClientPacket::Token { task: TokenTask::Revoke, token });
    }

    /// The connections that were closed since the last time, and why.
    pub(super) fn closed(&mut self) -> Vec<(ConnId, CloseReason)> {
        std::mem::take(&mut self.closed)
    }

    /// Says something. What it wants stored waits for [`commit`](Self::commit).
    pub(super) fn say(&mut self, conn: ConnId, packet: ClientPacket) {
        self.input(Input::Packets(conn, vec![Said::from(packet)]));
    }

    pub(super) fn send(&mut self, conn: ConnId, name: &str, to: &str, text: &str) {
        self.say(conn, ClientPacket::Send(draft(name, to, Body::text(text))));
    }

    pub(super) fn mark(&mut self, conn: ConnId, message: &MessageRef, status: Status) {
        self.say(conn, ClientPacket::Mark { message: message.clone(), status });
    }

    /// Sends, commits and gives what it was accepted as.
    pub(super) fn sent(&mut self, conn: ConnId, name: &str, to: &str, text: &str) -> (Head, Offset) {
        self.send(conn, name, to, text);
        self.commit();
        let accepted = accepted(&self.heard(conn));
        let [accepted] = accepted.try_into().unwrap_or_else(|heard| panic!("{name}: heard {heard:?}"));
        accepted
    }

    /// What a client has heard since the last time.
    pub(super) fn heard(&mut self, conn: ConnId) -> Vec<ServerPacket> {
        self.heard.remove(&conn).unwrap_or_default()
    }

    /// The client hangs up.
    pub(super) fn close(&mut self, conn: ConnId) {
        self.input(Input::Closed(conn));
    }

    /// Time passes.
    pub(super) fn wait(&mut self, ms: u64) {
        self.now = Now { mono_ms: self.now.mono_ms + ms, unix_ms: self.now.unix_ms + ms };
        self.core.handle_timeout(self.now);
        self.pump();
    }

    // ---- the store ----------------------------------------------------------------------------------

    /// Commits everything that was said, in one batch.
    pub(super) fn commit(&mut self) {
        let batch = std::mem::take(&mut self.tickets);
        let tickets = batch.len();
        let answers = self.store.commit(batch);
        assert_eq!(answers.len(), tickets, "every ticket has one answer");
        for answer in answers {
            self.core.handle_input(
                self.now,
                match answer {
                    Ok(proof) => Input::Committed(proof),
                    Err(failed) => Input::Failed(failed),
                },
            );
        }
        self.pump();
    }

    /// Commits until nothing is left: what is committed may fill mailboxes.
    pub(super) fn commit_all(&mut self) {
        while !self.tickets.is_empty() {
            self.commit();
        }
    }

    pub(super) fn attach(&self, user: &str, name: &str) -> Attachment {
        self.reader.attach(&device(user, name)).unwrap_or_else(|error| panic!("{user}/{name}: {error}"))
    }

    pub(super) fn standing(&self, user: &str) -> Arc<Standing> {
        self.reader.standing(&self::user(user)).unwrap_or_else(|error| panic!("{user}: {error}"))
    }

    pub(super) fn contacts(&self, user: &str) -> Vec<UserId> {
        self.reader.contacts(&self::user(user)).unwrap_or_else(|error| panic!("{user}: {error}"))
    }

    /// A page without bounds.
    pub(super) fn rows(&self, user: &str, after: u64) -> Rows {
        self.page(user, after, u32::MAX, u64::MAX)
    }

    pub(super) fn page(&self, user: &str, after: u64, rows: u32, bytes: u64) -> Rows {
        let page = self.reader.rows(&self::user(user), Offset(after), rows, bytes);
        page.unwrap_or_else(|error| panic!("the mailbox of {user}: {error}"))
    }

    // ---- the core -----------------------------------------------------------------------------------

    fn input(&mut self, input: Input) {
        self.core.handle_input(self.now, input);
        self.pump();
    }

    fn pump(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(conn, outgoing) => {
                    self.heard.entry(conn).or_default().push(outgoing.into_packet());
                }
                Output::SendAll(conns, outgoing) => {
                    for conn in conns.iter() {
                        self.heard.entry(*conn).or_default().push(outgoing.packet().clone());
                    }
                }
                Output::Commit(ticket) => self.tickets.push(ticket),
                Output::Attach(conn, device) => {
                    let attachment = self.reader.attach(&device).unwrap_or_else(|error| panic!("{error}"));
                    self.core.handle_input(self.now, Input::Attached(conn, Some(attachment)));
                }
                Output::Contacts(user) => {
                    let contacts = self.reader.contacts(&user).unwrap_or_else(|error| panic!("{error}"));
                    self.core.handle_input(self.now, Input::Contacts(user, Some(contacts)));
                }
                Output::Token { conn, token, .. } => {
                    let grant = self.grant(self.devices[&conn].clone(), &String::from_utf8_lossy(&token));
                    let vouched = Vouched { grant, token: None };
                    self.core.handle_input(self.now, Input::Token(conn, Ok(vouched)));
                }
                Output::Close(conn, reason) => {
                    self.closed.push((conn, reason));
                    self.core.handle_input(self.now, Input::Closed(conn));
                }
                Output::Query(lookup) => {
                    let answered = self.reader.look_up(&lookup);
                    self.core.handle_input(self.now, Input::Answered(answered));
                }
                Output::Read(request) => {
                    let page = self.reader.page(&request);
                    assert!(page.rows.is_some(), "the mailbox of {} can be read", request.user);
                    self.core.handle_input(self.now, Input::Page(page));
                }
                _ => {}
            }
        }
    }
}

// ---- words ------------------------------------------------------------------------------------------

pub(super) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(super) fn group(name: &str) -> GroupId {
    GroupId::new(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(super) fn device(user: &str, name: &str) -> Device {
    let name = DeviceName::new(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    Device::new(self::user(user), name)
}

/// A draft; without a name of its own where `name` is empty.
pub(super) fn draft(name: &str, to: &str, body: Body) -> Draft {
    let to = Address::User(user(to));
    Draft { client_ref: ClientRef::new(name).ok(), to, client_time: None, body }
}

pub(super) fn accepted(heard: &[ServerPacket]) -> Vec<(Head, Offset)> {
    let accepted = heard.iter().filter_map(|packet| match packet {
        ServerPacket::Accepted { head, offset, .. } => Some((head.clone(), *offset)),
        _ => None,
    });
    accepted.collect()
}

pub(super) fn rejected(heard: &[ServerPacket]) -> Vec<Reject> {
    let rejected = heard.iter().filter_map(|packet| match packet {
        ServerPacket::Rejected { reason, .. } | ServerPacket::Noted(Noted::Refused { reason, .. }) => {
            Some(*reason)
        }
        _ => None,
    });
    rejected.collect()
}

pub(super) fn delivered(heard: &[ServerPacket]) -> Vec<Row> {
    let delivered = heard.iter().filter_map(|packet| match packet {
        ServerPacket::Deliver(row) => Some(row.clone()),
        _ => None,
    });
    delivered.collect()
}

pub(super) fn receipts(rows: &Rows) -> Vec<Receipt> {
    let receipts = rows.iter().filter_map(|(_, entry)| match &**entry {
        Entry::Receipt(receipt) => Some(receipt.clone()),
        _ => None,
    });
    receipts.collect()
}

pub(super) fn heads(rows: &Rows) -> Vec<Head> {
    let heads = rows.iter().filter_map(|(_, entry)| match &**entry {
        Entry::Message(message) => Some(message.head.clone()),
        _ => None,
    });
    heads.collect()
}

pub(super) fn offsets(rows: &Rows) -> Vec<u64> {
    rows.iter().map(|(offset, _)| offset.0).collect()
}
