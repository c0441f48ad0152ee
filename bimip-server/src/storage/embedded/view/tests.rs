//! Everything that settling can ask, compared with the book that was told the same writes: with a memory that is
//! warm, cold, and too small for anything.

use std::fmt::Debug;

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, DeviceName, Draft, Emoji, MessageId, MessageRef, Now,
    React, Status, UserAct, UserCommand,
};
use bimip_session::Machine;
use bimip_session::ledger::{Book, Ticket, Write, settle};
use bimip_session::server::{Config, ConnId, Grant, Input, Output, ServerCore};
use bytes::Bytes;
use fjall::PersistMode;

use super::*;
use crate::storage::embedded::writer::Writer;
use crate::storage::embedded::{EmbeddedStorage, Options};
use crate::storage::{Reader, Storage};

const USERS: [&str; 4] = ["a", "b", "a_b", "ünï"];
const GROUPS: [&str; 3] = ["g", "a", "g_h"];
const NAMES: u64 = 30;
const START_UNIX_MS: u64 = 1_763_652_000_000;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn group(name: &str) -> GroupId {
    GroupId::new(name).unwrap()
}

fn device(name: &str) -> Device {
    Device::new(user(name), DeviceName::new("1").unwrap())
}

/// A store and a book that is told the same.
struct Twins {
    core: ServerCore,
    storage: EmbeddedStorage,
    book: Book,
    now: Now,
    dice: u64,
    sent: u64,
}

impl Twins {
    fn new(storage: EmbeddedStorage) -> Self {
        let book = Book::new(storage.engine.epoch);
        let (core, now) = (ServerCore::new(Config::default()), Now { mono_ms: 1, unix_ms: START_UNIX_MS });
        let mut twins = Self { core, storage, book, now, dice: 7, sent: 0 };
        for (conn, name) in USERS.iter().enumerate() {
            let grant = Some(Grant::new(device(name)));
            let conn = ConnId(conn as u64);
            twins.core.handle_input(twins.now, Input::Opened { conn, caps: Caps::FULL, grant });
            twins.commit();
        }
        twins
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.dice >> 33) % bound
    }

    fn one_of<'a>(&mut self, names: &[&'a str]) -> &'a str {
        names[usize::try_from(self.below(names.len() as u64)).unwrap()]
    }

    /// Somebody says something, and it is committed now or with what follows.
    fn step(&mut self) {
        let conn = ConnId(self.below(USERS.len() as u64));
        let packet = match self.below(14) {
            12.. => ClientPacket::React(React {
                client_ref: ClientRef::new(&format!("r{}", self.below(NAMES))).unwrap(),
                message: MessageRef::Id(MessageId::new(self.book.epoch(), 1 + self.below(60))),
                emoji: Emoji::new(self.one_of(&["x", "👍"])).unwrap(),
                on: self.below(3) > 0,
            }),
            10 | 11 => self.keeps(),
            0 => ClientPacket::Join(group(self.one_of(&GROUPS))),
            1 if self.below(2) == 0 => ClientPacket::Leave(group(self.one_of(&GROUPS))),
            2..4 => {
                let message = MessageRef::Id(MessageId::new(self.book.epoch(), 1 + self.below(60)));
                ClientPacket::Mark {
                    message,
                    status: [Status::Read, Status::Played][usize::from(self.below(2) == 0)],
                }
            }
            4 => ClientPacket::Dispose(Offset(self.below(20))),
            _ => {
                self.sent += 1;
                let to = if self.below(2) == 0 {
                    Address::Group(group(self.one_of(&GROUPS)))
                } else {
                    Address::User(user(self.one_of(&USERS)))
                };
                let client_ref = ClientRef::new(&format!("r{}", self.below(NAMES))).ok();
                ClientPacket::Send(Draft { client_ref, to, client_time: None, body: Body::text("x") })
            }
        };
        self.now.unix_ms += self.below(3);
        self.core.handle_input(self.now, Input::Packets(conn, vec![packet.into()]));
        self.commit();
    }

    /// Somebody changes what they keep, about one of the few others.
    fn keeps(&mut self) -> ClientPacket {
        let who = user(self.one_of(&USERS));
        let act = match self.below(6) {
            0 => UserAct::EditProfile { name: Some("x".into()), about: None, avatar: None },
            1 => UserAct::Save(Saved { user: who, name: self.one_of(&["", "x"]).into() }),
            2 => UserAct::Forget(who),
            3 => UserAct::Unblock(who),
            _ => UserAct::Block(who),
        };
        let client_ref = ClientRef::new(&format!("u{}", self.below(400))).unwrap();
        ClientPacket::User(UserCommand { client_ref, act })
    }

    fn commit(&mut self) {
        loop {
            let tickets = self.pump();
            if tickets.is_empty() {
                return;
            }
            let EmbeddedStorage { engine, memo, tally, .. } = &mut self.storage;
            let view = BatchView::new(Rows::now(engine), memo, tally.sequence);
            let settlement = settle(tickets, &view).map_err(|(_, error)| error).unwrap();
            let writes = settlement.writes();
            self.book.apply(writes);
            let tally = if writes.is_empty() {
                *tally
            } else {
                let (rows, memo) = view.into_parts();
                let mut writer = Writer::new(rows, memo, *tally, writes.len());
                writes.iter().for_each(|write| writer.add(write).unwrap());
                writer.commit(PersistMode::Buffer).unwrap()
            };
            self.storage.prove(tally);
            for proof in settlement.committed() {
                self.core.handle_input(self.now, Input::Committed(proof));
            }
        }
    }

    fn pump(&mut self) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Commit(ticket) => tickets.push(ticket),
                Output::Attach(conn, device) => {
                    let place = self.storage.reader().attach(&device).unwrap();
                    self.core.handle_input(self.now, Input::Attached(conn, Some(place)));
                }
                Output::Read(request) => {
                    let page = self.storage.reader().page(&request);
                    self.core.handle_input(self.now, Input::Page(page));
                }
                _ => {}
            }
        }
        tickets
    }

    fn compare(&mut self) {
        let EmbeddedStorage { engine, memo, tally, .. } = &mut self.storage;
        let mut cold = Memo::new(&Options::default());
        let cold = BatchView::new(Rows::now(engine), &mut cold, tally.sequence);
        same(&cold, &self.book);
        same(&cold, &self.book);
        same(&BatchView::new(Rows::now(engine), memo, tally.sequence), &self.book);
    }
}

/// Everybody of whom a group knows something, by name; and from whichever of them on it is asked, the rest follows.
fn everybody<V: View<Error: Debug>>(view: &V, group: &GroupId) -> Vec<(UserId, Membership)> {
    let after = |after: Option<&UserId>, most: usize| {
        let mut all = Vec::new();
        let each = &mut |user: &UserId, membership: &Membership| {
            all.push((user.clone(), membership.clone()));
            Ok(all.len() < most)
        };
        view.memberships(group, after, each).unwrap();
        all
    };
    let mut all = after(None, usize::MAX);
    for (at, (user, _)) in all.iter().enumerate() {
        assert_eq!(after(Some(user), usize::MAX), all[at + 1..]);
        assert_eq!(after(None, at + 1), all[..=at]);
    }
    for who in USERS.map(user) {
        let known = all.iter().any(|(it, _)| *it == who);
        assert!(known || after(Some(&who), usize::MAX).is_empty(), "after a stranger is nobody");
    }
    all.sort_by(|(one, _), (other, _)| one.cmp(other));
    all
}

/// Every question, with every argument that the story knows.
fn same<V: View<Error: Debug>>(view: &V, book: &Book) {
    let last = book.last_sequence().unwrap();
    assert_eq!((view.epoch(), view.last_sequence().unwrap()), (book.epoch(), last));
    let direct = |one: &str, other: &str| ConversationId::direct(user(one), user(other));
    let mut conversations: Vec<ConversationId> = GROUPS.map(|name| ConversationId::Group(group(name))).into();
    for who in USERS {
        conversations.extend(USERS.iter().map(|other| direct(who, other)));
        let (who, device) = (user(who), device(who));
        assert_eq!(view.mailbox_head(&who).unwrap(), book.mailbox_head(&who).unwrap(), "{who}");
        assert_eq!(view.cursor(&device).unwrap(), book.cursor(&device).unwrap(), "{who}");
        assert_eq!(view.groups_of(&who).unwrap(), book.groups_of(&who).unwrap(), "{who}");
        assert_eq!(view.standing(&who).unwrap(), book.standing(&who).unwrap(), "{who}");
        assert_eq!(view.push_tokens(&who).unwrap(), book.push_tokens(&who).unwrap(), "{who}");
        for most in [1, 9] {
            assert_eq!(view.devices(&who, most).unwrap(), book.devices(&who, most).unwrap(), "{who}");
        }
        for offset in (0..=last + 1).map(Offset) {
            assert_eq!(view.row(&who, offset).unwrap(), book.row(&who, offset).unwrap(), "{who}");
        }
        assert_eq!(view.user_head(&who).unwrap(), book.user_head(&who).unwrap(), "{who}");
        assert_eq!(view.blocked(&who).unwrap(), book.blocked(&who).unwrap(), "{who}");
        assert_eq!(view.last_seen(&who).unwrap(), book.last_seen(&who).unwrap(), "{who}");
        assert_eq!(view.listed(&who).unwrap(), book.listed(&who).unwrap(), "{who}");
        for other in USERS.map(user) {
            assert_eq!(view.saved(&who, &other).unwrap(), book.saved(&who, &other).unwrap(), "{who} {other}");
            let blocked = book.has_blocked(&who, &other).unwrap();
            assert_eq!(view.has_blocked(&who, &other).unwrap(), blocked, "{who} {other}");
            for (after, rows) in [(None, 9), (Some(&other), 9), (Some(&other), 1)] {
                let page = book.address_book(&who, after, rows).unwrap();
                assert_eq!(view.address_book(&who, after, rows).unwrap(), page, "{who} after {after:?}");
            }
        }
        for name in GROUPS.map(group) {
            assert_eq!(view.membership(&name, &who).unwrap(), book.membership(&name, &who).unwrap(), "{who}");
        }
        for number in 0..=NAMES {
            let client_ref = ClientRef::new(&format!("r{number}")).unwrap();
            let key = PutKey { device: device.clone(), client_ref };
            assert_eq!(view.known(&key).unwrap(), book.known(&key).unwrap(), "{key:?}");
        }
        for sequence in 0..=last + 1 {
            assert_eq!(view.marked(sequence, &who).unwrap(), book.marked(sequence, &who).unwrap());
            assert_eq!(view.reacted(sequence, &who).unwrap(), book.reacted(sequence, &who).unwrap());
        }
    }
    for name in GROUPS.map(group) {
        assert_eq!(everybody(view, &name), everybody(book, &name), "{name}");
        assert_eq!(view.group(&name).unwrap(), book.group(&name).unwrap(), "{name}");
        assert_eq!(view.members(&name).unwrap(), book.members(&name).unwrap(), "{name}");
    }
    for id in conversations {
        assert_eq!(view.conversation(&id).unwrap(), book.conversation(&id).unwrap(), "{id:?}");
        let Ok(head) = book.conversation(&id);
        for stamp in (START_UNIX_MS..=head.stamp.0 + 1).map(UnixMs) {
            let found = view.sequence_at(&id, stamp).unwrap();
            assert_eq!(found, book.sequence_at(&id, stamp).unwrap(), "{id:?} {stamp:?}");
        }
    }
    for sequence in 0..=last + 1 {
        assert_eq!(view.entry(sequence).unwrap(), book.entry(sequence).unwrap());
        assert_eq!(view.tally(sequence).unwrap(), book.tally(sequence).unwrap());
    }
}

fn story(options: &Options) {
    let directory = tempfile::tempdir().unwrap();
    let mut twins = Twins::new(EmbeddedStorage::open_with(directory.path(), options).unwrap());
    for step in 0..280 {
        twins.step();
        if step % 40 == 0 {
            twins.compare();
        }
    }
    twins.compare();
    let Ok(last) = twins.book.last_sequence();
    assert!(twins.sent > 80 && last > 60, "something happened: {last} records");
    assert!(GROUPS.iter().any(|name| !twins.book.members(&group(name)).unwrap().is_empty()));
    // What is on the disk is the same.
    let Twins { storage, book, .. } = twins;
    storage.close().unwrap();
    let mut storage = EmbeddedStorage::open_with(directory.path(), options).unwrap();
    let EmbeddedStorage { engine, memo, tally, .. } = &mut storage;
    same(&BatchView::new(Rows::now(engine), memo, tally.sequence), &book);
}

// MISSION L3
#[test]
fn it_says_what_the_book_says() {
    story(&Options::default());
}

// MISSION L3
#[test]
fn so_does_one_that_forgets_everything() {
    let mut forgetful = Options::default();
    (forgetful.names, forgetful.listed) = (1, 1);
    (forgetful.recent_entries, forgetful.recent_bytes) = (1, 1);
    story(&forgetful);
}

/// Talks that never began take a stamp each, and nothing else of their conversation.
#[test]
fn the_last_stamp_of_a_batch_stays_the_last() {
    let directory = tempfile::tempdir().unwrap();
    let mut storage = EmbeddedStorage::open(directory.path()).unwrap();
    let conversations: Vec<_> =
        ["g", "h", "i"].map(|name| ConversationId::Group(group(name))).into_iter().collect();
    let mut writer = Writer::new(Rows::now(&storage.engine), &mut storage.memo, storage.tally, 300);
    for stamp in 1..=100 {
        for conversation in &conversations {
            let (conversation, stamp) = (conversation.clone(), UnixMs(stamp));
            writer.add(&Write::Stamp { conversation, stamp }).unwrap();
        }
    }
    writer.commit(PersistMode::SyncData).unwrap();
    storage.memo.forget();
    let view = BatchView::new(Rows::now(&storage.engine), &mut storage.memo, 0);
    for conversation in &conversations {
        assert_eq!(view.conversation(conversation).unwrap().stamp, UnixMs(100), "{conversation:?}");
    }
}

/// What is written last about an account is what is there, in the same batch and in later ones.
// MISSION B8 B9 L3
#[test]
fn accounts_are_as_they_were_written_last() {
    let directory = tempfile::tempdir().unwrap();
    let mut storage = EmbeddedStorage::open(directory.path()).unwrap();
    let mut book = Book::new(storage.engine.epoch);
    let push = |who: &str, name: &str, token: Option<&'static str>| {
        let device = Device::new(user(who), DeviceName::new(name).unwrap());
        let token = token.map(|token| PushToken {
            id: None,
            service: "fcm".into(),
            token: Some(Bytes::from_static(token.as_bytes())),
        });
        Write::PushToken { device, token }
    };
    let stands = |who: &str, hidden: bool, date: u64| {
        let standing = Standing { hidden, revoked_before: UnixMs(date), ..Standing::default() };
        Write::Standing { user: user(who), standing: Arc::new(standing) }
    };
    let contact = |who: &str, other: &str| Write::Contact { user: user(who), other: user(other) };
    let batches = [
        vec![
            push("a", "2", Some("x")),
            push("a", "1", Some("y")),
            push("a_b", "1", Some("")),
            stands("a", true, 1),
        ],
        vec![
            push("a", "1", Some("z")),
            push("a", "2", None),
            push("a", "10", Some("x")),
            stands("b", true, 0),
        ],
        vec![
            contact("a", "b"),
            contact("b", "a"),
            contact("a", "b"),
            contact("a", "ünï"),
            contact("a", "a_b"),
        ],
        vec![
            push("ünï", "1", Some("x")),
            push("ünï", "1", None),
            stands("b", true, 1),
            stands("b", false, 0),
        ],
        vec![push("a", "never", None), stands("ünï", false, 0), stands("a", false, 7)],
    ];
    for batch in batches {
        book.apply(&batch);
        let mut writer =
            Writer::new(Rows::now(&storage.engine), &mut storage.memo, storage.tally, batch.len());
        batch.iter().for_each(|write| writer.add(write).unwrap());
        let tally = writer.commit(PersistMode::Buffer).unwrap();
        storage.prove(tally);
        same(&BatchView::new(Rows::now(&storage.engine), &mut storage.memo, tally.sequence), &book);
    }
    storage.close().unwrap();
    let mut storage = EmbeddedStorage::open(directory.path()).unwrap();
    let reader = storage.reader();
    for who in USERS.map(user) {
        assert_eq!(reader.contacts(&who).unwrap(), book.contacts(&who), "{who}");
        assert_eq!(reader.standing(&who).unwrap(), book.standing(&who).unwrap(), "{who}");
    }
    same(&BatchView::new(Rows::now(&storage.engine), &mut storage.memo, 0), &book);
}
