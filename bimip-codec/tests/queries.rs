//! Route 18 of `bimip.v1`: questions about what is stored, and the largest answers.
#![allow(clippy::unwrap_used, reason = "test code")]

use bimip_codec::scheme::v1::message_scheme::Payload;
use bimip_codec::scheme::v1::{self, MessageScheme};
use bimip_codec::{Codec, DecodeError, Dialect, Frames};
use bimip_proto::{
    Address, Ask, Aware, Awareness, Body, BodyKind, ClientPacket, ClientRef, ConversationState, Device,
    DeviceName, DeviceState, DeviceStatus, Emoji, Form, Found, GroupId, Head, HistoryMessage, Location,
    Marks, Message, MessageId, MessageRef, MessageStatus, NotYet, Offset, OwnDevice, PageFrom, Presence,
    Query, ReactionCount, ReactionSummary, RecipientStatus, Reject, Seq, ServerPacket, StatusCounts, UnixMs,
    UserId, limits,
};
use bytes::Bytes;
use prost::Message as _;

fn codec() -> Codec {
    let mut codec = Codec::new(Dialect::Scheme);
    codec.signed_in(&Device::new(UserId::new("alice").unwrap(), DeviceName::new("a1").unwrap()));
    codec
}

fn asked() -> v1::Query {
    let to = Some(v1::Identity { eid: "bob".into(), ..Default::default() });
    v1::Query { r#type: 1, id: "q-1".into(), ask: 1, to, ..Default::default() }
}

fn heard(change: impl FnOnce(&mut v1::Query)) -> Result<ClientPacket, DecodeError> {
    let mut query = asked();
    change(&mut query);
    let scheme = MessageScheme { route: 18, payload: Some(Payload::Query(query)) };
    let mut said = Vec::new();
    codec().decode_client(scheme.encode_to_vec().into(), &mut said)?;
    Ok(said.pop().unwrap().packet)
}

fn ask(change: impl FnOnce(&mut v1::Query)) -> Ask {
    match heard(change) {
        Ok(ClientPacket::Query(Query { id, ask })) if id.as_str() == "q-1" => ask,
        other => panic!("{other:?}"),
    }
}

// BM-QRY-1
// MISSION A1
#[test]
fn questions_are_read() {
    let bob = Address::User(UserId::new("bob").unwrap());
    let history = |from, limit| Ask::History { of: bob.clone(), from, limit };
    assert_eq!(ask(|_| {}), history(PageFrom::Latest, 0));
    assert_eq!(ask(|it| (it.before, it.limit) = (Some(0), 9)), history(PageFrom::Before(Seq(0).into()), 9));
    assert_eq!(ask(|it| it.after = Some(7)), history(PageFrom::After(Seq(7).into()), 0));
    let id = MessageId::new(7, 42);
    assert_eq!(ask(|it| it.before_id = id.to_string()), history(PageFrom::Before(id.into()), 0));
    assert_eq!(ask(|it| it.after_id = id.to_string()), history(PageFrom::After(id.into()), 0));
    let team = Address::Group(GroupId::new("team").unwrap());
    let of_team = |it: &mut v1::Query| (it.ask, it.to, it.conversation) = (2, None, "g:team".into());
    assert_eq!(ask(of_team), Ask::Conversation(team));
    let list = |it: &mut v1::Query| (it.ask, it.to) = (3, None);
    let conversations = |from| Ask::Conversations { from, limit: 0 };
    assert_eq!(ask(list), conversations(PageFrom::Latest));
    for (before, from) in [(true, PageFrom::Before(id)), (false, PageFrom::After(id))] {
        let named = |it: &mut v1::Query| {
            list(it);
            *(if before { &mut it.before_id } else { &mut it.after_id }) = id.to_string();
        };
        assert_eq!(ask(named), conversations(from));
    }
}

// BM-QRY-6
#[test]
fn a_group_is_asked_for_by_its_conversation() {
    let team = GroupId::new("team").unwrap();
    let of_team = |it: &mut v1::Query| (it.ask, it.to, it.conversation) = (9, None, "g:team".into());
    assert_eq!(ask(of_team), Ask::Group(team));
    assert!(matches!(
        heard(|it| it.ask = 9),
        Ok(ClientPacket::Unfit { reason: Reject::Field("conversation"), .. })
    ));
    for (wrong, field) in [
        (v1::QueryGroup { group: "team".into(), role: 1, ..Default::default() }, "post"),
        (v1::QueryGroup { group: "team".into(), post: 1, ..Default::default() }, "role"),
        (v1::QueryGroup { post: 1, role: 1, ..Default::default() }, "group"),
        (
            v1::QueryGroup { group: "team".into(), post: 1, role: 1, since: -1, ..Default::default() },
            "group.since",
        ),
    ] {
        let answer =
            v1::Query { r#type: 2, id: "q-1".into(), ask: 9, group: Some(wrong), ..Default::default() };
        let scheme = MessageScheme { route: 18, payload: Some(Payload::Query(answer)) };
        let read = codec().decode_server(scheme.encode_to_vec().into(), &mut Vec::new());
        assert_eq!(read, Err(DecodeError::Field { origin: 18, field }));
    }
}

// BM-QRY-7
#[test]
fn who_is_in_a_group_is_asked_in_pages() {
    let of_team = |it: &mut v1::Query| {
        (it.ask, it.to, it.conversation, it.after_id, it.limit) =
            (10, None, "g:team".into(), "bob".into(), 7);
    };
    let (group, after) = (GroupId::new("team").unwrap(), UserId::new("bob").ok());
    assert_eq!(ask(of_team), Ask::Members { group, after, limit: 7 });
    let row = v1::QueryMember { eid: "cid".into(), role: 4 };
    for (members, field) in [
        (vec![row.clone()], "role"),
        (vec![v1::QueryMember { eid: "".into(), role: 1 }], "members.eid"),
        (vec![v1::QueryMember { role: 1, ..row }; limits::PAGE_ROWS as usize + 1], "rows"),
    ] {
        let answer = v1::Query { r#type: 2, id: "q-1".into(), ask: 10, members, ..Default::default() };
        let scheme = MessageScheme { route: 18, payload: Some(Payload::Query(answer)) };
        let read = codec().decode_server(scheme.encode_to_vec().into(), &mut Vec::new());
        assert_eq!(read, Err(DecodeError::Field { origin: 18, field }));
    }
}

// BM-QRY-8
#[test]
fn who_is_here_is_asked_in_pages_that_fit() {
    let after = UserId::new("bob").ok();
    assert_eq!(ask(|it| (it.ask, it.to, it.after_id) = (11, None, "bob".into())), Ask::Around { after });
    let awareness = Awareness {
        id: None,
        to: None,
        presence: Presence::Online,
        location: Location::new(52.5, 13.4, None),
        ttl_s: 120,
        at: Some(UnixMs(1 << 53)),
    };
    let aware = |number: usize| Aware {
        from: Device::new(
            UserId::new(&format!("{number:0>256}")).unwrap(),
            DeviceName::new(&format!("{number:0>256}")).unwrap(),
        ),
        awareness: awareness.clone(),
    };
    let answer = |contacts| {
        let around = (0..limits::AROUND).map(aware).collect();
        let found = Found::Around { around, more: true, contacts };
        ServerPacket::Answer { id: ClientRef::new("q-1").unwrap(), found }
    };
    let (mut frames, mut read) = (Frames::new(), Vec::new());
    codec().encode_server(&answer(vec![UserId::new("dan").unwrap()]), &mut frames).unwrap();
    let frame = frames.drain().next().unwrap();
    assert!(frame.len() < limits::FRAME_BYTES);
    codec().decode_server(frame, &mut read).unwrap();
    assert_eq!(read, [answer(vec![])], "what storage knows is told to nobody");
}

// BM-QRY-3
#[test]
fn what_cannot_be_read_is_refused_by_its_name() {
    let reason = |change: &dyn Fn(&mut v1::Query)| match heard(change) {
        Ok(ClientPacket::Unfit { reason: Reject::Field(field), .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(&|it| it.r#type = 2), "type");
    assert_eq!(reason(&|it| it.ask = 99), "ask");
    assert_eq!(reason(&|it| it.ask = 4), "signal_id");
    assert_eq!(reason(&|it| it.to = None), "to.eid");
    assert_eq!(reason(&|it| it.conversation = "team".into()), "conversation");
    assert_eq!(reason(&|it| (it.before, it.after) = (Some(1), Some(1))), "after");
    assert_eq!(reason(&|it| (it.ask, it.before_id) = (3, "x".into())), "before_id");
    assert_eq!(reason(&|it| (it.ask, it.after_id) = (3, "x".into())), "after_id");
    let both = |it: &mut v1::Query| {
        let id = MessageId::new(7, 42).to_string();
        (it.ask, it.before_id, it.after_id) = (3, id.clone(), id);
    };
    assert_eq!(reason(&both), "after_id");
    assert_eq!(heard(|it| it.id = String::new()), Err(DecodeError::Field { origin: 18, field: "id" }));

    let id = ClientRef::new("q-1").unwrap();
    for packet in [
        ServerPacket::Declined {
            origin: 18,
            id: Some(id.clone()),
            reason: Reject::Busy,
            retry_after_ms: Some(9),
        },
        ServerPacket::Unanswered { id: id.clone(), reason: Reject::Busy, retry_after_ms: Some(9) },
    ] {
        let mut frames = Frames::new();
        codec().encode_server(&packet, &mut frames).unwrap();
        let frame = frames.drain().next().unwrap();
        let Some(Payload::Query(told)) = MessageScheme::decode(frame.clone()).unwrap().payload else {
            panic!()
        };
        assert_eq!((told.r#type, &*told.id, told.code, told.retry_after_ms), (3, "q-1", 429, 9));
        let mut read = Vec::new();
        codec().decode_server(frame, &mut read).unwrap();
        assert_eq!(
            read,
            [ServerPacket::Unanswered { id: id.clone(), reason: Reject::Busy, retry_after_ms: Some(9) }]
        );
    }
}

/// A row with the longest names there can be.
fn longest(body: Body) -> HistoryMessage {
    let id = "ü".repeat(limits::ID_BYTES / 2);
    let head = Head {
        id: MessageId::new(u32::MAX, u64::MAX),
        from: Device::new(UserId::new(&id).unwrap(), DeviceName::new(&id).unwrap()),
        to: Address::User(UserId::new(&id).unwrap()),
        client_ref: Some(ClientRef::new(&"c".repeat(limits::CLIENT_REF_BYTES)).unwrap()),
        client_time: Some(UnixMs(u64::MAX >> 1)),
        at: UnixMs(u64::MAX >> 1),
        stamp: UnixMs(u64::MAX >> 1),
        seq: Seq(u64::MAX),
        kind: body.kind,
    };
    let marks = Marks::from_bits(15);
    let reactions = ReactionSummary::default();
    HistoryMessage { message: Message { head, body }, edition: u32::MAX, deleted: false, marks, reactions }
}

fn written(messages: Vec<HistoryMessage>) -> usize {
    let conversations = messages.into_iter().map(|last| ConversationState {
        last,
        messages: u64::MAX,
        read: Seq(u64::MAX),
        unread: u64::MAX,
        deleted: vec![Seq(u64::MAX); limits::UNREAD_MESSAGES],
        exact: false,
    });
    let found = Found::Conversations { conversations: conversations.collect(), more: true };
    let id = ClientRef::new(&"q".repeat(limits::CLIENT_REF_BYTES)).unwrap();
    let mut frames = Frames::new();
    codec().encode_server(&ServerPacket::Answer { id, found }, &mut frames).unwrap();
    let frame = frames.drain().next().unwrap();
    codec().decode_server(frame.clone(), &mut Vec::new()).unwrap();
    frame.len()
}

// BM-QRY-2, DM-HIS-3
#[test]
fn the_largest_answer_fits_a_frame() {
    let body =
        |form, len: usize| Body { kind: BodyKind::Text, form, bytes: Bytes::from(vec![1; len]), seal: None };
    let rows = limits::PAGE_ROWS as usize;
    // A hundred deleted messages are counted among the bytes of each.
    let each = usize::try_from(limits::PAGE_BYTES).unwrap() / rows - 8 * 100;
    // A text of control characters takes six bytes for each.
    for row in [body(Form::Opaque, each), body(Form::Text, each / 6)] {
        let bytes = written(vec![longest(row); rows]);
        assert!(bytes <= limits::FRAME_BYTES, "{bytes}");
    }
    // Reactions instead: as many as the bytes of a page are for, beside what the deleted messages take.
    let kinds = limits::REACTION_KINDS;
    let left = usize::try_from(limits::PAGE_BYTES).unwrap() - rows * 8 * 100;
    let reacted = left / (limits::EMOJI_BYTES + limits::REACTION_USERS * (limits::ID_BYTES + 3) + 16) / kinds;
    let count = || ReactionCount {
        emoji: Emoji::new(&"e".repeat(limits::EMOJI_BYTES)).unwrap(),
        count: u32::MAX,
        mine: true,
        users: vec![UserId::new(&"u".repeat(limits::ID_BYTES)).unwrap(); limits::REACTION_USERS],
    };
    let mut rows = vec![longest(body(Form::Opaque, 0)); rows];
    for row in rows.iter_mut().take(reacted) {
        row.reactions = ReactionSummary { edition: u32::MAX, counts: (0..kinds).map(|_| count()).collect() };
    }
    let bytes = written(rows);
    assert!(bytes <= limits::FRAME_BYTES, "{bytes}");
    // Beside a larger body none are told.
    let mut row = longest(body(Form::Opaque, usize::try_from(limits::PAGE_BYTES).unwrap()));
    row.reactions = ReactionSummary { edition: u32::MAX, counts: (0..kinds).map(|_| count()).collect() };
    let bytes = written(vec![row]);
    assert!(bytes <= limits::FRAME_BYTES, "{bytes}");
    for row in [body(Form::Opaque, limits::BODY_BYTES), body(Form::Text, limits::BODY_BYTES)] {
        let bytes = written(vec![longest(row)]);
        assert!(bytes <= limits::FRAME_BYTES, "{bytes}");
    }
}

// BM-QRY-4
#[test]
fn how_far_a_message_got_is_asked_by_its_name() {
    let id = MessageId::new(7, 42);
    let status = |after, limit| Ask::Status { message: MessageRef::Id(id), after, limit };
    let named = |it: &mut v1::Query| (it.ask, it.to, it.signal_id) = (4, None, id.to_string());
    assert_eq!(ask(named), status(None, 0));
    let second = |it: &mut v1::Query| {
        named(it);
        (it.after_user, it.limit) = ("carl".into(), 9);
    };
    assert_eq!(ask(second), status(Some(UserId::new("carl").unwrap()), 9));
    let alias = "1_17_bob_alice_1763652000000.txt";
    let walkie = ask(|it: &mut v1::Query| (it.ask, it.signal_id) = (4, alias.into()));
    assert_eq!(
        walkie,
        Ask::Status { message: MessageRef::Alias(alias.parse().unwrap()), after: None, limit: 0 }
    );
}

// BM-QRY-4
#[test]
fn the_largest_status_fits_a_frame_and_a_larger_one_is_not_read() {
    let name = "ü".repeat(limits::ID_BYTES / 2);
    let (user, at) = (UserId::new(&name).unwrap(), Some(UnixMs(u64::MAX >> 1)));
    let device = DeviceStatus {
        name: DeviceName::new(&name).unwrap(),
        state: DeviceState::Next { rows_before: u64::MAX },
        connected_at: at,
    };
    let of = |users: usize, devices: usize| {
        let recipient = RecipientStatus {
            user: user.clone(),
            row: Some(Offset(u64::MAX)),
            marks: Marks::from_bits(15),
            delivered_at: at,
            read_at: at,
            why: Some(NotYet::Untold),
            devices: Some(vec![device.clone(); devices]),
            more_devices: true,
        };
        let head = longest(Body::text("x")).message.head;
        let status = MessageStatus {
            id: head.id,
            client_ref: head.client_ref,
            from: head.from,
            to: Address::Group(GroupId::new(&name).unwrap()),
            seq: head.seq,
            at: head.at,
            deleted: true,
            counts: StatusCounts {
                recipients: u32::MAX,
                delivered: u32::MAX,
                read: u32::MAX,
                exact: false,
                first_delivered_at: at,
                first_read_at: at,
            },
            recipients: vec![recipient; users],
            more: true,
        };
        let id = ClientRef::new(&"q".repeat(limits::CLIENT_REF_BYTES)).unwrap();
        ServerPacket::Answer { id, found: Found::Status(Some(Box::new(status))) }
    };
    let read = |packet: &ServerPacket| {
        let mut frames = Frames::new();
        codec().encode_server(packet, &mut frames).unwrap();
        let frame = frames.drain().next().unwrap();
        assert!(frame.len() <= limits::FRAME_BYTES, "{}", frame.len());
        let mut read = Vec::new();
        codec().decode_server(frame, &mut read).map(|()| read)
    };
    let (users, devices) = (limits::STATUS_USERS as usize, 2 * limits::STATUS_DEVICES);
    let largest = of(users, devices);
    assert_eq!(read(&largest), Ok(vec![largest]));
    for larger in [of(users + 1, 1), of(1, devices + 1)] {
        assert_eq!(read(&larger), Err(DecodeError::Field { origin: 18, field: "recipients" }));
    }
}

// BM-QRY-4: what a later server says is read as far as it is known.
#[test]
fn words_of_a_later_server_are_passed_over() {
    let device = v1::DeviceStatus { connection_resource_id: "phone".into(), state: 77, ..Default::default() };
    let recipient =
        v1::RecipientStatus { user: "bob".into(), reason: 6, devices: vec![device], ..Default::default() };
    let identity = |eid: &str| {
        Some(v1::Identity { eid: eid.into(), connection_resource_id: Some("a1".into()), node: None })
    };
    let status = v1::MessageStatus {
        signal_id: MessageId::new(7, 42).to_string(),
        from: identity("alice"),
        to: identity("bob"),
        ..Default::default()
    };
    let answer = v1::Query {
        r#type: 2,
        id: "q-1".into(),
        ask: 4,
        status: Some(status),
        recipients: vec![recipient],
        ..Default::default()
    };
    let scheme = MessageScheme { route: 18, payload: Some(Payload::Query(answer)) };
    let mut read = Vec::new();
    codec().decode_server(scheme.encode_to_vec().into(), &mut read).unwrap();
    let ServerPacket::Answer { found: Found::Status(Some(status)), .. } = &read[0] else {
        panic!("{read:?}")
    };
    let it = &status.recipients[0];
    assert_eq!((it.why, it.devices.as_ref().unwrap()[0].state), (None, DeviceState::Unknown));
}

// BM-RCT-4
#[test]
fn an_answer_of_more_reactions_than_there_may_be_is_not_read() {
    let answered = |counts: usize, users: usize| {
        let count =
            v1::ReactionCount { emoji: "e".into(), count: 1, mine: false, users: vec!["u".into(); users] };
        let message =
            longest(Body { kind: BodyKind::Text, form: Form::Opaque, bytes: Bytes::new(), seal: None });
        let id = ClientRef::new("q-1").unwrap();
        let found = Found::History { messages: vec![message], more: false };
        let mut frames = Frames::new();
        codec().encode_server(&ServerPacket::Answer { id, found }, &mut frames).unwrap();
        let mut scheme = MessageScheme::decode(frames.drain().next().unwrap()).unwrap();
        let Some(Payload::Query(answer)) = &mut scheme.payload else { panic!() };
        answer.rows[0].reactions = vec![count; counts];
        codec().decode_server(scheme.encode_to_vec().into(), &mut Vec::new())
    };
    assert_eq!(answered(limits::REACTION_KINDS, limits::REACTION_USERS), Ok(()));
    let wrong = Err(DecodeError::Field { origin: 18, field: "reactions" });
    for (counts, users) in [(limits::REACTION_KINDS + 1, 0), (1, limits::REACTION_USERS + 1), (257, 0)] {
        assert_eq!(answered(counts, users), wrong, "{counts} of {users}");
    }
}

// BM-QRY-2
#[test]
fn an_answer_of_more_rows_than_there_may_be_is_not_read() {
    let most = limits::PAGE_ROWS as usize;
    let shape = v1::Query { r#type: 2, id: "q-1".into(), ..Default::default() };
    let (users, devices) = (vec![v1::QueryUser::default(); most], vec![v1::QueryDevice::default(); 1]);
    for answer in [
        v1::Query { ask: 1, rows: vec![v1::QueryRow::default(); most + 1], ..shape.clone() },
        v1::Query { ask: 7, devices: vec![v1::QueryDevice::default(); most + 1], ..shape.clone() },
        // Of different kinds, which no answer has: they add up.
        v1::Query { ask: 8, users, devices, ..shape },
    ] {
        let scheme = MessageScheme { route: 18, payload: Some(Payload::Query(answer)) };
        let read = codec().decode_server(scheme.encode_to_vec().into(), &mut Vec::new());
        assert_eq!(read, Err(DecodeError::Field { origin: 18, field: "rows" }));
    }
}

/// As many devices as a server lists fit an answer, with the longest names.
// DM-USR-5, BM-QRY-5
#[test]
fn all_devices_of_a_user_fit_an_answer() {
    let device = |number: usize| OwnDevice {
        name: DeviceName::new(&format!("{number:0>256}")).unwrap(),
        first_seen: UnixMs(1 << 53),
        last_seen: UnixMs(1 << 53),
        cursor: Offset(u64::MAX),
        push: true,
        logged_out_before: Some(UnixMs(1 << 53)),
    };
    let found = Found::Devices((0..limits::LISTED_DEVICES).map(device).collect());
    let answer = ServerPacket::Answer { id: ClientRef::new("q-1").unwrap(), found };
    let (mut frames, mut read) = (Frames::new(), Vec::new());
    codec().encode_server(&answer, &mut frames).unwrap();
    let frame = frames.drain().next().unwrap();
    assert!(frame.len() < limits::FRAME_BYTES);
    codec().decode_server(frame, &mut read).unwrap();
    assert_eq!(read, [answer]);
}
