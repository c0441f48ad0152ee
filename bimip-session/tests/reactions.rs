//! Reactions: who may, who hears of them, what is counted, and what is left of them when a message is taken back.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Address, Ask, Body, Caps, ClientPacket, ClientRef, ConversationId, Draft, Emoji, Entry, Floor, Found,
    GroupAct, GroupCommand, GroupId, HistoryMessage, MayPost, MessageId, MessageRef, Noted, Now, Offset,
    PageFrom, React, Reaction, Reject, Revise, Row, ServerPacket, Talk, TalkAct, limits,
};
use bimip_session::Machine;
use bimip_session::client::view::{Bounds, Timeline};
use bimip_session::client::{ClientSession, Config, Event, Full, Input, Output, Resume};
use bimip_session::ledger::{View, find};
use bimip_session::server::ConnId;

use harness::{House, device, draft, rows, user};

fn emoji(text: &str) -> Emoji {
    Emoji::new(text).unwrap()
}

fn react(name: &str, message: MessageId, with: &str, on: bool) -> React {
    let client_ref = ClientRef::new(name).unwrap();
    React { client_ref, message: MessageRef::Id(message), emoji: emoji(with), on }
}

fn asks(house: &mut House, conn: ConnId, react: React) -> Noted {
    house.says(conn, ClientPacket::React(react));
    let at =
        house.sent.iter().position(|(to, packet)| *to == conn && matches!(packet, ServerPacket::Noted(_)));
    match house.sent.remove(at.unwrap()).1 {
        ServerPacket::Noted(noted) => noted,
        other => panic!("{other:?}"),
    }
}

/// Edition and count, or why not.
fn said(noted: &Noted) -> Result<(u32, u32), Reject> {
    match noted {
        Noted::Reacted { edition, count, .. } => Ok((*edition, *count)),
        Noted::Unreacted { reason, .. } => Err(*reason),
        other => panic!("{other:?}"),
    }
}

fn sends(house: &mut House, conn: ConnId, to: Address, text: &str) -> MessageId {
    let draft = Draft { client_ref: None, to, client_time: None, body: Body::text(text) };
    house.says(conn, ClientPacket::Send(draft));
    let accepted = house.heard(conn).into_iter().find_map(|packet| match packet {
        ServerPacket::Accepted { head, .. } => Some(head.id),
        _ => None,
    });
    accepted.unwrap()
}

fn deletes(house: &mut House, conn: ConnId, name: &str, message: MessageId) {
    let client_ref = ClientRef::new(name).unwrap();
    house.says(
        conn,
        ClientPacket::Revise(Revise { client_ref, message: MessageRef::Id(message), body: None }),
    );
    house.heard(conn);
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

fn reaction(packet: &ServerPacket) -> Option<Reaction> {
    match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Reacted(reaction) => Some(reaction.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The reactions among the rows of a connection: edition, who, with what, on or off, and how many then.
fn reactions(packets: &[ServerPacket]) -> Vec<(u32, String, String, bool, u32)> {
    let tell = |it: Reaction| (it.edition, it.by.user.to_string(), it.emoji.to_string(), it.on, it.count);
    packets.iter().filter_map(reaction).map(tell).collect()
}

fn row(edition: u32, who: &str, with: &str, on: bool, count: u32) -> (u32, String, String, bool, u32) {
    (edition, who.to_owned(), with.to_owned(), on, count)
}

/// The messages of a conversation as a user is told them.
fn history(house: &House, who: &str, of: &Address) -> Vec<HistoryMessage> {
    let ask = Ask::History { of: of.clone(), from: PageFrom::Latest, limit: 0 };
    match find(&ask, &user(who), &house.book) {
        Ok(Found::History { messages, .. }) => messages,
        other => panic!("{other:?}"),
    }
}

/// The reactions to the last message: with what, how many, mine, and who.
fn counts(house: &House, who: &str, of: &Address) -> Vec<(String, u32, bool, Vec<String>)> {
    let last = history(house, who, of).pop().unwrap();
    let tell = |it: bimip_proto::ReactionCount| {
        (it.emoji.to_string(), it.count, it.mine, it.users.iter().map(ToString::to_string).collect())
    };
    last.reactions.counts.into_iter().map(tell).collect()
}

// MISSION M3 A1
// DM-RCT-1, DM-RCT-2
#[test]
fn a_reaction_reaches_everybody_who_has_the_message_but_the_device_that_made_it() {
    let mut house = House::new();
    let [phone, tablet] = ["1", "2"].map(|name| house.open(Caps::FULL, &device("a", name)));
    let [bob, desk] = ["1", "2"].map(|name| house.open(Caps::FULL, &device("b", name)));
    let id = sends(&mut house, phone, to("b"), "hello");
    for conn in [tablet, bob, desk] {
        house.heard(conn);
    }
    let first = asks(&mut house, bob, react("r1", id, "👍", true));
    let client_ref = ClientRef::new("r1").unwrap();
    assert_eq!(first, Noted::Reacted { client_ref, edition: 1, count: 1, offset: Offset(2) });
    // The author may as well, and both may use several.
    assert_eq!(said(&asks(&mut house, phone, react("r1", id, "👍", true))), Ok((2, 2)));
    assert_eq!(said(&asks(&mut house, bob, react("r2", id, ":tada:", true))), Ok((3, 1)));
    assert_eq!(said(&asks(&mut house, desk, react("r1", id, "👍", false))), Ok((4, 1)));
    let [one, two, three, four] = [
        row(1, "b", "👍", true, 1),
        row(2, "a", "👍", true, 2),
        row(3, "b", ":tada:", true, 1),
        row(4, "b", "👍", false, 1),
    ];
    let all = [one.clone(), two.clone(), three.clone(), four.clone()];
    assert_eq!(reactions(&house.heard(tablet)), all);
    assert_eq!(reactions(&house.heard(bob)), [two.clone(), four.clone()]);
    assert_eq!(reactions(&house.heard(desk)), [one.clone(), two, three.clone()]);
    assert_eq!(reactions(&house.heard(phone)), [one, three, four]);
    // A device that was not there gets the same, in the same order, after the message.
    let late = house.open(Caps::FULL, &device("b", "3"));
    let heard = house.heard(late);
    assert_eq!((rows(&heard), reactions(&heard)), ((1..=5).map(Offset).collect(), all.to_vec()));
}

// DM-RCT-1
#[test]
fn a_stranger_learns_nothing() {
    let mut house = House::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let id = sends(&mut house, a, to("b"), "mine");
    house.heard(b);
    for (conn, message) in [(c, id), (a, MessageId::new(7, 99)), (b, MessageId::new(6, 1))] {
        let answer = asks(&mut house, conn, react("x", message, "👍", true));
        assert_eq!(said(&answer), Err(Reject::NoSuchMessage));
    }
    deletes(&mut house, a, "d", id);
    house.heard(b);
    // Not even that it is gone.
    assert_eq!(said(&asks(&mut house, c, react("y", id, "👍", true))), Err(Reject::NoSuchMessage));
    let Ok(tally) = house.book.tally(id.sequence());
    assert_eq!(tally.edition, 0);
    assert_eq!((house.heard(a), house.heard(b)), (Vec::new(), Vec::new()));
}

// DM-RCT-1, DM-TLK-3
#[test]
fn nobody_reacts_to_what_went_to_nobody() {
    let mut house = House::new();
    let talker = house.open(Caps::WALKIE, &device("a", "voiceping"));
    let phone = house.open(Caps::FULL, &device("a", "phone"));
    house.says(talker, ClientPacket::Talk(Talk { from: user("a"), to: to("b"), act: TalkAct::Stop }));
    let id = house.heard(talker).into_iter().find_map(|packet| match packet {
        ServerPacket::Floor(Floor::Ended { head }) => Some(head.id),
        _ => None,
    });
    let answer = asks(&mut house, phone, react("r", id.unwrap(), "👍", true));
    assert_eq!(said(&answer), Err(Reject::NoSuchMessage));
}

// DM-RCT-3
#[test]
fn a_repeat_gets_the_first_answer_and_what_changes_nothing_tells_nobody() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let id = sends(&mut house, a, to("b"), "hello");
    house.heard(b);
    // Nothing to take back yet.
    assert_eq!(said(&asks(&mut house, b, react("r0", id, "👍", false))), Ok((0, 0)));
    let first = asks(&mut house, b, react("r1", id, "👍", true));
    // It is there already.
    let client_ref = ClientRef::new("again").unwrap();
    let there = Noted::Reacted { client_ref, edition: 1, count: 1, offset: Offset::ZERO };
    assert_eq!(asks(&mut house, b, react("again", id, "👍", true)), there);
    let off = asks(&mut house, b, react("r2", id, "👍", false));
    assert_eq!((said(&first), said(&off)), (Ok((1, 1)), Ok((2, 0))));
    for (again, answer) in [(react("r1", id, "👍", true), &first), (react("r2", id, "👍", false), &off)] {
        assert_eq!(asks(&mut house, b, again), *answer, "a repeat");
    }
    // Under another name there is nothing to change.
    let client_ref = ClientRef::new("r3").unwrap();
    let nothing = Noted::Reacted { client_ref, edition: 2, count: 0, offset: Offset::ZERO };
    for _ in 0..2 {
        assert_eq!(asks(&mut house, b, react("r3", id, "👍", false)), nothing);
    }
    for other in [react("r1", id, "👍", false), react("r1", id, "👎", true)] {
        assert_eq!(said(&asks(&mut house, b, other)), Err(Reject::Conflict));
    }
    assert_eq!(reactions(&house.heard(a)), [row(1, "b", "👍", true, 1), row(2, "b", "👍", false, 0)]);
    assert_eq!(house.heard(b), []);
    // Drafts and reactions share one space of names.
    house.says(b, ClientPacket::Send(draft("r3", "a", "x")));
    let heard = house.heard(b);
    assert!(matches!(heard[0], ServerPacket::Rejected { reason: Reject::Conflict, .. }), "{heard:?}");
}

// DM-RCT-3
#[test]
fn a_batch_sees_its_own_reactions() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let id = sends(&mut house, a, to("b"), "hello");
    house.heard(b);
    house.hold_commits = true;
    for (conn, name, on) in [(a, "1", true), (b, "1", true), (b, "1", true), (a, "2", false), (a, "3", true)]
    {
        house.says(conn, ClientPacket::React(react(name, id, "👍", on)));
    }
    house.commit_held();
    let answers = |packets: Vec<ServerPacket>| -> Vec<_> {
        let noted = packets.into_iter().filter_map(|packet| match packet {
            ServerPacket::Noted(noted) => Some(said(&noted)),
            _ => None,
        });
        noted.collect()
    };
    assert_eq!(answers(house.heard(a)), [Ok((1, 1)), Ok((3, 1)), Ok((4, 2))]);
    assert_eq!(answers(house.heard(b)), [Ok((2, 2)), Ok((2, 2))]);
}

// MISSION A1
// DM-RCT-6
#[test]
fn a_page_of_history_counts_them() {
    let mut house = House::new();
    let conns: Vec<ConnId> =
        (0..9).map(|number| house.open(Caps::FULL, &device(&format!("u{number}"), "1"))).collect();
    for conn in &conns {
        joins(&mut house, *conn);
    }
    let all = Address::Group(team());
    let id = sends(&mut house, conns[0], all.clone(), "lunch?");
    assert_eq!(counts(&house, "u1", &all), []);
    for (conn, count) in conns.iter().zip(1..) {
        assert_eq!(said(&asks(&mut house, *conn, react("r", id, "🍕", true))), Ok((count, count)));
    }
    asks(&mut house, conns[3], react("s", id, "🥗", true));
    let named = |from: usize| (from..from + 3).map(|number| format!("u{number}")).collect::<Vec<_>>();
    assert_eq!(
        counts(&house, "u3", &all),
        [("🍕".to_owned(), 9, true, named(0)), ("🥗".to_owned(), 1, true, vec!["u3".to_owned()])]
    );
    assert_eq!(history(&house, "u3", &all)[0].reactions.edition, 10);
    asks(&mut house, conns[0], react("t", id, "🍕", false));
    asks(&mut house, conns[3], react("t", id, "🥗", false));
    let two = named(1)[..2].to_vec();
    assert_eq!(counts(&house, "u0", &all), [("🍕".to_owned(), 8, false, two)], "taken back is not counted");
    // A conversation in the list has its last message so.
    let Ok(Found::Conversations { conversations, .. }) =
        find(&Ask::Conversation(all), &user("u1"), &house.book)
    else {
        panic!("a conversation")
    };
    assert_eq!(conversations[0].last.reactions.edition, 12);
    assert_eq!(conversations[0].last.reactions.counts[0].count, 8);
}

/// One row fits an answer always, whatever it holds.
// DM-RCT-6
#[test]
fn beside_a_very_large_message_none_are_told() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let page = usize::try_from(limits::PAGE_BYTES).unwrap();
    for (len, told) in [(page, 1), (page + 1, 0)] {
        let id = sends(&mut house, a, to("b"), &"x".repeat(len));
        assert_eq!(said(&asks(&mut house, b, react(&len.to_string(), id, "👍", true))), Ok((1, 1)));
        assert_eq!(counts(&house, "a", &to("b")).len(), told);
    }
}

/// A page has as many reactions as an answer may, and goes on with the next.
// DM-RCT-6
#[test]
fn a_page_ends_where_there_are_too_many() {
    let mut house = House::new();
    let conns: Vec<ConnId> =
        (0..4).map(|number| house.open(Caps::FULL, &device(&format!("u{number}"), "1"))).collect();
    for conn in &conns {
        joins(&mut house, *conn);
    }
    let all = Address::Group(team());
    for number in 0..12 {
        let id = sends(&mut house, conns[0], all.clone(), "x");
        for (at, conn) in conns.iter().enumerate() {
            for with in 0..limits::REACTIONS_PER_USER {
                let with = format!(":{at}.{with}:");
                asks(&mut house, *conn, react(&format!("{number}{with}"), id, &with, true));
            }
        }
    }
    let told: Vec<usize> = history(&house, "u1", &all).iter().map(|it| it.reactions.counts.len()).collect();
    assert_eq!(told.iter().sum::<usize>(), 7 * limits::REACTION_KINDS, "with the bodies no more than 256");
}

// DM-RCT-4
#[test]
fn there_is_room_for_so_many() {
    let mut house = House::new();
    let conns: Vec<ConnId> =
        (0..5).map(|number| house.open(Caps::FULL, &device(&format!("u{number}"), "1"))).collect();
    for conn in &conns {
        joins(&mut house, *conn);
    }
    let id = sends(&mut house, conns[0], Address::Group(team()), "go");
    let mut number = 0;
    for conn in &conns[..4] {
        for _ in 0..limits::REACTIONS_PER_USER {
            let with = format!(":e{number}:");
            number += 1;
            assert!(said(&asks(&mut house, *conn, react(&with, id, &with, true))).is_ok());
        }
        assert_eq!(said(&asks(&mut house, *conn, react("more", id, "more", true))), Err(Reject::Full));
    }
    assert_eq!(number, limits::REACTION_KINDS);
    // No new one, but those that are there.
    assert_eq!(said(&asks(&mut house, conns[4], react("new", id, "new", true))), Err(Reject::Full));
    assert_eq!(said(&asks(&mut house, conns[4], react("old", id, ":e0:", true))), Ok((33, 2)));
    assert!(said(&asks(&mut house, conns[3], react("off", id, ":e31:", false))).is_ok());
    assert_eq!(
        said(&asks(&mut house, conns[4], react("new", id, "new", true))),
        Ok((35, 1)),
        "there is room again"
    );
}

// DM-RCT-5
#[test]
fn nothing_is_left_of_them_when_the_message_is_taken_back() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let id = sends(&mut house, a, to("b"), "secret");
    asks(&mut house, b, react("r1", id, ":shy:", true));
    assert_eq!(counts(&house, "a", &to("b")).len(), 1);
    deletes(&mut house, a, "d", id);
    for (who, of) in [("a", "b"), ("b", "a")] {
        assert_eq!(counts(&house, who, &to(of)), []);
    }
    for on in [true, false] {
        let name = format!("late{on}");
        assert_eq!(said(&asks(&mut house, b, react(&name, id, ":shy:", on))), Err(Reject::Deleted));
    }
    // Who did not have it yet is told the deletion in its place, and in the place of the reaction.
    let late = house.open(Caps::FULL, &device("b", "2"));
    let heard = house.heard(late);
    assert_eq!(rows(&heard), [1, 2, 3].map(Offset));
    assert!(!format!("{heard:?}").contains("secret") && !format!("{heard:?}").contains("shy"), "{heard:?}");
    let deletions = heard.iter().filter(|packet| match packet {
        ServerPacket::Deliver(row) => matches!(&*row.entry, Entry::Revised(it) if it.is_deletion()),
        _ => false,
    });
    assert_eq!(deletions.count(), 3);
}

// DM-RCT-1, DM-RCT-2, DM-RCT-6
#[test]
fn in_a_group_those_react_and_hear_of_it_who_have_the_message_and_are_still_there() {
    let mut house = House::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    for conn in [a, b, c] {
        joins(&mut house, conn);
    }
    let all = Address::Group(team());
    let id = sends(&mut house, a, all.clone(), "all");
    let late = house.open(Caps::FULL, &device("d", "1"));
    joins(&mut house, late);
    house.says(c, ClientPacket::Leave(team()));
    for conn in [a, b, c, late] {
        house.heard(conn);
    }
    let answers = [(late, Reject::NoSuchMessage), (c, Reject::NotMember)];
    for (conn, reason) in answers {
        assert_eq!(said(&asks(&mut house, conn, react("r", id, "👍", true))), Err(reason));
    }
    assert_eq!(said(&asks(&mut house, b, react("r", id, "👍", true))), Ok((1, 1)));
    assert_eq!(reactions(&house.heard(a)).len(), 1);
    for conn in [late, c] {
        assert_eq!(reactions(&house.heard(conn)), []);
    }
    assert_eq!(counts(&house, "c", &all), [], "what is said after one left is not for one");
    assert_eq!(counts(&house, "a", &all).len(), 1);
    // A repeat is answered also to who left, and so is the author who left refused.
    house.says(b, ClientPacket::Leave(team()));
    house.says(a, ClientPacket::Leave(team()));
    for conn in [a, b] {
        house.heard(conn);
    }
    assert_eq!(said(&asks(&mut house, b, react("r", id, "👍", true))), Ok((1, 1)));
    assert_eq!(said(&asks(&mut house, a, react("r", id, "👍", true))), Err(Reject::NotMember));
    assert_eq!(counts(&house, "a", &all), []);
}

// DM-RCT-1
#[test]
fn who_may_not_post_may_react() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let act = GroupAct::Create {
        profile: Default::default(),
        open: true,
        post: MayPost::Admins,
        members: vec![user("b")],
    };
    let client_ref = ClientRef::new("g").unwrap();
    house.says(a, ClientPacket::Group(GroupCommand { client_ref, group: team(), act }));
    house.heard(a);
    let id = sends(&mut house, a, Address::Group(team()), "news");
    assert_eq!(said(&asks(&mut house, b, react("r", id, "👍", true))), Ok((1, 1)));
}

/// A group that has a feed: the reaction has its place there, and comes where it is read.
// DM-RCT-2, DM-FEED-1
#[test]
fn in_a_large_group_they_come_by_the_feed() {
    let mut config = bimip_session::server::Config::default();
    config.row_members = 1;
    let mut house = House::with(config);
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    for conn in [a, b] {
        joins(&mut house, conn);
    }
    let id = sends(&mut house, a, Address::Group(team()), "all");
    house.heard(b);
    let answer = asks(&mut house, b, react("r", id, "👍", true));
    let client_ref = ClientRef::new("r").unwrap();
    assert_eq!(answer, Noted::Reacted { client_ref, edition: 1, count: 1, offset: Offset::ZERO });
    let late = house.open(Caps::FULL, &device("c", "1"));
    joins(&mut house, late);
    assert_eq!(said(&asks(&mut house, b, react("s", id, "👎", true))), Ok((2, 1)));
    let told = [row(1, "b", "👍", true, 1), row(2, "b", "👎", true, 1)];
    assert_eq!(reactions(&house.heard(a)), told);
    assert_eq!(reactions(&house.heard(late)), [], "who came later knows nothing of it");
    // A device that comes later finds them in its mailbox, and after a deletion does not.
    let tablet = house.open(Caps::FULL, &device("a", "2"));
    assert_eq!(reactions(&house.heard(tablet)), told);
    house.input(bimip_session::server::Input::Closed(b));
    asks(&mut house, a, react("t", id, ":shy:", true));
    deletes(&mut house, a, "d", id);
    let back = house.open(Caps::FULL, &device("b", "1"));
    let heard = house.heard(back);
    assert!(!format!("{heard:?}").contains("shy"), "{heard:?}");
}

// DM-RCT-7
#[test]
fn who_has_no_words_for_it_is_not_told_and_not_held_up() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let walkie = house.open(Caps::WALKIE, &device("b", "voiceping"));
    let id = sends(&mut house, a, to("b"), "hello");
    asks(&mut house, a, react("r", id, "👍", true));
    sends(&mut house, a, to("b"), "next");
    let heard = house.heard(walkie);
    assert_eq!((rows(&heard).len(), reactions(&heard)), (2, Vec::new()));
    let upto = house.barriers.last().unwrap().1;
    house.input(bimip_session::server::Input::Barrier(walkie, upto));
    house.wait(50);
    let Ok(cursor) = house.book.cursor(&device("b", "voiceping"));
    assert!(cursor >= Offset(1), "the rows before it are through");
    const { assert!(!Caps::DEPLOYED.reactions) };
}

#[test]
fn a_reaction_is_a_row_like_any_other_and_makes_no_receipt() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let id = sends(&mut house, a, to("b"), "hello");
    asks(&mut house, b, react("r", id, "👍", true));
    let row = house.heard(a).into_iter().find_map(|packet| match packet {
        ServerPacket::Deliver(Row { prev, offset, entry }) => match &*entry {
            Entry::Reacted(it) => Some((prev, offset, it.clone())),
            _ => None,
        },
        _ => None,
    });
    let (prev, offset, it) = row.unwrap();
    assert_eq!((prev, offset, it.message.id, it.seq.0), (Offset::ZERO, Offset(2), id, 1));
    assert_eq!((it.conversation, it.by), (ConversationId::direct(user("a"), user("b")), device("b", "1")));
    house.says(a, ClientPacket::Dispose(Offset(2)));
    house.heard(a);
    assert_eq!(rows(&house.heard(b)), [Offset(1)], "the message, and nothing that says it was delivered");
}

// ---- a client's session ----------------------------------------------------------------------------------

fn session(resume: Resume) -> ClientSession {
    ClientSession::new(Config::new(device("a", "1")), resume, Now::default())
}

fn polled(session: &mut ClientSession) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

/// Dials and is welcomed; what it says then.
fn up(session: &mut ClientSession) -> Vec<ClientPacket> {
    session.handle_timeout(Now::default());
    session.handle_input(Now::default(), Input::Connected);
    let mut house = House::new();
    let conn = house.open(Caps::FULL, &device("a", "1"));
    for packet in house.heard(conn) {
        session.handle_input(Now::default(), Input::Packet(packet));
    }
    let said = polled(session).into_iter().filter_map(|output| match output {
        Output::Transmit(packet) => Some(packet),
        _ => None,
    });
    said.filter(|packet| !matches!(packet, ClientPacket::SignIn { .. })).collect()
}

fn told(session: &mut ClientSession, noted: Noted) -> Vec<Output> {
    session.handle_input(Now::default(), Input::Packet(ServerPacket::Noted(noted)));
    polled(session)
}

// CL-OUT-5
#[test]
fn a_client_says_its_reactions_in_order_until_they_are_answered() {
    let [first, other, second] = [
        react("r1", MessageId::new(7, 1), "👍", true),
        react("o", MessageId::new(7, 2), "👍", true),
        react("r2", MessageId::new(7, 1), "👍", false),
    ];
    let mut session = session(Resume { reactions: vec![first.clone()], ..Resume::default() });
    for react in [&other, &second, &second] {
        session.react(Now::default(), react.clone()).unwrap();
    }
    let [one, two, three] = [&first, &other, &second].map(|it| ClientPacket::React(it.clone()));
    assert_eq!(up(&mut session), [one.clone(), two], "those of one message one by one");
    assert_eq!(session.unreacted().count(), 3);
    let busy = |retry_after_ms| Noted::Unreacted {
        client_ref: first.client_ref.clone(),
        reason: Reject::Busy,
        retry_after_ms,
    };
    assert_eq!(told(&mut session, busy(Some(1_000))), []);
    session.handle_timeout(Now { mono_ms: 1_000, unix_ms: 0 });
    assert_eq!(polled(&mut session), [Output::Transmit(one)]);
    let answer = |name: &str| Noted::Reacted {
        client_ref: ClientRef::new(name).unwrap(),
        edition: 3,
        count: 2,
        offset: Offset(4),
    };
    let event = Event::Reacted { react: first, edition: 3, count: 2, offset: Offset(4) };
    assert_eq!(told(&mut session, answer("r1")), [Output::Event(event), Output::Transmit(three.clone())]);
    assert_eq!(told(&mut session, answer("r1")), [], "once");
    // After a cut what is not answered is said again.
    session.handle_input(Now::default(), Input::Disconnected);
    polled(&mut session);
    session.handle_timeout(Now { mono_ms: 60_000, unix_ms: 0 });
    assert_eq!(up(&mut session), [ClientPacket::React(other.clone()), three]);
    // A server that could not read it knows only its name; a codec that has no words for it knows it whole.
    let rejected = ServerPacket::Rejected {
        client_ref: Some(second.client_ref.clone()),
        to: None,
        reason: Reject::Field("emoji"),
        retry_after_ms: None,
    };
    session.handle_input(Now::default(), Input::Packet(rejected));
    let refused = |react, reason| Output::Event(Event::ReactionRefused { react, reason });
    assert_eq!(polled(&mut session), [refused(second, Reject::Field("emoji"))]);
    session.handle_input(
        Now::default(),
        Input::Unwritable(Box::new(ClientPacket::React(other.clone())), Reject::Unsupported),
    );
    assert_eq!(polled(&mut session), [refused(other, Reject::Unsupported)]);
    assert!(session.is_settled());
}

// CL-OUT-2
#[test]
fn reactions_that_wait_are_bounded() {
    let mut config = Config::new(device("a", "1"));
    config.unnoted_marks = 1;
    let mut session = ClientSession::new(config, Resume::default(), Now::default());
    let all = ["r1", "r2"].map(|name| react(name, MessageId::new(7, 1), "👍", true));
    session.react(Now::default(), all[0].clone()).unwrap();
    assert_eq!(session.react(Now::default(), all[1].clone()), Err(Full(all[1].clone())));
    session.react(Now::default(), all[0].clone()).unwrap();
    assert!(!session.is_settled());
}

// ---- what an app shows -----------------------------------------------------------------------------------

fn shown(view: &Timeline) -> Vec<(String, u32, bool)> {
    let last = view.iter().last().unwrap();
    last.reactions.iter().map(|it| (it.emoji.to_string(), it.count, it.mine)).collect()
}

/// Rows, own answers and pages come to the same, in whatever order.
// DM-RCT-6
#[test]
fn a_view_shows_them_in_whatever_order_they_come() {
    let mut house = House::new();
    let a = house.open(Caps::FULL, &device("a", "1"));
    let [b, other] = ["1", "2"].map(|name| house.open(Caps::FULL, &device("b", name)));
    let id = sends(&mut house, a, to("b"), "hello");
    let mut events = Vec::new();
    let asked = |house: &mut House, name: &str, with: &str, on: bool| {
        let react = react(name, id, with, on);
        let Noted::Reacted { edition, count, offset, .. } = asks(house, b, react.clone()) else {
            panic!("done")
        };
        Event::Reacted { react, edition, count, offset }
    };
    events.push(asked(&mut house, "1", "👍", true));
    asks(&mut house, a, react("1", id, "👍", true));
    let page = history(&house, "b", &to("a"));
    events.push(asked(&mut house, "2", "🎉", true));
    asks(&mut house, a, react("2", id, "👎", true));
    asks(&mut house, other, react("1", id, "👍", false));
    asks(&mut house, a, react("3", id, "👎", false));
    let heard = house.heard(b);
    let rows = heard.iter().filter_map(|packet| match packet {
        ServerPacket::Deliver(row) => Some(Event::Received(row.clone())),
        _ => None,
    });
    events.extend(rows);
    let truth = [("🎉".to_owned(), 1, true), ("👍".to_owned(), 1, false)];
    for (turn, paged) in (0..events.len()).flat_map(|turn| [(turn, true), (turn, false)]) {
        let mut view =
            Timeline::new(device("b", "1"), ConversationId::direct(user("a"), user("b")), Bounds::default());
        let request = view.wants().unwrap();
        events.rotate_left(turn);
        for event in &events {
            view.on_event(event);
        }
        if paged {
            // Of the time before most of it.
            let found = Found::History { messages: page.clone(), more: false };
            let _ = view.answer(&request, found);
        }
        assert_eq!(shown(&view), truth, "turned by {turn}, {paged}");
    }
    // What is deleted has none, whatever comes after it.
    deletes(&mut house, a, "d", id);
    let mut view =
        Timeline::new(device("b", "1"), ConversationId::direct(user("a"), user("b")), Bounds::default());
    let deletion = house.heard(b).into_iter().find_map(|packet| match packet {
        ServerPacket::Deliver(row) => Some(Event::Received(row)),
        _ => None,
    });
    view.on_event(&deletion.unwrap());
    for event in &events {
        view.on_event(event);
    }
    assert_eq!(shown(&view), []);
}

/// Somebody reacts to a message whose acknowledgement was lost: the reaction is there before the draft is answered.
// DM-RCT-6
#[test]
fn a_view_keeps_a_reaction_to_what_it_is_still_sending() {
    let mut house = House::new();
    let [a, b] = ["a", "b"].map(|name| house.open(Caps::FULL, &device(name, "1")));
    let draft = draft("c-1", "b", "hello");
    let mut view =
        Timeline::new(device("a", "1"), ConversationId::direct(user("a"), user("b")), Bounds::default());
    view.sending(Now::default(), &draft).unwrap();
    house.says(a, ClientPacket::Send(draft));
    let accepted = house.heard(a).into_iter().find_map(|packet| match packet {
        ServerPacket::Accepted { client_ref, head, offset } => Some(Event::Sent { client_ref, head, offset }),
        _ => None,
    });
    let Some(Event::Sent { head, .. }) = &accepted else { panic!("an answer") };
    asks(&mut house, b, react("r", head.id, "👍", true));
    for packet in house.heard(a) {
        if let ServerPacket::Deliver(row) = packet {
            view.on_event(&Event::Received(row));
        }
    }
    assert_eq!(shown(&view), [], "it has no name yet");
    view.on_event(&accepted.unwrap());
    assert_eq!(shown(&view), [("👍".to_owned(), 1, false)]);
}
