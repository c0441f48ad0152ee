//! Clients of both dialects over a store, and what the store holds as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, Device, DeviceName, Draft, Entry, GroupId, Head,
    MessageRef, Now, Offset, Reject, Said, ServerPacket, Status, Talk, TalkAct, UnixMs, UserId,
};
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::{Reader, Storage};
use bimip_session::Machine;
use bimip_session::ledger::Ticket;
use bimip_session::server::{Config, ConnId, Grant, Input, Output, ServerCore, SoundAct};
use bytes::Bytes;

/// A core over a store. What is said is committed at once, each in a batch of its own.
pub(crate) struct House {
    core: ServerCore,
    pub(crate) store: EmbeddedStorage,
    pub(crate) now: Now,
    heard: BTreeMap<ConnId, Vec<ServerPacket>>,
    next: u64,
}

/// What became of a draft.
pub(crate) type Answer = Result<(Head, Offset), Reject>;

/// A group of three has a feed.
fn config() -> Config {
    let mut config = Config::default();
    config.row_members = 2;
    config
}

impl House {
    pub(crate) fn new(store: EmbeddedStorage, unix_ms: u64) -> Self {
        Self {
            core: ServerCore::new(config()),
            store,
            now: Now { mono_ms: 1, unix_ms },
            heard: BTreeMap::new(),
            next: 1,
        }
    }

    pub(crate) fn open(&mut self, caps: Caps, user: &str, name: &str) -> ConnId {
        let conn = ConnId(self.next);
        self.next += 1;
        let grant = Some(Grant::new(device(user, name)));
        self.input(Input::Opened { conn, caps, grant });
        assert!(matches!(self.heard(conn)[..], [ServerPacket::Welcome(_), ..]), "{user}/{name} is welcome");
        conn
    }

    pub(crate) fn say(&mut self, conn: ConnId, packet: ClientPacket) {
        self.now.unix_ms += 10;
        self.now.mono_ms += 10;
        self.input(Input::Packets(conn, vec![Said::from(packet)]));
    }

    pub(crate) fn send(&mut self, conn: ConnId, draft: Draft) -> Answer {
        self.heard(conn);
        self.say(conn, ClientPacket::Send(draft));
        let answer = self.heard(conn).into_iter().find_map(|packet| match packet {
            ServerPacket::Accepted { head, offset, .. } => Some(Ok((head, offset))),
            ServerPacket::Rejected { reason, .. } => Some(Err(reason)),
            _ => None,
        });
        answer.expect("every draft is answered")
    }

    pub(crate) fn mark(&mut self, conn: ConnId, head: &Head, status: Status) {
        self.say(conn, ClientPacket::Mark { message: MessageRef::Id(head.id), status });
    }

    pub(crate) fn talk(&mut self, conn: ConnId, from: &str, to: &str, act: TalkAct) {
        let to = Address::User(user(to));
        self.say(conn, ClientPacket::Talk(Talk { from: user(from), to, act }));
    }

    pub(crate) fn heard(&mut self, conn: ConnId) -> Vec<ServerPacket> {
        self.heard.remove(&conn).unwrap_or_default()
    }

    pub(crate) fn rows(&self, who: &str) -> Vec<(Offset, Arc<Entry>)> {
        self.store.reader().rows(&user(who), Offset::ZERO, u32::MAX, u64::MAX).unwrap()
    }

    /// The heads of the messages in a mailbox.
    pub(crate) fn heads(&self, who: &str) -> Vec<Head> {
        let rows = self.rows(who);
        let heads = rows.iter().filter_map(|(_, entry)| match &**entry {
            Entry::Message(message) => Some(message.head.clone()),
            _ => None,
        });
        heads.collect()
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, ms: u64) {
        self.now = Now { mono_ms: self.now.mono_ms + ms, unix_ms: self.now.unix_ms + ms };
        self.core.handle_timeout(self.now);
        self.settle();
    }

    fn input(&mut self, input: Input) {
        self.core.handle_input(self.now, input);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            let tickets = self.pump();
            if tickets.is_empty() {
                return;
            }
            for answer in self.store.commit(tickets) {
                let input = match answer {
                    Ok(proof) => Input::Committed(proof),
                    Err(failed) => Input::Failed(failed),
                };
                self.core.handle_input(self.now, input);
            }
        }
    }

    fn pump(&mut self) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(conn, outgoing) => {
                    self.heard.entry(conn).or_default().push(outgoing.into_packet());
                }
                Output::Commit(ticket) => tickets.push(ticket),
                Output::Attach(conn, device) => {
                    let attachment = self.store.reader().attach(&device).unwrap();
                    self.core.handle_input(self.now, Input::Attached(conn, Some(attachment)));
                }
                Output::Read(request) => {
                    let page = self.store.reader().page(&request);
                    self.core.handle_input(self.now, Input::Page(page));
                }
                // The walkie has read everything that was sent before it.
                Output::Barrier(conn, number) => {
                    self.core.handle_input(self.now, Input::Barrier(conn, number));
                }
                // Sounds are not in the store.
                Output::Sound(sound, SoundAct::Keep) => {
                    self.core.handle_input(self.now, Input::Kept(sound, None));
                }
                _ => {}
            }
        }
        tickets
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn device(user: &str, name: &str) -> Device {
    Device::new(self::user(user), DeviceName::new(name).unwrap())
}

/// A draft; without a name of its own where that is empty.
pub(crate) fn draft(name: &str, to: &str, body: Body) -> Draft {
    Draft { client_ref: ClientRef::new(name).ok(), to: Address::User(user(to)), client_time: None, body }
}

pub(crate) fn sound(byte: u8) -> TalkAct {
    TalkAct::Audio { label: None, payload: Bytes::from(vec![byte; 20]) }
}

/// Whom somebody has a conversation with.
pub(crate) fn contacts(store: &EmbeddedStorage, who: &str) -> Vec<String> {
    let contacts = store.reader().contacts(&user(who)).unwrap();
    contacts.iter().map(ToString::to_string).collect()
}

/// All that a reader of the store can see of these devices, as text.
pub(crate) fn description(store: &EmbeddedStorage, devices: &[(&str, &[&str])]) -> String {
    let mut text = String::new();
    let reader = store.reader();
    for (who, names) in devices {
        for name in *names {
            let place = reader.attach(&device(who, name)).unwrap();
            let (cursor, first, head) = (place.cursor, place.first, place.head);
            writeln!(
                text,
                "device {who}/{name}: epoch {:08x}, cursor {cursor}, rows {first} to {head}",
                place.epoch
            )
            .unwrap();
            if !place.groups.is_empty() {
                let groups: Vec<&str> = place.groups.iter().map(GroupId::as_str).collect();
                writeln!(text, "  in {}", groups.join(" ")).unwrap();
            }
        }
        for (offset, entry) in reader.rows(&user(who), Offset::ZERO, u32::MAX, u64::MAX).unwrap() {
            writeln!(text, "  {offset} {}", words(&entry)).unwrap();
        }
    }
    text
}

fn words(entry: &Entry) -> String {
    match entry {
        Entry::Message(message) => {
            let (head, body) = (&message.head, &message.body);
            let reference = head.client_ref.as_ref().map_or("-", ClientRef::as_str);
            let (id, from, to) = (head.id, device_words(&head.from), head.to.as_str());
            let (at, stamp, seq) = (head.at.0, head.stamp.0, head.seq.0);
            let client = head.client_time.map_or(0, |UnixMs(ms)| ms);
            let seal = body.seal.as_ref().map_or_else(String::new, |seal| {
                format!(" sealed {:?} {:?} {:?}", seal.encryption_type, seal.encrypted, seal.signature)
            });
            let (kind, form, bytes) = (body.kind, body.form, body.bytes.escape_ascii());
            format!(
                "message {id} {from} to {to} ref {reference} client {client} at {at} stamp {stamp} seq {seq} \
                 {kind:?} {form:?} \"{bytes}\"{seal}"
            )
        }
        Entry::Receipt(receipt) => {
            let names = receipt.messages.iter().map(|names| {
                let alias = names.alias.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
                format!(" {} {alias} {}", names.id, names.client_ref.as_ref().map_or("-", ClientRef::as_str))
            });
            let names: String = names.collect();
            format!("receipt {} {:?} at {}:{names}", device_words(&receipt.by), receipt.status, receipt.at.0)
        }
        Entry::Revised(revision) => {
            let (by, edition, at) = (device_words(&revision.by), revision.edition, revision.at.0);
            let (id, conversation, seq) = (revision.message.id, &revision.conversation, revision.seq.0);
            let says = revision.body.as_ref().map(|body| body.bytes.escape_ascii().to_string());
            format!(
                "revision {edition} of {id} {conversation} seq {seq} by {by} ref {} at {at}: {says:?}",
                revision.client_ref
            )
        }
        Entry::Reacted(it) => {
            let (by, edition, at) = (device_words(&it.by), it.edition, it.at.0);
            let (id, conversation, seq) = (it.message.id, &it.conversation, it.seq.0);
            format!(
                "reaction {edition} to {id} {conversation} seq {seq} by {by} ref {} at {at}: {} {} {}",
                it.client_ref, it.emoji, it.on, it.count
            )
        }
        Entry::Group(change) => {
            let (group, edition, by, at) =
                (&change.group, change.edition, device_words(&change.by), change.at.0);
            let (title, about) = (&change.profile.title, &change.profile.about);
            let reference = change.client_ref.as_ref().map_or("-", ClientRef::as_str);
            format!(
                "change {edition} of {group} by {by} ref {reference} at {at}: {:?}, {title:?} {about:?} open {} \
                 {:?}, {} members",
                change.what, change.open, change.post, change.members
            )
        }
        Entry::User(change) => {
            let (by, edition, at) = (device_words(&change.by), change.edition, change.at.0);
            format!("user {edition} by {by} ref {} at {at}: {:?}", change.client_ref, change.what)
        }
        _ => panic!("an entry that this test has no words for: {entry:?}"),
    }
}

fn device_words(device: &Device) -> String {
    format!("{}/{}", device.user, device.name)
}
