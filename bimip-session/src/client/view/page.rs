//! The pages that a view asks for, and their answers.

use core::ops::{Bound, RangeBounds};

/// What a view would like to be told: a page out of a range of places.
///
/// It is a range by itself, so that a source in memory answers it with `items.range(&request)` (see
/// [`RangeBounds`]) and a source behind a network turns the two ends into its own `before` and `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageRequest<P> {
    /// The lower end of the range.
    pub from: Bound<P>,
    /// The upper end of the range.
    pub to: Bound<P>,
    /// Which items of the range, if they are more than [`limit_items`](Self::limit_items): the newest, or the oldest.
    pub newest_first: bool,
    /// How many items at most.
    pub limit_items: usize,
    /// Which request this is, so that an answer to another one is known for what it is.
    pub(super) number: u64,
    pub(super) kind: Kind,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The newest items, to stand on firm ground.
    Newest,
    /// A stretch inside of the window that is not known.
    Hole,
    /// The app wants to see older items.
    Older,
    /// The app wants to see newer items.
    Newer,
}

impl<P> RangeBounds<P> for PageRequest<P> {
    fn start_bound(&self) -> Bound<&P> {
        self.from.as_ref()
    }

    fn end_bound(&self) -> Bound<&P> {
        self.to.as_ref()
    }
}

/// The answer to a [`PageRequest`]: everything that the range held at one moment *after* the request was made, or the
/// newest or oldest part of it. A copy that may be older than the request, such as a cache, is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps build it from what their source says")]
pub struct Page<I> {
    /// The items, in any order.
    pub items: Vec<I>,
    /// Whether the range holds more than these. Never without any item: then nothing would be known at all.
    pub more: bool,
}

/// What became of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub enum Merged {
    /// It is in the view.
    Done,
    /// The view moved on since it was asked for. What it still needs it will ask for.
    Stale,
    /// More happened while it was loading than could be kept, so it says too little now. It will be asked for again.
    Again,
}
