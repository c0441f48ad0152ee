//! What a ticket asks to be stored.

use bimip_proto::{
    Address, Body, BodyKind, ClientRef, Device, Form, GroupAct, GroupCommand, GroupId, MayPost, MessageId,
    MessageRef, React, Revise, Role, SoundName, Status, UnixMs, UserAct, UserCommand, UserId, limits,
};

use super::standing::Setting;
use super::user::Sighting;

/// A put itself, with its names.
const PUT_BYTES: u64 = 256;
/// A row in a proof: whose, where, and a pointer to what.
const ROW_BYTES: u64 = 64;

/// Under which name a put is stored at most once: the sending device and its own name for the draft.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "storage backends look it up")]
pub struct PutKey {
    /// The sender.
    pub device: Device,
    /// The sender's name for it.
    pub client_ref: ClientRef,
}

/// One thing to be stored, with the conditions under which it may be.
#[derive(Debug, PartialEq, Eq)]
pub struct Put {
    pub(crate) key: Option<PutKey>,
    /// The number of the session that asks; 0 where a core is alone with its store.
    pub(crate) session: u64,
    pub(crate) guard: Guard,
    pub(crate) audience: Audience,
    pub(crate) record: Record,
}

/// Who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// Anybody who could sign in.
    None,
    /// Only somebody the message was sent to.
    Recipient,
    /// Only a member of the group it goes to.
    MayPost,
    /// Only the author of the message.
    Author,
    /// Only into an open group, or one that opens with it, or by a member.
    MayJoin,
    /// Only by a member whose role allows it.
    MayManage,
    /// Only somebody who has the message: the author, or somebody it was sent to, while they are in its conversation.
    Reader,
    /// Only to oneself, or to somebody who has not blocked the sender.
    MayWrite,
}

/// Whose mailboxes get a row.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Audience {
    /// These users; nobody when it is empty, and each once however often it is named.
    Users(Vec<UserId>),
    /// Everybody who is in the group when it is stored, the author among them.
    Group(GroupId),
    /// The author of the message that the put is about.
    Author {
        /// And the one who says it, for the sake of their other devices.
        and_self: bool,
    },
    /// Everybody who has the message that the put is about, and may hear more of it.
    Readers,
}

/// What.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Record {
    /// A message that has no number yet.
    Message {
        /// The device that wrote it.
        from: Device,
        /// To whom.
        to: Address,
        /// What the sender calls it.
        client_ref: Option<ClientRef>,
        /// The sender's clock.
        client_time: Option<UnixMs>,
        /// When the server took it in.
        at: UnixMs,
        /// What was sent.
        body: Body,
    },
    /// Somebody says something about a message.
    Mark {
        /// Who, and with which device.
        by: Device,
        /// What.
        status: Status,
        /// When the server heard it.
        at: UnixMs,
        /// About which message.
        message: MessageRef,
    },
    /// A message says something else, or nothing more.
    Revise {
        /// Who, and with which device.
        by: Device,
        /// When the server heard it.
        at: UnixMs,
        /// Which message, and what it says now.
        revise: Revise,
    },
    /// Somebody manages a group.
    Group {
        /// Who, and with which device.
        by: Device,
        /// When the server heard it.
        at: UnixMs,
        /// Which group, and what.
        command: GroupCommand,
        /// A group with more members than this gets a feed.
        row_members: u32,
    },
    /// Somebody comes into a group.
    Join {
        /// Who, and with which device.
        by: Device,
        /// When the server heard it.
        at: UnixMs,
        /// Which group. It is made if it does not exist.
        group: GroupId,
        /// Whether a group that is made by this is open to anybody.
        opens: bool,
        /// A group with more members than this gets a feed.
        row_members: u32,
    },
    /// A mailbox is filled with what its user has not got yet of the groups that have feeds.
    Pull {
        /// Whose.
        user: UserId,
        /// With at most so many rows.
        rows: u32,
        /// With no more than so many bytes of bodies, but always one row.
        bytes: u32,
    },
    /// Somebody leaves a group.
    Leave {
        /// Who, and with which device.
        by: Device,
        /// When the server heard it.
        at: UnixMs,
        /// Which group.
        group: GroupId,
    },
    /// Somebody decides about their own account.
    Setting {
        /// Who, with which device.
        by: Device,
        /// When the server heard it.
        at: UnixMs,
        /// What.
        setting: Setting,
    },
    /// Somebody reacts to a message, or takes a reaction back.
    React {
        /// Who, and with which device.
        by: Device,
        /// When the server heard it.
        at: UnixMs,
        /// To which message, and with what.
        react: React,
    },
    /// Somebody changes what they keep.
    User {
        /// Who, with which device.
        by: Device,
        /// When the server heard it.
        at: UnixMs,
        /// What.
        command: UserCommand,
    },
    /// Devices came or went.
    Sighted(Vec<Sighting>),
}

impl Put {
    /// One that has no name.
    pub(crate) const fn new(guard: Guard, audience: Audience, record: Record) -> Self {
        Self { key: None, session: 0, guard, audience, record }
    }

    /// Under this name at most once.
    pub(crate) fn named(self, key: Option<PutKey>) -> Self {
        Self { key, ..self }
    }

    /// In the name of this session.
    pub(crate) fn of_session(self, session: u64) -> Self {
        Self { session, ..self }
    }

    /// Names the sound of the talk that it is about.
    pub(crate) fn set_sound(&mut self, sound: SoundName) {
        if let Record::Message { body, .. } = &mut self.record
            && let BodyKind::Voice { duration_ms } = body.kind
        {
            *body = Body::voice(duration_ms, Some(sound));
        }
    }

    /// Whether somebody waits for it. Marks and sightings wait a little for something to share a sync with.
    pub(crate) const fn is_urgent(&self) -> bool {
        !matches!(self.record, Record::Mark { .. } | Record::Sighted(_))
    }

    /// What it may take in memory until it is answered: what it brings, and the rows that come back with the proof. Those
    /// of a group cost their places alone, since they share one message; a filling brings the bodies of what it reads.
    pub(crate) fn charge(&self) -> u64 {
        let brings = match self.record {
            Record::Pull { .. } => 0,
            _ => self.bytes() as u64,
        };
        let rows = match (&self.record, &self.audience) {
            (Record::Pull { rows, bytes, .. }, _) => u64::from(*rows) * ROW_BYTES + u64::from(*bytes),
            (_, Audience::Group(_) | Audience::Readers) => u64::from(limits::ROW_MEMBERS) * ROW_BYTES,
            _ => 0,
        };
        PUT_BYTES + brings + rows
    }

    /// What the commit has to do for it, in bytes, to cut batches by.
    pub(crate) const fn bytes(&self) -> usize {
        match &self.record {
            Record::Message { body, .. } => body.bytes.len() + 128,
            Record::Revise { revise, .. } => match &revise.body {
                Some(body) => body.bytes.len() + 128,
                None => 128,
            },
            Record::Setting { .. } | Record::React { .. } => 512,
            // Texts of a paragraph, and a URI.
            Record::User { .. } => 4_096,
            Record::Sighted(sightings) => 128 * sightings.len(),
            // As many rows as users at most, and texts of a paragraph.
            Record::Group { command, .. } => match &command.act {
                GroupAct::Create { members: users, .. } | GroupAct::Add(users) => 2_048 + 64 * users.len(),
                _ => 2_048,
            },
            Record::Mark { .. } | Record::Join { .. } | Record::Leave { .. } => 64,
            // Rows that may come of it, and bodies that are read and offered: few are ever as large as they may be.
            Record::Pull { rows, bytes, .. } => *rows as usize * 64 + *bytes as usize / 32,
        }
    }
}

/// A digest of what a draft says, to tell a resend from another message under the same name. Both come from the
/// same device, so it guards against mistakes, not against attacks.
pub(crate) fn digest(to: &Address, body: &Body) -> u64 {
    let mut digest = Fnv::default();
    let (namespace, id) = match to {
        Address::User(user) => (0, user.as_str()),
        Address::Group(group) => (1, group.as_str()),
        _ => (2, to.as_str()),
    };
    digest.write(&[namespace, u8::from(matches!(body.kind, BodyKind::Notification))]);
    digest.part(id.as_bytes());
    digest.body(body);
    digest.0
}

/// A digest of what a revision says. Of no message: drafts and revisions of a device share one space of names.
pub(crate) fn digest_of_revision(message: MessageId, body: Option<&Body>) -> u64 {
    let mut digest = Fnv::default();
    digest.write(&[3, u8::from(body.is_some())]);
    digest.write(&message.to_ascii());
    if let Some(body) = body {
        digest.body(body);
    }
    digest.0
}

/// A digest of what is asked of a group. Of no message and of no revision: they share one space of names.
pub(crate) fn digest_of_command(command: &GroupCommand) -> u64 {
    let mut digest = Fnv::default();
    digest.write(&[4]);
    digest.part(command.group.as_str().as_bytes());
    match &command.act {
        GroupAct::Create { profile, open, post, members } => {
            digest.write(&[1, u8::from(*open), of_post(*post)]);
            digest.part(profile.title.as_bytes());
            digest.part(profile.about.as_bytes());
            digest.users(members);
        }
        GroupAct::Edit { title, about, open, post } => {
            digest.write(&[2, open.map_or(2, u8::from), post.map_or(0, of_post)]);
            for text in [title, about] {
                digest.write(&[u8::from(text.is_some())]);
                digest.part(text.as_deref().unwrap_or_default().as_bytes());
            }
        }
        GroupAct::Delete => digest.write(&[3]),
        GroupAct::Add(users) => {
            digest.write(&[4]);
            digest.users(users);
        }
        GroupAct::SetRole { user, role } => {
            digest.write(&[5, of_role(*role)]);
            digest.part(user.as_str().as_bytes());
        }
        GroupAct::Remove(user) => digest.act(6, user),
        GroupAct::Ban(user) => digest.act(7, user),
        GroupAct::Unban(user) => digest.act(8, user),
        _ => {}
    }
    digest.0
}

/// A digest of what is asked about a reaction. Of nothing else: they share one space of names.
pub(crate) fn digest_of_reaction(react: &React) -> u64 {
    let mut digest = Fnv::default();
    digest.write(&[5, u8::from(react.on)]);
    match &react.message {
        MessageRef::Id(id) => digest.part(&id.to_ascii()),
        MessageRef::Alias(alias) => digest.part(alias.to_string().as_bytes()),
        MessageRef::Place { conversation, seq } => {
            digest.part(conversation.to_string().as_bytes());
            digest.write(&seq.0.to_le_bytes());
        }
        _ => {}
    }
    digest.part(react.emoji.as_str().as_bytes());
    digest.0
}

/// A digest of what a user asks about themselves. Of nothing else: all of them share one space of names.
pub(crate) fn digest_of_user(act: &UserAct) -> u64 {
    let mut digest = Fnv::default();
    digest.write(&[5]);
    match act {
        UserAct::EditProfile { name, about, avatar } => {
            digest.write(&[1]);
            for text in [name, about, avatar] {
                digest.write(&[u8::from(text.is_some())]);
                digest.part(text.as_deref().unwrap_or_default().as_bytes());
            }
        }
        UserAct::Save(saved) => {
            digest.act(2, &saved.user);
            digest.part(saved.name.as_bytes());
        }
        UserAct::Forget(user) => digest.act(3, user),
        UserAct::Block(user) => digest.act(4, user),
        UserAct::Unblock(user) => digest.act(5, user),
        UserAct::RemoveDevice(name) => {
            digest.write(&[6]);
            digest.part(name.as_str().as_bytes());
        }
        _ => {}
    }
    digest.0
}

const fn of_post(post: MayPost) -> u8 {
    match post {
        MayPost::Admins => 2,
        _ => 1,
    }
}

const fn of_role(role: Role) -> u8 {
    match role {
        Role::Owner => 3,
        Role::Admin => 2,
        _ => 1,
    }
}

/// FNV-1a, 64 bit, eight bytes a step: the value is stored, so it must never change.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn part(&mut self, bytes: &[u8]) {
        self.write(&(bytes.len() as u64).to_le_bytes());
        self.write(bytes);
    }

    fn users(&mut self, users: &[UserId]) {
        self.write(&(users.len() as u64).to_le_bytes());
        for user in users {
            self.part(user.as_str().as_bytes());
        }
    }

    fn act(&mut self, act: u8, user: &UserId) {
        self.write(&[act]);
        self.part(user.as_str().as_bytes());
    }

    fn body(&mut self, body: &Body) {
        // The same bytes as another kind of message are another message. Where no kind is said nothing is written.
        if body.form == Form::Content {
            self.part(body.kind.content_name().unwrap_or_default().as_bytes());
        }
        self.part(&body.bytes);
        if let Some(seal) = &body.seal {
            self.part(seal.encryption_type.as_bytes());
            self.part(seal.encrypted.as_bytes());
            self.part(seal.signature.as_bytes());
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.step(chunk.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte)));
        }
        for byte in chunks.remainder() {
            self.step(u64::from(*byte));
        }
    }

    const fn step(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_stored_and_so_never_changes() {
        let to = Address::User(UserId::new("acme_bob").unwrap());
        assert_eq!(digest(&to, &Body::text("hello, this is more than eight bytes")), 0xbbdb_335a_5042_aace);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let (a, ab) = (UserId::new("a").unwrap(), UserId::new("ab").unwrap());
        assert_ne!(
            digest(&Address::User(a), &Body::text("bc")),
            digest(&Address::User(ab), &Body::text("c"))
        );
    }
}
