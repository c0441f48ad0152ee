//! Where rows are: the keys of both keyspaces. The table is in the documentation of the [parent](super).

mod read;

use bimip_proto::{ClientRef, DeviceName, GroupId, Offset, Seq, UserId};

pub(super) use self::read::Key;

use super::names::{ConversationNo, DeviceNo, UserNo};

/// The first byte of a key in the keyspace of small rows. Written for ever: a tag is never given twice.
mod tag {
    pub(super) const META: u8 = 0x01;
    pub(super) const USER: u8 = 0x02;
    pub(super) const DEVICE: u8 = 0x03;
    pub(super) const DIRECT: u8 = 0x04;
    pub(super) const GROUP: u8 = 0x05;
    pub(super) const ROW: u8 = 0x10;
    pub(super) const HISTORY: u8 = 0x11;
    pub(super) const STAMP: u8 = 0x12;
    pub(super) const KNOWN: u8 = 0x13;
    pub(super) const MARKS: u8 = 0x14;
    pub(super) const CURSOR: u8 = 0x15;
    pub(super) const REVISED: u8 = 0x16;
    pub(super) const READ_UPTO: u8 = 0x17;
    pub(super) const REACTION: u8 = 0x18;
    pub(super) const GROUP_HEAD: u8 = 0x20;
    pub(super) const MEMBER: u8 = 0x21;
    pub(super) const GROUP_OF: u8 = 0x22;
    pub(super) const FEED: u8 = 0x23;
    pub(super) const PULL: u8 = 0x24;
    pub(super) const GROUP_PROFILE: u8 = 0x25;
    pub(super) const STANDING: u8 = 0x30;
    pub(super) const PUSH_TOKEN: u8 = 0x31;
    pub(super) const CONTACT: u8 = 0x32;
    pub(super) const PROFILE: u8 = 0x33;
    pub(super) const BOOK: u8 = 0x34;
    pub(super) const BLOCK: u8 = 0x35;
    pub(super) const SEEN: u8 = 0x36;
    pub(super) const DEVICE_INFO: u8 = 0x37;
}

/// What the store is: format and epoch.
pub(super) const IDENTITY: [u8; 2] = [tag::META, b'i'];
/// How far the store is: numbers of the last batch and record, and the next free number of a name.
pub(super) const TALLY: [u8; 2] = [tag::META, b't'];

/// A log record. The only key of the log's keyspace.
pub(super) const fn log(sequence: u64) -> [u8; 8] {
    sequence.to_be_bytes()
}

/// A user's number.
pub(super) fn user(user: &UserId) -> Vec<u8> {
    text(tag::USER, &[], user.as_str())
}

/// A device's number.
pub(super) fn device(user: UserNo, name: &DeviceName) -> Vec<u8> {
    text(tag::DEVICE, &user.0.to_be_bytes(), name.as_str())
}

/// What the keys of all devices of a user begin with.
pub(super) fn devices(user: UserNo) -> [u8; 9] {
    single(tag::DEVICE, user.0)
}

/// The number of a conversation of two.
pub(super) fn direct(low: UserNo, high: UserNo) -> [u8; 17] {
    pair(tag::DIRECT, low.0, high.0)
}

/// The number of a group's conversation.
pub(super) fn group(group: &GroupId) -> Vec<u8> {
    text(tag::GROUP, &[], group.as_str())
}

/// A row of a mailbox.
pub(super) fn row(user: UserNo, offset: Offset) -> [u8; 17] {
    pair(tag::ROW, user.0, offset.0)
}

/// A message's place in its conversation.
pub(super) fn history(conversation: ConversationNo, seq: Seq) -> [u8; 17] {
    pair(tag::HISTORY, conversation.0, seq.0)
}

/// The last stamp that a conversation gave away without a message in it.
pub(super) fn stamp(conversation: ConversationNo) -> [u8; 9] {
    single(tag::STAMP, conversation.0)
}

/// What is stored under a client's own name for it.
pub(super) fn known(device: DeviceNo, client_ref: &ClientRef) -> Vec<u8> {
    text(tag::KNOWN, &device.0.to_be_bytes(), client_ref.as_str())
}

/// What a user has said about a message.
pub(super) fn marks(sequence: u64, user: UserNo) -> [u8; 17] {
    pair(tag::MARKS, sequence, user.0)
}

/// What became of a message.
pub(super) fn revised(sequence: u64) -> [u8; 9] {
    single(tag::REVISED, sequence)
}

/// Up to where a user has read a conversation.
pub(super) fn read_upto(conversation: ConversationNo, user: UserNo) -> [u8; 17] {
    pair(tag::READ_UPTO, conversation.0, user.0)
}

/// The reactions to a message, counted. Right before what each user reacted with.
pub(super) fn tally(sequence: u64) -> [u8; 9] {
    single(tag::REACTION, sequence)
}

/// What a user has reacted with to a message.
pub(super) fn reacted(sequence: u64, user: UserNo) -> [u8; 17] {
    pair(tag::REACTION, sequence, user.0)
}

/// A device's cursor.
pub(super) fn cursor(device: DeviceNo) -> [u8; 9] {
    single(tag::CURSOR, device.0)
}

/// A group.
pub(super) fn group_head(group: ConversationNo) -> [u8; 9] {
    single(tag::GROUP_HEAD, group.0)
}

/// What a group is called.
pub(super) fn group_profile(group: ConversationNo) -> [u8; 9] {
    single(tag::GROUP_PROFILE, group.0)
}

/// A user in a group.
pub(super) fn member(group: ConversationNo, user: UserNo) -> [u8; 17] {
    pair(tag::MEMBER, group.0, user.0)
}

/// A group that a user is in.
pub(super) fn group_of(user: UserNo, group: ConversationNo) -> [u8; 17] {
    pair(tag::GROUP_OF, user.0, group.0)
}

/// A place of a group's feed; 0 for the feed itself.
pub(super) fn feed(group: ConversationNo, place: u64) -> [u8; 17] {
    pair(tag::FEED, group.0, place)
}

/// What of a group's feed is a user's and not in the mailbox yet.
pub(super) fn pull(user: UserNo, group: ConversationNo) -> [u8; 17] {
    pair(tag::PULL, user.0, group.0)
}

/// What a user decided about their account.
pub(super) fn standing(user: UserNo) -> [u8; 9] {
    single(tag::STANDING, user.0)
}

/// Where to push to for a device. By its name: a device that never stored anything has no number.
pub(super) fn push_token(user: UserNo, name: &DeviceName) -> Vec<u8> {
    text(tag::PUSH_TOKEN, &user.0.to_be_bytes(), name.as_str())
}

/// What the keys of all push tokens of a user begin with.
pub(super) fn push_tokens(user: UserNo) -> [u8; 9] {
    single(tag::PUSH_TOKEN, user.0)
}

/// What the keys of all contacts of a user begin with.
pub(super) fn contacts(user: UserNo) -> [u8; 9] {
    single(tag::CONTACT, user.0)
}

/// Somebody with whom a user has a conversation of two.
pub(super) fn contact(user: UserNo, other: UserNo) -> [u8; 17] {
    pair(tag::CONTACT, user.0, other.0)
}

/// What a user keeps.
pub(super) fn user_head(user: UserNo) -> [u8; 9] {
    single(tag::PROFILE, user.0)
}

/// What the keys of a user's address book begin with.
pub(super) fn address_book(user: UserNo) -> [u8; 9] {
    single(tag::BOOK, user.0)
}

/// An entry of an address book. By the other's name, so that they are in the order in which they are asked for, and who is
/// in it needs no number.
pub(super) fn saved(user: UserNo, other: &UserId) -> Vec<u8> {
    text(tag::BOOK, &user.0.to_be_bytes(), other.as_str())
}

/// What the keys of all whom a user has blocked begin with.
pub(super) fn all_blocked(user: UserNo) -> [u8; 9] {
    single(tag::BLOCK, user.0)
}

/// Somebody whom a user has blocked, likewise by name.
pub(super) fn blocked(user: UserNo, other: &UserId) -> Vec<u8> {
    text(tag::BLOCK, &user.0.to_be_bytes(), other.as_str())
}

/// When a user was last seen.
pub(super) fn last_seen(user: UserNo) -> [u8; 9] {
    single(tag::SEEN, user.0)
}

/// What the keys of all listed devices of a user begin with.
pub(super) fn all_listed(user: UserNo) -> [u8; 9] {
    single(tag::DEVICE_INFO, user.0)
}

/// A device that is listed. By its name: one that never stored anything has no number.
pub(super) fn listed(user: UserNo, name: &DeviceName) -> Vec<u8> {
    text(tag::DEVICE_INFO, &user.0.to_be_bytes(), name.as_str())
}

/// The last number of a key of two numbers: the offset of a row, the seq of a message.
pub(super) fn last_number(key: &[u8]) -> Option<u64> {
    let key: &[u8; 17] = key.try_into().ok()?;
    key.last_chunk().map(|number| u64::from_be_bytes(*number))
}

/// The sequence of a key of the log.
pub(super) fn sequence(key: &[u8]) -> Option<u64> {
    key.try_into().ok().map(u64::from_be_bytes)
}

fn single(tag: u8, number: u64) -> [u8; 9] {
    let mut key = [tag; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

fn pair(tag: u8, high: u64, low: u64) -> [u8; 17] {
    let mut key = [tag; 17];
    key[1..9].copy_from_slice(&high.to_be_bytes());
    key[9..].copy_from_slice(&low.to_be_bytes());
    key
}

fn text(tag: u8, number: &[u8], text: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + number.len() + text.len());
    key.push(tag);
    key.extend_from_slice(number);
    key.extend_from_slice(text.as_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_stored_and_so_never_change() {
        let (user, device, conversation) = (UserNo(1), DeviceNo(2), ConversationNo(3));
        let alice = UserId::new("alice").unwrap();
        let phone = DeviceName::new("phone").unwrap();
        let all: [(Vec<u8>, &[u8]); 34] = [
            (tally(258).to_vec(), b"\x18\0\0\0\0\0\0\x01\x02"),
            (reacted(258, user).to_vec(), b"\x18\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x01"),
            (feed(conversation, 9).to_vec(), b"\x23\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x09"),
            (pull(user, conversation).to_vec(), b"\x24\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03"),
            (super::user(&alice), b"\x02alice"),
            (super::device(user, &phone), b"\x03\0\0\0\0\0\0\0\x01phone"),
            (devices(user).to_vec(), b"\x03\0\0\0\0\0\0\0\x01"),
            (direct(user, UserNo(2)).to_vec(), b"\x04\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02"),
            (group(&GroupId::new("g").unwrap()), b"\x05g"),
            (row(user, Offset(9)).to_vec(), b"\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x09"),
            (history(conversation, Seq(9)).to_vec(), b"\x11\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x09"),
            (stamp(conversation).to_vec(), b"\x12\0\0\0\0\0\0\0\x03"),
            (known(device, &ClientRef::new("r").unwrap()), b"\x13\0\0\0\0\0\0\0\x02r"),
            (marks(258, user).to_vec(), b"\x14\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x01"),
            (read_upto(conversation, user).to_vec(), b"\x17\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x01"),
            (contacts(user).to_vec(), b"\x32\0\0\0\0\0\0\0\x01"),
            (cursor(device).to_vec(), b"\x15\0\0\0\0\0\0\0\x02"),
            (group_head(conversation).to_vec(), b"\x20\0\0\0\0\0\0\0\x03"),
            (member(conversation, user).to_vec(), b"\x21\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x01"),
            (group_of(user, conversation).to_vec(), b"\x22\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03"),
            (group_profile(conversation).to_vec(), b"\x25\0\0\0\0\0\0\0\x03"),
            (standing(user).to_vec(), b"\x30\0\0\0\0\0\0\0\x01"),
            (push_token(user, &phone), b"\x31\0\0\0\0\0\0\0\x01phone"),
            (push_tokens(user).to_vec(), b"\x31\0\0\0\0\0\0\0\x01"),
            (contact(user, UserNo(2)).to_vec(), b"\x32\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02"),
            (user_head(user).to_vec(), b"\x33\0\0\0\0\0\0\0\x01"),
            (address_book(user).to_vec(), b"\x34\0\0\0\0\0\0\0\x01"),
            (saved(user, &alice), b"\x34\0\0\0\0\0\0\0\x01alice"),
            (all_blocked(user).to_vec(), b"\x35\0\0\0\0\0\0\0\x01"),
            (blocked(user, &alice), b"\x35\0\0\0\0\0\0\0\x01alice"),
            (last_seen(user).to_vec(), b"\x36\0\0\0\0\0\0\0\x01"),
            (all_listed(user).to_vec(), b"\x37\0\0\0\0\0\0\0\x01"),
            (listed(user, &phone), b"\x37\0\0\0\0\0\0\0\x01phone"),
            (log(258).to_vec(), b"\0\0\0\0\0\0\x01\x02"),
        ];
        for (key, stored) in all {
            assert_eq!(key, stored);
        }
        assert_eq!((IDENTITY, TALLY), (*b"\x01i", *b"\x01t"));
    }

    #[test]
    fn rows_of_one_mailbox_are_in_order_and_apart_from_others() {
        let of = |user, offset| row(UserNo(user), Offset(offset));
        assert!(of(1, 255) < of(1, 256));
        assert!(of(1, u64::MAX) < of(2, 0));
        assert_eq!(last_number(&of(1, 256)), Some(256));
        assert_eq!(last_number(b"\x10"), None);
        assert_eq!(sequence(&log(77)), Some(77));
    }
}
