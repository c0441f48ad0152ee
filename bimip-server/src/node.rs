//! The task that owns the core: takes a batch of inputs, feeds them, carries out what the core wants.

use std::sync::Arc;
use std::time::Duration;

use bimip_codec::Shared;
use bimip_proto::{Device, Now, Reject, TokenTask};
use bimip_session::Machine;
use bimip_session::ledger::{Failure, Outgoing};
use bimip_session::server::{ConnId, Input, Output, ServerCore};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep_until, timeout};

use crate::auth::SignIn;
use crate::clock::Clock;
use crate::commit::Tickets;
use crate::config::Config;
use crate::counts::Counts;
use crate::fanout::Fanout;
use crate::gate::Gate;
use crate::outbox::Out;
use crate::peers::Peers;
use crate::post::{INBOX_BATCHES, Post, Room, ToNode};
use crate::reads::{Question, Reads};
use crate::server::Report;
use crate::sounds::Sounds;

/// One core and everything it needs to act. The whole concurrency of a server is this task's inbox.
pub(crate) struct Node {
    core: ServerCore,
    clock: Clock,
    peers: Peers,
    fanout: Fanout,
    tickets: Tickets,
    reads: Reads,
    sounds: Sounds,
    gate: Arc<Gate>,
    post: Post,
    room: Room,
    /// What the batches of this turn take. Given back when its outputs are out: whoever is to be paused knows it before
    /// there is room for more.
    taken: Vec<OwnedSemaphorePermit>,
    counts: Arc<Counts>,
    config: Config,
    /// When a shutdown stops waiting.
    drain_until: Option<Instant>,
}

impl Node {
    pub(crate) fn new(
        config: Config,
        gate: Arc<Gate>,
        (post, room): (Post, Room),
        counts: Arc<Counts>,
        tickets: Tickets,
        reads: Reads,
        sounds: Sounds,
    ) -> Self {
        Self {
            core: ServerCore::new(config.core.clone()),
            clock: Clock::start(),
            peers: Peers::new(Arc::clone(&counts)),
            fanout: Fanout::default(),
            tickets,
            reads,
            sounds,
            gate,
            post,
            room,
            taken: Vec::new(),
            counts,
            config,
            drain_until: None,
        }
    }

    /// Runs until it is drained, or until nobody is left who could say anything.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<ToNode>) {
        let mut batch = Vec::with_capacity(INBOX_BATCHES);
        loop {
            let due = self.due();
            tokio::select! {
                // The inbox first: a timer that is due is looked at in every turn anyway.
                biased;
                taken = inbox.recv_many(&mut batch, INBOX_BATCHES) => if taken == 0 { return },
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            }
            let now = self.clock.now();
            for item in batch.drain(..) {
                self.take(now, item);
            }
            if self.core.poll_timeout().is_some_and(|due_mono_ms| due_mono_ms <= now.mono_ms) {
                self.core.handle_timeout(now);
            }
            self.carry_out(now);
            self.taken.clear();
            if self.is_over() {
                return;
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        let timer = self.core.poll_timeout().map(|mono_ms| self.clock.instant(mono_ms));
        timer.into_iter().chain(self.drain_until).min()
    }

    fn is_over(&self) -> bool {
        if self.core.is_drained() {
            return true;
        }
        let late = self.drain_until.is_some_and(|until| until <= Instant::now());
        if late {
            let connections = self.core.connections();
            tracing::warn!(connections, "shutting down without waiting for the last answers any longer");
        }
        late
    }

    fn take(&mut self, now: Now, item: ToNode) {
        match item {
            ToNode::Open { conn, dialect, grant, outbox } => {
                self.peers.add(conn, Some(dialect), outbox);
                self.core.handle_input(
                    now,
                    Input::Opened { conn, caps: self.config.silences.caps(dialect), grant },
                );
            }
            ToNode::Line { conn, outbox, inputs, room } => {
                self.taken.extend(room);
                self.peers.add(conn, None, outbox);
                for input in inputs {
                    self.input(now, input);
                }
            }
            ToNode::Inputs(inputs) => {
                for input in inputs {
                    self.input(now, input);
                }
            }
            ToNode::Heard(inputs, room) => {
                self.taken.extend(room);
                for input in inputs {
                    self.input(now, input);
                }
            }
            ToNode::Report(answer) => {
                // Whoever asked may be gone.
                let _ = answer.send(self.report());
            }
        }
    }

    fn input(&mut self, now: Now, input: Input) {
        match &input {
            // Before the core can send the welcome: the codec has to know whose words it reads and writes.
            Input::Granted(conn, Ok(grant)) => {
                self.peers.stage(*conn, Out::SignedIn(Box::new(grant.device.clone())));
            }
            Input::Drain(_) if self.drain_until.is_none() => {
                self.drain_until = Some(Instant::now() + self.config.drain);
            }
            _ => {}
        }
        let closed = if let Input::Closed(conn) = &input { Some(*conn) } else { None };
        self.core.handle_input(now, input);
        if let Some(conn) = closed {
            // What the core still owes it goes out before its outbox is closed.
            self.outputs();
            self.peers.remove(conn);
        }
    }

    /// Until nothing is left to do: what cannot be carried out is an input again.
    fn carry_out(&mut self, now: Now) {
        loop {
            self.outputs();
            self.fanout.forget();
            let gone = self.peers.flush();
            let lost = self.tickets.hand_over();
            if gone.is_empty() && lost.is_empty() {
                return;
            }
            for conn in gone {
                // Its own word for it is on the way, or never comes because the task was killed.
                tracing::debug!(%conn, "a connection's task is gone");
                self.core.handle_input(now, Input::Closed(conn));
            }
            if !lost.is_empty() {
                self.counts.store_fails();
                tracing::error!(tickets = lost.len(), "the commit thread is gone; commands are refused");
            }
            for ticket in lost {
                self.core.handle_input(now, Input::Failed(ticket.failed(Failure::Unavailable)));
            }
        }
    }

    fn outputs(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(conn, outgoing) => {
                    let out = match self.fanout.of(&outgoing) {
                        Some(shared) => Out::Shared(outgoing, shared),
                        None => Out::Packet(outgoing),
                    };
                    self.peers.stage(conn, out);
                }
                Output::Replay(conn, outgoing, sound) => self.peers.stage(conn, Out::Replay(outgoing, sound)),
                Output::Sound(sound, act) => self.sounds.act(sound, act),
                Output::SendAll(conns, outgoing) => self.send_all(&conns, outgoing),
                Output::Barrier(conn, number) => self.peers.stage(conn, Out::Barrier(number)),
                Output::Pause(conn) => self.peers.stage(conn, Out::Pause),
                Output::Resume(conn) => self.peers.stage(conn, Out::Resume),
                Output::Close(conn, reason) => self.peers.close(conn, reason),
                Output::Commit(ticket) => self.tickets.push(ticket),
                Output::Attach(conn, device) => self.reads.ask(Question::Attach(conn, device)),
                Output::Contacts(user) => self.reads.ask(Question::Contacts(user)),
                Output::Token { conn, device, task, token } => {
                    self.ask_about_token(conn, device, task, token);
                }
                Output::Query(lookup) => self.reads.ask(Question::Query(lookup)),
                Output::Read(request) => self.reads.ask(Question::Page(request)),
                Output::Authenticate { conn, user, device, token } => {
                    let (gate, post) = (Arc::clone(&self.gate), self.post.clone());
                    let sign_in =
                        SignIn { user, device, dialect: self.peers.dialect(conn), ..SignIn::new(token) };
                    // At most one for each connection, and the core gives up on it after its sign-in time.
                    tokio::spawn(async move {
                        let grant = gate.sign_in(sign_in).await;
                        post.send(vec![Input::Granted(conn, grant)]).await;
                    });
                }
                // This server's core is alone with its store: there is nobody to wake.
                Output::Wake(_) => {}
                other => tracing::error!(?other, "the core wants something this driver does not know"),
            }
        }
    }

    /// At most one for each connection; what the connection says meanwhile waits for the answer.
    fn ask_about_token(&self, conn: ConnId, device: Device, task: TokenTask, token: Bytes) {
        let (gate, post) = (Arc::clone(&self.gate), self.post.clone());
        let patience = Duration::from_millis(self.config.core.sign_in_ms);
        let (user, device) = (Some(device.user), Some(device.name));
        let sign_in = SignIn { user, device, dialect: self.peers.dialect(conn), ..SignIn::new(token) };
        tokio::spawn(async move {
            let answer = timeout(patience, gate.token(task, sign_in)).await;
            let answer = answer.unwrap_or(Err(Reject::Unavailable));
            post.send(vec![Input::Token(conn, answer)]).await;
        });
    }

    /// The same to each, encoded once for each dialect.
    fn send_all(&mut self, conns: &[ConnId], outgoing: Outgoing) {
        if let [conn] = conns {
            return self.peers.stage(*conn, Out::Packet(outgoing));
        }
        let shared = Arc::new(Shared::default());
        for conn in conns {
            self.peers.stage(*conn, Out::Shared(outgoing.clone(), Arc::clone(&shared)));
        }
    }

    fn report(&self) -> Report {
        let mut counters: Vec<(String, u64)> = self.core.counters().iter().collect();
        counters.extend(self.counts.list());
        counters.extend(self.gate.counters());
        let mut budgets = vec![("inbox_bytes", self.room.level())];
        budgets.extend(self.core.budgets().iter());
        Report {
            connections: self.core.connections(),
            budgets,
            draining: self.drain_until.is_some(),
            store_failed: *self.counts.store_failed.borrow(),
            counters,
        }
    }
}
