//! One device's machine.
//!
//! [`ClientSession`] keeps the drafts that are not accepted yet, the marks that are not noted yet, and the place
//! in the mailbox. Its driver dials, carries packets and hands received rows to the app; the app stores them and
//! says so ([`ClientSession::stored`]), and only then are they disposed of on the server.

mod around;
mod event;
mod heard;
mod heartbeat;
mod inbox;
mod io;
mod link;
mod listener;
mod live;
mod queries;
mod redial;
mod session;
mod talker;
mod token;
mod unacked;
pub mod view;

pub use self::around::ACT_MS;
pub use self::event::Event;
pub use self::io::{Config, Full, Input, Output, Resume};
pub use self::listener::{Listener, Pace, Sound};
pub use self::live::{Heard, Live};
pub use self::queries::NoAnswer;
pub use self::session::ClientSession;
pub use self::talker::{NotNow, TalkEnd};
