//! A server that can be stopped and started over the same mailboxes, and a connection that can go deaf.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bimip_client::{
    Builder, Caller, Client, Connect, ConnectError, Dial, Event, Events, Line, Missing, Progress,
    SessionEvent, Socket,
};
use bimip_proto::{Address, Device, DeviceName, Row, UserId};
use bimip_server::storage::memory::{MemoryReader, MemoryStorage};
use bimip_server::storage::{Storage, StorageError};
use bimip_server::{OpenAuth, Server};
use bimip_session::ledger::{Committed, Failed, Ticket};
use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::net::TcpListener;

/// Mailboxes that outlive a server.
#[derive(Clone)]
pub(crate) struct Shelf(Arc<Mutex<MemoryStorage>>);

impl Shelf {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(MemoryStorage::new())))
    }

    /// Starts a server over it; gives the address of its web sockets.
    pub(crate) async fn open(&self) -> (Server, String) {
        let server = Server::builder().storage(self.clone()).authenticate(OpenAuth).start().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        tokio::spawn(server.clone().serve_http(listener));
        (server, url)
    }
}

impl Storage for Shelf {
    type Reader = MemoryReader;

    fn commit(&mut self, batch: Vec<Ticket>) -> Vec<Result<Committed, Failed>> {
        self.0.lock().unwrap().commit(batch)
    }

    fn reader(&self) -> MemoryReader {
        self.0.lock().unwrap().reader()
    }

    fn close(self) -> Result<(), StorageError> {
        Ok(())
    }
}

/// The way to a server that moves, over connections that can go deaf.
#[derive(Clone, Default)]
pub(crate) struct Way {
    url: Arc<Mutex<String>>,
    deaf: Arc<AtomicBool>,
}

impl Way {
    pub(crate) fn to(url: &str) -> Self {
        let way = Self::default();
        way.moves(url);
        way
    }

    pub(crate) fn moves(&self, url: &str) {
        url.clone_into(&mut self.url.lock().unwrap());
    }

    /// Frames of the server are lost from now on, or no more.
    pub(crate) fn deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::SeqCst);
    }
}

impl Connect for Way {
    type Transport = Ear;

    async fn connect(&self, caller: Caller) -> Result<Ear, ConnectError> {
        let (url, deaf) = (self.url.lock().unwrap().clone(), Arc::clone(&self.deaf));
        Ok(Ear { socket: Dial::new(&url).connect(caller).await?, deaf })
    }
}

pub(crate) struct Ear {
    socket: Socket,
    deaf: Arc<AtomicBool>,
}

impl Stream for Ear {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            let heard = ready!(Pin::new(&mut self.socket).poll_next(cx));
            if heard.is_none() || !self.deaf.load(Ordering::SeqCst) {
                return Poll::Ready(heard);
            }
        }
    }
}

impl Sink<Bytes> for Ear {
    type Error = io::Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_ready(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Bytes) -> io::Result<()> {
        Pin::new(&mut self.socket).start_send(frame)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

pub(crate) fn address(name: &str) -> Address {
    Address::User(user(name))
}

pub(crate) fn builder(name: &str) -> Builder<Missing> {
    let device = Device::new(user(name), DeviceName::new("phone").unwrap());
    Client::builder(device).config(|config| config.redial_min_ms = 20)
}

/// The next event that `pick` has a use for. Waiting for ever is a failure.
pub(crate) async fn until<R>(events: &mut Events, mut pick: impl FnMut(Event) -> Option<R>) -> R {
    let found = async {
        loop {
            let event = events.next_event().await.unwrap().expect("the client has ended");
            if let Some(found) = pick(event) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), found).await.expect("an event that does not come")
}

pub(crate) async fn online(events: &mut Events) {
    until(events, |event| matches!(event, Event::Session(SessionEvent::Resumed(_))).then_some(())).await;
}

pub(crate) async fn session<R>(events: &mut Events, mut pick: impl FnMut(SessionEvent) -> Option<R>) -> R {
    until(events, |event| match event {
        Event::Session(event) => pick(event),
        _ => None,
    })
    .await
}

/// Waits for a message of which this is true.
pub(crate) async fn line(events: &mut Events, mut is_it: impl FnMut(&Line) -> bool) -> Line {
    until(events, |event| match event {
        Event::Message(line) if is_it(&line) => Some(*line),
        _ => None,
    })
    .await
}

/// Waits until the server has the next draft; gives its text.
pub(crate) async fn sent(events: &mut Events) -> String {
    text(&line(events, |line| line.mine && line.progress == Progress::Sent).await)
}

/// Waits until one of this user's messages got so far.
pub(crate) async fn progress(events: &mut Events, progress: Progress) -> Line {
    line(events, |line| line.mine && line.progress == progress).await
}

/// Waits for the next message of somebody else.
pub(crate) async fn message(events: &mut Events) -> Line {
    line(events, |line| !line.mine && line.progress == Progress::Delivered).await
}

/// Waits for a row, where the app keeps its own.
pub(crate) async fn row(events: &mut Events) -> Row {
    session(events, |event| match event {
        SessionEvent::Received(row) => Some(row),
        _ => None,
    })
    .await
}

pub(crate) fn text(line: &Line) -> String {
    line.text().unwrap()
}
