//! The one task of a client: waits, hands over what happened, carries out what the session wants.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bimip_codec::{Codec, Dialect, EncodeError, Frames};
use bimip_proto::{ClientPacket, ClientRef, Device, Draft, Now, Offset, Reject};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Event, Full, Input, Output};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use crate::clock::Clock;
use crate::command::{Command, MarkError, SendError};
use crate::connect::Connect;
use crate::events::Outlet;
use crate::store::{Store, StoreError};
use crate::wire::Wire;

/// How long a goodbye may take to be written.
const LINGER: Duration = Duration::from_secs(2);

pub(crate) struct Driver<C: Connect, S> {
    session: ClientSession,
    device: Device,
    connector: Arc<C>,
    link: Link<C::Transport>,
    codec: Codec,
    store: S,
    clock: Clock,
    outlet: Outlet,
    names: Namer,
    /// The app has everything up to here.
    place: Offset,
    /// Nothing will happen any more.
    over: bool,
}

type Dial<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

enum Link<T> {
    Down,
    Dialing(Dial<T>),
    Up(Wire<T>),
    /// Hung up: its last frames are written if the client leaves.
    Hung(Wire<T>),
}

enum Step<T> {
    Dialed(io::Result<T>),
    Heard(io::Result<Option<Bytes>>),
}

impl<T: crate::Transport> Link<T> {
    /// Cancel safe.
    async fn step(&mut self, reads: bool) -> Step<T> {
        match self {
            Self::Dialing(dial) => Step::Dialed(dial.await),
            Self::Up(wire) => Step::Heard(wire.turn(reads).await),
            Self::Down | Self::Hung(_) => pending().await,
        }
    }
}

impl<C: Connect, S: Store> Driver<C, S> {
    #[expect(clippy::too_many_arguments, reason = "all its parts, from one place")]
    pub(crate) fn new(
        session: ClientSession,
        device: Device,
        connector: C,
        store: S,
        clock: Clock,
        outlet: Outlet,
        names: Namer,
        place: Offset,
    ) -> Self {
        let (connector, link, codec) = (Arc::new(connector), Link::Down, Codec::new(Dialect::Scheme));
        Self { session, device, connector, link, codec, store, clock, outlet, names, place, over: false }
    }

    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut leaving = None;
        if let Err(error) = self.serve(&mut inbox, &mut leaving).await {
            tracing::error!(%error, "the client ends");
            self.outlet.tell(Err(error));
        }
        // Whoever asks from here on is told that nobody is there.
        drop(inbox);
        if let Link::Up(wire) | Link::Hung(wire) = self.link {
            let _ = timeout(LINGER, wire.finish()).await;
        }
        drop(leaving);
        while !self.outlet.has_room() {
            self.outlet.catch_up().await;
        }
    }

    async fn serve(
        &mut self,
        inbox: &mut mpsc::Receiver<Command>,
        leaving: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), StoreError> {
        while !self.over {
            let due = self.session.poll_timeout().map(|mono_ms| self.clock.instant(mono_ms));
            let reads = self.outlet.has_room();
            // All of them are cancel safe; whatever takes time is done after the choice.
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(Command::Leave(answer)) => {
                        *leaving = Some(answer);
                        self.leave();
                    }
                    Some(command) => self.obey(command).await?,
                    None => self.leave(),
                },
                step = self.link.step(reads) => self.stepped(step),
                () = self.outlet.catch_up(), if !reads => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
            let now = self.clock.now();
            if self.session.poll_timeout().is_some_and(|due| due <= now.mono_ms) {
                self.session.handle_timeout(now);
            }
            self.carry_out(now).await?;
        }
        Ok(())
    }

    // ---- what happens --------------------------------------------------------------------------------

    async fn obey(&mut self, command: Command) -> Result<(), StoreError> {
        let now = self.clock.now();
        match command {
            Command::Send(draft, answer) => self.send(now, *draft, answer).await?,
            Command::Mark(message, status, answer) => {
                let taken = self.session.mark(now, message, status);
                // Who asked may be gone.
                let _ = answer.send(taken.map_err(|Full(message)| MarkError::Full(message)));
            }
            Command::Stored(offset) => {
                let place = offset.min(self.session.seen());
                if place > self.place {
                    self.place = place;
                    self.store.save_place(self.session.epoch(), place).await?;
                }
                self.session.stored(now, self.session.epoch(), offset);
            }
            Command::Live(live, answer) => {
                // Whoever asked may be gone.
                let _ = answer.send(self.session.live(now, *live));
            }
            Command::Leave(_) => self.leave(),
        }
        Ok(())
    }

    async fn send(
        &mut self,
        now: Now,
        mut draft: Draft,
        answer: oneshot::Sender<Result<ClientRef, SendError>>,
    ) -> Result<(), StoreError> {
        let name = draft.client_ref.get_or_insert_with(|| self.names.next()).clone();
        let taken = match self.session.send(now, draft.clone()) {
            // The session has queued it, and nothing is carried out before it is kept.
            Ok(()) => {
                self.store.save_draft(&draft).await?;
                Ok(name)
            }
            Err(Full(draft)) => Err(SendError::Full(Box::new(draft))),
        };
        let _ = answer.send(taken);
        Ok(())
    }

    fn leave(&mut self) {
        self.session.leave(self.clock.now());
        self.over = true;
    }

    fn stepped(&mut self, step: Step<C::Transport>) {
        let now = self.clock.now();
        match step {
            Step::Dialed(Ok(transport)) => {
                self.codec = Codec::new(Dialect::Scheme);
                self.codec.signed_in(&self.device);
                self.link = Link::Up(Wire::new(transport));
                self.session.handle_input(now, Input::Connected);
            }
            Step::Dialed(Err(error)) => {
                tracing::debug!(%error, "nobody answers");
                self.down(now);
            }
            Step::Heard(Ok(Some(frame))) => self.heard(now, frame),
            Step::Heard(Ok(None)) => self.down(now),
            Step::Heard(Err(error)) => {
                tracing::debug!(%error, "the connection broke");
                self.down(now);
            }
        }
    }

    fn down(&mut self, now: Now) {
        self.link = Link::Down;
        self.session.handle_input(now, Input::Disconnected);
    }

    fn heard(&mut self, now: Now, frame: Bytes) {
        let mut packets = Vec::new();
        if let Err(error) = self.codec.decode_server(frame, &mut packets) {
            // What it was, the session notices: an answer that does not come, a row that is missing.
            tracing::warn!(%error, "the server says what this version does not understand");
        }
        for packet in packets {
            self.session.handle_input(now, Input::Packet(packet));
        }
    }

    // ---- what the session wants ----------------------------------------------------------------------

    async fn carry_out(&mut self, now: Now) -> Result<(), StoreError> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect => {
                    let connector = Arc::clone(&self.connector);
                    self.link = Link::Dialing(Box::pin(async move { connector.connect().await }));
                }
                Output::Transmit(packet) => self.transmit(now, packet),
                Output::Hangup => {
                    self.link = match std::mem::replace(&mut self.link, Link::Down) {
                        Link::Up(wire) => Link::Hung(wire),
                        _ => Link::Down,
                    };
                }
                Output::Event(event) => self.tell(event).await?,
                other => tracing::error!(?other, "the session wants something this driver does not know"),
            }
        }
        Ok(())
    }

    fn transmit(&mut self, now: Now, packet: ClientPacket) {
        let Link::Up(wire) = &mut self.link else { return };
        let mut frames = Frames::new();
        match self.codec.encode_client(&packet, &mut frames) {
            Ok(()) => frames.drain().for_each(|frame| wire.push(frame)),
            Err(error) => {
                tracing::warn!(%error, "a packet has no words in this dialect");
                let reason = match error {
                    EncodeError::TooLong { .. } => Reject::TooLarge,
                    _ => Reject::Unsupported,
                };
                self.session.handle_input(now, Input::Unwritable(Box::new(packet), reason));
            }
        }
    }

    /// Keeps what the event means to the store, then tells the app.
    async fn tell(&mut self, event: Event) -> Result<(), StoreError> {
        let epoch = self.session.epoch();
        match &event {
            Event::Sent { client_ref: Some(name), head, .. } => {
                self.store.forget_draft(name, Some(head)).await?;
            }
            Event::Refused { draft, .. } | Event::Unsure(draft) => {
                if let Some(name) = &draft.client_ref {
                    self.store.forget_draft(name, None).await?;
                }
            }
            Event::Received(row) => self.store.save_row(epoch, row).await?,
            Event::Resumed(welcome) | Event::Gap { welcome, .. } => {
                self.place = self.place.max(welcome.resume_from);
                self.store.save_place(epoch, self.place).await?;
            }
            Event::Reset(welcome) => {
                self.place = welcome.resume_from;
                self.store.save_place(epoch, self.place).await?;
            }
            Event::Ended(_) => self.over = true,
            _ => {}
        }
        self.outlet.tell(Ok(event));
        Ok(())
    }
}

/// Names for drafts, unique among all runs of a device.
pub(crate) struct Namer {
    run: u64,
    count: u64,
}

impl Namer {
    /// `run` is drawn at random.
    pub(crate) const fn new(run: u64) -> Self {
        Self { run, count: 0 }
    }

    fn next(&mut self) -> ClientRef {
        self.count += 1;
        ClientRef::new(&format!("{:016x}-{}", self.run, self.count)).expect("at most 37 bytes, and not empty")
    }
}
