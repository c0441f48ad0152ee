//! The connection, as far as it is.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use crate::connect::{ConnectError, Transport};
use crate::wire::Wire;

/// How long a goodbye may take to be written.
pub(super) const LINGER: Duration = Duration::from_secs(2);

pub(super) type Dialing<T> = Pin<Box<dyn Future<Output = Result<T, ConnectError>> + Send>>;

pub(crate) enum Link<T> {
    Down,
    Dialing(Dialing<T>),
    Up(Wire<T>),
    /// Hung up by a client that leaves.
    Hung(Wire<T>),
}

pub(super) enum Step<T> {
    Dialed(Result<T, ConnectError>),
    /// None when the other side is gone.
    Heard(io::Result<Vec<Bytes>>),
}

impl<T: Transport> Link<T> {
    /// Cancel safe.
    pub(super) async fn step(&mut self, reads: bool) -> Step<T> {
        match self {
            Self::Dialing(dial) => Step::Dialed(dial.await),
            Self::Up(wire) => Step::Heard(wire.turn(reads).await),
            Self::Down | Self::Hung(_) => pending().await,
        }
    }

    /// Ends the connection. Who leaves waits for its last frames to be written; else they are written meanwhile.
    pub(super) fn hang_up(&mut self, leaving: bool) {
        *self = match std::mem::replace(self, Self::Down) {
            Self::Up(wire) if leaving => Self::Hung(wire),
            Self::Up(wire) => {
                tokio::spawn(timeout(LINGER, wire.finish()));
                Self::Down
            }
            _ => Self::Down,
        };
    }
}
