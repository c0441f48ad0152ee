//! A device: its session, its app and its line to the server.

use std::collections::VecDeque;

use bimip_proto::{
    Address, Body, ClientPacket, ClientRef, Device, DeviceName, Draft, Entry, MessageId, Now, Offset,
    ServerPacket, UserId,
};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Config, Event, Input, Output, Resume};
use bimip_session::server::ConnId;

/// What comes from the server.
#[derive(Debug)]
pub(crate) enum Down {
    Packet(ServerPacket),
    Close,
}

/// What an app keeps of a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Message(MessageId),
    Receipt(Vec<MessageId>),
}

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) device: Device,
    pub(crate) session: ClientSession,
    pub(crate) conn: Option<ConnId>,
    /// Connections that it had.
    pub(crate) lives: u64,
    pub(crate) up: VecDeque<ClientPacket>,
    pub(crate) down: VecDeque<Down>,
    /// The app stores rows as they are given to it.
    pub(crate) held: Vec<(Offset, Held)>,
    /// The draft it sends, if it does, and what it was told of it.
    pub(crate) sent: Vec<(MessageId, Offset)>,
}

impl Client {
    /// One that says of each row that it is stored, or one that says so another day.
    pub(crate) fn new(user: &str, name: &str, disposes: bool, now: Now) -> Self {
        let device = device(user, name);
        let mut config = Config::new(device.clone());
        // The transport's headers sign it in, and it may dial again at once.
        config.token = None;
        (config.redial_min_ms, config.redial_max_ms) = (0, 0);
        config.dispose_rows = if disposes { 1 } else { u64::MAX };
        let session = ClientSession::new(config, Resume::default(), now);
        Self {
            device,
            session,
            conn: None,
            lives: 0,
            up: VecDeque::new(),
            down: VecDeque::new(),
            held: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, now: Now, to: &str) {
        let text = self.device.user.as_str();
        let draft = Draft {
            client_ref: ClientRef::new(text).ok(),
            to: Address::User(device(to, "1").user),
            client_time: None,
            body: Body::text(text),
        };
        let sent = self.session.send(now, draft);
        assert!(sent.is_ok(), "there is room for one draft");
        self.obey(now);
    }

    /// Dials, and is connected.
    pub(crate) fn dial(&mut self, now: Now, conn: ConnId) {
        self.session.handle_timeout(now);
        self.lives += 1;
        self.conn = Some(conn);
        self.session.handle_input(now, Input::Connected);
        self.obey(now);
    }

    /// What is on the line is lost.
    pub(crate) fn lose(&mut self, now: Now) -> Option<ConnId> {
        self.up.clear();
        self.down.clear();
        let conn = self.conn.take();
        self.session.handle_input(now, Input::Disconnected);
        self.obey(now);
        conn
    }

    pub(crate) fn hear(&mut self, now: Now, packet: ServerPacket) {
        self.session.handle_input(now, Input::Packet(packet));
        self.obey(now);
    }

    fn obey(&mut self, now: Now) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Transmit(packet) => self.up.push_back(packet),
                Output::Event(Event::Received(row)) => {
                    let held = match &*row.entry {
                        Entry::Message(message) => Held::Message(message.head.id),
                        Entry::Receipt(receipt) => {
                            Held::Receipt(receipt.messages.iter().map(|it| it.id).collect())
                        }
                        _ => continue,
                    };
                    self.held.push((row.offset, held));
                    self.session.stored(now, self.session.epoch(), row.offset);
                }
                Output::Event(Event::Sent { head, offset, .. }) => self.sent.push((head.id, offset)),
                Output::Hangup => self.conn = None,
                _ => {}
            }
        }
    }
}

fn device(user: &str, name: &str) -> Device {
    let user = UserId::new(user).expect("a user id");
    Device::new(user, DeviceName::new(name).expect("a device name"))
}
