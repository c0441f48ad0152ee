//! Views.

mod change;
mod conversations;
mod cover;
mod early;
mod merge;
mod page;
mod timeline;

pub use self::change::Change;
pub use self::conversations::{ConversationItem, ConversationList, ConversationSummary, Wanted};
pub use self::cover::Place;
pub use self::merge::{Bounds, Item, Merge};
pub use self::page::{Merged, Page, PageRequest};
pub use self::timeline::{Delivery, Failure, HistoryItem, LocalId, Timeline, TimelineItem};
