//! Clients that write as fast as they may, and tell the book everything they hear.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bimip_codec::Dialect;
use bimip_proto::{Address, Body, ClientPacket, Draft, Entry, Noted, Offset, Reject, ServerPacket};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::book::{Ack, Book, Wrong, known_id};
use crate::people::{AUDITOR, Key, PEOPLE, READER, WRITER, Who};
use crate::seed::Chance;
use crate::wire::{Gone, Wire};

/// Drafts in flight for each writer.
const WINDOW: usize = 32;
/// Rows that wait for a word of disposal, at most.
const DISPOSE_ROWS: u64 = 16;
/// And for how long.
const DISPOSE_IDLE: Duration = Duration::from_millis(5);
/// Drafts that have an ack already and are sent again all the same, after each start.
const REPEATS: u64 = 3;

/// What all clients of one life of the server share.
pub(crate) struct Crowd {
    pub(crate) book: Rc<RefCell<Book>>,
    /// Whether new drafts are made. Without it, only what waits for an ack is sent again.
    pub(crate) load: Cell<bool>,
    /// Wakes writers when that changes.
    changed: Notify,
    chance: RefCell<Chance>,
    address: SocketAddr,
    /// Writers that have something in flight.
    busy: Cell<usize>,
}

/// The tasks of all clients. They end when their connections do.
pub(crate) struct Clients {
    pub(crate) crowd: Rc<Crowd>,
    tasks: Vec<JoinHandle<()>>,
}

impl Clients {
    /// Connects everybody: a writer and a reader for each user.
    pub(crate) fn start(book: &Rc<RefCell<Book>>, chance: Chance, address: SocketAddr) -> Self {
        book.borrow_mut().begin();
        let crowd = Rc::new(Crowd {
            book: Rc::clone(book),
            load: Cell::new(false),
            changed: Notify::new(),
            chance: RefCell::new(chance),
            address,
            busy: Cell::new(0),
        });
        let mut tasks = Vec::new();
        for who in Who::all() {
            tasks.push(spawn(phone(Rc::clone(&crowd), who, READER)));
            if who.is_walkie() {
                tasks.push(spawn(walkie(Rc::clone(&crowd), who)));
            } else {
                tasks.push(spawn(phone(Rc::clone(&crowd), who, WRITER)));
            }
        }
        Self { crowd, tasks }
    }

    /// A new device for every user, which is given the whole mailbox.
    pub(crate) fn audit(&mut self) {
        for who in Who::all() {
            self.tasks.push(spawn(phone(Rc::clone(&self.crowd), who, AUDITOR)));
        }
    }

    /// Whether the auditors have all rows that anybody has.
    pub(crate) fn is_audited(&self) -> bool {
        let book = self.crowd.book.borrow();
        Who::all().all(|who| book.seen((who, AUDITOR)) >= book.rows_of(who))
    }

    /// Whether everything is answered and every acked message was seen.
    pub(crate) fn is_quiet(&self) -> bool {
        let book = self.crowd.book.borrow();
        let unacked = |who: &Who| !who.is_walkie() && !book.unacked(*who).is_empty();
        self.crowd.busy.get() == 0 && book.is_settled() && !Who::all().any(|who| unacked(&who))
    }

    pub(crate) fn load(&self, on: bool) {
        self.crowd.load.set(on);
        self.crowd.changed.notify_waiters();
    }

    /// How many connections are gone already.
    pub(crate) fn gone(&self) -> usize {
        self.tasks.iter().filter(|task| task.is_finished()).count()
    }

    /// Waits until everything that was still on its way is read, and the connections are gone.
    pub(crate) async fn end(self, patience: Duration) -> Result<(), String> {
        let all = async {
            for task in self.tasks {
                task.await.map_err(|error| format!("a client has failed: {error}"))?;
            }
            Ok(())
        };
        let timeout = || Err("connections outlive their server".to_owned());
        tokio::time::timeout(patience, all).await.unwrap_or_else(|_| timeout())
    }
}

fn spawn(client: impl Future<Output = Result<(), Gone>> + 'static) -> JoinHandle<()> {
    tokio::task::spawn_local(async move {
        let _ = client.await;
    })
}

impl Crowd {
    fn send(&self, key: Key) -> ClientPacket {
        let to = Address::User(self.book.borrow().to(key).user());
        let client_ref = (!key.by.is_walkie()).then(|| key.client_ref());
        ClientPacket::Send(Draft { client_ref, to, client_time: None, body: Body::text(&key.body()) })
    }

    /// A new draft to anybody else.
    fn draft(&self, by: Who) -> Key {
        let step = self.chance.borrow_mut().between(1, PEOPLE as u64);
        let to = (u64::from(by.0) + step) % PEOPLE as u64;
        self.book.borrow_mut().draft(by, Who(u8::try_from(to).unwrap_or_default()))
    }

    fn busy(&self, before: usize, now: usize) {
        self.busy
            .set(self.busy.get() + usize::from(before == 0 && now > 0) - usize::from(before > 0 && now == 0));
    }

    fn unreadable(&self, who: Who, error: &str) {
        self.book
            .borrow_mut()
            .wrong(Wrong::Other, format!("{} was told what it cannot read: {error}", who.name()));
    }
}

/// A device of the dialect with names and offsets. A writer first repeats what has no ack, in order.
async fn phone(crowd: Rc<Crowd>, who: Who, device: &'static str) -> Result<(), Gone> {
    // What the mailbox had before this connection asked for it; meanwhile others go on.
    let known = crowd.book.borrow().rows_of(who);
    let mut wire = Wire::connect(crowd.address, Dialect::Scheme, who, device).await?;
    let me = (who, device);
    let writes = device == WRITER;
    let mut phone = Phone { flight: Vec::new(), said: u64::MAX, known, crowd };
    let ended = loop {
        let pending = phone.crowd.book.borrow().seen(me).saturating_sub(phone.said);
        let changed = phone.crowd.changed.notified();
        let packets = tokio::select! {
            biased;
            packets = wire.next() => match packets {
                Ok(packets) => Some(packets),
                Err(gone) => break Err(gone),
            },
            () = changed, if writes => None,
            () = tokio::time::sleep(DISPOSE_IDLE), if pending > 0 => None,
        };
        let idle = packets.is_none();
        match packets {
            Some(Ok(packets)) => {
                for packet in packets {
                    if matches!(packet, ServerPacket::Welcome(_)) && writes {
                        let repeats = phone.repeats(who);
                        // Should that fail, what came with the welcome is heard all the same.
                        let _ = phone.say(&mut wire, repeats).await;
                    }
                    phone.hear(me, packet);
                }
            }
            Some(Err(error)) => phone.crowd.unreadable(who, &error),
            None => {}
        }
        let seen = phone.crowd.book.borrow().seen(me);
        if seen > phone.said && (idle || seen - phone.said >= DISPOSE_ROWS) {
            phone.said = seen;
            phone.crowd.book.borrow_mut().asked(me, seen);
            if wire.feed(&ClientPacket::Dispose(Offset(seen))).await.is_err() {
                break Err(Gone);
            }
        }
        let fresh = if writes { phone.fresh(who) } else { Vec::new() };
        if phone.say(&mut wire, fresh).await.is_err() {
            break Err(Gone);
        }
    };
    phone.crowd.busy(phone.flight.len(), 0);
    ended
}

/// What a device of the dialect with names has under way.
struct Phone {
    crowd: Rc<Crowd>,
    flight: Vec<Key>,
    /// Disposed of; before the welcome, more than anything.
    said: u64,
    /// Rows that were known when it connected.
    known: u64,
}

impl Phone {
    /// What is sent again after a start: all without an ack, and a few that have one.
    fn repeats(&self, who: Who) -> Vec<Key> {
        let mut book = self.crowd.book.borrow_mut();
        let mut chance = self.crowd.chance.borrow_mut();
        let mut keys = Vec::new();
        for _ in 0..REPEATS.min(u64::from(book.drafted(who))) {
            let number = chance.between(0, u64::from(book.drafted(who)));
            let key = Key { by: who, number: u32::try_from(number).unwrap_or_default() };
            if book.is_acked(key) && !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.extend(book.unacked(who));
        keys.iter().for_each(|key| book.resend(*key));
        keys
    }

    fn fresh(&self, who: Who) -> Vec<Key> {
        let room = if self.crowd.load.get() { WINDOW.saturating_sub(self.flight.len()) } else { 0 };
        // Half a window at a time, so that frames share packets.
        let room = if room >= WINDOW / 2 { room } else { 0 };
        (0..room).map(|_| self.crowd.draft(who)).collect()
    }

    async fn say(&mut self, wire: &mut Wire, keys: Vec<Key>) -> Result<(), Gone> {
        self.crowd.busy(self.flight.len(), self.flight.len() + keys.len());
        self.flight.extend(&keys);
        for key in keys {
            wire.feed(&self.crowd.send(key)).await?;
        }
        wire.flush().await
    }

    fn hear(&mut self, me: (Who, &'static str), packet: ServerPacket) {
        let mut book = self.crowd.book.borrow_mut();
        match packet {
            ServerPacket::Welcome(welcome) => {
                self.said = welcome.resume_from.0;
                book.welcome(me, &welcome, self.known);
            }
            ServerPacket::Accepted { client_ref, head, offset } => {
                let number = client_ref.and_then(|it| it.as_str().strip_prefix('k')?.parse().ok());
                let key = Key { by: me.0, number: number.unwrap_or(u32::MAX) };
                drop(book);
                self.answered(key);
                let ack = Ack { id: known_id(head.id), offset: Some(offset.0), stamp: None };
                self.crowd.book.borrow_mut().acked(key, ack);
            }
            ServerPacket::Rejected { client_ref, reason, retry_after_ms, .. } => {
                let number = client_ref.and_then(|it| it.as_str().strip_prefix('k')?.parse().ok());
                let key = number.map(|number| Key { by: me.0, number });
                if reason != Reject::Unavailable || retry_after_ms.is_none() {
                    book.wrong(Wrong::Other, format!("{key:?} was refused for ever: {reason}"));
                }
                book.refused(key);
                drop(book);
                if let Some(key) = key {
                    self.answered(key);
                }
                self.crowd.load.set(false);
            }
            ServerPacket::Noted(Noted::Disposed(cursor)) => book.disposed(me, cursor.0),
            ServerPacket::Deliver(row) => book.row(me, &row),
            // Who comes and goes is told beside everything else, and nothing is promised about it.
            ServerPacket::Bye(_)
            | ServerPacket::Pong { .. }
            | ServerPacket::Aware(_)
            | ServerPacket::Around(_) => {}
            other => book.wrong(Wrong::Other, format!("{} was told {other:?}", me.0.name())),
        }
    }

    fn answered(&mut self, key: Key) {
        let before = self.flight.len();
        if let Some(at) = self.flight.iter().position(|flying| *flying == key) {
            self.flight.remove(at);
        }
        self.crowd.busy(before, self.flight.len());
    }
}

/// A device of the msgpack dialect: acks come in the order of the drafts, and nothing is sent again.
async fn walkie(crowd: Rc<Crowd>, who: Who) -> Result<(), Gone> {
    let mut wire = Wire::connect(crowd.address, Dialect::VoicePing, who, WRITER).await?;
    let mut flight: VecDeque<Key> = VecDeque::new();
    let ended = loop {
        let changed = crowd.changed.notified();
        let packets = tokio::select! {
            biased;
            packets = wire.next() => match packets {
                Ok(packets) => Some(packets),
                Err(gone) => break Err(gone),
            },
            () = changed => None,
        };
        match packets {
            Some(Ok(packets)) => {
                for packet in packets {
                    let before = flight.len();
                    listen(&crowd, who, packet, &mut flight);
                    crowd.busy(before, flight.len());
                }
            }
            Some(Err(error)) => crowd.unreadable(who, &error),
            None => {}
        }
        if crowd.load.get() && flight.len() <= WINDOW / 2 {
            let before = flight.len();
            let mut ended = Ok(());
            while flight.len() < WINDOW && ended.is_ok() {
                let key = crowd.draft(who);
                flight.push_back(key);
                ended = wire.feed(&crowd.send(key)).await;
            }
            crowd.busy(before, flight.len());
            if ended.is_err() || wire.flush().await.is_err() {
                break Err(Gone);
            }
        }
    };
    crowd.busy(flight.len(), 0);
    ended
}

fn listen(crowd: &Crowd, who: Who, packet: ServerPacket, flight: &mut VecDeque<Key>) {
    let mut book = crowd.book.borrow_mut();
    match packet {
        ServerPacket::Accepted { head, .. } => match flight.pop_front() {
            Some(key) => {
                if head.to.as_str() != book.to(key).name() {
                    book.wrong(Wrong::Disordered, format!("an ack for {key} is of a draft to another"));
                }
                book.acked(key, Ack { id: None, offset: None, stamp: Some(head.stamp) });
            }
            None => book.wrong(Wrong::Doubled, format!("{} was given one ack more than drafts", who.name())),
        },
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => {
                let from = Who::of(&message.head.from.user);
                book.heard(who, &message.body.bytes, from, message.head.stamp);
            }
            _ => book.events += 1,
        },
        ServerPacket::Bye(_) => {}
        other => book.wrong(Wrong::Other, format!("{} was told {other:?}", who.name())),
    }
}
