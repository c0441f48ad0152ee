//! The chain of custody: how a command becomes durable, and why nothing can be acknowledged before it is.
//!
//! ```text
//!   core            storage                                   core
//!   Ticket  ──▶  settle(tickets, &view) ─▶ Settlement
//!                apply its writes, make them durable
//!                Settlement::committed() ─▶ Vec<Committed>  ──▶  Outgoing (the ack)
//!                Settlement::failed()    ─▶ Vec<Failed>     ──▶  Outgoing (the refusal)
//! ```
//!
//! * Only the core makes a [`Ticket`], and a ticket can be spent once: it is neither `Clone` nor constructible
//!   elsewhere.
//! * [`settle`] decides everything about the tickets: who may, who gets it, what is a repeat, which numbers are
//!   given. It reads through a [`View`] that the storage gives it inside its transaction, so a storage backend
//!   stores and reads rows and decides nothing.
//! * [`Committed`] is the proof. `Outgoing::ack` needs one, and a socket can write nothing but an [`Outgoing`].
//!
//! Questions are no part of it: [`find`] answers them from a [`View`] of what is proven, and nothing changes.
//!
//! What types cannot check is a backend that calls [`Settlement::committed`] too early. That is one line in each
//! backend; the conformance suite, the simulator's lying disk and the crash tests are there for it.

mod book;
mod feed;
mod group;
mod outgoing;
mod overlay;
mod put;
mod query;
mod rights;
mod settle;
mod standing;
mod tally;
mod ticket;
mod user;
mod view;

pub use self::book::Book;
pub use self::feed::Stretch;
pub use self::group::{GroupHead, Membership, Stay};
pub use self::outgoing::Outgoing;
pub(crate) use self::outgoing::RETRY_AFTER_MS;
pub use self::put::{Audience, Guard, Put, PutKey, Record};
pub use self::query::find;
pub use self::rights::{Place, listens, may_join, may_manage, may_post, place};
pub use self::settle::{About, Settlement, Verdict, judge, readable, settle};
pub use self::standing::{Setting, Standing};
pub use self::tally::{Count, Tally};
pub use self::ticket::{Committed, Decided, Delivery, Failed, Failure, Outcome, Placed, Ticket};
pub use self::user::{Listed, Sighting, UserHead};
pub use self::view::{ConversationHead, EachMember, Known, Marked, Revised, View, Write, shown, speaks_for};

pub(crate) use self::ticket::{Ack, Advance};
