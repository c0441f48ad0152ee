//! Connections by address: `ws://`, `wss://`, `tcp://` and `tls://`.

mod address;
mod handshake;
mod socket;
mod stream;
#[cfg(feature = "tls")]
mod tls;

use std::io;

use bimip_codec::Dialect;
use tokio::net::TcpStream;

pub use self::address::AddressError;
pub(crate) use self::address::{Address, Scheme};
pub use self::socket::Socket;
#[cfg(feature = "tls")]
pub use self::tls::Tls;

use self::stream::Stream;
use crate::connect::{Caller, Connect, ConnectError};

/// Dials one address: what [`Builder::server`](crate::Builder::server) makes.
#[derive(Debug, Clone)]
pub struct Dial {
    url: String,
    #[cfg(feature = "tls")]
    tls: Tls,
}

impl Dial {
    /// Dials this address. Whether it is one is said when it is dialled.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            #[cfg(feature = "tls")]
            tls: Tls::default(),
        }
    }

    /// Whom to trust on encrypted connections, instead of whom the system trusts.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    pub(crate) fn check(&self, dialect: Dialect) -> Result<(), AddressError> {
        Address::parse(&self.url, dialect).map(drop)
    }

    #[cfg(feature = "tls")]
    async fn encrypt(&self, address: &Address, stream: TcpStream) -> Result<Stream, ConnectError> {
        Ok(Stream::Tls(Box::new(self.tls.connect(&address.host, stream).await?)))
    }

    #[cfg(not(feature = "tls"))]
    async fn encrypt(&self, _: &Address, _: TcpStream) -> Result<Stream, ConnectError> {
        // An address with a scheme that needs it was refused before.
        Err(io::Error::from(io::ErrorKind::Unsupported).into())
    }
}

impl Connect for Dial {
    type Transport = Socket;

    async fn connect(&self, caller: Caller) -> Result<Socket, ConnectError> {
        let address = Address::parse(&self.url, caller.dialect).map_err(io::Error::other)?;
        let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
        // Small frames must not wait for the answer to the ones before them.
        stream.set_nodelay(true)?;
        let stream = match address.scheme.is_encrypted() {
            true => self.encrypt(&address, stream).await?,
            false => Stream::Plain(stream),
        };
        match address.scheme {
            Scheme::Ws | Scheme::Wss => handshake::upgrade(&address, &caller, stream).await,
            Scheme::Tcp | Scheme::Tls => Ok(Socket::framed(stream, caller.dialect)),
        }
    }
}
