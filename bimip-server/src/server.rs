//! The handle of a running server, and how to start one.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use bimip_codec::Dialect;
use bimip_proto::CloseReason;
use bimip_session::server::{ConnId, Grant, Input, Level, Refused};
use futures_util::FutureExt;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

use crate::accounts::Accounts;
use crate::auth::{Authenticator, SignIn};
use crate::config::Config;
use crate::connection::{self, Context};
use crate::counts::Counts;
use crate::door::{Origins, Pace};
use crate::gate::Gate;
use crate::library::Library;
use crate::node::Node;
use crate::objects::{MemoryObjects, Objects};
use crate::post::{INBOX_BATCHES, Post, Room, ToNode};
use crate::storage::{Storage, StorageError};
use crate::transport::Transport;
use crate::{commit, logouts, reads, sounds};

/// A running server. Clones are handles of the same server.
#[derive(Debug, Clone)]
pub struct Server {
    pub(crate) context: Arc<Context>,
    gate: Arc<Gate>,
    phase: watch::Sender<Phase>,
    pub(crate) next_conn: Arc<AtomicU64>,
    /// A permit for each connection there may be.
    places: Arc<Semaphore>,
    accounts: Option<Arc<Accounts>>,
    origins: Arc<Origins>,
    pace: Arc<Pace>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Draining,
    Stopped,
}

/// How a server is doing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// Connections, signed in or not.
    pub connections: usize,
    /// It is shutting down.
    pub draining: bool,
    /// The store takes nothing until it is opened again; reading goes on, and commands are refused.
    pub store_failed: bool,
    /// How much of each budget is taken: of what is under way, and of what waits.
    pub budgets: Vec<(&'static str, Level)>,
    /// Everything that is counted, by name. Counts only rise.
    pub counters: Vec<(String, u64)>,
}

impl Report {
    /// A counter by its name; 0 when there is none of that name.
    #[must_use]
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count)
    }
}

/// There is no place for another connection, or the server is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the server takes no more connections")]
#[expect(clippy::exhaustive_structs, reason = "no, and nothing else")]
pub struct Full;

/// A place for one connection, taken before its handshake is answered.
#[derive(Debug)]
pub(crate) struct Place(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

/// Puts a server together: what it stores in, whom it lets in.
pub struct Builder<S, A> {
    storage: S,
    authenticator: A,
    config: Config,
    objects: Option<Arc<dyn Objects>>,
    accounts: Option<Arc<Accounts>>,
}

impl<S: fmt::Debug, A: fmt::Debug> fmt::Debug for Builder<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { storage, authenticator, config, .. } = self;
        f.debug_struct("Builder")
            .field("storage", storage)
            .field("authenticator", authenticator)
            .field("config", config)
            .finish_non_exhaustive()
    }
}

/// Not said yet, and there is no default: a [`Builder`] with this in it does not start.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a mark in a type")]
pub struct Missing;

impl<S, A> Builder<S, A> {
    /// Where mailboxes live.
    #[must_use]
    pub fn storage<T: Storage>(self, storage: T) -> Builder<T, A> {
        let Self { authenticator, config, objects, accounts, .. } = self;
        Builder { storage, authenticator, config, objects, accounts }
    }

    /// Who finds out who somebody is.
    #[must_use]
    pub fn authenticate<T: Authenticator>(self, authenticator: T) -> Builder<S, T> {
        let Self { storage, config, objects, accounts, .. } = self;
        Builder { storage, authenticator, config, objects, accounts }
    }

    /// Where the sound of talks is kept. In memory when nothing is said, and gone with the process.
    #[must_use]
    pub fn objects(self, objects: impl Objects) -> Self {
        Self { objects: Some(Arc::new(objects)), ..self }
    }

    /// Accounts of the server's own: the doors where passwords become tokens, and the log-outs that their changes ask for. The
    /// authenticator that goes with it is [`Accounts::authenticator`].
    #[must_use]
    pub fn accounts(self, accounts: &Arc<Accounts>) -> Self {
        Self { accounts: Some(Arc::clone(accounts)), ..self }
    }

    /// Other bounds and times than the default ones.
    #[must_use]
    pub fn config(self, config: Config) -> Self {
        Self { config, ..self }
    }
}

impl<S: Storage, A: Authenticator> Builder<S, A> {
    /// Starts the node on the current tokio runtime, and the threads of the store.
    ///
    /// # Errors
    /// When the operating system gives no threads.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> io::Result<Server> {
        let (sender, inbox) = mpsc::channel(INBOX_BATCHES);
        let (config, counts, post) = (self.config, Arc::new(Counts::default()), Post::new(&sender));
        let (reads, mut threads) = reads::spawn(&self.storage.reader(), &post, &counts)?;
        let objects = self.objects.unwrap_or_else(|| Arc::new(MemoryObjects::new()));
        let (sounds, recorders) = sounds::spawn(&objects, &post)?;
        threads.extend(recorders);
        let library = Arc::new(Library::new(self.storage.reader(), objects));
        let (tickets, commits) =
            commit::spawn(self.storage, config.control_wait, post.clone(), Arc::clone(&counts))?;
        threads.push(commits);

        let (gate, standings) =
            (Arc::new(Gate::new(self.authenticator, reads.standings())), reads.standings());
        let places = Arc::new(Semaphore::new(usize::try_from(config.connections).unwrap_or(usize::MAX)));
        let (phase, _) = watch::channel(Phase::Running);
        let room = Room::new(config.inbox_bytes);
        let ways = (post.clone(), room.clone());
        let node =
            Node::new(config.clone(), Arc::clone(&gate), ways, Arc::clone(&counts), tickets, reads, sounds);
        tokio::spawn({
            let (phase, places, config) = (phase.clone(), Arc::clone(&places), config.clone());
            let (counts, library) = (Arc::clone(&counts), Arc::clone(&library));
            async move {
                node.run(inbox).await;
                library.close();
                wind_up(threads, &places, &config, &counts).await;
                phase.send_replace(Phase::Stopped);
            }
        });
        let origins = Arc::new(Origins::new(&config.origins));
        let pace = Arc::new(Pace::new(config.call_rate));
        let context = Arc::new(Context { config, counts, library, node: sender, room });
        let (accounts, next_conn) = (self.accounts, Arc::new(AtomicU64::new(1)));
        if let Some(accounts) = accounts.clone() {
            let mut phases = phase.subscribe();
            let over = async move {
                let _ = phases.wait_for(|now| *now == Phase::Stopped).await;
            };
            tokio::spawn(logouts::run(accounts, post, standings, over));
        }
        Ok(Server { context, gate, phase, next_conn, places, accounts, origins, pace })
    }
}

/// The node is done: waits for its threads, and for connections to write their goodbyes. Not for ever: a disk that
/// hangs must not keep a process alive that has nothing left to say.
async fn wind_up(threads: Vec<JoinHandle<()>>, places: &Semaphore, config: &Config, counts: &Counts) {
    let join = move || threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
    let wrong = match timeout(config.drain, tokio::task::spawn_blocking(join)).await {
        Ok(Ok(0)) => None,
        Ok(_) => Some("a thread of the store has panicked"),
        Err(_) => Some("the store hangs and was not closed; what was proven is safe"),
    };
    if let Some(wrong) = wrong {
        tracing::error!("{wrong}");
        let _ = counts.close_error.set(Arc::new(StorageError::Engine(wrong.to_owned())));
    }
    if timeout(config.linger, places.acquire_many(config.connections)).await.is_err() {
        tracing::debug!("some connections did not read their goodbye");
    }
}

impl Server {
    /// A server to be put together.
    #[must_use]
    pub fn builder() -> Builder<Missing, Missing> {
        Builder {
            storage: Missing,
            authenticator: Missing,
            config: Config::default(),
            objects: None,
            accounts: None,
        }
    }

    /// Serves one connection to its end, over any transport. Without a grant, its first frame has to sign in.
    ///
    /// Dropping the future does not end the connection; it ends when the other side does, or at a shutdown.
    ///
    /// # Errors
    /// [`Full`], with nothing read or written.
    pub async fn attach(
        &self,
        transport: impl Transport,
        dialect: Dialect,
        grant: Option<Grant>,
    ) -> Result<(), Full> {
        let place = self.place().ok_or(Full)?;
        let served = self.serve(transport, dialect, grant, place);
        // A task of its own, so that a caller's cancellation cannot leave half a conversation behind.
        let _ = tokio::spawn(served).await;
        Ok(())
    }

    /// Who is this? Asks the authenticator, and refuses a claim that its answer does not bear out, a token that was
    /// revoked, and every token while the store cannot be read.
    ///
    /// # Errors
    /// [`Refused`], for whatever reason.
    pub async fn authenticate(&self, sign_in: SignIn) -> Result<Grant, Refused> {
        self.gate.sign_in_alone(sign_in).await
    }

    /// How it is doing, or `None` when it has stopped.
    pub async fn report(&self) -> Option<Report> {
        let (answer, asked) = oneshot::channel();
        self.context.node.send(ToNode::Report(answer)).await.ok()?;
        asked.await.ok()
    }

    /// Stops taking connections and commands, answers the ones under way, says goodbye to everybody, closes the
    /// store; returns when all of that is done, or after the configured times. May be called more than once.
    pub async fn shutdown(&self) {
        let first = self.phase.send_if_modified(|phase| {
            let running = *phase == Phase::Running;
            if running {
                *phase = Phase::Draining;
            }
            running
        });
        if first {
            let failed = *self.context.counts.store_failed.borrow();
            let reason = if failed { CloseReason::Unavailable } else { CloseReason::GoingAway };
            let _ = self.context.node.send(ToNode::Inputs(vec![Input::Drain(reason)])).await;
        }
        self.reaches(Phase::Stopped).await;
    }

    /// Resolves when a shutdown begins: what a listener waits for to stop listening.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let server = self.clone();
        async move { server.reaches(Phase::Draining).await }
    }

    /// Resolves when the store has failed: from then on commands are refused, while reading goes on. Only opening
    /// the store again helps, so this is the moment for a process to shut down in order and be started anew.
    pub fn failed(&self) -> impl Future<Output = ()> + Send + 'static {
        let server = self.clone();
        async move {
            let _ = server.counts().store_failed.subscribe().wait_for(|failed| *failed).await;
        }
    }

    /// What kept the store from being closed in order, once [`shutdown`](Self::shutdown) has returned. What was
    /// proven is safe all the same.
    #[must_use]
    pub fn close_error(&self) -> Option<Arc<StorageError>> {
        self.context.counts.close_error.get().cloned()
    }

    /// Whether it takes what is sent.
    pub(crate) fn is_serving(&self) -> bool {
        *self.phase.borrow() == Phase::Running && !*self.counts().store_failed.borrow()
    }

    /// Resolves when it does not any more.
    pub(crate) async fn serves_no_more(&self) {
        tokio::select! {
            () = self.reaches(Phase::Draining) => {}
            () = self.failed() => {}
        }
    }

    async fn reaches(&self, phase: Phase) {
        // The sender is part of this handle, so the wait cannot fail.
        let _ = self.phase.subscribe().wait_for(|now| *now >= phase).await;
    }

    /// A place for one more connection, if there is one.
    pub(crate) fn place(&self) -> Option<Place> {
        let running = *self.phase.borrow() == Phase::Running;
        let permit = running.then(|| Arc::clone(&self.places).try_acquire_owned().ok()).flatten();
        if permit.is_none() {
            self.context.counts.door_full.one();
        }
        permit.map(Place)
    }

    /// Serves one connection to its end, in the place that was taken for it.
    pub(crate) fn serve(
        &self,
        transport: impl Transport,
        dialect: Dialect,
        grant: Option<Grant>,
        place: Place,
    ) -> impl Future<Output = ()> + Send + 'static {
        let conn = ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed));
        let connection = connection::run(Arc::clone(&self.context), conn, transport, dialect, grant);
        // Not an async block, which would hold the connection twice: as it was handed in, and as it is waited for.
        connection.map(move |()| drop(place))
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(crate) const fn accounts(&self) -> Option<&Arc<Accounts>> {
        self.accounts.as_ref()
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.origins
    }

    pub(crate) fn pace(&self) -> &Pace {
        &self.pace
    }

    pub(crate) fn config(&self) -> &Config {
        &self.context.config
    }

    pub(crate) fn library(&self) -> &Library {
        &self.context.library
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.context.counts
    }
}
