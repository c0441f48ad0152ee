//! Route 18 of `bimip.v1`: questions about what is stored, and the largest answers.
#![allow(clippy::unwrap_used, reason = "test code")]

use bimip_codec::scheme::v1::message_scheme::Payload;
use bimip_codec::scheme::v1::{self, MessageScheme};
use bimip_codec::{Codec, DecodeError, Dialect, Frames};
use bimip_proto::{
    Address, Ask, Body, BodyKind, ClientPacket, ClientRef, ConversationState, Device, DeviceName, Emoji,
    Form, Found, GroupId, Head, HistoryMessage, Marks, Message, MessageId, PageFrom, Query, ReactionCount,
    ReactionSummary, Reject, Seq, ServerPacket, UnixMs, UserId, limits,
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
    assert_eq!(ask(|it| (it.before, it.limit) = (Some(0), 9)), history(PageFrom::Before(Seq(0)), 9));
    assert_eq!(ask(|it| it.after = Some(7)), history(PageFrom::After(Seq(7)), 0));
    let team = Address::Group(GroupId::new("team").unwrap());
    let of_team = |it: &mut v1::Query| (it.ask, it.to, it.conversation) = (2, None, "g:team".into());
    assert_eq!(ask(of_team), Ask::Conversation(team));
    let (list, id) = (|it: &mut v1::Query| (it.ask, it.to) = (3, None), MessageId::new(7, 42));
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

// BM-QRY-3
#[test]
fn what_cannot_be_read_is_refused_by_its_name() {
    let reason = |change: &dyn Fn(&mut v1::Query)| match heard(change) {
        Ok(ClientPacket::Unfit { reason: Reject::Field(field), .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(&|it| it.r#type = 2), "type");
    assert_eq!(reason(&|it| it.ask = 4), "ask");
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
    let rows = vec![v1::QueryRow::default(); limits::PAGE_ROWS as usize + 1];
    let answer = v1::Query { r#type: 2, id: "q-1".into(), ask: 1, rows, ..Default::default() };
    let scheme = MessageScheme { route: 18, payload: Some(Payload::Query(answer)) };
    let read = codec().decode_server(scheme.encode_to_vec().into(), &mut Vec::new());
    assert_eq!(read, Err(DecodeError::Field { origin: 18, field: "rows" }));
}
