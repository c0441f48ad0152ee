//! Reactions: that they are of a message, and that as many users reacted as are counted.

use std::collections::BTreeMap;

use bimip_proto::{Emoji, Entry, Seq};

use super::checker::Checker;
use crate::storage::embedded::keys::{self, Key};
use crate::storage::embedded::names::UserNo;
use crate::storage::embedded::rows::SHAPE;
use crate::storage::embedded::rows::reactions::{reacted, tally};

/// What is counted beside a message, less what its users were found to have reacted with.
pub(super) struct Counted {
    sequence: u64,
    left: BTreeMap<Emoji, i64>,
}

impl Checker<'_, '_> {
    /// Its users follow right after it.
    pub(super) fn tallied(&mut self, key: &Key, bytes: &[u8], value: &[u8], sequence: u64) {
        self.reactions_end();
        let Ok(tally) = tally(value) else { return self.find(key, bytes, SHAPE) };
        match self.message(sequence).as_deref() {
            Some(Entry::Message(message)) if message.head.seq != Seq(0) => {}
            _ => self.find(key, bytes, format!("log record {sequence} is no message that can be read")),
        }
        let left = tally.counts.into_iter().map(|it| (it.emoji, i64::from(it.users)));
        self.reactions = Some(Counted { sequence, left: left.collect() });
    }

    pub(super) fn reacted(&mut self, key: &Key, bytes: &[u8], value: &[u8], sequence: u64, user: UserNo) {
        let Ok(emojis) = reacted(value) else { return self.find(key, bytes, SHAPE) };
        if !self.is_user(user) {
            self.find(key, bytes, "there is no such user");
        }
        match self.reactions.as_mut().filter(|counted| counted.sequence == sequence) {
            Some(counted) => {
                for emoji in emojis {
                    *counted.left.entry(emoji).or_default() -= 1;
                }
            }
            None => self.find(key, bytes, "nothing is counted for that message"),
        }
    }

    /// Everything beside one message was read.
    pub(super) fn reactions_end(&mut self) {
        let Some(Counted { sequence, left }) = self.reactions.take() else { return };
        for (emoji, left) in left.into_iter().filter(|(_, left)| *left != 0) {
            let what = match left {
                1.. => format!("{emoji} is counted for {left} more than are there"),
                _ => format!("{emoji} is counted for {} fewer than are there", -left),
            };
            self.find(&Key::Reactions(sequence), &keys::tally(sequence), what);
        }
    }
}
