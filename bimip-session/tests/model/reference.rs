//! What a server must be: users, mailboxes, names, groups, receipts, in the plainest way there is.
//!
//! Written from docs/protocol/delivery.md and not from the code. It carries out one command after the other, keeps
//! everything in lists, forgets nothing and is never asked to be fast. An offset is a place in a list, an order is the
//! order of a list, and what is said once is in a set.

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::Status;

use crate::ops::{Dev, Group, Naming, To, User, WORLD_USERS};

/// The place of a message in [`Reference::log`].
pub(crate) type Msg = usize;

/// What somebody asks for, once it is their turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Send {
        name: Option<u32>,
        to: To,
        text: String,
    },
    /// Up to where, and the messages among the rows that are disposed of by it.
    Dispose {
        upto: u64,
        delivers: Vec<Msg>,
    },
    Delivered(Vec<(Msg, Naming)>),
    Mark {
        about: Msg,
        naming: Naming,
        status: Status,
    },
    Join(Group),
    Leave(Group),
}

/// What they are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// With the row in the sender's own mailbox.
    Accepted {
        message: Msg,
        offset: u64,
    },
    Conflict,
    NotMember,
    NoSuchMessage,
    Done,
}

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) from: Dev,
    pub(crate) to: To,
    pub(crate) name: Option<u32>,
    pub(crate) text: String,
    /// Its number in its conversation: 1, 2, 3.
    pub(crate) seq: u64,
    /// Everybody it was sent to, as things stood when it was.
    pub(crate) recipients: BTreeSet<User>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    Message(Msg),
    Receipt { by: Dev, status: Status, about: Vec<Msg> },
}

/// Two users, the lower one first, or a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Conversation {
    Direct(User, User),
    Group(Group),
}

#[derive(Debug, Default)]
pub(crate) struct Reference {
    /// Every message that is stored, in the order in which it was.
    pub(crate) log: Vec<Message>,
    /// The row at place 0 has offset 1.
    mailboxes: [Vec<Row>; WORLD_USERS],
    /// What was stored under a name.
    names: BTreeMap<(Dev, u32), (Msg, u64)>,
    conversations: BTreeMap<Conversation, Vec<Msg>>,
    members: BTreeSet<(Group, User)>,
    /// What was said about a message, by whom.
    said: BTreeSet<(Msg, User, Status)>,
}

impl Reference {
    /// Carries out one command of a device.
    pub(crate) fn carry_out(&mut self, by: Dev, command: &Command) -> Verdict {
        match command {
            Command::Send { name, to, text } => self.send(by, *name, *to, text),
            Command::Dispose { delivers, .. } => {
                // RCP-1: disposing of a message sent to oneself delivers it.
                self.say(by, Status::Delivered, delivers);
                Verdict::Done
            }
            Command::Delivered(list) => {
                let may = |(message, naming): &(Msg, Naming)| self.received(by.user(), *message, *naming);
                let received: Vec<Msg> =
                    list.iter().filter(|it| may(it)).map(|(message, _)| *message).collect();
                self.say(by, Status::Delivered, &received);
                // One that is refused alone is refused by name.
                if received.is_empty() && list.len() == 1 { Verdict::NoSuchMessage } else { Verdict::Done }
            }
            Command::Mark { about, naming, status } => {
                if !self.received(by.user(), *about, *naming) {
                    return Verdict::NoSuchMessage;
                }
                self.say(by, *status, &[*about]);
                Verdict::Done
            }
            // GRP-2, GRP-3: a group is open, is made by its first join, and joining twice is joining once.
            Command::Join(group) => {
                self.members.insert((*group, by.user()));
                Verdict::Done
            }
            Command::Leave(group) => {
                self.members.remove(&(*group, by.user()));
                Verdict::Done
            }
        }
    }

    fn send(&mut self, by: Dev, name: Option<u32>, to: To, text: &str) -> Verdict {
        // DUP-1, DUP-2: one name of one device is one message; another content under it is a conflict.
        if let Some((message, offset)) = name.and_then(|name| self.names.get(&(by, name)).copied()) {
            let first = &self.log[message];
            let same = first.to == to && first.text == text;
            return if same { Verdict::Accepted { message, offset } } else { Verdict::Conflict };
        }
        let from = by.user();
        let (conversation, boxes) = match to {
            To::User(to) => (Conversation::Direct(from.min(to), from.max(to)), BTreeSet::from([from, to])),
            To::Group(group) => {
                // GRP-5, GRP-6: members post, and who is a member now gets it.
                let members: BTreeSet<User> =
                    User::all().filter(|user| self.is_member(group, *user)).collect();
                if !members.contains(&from) {
                    return Verdict::NotMember;
                }
                (Conversation::Group(group), members)
            }
        };
        // ORD-1: a conversation numbers its messages without gaps.
        let messages = self.conversations.entry(conversation).or_default();
        let message = self.log.len();
        messages.push(message);
        let seq = messages.len() as u64;
        let recipients = match to {
            To::User(to) => BTreeSet::from([to]),
            To::Group(_) => boxes.iter().copied().filter(|user| *user != from).collect(),
        };
        self.log.push(Message { from: by, to, name, text: text.to_owned(), seq, recipients });
        // BOX-2, BOX-3: one row each, at the end, in all of them together.
        for user in &boxes {
            self.mailboxes[user.index()].push(Row::Message(message));
        }
        let offset = self.mailboxes[from.index()].len() as u64;
        if let Some(name) = name {
            self.names.insert((by, name), (message, offset));
        }
        Verdict::Accepted { message, offset }
    }

    /// RCP-4, GRP-9: only a recipient may say something about a message, also after leaving. A name of the
    /// msgpack dialect is looked up in the groups that its user is in now.
    fn received(&self, user: User, message: Msg, naming: Naming) -> bool {
        let it = &self.log[message];
        let found = match (it.to, naming) {
            (To::Group(group), Naming::Alias) => self.is_member(group, user),
            _ => true,
        };
        found && it.recipients.contains(&user)
    }

    /// Something is said about messages by one who received them, in one commit.
    fn say(&mut self, by: Dev, status: Status, about: &[Msg]) {
        let mut news: BTreeMap<User, Vec<Msg>> = BTreeMap::new();
        for message in about {
            // RCP-2, RCP-3: what says nothing new makes no row, and reading implies delivery.
            let new = self.said.insert((*message, by.user(), status));
            if status == Status::Read {
                self.said.insert((*message, by.user(), Status::Delivered));
            }
            if new {
                news.entry(self.log[*message].from.user()).or_default().push(*message);
            }
        }
        for (author, about) in news {
            // RCP-5: what is done on purpose is told to the reader's own devices too.
            let own = (status != Status::Delivered && by.user() != author).then_some(by.user());
            // RCP-6
            for part in about.chunks(64) {
                for user in [Some(author), own].into_iter().flatten() {
                    let row = Row::Receipt { by, status, about: part.to_vec() };
                    self.mailboxes[user.index()].push(row);
                }
            }
        }
    }

    pub(crate) fn is_member(&self, group: Group, user: User) -> bool {
        self.members.contains(&(group, user))
    }

    /// The rows of a mailbox; the first has offset 1.
    pub(crate) fn mailbox(&self, user: User) -> &[Row] {
        &self.mailboxes[user.index()]
    }

    /// CUR-5: a row is not sent to the device that caused it.
    pub(crate) fn is_shown(&self, device: Dev, offset: u64) -> bool {
        match self.row(device.user(), offset) {
            Some(Row::Message(message)) => self.log[*message].from != device,
            Some(Row::Receipt { by, .. }) => *by != device,
            None => false,
        }
    }

    /// Whether some row after `after`, up to `upto`, is one that the device is shown.
    pub(crate) fn shows_between(&self, device: Dev, after: u64, upto: u64) -> bool {
        (after + 1..=upto).any(|offset| self.is_shown(device, offset))
    }

    pub(crate) fn row(&self, user: User, offset: u64) -> Option<&Row> {
        let place = usize::try_from(offset).ok()?.checked_sub(1)?;
        self.mailbox(user).get(place)
    }

    pub(crate) fn head(&self, user: User) -> u64 {
        self.mailbox(user).len() as u64
    }
}
