//! What a key says: the way back from bytes, for whoever reads all of them.

use std::fmt;

use bimip_proto::{ClientRef, DeviceName, GroupId, Offset, Seq, UserId};

use super::tag;
use crate::storage::embedded::fields::{Fields, Garbage};
use crate::storage::embedded::names::{ConversationNo, DeviceNo, UserNo};

/// A key of the keyspace of small rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Key {
    Identity,
    Tally,
    User(UserId),
    Device(UserNo, DeviceName),
    Direct(UserNo, UserNo),
    Group(GroupId),
    Row(UserNo, Offset),
    History(ConversationNo, Seq),
    Stamp(ConversationNo),
    Known(DeviceNo, ClientRef),
    Marks(u64, UserNo),
    Cursor(DeviceNo),
    Revised(u64),
    ReadUpto(ConversationNo, UserNo),
    GroupHead(ConversationNo),
    Member(ConversationNo, UserNo),
    GroupOf(UserNo, ConversationNo),
    Feed(ConversationNo, u64),
    Pull(UserNo, ConversationNo),
    GroupProfile(ConversationNo),
    Standing(UserNo),
    PushToken(UserNo, DeviceName),
    Contact(UserNo, UserNo),
    Reactions(u64),
    Reacted(u64, UserNo),
    UserHead(UserNo),
    Saved(UserNo, UserId),
    Blocked(UserNo, UserId),
    LastSeen(UserNo),
    Listed(UserNo, DeviceName),
}

impl Key {
    /// Reads a key of which nothing may be left over.
    pub(in super::super) fn read(key: &[u8]) -> Result<Self, Garbage> {
        let mut fields = Fields::new(key);
        let tag = fields.u8()?;
        let key = match tag {
            tag::META => match fields.u8()? {
                b'i' => Self::Identity,
                b't' => Self::Tally,
                _ => return Err(Garbage),
            },
            tag::USER => Self::User(text(&mut fields, UserId::new)?),
            tag::DEVICE => Self::Device(UserNo(fields.u64()?), text(&mut fields, DeviceName::new)?),
            tag::DIRECT => Self::Direct(UserNo(fields.u64()?), UserNo(fields.u64()?)),
            tag::GROUP => Self::Group(text(&mut fields, GroupId::new)?),
            tag::ROW => Self::Row(UserNo(fields.u64()?), Offset(fields.u64()?)),
            tag::HISTORY => Self::History(ConversationNo(fields.u64()?), Seq(fields.u64()?)),
            tag::STAMP => Self::Stamp(ConversationNo(fields.u64()?)),
            tag::KNOWN => Self::Known(DeviceNo(fields.u64()?), text(&mut fields, ClientRef::new)?),
            tag::MARKS => Self::Marks(fields.u64()?, UserNo(fields.u64()?)),
            tag::CURSOR => Self::Cursor(DeviceNo(fields.u64()?)),
            tag::REVISED => Self::Revised(fields.u64()?),
            tag::READ_UPTO => Self::ReadUpto(ConversationNo(fields.u64()?), UserNo(fields.u64()?)),
            tag::GROUP_HEAD => Self::GroupHead(ConversationNo(fields.u64()?)),
            tag::MEMBER => Self::Member(ConversationNo(fields.u64()?), UserNo(fields.u64()?)),
            tag::GROUP_OF => Self::GroupOf(UserNo(fields.u64()?), ConversationNo(fields.u64()?)),
            tag::FEED => Self::Feed(ConversationNo(fields.u64()?), fields.u64()?),
            tag::PULL => Self::Pull(UserNo(fields.u64()?), ConversationNo(fields.u64()?)),
            tag::GROUP_PROFILE => Self::GroupProfile(ConversationNo(fields.u64()?)),
            tag::STANDING => Self::Standing(UserNo(fields.u64()?)),
            tag::PUSH_TOKEN => Self::PushToken(UserNo(fields.u64()?), text(&mut fields, DeviceName::new)?),
            tag::CONTACT => Self::Contact(UserNo(fields.u64()?), UserNo(fields.u64()?)),
            tag::REACTION => match (fields.u64()?, fields.left()) {
                (sequence, 0) => Self::Reactions(sequence),
                (sequence, _) => Self::Reacted(sequence, UserNo(fields.u64()?)),
            },
            tag::PROFILE => Self::UserHead(UserNo(fields.u64()?)),
            tag::BOOK => Self::Saved(UserNo(fields.u64()?), text(&mut fields, UserId::new)?),
            tag::BLOCK => Self::Blocked(UserNo(fields.u64()?), text(&mut fields, UserId::new)?),
            tag::SEEN => Self::LastSeen(UserNo(fields.u64()?)),
            tag::DEVICE_INFO => Self::Listed(UserNo(fields.u64()?), text(&mut fields, DeviceName::new)?),
            _ => return Err(Garbage),
        };
        fields.end()?;
        Ok(key)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("the store's identity"),
            Self::Tally => f.write_str("the store's tally"),
            Self::User(user) => write!(f, "the number of user {user}"),
            Self::Device(user, name) => write!(f, "the number of device {name} of user {}", user.0),
            Self::Direct(low, high) => {
                write!(f, "the number of the conversation of users {} and {}", low.0, high.0)
            }
            Self::Group(group) => write!(f, "the number of group {group}"),
            Self::Row(user, offset) => write!(f, "row {offset} of the mailbox of user {}", user.0),
            Self::History(conversation, seq) => {
                write!(f, "message {} of conversation {}", seq.0, conversation.0)
            }
            Self::Stamp(conversation) => write!(f, "the stamp of conversation {}", conversation.0),
            Self::Known(device, client_ref) => write!(f, "draft {client_ref} of device {}", device.0),
            Self::Marks(sequence, user) => {
                write!(f, "the marks of user {} on log record {sequence}", user.0)
            }
            Self::Revised(sequence) => write!(f, "what became of log record {sequence}"),
            Self::ReadUpto(conversation, user) => {
                write!(f, "how far user {} has read conversation {}", user.0, conversation.0)
            }
            Self::Cursor(device) => write!(f, "the cursor of device {}", device.0),
            Self::GroupHead(group) => write!(f, "group {}", group.0),
            Self::Member(group, user) => write!(f, "user {} in group {}", user.0, group.0),
            Self::GroupOf(user, group) => write!(f, "group {} of user {}", group.0, user.0),
            Self::Feed(group, place) => write!(f, "place {place} of the feed of group {}", group.0),
            Self::Pull(user, group) => {
                write!(f, "what user {} has not got of the feed of group {}", user.0, group.0)
            }
            Self::GroupProfile(group) => write!(f, "what group {} is called", group.0),
            Self::Standing(user) => write!(f, "the standing of user {}", user.0),
            Self::PushToken(user, name) => write!(f, "the push token of device {name} of user {}", user.0),
            Self::Reactions(sequence) => write!(f, "the reactions to log record {sequence}"),
            Self::Reacted(sequence, user) => {
                write!(f, "what user {} reacted with to log record {sequence}", user.0)
            }
            Self::Contact(user, other) => write!(f, "contact {} of user {}", other.0, user.0),
            Self::UserHead(user) => write!(f, "what user {} keeps", user.0),
            Self::Saved(user, other) => write!(f, "{other} in the address book of user {}", user.0),
            Self::Blocked(user, other) => write!(f, "the block of {other} by user {}", user.0),
            Self::LastSeen(user) => write!(f, "when user {} was seen", user.0),
            Self::Listed(user, name) => write!(f, "listed device {name} of user {}", user.0),
        }
    }
}

fn text<T, E>(fields: &mut Fields<'_>, new: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Garbage> {
    let text = str::from_utf8(fields.take(fields.left())?).map_err(|_| Garbage)?;
    new(text).map_err(|_| Garbage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::embedded::keys;

    #[test]
    fn what_is_made_is_read() {
        let (user, device, conversation) = (UserNo(1), DeviceNo(2), ConversationNo(3));
        let (ann, phone) = (UserId::new("ann").unwrap(), DeviceName::new("a phone").unwrap());
        let (g, r) = (GroupId::new("g").unwrap(), ClientRef::new("r").unwrap());
        let all = [
            (keys::IDENTITY.to_vec(), Key::Identity),
            (keys::TALLY.to_vec(), Key::Tally),
            (keys::user(&ann), Key::User(ann.clone())),
            (keys::device(user, &phone), Key::Device(user, phone.clone())),
            (keys::direct(user, UserNo(9)).to_vec(), Key::Direct(user, UserNo(9))),
            (keys::group(&g), Key::Group(g)),
            (keys::row(user, Offset(5)).to_vec(), Key::Row(user, Offset(5))),
            (keys::history(conversation, Seq(5)).to_vec(), Key::History(conversation, Seq(5))),
            (keys::stamp(conversation).to_vec(), Key::Stamp(conversation)),
            (keys::known(device, &r), Key::Known(device, r)),
            (keys::marks(5, user).to_vec(), Key::Marks(5, user)),
            (keys::cursor(device).to_vec(), Key::Cursor(device)),
            (keys::revised(5).to_vec(), Key::Revised(5)),
            (keys::read_upto(conversation, user).to_vec(), Key::ReadUpto(conversation, user)),
            (keys::group_head(conversation).to_vec(), Key::GroupHead(conversation)),
            (keys::member(conversation, user).to_vec(), Key::Member(conversation, user)),
            (keys::group_of(user, conversation).to_vec(), Key::GroupOf(user, conversation)),
            (keys::feed(conversation, 5).to_vec(), Key::Feed(conversation, 5)),
            (keys::pull(user, conversation).to_vec(), Key::Pull(user, conversation)),
            (keys::group_profile(conversation).to_vec(), Key::GroupProfile(conversation)),
            (keys::standing(user).to_vec(), Key::Standing(user)),
            (keys::push_token(user, &phone), Key::PushToken(user, phone.clone())),
            (keys::contact(user, UserNo(9)).to_vec(), Key::Contact(user, UserNo(9))),
            (keys::tally(5).to_vec(), Key::Reactions(5)),
            (keys::reacted(5, user).to_vec(), Key::Reacted(5, user)),
            (keys::user_head(user).to_vec(), Key::UserHead(user)),
            (keys::saved(user, &ann), Key::Saved(user, ann.clone())),
            (keys::blocked(user, &ann), Key::Blocked(user, ann)),
            (keys::last_seen(user).to_vec(), Key::LastSeen(user)),
            (keys::listed(user, &phone), Key::Listed(user, phone)),
        ];
        for (bytes, key) in all {
            assert_eq!(Key::read(&bytes), Ok(key.clone()));
            assert_eq!(Key::read(&bytes[..1]), Err(Garbage));
            assert_eq!(Key::read(&[]), Err(Garbage));
            let is_text = matches!(
                key,
                Key::User(_)
                    | Key::Device(..)
                    | Key::Group(_)
                    | Key::Known(..)
                    | Key::PushToken(..)
                    | Key::Saved(..)
                    | Key::Blocked(..)
                    | Key::Listed(..)
            );
            if !is_text {
                assert_eq!(Key::read(&[&bytes[..], b"x"].concat()), Err(Garbage), "{key}");
            }
        }
        assert_eq!(Key::read(b"\x99"), Err(Garbage));
    }
}
