//! What users put beside a message without writing one: reactions.

use std::collections::BTreeMap;

use crate::{ClientRef, ConversationId, Device, Emoji, MessageRef, Names, Seq, UnixMs, UserId, limits};

/// A client asks that its user react to a message, or take a reaction back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "clients build it; a new part is a breaking change on purpose")]
pub struct React {
    /// The client's own name for it: the same name from the same device is carried out once.
    pub client_ref: ClientRef,
    /// To which message.
    pub message: MessageRef,
    /// With what.
    pub emoji: Emoji,
    /// Whether it is there from now on, or not any more.
    pub on: bool,
}

/// Somebody reacted to a message, or took a reaction back. An entry of its own, in the mailboxes of those who have the
/// message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs and storage backends build it")]
pub struct Reaction {
    /// Which message.
    pub message: Names,
    /// Its conversation.
    pub conversation: ConversationId,
    /// Its place there.
    pub seq: Seq,
    /// Which change of the reactions to this message it is, of all users together: 1, 2, 3. What a higher one says of an
    /// emoji holds.
    pub edition: u32,
    /// Who, and with which device.
    pub by: Device,
    /// The client's name for it.
    pub client_ref: ClientRef,
    /// When the server took it in.
    pub at: UnixMs,
    /// With what.
    pub emoji: Emoji,
    /// Whether it is there from now on.
    pub on: bool,
    /// How many users have reacted with this emoji, after it.
    pub count: u32,
}

/// The reactions to a message, as the answer to a question tells them to one user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct ReactionSummary {
    /// The last change that is in it; 0 where there never was one.
    pub edition: u32,
    /// Every emoji that somebody has reacted with, at most [`REACTION_KINDS`](limits::REACTION_KINDS), the one that was
    /// there first before the others.
    pub counts: Vec<ReactionCount>,
}

/// Users who reacted to a message with the same emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct ReactionCount {
    /// With what.
    pub emoji: Emoji,
    /// How many users; at least one.
    pub count: u32,
    /// Whether the user who is told is one of them.
    pub mine: bool,
    /// Some of them, at most [`REACTION_USERS`](limits::REACTION_USERS), those who came first before the others.
    pub users: Vec<UserId>,
}

/// Users of one emoji that a [`Reactions`] remembers by name.
const USERS: usize = 64;
/// Emojis that a [`Reactions`] remembers, those that nobody uses any more among them.
const EMOJIS: usize = 2 * limits::REACTION_KINDS;

/// What a device knows of the reactions to one message: summaries and rows, put together in whatever order they come, and
/// however often.
///
/// A row says how many users an emoji has after it. So whoever missed rows in between, having been out of the group, has
/// the right numbers with the next one. Numbers are exact; of the users only some are known by name.
///
/// ```
/// use bimip_proto::{ConversationId, Device, DeviceName, Emoji, MessageId, Names, Reaction, Reactions, Seq, UnixMs, UserId};
///
/// let (ann, bob) = (UserId::new("ann")?, UserId::new("bob")?);
/// let reaction = |edition, on, count| Reaction {
///     message: Names { id: MessageId::new(7, 1), alias: None, client_ref: None },
///     conversation: ConversationId::direct(ann.clone(), bob.clone()),
///     seq: Seq(1),
///     edition,
///     by: Device::new(bob.clone(), DeviceName::new("phone").unwrap()),
///     client_ref: "r1".parse().unwrap(),
///     at: UnixMs(1),
///     emoji: Emoji::new("👍").unwrap(),
///     on,
///     count,
/// };
/// let mut known = Reactions::default();
/// known.hear(&ann, &reaction(2, false, 0)); // the later one came first
/// known.hear(&ann, &reaction(1, true, 1));
/// assert_eq!(known.iter().count(), 0, "it was taken back");
/// # Ok::<(), bimip_proto::IdError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reactions {
    /// Changes up to here are in it, of every emoji.
    edition: u32,
    known: BTreeMap<Emoji, Known>,
}

/// What is known of one emoji. Each part has the change that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Known {
    count: (u32, u32),
    mine: (u32, bool),
    users: BTreeMap<UserId, (u32, bool)>,
}

/// Users who reacted to a message with the same emoji, as far as a device knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownReaction<'a> {
    /// With what.
    pub emoji: &'a Emoji,
    /// How many users.
    pub count: u32,
    /// Whether this user is one of them.
    pub mine: bool,
    users: &'a BTreeMap<UserId, (u32, bool)>,
}

impl<'a> KnownReaction<'a> {
    /// Those of them that are known by name.
    pub fn users(&self) -> impl Iterator<Item = &'a UserId> + use<'a> {
        self.users.iter().filter(|(_, (_, on))| *on).map(|(user, _)| user)
    }
}

impl Reactions {
    /// What an answer says to this user.
    #[must_use]
    pub fn new(me: &UserId, summary: ReactionSummary) -> Self {
        let edition = summary.edition;
        let known = |it: ReactionCount| {
            let mut users: BTreeMap<_, _> =
                it.users.into_iter().map(|user| (user, (edition, true))).collect();
            if it.mine {
                users.insert(me.clone(), (edition, true));
            }
            (it.emoji, Known { count: (edition, it.count), mine: (edition, it.mine), users })
        };
        Self { edition, known: summary.counts.into_iter().map(known).collect() }
    }

    /// A row said this. Whether that is news.
    pub fn hear(&mut self, me: &UserId, reaction: &Reaction) -> bool {
        self.change(me, &reaction.by.user, &reaction.emoji, (reaction.edition, reaction.on, reaction.count))
    }

    /// The server answered this to a reaction of this user's own: which change it is, whether the emoji is there after it,
    /// and of how many users. Whether that is news.
    pub fn mine(&mut self, me: &UserId, emoji: &Emoji, change: (u32, bool, u32)) -> bool {
        self.change(me, me, emoji, change)
    }

    fn change(&mut self, me: &UserId, by: &UserId, emoji: &Emoji, change: (u32, bool, u32)) -> bool {
        let (edition, on, count) = change;
        if edition <= self.edition {
            return false;
        }
        let known = self.known.entry(emoji.clone()).or_default();
        let mut news = latest(&mut known.count, (edition, count));
        if by == me {
            news |= latest(&mut known.mine, (edition, on));
        }
        news |= latest(known.users.entry(by.clone()).or_default(), (edition, on));
        self.bound();
        news
    }

    /// What another copy knows besides.
    pub fn join(&mut self, mut other: Self) {
        if other.edition > self.edition {
            core::mem::swap(self, &mut other);
        }
        // What the other one knows by its summary is older than this one's; what it heard after that may not be.
        let base = self.edition;
        let is_new = |edition: u32| edition > base || (edition == base && other.edition == base);
        for (emoji, theirs) in other.known {
            let Known { count, mine, users } = theirs;
            if !is_new(count.0) {
                continue;
            }
            let known = self.known.entry(emoji).or_default();
            latest(&mut known.count, count);
            if is_new(mine.0) {
                latest(&mut known.mine, mine);
            }
            for (user, word) in users.into_iter().filter(|(_, (edition, _))| is_new(*edition)) {
                latest(known.users.entry(user).or_default(), word);
            }
        }
        self.bound();
    }

    /// Everything that is there, in the order of the emojis' bytes.
    pub fn iter(&self) -> impl Iterator<Item = KnownReaction<'_>> {
        let there = self.known.iter().filter(|(_, known)| known.count.1 > 0);
        there.map(|(emoji, Known { count, mine, users })| KnownReaction {
            emoji,
            count: count.1,
            mine: mine.1,
            users,
        })
    }

    /// Whether nothing is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// For a store of the app's own: the last change that a summary brought, and every part that is known.
    pub fn parts(&self) -> (u32, impl Iterator<Item = ReactionPart>) {
        let parts = self.known.iter().map(|(emoji, known)| ReactionPart {
            emoji: emoji.clone(),
            count: known.count,
            mine: known.mine,
            users: known.users.iter().map(|(user, (edition, on))| (user.clone(), *edition, *on)).collect(),
        });
        (self.edition, parts)
    }

    /// From [`parts`](Self::parts).
    #[must_use]
    pub fn restore(edition: u32, parts: impl IntoIterator<Item = ReactionPart>) -> Self {
        let known = |part: ReactionPart| {
            let users = part.users.into_iter().map(|(user, edition, on)| (user, (edition, on)));
            (part.emoji, Known { count: part.count, mine: part.mine, users: users.collect() })
        };
        let mut all = Self { edition, known: parts.into_iter().map(known).collect() };
        all.bound();
        all
    }

    /// Lets go of what is least missed: emojis that nobody uses any more, the oldest first, and names of users.
    fn bound(&mut self) {
        while self.known.len() > EMOJIS {
            let oldest = self.known.iter().min_by_key(|(_, known)| (known.count.1 > 0, known.count.0));
            let Some(emoji) = oldest.map(|(emoji, _)| emoji.clone()) else { return };
            self.known.remove(&emoji);
        }
        for known in self.known.values_mut() {
            while known.users.len() > USERS {
                let least = known.users.iter().min_by_key(|(_, (edition, on))| (*on, *edition));
                let Some(user) = least.map(|(user, _)| user.clone()) else { return };
                known.users.remove(&user);
            }
        }
    }
}

/// What is known of one emoji, for [`Reactions::parts`]. Each number stands with the change that it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps build it from what they stored")]
pub struct ReactionPart {
    /// Which emoji.
    pub emoji: Emoji,
    /// Of which change, and how many users.
    pub count: (u32, u32),
    /// Of which change, and whether this user is one of them.
    pub mine: (u32, bool),
    /// Users by name, of which change, and whether they are among them.
    pub users: Vec<(UserId, u32, bool)>,
}

/// The later word holds. Whether that is the new one.
fn latest<T>(held: &mut (u32, T), word: (u32, T)) -> bool {
    let news = word.0 > held.0;
    if news {
        *held = word;
    }
    news
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{DeviceName, MessageId};

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    fn emoji(name: &str) -> Emoji {
        Emoji::new(name).unwrap()
    }

    /// A server: who reacted with what, and every row of it.
    #[derive(Default)]
    struct Server {
        there: Vec<(Emoji, Vec<UserId>)>,
        rows: Vec<Reaction>,
        summaries: Vec<ReactionSummary>,
    }

    impl Server {
        fn flip(&mut self, name: &str, with: &str) {
            let (by, emoji) = (user(name), emoji(with));
            let at = match self.there.iter().position(|(it, _)| *it == emoji) {
                Some(at) => at,
                None => {
                    self.there.push((emoji.clone(), Vec::new()));
                    self.there.len() - 1
                }
            };
            let users = &mut self.there[at].1;
            let on = !users.contains(&by);
            if on {
                users.push(by.clone());
            } else {
                users.retain(|it| *it != by);
            }
            let count = u32::try_from(users.len()).unwrap();
            let edition = u32::try_from(self.rows.len()).unwrap() + 1;
            self.rows.push(Reaction {
                message: Names { id: MessageId::new(7, 1), alias: None, client_ref: None },
                conversation: ConversationId::direct(user("a"), user("b")),
                seq: Seq(1),
                edition,
                by: Device::new(by, DeviceName::new("1").unwrap()),
                client_ref: ClientRef::new("r").unwrap(),
                at: UnixMs(1),
                emoji,
                on,
                count,
            });
            self.summaries.push(self.summary(edition));
        }

        fn summary(&self, edition: u32) -> ReactionSummary {
            let counts = self.there.iter().filter(|(_, users)| !users.is_empty());
            let count = |(emoji, users): &(Emoji, Vec<UserId>)| ReactionCount {
                emoji: emoji.clone(),
                count: u32::try_from(users.len()).unwrap(),
                mine: users.contains(&user("a")),
                users: users.iter().take(2).cloned().collect(),
            };
            ReactionSummary { edition, counts: counts.map(count).collect() }
        }
    }

    fn shown(known: &Reactions) -> Vec<(String, u32, bool)> {
        known.iter().map(|it| (it.emoji.to_string(), it.count, it.mine)).collect()
    }

    proptest! {
        // DM-RCT-6
        #[test]
        fn rows_and_summaries_in_any_order_come_to_the_same(
            flips in proptest::collection::vec((0..4_usize, 0..3_usize), 1..14),
            order in proptest::collection::vec((any::<bool>(), 0..14_usize), 0..20),
            split in 0..20_usize,
        ) {
            let mut server = Server::default();
            for (who, with) in flips {
                server.flip(["a", "b", "c", "d"][who], ["x", "y", "z"][with]);
            }
            let me = user("a");
            let truth = Reactions::new(&me, server.summaries.last().unwrap().clone());
            let (mut one, mut other) = (Reactions::default(), Reactions::default());
            for (step, (page, at)) in order.into_iter().enumerate() {
                let at = at % server.rows.len();
                let known = if step < split { &mut one } else { &mut other };
                if page {
                    known.join(Reactions::new(&me, server.summaries[at].clone()));
                } else {
                    known.hear(&me, &server.rows[at]);
                }
            }
            // Whatever was heard before, in two copies: with every row, some of them again, they know all.
            for row in server.rows.iter().rev() {
                other.hear(&me, row);
            }
            let (mut left, mut right) = (one.clone(), other.clone());
            left.join(other);
            right.join(one);
            prop_assert_eq!(shown(&left), shown(&truth));
            prop_assert_eq!(shown(&right), shown(&truth));
            let (edition, parts) = left.parts();
            prop_assert_eq!(&Reactions::restore(edition, parts), &left);
        }
    }

    #[test]
    fn who_missed_some_has_the_right_number_with_the_next() {
        let mut server = Server::default();
        for who in ["b", "c", "d"] {
            server.flip(who, "x");
        }
        let mut known = Reactions::default();
        known.hear(&user("a"), &server.rows[0]);
        known.hear(&user("a"), &server.rows[2]);
        assert_eq!(shown(&known), [("x".to_owned(), 3, false)]);
        assert_eq!(known.iter().flat_map(|it| it.users().cloned().collect::<Vec<_>>()).count(), 2);
    }

    #[test]
    fn it_is_bounded() {
        let mut server = Server::default();
        for number in 0..200 {
            server.flip(&format!("u{number}"), "x");
            server.flip("b", &format!("e{number}"));
            server.flip("b", &format!("e{number}"));
        }
        let mut known = Reactions::default();
        for row in &server.rows {
            known.hear(&user("a"), row);
        }
        assert_eq!(shown(&known), [("x".to_owned(), 200, false)]);
        assert!(known.known.len() <= EMOJIS && known.known[&emoji("x")].users.len() <= USERS);
    }
}
