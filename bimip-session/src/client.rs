//! One device's machine.
//!
//! [`ClientSession`] keeps the drafts that are not accepted yet, the marks that are not noted yet, and the place
//! in the mailbox. Its driver dials, carries packets and hands received rows to the app; the app stores them and
//! says so ([`ClientSession::stored`]), and only then are they disposed of on the server.

mod heard;
mod inbox;
mod io;
mod live;
mod session;
mod unacked;

pub use self::io::{Config, Event, Full, Input, Output, Resume};
pub use self::live::{Heard, Live};
pub use self::session::ClientSession;
