//! What is said about messages that are not there yet, or may come again as they were before.

use std::collections::VecDeque;

use bimip_proto::{Body, Emoji, MessageRef, Names, Reaction, Status, UserId};

use super::timeline::TimelineItem;

/// Something said about a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Word {
    Mark {
        message: Names,
        by: UserId,
        status: Status,
    },
    Marked {
        message: MessageRef,
        by: UserId,
        status: Status,
    },
    Edited {
        message: MessageRef,
        edition: u64,
        body: Body,
    },
    Deleted {
        message: MessageRef,
    },
    Reacted {
        message: MessageRef,
        me: UserId,
        reaction: Box<Reaction>,
    },
    /// What was answered to a reaction of this user's own: its change, and how many users there are after it.
    Own {
        message: MessageRef,
        me: UserId,
        emoji: Emoji,
        change: (u32, bool, u32),
    },
}

impl Word {
    pub(super) fn is_about(&self, item: &TimelineItem) -> bool {
        match self {
            Self::Mark { message, .. } => item.goes_by(message),
            Self::Marked { message, .. }
            | Self::Edited { message, .. }
            | Self::Deleted { message }
            | Self::Reacted { message, .. }
            | Self::Own { message, .. } => item.is_meant(message),
        }
    }

    pub(super) fn apply(&self, item: &mut TimelineItem) {
        match self {
            Self::Mark { by, status, .. } | Self::Marked { by, status, .. } => item.mark(by, *status),
            Self::Edited { edition, body, .. } => item.edit(*edition, body),
            Self::Deleted { .. } => item.delete(),
            Self::Reacted { me, reaction, .. } => item.react(|reactions| reactions.hear(me, reaction)),
            Self::Own { me, emoji, change, .. } => item.react(|reactions| reactions.mine(me, emoji, *change)),
        }
    }
}

/// The last words, in the order they came. They are kept also when the message is there: a page that is loading may know
/// less, and bring it once more after the view has let it go.
///
/// Most of them are about messages that are nowhere near: of other conversations, or long ago. So letting go is harmless,
/// unless something was already under way when the word came that may have been meant: see [`Early::moment`].
#[derive(Debug, Clone)]
pub(super) struct Early {
    words: VecDeque<(Moment, Word)>,
    max: usize,
    now: Moment,
}

/// Counts the words that were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Early {
    pub(super) const fn new(max: usize) -> Self {
        Self { words: VecDeque::new(), max, now: Moment(0) }
    }

    /// Keeps a word. When another one has to go for it, says when that came.
    #[must_use]
    pub(super) fn keep(&mut self, word: Word) -> Option<Moment> {
        if self.words.iter().any(|(_, kept)| *kept == word) {
            return None;
        }
        self.now = Moment(self.now.0 + 1);
        self.words.push_back((self.now, word));
        if self.words.len() <= self.max {
            return None;
        }
        self.words.pop_front().map(|(moment, _)| moment)
    }

    /// What comes from now on comes after this.
    pub(super) const fn moment(&self) -> Moment {
        self.now
    }

    /// Tells a message what was said about it.
    pub(super) fn apply(&self, item: &mut TimelineItem) {
        for word in self.words() {
            if word.is_about(item) {
                word.apply(item);
            }
        }
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &Word> {
        self.words.iter().map(|(_, word)| word)
    }

    pub(super) fn clear(&mut self) {
        self.words.clear();
    }
}
