//! Putting a client together.

use bimip_proto::Device;
use bimip_session::client::{ClientSession, Config};
use bytes::Bytes;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::client::Client;
use crate::clock::Clock;
use crate::command::COMMANDS;
use crate::connect::Connect;
use crate::driver::{Driver, Namer};
use crate::events::{self, Events};
use crate::store::{Store, StoreError};
use crate::websocket::{AddressError, WebSocketUrl};

/// Puts a client together: how it connects, what it keeps its outbox in.
#[derive(Debug)]
pub struct Builder<C, S> {
    config: Config,
    connector: C,
    store: S,
    address: Result<(), AddressError>,
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

impl Builder<Missing, crate::MemoryStore> {
    pub(crate) fn new(device: Device) -> Self {
        let store = crate::MemoryStore::new();
        Self { config: Config::new(device), connector: Missing, store, address: Ok(()) }
    }
}

impl<C, S> Builder<C, S> {
    /// The proof to sign in with. Without one it is the user id, which is what a server with open sign-in expects.
    #[must_use]
    pub fn token(mut self, token: impl Into<Bytes>) -> Self {
        self.config.token = Some(token.into());
        self
    }

    /// Changes the bounds and times of the session.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Keeps what must outlive a connection here, instead of in memory.
    #[must_use]
    pub fn store<T: Store>(self, store: T) -> Builder<C, T> {
        Builder { config: self.config, connector: self.connector, store, address: self.address }
    }

    /// Connects by whatever gives a [`Transport`](crate::Transport).
    #[must_use]
    pub fn connect<T: Connect>(self, connector: T) -> Builder<T, S> {
        Builder { config: self.config, connector, store: self.store, address: Ok(()) }
    }

    /// Connects to a web socket: `ws://127.0.0.1:8080/bimip`. [`start`](Builder::start) says so when it is no
    /// address.
    #[must_use]
    pub fn websocket(self, url: &str) -> Builder<WebSocketUrl, S> {
        let (connector, address) = WebSocketUrl::checked(url);
        Builder { config: self.config, connector, store: self.store, address }
    }
}

impl<C: Connect, S: Store> Builder<C, S> {
    /// Loads what the store has and starts the driver on the current tokio runtime. The server need not be there
    /// yet.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(self) -> Result<(Client, Events), StartError> {
        let Self { mut config, connector, mut store, address } = self;
        address?;
        config.seed = getrandom::u64()?;
        let names = Namer::new(getrandom::u64()?);
        let device = config.device.clone();
        let resume = store.load().await?;
        let (clock, seen) = (Clock::start(), resume.seen);
        let session = ClientSession::new(config, resume, clock.now());
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (outlet, events) = events::channel();
        let driver = Driver::new(session, device, connector, store, clock, outlet, names, seen);
        tokio::spawn(driver.run(inbox));
        Ok((Client { commands }, events))
    }
}
