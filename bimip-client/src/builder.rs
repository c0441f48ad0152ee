//! Putting a client together.

use std::sync::{Arc, Mutex};

use bimip_codec::{Codec, Dialect};
use bimip_proto::{CursorBy, Device, UnixMs};
use bimip_session::client::{ClientSession, Config};
use bytes::Bytes;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::client::Client;
use crate::clock::Clock;
use crate::command::COMMANDS;
use crate::connect::Connect;
#[cfg(feature = "tls")]
use crate::dial::Tls;
use crate::dial::{AddressError, Dial};
use crate::driver::{Driver, Link, Namer};
use crate::events::{self, Event, Events};
use crate::keep::{Keeper, Opened, Reading};
use crate::store::{MemoryStore, Store, StoreError};

/// Puts a client together: whom it speaks to, how, and what it keeps things in.
pub struct Builder<C> {
    config: Config,
    dialect: Dialect,
    connector: C,
    store: Arc<dyn Store>,
    history: bool,
    check: fn(&C, Dialect) -> Result<(), AddressError>,
}

/// Not said yet, and there is no default: a [`Builder`] with this in it does not start.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a mark in a type")]
pub struct Missing;

/// Why a client did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system gives no random numbers.
    #[error("no random numbers: {0}")]
    Random(#[from] getrandom::Error),
}

impl Builder<Missing> {
    pub(crate) fn new(device: Device) -> Self {
        Self {
            config: Config::new(device),
            dialect: Dialect::Scheme,
            connector: Missing,
            store: Arc::new(MemoryStore::new()),
            history: true,
            check: |_, _| Ok(()),
        }
    }
}

impl<C> Builder<C> {
    /// The proof to sign in with. Without one it is the user id, which is what a server with open sign-in expects.
    #[must_use]
    pub fn token(mut self, token: impl Into<Bytes>) -> Self {
        self.config.token = Some(token.into());
        self
    }

    /// The dialect to speak; [`Dialect::Scheme`] is the default and the one for new apps. How a session signs in, whether it
    /// is welcomed, and whether a draft may be sent again follow from it.
    #[must_use]
    pub const fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Changes the bounds and times of the session.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Keeps drafts, marks and the history here, instead of in memory. [`DiskStore`](crate::DiskStore) is for
    /// most apps.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// The app keeps messages itself: the store has drafts, marks and the place only, rows come as
    /// [`Received`](crate::SessionEvent::Received), and the app says when it has them, by
    /// [`stored`](Client::stored) or, where rows have no offsets, [`delivered`](Client::delivered).
    #[must_use]
    pub const fn own_history(mut self) -> Self {
        self.history = false;
        self
    }

    /// Connects by whatever gives a [`Transport`](crate::Transport).
    #[must_use]
    pub fn connect<T: Connect>(self, connector: T) -> Builder<T> {
        self.with(connector, |_, _| Ok(()))
    }

    /// Connects to an address: `wss://chat.example`, `ws://127.0.0.1:8080/bimip`, `tls://chat.example:8443`,
    /// `tcp://127.0.0.1:8081`. A web socket without a path is at the door of the dialect. [`start`](Builder::start) says so
    /// when it is no address.
    #[must_use]
    pub fn server(self, url: &str) -> Builder<Dial> {
        self.with(Dial::new(url), Dial::check)
    }

    fn with<T>(self, connector: T, check: fn(&T, Dialect) -> Result<(), AddressError>) -> Builder<T> {
        let Self { config, dialect, store, history, .. } = self;
        Builder { config, dialect, connector, store, history, check }
    }
}

#[cfg(feature = "tls")]
impl Builder<Dial> {
    /// Whom to trust on encrypted connections, instead of whom the system trusts.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.connector = self.connector.tls(tls);
        self
    }
}

impl<C: Connect> Builder<C> {
    /// Loads what the store has and starts the driver on the current tokio runtime. The server need not be there
    /// yet.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(self) -> Result<(Client, Events), StartError> {
        let Self { mut config, dialect, connector, store, history, check } = self;
        check(&connector, dialect)?;
        config.seed = getrandom::u64()?;
        let names = Namer::new(getrandom::u64()?);
        let device = config.device.clone();
        let reading = Reading { store: Arc::clone(&store), me: device.clone() };
        let clock = Clock::start();
        let opened = open(store, &config, dialect, history, clock.now().stamp()).await?;
        let (Opened { keeper, mut resume, token }, unsure) = opened;
        if let Some((token, expires)) = token {
            (config.token, config.token_expires) = (Some(token), expires);
        }
        let (token, unnoted_marks) = (config.token.clone(), config.unnoted_marks);
        follow(dialect, &mut config);
        if !config.resend {
            // It has no names for drafts, and answers no marks: those are said when the session is up.
            resume.unacked.iter_mut().for_each(|draft| draft.client_ref = None);
            resume.marks.clear();
        }
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (mut outlet, events) = events::channel();
        unsure.into_iter().for_each(|line| outlet.tell(Ok(Event::Message(Box::new(line)))));
        let driver = Driver {
            session: ClientSession::new(config, resume, clock.now()),
            device,
            dialect,
            history,
            token,
            unnoted_marks,
            connector: Arc::new(connector),
            clock,
            outlet,
            names,
            keeper: Arc::new(Mutex::new(keeper)),
            link: Link::Down,
            codec: Codec::new(dialect),
            asking: std::collections::BTreeMap::new(),
            over: false,
        };
        tokio::spawn(driver.run(inbox));
        Ok((Client { commands, reading }, events))
    }
}

/// Reads the store, in a thread that may block. What the last run gave to a connection and may not be sent again is
/// given up here.
async fn open(
    store: Arc<dyn Store>,
    config: &Config,
    dialect: Dialect,
    history: bool,
    now: UnixMs,
) -> Result<(Opened, Vec<crate::Line>), StoreError> {
    let (device, token) = (config.device.clone(), config.token.clone());
    let opened = spawn_blocking(move || {
        let mut opened = Keeper::open(store, device, token.as_ref(), history)?;
        let unsure = if dialect == Dialect::VoicePing { opened.give_up(now)? } else { Vec::new() };
        Ok((opened, unsure))
    });
    opened.await.unwrap_or_else(|error| Err(StoreError::failed(error)))
}

/// What a dialect has words for.
fn follow(dialect: Dialect, config: &mut Config) {
    let welcomes = matches!(dialect, Dialect::Scheme | Dialect::Events | Dialect::Chat);
    config.welcome = welcomes;
    config.announce = dialect.caps().cursor == CursorBy::Arrival;
    config.resend = dialect != Dialect::VoicePing;
    if !welcomes {
        // Its headers carry it.
        config.token = None;
    }
}

impl<C: std::fmt::Debug> std::fmt::Debug for Builder<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The token is in the configuration.
        f.debug_struct("Builder")
            .field("device", &self.config.device)
            .field("dialect", &self.dialect)
            .field("connector", &self.connector)
            .field("history", &self.history)
            .finish_non_exhaustive()
    }
}
