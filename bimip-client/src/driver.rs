//! The one task of a client: waits, hands over what happened, carries out what the session wants.
//!
//! A turn is what one wait brings: commands, or frames of one read. Everything that follows from it is made durable by
//! one commit; only then are its answers given, its frames written and its events told.

mod link;
mod obey;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bimip_codec::{Codec, Dialect, EncodeError, Frames};
use bimip_proto::{
    ClientPacket, ClientRef, Device, Draft, Entry, Found, GroupCommand, MessageRef, Now, Offset, React,
    Reject, Revise, Status, UnixMs, UserCommand,
};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Event as SessionEvent, Input, NoAnswer, Output};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout};

use self::link::{LINGER, Step};
use crate::clock::Clock;
use crate::command::{AskError, COMMANDS, Command};
use crate::connect::{Caller, Connect, ConnectError};
use crate::events::{Event, Outlet};
use crate::keep::Keeper;
use crate::store::StoreError;
use crate::wire::Wire;

pub(crate) use self::link::Link;
pub(crate) use self::obey::Namer;

pub(crate) struct Driver<C: Connect> {
    pub(crate) session: ClientSession,
    pub(crate) device: Device,
    pub(crate) dialect: Dialect,
    /// Whether the store keeps the history; else the app says what it has.
    pub(crate) history: bool,
    /// The newest token, for a transport that shows it.
    pub(crate) token: Option<Bytes>,
    pub(crate) unnoted_marks: usize,
    pub(crate) connector: Arc<C>,
    pub(crate) clock: Clock,
    pub(crate) outlet: Outlet,
    pub(crate) names: Namer,
    /// Called in threads that may block; its other calls are short.
    pub(crate) keeper: Arc<Mutex<Keeper>>,
    pub(crate) link: Link<C::Transport>,
    pub(crate) codec: Codec,
    /// Who waits for the answers to questions: as many as the session has on the wire.
    pub(crate) asking: BTreeMap<ClientRef, oneshot::Sender<Result<Found, AskError>>>,
    /// Nothing will happen any more.
    pub(crate) over: bool,
}

/// What the app said, to be kept.
enum Fact {
    Draft(Draft),
    Forget(ClientRef),
    Mark(MessageRef, Status),
    Revise(Revise),
    React(React),
    Group(GroupCommand),
    User(UserCommand),
    /// A mark of a dialect that answers none was said.
    Said(MessageRef, Status),
    Stored(Offset),
    Given(Bytes),
}

/// What is waited for until a turn is durable.
type Answer = Box<dyn FnOnce() + Send>;

/// An output, and what the app is told because of it; without one, because of the facts.
type Kept = (Option<Output>, Vec<Event>);

/// What a turn has come to.
#[derive(Default)]
struct Turn {
    facts: Vec<Fact>,
    answers: Vec<Answer>,
    /// The app has all rows up to here.
    stored: Offset,
}

impl<C: Connect> Driver<C> {
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Command>) {
        let mut leaving = None;
        if let Err(error) = self.serve(&mut inbox, &mut leaving).await {
            tracing::error!(%error, "the client ends");
            self.outlet.tell(Err(error));
        }
        // Whoever asks from here on is told that nobody is there.
        drop(inbox);
        let Self { link, keeper, mut outlet, .. } = self;
        if let Link::Up(wire) | Link::Hung(wire) = link {
            let _ = timeout(LINGER, wire.finish()).await;
        }
        // Whoever waits for the end may open the store again.
        drop(keeper);
        drop(leaving);
        while !outlet.has_room() {
            outlet.catch_up().await;
        }
    }

    async fn serve(
        &mut self,
        inbox: &mut mpsc::Receiver<Command>,
        leaving: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), StoreError> {
        let mut commands = Vec::with_capacity(COMMANDS);
        while !self.over {
            let due = self.session.poll_timeout().map(|mono_ms| self.clock.instant(mono_ms));
            let reads = self.outlet.has_room();
            // All of them are cancel safe; whatever takes time is done after the choice.
            tokio::select! {
                count = inbox.recv_many(&mut commands, COMMANDS) => if count == 0 {
                    self.leave();
                },
                step = self.link.step(reads) => self.stepped(step),
                () = self.outlet.catch_up(), if !reads => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
            let now = self.clock.now();
            let mut turn = Turn::default();
            for command in commands.drain(..) {
                self.obey(now, command, &mut turn, leaving)?;
            }
            if self.session.poll_timeout().is_some_and(|due| due <= now.mono_ms) {
                self.session.handle_timeout(now);
            }
            self.carry_out(now, turn).await?;
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.session.leave(self.clock.now());
        self.over = true;
    }

    // ---- what happens --------------------------------------------------------------------------------

    fn stepped(&mut self, step: Step<C::Transport>) {
        let now = self.clock.now();
        match step {
            Step::Dialed(Ok(transport)) => {
                self.codec = Codec::new(self.dialect);
                self.codec.signed_in(&self.device);
                self.link = Link::Up(Wire::new(transport));
                self.session.handle_input(now, Input::Connected);
            }
            Step::Dialed(Err(error)) => {
                tracing::debug!(%error, "no connection");
                self.link = Link::Down;
                let input = match &error {
                    ConnectError::Refused(_) => Input::Refused,
                    ConnectError::TurnedAway { retry_after_ms: Some(retry_after_ms), .. } => {
                        Input::TurnedAway { retry_after_ms: *retry_after_ms }
                    }
                    _ => Input::Disconnected,
                };
                self.session.handle_input(now, input);
                // It is said again with the next dial: an app that does not listen is not told all of them.
                if self.outlet.has_room() {
                    self.outlet.tell(Ok(Event::Unreachable(error)));
                }
            }
            Step::Heard(Ok(frames)) if frames.is_empty() => self.down(now),
            Step::Heard(Ok(frames)) => frames.into_iter().for_each(|frame| self.heard(now, frame)),
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

    async fn carry_out(&mut self, now: Now, mut turn: Turn) -> Result<(), StoreError> {
        loop {
            let outputs: Vec<Output> = std::iter::from_fn(|| self.session.poll_output()).collect();
            if outputs.is_empty() && turn.facts.is_empty() && turn.answers.is_empty() {
                return Ok(());
            }
            let mut arrived = self.arrived(&outputs);
            arrived.upto = arrived.upto.max(std::mem::take(&mut turn.stored));
            let outputs = self.keep(now, std::mem::take(&mut turn.facts), outputs).await?;
            turn.answers.drain(..).for_each(|answer| answer());
            for (output, events) in outputs {
                match output {
                    Some(Output::Connect) => self.dial(),
                    Some(Output::Transmit(packet)) => self.transmit(now, packet),
                    Some(Output::Hangup) => self.link.hang_up(self.over),
                    Some(Output::Event(event)) => {
                        self.follow(now, &event, &mut turn);
                        if let Some(event) = self.answered(event) {
                            self.outlet.tell(Ok(Event::Session(event)));
                        }
                    }
                    Some(other) => {
                        tracing::error!(?other, "the session wants something this driver does not know");
                    }
                    None => {}
                }
                events.into_iter().for_each(|event| self.outlet.tell(Ok(event)));
            }
            self.acknowledge(now, arrived);
        }
    }

    /// Makes facts and events durable; gives the outputs back with what the app is told because of them. The first entry
    /// is about the facts.
    async fn keep(
        &mut self,
        now: Now,
        facts: Vec<Fact>,
        outputs: Vec<Output>,
    ) -> Result<Vec<Kept>, StoreError> {
        let says = |output: &Output| {
            matches!(output, Output::Event(_)) || matches!(output, Output::Transmit(ClientPacket::Send(_)))
        };
        if facts.is_empty() && !outputs.iter().any(says) {
            return Ok(outputs.into_iter().map(|output| (Some(output), Vec::new())).collect());
        }
        let once = self.dialect == Dialect::VoicePing;
        let keeper = Arc::clone(&self.keeper);
        let kept = spawn_blocking(move || keep(&mut locked(&keeper), now.stamp(), facts, outputs, once));
        // An error: the store has panicked, or the runtime shuts down.
        kept.await.unwrap_or_else(|error| Err(StoreError::failed(error)))
    }

    fn keeper(&self) -> MutexGuard<'_, Keeper> {
        locked(&self.keeper)
    }

    fn dial(&mut self) {
        let connector = Arc::clone(&self.connector);
        let (dialect, device, token) = (self.dialect, self.device.clone(), self.token.clone());
        let caller = Caller { dialect, device, token };
        self.link = Link::Dialing(Box::pin(async move { connector.connect(caller).await }));
    }

    fn transmit(&mut self, now: Now, packet: ClientPacket) {
        let Link::Up(wire) = &mut self.link else { return };
        let mut frames = Frames::new();
        match self.codec.encode_client(&packet, &mut frames) {
            Ok(()) => frames.drain().for_each(|frame| wire.push(frame)),
            Err(error) => {
                tracing::debug!(%error, "a packet has no words in this dialect");
                let reason = match error {
                    EncodeError::TooLong { .. } => Reject::TooLarge,
                    _ => Reject::Unsupported,
                };
                self.session.handle_input(now, Input::Unwritable(Box::new(packet), reason));
            }
        }
    }

    /// The answer to a question goes to whoever asked it; every other event to the app.
    fn answered(&mut self, event: SessionEvent) -> Option<SessionEvent> {
        let (query, answer) = match event {
            SessionEvent::Answer { query, found } => (query, Ok(found)),
            SessionEvent::Unanswered { query, why } => {
                let why = match why {
                    NoAnswer::Refused { reason, retry_after_ms } => {
                        AskError::Refused { reason, retry_after_ms }
                    }
                    _ => AskError::Offline,
                };
                (query, Err(why))
            }
            event => return Some(event),
        };
        if let Some(asker) = self.asking.remove(&query.id) {
            // Whoever asked may be gone.
            let _ = asker.send(answer);
        }
        None
    }

    /// What an event means to the driver itself.
    fn follow(&mut self, now: Now, event: &SessionEvent, turn: &mut Turn) {
        match event {
            SessionEvent::Token { token, .. } => self.token = Some(token.clone()),
            // A dialect that answers no marks: those of the time without a connection are said now, and once.
            SessionEvent::Online if self.dialect == Dialect::VoicePing => {
                let unnoted = self.keeper().unnoted();
                for (message, status) in unnoted {
                    // It takes all of them, since it keeps none.
                    let _ = self.session.mark(now, message.clone(), status);
                    turn.facts.push(Fact::Said(message, status));
                }
            }
            _ => {}
        }
    }

    // ---- what arrived --------------------------------------------------------------------------------

    /// What the server is told once it is durable.
    fn arrived(&self, outputs: &[Output]) -> Arrived {
        let mut arrived = Arrived { epoch: self.session.epoch(), upto: Offset::ZERO, messages: Vec::new() };
        let received = outputs.iter().filter_map(|output| match output {
            Output::Event(SessionEvent::Received(row)) if self.history => Some(row),
            _ => None,
        });
        for row in received {
            arrived.upto = arrived.upto.max(row.offset);
            if let (Offset::ZERO, Entry::Message(message)) = (row.offset, &*row.entry) {
                // BD-COMMIT-2: the deployed dialect is told of copies of this user's own messages, too.
                if self.dialect == Dialect::Deployed || message.head.is_for(&self.device.user) {
                    arrived.messages.push(message.head.reference());
                }
            }
        }
        arrived
    }

    fn acknowledge(&mut self, now: Now, arrived: Arrived) {
        if arrived.upto > Offset::ZERO {
            self.session.stored(now, arrived.epoch, arrived.upto);
        }
        if !arrived.messages.is_empty() {
            self.session.delivered(now, arrived.messages);
        }
    }
}

struct Arrived {
    epoch: u32,
    upto: Offset,
    messages: Vec<MessageRef>,
}

/// After a panic nothing more is asked of it.
fn locked(keeper: &Mutex<Keeper>) -> MutexGuard<'_, Keeper> {
    keeper.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In a thread that may block.
fn keep(
    keeper: &mut Keeper,
    now: UnixMs,
    facts: Vec<Fact>,
    outputs: Vec<Output>,
    once: bool,
) -> Result<Vec<Kept>, StoreError> {
    let mut lines = Vec::new();
    for fact in facts {
        match fact {
            Fact::Draft(draft) => lines.extend(keeper.draft(&draft, now)?),
            Fact::Forget(name) => keeper.forget(&name)?,
            Fact::Mark(message, status) => lines.extend(keeper.mark(&message, status)?),
            Fact::Revise(revise) => keeper.revise(revise),
            Fact::React(react) => keeper.react(react),
            Fact::Group(command) => keeper.command(command),
            Fact::User(command) => keeper.user_command(command),
            Fact::Said(message, status) => keeper.noted(&message, status),
            Fact::Stored(offset) => keeper.stored(offset),
            Fact::Given(token) => keeper.given(token),
        }
    }
    let told = |lines: Vec<_>| lines.into_iter().map(|line| Event::Message(Box::new(line))).collect();
    let mut kept = vec![(None, told(lines))];
    for mut output in outputs {
        let lines = match &mut output {
            Output::Event(event) => keeper.event(event, now)?,
            Output::Transmit(ClientPacket::Send(draft)) if once => {
                keeper.attempted(&draft.to)?;
                Vec::new()
            }
            _ => Vec::new(),
        };
        kept.push((Some(output), told(lines)));
    }
    keeper.commit()?;
    Ok(kept)
}
