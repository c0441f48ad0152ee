//! What happened in the fixture: something of everything that a store can hold.

use std::path::Path;

use bimip_proto::{
    Address, Body, BodyKind, Caps, ClientPacket, ClientRef, DeviceName, Draft, Emoji, Form, GroupAct,
    GroupCommand, GroupId, GroupProfile, LogOut, MayPost, MessageRef, Offset, PushToken, React, Revise, Role,
    Saved, Seal, Status, TalkAct, UnixMs, UserAct, UserCommand, limits,
};
use bimip_server::storage::Storage;
use bimip_server::storage::embedded::EmbeddedStorage;
use bytes::Bytes;

use crate::house::{House, draft, sound, user};

/// Everybody in it, with their devices. `walkie`s speak msgpack, and `_` in a name is what ids are joined with.
pub(crate) fn devices(format: u32) -> [(&'static str, &'static [&'static str]); 5] {
    // Whoever speaks msgpack has no words for revisions, which are new in format 4.
    let walkie: &[&str] = if format < 4 { &["walkie"] } else { &["walkie", "desk"] };
    [
        ("ann", &["phone", "tablet"]),
        ("bob", &["phone", "never seen"]),
        ("carl_9", walkie),
        ("dörte", walkie),
        ("nobody", &["phone"]),
    ]
}

/// Whom they have a conversation with: one without a message in it is none.
pub(crate) const CONTACTS: [(&str, &[&str]); 5] = [
    ("ann", &["bob", "carl_9"]),
    ("bob", &["ann", "carl_9"]),
    ("carl_9", &["ann", "bob", "dörte"]),
    ("dörte", &["carl_9"]),
    ("nobody", &[]),
];

pub(crate) const START_UNIX_MS: u64 = 1_763_652_000_000;

/// Drafts of `ann/phone` to `bob` with a name each: what a resend of one must find.
pub(crate) const NAMED: [(&str, &str); 4] =
    [("c-1", "hello"), ("c-2", "how are you"), ("ünï/3", "and again"), ("c-4", "after the restart")];

/// Plays it in an empty directory: half of it is closed in order, half is left as a killed process leaves it.
pub(crate) fn play(path: &Path) {
    let mut house = House::new(EmbeddedStorage::open(path).unwrap(), START_UNIX_MS);
    before(&mut house);
    groups(&mut house);
    accounts(&mut house);
    revisions(&mut house);
    managed(&mut house);
    reactions(&mut house);
    users(&mut house);
    let now = house.now.unix_ms;
    house.store.close().unwrap();
    // A clock that was set back.
    let mut house = House::new(EmbeddedStorage::open(path).unwrap(), now - 5_000);
    after(&mut house);
}

fn before(house: &mut House) {
    let phone = house.open(Caps::FULL, "ann", "phone");
    let tablet = house.open(Caps::FULL, "ann", "tablet");
    let bob = house.open(Caps::FULL, "bob", "phone");
    let carl = house.open(Caps::WALKIE, "carl_9", "walkie");

    let sent: Vec<_> = NAMED[..3]
        .iter()
        .map(|(name, text)| house.send(phone, draft(name, "bob", Body::text(text))).unwrap().0)
        .collect();
    let again = house.send(phone, draft(NAMED[0].0, "bob", Body::text(NAMED[0].1))).unwrap().0;
    assert_eq!(again, sent[0], "a resend");
    house.send(phone, draft("c-1", "bob", Body::text("something else"))).unwrap_err();
    house.say(bob, ClientPacket::Dispose(Offset(2)));
    house.mark(bob, &sent[0], Status::Read);
    house.mark(bob, &sent[1], Status::Forwarded);
    house.say(tablet, ClientPacket::Dispose(Offset(1)));

    let seal = Seal { encryption_type: "x".into(), encrypted: "y".into(), signature: "ß".into() };
    let mut sealed = draft("s-1", "bob", Body { seal: Some(seal), ..Body::text("sealed") });
    sealed.client_time = Some(UnixMs(77));
    house.send(tablet, sealed).unwrap();
    let kinds = [BodyKind::Image, BodyKind::Interactive, BodyKind::Notification];
    for (kind, form) in kinds.into_iter().zip([Form::Json, Form::Opaque, Form::Text]) {
        let bytes = Bytes::from_static(br#"{"a":1}"#);
        house.send(tablet, draft("", "ann", Body { kind, form, bytes, seal: None })).unwrap();
    }

    // A walkie's text has no name; its talk becomes a message, and the end of a talk that never began a stamp.
    let text = house.send(carl, draft("", "ann", Body::text("from a walkie"))).unwrap().0;
    house.mark(phone, &text, Status::Read);
    let payload = Bytes::from_static(b"start");
    house.talk(carl, "carl_9", "bob", TalkAct::Start { label: None, payload });
    house.talk(carl, "carl_9", "bob", sound(1));
    house.talk(carl, "carl_9", "bob", TalkAct::Stop);
    house.talk(carl, "carl_9", "dörte", TalkAct::Stop);
}

/// Since format 2. One is left by somebody who says something about it afterwards, and one has nothing in it.
fn groups(house: &mut House) {
    let phone = house.open(Caps::FULL, "ann", "phone");
    let bob = house.open(Caps::FULL, "bob", "phone");
    let carl = house.open(Caps::WALKIE, "carl_9", "walkie");
    let group = |name| GroupId::new(name).unwrap();
    for (conn, name) in [(phone, "g"), (bob, "g"), (bob, "bob"), (phone, "ünï")] {
        house.say(conn, ClientPacket::Join(group(name)));
    }
    let to_group =
        |name, text| Draft { to: Address::Group(group("g")), ..draft(name, "bob", Body::text(text)) };
    let first = house.send(phone, to_group("g-1", "to all")).unwrap().0;
    house.send(bob, to_group("", "from another")).unwrap();
    house.say(bob, ClientPacket::Leave(group("g")));
    house.send(phone, to_group("g-3", "to who is left")).unwrap();
    house.mark(bob, &first, Status::Read);
    // Nothing but a stamp: there is a conversation, and no message in it.
    house.talk(carl, "carl_9", "nobody", TalkAct::Stop);
}

/// Since format 3.
fn accounts(house: &mut House) {
    let phone = house.open(Caps::FULL, "ann", "phone");
    let tablet = house.open(Caps::FULL, "ann", "tablet");
    let push = |token: Option<&'static str>| {
        let token = token.map(|token| Bytes::from_static(token.as_bytes()));
        ClientPacket::PushToken(PushToken { id: None, service: "fcm".into(), token })
    };
    for token in [Some("first"), Some("second"), None, Some("third")] {
        house.say(phone, push(token));
    }
    house.say(tablet, push(Some("another")));
    house.say(phone, ClientPacket::SetVisible { id: None, visible: false });
    house.say(phone, ClientPacket::LogOut(LogOut::Device(DeviceName::new("lost").ok())));
    house.say(tablet, ClientPacket::LogOut(LogOut::Device(None)));
    let bob = house.open(Caps::FULL, "bob", "phone");
    house.say(bob, ClientPacket::LogOut(LogOut::Account));
}

/// Since format 4. One message is edited twice, one of a group is deleted by who is in it.
fn revisions(house: &mut House) {
    let carl = house.open(Caps::FULL, "carl_9", "desk");
    let dorte = house.open(Caps::FULL, "dörte", "desk");
    let group = GroupId::new("desks").unwrap();
    for conn in [carl, dorte] {
        house.say(conn, ClientPacket::Join(group.clone()));
    }
    let edited = house.send(carl, draft("r-1", "dörte", Body::text("helo"))).unwrap().0;
    let to_group = Draft { to: Address::Group(group), ..draft("r-2", "dörte", Body::text("oops")) };
    let deleted = house.send(carl, to_group).unwrap().0;
    let revise = |name: &str, id, text: Option<&str>| {
        let client_ref = ClientRef::new(name).unwrap();
        ClientPacket::Revise(Revise { client_ref, message: MessageRef::Id(id), body: text.map(Body::text) })
    };
    house.say(carl, revise("e-1", edited.id, Some("hello")));
    house.say(carl, revise("e-2", edited.id, Some("hello!")));
    house.say(carl, revise("d-1", deleted.id, None));
}

/// Since format 5. A group with roles, small enough for rows, and one that has a feed.
fn managed(house: &mut House) {
    let ann = house.open(Caps::FULL, "ann", "phone");
    let bob = house.open(Caps::FULL, "bob", "phone");
    let command = |name: &str, group: &str, act| {
        let (client_ref, group) = (ClientRef::new(name).unwrap(), GroupId::new(group).unwrap());
        ClientPacket::Group(GroupCommand { client_ref, group, act })
    };
    let create = |title: &str, members: &[&str]| GroupAct::Create {
        profile: GroupProfile { title: title.into(), about: "ünï".into() },
        open: false,
        post: MayPost::Everyone,
        members: members.iter().map(|name| user(name)).collect(),
    };
    house.say(ann, command("m-1", "team", create("The team", &["bob"])));
    house.say(ann, command("m-2", "team", GroupAct::SetRole { user: user("bob"), role: Role::Admin }));
    house.say(bob, command("m-3", "team", GroupAct::Ban(user("dörte"))));
    let (title, post) = (Some("The A-team".into()), Some(MayPost::Admins));
    house.say(bob, command("m-4", "team", GroupAct::Edit { title, about: None, open: None, post }));
    house.say(ann, command("m-5", "crowd", create("Many", &["bob", "carl_9", "dörte"])));
    for (conn, group) in [(ann, "team"), (bob, "crowd")] {
        let to = Address::Group(GroupId::new(group).unwrap());
        house.send(conn, Draft { to, ..draft("", "bob", Body::text("to all of you")) }).unwrap();
    }
}

/// Since format 6. Some are taken back, one is beside a message that is deleted, and messages have kinds.
fn reactions(house: &mut House) {
    let carl = house.open(Caps::FULL, "carl_9", "desk");
    let dorte = house.open(Caps::FULL, "dörte", "desk");
    let react = |name: &str, id, with: &str, on| {
        let (client_ref, emoji) = (ClientRef::new(name).unwrap(), Emoji::new(with).unwrap());
        ClientPacket::React(React { client_ref, message: MessageRef::Id(id), emoji, on })
    };
    let content = |kind, json: &'static str| {
        let bytes = Bytes::from_static(json.as_bytes());
        Body { kind, form: Form::Content, bytes, seal: None }
    };
    let sticker = r#"{"attachments":[{"url":"/s","kind":"sticker"}]}"#;
    let first =
        house.send(carl, draft("k-1", "dörte", content(BodyKind::Text, r#"{"text":"hi"}"#))).unwrap().0;
    let second = house.send(carl, draft("k-2", "dörte", content(BodyKind::Sticker, sticker))).unwrap().0;
    house.say(dorte, react("x-1", first.id, "👍", true));
    house.say(carl, react("x-1", first.id, "👍", true));
    house.say(dorte, react("x-2", first.id, ":ünï:", true));
    house.say(carl, react("x-2", first.id, "👍", false));
    house.say(carl, react("x-3", first.id, "👍", false));
    house.say(dorte, react("x-3", second.id, "👍", true));
    let message = MessageRef::Id(second.id);
    let revise = Revise { client_ref: ClientRef::new("x-4").unwrap(), message, body: None };
    house.say(carl, ClientPacket::Revise(revise));
}

/// Since format 6. Somebody of everything that a user keeps, and some that was taken back.
fn users(house: &mut House) {
    let ann = house.open(Caps::FULL, "ann", "phone");
    let bob = house.open(Caps::FULL, "bob", "phone");
    let save = |who: &str, name: &str| UserAct::Save(Saved { user: user(who), name: name.into() });
    let acts = [
        UserAct::EditProfile { name: Some("Ann".into()), about: Some("ünï".into()), avatar: None },
        UserAct::EditProfile { name: None, about: None, avatar: Some("https://example.org/ann.png".into()) },
        save("bob", "Bobby"),
        save("zoe", ""),
        UserAct::Forget(user("zoe")),
        UserAct::Block(user("zoe")),
        UserAct::Block(user("eve")),
        UserAct::Unblock(user("eve")),
        UserAct::RemoveDevice(DeviceName::new("lost").unwrap()),
    ];
    for (number, act) in acts.into_iter().enumerate() {
        let client_ref = ClientRef::new(&format!("u-{number}")).unwrap();
        house.say(ann, ClientPacket::User(UserCommand { client_ref, act }));
    }
    let client_ref = ClientRef::new("u-1").unwrap();
    house.say(bob, ClientPacket::User(UserCommand { client_ref, act: save("ann", "Annie") }));
    house.wait(limits::SEEN_MS);
}

fn after(house: &mut House) {
    let phone = house.open(Caps::FULL, "ann", "phone");
    let bob = house.open(Caps::FULL, "bob", "phone");
    let carl = house.open(Caps::WALKIE, "carl_9", "walkie");
    let (name, text) = NAMED[3];
    house.send(phone, draft(name, "bob", Body::text(text))).unwrap();
    let heads: Vec<_> = (0..3)
        .map(|number| house.send(bob, draft(&format!("b-{number}"), "ann", Body::text("yes"))).unwrap().0)
        .collect();
    let delivered = heads.iter().map(|head| MessageRef::Id(head.id)).collect();
    house.say(phone, ClientPacket::Delivered(delivered));
    let alias = MessageRef::Alias(heads[2].alias());
    house.say(phone, ClientPacket::Mark { message: alias, status: Status::Played });
    house.send(carl, draft("", "dörte", Body::text("where are you"))).unwrap();
    house.talk(carl, "carl_9", "dörte", TalkAct::Stop);
    // Who was away gets what waited, and answers.
    let dorte = house.open(Caps::WALKIE, "dörte", "walkie");
    house.send(dorte, draft("", "carl_9", Body::text("here"))).unwrap();
    house.say(bob, ClientPacket::Dispose(Offset(6)));
}
