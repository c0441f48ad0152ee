//! Edits and deletions: who may, who hears of them, and what is shown of what was taken back.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Address, Body, BodyKind, Caps, ClientPacket, ClientRef, Device, Draft, Entry, Floor, Form, GroupId,
    MessageId, MessageRef, Noted, Now, Offset, Reject, Revise, Revision, Row, ServerPacket, Status, Talk,
    TalkAct,
};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Config, Event, Full, Input, Output, Resume};
use bimip_session::ledger::{View, readable};
use bimip_session::server::ConnId;
use bytes::Bytes;

use harness::{House, device, draft, rows, user};

fn revise(name: &str, message: MessageId, text: Option<&str>) -> Revise {
    Revise {
        client_ref: ClientRef::new(name).unwrap(),
        message: MessageRef::Id(message),
        body: text.map(Body::text),
    }
}

fn asks(house: &mut House, conn: ConnId, name: &str, message: MessageId, text: Option<&str>) -> Noted {
    house.says(conn, ClientPacket::Revise(revise(name, message, text)));
    let answer = |packet: &ServerPacket| match packet {
        ServerPacket::Noted(noted) => Some(noted.clone()),
        _ => None,
    };
    house.sent.iter().filter(|(to, _)| *to == conn).find_map(|(_, packet)| answer(packet)).unwrap()
}

fn refused(noted: &Noted) -> Option<Reject> {
    match noted {
        Noted::Unrevised { reason, .. } => Some(*reason),
        _ => None,
    }
}

/// Sends a message, has it delivered to nobody yet, and gives its id.
fn sends(house: &mut House, conn: ConnId, to: Address, text: &str) -> MessageId {
    let draft = Draft { client_ref: None, to, client_time: None, body: Body::text(text) };
    house.says(conn, ClientPacket::Send(draft));
    let accepted = house.heard(conn).into_iter().find_map(|packet| match packet {
        ServerPacket::Accepted { head, .. } => Some(head.id),
        _ => None,
    });
    accepted.unwrap()
}

fn to(name: &str) -> Address {
    Address::User(user(name))
}

fn team() -> GroupId {
    GroupId::new("team").unwrap()
}

fn joins(house: &mut House, conn: ConnId) {
    house.says(conn, ClientPacket::Join(team()));
    house.heard(conn);
}

/// The revisions among the rows of a connection: edition, and the text or nothing.
fn revisions(packets: &[ServerPacket]) -> Vec<(u32, Option<String>)> {
    let of = |revision: &Revision| {
        let text = revision.body.as_ref().map(|body| String::from_utf8(body.bytes.to_vec()).unwrap());
        (revision.edition, text)
    };
    let revision = |packet: &ServerPacket| match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Revised(revision) => Some(of(revision)),
            _ => None,
        },
        _ => None,
    };
    packets.iter().filter_map(revision).collect()
}

// MISSION M3
// DM-REV-1, DM-REV-2, DM-REV-3
#[test]
fn an_edit_reaches_everybody_who_has_the_message_but_the_device_that_made_it() {
    let mut house = House::new();
    let [phone, tablet] = ["1", "2"].map(|name| house.open(Caps::FULL, &device("a", name)));
    let bob = house.open(Caps::FULL, &device("b", "1"));
    let id = sends(&mut house, phone, to("b"), "helo");
    for conn in [tablet, bob] {
        house.heard(conn);
    }
    let first = asks(&mut house, phone, "e1", id, Some("hello"));
    assert_eq!(
        first,
        Noted::Revised { client_ref: ClientRef::new("e1").unwrap(), edition: 1, offset: Offset(2) }
    );
    // Any device of the author may.
    assert!(matches!(asks(&mut house, tablet, "e2", id, Some("hello!")), Noted::Revised { edition: 2, .. }));
    let [one, two] = ["hello", "hello!"].map(|text| Some(text.to_owned()));
    assert_eq!(revisions(&house.heard(bob)), [(1, one.clone()), (2, two.clone())]);
    assert_eq!(revisions(&house.heard(tablet)), [(1, one)]);
    assert_eq!(revisions(&house.heard(phone)), [(2, two)]);
}

// DM-REV-1
#[test]
fn only_the_author_may_and_others_learn_nothing() {
    let mut house = House::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let id = sends(&mut house, a, to("b"), "mine");
    for (conn, message) in [(b, id), (c, id), (a, MessageId::new(7, 99)), (a, MessageId::new(6, 1))] {
        let answer = asks(&mut house, conn, "x", message, None);
        assert_eq!(refused(&answer), Some(Reject::NoSuchMessage));
        house.heard(conn);
    }
    let Ok(revised) = house.book.revised(id.sequence());
    assert_eq!(revised.edition, 0);
}

// DM-REV-3, DM-REV-4
#[test]
fn nothing_comes_after_a_deletion_and_a_repeat_gets_the_first_answer() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let id = sends(&mut house, a, to("b"), "oh no");
    let edited = asks(&mut house, a, "e1", id, Some("oh"));
    house.heard(a);
    let deleted = asks(&mut house, a, "d1", id, None);
    assert!(matches!(deleted, Noted::Revised { edition: 2, .. }));
    house.heard(a);
    for (name, text, answer) in [("e1", Some("oh"), &edited), ("d1", None, &deleted)] {
        assert_eq!(asks(&mut house, a, name, id, text), *answer, "a repeat");
        house.heard(a);
    }
    for (name, text, reason) in [
        ("e1", Some("other"), Reject::Conflict),
        ("d1", Some("oh"), Reject::Conflict),
        ("e9", Some("again"), Reject::Deleted),
        ("d9", None, Reject::Deleted),
    ] {
        let answer = asks(&mut house, a, name, id, text);
        assert_eq!(refused(&answer), Some(reason), "{name}");
        house.heard(a);
    }
    assert_eq!(revisions(&house.heard(b)), [(1, Some("oh".to_owned())), (2, None)], "each once");
    // Drafts and revisions share one space of names.
    house.says(a, ClientPacket::Send(draft("d1", "b", "x")));
    let heard = house.heard(a);
    assert!(matches!(heard[0], ServerPacket::Rejected { reason: Reject::Conflict, .. }), "{heard:?}");
}

// DM-REV-5
#[test]
fn what_was_taken_back_reaches_no_device_that_did_not_have_it() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let kept = sends(&mut house, a, to("b"), "kept");
    let gone = sends(&mut house, a, to("b"), "secret");
    asks(&mut house, a, "e1", kept, Some("kept!"));
    house.heard(a);
    asks(&mut house, a, "d1", gone, None);
    let late = house.open(Caps::FULL, &device("b", "1"));
    let heard = house.heard(late);
    assert_eq!(rows(&heard), [1, 2, 3, 4].map(Offset));
    assert!(!format!("{heard:?}").contains("secret"));
    assert_eq!(
        revisions(&heard),
        [(1, None), (1, Some("kept!".to_owned())), (1, None)],
        "in its place, and in its turn"
    );
    house.heard(a);
    house.says(late, ClientPacket::Dispose(Offset(4)));
    let told: Vec<_> = house
        .heard(a)
        .into_iter()
        .filter_map(|packet| match packet {
            ServerPacket::Deliver(row) => match &*row.entry {
                Entry::Receipt(receipt) => Some(receipt.messages.iter().map(|it| it.id).collect::<Vec<_>>()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(told, [vec![kept]], "what nobody saw was not delivered");
    let Ok(read) = readable(&MessageRef::Id(gone), &user("b"), &house.book);
    assert_eq!(read, None);
}

// DM-REV-2
#[test]
fn in_a_group_those_hear_of_it_who_have_the_message_and_are_still_there() {
    let mut house = House::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    for conn in [a, b, c] {
        joins(&mut house, conn);
    }
    let id = sends(&mut house, a, Address::Group(team()), "all");
    let late = house.open(Caps::FULL, &device("d", "1"));
    joins(&mut house, late);
    house.says(c, ClientPacket::Leave(team()));
    for conn in [a, b, c, late] {
        house.heard(conn);
    }
    asks(&mut house, a, "e1", id, Some("some"));
    assert_eq!(revisions(&house.heard(b)).len(), 1);
    assert_eq!(revisions(&house.heard(c)), [], "what is said after one left is not for one");
    assert_eq!(revisions(&house.heard(late)), [], "who came later knows nothing of it");
    // Who left says nothing more there, but may take back what they said.
    house.says(a, ClientPacket::Leave(team()));
    house.heard(a);
    assert_eq!(refused(&asks(&mut house, a, "e2", id, Some("none"))), Some(Reject::NotMember));
    house.heard(a);
    assert!(matches!(asks(&mut house, a, "d1", id, None), Noted::Revised { edition: 2, .. }));
    assert_eq!(revisions(&house.heard(b)), [(2, None)]);
}

// DM-REV-6
#[test]
fn who_has_no_words_for_it_is_not_told_and_not_held_up() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let walkie = house.open(Caps::WALKIE, &device("b", "voiceping"));
    let id = sends(&mut house, a, to("b"), "helo");
    asks(&mut house, a, "e1", id, Some("hello"));
    asks(&mut house, a, "e2", id, None);
    sends(&mut house, a, to("b"), "next");
    let heard = house.heard(walkie);
    let texts = heard.iter().filter(|packet| matches!(packet, ServerPacket::Deliver(_))).count();
    assert_eq!(
        (texts, revisions(&heard)),
        (3, vec![(1, Some("hello".to_owned()))]),
        "the edit, and no deletion"
    );
    let upto = house.barriers.last().unwrap().1;
    house.input(bimip_session::server::Input::Barrier(walkie, upto));
    house.wait(50);
    let Ok(cursor) = house.book.cursor(&device("b", "voiceping"));
    assert!(cursor >= Offset(1), "the rows before it are through");
}

/// Who names messages by time has a name for an edit that no message of the conversation has.
// DM-REV-1, VP-TEXT-7
#[test]
fn an_edit_has_a_time_of_its_own() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let walkie = house.open(Caps::WALKIE, &device("b", "voiceping"));
    let id = sends(&mut house, a, to("b"), "one");
    asks(&mut house, a, "e1", id, Some("two"));
    asks(&mut house, a, "e2", id, Some("three"));
    sends(&mut house, a, to("b"), "four");
    let time = |packet: &ServerPacket| match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => Some(message.head.stamp),
            Entry::Revised(revision) => Some(revision.at),
            _ => None,
        },
        _ => None,
    };
    let times: Vec<_> = house.heard(walkie).iter().filter_map(time).collect();
    assert!(times.len() == 4 && times.is_sorted_by(|one, next| one < next), "{times:?}");
}

/// A stop without a start is answered with an id, and goes to nobody: there is nothing to take back.
// DM-REV-1, DM-TLK-3
#[test]
fn what_went_to_nobody_is_not_revised() {
    let mut house = House::new();
    let talker = house.open(Caps::WALKIE, &device("a", "voiceping"));
    let [phone, bob] =
        [("a", "phone"), ("b", "1")].map(|(user, name)| house.open(Caps::FULL, &device(user, name)));
    house.says(talker, ClientPacket::Talk(Talk { from: user("a"), to: to("b"), act: TalkAct::Stop }));
    let id = house.heard(talker).into_iter().find_map(|packet| match packet {
        ServerPacket::Floor(Floor::Ended { head }) => Some(head.id),
        _ => None,
    });
    for conn in [phone, bob] {
        house.heard(conn);
    }
    let answer = asks(&mut house, phone, "d", id.unwrap(), None);
    assert_eq!(refused(&answer), Some(Reject::NoSuchMessage));
    assert_eq!(house.heard(bob), []);
}

// DM-REV-2
#[test]
fn a_note_to_oneself_is_edited_once() {
    let mut house = House::new();
    let [phone, tablet] = ["1", "2"].map(|name| house.open(Caps::FULL, &device("a", name)));
    let id = sends(&mut house, phone, to("a"), "milk");
    house.heard(tablet);
    asks(&mut house, phone, "e1", id, Some("milk, bread"));
    let heard = house.heard(tablet);
    assert_eq!((rows(&heard), revisions(&heard).len()), (vec![Offset(2)], 1));
}

/// An edit says what a message says, and not what it is.
// DM-REV-7
#[test]
fn an_edited_notification_is_one() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let body = Body { kind: BodyKind::Notification, ..Body::text("helo") };
    house.says(a, ClientPacket::Send(Draft { body, ..draft("", "b", "") }));
    let id = house.heard(a).into_iter().find_map(|packet| match packet {
        ServerPacket::Accepted { head, .. } => Some(head.id),
        _ => None,
    });
    asks(&mut house, a, "e1", id.unwrap(), Some("hello"));
    let kinds = house.heard(b).into_iter().filter_map(|packet| match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => Some(message.head.kind),
            Entry::Revised(revision) => revision.body.as_ref().map(|body| body.kind),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(kinds.collect::<Vec<_>>(), [BodyKind::Notification; 2]);
}

// DM-REV-7
#[test]
fn a_talk_is_deleted_but_not_edited() {
    let mut house = House::new();
    let talker = house.open(Caps::WALKIE, &device("a", "voiceping"));
    let phone = house.open(Caps::FULL, &device("a", "phone"));
    let listener = house.open(Caps::FULL, &device("b", "1"));
    let talk = |act| ClientPacket::Talk(Talk { from: user("a"), to: to("b"), act });
    let start = TalkAct::Start { label: None, payload: Bytes::new() };
    let audio = TalkAct::Audio { label: None, payload: Bytes::from_static(&[0xc4, 1, 9]) };
    for act in [start, audio, TalkAct::Stop] {
        house.says(talker, talk(act));
    }
    let id = house.heard(listener).into_iter().find_map(|packet| match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) if matches!(message.head.kind, BodyKind::Voice { .. }) => {
                Some(message.head.id)
            }
            _ => None,
        },
        _ => None,
    });
    let id = id.unwrap();
    house.heard(phone);
    assert_eq!(refused(&asks(&mut house, phone, "e", id, Some("la"))), Some(Reject::Unsupported));
    house.heard(phone);
    assert!(matches!(asks(&mut house, phone, "d", id, None), Noted::Revised { edition: 1, .. }));
    assert_eq!(revisions(&house.heard(listener)), [(1, None)]);
}

// DM-REV-1
#[test]
fn what_is_too_large_or_no_text_is_refused_by_name() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let id = sends(&mut house, a, to("b"), "x");
    let large = "x".repeat(bimip_proto::limits::BODY_BYTES + 1);
    assert_eq!(refused(&asks(&mut house, a, "e1", id, Some(&large))), Some(Reject::TooLarge));
    house.heard(a);
    let voice = Revise { body: Some(Body::voice(3, None)), ..revise("e2", id, None) };
    house.says(a, ClientPacket::Revise(voice));
    let heard = house.heard(a);
    assert!(
        matches!(&heard[..], [ServerPacket::Noted(Noted::Unrevised { reason: Reject::Unsupported, .. })]),
        "{heard:?}"
    );
    house.hold_commits = true;
    house.says(a, ClientPacket::Revise(revise("e3", id, Some("y"))));
    house.fail_held();
    let heard = house.heard(a);
    assert!(
        matches!(
            &heard[..],
            [ServerPacket::Noted(Noted::Unrevised {
                reason: Reject::Unavailable,
                retry_after_ms: Some(_),
                ..
            })]
        ),
        "an answer that may be asked for again: {heard:?}"
    );
}

// ---- the client's side ------------------------------------------------------------------------------------

fn session(resume: Resume) -> ClientSession {
    let mut config = Config::new(device("a", "1"));
    (config.welcome, config.token) = (false, None);
    ClientSession::new(config, resume, Now::default())
}

fn up(session: &mut ClientSession) -> Vec<Output> {
    session.handle_timeout(Now::default());
    session.handle_input(Now::default(), Input::Connected);
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn told(session: &mut ClientSession, noted: Noted) -> Vec<Output> {
    session.handle_input(Now::default(), Input::Packet(ServerPacket::Noted(noted)));
    std::iter::from_fn(|| session.poll_output()).collect()
}

// CL-OUT-5
#[test]
fn a_client_says_its_revisions_in_order_until_they_are_answered() {
    let id = MessageId::new(7, 1);
    let first = revise("e1", MessageId::new(7, 9), Some("one"));
    let mut session = session(Resume { revisions: vec![first.clone()], ..Resume::default() });
    let second = revise("d1", id, None);
    session.revise(Now::default(), second.clone()).unwrap();
    session.revise(Now::default(), second.clone()).unwrap();
    let transmits = [&first, &second].map(|it| Output::Transmit(ClientPacket::Revise(it.clone())));
    assert_eq!(up(&mut session)[2..], transmits, "after being online");
    assert_eq!(session.unrevised().count(), 2);
    let busy = |retry_after_ms| Noted::Unrevised {
        client_ref: second.client_ref.clone(),
        reason: Reject::Busy,
        retry_after_ms,
    };
    assert_eq!(told(&mut session, busy(Some(1_000))), []);
    session.handle_timeout(Now { mono_ms: 1_000, unix_ms: 0 });
    assert_eq!(session.poll_output().as_ref(), Some(&transmits[1]));
    let revised = Noted::Revised { client_ref: first.client_ref.clone(), edition: 1, offset: Offset(2) };
    let event = Event::Revised { revise: first, edition: 1, offset: Offset(2) };
    assert_eq!(told(&mut session, revised.clone()), [Output::Event(event)]);
    assert_eq!(told(&mut session, revised), [], "once");
    let refused = Event::RevisionRefused { revise: second.clone(), reason: Reject::Busy };
    assert_eq!(told(&mut session, busy(None)), [Output::Event(refused)]);
    assert!(session.is_settled());
    session.handle_input(
        Now::default(),
        Input::Unwritable(Box::new(ClientPacket::Revise(second)), Reject::TooLarge),
    );
    assert_eq!(session.poll_output(), None, "it was answered");
}

/// A server that could not read a revision knows only its name.
// CL-OUT-3, CL-OUT-5
#[test]
fn a_revision_is_refused_by_its_name_alone() {
    let revisions = [("e1", 1), ("e2", 2)].map(|(name, at)| revise(name, MessageId::new(7, at), Some(name)));
    let mut session = session(Resume { revisions: revisions.to_vec(), ..Resume::default() });
    up(&mut session);
    for (name, told) in [("e9", None), ("e2", Some(revisions[1].clone()))] {
        let (client_ref, reason) = (ClientRef::new(name).ok(), Reject::TooLarge);
        let rejected = ServerPacket::Rejected { client_ref, to: None, reason, retry_after_ms: None };
        session.handle_input(Now::default(), Input::Packet(rejected));
        let event = told.map(|revise| Output::Event(Event::RevisionRefused { revise, reason }));
        assert_eq!(session.poll_output(), event, "{name}");
    }
    assert_eq!(session.unrevised().collect::<Vec<_>>(), [&revisions[0]]);
    // The same from a codec that has no words for it.
    let (revise, reason) = (revisions[0].clone(), Reject::Unsupported);
    let packet = Box::new(ClientPacket::Revise(revise.clone()));
    session.handle_input(Now::default(), Input::Unwritable(packet, reason));
    assert_eq!(session.poll_output(), Some(Output::Event(Event::RevisionRefused { revise, reason })));
}

// CL-OUT-2
#[test]
fn revisions_that_wait_are_bounded() {
    let mut config = Config::new(device("a", "1"));
    config.unnoted_marks = 1;
    let mut session = ClientSession::new(config, Resume::default(), Now::default());
    let all = ["e1", "e2"].map(|name| revise(name, MessageId::new(7, 1), Some(name)));
    session.revise(Now::default(), all[0].clone()).unwrap();
    assert_eq!(session.revise(Now::default(), all[1].clone()), Err(Full(all[1].clone())));
    session.revise(Now::default(), all[0].clone()).unwrap();
}

#[test]
fn a_revision_is_a_row_like_any_other() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let b: Device = device("b", "1");
    let bob = house.open(Caps::FULL, &b);
    let id = sends(&mut house, a, to("b"), "helo");
    house.says(bob, ClientPacket::Dispose(Offset(1)));
    asks(&mut house, a, "e1", id, Some("hello"));
    let row = house.heard(bob).into_iter().find_map(|packet| match packet {
        ServerPacket::Deliver(Row { prev, offset, entry }) => match &*entry {
            Entry::Revised(revision) => Some((prev, offset, revision.clone())),
            _ => None,
        },
        _ => None,
    });
    let (prev, offset, revision) = row.unwrap();
    assert_eq!((prev, offset), (Offset(1), Offset(2)));
    assert_eq!((revision.message.id, revision.seq.0, revision.by), (id, 1, device("a", "1")));
    // It says nothing that is delivered or read.
    house.heard(a);
    house.says(bob, ClientPacket::Dispose(Offset(2)));
    house.says(
        bob,
        ClientPacket::Mark { message: MessageRef::Id(MessageId::new(7, 3)), status: Status::Read },
    );
    assert!(rows(&house.heard(a)).is_empty());
}

/// A refusal that passes must not let an older text win for good.
// CL-OUT-3, CL-OUT-5
#[test]
fn revisions_of_one_message_are_said_one_by_one() {
    let [first, other, second] =
        [("e1", 1), ("o", 2), ("e2", 1)].map(|(name, at)| revise(name, MessageId::new(7, at), Some(name)));
    let revisions = vec![first.clone(), other.clone(), second.clone()];
    let mut session = session(Resume { revisions, ..Resume::default() });
    let said = [&first, &other].map(|it| Output::Transmit(ClientPacket::Revise(it.clone())));
    assert_eq!(up(&mut session)[2..], said);
    let answer = Noted::Revised { client_ref: first.client_ref.clone(), edition: 1, offset: Offset(2) };
    assert_eq!(told(&mut session, answer)[1..], [Output::Transmit(ClientPacket::Revise(second))]);
}

// DM-REV-5
#[test]
fn no_edition_of_what_was_deleted_leaves() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let id = sends(&mut house, a, to("b"), "secret one");
    asks(&mut house, a, "e1", id, Some("secret two"));
    house.heard(a);
    asks(&mut house, a, "d1", id, None);
    let late = house.open(Caps::FULL, &device("b", "1"));
    let heard = house.heard(late);
    assert_eq!(rows(&heard), [1, 2, 3].map(Offset));
    assert!(!format!("{heard:?}").contains("secret"), "{heard:?}");
}

/// Content of a kind stays content of that kind; what says no kind stays so.
// DM-REV-7, DM-DUP-2
#[test]
fn an_edit_keeps_the_kind() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let content = |kind, json: &'static str| Body {
        kind,
        form: Form::Content,
        bytes: Bytes::from_static(json.as_bytes()),
        seal: None,
    };
    let plain = || Body { form: Form::Opaque, ..Body::text("{}") };
    let mut sent = |name: &str, body: Body| {
        house.says(a, ClientPacket::Send(Draft { body, ..draft(name, "b", "") }));
        house.heard(a).into_iter().find_map(|packet| match packet {
            ServerPacket::Accepted { head, .. } => Some(Ok((head.id, head.kind))),
            ServerPacket::Rejected { reason, .. } => Some(Err(reason)),
            _ => None,
        })
    };
    let said = sent("1", content(BodyKind::Image, "{}")).unwrap().unwrap();
    let unsaid = sent("2", plain()).unwrap().unwrap();
    assert_eq!((said.1, unsaid.1), (BodyKind::Image, BodyKind::Text));
    for other in [content(BodyKind::Video, "{}"), plain()] {
        assert_eq!(sent("1", other), Some(Err(Reject::Conflict)), "the same bytes of another kind");
    }
    let wrong = Some(Reject::Field("kind"));
    let mut number = 0;
    for (id, body, reason) in [
        (said.0, content(BodyKind::Image, "{1}"), None),
        (said.0, content(BodyKind::Video, "{}"), wrong),
        (said.0, content(BodyKind::Text, "{}"), wrong),
        (said.0, plain(), wrong),
        (unsaid.0, plain(), None),
        (unsaid.0, content(BodyKind::Text, "{}"), wrong),
    ] {
        number += 1;
        let revise = Revise { body: Some(body), ..revise(&format!("e{number}"), id, None) };
        house.says(a, ClientPacket::Revise(revise));
        let answer = house.heard(a).into_iter().find_map(|packet| match packet {
            ServerPacket::Noted(noted) => Some(noted),
            _ => None,
        });
        assert_eq!(refused(&answer.unwrap()), reason, "{number}");
    }
}
