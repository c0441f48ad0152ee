//! Clients without tokio, threads or sockets: machines, and a plain loop that does what they want. It is what a
//! phone's app does over a foreign function interface, with the answers of push-to-talk as the app meets them:
//! `ack_stop` when its talk is kept, `delivered` when the other side has it, `read` when it was heard.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::collections::BTreeMap;
use std::error::Error;

use bimip_proto::{Address, Caps, Device, DeviceName, Entry, Floor, Now, Status, Talk, TalkAct, UserId};
use bimip_session::Machine;
use bimip_session::client::{self, ClientSession, Event};
use bimip_session::ledger::{Book, Outgoing, settle};
use bimip_session::server::{self, ConnId, Grant, Input, Output, Page, ReadPage, ServerCore, SoundAct};
use bytes::Bytes;

struct World {
    now: Now,
    server: ServerCore,
    book: Book,
    phones: BTreeMap<ConnId, (Device, ClientSession)>,
}

impl World {
    /// A walkie-talkie: no welcome, no names for drafts, signed in before it speaks.
    fn switch_on(&mut self, conn: ConnId, name: &str) -> Result<UserId, Box<dyn Error>> {
        let device = Device::new(UserId::new(name)?, DeviceName::new("walkie")?);
        let (mut config, user) = (client::Config::new(device.clone()), device.user.clone());
        (config.token, config.welcome, config.resend) = (None, false, false);
        self.phones.insert(conn, (device, ClientSession::new(config, client::Resume::default(), self.now)));
        self.pass(0);
        Ok(user)
    }

    /// Time passes: whoever is due is told, and everything that follows happens.
    fn pass(&mut self, ms: u64) {
        self.now = Now { mono_ms: self.now.mono_ms + ms, unix_ms: self.now.unix_ms + ms };
        self.server.handle_timeout(self.now);
        self.phones.values_mut().for_each(|(_, phone)| phone.handle_timeout(self.now));
        loop {
            let mut phones = self.phones.iter_mut();
            let wish = phones.find_map(|(conn, (_, phone))| Some((*conn, phone.poll_output()?)));
            if let Some((conn, wish)) = wish {
                self.phone(conn, wish);
            } else if let Some(wish) = self.server.poll_output() {
                self.serve(wish);
            } else {
                return;
            }
        }
    }

    /// What a phone wants done. Over a network: dial, encode and write, close.
    fn phone(&mut self, conn: ConnId, wish: client::Output) {
        let Some((device, session)) = self.phones.get_mut(&conn) else { return };
        let input = match wish {
            client::Output::Connect => {
                session.handle_input(self.now, client::Input::Connected);
                Input::Opened { conn, caps: Caps::WALKIE, grant: Some(Grant::new(device.clone())) }
            }
            client::Output::Transmit(packet) => Input::Packets(conn, vec![packet.into()]),
            client::Output::Event(event) => return app(self.now, &device.user, session, event),
            _ => Input::Closed(conn),
        };
        self.server.handle_input(self.now, input);
    }

    fn hears(&mut self, conn: ConnId, outgoing: Outgoing) {
        if let Some((_, phone)) = self.phones.get_mut(&conn) {
            phone.handle_input(self.now, client::Input::Packet(outgoing.into_packet()));
        }
    }

    /// What the server wants done. Nothing is acknowledged before the book has it.
    fn serve(&mut self, wish: Output) {
        let (now, book) = (self.now, &mut self.book);
        let input = match wish {
            Output::Send(conn, outgoing) => return self.hears(conn, outgoing),
            Output::SendAll(conns, outgoing) => {
                return conns.iter().for_each(|conn| self.hears(*conn, outgoing.clone()));
            }
            Output::Attach(conn, device) => Input::Attached(conn, Some(book.attach(&device))),
            Output::Commit(ticket) => {
                let Ok(settlement) = settle(vec![ticket], book);
                book.apply(settlement.writes());
                let Some(proof) = settlement.committed().pop() else { return };
                Input::Committed(proof)
            }
            Output::Read(ReadPage { conn, user, after, rows, bytes }) => {
                Input::Page(Page { conn, rows: Some(book.page(&user, after, rows, bytes)) })
            }
            // There is no place for sound here: the talk is kept without it.
            Output::Sound(sound, SoundAct::Keep) => Input::Kept(sound, None),
            Output::Barrier(conn, number) => Input::Barrier(conn, number),
            _ => return,
        };
        self.server.handle_input(now, input);
    }
}

/// The app. It answers by hand what it hears: nothing is said for it.
fn app(now: Now, me: &UserId, session: &mut ClientSession, event: Event) {
    match event {
        Event::Floor(Floor::Granted { to, .. }) => println!("{me}: I may talk to {to}"),
        Event::Floor(Floor::Ended { head }) => println!("{me}: ack_stop, {}", head.alias()),
        Event::Talk(Talk { from, act: TalkAct::Audio { .. }, .. }) => println!("{me}: sound of {from}"),
        Event::Received(row) => match &*row.entry {
            Entry::Receipt(receipt) => println!("{me}: {:?} by {}", receipt.status, receipt.by.user),
            Entry::Message(message) => {
                println!("{me}: a talk of {}, kept as {:?}", message.head.from.user, message.head.kind);
                let Some(name) = message.head.names().reference() else { return };
                session.delivered(now, vec![name.clone()]);
                let said = session.mark(now, name, Status::Read).is_ok();
                println!("{me}: I have it, and heard it (said: {said})");
            }
            _ => {}
        },
        _ => {}
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let now = Now { mono_ms: 0, unix_ms: 1_763_652_000_000 };
    let server = ServerCore::new(server::Config::default());
    let mut world = World { now, server, book: Book::new(1), phones: BTreeMap::new() };
    let (alice, bob) = (ConnId(1), ConnId(2));
    let (from, to) = (world.switch_on(alice, "alice")?, Address::User(world.switch_on(bob, "bob")?));
    let start = TalkAct::Start { label: None, payload: Bytes::new() };
    let sound = TalkAct::Audio { label: None, payload: Bytes::from_static(&[0xc4, 1, 7]) };
    for act in [start, sound.clone(), sound, TalkAct::Stop] {
        let (_, phone) = world.phones.get_mut(&alice).ok_or("no such phone")?;
        phone.talk(world.now, Talk { from: from.clone(), to: to.clone(), act });
        world.pass(60);
    }
    Ok(())
}
