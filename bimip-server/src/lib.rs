//! The reference server of bimip: sockets and storage around the core of `bimip-session`.
//!
//! Everything that is decided about messages is decided there; this crate reads and writes. The binary
//! `bimip-server` is a few lines over this library, and so is a server inside an application:
//!
//! ```no_run
//! use bimip_proto::{Device, UserId};
//! use bimip_server::{Config, Grant, Refused, Server, SignIn};
//! use bimip_server::storage::memory::MemoryStorage;
//!
//! async fn who(sign_in: SignIn) -> Result<Grant, Refused> {
//!     // Ask your accounts. Here everybody knows the word, and is called alike.
//!     if sign_in.token.as_ref() != b"sesame" {
//!         return Err(Refused);
//!     }
//!     let user = UserId::new("ali_baba").map_err(|_| Refused)?;
//!     Ok(Grant::new(Device::new(user, sign_in.device_or_default())))
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let mut config = Config::default();
//!     config.core.window.rows = 64;
//!     let server = Server::builder()
//!         .storage(MemoryStorage::new())
//!         .authenticate(who)
//!         .config(config)
//!         .start()?;
//!
//!     // All doors on one port. Inside an axum application, merge `server.router()` instead.
//!     let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//!     tokio::spawn(server.clone().serve_http(listener));
//!
//!     // Any other transport, be it a stream and a sink of frames: `server.attach(transport, dialect, grant)`.
//!     tokio::signal::ctrl_c().await?;
//!     server.shutdown().await;
//!     Ok(())
//! }
//! ```
//!
//! # How it works
//!
//! ```text
//!  socket ─▶ connection task ─▶ inbox ─▶ node task (ServerCore) ─▶ outbox ─▶ connection task ─▶ socket
//!            decodes a batch            one turn per batch of batches        encodes, one flush
//!                                        │ tickets      ▲ proofs
//!                                        ▼              │
//!                                       commit thread (Storage), reader threads (Reader), sound threads (Objects)
//! ```
//!
//! * The node never waits for a connection or a thread; they wait for it. A full inbox makes a connection stop
//!   reading its socket, and that is all of the back-pressure.
//! * A proof leaves the commit thread only after the store has made its batch durable, and nothing but a proof
//!   becomes an acknowledgement: see `bimip_session::ledger`.
#![forbid(unsafe_code)]

pub mod accounts;
mod auth;
mod clock;
mod commit;
mod config;
mod connection;
mod counts;
mod door;
mod durable;
mod fanout;
mod gate;
pub mod jwt;
mod lanes;
mod library;
mod line;
mod logouts;
mod node;
pub mod objects;
mod outbox;
mod peers;
mod post;
mod reads;
mod server;
mod sounds;
pub mod storage;
mod transport;

pub use bimip_codec::Dialect;
pub use bimip_proto::Silence;
pub use bimip_session::server::{Grant, Refused, Vouched};

pub use crate::auth::{
    Authenticator, CHAT_DEVICE, DEFAULT_DEVICE, EVENTS_DEVICE, GRPC_DEVICE, HTTP_DEVICE, OpenAuth,
    STREAM_DEVICE, SignIn, VOICEPING_DEVICE,
};
pub use crate::config::{Config, Rate, Silences, VoicePingSessions};
pub use crate::server::{Builder, Full, Missing, Report, Server};
pub use crate::transport::{Frame, Transport};
