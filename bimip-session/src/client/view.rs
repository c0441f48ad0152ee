//! Views: what an app shows, kept right while events and pages of history come as they like.
//!
//! A client that opens a conversation loads its newest messages, and while they load others arrive. What arrives must
//! neither be lost nor shown twice; what is edited, deleted, delivered and read must show wherever the message came from;
//! and after a break nobody knows what was missed. Views are that work, done once:
//!
//! | view | is a list of | in the order of |
//! |---|---|---|
//! | [`Timeline`] | the messages of one conversation, and what this device is sending | [`Seq`](bimip_proto::Seq) |
//! | [`ConversationList`] | conversations, with the last message and the unread count | the id of the last message |
//! | [`Merge`] of your [`Item`] | anything else that is loaded in pages and told by events: mentions, files, a search | any [`Place`] |
//!
//! They are sans-IO like the session: they have no clock, ask for pages without loading them, and tell changes without
//! showing them.
//!
//! # A chat view in thirty lines
//!
//! ```
//! use bimip_proto::{Address, Body, ClientRef, ConversationId, Device, DeviceName, Draft, Message, Now, Seq, UserId};
//! use bimip_session::client::Event;
//! use bimip_session::client::view::{Bounds, Change, Delivery, HistoryItem, PageRequest, Timeline, TimelineItem};
//!
//! /// How a message is drawn.
//! fn line(item: &TimelineItem) -> String {
//!     let tick = match item.delivery() {
//!         Delivery::Sending => "…",
//!         Delivery::Sent => "✓",
//!         Delivery::Delivered => "✓✓",
//!         Delivery::Read => "✓✓ read",
//!         _ => "! tap to retry",
//!     };
//!     format!("{}: {} {tick}", item.author.user, String::from_utf8_lossy(&item.body.bytes))
//! }
//!
//! /// After everything that is fed to the view: load what it wants, draw what changed.
//! fn show(view: &mut Timeline, screen: &mut Vec<String>, history: impl Fn(&PageRequest<Seq>) -> (Vec<HistoryItem>, bool)) {
//!     while let Some(request) = view.wants() {
//!         let (items, more) = history(&request); // over the network, this comes later
//!         let _ = view.page(&request, items, more);
//!     }
//!     while let Some(change) = view.poll_change() {
//!         match change {
//!             Change::Insert { at, item } => screen.insert(at, line(&item)),
//!             Change::Update { at, item } => screen[at] = line(&item),
//!             Change::Move { from, to, item } => { screen.remove(from); screen.insert(to, line(&item)) }
//!             Change::Remove { at } => { screen.remove(at); }
//!             _ => *screen = view.iter().map(line).collect(),
//!         }
//!     }
//! }
//!
//! let me = Device::new(UserId::new("ann")?, DeviceName::new("phone")?);
//! let bob = Address::User(UserId::new("bob")?);
//! let mut view = Timeline::new(me.clone(), ConversationId::of(&me.user, &bob), Bounds::default());
//! let mut screen = Vec::new();
//!
//! // The user writes: give the same draft to the session.
//! let (client_ref, body) = (Some(ClientRef::new("r1")?), Body::text("hello"));
//! let draft = Draft { client_ref: client_ref.clone(), to: bob.clone(), client_time: None, body };
//! view.sending(Now::default(), &draft).expect("room for a draft");
//! show(&mut view, &mut screen, |_| (Vec::new(), false));
//! assert_eq!(screen, ["ann: hello …"]);
//!
//! // The session says that it is sent.
//! # use bimip_proto::{BodyKind, Head, MessageId, Offset, UnixMs};
//! # let head = Head { id: MessageId::new(7, 1), from: me, to: bob, client_ref: client_ref.clone(), client_time: None,
//! #     at: UnixMs(1), stamp: UnixMs(1), seq: Seq(1), kind: BodyKind::Text };
//! view.on_event(&Event::Sent { client_ref, head, offset: Offset(1) });
//! show(&mut view, &mut screen, |_| (Vec::new(), false));
//! assert_eq!(screen, ["ann: hello ✓"]);
//! # Ok::<(), bimip_proto::IdError>(())
//! ```
//!
//! # How it is kept right
//!
//! 1. **Feed it first, then load.** From the first [`on_event`](Timeline::on_event) on nothing may be left out. The pages
//!    that a view [wants](Timeline::wants) are read after that, so what is in neither did not happen.
//! 2. **Copies are joined.** Each part of an item only grows: a status rises, an edition replaces the one before it, a
//!    deletion is for good. So it does not matter in which order copies come, how often, and which of them are old.
//! 3. **What is known has borders.** A view knows which ranges it was shown and which it was not. In a conversation the
//!    messages are numbered, so a missing one is known to be missing, and is asked for. `is_complete` is never said
//!    too early.
//! 4. **What happens while a page loads waits for it,** if it is about items that are not there yet. There is a bound; when
//!    more happens the page is asked for again, and nothing is dropped in silence.
//! 5. **After a break everything is asked for again.** [`Event::Gap`](super::Event::Gap) keeps on the screen what is there
//!    until it is confirmed; [`Event::Reset`](super::Event::Reset) starts anew, but for the drafts.
//! 6. **Memory is bounded.** A view lets go of the far end, knows that it did, and loads it again when somebody goes there.
//!
//! # What pages have to be
//!
//! Each request says which range, how many items, and from which end. The answer has to be read *after* the request was
//! made, from the store that the events come from, and has to be the message as it is: with its marks, its latest edition
//! and whether it is deleted ([`HistoryItem`]). A cache of yesterday is not that: show it beside the view until the first
//! page is there.
//!
//! # Another kind of list
//!
//! Mentions of a user, say. They have ids that rise, with gaps:
//!
//! ```
//! use bimip_proto::MessageId;
//! use bimip_session::client::view::{Bounds, Item, Merge, Page};
//!
//! #[derive(Debug, Clone, PartialEq)]
//! struct Mention { message: MessageId, text: String, seen: bool }
//!
//! impl Item for Mention {
//!     type Key = MessageId;
//!     type Place = MessageId;
//!     fn key(&self) -> MessageId { self.message }
//!     fn place(&self) -> MessageId { self.message }
//!     fn join(&mut self, other: Self) { self.seen |= other.seen; }
//! }
//!
//! let mention = |n, seen| Mention { message: MessageId::new(7, n), text: format!("@ann {n}"), seen };
//! let mut view = Merge::new(Bounds::default());
//! let request = view.wants().expect("the newest page");
//! view.put(mention(9, false)); // while it loads
//! let page = vec![mention(4, false), mention(9, false)];
//! let _ = view.page(&request, Page { items: page, more: true });
//! view.update(&MessageId::new(7, 4), |mention| mention.seen = true);
//! assert_eq!(view.iter().map(|mention| mention.seen).collect::<Vec<_>>(), [true, false]);
//! assert!(view.is_complete() && view.has_older());
//! ```

mod asking;
mod change;
mod conversations;
mod cover;
mod early;
mod groups;
mod merge;
mod page;
mod timeline;

pub use self::change::Change;
pub use self::conversations::{
    ConversationItem, ConversationList, ConversationRequest, ConversationSummary, Wanted,
};
pub use self::cover::Place;
pub use self::groups::{GroupState, GroupStates};
pub use self::merge::{Bounds, Item, Merge};
pub use self::page::{Merged, Page, PageRequest};
pub use self::timeline::{Delivery, Failure, HistoryItem, LocalId, Timeline, TimelineItem};
