//! Views.

mod change;
mod cover;
mod merge;
mod page;

pub use self::change::Change;
pub use self::cover::Place;
pub use self::merge::{Bounds, Item, Merge};
pub use self::page::{Merged, Page, PageRequest};
