//! Pages of history, the list of conversations and what is unread: who sees what, and in which order it is answered.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use bimip_proto::{
    Address, Ask, Body, Caps, ClientPacket, ClientRef, CloseReason, ConversationState, Draft, Form, Found,
    GroupId, HistoryMessage, HistoryPlace, MessageId, MessageRef, PageFrom, Query, Reject, Revise, Seq,
    ServerPacket, Status, limits,
};
use bimip_session::ledger::{View, find};
use bimip_session::server::{ConnId, Input};

use harness::{House, device, user};

fn to(name: &str) -> Address {
    Address::User(user(name))
}

fn team() -> GroupId {
    GroupId::new("team").unwrap()
}

fn sends(house: &mut House, conn: ConnId, to: &Address, text: &str) -> MessageId {
    let body = Body { form: Form::Opaque, ..Body::text(text) };
    house.says(conn, ClientPacket::Send(Draft { client_ref: None, to: to.clone(), client_time: None, body }));
    let accepted = house.heard(conn).into_iter().find_map(|packet| match packet {
        ServerPacket::Accepted { head, .. } => Some(head.id),
        _ => None,
    });
    accepted.unwrap()
}

fn marks(house: &mut House, conn: ConnId, id: MessageId) {
    house.says(conn, ClientPacket::Mark { message: MessageRef::Id(id), status: Status::Read });
}

fn revises(house: &mut House, conn: ConnId, name: &str, id: MessageId, text: Option<&str>) {
    let revise = Revise {
        client_ref: ClientRef::new(name).unwrap(),
        message: MessageRef::Id(id),
        body: text.map(Body::text),
    };
    house.says(conn, ClientPacket::Revise(revise));
}

fn query(name: &str, ask: Ask) -> Query {
    Query { id: ClientRef::new(name).unwrap(), ask }
}

fn history(of: &Address, from: PageFrom<HistoryPlace>, limit: u32) -> Ask {
    Ask::History { of: of.clone(), from, limit }
}

/// What a user finds, without a connection.
fn finds(
    house: &House,
    name: &str,
    of: &Address,
    from: PageFrom<HistoryPlace>,
    limit: u32,
) -> (Vec<HistoryMessage>, bool) {
    match find(&history(of, from, limit), &user(name), &house.book) {
        Ok(Found::History { messages, more }) => (messages, more),
        other => panic!("{other:?}"),
    }
}

fn seqs(page: &(Vec<HistoryMessage>, bool)) -> Vec<u64> {
    page.0.iter().map(|it| it.message.head.seq.0).collect()
}

fn lists(house: &House, name: &str, from: PageFrom<MessageId>, limit: u32) -> (Vec<ConversationState>, bool) {
    match find(&Ask::Conversations { from, limit }, &user(name), &house.book) {
        Ok(Found::Conversations { conversations, more }) => (conversations, more),
        other => panic!("{other:?}"),
    }
}

fn state(house: &House, name: &str, of: &Address) -> Option<ConversationState> {
    match find(&Ask::Conversation(of.clone()), &user(name), &house.book) {
        Ok(Found::Conversations { mut conversations, more: false }) => conversations.pop(),
        other => panic!("{other:?}"),
    }
}

fn unread(house: &House, name: &str, of: &Address) -> u64 {
    state(house, name, of).unwrap().unread
}

/// Ann writes to Bob this often.
fn told(count: usize) -> (House, ConnId, ConnId) {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    for number in 1..=count {
        sends(&mut house, ann, &to("bob"), &number.to_string());
    }
    (house, ann, bob)
}

// DM-HIS-1, DM-HIS-2
// MISSION A1
#[test]
fn pages_go_both_ways_from_a_place() {
    let (house, ..) = told(10);
    for (name, of) in [("ann", to("bob")), ("bob", to("ann"))] {
        let page = |from, limit| finds(&house, name, &of, from, limit);
        let latest = page(PageFrom::Latest, 3);
        assert_eq!((seqs(&latest), latest.1), (vec![8, 9, 10], true));
        let before = page(PageFrom::Before(Seq(8).into()), 7);
        assert_eq!((seqs(&before), before.1), (vec![1, 2, 3, 4, 5, 6, 7], false));
        let after = page(PageFrom::After(Seq(2).into()), 3);
        assert_eq!((seqs(&after), after.1), (vec![3, 4, 5], true));
        let rest = page(PageFrom::After(Seq(5).into()), 5);
        assert_eq!((seqs(&rest), rest.1), (vec![6, 7, 8, 9, 10], false));
        for nothing in [
            PageFrom::After(Seq(10).into()),
            PageFrom::After(Seq(u64::MAX).into()),
            PageFrom::Before(Seq(1).into()),
            PageFrom::Before(Seq(0).into()),
        ] {
            assert_eq!(page(nothing, 3), (Vec::new(), false), "{nothing:?}");
        }
        assert_eq!(seqs(&page(PageFrom::Before(Seq(99).into()), 2)), [9, 10]);
    }
}

// DM-HIS-10
// MISSION A1
#[test]
fn the_id_of_a_message_is_as_good_as_its_place() {
    let (mut house, ann, bob) = told(1);
    let mut ids = vec![MessageId::NONE];
    for number in 0..6 {
        // Other conversations are stored between.
        let with = if number % 2 == 0 { "bob" } else { "cid" };
        ids.push(sends(&mut house, ann, &to(with), "x"));
    }
    revises(&mut house, ann, "gone", ids[3], None);
    sends(&mut house, bob, &to("ann"), "y");
    let page = |from: PageFrom<HistoryPlace>| {
        let page = finds(&house, "bob", &to("ann"), from, 2);
        (seqs(&page), page.1)
    };
    // What is Bob's of these: the place itself, or the one that it comes before.
    for (at, seq, theirs) in
        [(1, 2, true), (2, 3, false), (3, 3, true), (4, 4, false), (5, 4, true), (6, 5, false)]
    {
        let (id, seq) = (HistoryPlace::Id(ids[at]), Seq(seq));
        assert_eq!(page(PageFrom::Before(id)), page(PageFrom::Before(seq.into())), "before {at}");
        let last = if theirs { seq } else { Seq(seq.0 - 1) };
        assert_eq!(page(PageFrom::After(id)), page(PageFrom::After(last.into())), "after {at}");
    }
    for id in [MessageId::NONE, MessageId::new(8, ids[3].sequence())] {
        assert_eq!(page(PageFrom::Before(id.into())), (vec![], false), "in another store all is after it");
        assert_eq!(page(PageFrom::After(id.into())), (vec![1, 2], true));
    }
    let beyond = HistoryPlace::Id(MessageId::new(7, u64::MAX));
    assert_eq!(page(PageFrom::Before(beyond)), (vec![4, 5], true));
    assert_eq!(page(PageFrom::After(beyond)), (vec![], false));
}

// DM-HIS-5, DM-HIS-10
#[test]
fn an_id_that_is_not_theirs_tells_a_member_nothing() {
    let house = a_team();
    let group = Address::Group(team());
    let all = finds(&house, "ann", &group, PageFrom::Latest, 0).0;
    let sees = |from: PageFrom<HistoryPlace>| seqs(&finds(&house, "bob", &group, from, 9));
    // Bob sees 3, 4 and 6.
    for (id, before, after) in [
        (1, &[][..], &[3, 4, 6][..]),
        (2, &[], &[3, 4, 6]),
        (3, &[], &[4, 6]),
        (4, &[3], &[6]),
        (5, &[3, 4], &[6]),
        (6, &[3, 4], &[]),
    ] {
        let place = HistoryPlace::Id(all[id - 1].message.head.id);
        assert_eq!(sees(PageFrom::Before(place)), before, "before {id}");
        assert_eq!(sees(PageFrom::After(place)), after, "after {id}");
        assert_eq!(finds(&house, "eve", &group, PageFrom::After(place), 9), (Vec::new(), false));
    }
}

// DM-HIS-2
#[test]
fn pages_meet_without_gap_or_repeat_while_messages_come() {
    let (mut house, ann, _) = told(20);
    let mut seen = Vec::new();
    let mut from = PageFrom::Latest;
    loop {
        let page = finds(&house, "bob", &to("ann"), from, 6);
        seen.splice(0..0, seqs(&page));
        sends(&mut house, ann, &to("bob"), "meanwhile");
        if !page.1 {
            break;
        }
        from = PageFrom::Before(Seq(seen[0]).into());
    }
    assert_eq!(seen, (1..=20).collect::<Vec<_>>());
    while let page = finds(&house, "bob", &to("ann"), PageFrom::After(Seq(*seen.last().unwrap()).into()), 3)
        && !page.0.is_empty()
    {
        seen.extend(seqs(&page));
    }
    assert_eq!(seen, (1..=24).collect::<Vec<_>>());
}

// DM-HIS-3
#[test]
fn a_page_is_bounded_by_rows_and_bytes_and_has_one_row_always() {
    let (mut house, ann, _) = told(usize::try_from(limits::PAGE_ROWS).unwrap() + 5);
    for limit in [0, limits::PAGE_ROWS, limits::PAGE_ROWS + 1, u32::MAX] {
        let page = finds(&house, "bob", &to("ann"), PageFrom::Latest, limit);
        assert_eq!((page.0.len(), page.1), (100, true));
    }
    let half = "x".repeat(usize::try_from(limits::PAGE_BYTES).unwrap() / 2);
    for text in [&half, &half, &"x".repeat(limits::BODY_BYTES), &half] {
        sends(&mut house, ann, &to("bob"), text);
    }
    let back = |seq| {
        let page = finds(&house, "bob", &to("ann"), PageFrom::Before(Seq(seq).into()), 9);
        (seqs(&page), page.1)
    };
    assert_eq!(back(110), (vec![109], true), "the one before it is too large beside it");
    assert_eq!(back(109), (vec![108], true), "it always fits alone");
    assert_eq!(back(108), (vec![106, 107], true));
    let after = finds(&house, "bob", &to("ann"), PageFrom::After(Seq(105).into()), 9);
    assert_eq!((seqs(&after), after.1), (vec![106, 107], true));
}

// DM-HIS-4
// MISSION A1
#[test]
fn messages_are_as_they_are_now() {
    let (mut house, ann, bob) = told(1);
    let second = sends(&mut house, ann, &to("bob"), "to be edited");
    let third = sends(&mut house, ann, &to("bob"), "to be deleted");
    revises(&mut house, ann, "e1", second, Some("edited"));
    revises(&mut house, ann, "e2", second, Some("edited again"));
    revises(&mut house, ann, "e3", third, None);
    marks(&mut house, bob, second);
    for (name, of) in [("ann", to("bob")), ("bob", to("ann"))] {
        let (page, _) = finds(&house, name, &of, PageFrom::Latest, 9);
        let told: Vec<_> = page.iter().map(|it| (&*it.message.body.bytes, it.edition, it.deleted)).collect();
        assert_eq!(told, [(&b"1"[..], 0, false), (b"edited again", 2, false), (b"", 1, true)]);
        let read: Vec<_> = page.iter().map(|it| it.marks.has(Status::Read)).collect();
        assert_eq!(read, [false, true, false], "what Bob said, to both");
        assert_eq!(page[2].message.head.id, third, "a deleted one keeps its place");
    }
}

/// The team has Ann all the time, Bob for messages 3 and 4 and from 6 on, and never Eve.
fn a_team() -> House {
    let mut house = House::new();
    let ann = house.open(Caps::FULL, &device("ann", "phone"));
    let bob = house.open(Caps::FULL, &device("bob", "phone"));
    house.says(ann, ClientPacket::Join(team()));
    let says = |house: &mut House| {
        sends(house, ann, &Address::Group(team()), "x");
    };
    says(&mut house);
    says(&mut house);
    house.says(bob, ClientPacket::Join(team()));
    says(&mut house);
    says(&mut house);
    house.says(bob, ClientPacket::Leave(team()));
    says(&mut house);
    house.says(bob, ClientPacket::Join(team()));
    says(&mut house);
    house
}

// DM-HIS-5
// MISSION A1
#[test]
fn a_member_sees_what_was_said_while_they_were_there() {
    let mut house = a_team();
    let group = Address::Group(team());
    assert_eq!(seqs(&finds(&house, "ann", &group, PageFrom::Latest, 0)), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seqs(&finds(&house, "bob", &group, PageFrom::Latest, 0)), [3, 4, 6]);
    let before = finds(&house, "bob", &group, PageFrom::Before(Seq(6).into()), 1);
    assert_eq!((seqs(&before), before.1), (vec![4], true));
    let first = finds(&house, "bob", &group, PageFrom::Before(Seq(4).into()), 1);
    assert_eq!((seqs(&first), first.1), (vec![3], false), "what was before is not hinted at");
    let bob = house.open(Caps::FULL, &device("bob", "tablet"));
    house.says(bob, ClientPacket::Leave(team()));
    assert_eq!(seqs(&finds(&house, "bob", &group, PageFrom::Latest, 0)), [3, 4, 6], "it stays theirs");
    assert_eq!(lists(&house, "bob", PageFrom::Latest, 0).0, [], "but the list has where they are");
    assert_eq!(state(&house, "bob", &group).unwrap().messages, 3);
}

// DM-HIS-4, DM-HIS-5, DM-REV-2
#[test]
fn who_left_is_told_no_edit_but_of_what_they_wrote() {
    let mut house = House::new();
    let (ann, bob) =
        (house.open(Caps::FULL, &device("ann", "phone")), house.open(Caps::FULL, &device("bob", "phone")));
    let group = Address::Group(team());
    for conn in [ann, bob] {
        house.says(conn, ClientPacket::Join(team()));
    }
    let first = sends(&mut house, ann, &group, "first");
    let own = sends(&mut house, bob, &group, "Bob's own");
    let second = sends(&mut house, ann, &group, "second");
    revises(&mut house, bob, "b1", own, Some("Bob's edit"));
    let told = |house: &House, name: &str| -> Vec<(String, u32, bool)> {
        let (page, _) = finds(house, name, &group, PageFrom::Latest, 9);
        let text = |it: &HistoryMessage| String::from_utf8(it.message.body.bytes.to_vec()).unwrap();
        page.iter().map(|it| (text(it), it.edition, it.deleted)).collect()
    };
    let was = |text: &str, edition| (text.to_owned(), edition, false);
    house.says(bob, ClientPacket::Leave(team()));
    revises(&mut house, ann, "e1", first, Some("not for Bob"));
    revises(&mut house, ann, "e2", second, Some("nor this"));
    let left = [was("first", 0), was("Bob's edit", 1), was("second", 0)];
    assert_eq!(told(&house, "bob"), left);
    let last = state(&house, "bob", &group).unwrap().last;
    assert_eq!((&*last.message.body.bytes, last.edition), (&b"second"[..], 0), "nor as the last message");
    assert_eq!(told(&house, "ann"), [was("not for Bob", 1), was("Bob's edit", 1), was("nor this", 1)]);
    // Coming back begins another stay.
    sends(&mut house, ann, &group, "unseen");
    house.says(bob, ClientPacket::Join(team()));
    let third = sends(&mut house, ann, &group, "third");
    revises(&mut house, ann, "e3", third, Some("for Bob"));
    assert_eq!(told(&house, "bob")[..3], left);
    assert_eq!(told(&house, "bob")[3..], [was("for Bob", 1)]);
    // What is taken back is taken back from everybody.
    revises(&mut house, ann, "e4", first, None);
    assert_eq!(told(&house, "bob")[0], (String::new(), 2, true));
}

// DM-HIS-5
#[test]
fn a_stranger_and_nobody_are_answered_alike() {
    let house = a_team();
    let nothing = Found::History { messages: Vec::new(), more: false };
    let nowhere =
        [Address::Group(team()), Address::Group(GroupId::new("none").unwrap()), to("ann"), to("nobody")];
    for of in nowhere {
        for from in [PageFrom::Latest, PageFrom::Before(Seq(4).into()), PageFrom::After(Seq(1).into())] {
            assert_eq!(find(&history(&of, from, 9), &user("eve"), &house.book), Ok(nothing.clone()));
        }
        assert_eq!(state(&house, "eve", &of), None);
    }
    assert_eq!(lists(&house, "eve", PageFrom::Latest, 9), (Vec::new(), false));
}

// DM-HIS-6
// MISSION M6
#[test]
fn the_list_has_the_newest_first_and_its_pages_hold_while_it_moves() {
    let (mut house, ann, bob) = told(1);
    for other in ["cid", "dan", "eve", "ann"] {
        sends(&mut house, ann, &to(other), "hello");
    }
    house.says(ann, ClientPacket::Join(team()));
    sends(&mut house, ann, &Address::Group(team()), "hello");
    let names = |page: &(Vec<ConversationState>, bool)| -> Vec<String> {
        page.0.iter().map(|it| it.conversation().to_string()).collect()
    };
    let first = lists(&house, "ann", PageFrom::Latest, 2);
    assert_eq!((names(&first), first.1), (vec!["g:team".to_owned(), "d:ann:ann".into()], true));
    // Bob was further down, and answers; he moves to the top, of which the events tell.
    sends(&mut house, bob, &to("ann"), "hi");
    let cursor = first.0.last().unwrap().last.message.head.id;
    let second = lists(&house, "ann", PageFrom::Before(cursor), 2);
    assert_eq!((names(&second), second.1), (vec!["d:ann:eve".to_owned(), "d:ann:dan".into()], true));
    let cursor = second.0.last().unwrap().last.message.head.id;
    let third = lists(&house, "ann", PageFrom::Before(cursor), 2);
    assert_eq!((names(&third), third.1), (vec!["d:ann:cid".to_owned()], false));
    assert_eq!(names(&lists(&house, "ann", PageFrom::Latest, 1)), ["d:ann:bob"]);
    let newer = lists(&house, "ann", PageFrom::After(cursor), 2);
    assert_eq!((names(&newer), newer.1), (vec!["d:ann:ann".to_owned(), "d:ann:eve".into()], true));
    let cursor = newer.0[0].last.message.head.id;
    let newest = lists(&house, "ann", PageFrom::After(cursor), 2);
    assert_eq!((names(&newest), newest.1), (vec!["d:ann:bob".to_owned(), "g:team".into()], false));
    let elsewhere = MessageId::new(8, cursor.sequence());
    assert_eq!(lists(&house, "ann", PageFrom::Before(elsewhere), 2), (Vec::new(), false), "of another store");
}

// DM-HIS-7, DM-UNREAD-1, DM-UNREAD-2
// MISSION M6
#[test]
fn unread_is_what_others_wrote_after_what_one_read_or_wrote() {
    let (mut house, ann, bob) = told(3);
    assert_eq!((unread(&house, "bob", &to("ann")), unread(&house, "ann", &to("bob"))), (3, 0));
    let fourth = sends(&mut house, ann, &to("bob"), "four");
    let fifth = sends(&mut house, ann, &to("bob"), "five");
    let sixth = sends(&mut house, ann, &to("bob"), "six");
    marks(&mut house, bob, fourth);
    assert_eq!(unread(&house, "bob", &to("ann")), 2, "reading one reads all before it");
    revises(&mut house, ann, "gone", sixth, None);
    let it = state(&house, "bob", &to("ann")).unwrap();
    assert_eq!((it.unread, it.deleted), (1, vec![Seq(6)]));
    revises(&mut house, ann, "gone too", fourth, None);
    assert_eq!(unread(&house, "bob", &to("ann")), 1, "what is read does not count twice");
    sends(&mut house, bob, &to("ann"), "answer");
    assert_eq!((unread(&house, "bob", &to("ann")), unread(&house, "ann", &to("bob"))), (0, 1));
    marks(&mut house, bob, fifth);
    let it = state(&house, "bob", &to("ann")).unwrap();
    assert_eq!((it.read, it.unread, it.messages, it.exact), (Seq(7), 0, 7, true), "a mark never goes back");
}

// DM-UNREAD-3
#[test]
fn coming_into_a_group_reads_what_was_before() {
    let house = a_team();
    let group = Address::Group(team());
    let it = state(&house, "bob", &group).unwrap();
    assert_eq!((it.read, it.unread, it.messages), (Seq(5), 1, 3));
    assert_eq!(unread(&house, "ann", &group), 0);
}

// DM-HIS-7
#[test]
fn of_many_unread_messages_only_the_last_are_looked_at() {
    let many = limits::UNREAD_MESSAGES as u64;
    let (mut house, ann, _) = told(1);
    let first = sends(&mut house, ann, &to("bob"), "to be deleted");
    revises(&mut house, ann, "gone", first, None);
    for _ in 2..many {
        sends(&mut house, ann, &to("bob"), "x");
    }
    let it = state(&house, "bob", &to("ann")).unwrap();
    assert_eq!((it.unread, it.exact), (many - 1, true));
    sends(&mut house, ann, &to("bob"), "x");
    sends(&mut house, ann, &to("bob"), "x");
    let it = state(&house, "bob", &to("ann")).unwrap();
    assert_eq!((it.unread, it.exact), (many + 2, false), "the deleted one is beyond what is looked at");
}

#[test]
fn the_mark_is_stored_with_what_moves_it() {
    let (house, ..) = told(3);
    let conversation = bimip_proto::ConversationId::direct(user("ann"), user("bob"));
    let read = |name| house.book.read_upto(&conversation, &user(name));
    assert_eq!((read("ann"), read("bob"), read("eve")), (Ok(Seq(3)), Ok(Seq(0)), Ok(Seq(0))));
}

// ---- the core -----------------------------------------------------------------------------------------

fn answers(house: &mut House, conn: ConnId) -> Vec<(String, Result<usize, Reject>)> {
    let answer = |packet| match packet {
        ServerPacket::Answer { id, found: Found::History { messages, .. } } => Some((id, Ok(messages.len()))),
        ServerPacket::Unanswered { id, reason, .. } => Some((id, Err(reason))),
        _ => None,
    };
    house.heard(conn).into_iter().filter_map(answer).map(|(id, it)| (id.as_str().to_owned(), it)).collect()
}

fn asks(house: &mut House, conn: ConnId, name: &str) {
    house.says(conn, ClientPacket::Query(query(name, history(&to("ann"), PageFrom::Latest, 0))));
}

// DM-HIS-8
#[test]
fn answers_come_in_the_order_of_the_questions_and_commit_nothing() {
    let (mut house, _, bob) = told(2);
    let before = house.book.clone();
    house.hold_queries = true;
    for name in ["1", "2", "3"] {
        asks(&mut house, bob, name);
    }
    assert_eq!(house.lookups.len(), 1, "one at a time is asked");
    house.says(bob, ClientPacket::Ping(bimip_proto::Ping::default()));
    assert!(matches!(house.heard(bob)[..], [.., ServerPacket::Pong { .. }]), "nothing else waits for them");
    house.answer_next(true);
    house.answer_next(false);
    house.answer_next(true);
    let told = [("1", Ok(2)), ("2", Err(Reject::Unavailable)), ("3", Ok(2))];
    assert_eq!(answers(&mut house, bob), told.map(|(name, it)| (name.to_owned(), it)));
    assert_eq!(house.book, before);
}

// DM-HIS-8
#[test]
fn one_question_too_many_is_refused_by_name() {
    let (mut house, _, bob) = told(1);
    house.hold_queries = true;
    for number in 0..=limits::QUERIES_IN_FLIGHT {
        asks(&mut house, bob, &number.to_string());
    }
    assert_eq!(answers(&mut house, bob), [(limits::QUERIES_IN_FLIGHT.to_string(), Err(Reject::Busy))]);
    for _ in 0..limits::QUERIES_IN_FLIGHT {
        house.answer_next(true);
    }
    assert_eq!(answers(&mut house, bob).len(), limits::QUERIES_IN_FLIGHT);
    asks(&mut house, bob, "again");
    house.answer_next(true);
    assert_eq!(answers(&mut house, bob), [("again".to_owned(), Ok(1))]);
}

// DM-HIS-8
#[test]
fn an_answer_to_somebody_who_is_gone_goes_nowhere() {
    let (mut house, _, bob) = told(1);
    house.hold_queries = true;
    asks(&mut house, bob, "1");
    asks(&mut house, bob, "2");
    house.input(Input::Closed(bob));
    house.answer_next(true);
    assert!(
        house.lookups.is_empty()
            && house.heard(bob).iter().all(|it| !matches!(it, ServerPacket::Answer { .. }))
    );
}

// DM-HIS-8, DM-ORD-3, DM-SES-8
#[test]
fn what_was_asked_before_a_goodbye_is_answered_first() {
    for drained in [false, true] {
        let (mut house, _, bob) = told(1);
        house.hold_queries = true;
        asks(&mut house, bob, "1");
        asks(&mut house, bob, "2");
        if drained {
            house.input(Input::Drain(CloseReason::GoingAway));
            assert!(!house.core.is_drained());
        } else {
            house.says(bob, ClientPacket::Bye);
        }
        asks(&mut house, bob, "3");
        assert_eq!(answers(&mut house, bob), [("3".to_owned(), Err(Reject::Unavailable))]);
        house.answer_next(true);
        assert!(house.closed.iter().all(|(conn, _)| *conn != bob));
        house.answer_next(true);
        assert_eq!(answers(&mut house, bob).len(), 2);
        assert!(house.closed.iter().any(|(conn, _)| *conn == bob));
        assert_eq!(house.core.is_drained(), drained);
    }
}

// DM-SES-1
#[test]
fn a_question_in_the_name_of_another_is_refused() {
    let (mut house, _, bob) = told(1);
    let packet = ClientPacket::Query(query("1", history(&to("ann"), PageFrom::Latest, 0)));
    let said = bimip_proto::Said { claim: bimip_proto::Claim::Other(user("ann")), origin: 18, packet };
    house.input(Input::Packets(bob, vec![said]));
    assert_eq!(answers(&mut house, bob), [("1".to_owned(), Err(Reject::NotYourself))]);
}
