//! Every kind of damage is found where it is, and nothing is found where there is none.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use bimip_proto::{
    ClientRef, Device, DeviceName, Emoji, GroupId, Offset, PushToken, Seq, TokenId, UnixMs, UserId,
    UserProfile, limits,
};
use bimip_session::ledger::{Count, GroupHead, Listed, Membership, Standing, Stay, Tally, UserHead, Write};
use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::*;
use crate::storage::Storage;
use crate::storage::embedded::EmbeddedStorage;
use crate::storage::embedded::checksum::seal;
use crate::storage::embedded::keys;
use crate::storage::embedded::names::{ConversationNo, DeviceNo, UserNo};
use crate::storage::embedded::rows::account::put_standing;
use crate::storage::embedded::rows::users::put_user_head;
use crate::storage::embedded::writer::Writer;

#[path = "../../../../tests/store_format/pack.rs"]
mod pack;

const FIXTURE: &str = include_str!("../../../../tests/fixtures/store-format-1.pack");

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn in_group() -> Membership {
    Membership::restore(vec![Stay { joined: Seq(0), left: None }], Seq(0), Seq(0)).unwrap()
}

/// Something of everything, closed in order.
fn store() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    pack::unpack(FIXTURE, directory.path());
    let mut storage = EmbeddedStorage::open(directory.path()).unwrap();
    let group = GroupId::new("g").unwrap();
    let member = |name| Write::Member { group: group.clone(), user: user(name), membership: in_group() };
    let head = GroupHead { open: true, members: 2, ..GroupHead::default() };
    let token = PushToken { id: None, service: "fcm".into(), token: Some(Bytes::from_static(b"x")) };
    let phone = Device::new(user("ann"), DeviceName::new("phone").unwrap());
    let standing = Arc::new(Standing { hidden: true, ..Standing::default() });
    let emoji = Emoji::new("+1").unwrap();
    let count = Count { emoji: emoji.clone(), users: 1, named: vec![user("bob")] };
    let tally = Arc::new(Tally { edition: 1, counts: vec![count] });
    let writes = [
        Write::Tally { sequence: 1, tally },
        Write::Reacted { sequence: 1, user: user("bob"), emojis: vec![emoji] },
        Write::Group { group: group.clone(), head },
        member("ann"),
        member("bob"),
        Write::Standing { user: user("ann"), standing },
        Write::PushToken { device: phone.clone(), token: Some(token) },
        Write::UserHead { user: user("ann"), head: UserHead { saved: 1, ..UserHead::default() } },
        Write::Saved { user: user("ann"), other: user("bob"), name: Some("Bobby".into()) },
        Write::Blocked { user: user("ann"), other: user("zoe"), blocked: true },
        Write::LastSeen { user: user("ann"), at: UnixMs(1) },
        Write::Listed { device: phone, listed: Some(Listed { first: UnixMs(1), last: UnixMs(2) }) },
    ];
    let mut writer = Writer::new(Rows::now(&storage.engine), &mut storage.memo, storage.tally, writes.len());
    writes.iter().for_each(|write| writer.add(write).unwrap());
    let tally = writer.commit(PersistMode::SyncData).unwrap();
    storage.prove(tally);
    storage.close().unwrap();
    directory
}

fn findings(directory: &Path) -> (Summary, Vec<String>) {
    let mut findings = Vec::new();
    let summary = verify(directory, |heard| {
        if let Heard::Finding(finding) = heard {
            findings.push(finding.to_string());
        }
    });
    let summary = summary.unwrap();
    assert_eq!(summary.findings, findings.len() as u64);
    (summary, findings)
}

/// The rows of a store, to change them behind its back.
struct Plant {
    log: Keyspace,
    small: Keyspace,
}

impl Plant {
    fn number(&self, key: &[u8]) -> u64 {
        let sealed = self.small.get(key).unwrap().unwrap();
        u64::from_be_bytes(*sealed.first_chunk().unwrap())
    }

    fn user(&self, name: &str) -> UserNo {
        UserNo(self.number(&keys::user(&user(name))))
    }

    fn device(&self, name: &str, device: &str) -> DeviceNo {
        DeviceNo(self.number(&keys::device(self.user(name), &DeviceName::new(device).unwrap())))
    }

    fn direct(&self, low: &str, high: &str) -> ConversationNo {
        ConversationNo(self.number(&keys::direct(self.user(low), self.user(high))))
    }

    fn group(&self) -> ConversationNo {
        ConversationNo(self.number(&keys::group(&GroupId::new("g").unwrap())))
    }

    fn push_token(&self, device: &str) -> Vec<u8> {
        keys::push_token(self.user("ann"), &DeviceName::new(device).unwrap())
    }

    fn contact(&self, of: &str, other: &str) -> [u8; 17] {
        keys::contact(self.user(of), self.user(other))
    }

    /// Writes numbers as a row, with a checksum that fits.
    fn put<const N: usize>(&self, key: &[u8], numbers: [u64; N]) {
        self.put_bytes(key, &numbers.map(u64::to_be_bytes).concat());
    }

    fn put_bytes(&self, key: &[u8], value: &[u8]) {
        let mut value = value.to_vec();
        seal(key, &mut value);
        self.small.insert(key, value).unwrap();
    }

    fn take(&self, key: &[u8]) {
        assert!(self.small.contains_key(key).unwrap());
        self.small.remove(key).unwrap();
    }
}

fn planted(directory: &Path, change: impl FnOnce(&Plant)) {
    let db = Database::builder(directory.join("store/engine")).open().unwrap();
    let log = db.keyspace("log", KeyspaceCreateOptions::default).unwrap();
    let small = db.keyspace("small", KeyspaceCreateOptions::default).unwrap();
    change(&Plant { log, small });
    db.persist(PersistMode::SyncAll).unwrap();
}

/// A standing with one more revoked token than are kept.
fn many_tokens() -> Vec<u8> {
    let tokens =
        (0..=limits::REVOKED_TOKENS).map(|number| (TokenId::new(&number.to_string()).unwrap(), UnixMs(1)));
    let mut value = Vec::new();
    put_standing(&mut value, &Standing { tokens: tokens.collect(), ..Standing::default() });
    value
}

/// What a user keeps.
fn head(saved: u32, name: &str) -> Vec<u8> {
    let mut value = Vec::new();
    let profile = Arc::new(UserProfile { name: name.into(), ..UserProfile::default() });
    put_user_head(&mut value, &UserHead { edition: 0, saved, profile });
    value
}

/// All files with their contents.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for file in fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.to_string_lossy().into_owned(), fs::read(&path).unwrap());
        }
    }
    found
}

// MISSION L3
#[test]
fn a_whole_store_is_found_whole_and_left_alone() {
    let directory = store();
    let before = files(directory.path());
    let (summary, findings) = findings(directory.path());
    assert!(findings.is_empty(), "{findings:#?}");
    assert_eq!((summary.users, summary.devices, summary.conversations, summary.groups), (4, 5, 5, 1));
    assert_eq!((summary.messages, summary.mailbox_rows), (17, 38));
    assert!(files(directory.path()) == before, "nothing has changed");
    assert!(EmbeddedStorage::open(directory.path()).is_ok());
}

// MISSION L3
#[test]
fn a_store_of_an_older_format_is_read_as_it_is() {
    for fixture in [FIXTURE, include_str!("../../../../tests/fixtures/store-format-2.pack")] {
        let directory = tempfile::tempdir().unwrap();
        pack::unpack(fixture, directory.path());
        let before = files(directory.path());
        assert_eq!(findings(directory.path()).1, Vec::<String>::new());
        assert!(files(directory.path()) == before);
    }
}

// MISSION L3
#[test]
fn a_store_in_use_is_not_read_and_none_is_made() {
    let directory = store();
    let storage = EmbeddedStorage::open(directory.path()).unwrap();
    assert!(matches!(verify(directory.path(), |_| ()), Err(StorageError::InUse)));
    drop(storage);
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(verify(empty.path().join("x"), |_| ()), Err(StorageError::Io(_))));
    assert!(matches!(verify(empty.path(), |_| ()), Err(StorageError::Io(_))));
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}

// MISSION L3
#[test]
fn every_kind_of_damage_is_found_where_it_is() {
    type Change = fn(&Plant);
    let cases: [(Change, &str, &str); 80] = [
        (|it| it.put_bytes(&keys::tally(1), b"x"), "the reactions to log record 1", "shape"),
        (|it| it.put_bytes(&keys::tally(998), &[0; 5]), "the reactions to log record 998", "no message"),
        (
            |it| it.put_bytes(&keys::tally(1), b"\0\0\0\x01\x01\x02+1\0\0\0\x03\0"),
            "the reactions to log record 1",
            "+1 is counted for 2 more than are there",
        ),
        (
            |it| it.put_bytes(&keys::tally(1), &[0; 5]),
            "the reactions to log record 1",
            "+1 is counted for 1 fewer than are there",
        ),
        (
            |it| it.take(&keys::reacted(1, it.user("bob"))),
            "the reactions to log record 1",
            "+1 is counted for 1 more than are there",
        ),
        (
            |it| it.put_bytes(&keys::reacted(1, it.user("bob")), b"\0"),
            "reacted with to log record 1",
            "shape",
        ),
        (
            |it| it.put_bytes(&keys::reacted(1, UserNo(99)), b"\x01\x02+1"),
            "what user 99 reacted with",
            "no such user",
        ),
        (|it| it.take(&keys::tally(1)), "reacted with to log record 1", "nothing is counted"),
        (|it| it.put(&keys::group_head(it.group()), [8, 2]), "group", "shape"),
        (|it| it.put(&keys::group_head(it.group()), [5, 2]), "group", "it is no more, and counts 2 members"),
        (
            |it| it.put(&keys::group_head(it.group()), [1, 0x1_0000_0002]),
            "group",
            "it counts 1 banned users, and 0 are there",
        ),
        (|it| it.put_bytes(&keys::group_profile(it.group()), b"x"), "is called", "shape"),
        (
            |it| it.put_bytes(&keys::group_profile(it.group()), &[0, 0]),
            "is called",
            "nobody ever changed this group",
        ),
        (|it| it.small.insert(b"\x99x", b"y").unwrap(), "small 9978", "kind that this version does not know"),
        (|it| it.small.insert(b"\x10x", b"y").unwrap(), "small 1078", "kind that this version does not know"),
        (|it| it.put(b"\x02a/b", [1]), "small 02612f62", "kind that this version does not know"),
        (
            |it| it.small.insert(keys::user(&user("ann")), b"123456789012").unwrap(),
            "number of user ann",
            "checksum",
        ),
        (|it| it.put(&keys::user(&user("ann")), [1, 2]), "number of user ann", "shape"),
        (|it| it.put(&keys::user(&user("new")), [999]), "number of user new", "999 was never given"),
        (|it| it.put(&keys::user(&user("new")), [1]), "number of user new", "given to another name too"),
        (|it| it.take(&keys::user(&user("bob"))), "tally", "names"),
        (|it| it.put(&keys::direct(UserNo(77), UserNo(78)), [1]), "users 77 and 78", "no user 77"),
        (|it| it.take(&keys::IDENTITY), "identity", "not there"),
        (|it| it.put(&keys::IDENTITY, [9, 1]), "identity", "format 9"),
        (|it| it.put(&keys::IDENTITY, [2, 7]), "log record 1", "id of another"),
        (|it| it.take(&keys::TALLY), "tally", "not there"),
        (|it| it.put(&keys::TALLY, [1, 1, 1]), "tally", "proven"),
        (|it| it.put(&keys::TALLY, [999, 999, 1]), "tally", "the log ends at"),
        (|it| it.log.remove(keys::log(2)).unwrap(), "row 2 of the mailbox", "no log record 2"),
        (
            |it| it.log.remove(keys::log(2)).unwrap(),
            "message 2 of conversation",
            "no message that can be read",
        ),
        (|it| it.log.remove(keys::log(2)).unwrap(), "draft c-2", "no message that can be read"),
        (|it| it.log.insert(keys::log(2), b"12345").unwrap(), "log record 2", "checksum"),
        (|it| it.log.insert(b"x", b"12345").unwrap(), "log 78", "key is unknown"),
        (
            |it| {
                let record = it.log.get(keys::log(2)).unwrap().unwrap();
                let (value, _) = record.split_last_chunk::<4>().unwrap();
                let mut value = value.to_vec();
                value.push(0);
                seal(&keys::log(2), &mut value);
                it.log.insert(keys::log(2), value).unwrap();
            },
            "log record 2",
            "shape",
        ),
        (
            |it| it.take(&keys::row(it.user("bob"), Offset(3))),
            "row 4 of the mailbox",
            "rows before it are missing",
        ),
        (
            |it| it.put(&keys::row(it.user("bob"), Offset(3)), [1]),
            "row 3 of the mailbox",
            "not after the one",
        ),
        (|it| it.put(&keys::row(UserNo(99), Offset(1)), [1]), "mailbox of user 99", "no such user"),
        (
            |it| it.take(&keys::history(it.direct("ann", "bob"), Seq(2))),
            "message 3 of conversation",
            "messages before it are missing",
        ),
        (
            |it| it.put(&keys::history(it.direct("ann", "bob"), Seq(2)), [1, 2]),
            "message 2 of conversation",
            "stamp is not after",
        ),
        (
            |it| it.put(&keys::history(it.direct("ann", "bob"), Seq(2)), [1_763_652_000_020, 3]),
            "message 2 of conversation",
            "another seq or stamp",
        ),
        (
            |it| it.put(&keys::stamp(ConversationNo(99)), [1]),
            "stamp of conversation 99",
            "no such conversation",
        ),
        (
            |it| it.put(&keys::known(it.device("ann", "phone"), &ClientRef::new("c-1").unwrap()), [2, 1, 0]),
            "draft c-1",
            "of another draft",
        ),
        (
            |it| it.put(&keys::known(it.device("ann", "phone"), &ClientRef::new("c-1").unwrap()), [1, 2, 0]),
            "draft c-1",
            "row 2 of the sender's mailbox is of another log record",
        ),
        (|it| it.put_bytes(&keys::marks(1, it.user("bob")), &[16]), "on log record 1", "shape"),
        (|it| it.put_bytes(&keys::marks(1, it.user("bob")), &[1; 10]), "on log record 1", "shape"),
        (|it| it.put_bytes(&keys::marks(1, it.user("bob")), &[1; 17]), "on log record 1", "shape"),
        (|it| it.put_bytes(&keys::marks(998, it.user("bob")), &[1]), "on log record 998", "no message"),
        (
            |it| it.put(&keys::read_upto(it.direct("ann", "bob"), it.user("bob")), [999]),
            "how far user",
            "it is at message 999",
        ),
        (
            |it| it.put(&keys::read_upto(it.direct("ann", "bob"), UserNo(99)), [1]),
            "how far user 99",
            "no such user",
        ),
        (|it| it.put(&keys::cursor(it.device("bob", "phone")), [99]), "the cursor of device", "row 99"),
        (|it| it.put(&keys::cursor(DeviceNo(99)), [0]), "the cursor of device 99", "no such device"),
        (|it| it.put(&keys::group_head(it.group()), [1, 3]), "group", "counts 3 members, and 2 are there"),
        (
            |it| it.take(&keys::group_of(it.user("ann"), it.group())),
            "in group",
            "list of groups says otherwise",
        ),
        (|it| it.take(&keys::member(it.group(), it.user("ann"))), "of user", "the user is not in this group"),
        (|it| it.put_bytes(&keys::standing(it.user("ann")), &[9]), "the standing of user", "shape"),
        (
            |it| it.put_bytes(&keys::standing(it.user("ann")), &many_tokens()),
            "the standing of user",
            "257 tokens",
        ),
        (|it| it.put_bytes(&keys::standing(UserNo(99)), &[0; 11]), "the standing of user 99", "no such user"),
        (|it| it.put_bytes(&it.push_token("phone"), b"\x09x"), "the push token of device phone", "shape"),
        (
            |it| it.put_bytes(&keys::push_token(UserNo(99), &DeviceName::new("d").unwrap()), &[0, 0]),
            "the push token of device d of user 99",
            "no such user",
        ),
        (
            |it| {
                for number in 0..limits::PUSH_TOKENS {
                    it.put_bytes(&it.push_token(&format!("d{number}")), &[0, 0]);
                }
            },
            "the push token of device phone",
            "more push tokens than the 64",
        ),
        (|it| it.put_bytes(&it.contact("ann", "bob"), b""), "contact", "shape"),
        (|it| it.put_bytes(&it.contact("ann", "bob"), b"carl_9"), "contact", "carl_9 has another number"),
        (|it| it.put_bytes(&keys::contact(UserNo(99), it.user("bob")), b"bob"), "of user 99", "no such user"),
        (|it| it.take(&it.contact("ann", "bob")), "contact", "the user is no contact of this one"),
        (|it| it.take(&it.contact("ann", "bob")), "the number of the conversation of users", "not contacts"),
        (|it| it.put_bytes(&keys::user_head(it.user("ann")), b"x"), "what user", "shape"),
        (
            |it| it.put_bytes(&keys::user_head(it.user("ann")), &head(2, "")),
            "what user",
            "it counts 2 entries of the address book, and 1 are there",
        ),
        (
            |it| it.put_bytes(&keys::user_head(it.user("bob")), &head(1, "")),
            "what user",
            "it counts 1 entries of the address book, and none is there",
        ),
        (|it| it.take(&keys::user_head(it.user("ann"))), "what user", "it counts 0 entries"),
        (
            |it| it.put_bytes(&keys::user_head(it.user("ann")), &head(1, &"x".repeat(256))),
            "what user",
            "its display name has 256 bytes",
        ),
        (|it| it.put_bytes(&keys::user_head(UserNo(99)), &head(0, "")), "what user 99", "no such user"),
        (
            |it| it.put_bytes(&keys::saved(it.user("ann"), &user("bob")), b"\xff"),
            "bob in the address",
            "shape",
        ),
        (|it| it.put_bytes(&keys::saved(UserNo(99), &user("bob")), b""), "book of user 99", "no such user"),
        (|it| it.put_bytes(&keys::blocked(it.user("ann"), &user("zoe")), b"x"), "the block of zoe", "shape"),
        (
            |it| it.put_bytes(&keys::blocked(it.user("ann"), &user("ann")), b""),
            "the block of ann",
            "nobody blocks themselves",
        ),
        (
            |it| {
                for number in 0..limits::BLOCKED_USERS {
                    it.put_bytes(&keys::blocked(it.user("ann"), &user(&format!("b{number}"))), b"");
                }
            },
            "the block of zoe",
            "more users than the 1024",
        ),
        (|it| it.put(&keys::last_seen(UserNo(99)), [1]), "when user 99 was seen", "no such user"),
        (
            |it| it.put(&keys::listed(it.user("ann"), &DeviceName::new("phone").unwrap()), [1]),
            "listed device phone",
            "shape",
        ),
        (
            |it| {
                for number in 0..limits::LISTED_DEVICES {
                    let name = DeviceName::new(&format!("d{number}")).unwrap();
                    it.put(&keys::listed(it.user("ann"), &name), [1, 2]);
                }
            },
            "listed device phone",
            "more devices than the 100",
        ),
        (
            |it| {
                it.put_bytes(&it.contact("ann", "dörte"), "dörte".as_bytes());
                it.put_bytes(&it.contact("dörte", "ann"), b"ann");
            },
            "contact",
            "the two have no conversation",
        ),
    ];
    let clean = store();
    let clean = pack::pack(clean.path());
    for (number, (change, key, what)) in cases.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        pack::unpack(&clean, directory.path());
        planted(directory.path(), change);
        let (_, findings) = findings(directory.path());
        let found = findings.iter().any(|finding| {
            finding.split_once(": ").is_some_and(|(place, words)| place.contains(key) && words.contains(what))
        });
        assert!(found, "case {number}, {key} / {what}: {findings:#?}");
    }
}

/// Damage that the engine itself finds is an error before any row is read.
// MISSION L3
#[test]
fn damage_below_the_rows_is_an_error() {
    let directory = store();
    fs::remove_file(directory.path().join("store/engine/keyspaces/1/current")).unwrap();
    let error = verify(directory.path(), |_| ()).unwrap_err();
    assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
}
