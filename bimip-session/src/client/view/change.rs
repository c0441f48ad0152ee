//! What a view tells a user interface.

use std::collections::VecDeque;

/// One step from the list that was shown to the list that is.
///
/// Carried out in order on a plain `Vec`, the changes make it the view:
///
/// ```
/// # use bimip_session::client::view::Change;
/// fn carry_out<T: Clone>(shown: &mut Vec<T>, change: Change<T>, view: &[T]) {
///     match change {
///         Change::Insert { at, item } => shown.insert(at, item),
///         Change::Update { at, item } => shown[at] = item,
///         Change::Move { from, to, item } => {
///             shown.remove(from);
///             shown.insert(to, item);
///         }
///         Change::Remove { at } => {
///             shown.remove(at);
///         }
///         // Everything may be different: read the view itself.
///         _ => *shown = view.to_vec(),
///     }
/// }
/// # let mut shown = vec![1];
/// # carry_out(&mut shown, Change::Insert { at: 0, item: 2 }, &[]);
/// # assert_eq!(shown, [2, 1]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change<T> {
    /// A new item stands at this index; those from there on move up by one.
    Insert {
        /// Where it stands.
        at: usize,
        /// What it is.
        item: T,
    },
    /// The item at this index is another now.
    Update {
        /// Where it stands.
        at: usize,
        /// What it is.
        item: T,
    },
    /// An item moved, and may be another now.
    Move {
        /// Where it stood.
        from: usize,
        /// Where it stands, once it was taken away from there.
        to: usize,
        /// What it is.
        item: T,
    },
    /// The item at this index is gone; those after it move down by one.
    Remove {
        /// Where it stood.
        at: usize,
    },
    /// More changed than is worth telling: read all of the view, before it is told anything else.
    Reload,
}

/// Changes that nobody asked for yet. When they become too many, one [`Change::Reload`] stands for all of them.
#[derive(Debug, Clone)]
pub(super) struct Changes<T> {
    queue: VecDeque<Change<T>>,
    max: usize,
}

impl<T> Changes<T> {
    pub(super) const fn new(max: usize) -> Self {
        Self { queue: VecDeque::new(), max }
    }

    pub(super) fn push(&mut self, change: Change<T>) {
        if matches!(self.queue.back(), Some(Change::Reload)) {
            return;
        }
        if self.queue.len() >= self.max || matches!(change, Change::Reload) {
            self.queue.clear();
            self.queue.push_back(Change::Reload);
        } else {
            self.queue.push_back(change);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Change<T>> {
        self.queue.pop_front()
    }
}
