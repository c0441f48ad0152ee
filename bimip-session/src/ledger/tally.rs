//! The reactions to one message, counted: what an answer tells without looking at everybody who reacted.

use bimip_proto::{Emoji, UserId, limits};

/// How many users reacted to a message with what. A row of its own beside the message; what each user reacted with is
/// another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "storage backends build it")]
pub struct Tally {
    /// How often the reactions to the message have changed.
    pub edition: u32,
    /// Emojis that somebody reacted with, at most [`REACTION_KINDS`](limits::REACTION_KINDS), in the order in which they
    /// came.
    pub counts: Vec<Count>,
}

/// One emoji of a [`Tally`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "storage backends build it")]
pub struct Count {
    /// Which.
    pub emoji: Emoji,
    /// How many users; at least one.
    pub users: u32,
    /// Some of them, at most [`REACTION_USERS`](limits::REACTION_USERS), in the order in which they came.
    pub named: Vec<UserId>,
}

impl Tally {
    /// How many users reacted with this.
    #[must_use]
    pub fn users(&self, emoji: &Emoji) -> u32 {
        self.counts.iter().find(|it| it.emoji == *emoji).map_or(0, |it| it.users)
    }

    /// One more user, if there is room: every emoji has a number of its own.
    pub(super) fn add(&mut self, emoji: &Emoji, user: &UserId) -> bool {
        let Some(edition) = self.edition.checked_add(1) else { return false };
        if let Some(count) = self.counts.iter_mut().find(|it| it.emoji == *emoji) {
            count.users = count.users.saturating_add(1);
            if count.named.len() < limits::REACTION_USERS {
                count.named.push(user.clone());
            }
        } else if self.counts.len() < limits::REACTION_KINDS {
            self.counts.push(Count { emoji: emoji.clone(), users: 1, named: vec![user.clone()] });
        } else {
            return false;
        }
        self.edition = edition;
        true
    }

    /// One user less. There is always room for that but at the very last edition.
    pub(super) fn take(&mut self, emoji: &Emoji, user: &UserId) -> bool {
        let Some(edition) = self.edition.checked_add(1) else { return false };
        if let Some(count) = self.counts.iter_mut().find(|it| it.emoji == *emoji) {
            count.users = count.users.saturating_sub(1);
            count.named.retain(|named| named != user);
        }
        self.counts.retain(|it| it.users > 0);
        self.edition = edition;
        true
    }
}
