//! The real thing: a core over a store in memory, whose disk and whose answers come when they are told to.

use std::collections::VecDeque;
use std::convert::Infallible;

use bimip_proto::{
    Address, Caps, ClientPacket, CloseReason, Device, DeviceName, GroupId, Now, Said, ServerPacket, UserId,
    Window,
};
use bimip_session::Machine;
use bimip_session::ledger::{Book, Committed, Failed, Failure, Ticket, settle};
use bimip_session::server::{Config, ConnId, Grant, Input, Output, Page, ReadPage, ServerCore};

use crate::ops::{Dev, Group, To, User};

/// Small, so that it fills.
pub(crate) const WINDOW_ROWS: u32 = 8;

/// Nobody is told who is around: that is another story.
const CAPS: Caps = Caps { presence: false, ..Caps::FULL };

#[derive(Debug)]
enum Question {
    Attach(ConnId, Device),
    Read(ReadPage),
    /// Looked up, as the store stood then.
    Answered(ConnId, Input),
}

#[derive(Debug)]
pub(crate) struct System {
    core: ServerCore,
    pub(crate) book: Book,
    pub(crate) now: Now,
    pub(crate) names: Names,
    pub(crate) tickets: VecDeque<Ticket>,
    questions: VecDeque<Question>,
    pub(crate) sent: VecDeque<(ConnId, ServerPacket)>,
    pub(crate) closed: Vec<(ConnId, CloseReason)>,
    next_conn: u64,
}

impl System {
    pub(crate) fn new() -> Self {
        Self {
            core: core(),
            book: Book::new(7),
            now: Now { mono_ms: 0, unix_ms: 1_763_652_000_000 },
            names: Names::new(),
            tickets: VecDeque::new(),
            questions: VecDeque::new(),
            sent: VecDeque::new(),
            closed: Vec::new(),
            next_conn: 1,
        }
    }

    pub(crate) fn connect(&mut self, device: Dev) -> ConnId {
        self.open(device, CAPS)
    }

    pub(crate) fn call(&mut self, device: Dev) -> ConnId {
        self.open(device, Caps::CALL)
    }

    fn open(&mut self, device: Dev, caps: Caps) -> ConnId {
        let conn = ConnId(self.next_conn);
        self.next_conn += 1;
        let grant = Some(Grant::new(self.names.device(device).clone()));
        self.input(Input::Opened { conn, caps, grant });
        conn
    }

    pub(crate) fn cut(&mut self, conn: ConnId) {
        self.input(Input::Closed(conn));
    }

    pub(crate) fn say(&mut self, conn: ConnId, packet: ClientPacket) {
        self.input(Input::Packets(conn, vec![Said::from(packet)]));
    }

    /// The first `count` tickets become durable; whether anybody is told is another question.
    pub(crate) fn sync(&mut self, count: usize) -> Vec<Committed> {
        let batch: Vec<Ticket> = self.tickets.drain(..count).collect();
        let settled: Result<_, (Vec<Failed>, Infallible)> = settle(batch, &self.book);
        let Ok(settlement) = settled;
        self.book.apply(settlement.writes());
        settlement.committed()
    }

    pub(crate) fn prove(&mut self, proof: Committed) {
        self.input(Input::Committed(proof));
    }

    pub(crate) fn fail(&mut self, count: usize) {
        let batch: Vec<Ticket> = self.tickets.drain(..count).collect();
        for ticket in batch {
            self.input(Input::Failed(ticket.failed(Failure::Unavailable)));
        }
    }

    pub(crate) fn crash(&mut self) {
        self.core = core();
        self.tickets.clear();
        self.questions.clear();
    }

    /// The store looks up everything that it was asked.
    pub(crate) fn look(&mut self) {
        let asked = std::mem::take(&mut self.questions);
        self.questions = asked.into_iter().map(|question| self.looked_up(question)).collect();
    }

    /// Answers the oldest question.
    pub(crate) fn answer(&mut self) {
        let Some(question) = self.questions.pop_front() else { return };
        if let Question::Answered(_, input) = self.looked_up(question) {
            self.input(input);
        }
    }

    pub(crate) fn is_read_for(&self, conn: ConnId) -> bool {
        self.questions.iter().any(|question| match question {
            Question::Attach(whose, _) | Question::Answered(whose, _) => *whose == conn,
            Question::Read(read) => read.conn == conn,
        })
    }

    pub(crate) fn wait(&mut self, ms: u64, jump_ms: i64) {
        self.now.unix_ms = self.now.unix_ms.saturating_add_signed(jump_ms);
        let until_mono_ms = self.now.mono_ms + ms;
        while let Some(due_mono_ms) = self.core.poll_timeout().filter(|due| *due <= until_mono_ms) {
            self.pass(due_mono_ms.max(self.now.mono_ms));
            self.core.handle_timeout(self.now);
            self.pump();
        }
        self.pass(until_mono_ms);
    }

    fn pass(&mut self, mono_ms: u64) {
        self.now.unix_ms += mono_ms - self.now.mono_ms;
        self.now.mono_ms = mono_ms;
    }

    fn looked_up(&self, question: Question) -> Question {
        match question {
            Question::Attach(conn, device) => {
                Question::Answered(conn, Input::Attached(conn, Some(self.book.attach(&device))))
            }
            Question::Read(ReadPage { conn, user, after, rows, bytes }) => {
                let rows = Some(self.book.page(&user, after, rows, bytes));
                Question::Answered(conn, Input::Page(Page { conn, rows }))
            }
            Question::Answered(..) => question,
        }
    }

    fn input(&mut self, input: Input) {
        self.core.handle_input(self.now, input);
        self.pump();
    }

    fn pump(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(conn, outgoing) => self.sent.push_back((conn, outgoing.into_packet())),
                Output::Close(conn, reason) => self.closed.push((conn, reason)),
                Output::Attach(conn, device) => self.questions.push_back(Question::Attach(conn, device)),
                Output::Read(read) => self.questions.push_back(Question::Read(read)),
                Output::Contacts(user) => {
                    let contacts = self.book.contacts(&user);
                    self.core.handle_input(self.now, Input::Contacts(user, Some(contacts)));
                }
                Output::Commit(ticket) => self.tickets.push_back(ticket),
                // A sign of life is never given, so that silence has its end.
                Output::Barrier(_, 0) => {}
                other => panic!("nobody asked for {other:?}"),
            }
        }
    }
}

fn core() -> ServerCore {
    let mut config = Config::default();
    config.window = Window { rows: WINDOW_ROWS, ..Window::default() };
    // When somebody was seen is no matter of what is compared here: tests/users.rs says what becomes of it.
    config.seen_ms = u64::MAX;
    ServerCore::new(config)
}

/// What the devices and groups of the reference are called.
#[derive(Debug)]
pub(crate) struct Names {
    devices: Vec<Device>,
    groups: Vec<GroupId>,
}

impl Names {
    fn new() -> Self {
        let device = |device: Dev| {
            let user = UserId::new(&format!("{:?}", device.user())).unwrap();
            Device::new(user, DeviceName::new(&format!("{device:?}")).unwrap())
        };
        let group = |group: Group| GroupId::new(&format!("{group:?}")).unwrap();
        Self { devices: Dev::all().map(device).collect(), groups: Group::all().map(group).collect() }
    }

    pub(crate) fn device(&self, device: Dev) -> &Device {
        &self.devices[device.index()]
    }

    pub(crate) fn user(&self, user: User) -> &UserId {
        let device = Dev::all().find(|device| device.user() == user);
        &self.device(device.unwrap()).user
    }

    pub(crate) fn group(&self, group: Group) -> &GroupId {
        &self.groups[group.index()]
    }

    pub(crate) fn address(&self, to: To) -> Address {
        match to {
            To::User(user) => Address::User(self.user(user).clone()),
            To::Group(group) => Address::Group(self.group(group).clone()),
        }
    }
}
