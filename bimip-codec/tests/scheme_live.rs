//! The rules of `docs/protocol/bimip-v1.md` about presence, positions, tokens, push and logging out, frame by frame.
#![allow(clippy::unwrap_used, reason = "tests")]

use bimip_codec::scheme::v1::message_scheme::Payload;
use bimip_codec::scheme::v1::{self, Identity, MessageScheme};
use bimip_codec::{Codec, DecodeError, Dialect, Frames};
use bimip_proto::{
    Act, Address, Aware, Awareness, BodyKind, Claim, ClientPacket, ClientRef, Device, DeviceName, GroupId,
    Location, LogOut, Noted, Presence, PushToken, Reject, Said, ServerPacket, Signal, TokenAnswer, TokenTask,
    Track, UnixMs, UserId,
};
use bytes::Bytes;
use prost::Message as _;

fn device(user: &str, name: &str) -> Device {
    Device::new(UserId::new(user).unwrap(), DeviceName::new(name).unwrap())
}

fn codec() -> Codec {
    let mut codec = Codec::new(Dialect::Scheme);
    codec.signed_in(&device("alice", "a1"));
    codec
}

fn identity(user: &str) -> Option<Identity> {
    Some(Identity { eid: user.into(), connection_resource_id: None, node: None })
}

fn said(route: i64, payload: Payload) -> Result<Vec<Said>, DecodeError> {
    let mut said = Vec::new();
    let frame = MessageScheme { route, payload: Some(payload) }.encode_to_vec();
    codec().decode_client(frame.into(), &mut said).map(|()| said)
}

fn heard(route: i64, payload: Payload) -> Result<ClientPacket, DecodeError> {
    said(route, payload).map(|mut said| {
        assert_eq!(said.len(), 1);
        said.remove(0).packet
    })
}

fn written(packet: &ServerPacket) -> Payload {
    let mut frames = Frames::new();
    codec().encode_server(packet, &mut frames).unwrap();
    let mut frames: Vec<Bytes> = frames.drain().collect();
    assert_eq!(frames.len(), 1);
    MessageScheme::decode(frames.remove(0)).unwrap().payload.unwrap()
}

fn id(text: &str) -> Option<ClientRef> {
    Some(ClientRef::new(text).unwrap())
}

fn bob() -> Address {
    Address::User(UserId::new("bob").unwrap())
}

fn wrong<T>(origin: u32, field: &'static str) -> Result<T, DecodeError> {
    Err(DecodeError::Field { origin, field })
}

fn awareness(change: impl FnOnce(&mut v1::Awareness)) -> v1::Awareness {
    let mut it = v1::Awareness { id: "p1".into(), r#type: 1, status: 3, ..v1::Awareness::default() };
    change(&mut it);
    it
}

fn aware(change: impl FnOnce(&mut v1::Awareness)) -> Result<Awareness, DecodeError> {
    match heard(2, Payload::Awareness(awareness(change)))? {
        ClientPacket::Aware(it) => Ok(it),
        other => panic!("{other:?}"),
    }
}

// MISSION B1 B8
#[test]
fn presence_is_read_as_it_is_said() {
    // BM-AWARE-1: to whom a status goes is the status's own; a place counts only where it is shared.
    let away = aware(|it| {
        it.to = identity("bob");
        it.ttl = 90;
        it.timestamp = 5;
        it.latitude = 99.0;
    });
    let expected = Awareness {
        id: id("p1"),
        to: None,
        presence: Presence::Away,
        location: None,
        ttl_s: 90,
        at: Some(UnixMs(5)),
    };
    assert_eq!(away, Ok(expected));
    let shared = aware(|it| (it.location_sharing, it.latitude, it.longitude) = (1, 52.5, 13.4)).unwrap();
    assert_eq!(shared.location, Location::new(52.5, 13.4, None));
    let typing = aware(|it| (it.status, it.to) = (6, identity("bob"))).unwrap();
    assert_eq!((typing.presence, typing.to), (Presence::Typing, Some(bob())));

    assert_eq!(aware(|it| it.status = 6), wrong(2, "to.eid"));
    assert_eq!(aware(|it| it.status = 12), wrong(2, "status"));
    assert_eq!(aware(|it| it.status = 0), wrong(2, "status"));
    assert_eq!(aware(|it| it.r#type = 2), wrong(2, "type"));
    assert_eq!(aware(|it| it.ttl = -1), wrong(2, "ttl"));
    assert_eq!(aware(|it| it.ttl = 86_401), wrong(2, "ttl"));
    assert_eq!(aware(|it| it.location_sharing = 3), wrong(2, "location_sharing"));
    assert_eq!(aware(|it| (it.location_sharing, it.latitude) = (1, f64::NAN)), wrong(2, "latitude"));
    assert_eq!(aware(|it| it.timestamp = -1), wrong(2, "timestamp"));
    let as_bob = said(2, Payload::Awareness(awareness(|it| it.from = identity("bob")))).unwrap();
    assert_eq!(as_bob[0].claim, Claim::Other(UserId::new("bob").unwrap()));
}

// MISSION B8
#[test]
fn presence_is_told_with_the_clock_and_the_words_of_the_server() {
    // BM-AWARE-2.
    let told = |location| Aware {
        from: device("bob", "b1"),
        awareness: Awareness {
            id: None,
            to: None,
            presence: Presence::Online,
            location,
            ttl_s: 120,
            at: Some(UnixMs(7)),
        },
    };
    let Payload::Awareness(it) = written(&ServerPacket::Aware(told(None))) else { panic!() };
    assert_eq!((it.r#type, it.status, it.timestamp, it.ttl), (2, 1, 7, 120));
    assert_eq!((it.location_sharing, it.latitude, it.longitude), (2, 0.0, 0.0));
    assert_eq!(it.from.unwrap().eid, "bob");
    let place = Location::new(52.5, 13.4, None);
    let Payload::Awareness(it) = written(&ServerPacket::Aware(told(place))) else { panic!() };
    assert_eq!((it.location_sharing, it.latitude, it.longitude), (1, 52.5, 13.4));
    // BM-AWARE-3: those who are here already come together.
    let Payload::Body(body) = written(&ServerPacket::Around(vec![told(None), told(place)])) else { panic!() };
    assert_eq!((body.route, body.awareness_list.len(), body.message.len()), (2, 2, 0));
}

// MISSION B6
#[test]
fn live_signals_go_to_somebody_and_are_no_rows() {
    // BM-LIVE-1.
    let live = |change: fn(&mut v1::Signal)| {
        let mut it = v1::Signal { id: "t".into(), r#type: 1, status: 6, ..v1::Signal::default() };
        change(&mut it);
        heard(7, Payload::Signal(it))
    };
    let said = |to, act| ClientPacket::Signal(Signal { id: id("t"), to, act, at: None });
    assert_eq!(live(|it| it.to = identity("bob")), Ok(said(bob(), Act::Typing)));
    let group = Address::Group(GroupId::new("team 1").unwrap());
    assert_eq!(
        live(|it| (it.status, it.conversation) = (11, "g:team%201".into())),
        Ok(said(group.clone(), Act::Calling))
    );
    // BM-ACK-2: what has a name is refused by it.
    let refused =
        |field| Ok(ClientPacket::Unfit { id: ClientRef::new("t").ok(), reason: Reject::Field(field) });
    assert_eq!(live(|_| {}), refused("to.eid"));
    assert_eq!(live(|it| it.conversation = "g:%zz".into()), refused("conversation"));
    assert_eq!(live(|it| it.id.clear()), wrong(7, "to.eid"));
    let (id, reason) = (id("t"), Reject::Field("status"));
    for (origin, status) in [(6, 1), (7, 0)] {
        let id = id.clone();
        let declined = ServerPacket::Declined { origin, id, reason, retry_after_ms: None };
        let Payload::Signal(it) = written(&declined) else { panic!() };
        assert_eq!((it.r#type, it.status, it.code, it.id.as_str()), (3, status, 422, "t"));
    }

    let from = device("bob", "b1");
    let signal = Signal { id: None, to: group, act: Act::Declined, at: Some(UnixMs(9)) };
    let Payload::Signal(it) = written(&ServerPacket::Signal { from, signal }) else { panic!() };
    assert_eq!((it.r#type, it.status, it.timestamp), (4, 12, 9));
    assert_eq!((it.user_offset.as_str(), it.signal_offset.as_str(), it.prev_offset), ("", "", 0));
    assert_eq!((it.from.unwrap().eid.as_str(), it.conversation.as_str()), ("bob", "g:team%201"));
}

// MISSION B1
#[test]
fn positions_are_on_earth() {
    // BM-LOC-1.
    let stream = |latitude, altitude| {
        let (to, longitude) = (identity("bob"), 13.4);
        heard(
            9,
            Payload::LocationStream(v1::LocationStream {
                latitude,
                longitude,
                altitude,
                to,
                ..Default::default()
            }),
        )
    };
    let location = Location::new(52.5, 13.4, Some(34.0)).unwrap();
    let track = Track { id: None, to: bob(), location, at: None };
    assert_eq!(stream(52.5, Some(34.0)), Ok(ClientPacket::Track(track.clone())));
    assert_eq!(stream(90.5, None), wrong(9, "latitude"));
    let from = device("bob", "b1");
    let Payload::LocationStream(it) = written(&ServerPacket::Track { from, track }) else { panic!() };
    assert_eq!((it.latitude, it.longitude, it.altitude), (52.5, 13.4, Some(34.0)));
}

// MISSION B8
#[test]
fn visibility_is_asked_for_and_answered_in_the_same_words() {
    // BM-VIS-1.
    let ask = |r#type| {
        let it = v1::AwarenessVisibility { id: "v".into(), r#type, ..Default::default() };
        heard(4, Payload::AwarenessVisibility(it))
    };
    assert_eq!(ask(1), Ok(ClientPacket::SetVisible { id: id("v"), visible: true }));
    assert_eq!(ask(2), Ok(ClientPacket::SetVisible { id: id("v"), visible: false }));
    assert_eq!(ask(3), wrong(4, "type"));
    let answer = ServerPacket::Visible { id: id("v"), visible: false };
    let Payload::AwarenessVisibility(it) = written(&answer) else { panic!() };
    assert_eq!((it.id.as_str(), it.r#type, it.from.unwrap().eid.as_str()), ("v", 2, "alice"));
}

// MISSION B9
#[test]
fn tokens_are_refreshed_validated_and_revoked() {
    // BM-TOKEN-1.
    let ask = |task, token: &str| {
        let it = v1::TokenAuthority { token: token.into(), r#type: 1, task, ..Default::default() };
        heard(5, Payload::TokenAuthority(it))
    };
    let said = |task| ClientPacket::Token { task, token: Bytes::from_static(b"tok") };
    assert_eq!(ask(1, "tok"), Ok(said(TokenTask::Refresh)));
    assert_eq!(ask(2, "tok"), Ok(said(TokenTask::Revoke)));
    assert!(matches!(ask(3, "tok"), Ok(ClientPacket::SignIn { .. })), "the session tells them apart");
    assert_eq!(ask(1, ""), wrong(5, "token"));
    assert_eq!(ask(4, "tok"), wrong(5, "task"));
    let answer = TokenAnswer {
        task: TokenTask::Refresh,
        token: Some(Bytes::from_static(b"new")),
        expires: Some(UnixMs(99)),
    };
    let Payload::TokenAuthority(it) = written(&ServerPacket::Token(answer)) else { panic!() };
    assert_eq!((it.r#type, it.task, it.token.as_str(), it.expires), (2, 1, "new", 99));
    // BM-ERR-2: a refusal names the route.
    let declined =
        ServerPacket::Declined { origin: 5, id: None, reason: Reject::BadToken, retry_after_ms: None };
    let Payload::Error(it) = written(&declined) else { panic!() };
    assert_eq!((it.code, it.error_origin), (498, 5));
}

// MISSION B1 B9
#[test]
fn logging_out_says_how_far() {
    // BM-BYE-2, BM-LOGOUT-1, BM-LOGOUT-2.
    let ask = |scope, name: Option<&str>| {
        let mut to = identity("alice");
        to.as_mut().unwrap().connection_resource_id = name.map(Into::into);
        heard(12, Payload::Logout(v1::Logout { to, r#type: 1, status: 4, scope, ..Default::default() }))
    };
    let a2 = || LogOut::Device(Some(DeviceName::new("a2").unwrap()));
    assert_eq!(ask(0, None), Ok(ClientPacket::Bye));
    assert_eq!(ask(1, None), Ok(ClientPacket::LogOut(LogOut::Device(None))));
    assert_eq!(ask(1, Some("a2")), Ok(ClientPacket::LogOut(a2())));
    assert_eq!(ask(2, None), Ok(ClientPacket::LogOut(LogOut::Session)));
    assert_eq!(ask(3, None), Ok(ClientPacket::LogOut(LogOut::Account)));
    let Payload::Logout(it) = written(&ServerPacket::Noted(Noted::LoggedOut(a2()))) else { panic!() };
    assert_eq!((it.r#type, it.status, it.scope), (2, 3, 1));
    assert_eq!(it.to.unwrap().connection_resource_id.as_deref(), Some("a2"));
}

// MISSION B1 B7
#[test]
fn push_tokens_are_ones_own_and_notifications_are_for_others() {
    // BM-PUSH-1, BM-PUSH-2.
    let push = |to: &str, r#type: &str, payload: &'static [u8]| {
        let (to, r#type, payload) = (identity(to), r#type.to_owned(), Bytes::from_static(payload));
        heard(
            8,
            Payload::PushNotification(v1::PushNotification {
                id: "n".into(),
                to,
                r#type,
                payload,
                ..Default::default()
            }),
        )
    };
    let registration = |token: Option<&'static [u8]>| {
        let token = token.map(Bytes::from_static);
        Ok(ClientPacket::PushToken(PushToken { id: id("n"), service: "fcm".into(), token }))
    };
    assert_eq!(push("", "fcm", b"t"), registration(Some(b"t")));
    assert_eq!(push("alice", "fcm", b"t"), registration(Some(b"t")));
    assert_eq!(push("alice", "fcm", b""), registration(None));
    let Ok(ClientPacket::Send(draft)) = push("bob", "", b"wake up") else { panic!() };
    assert_eq!((draft.body.kind, draft.to, draft.client_ref), (BodyKind::Notification, bob(), id("n")));
    assert_eq!(push("bob", "fcm", b"t"), wrong(8, "type"));
    let answer = ServerPacket::Noted(Noted::PushToken { id: id("n"), registered: true });
    let Payload::PushNotification(it) = written(&answer) else { panic!() };
    assert_eq!((it.id.as_str(), it.r#type.as_str(), it.payload.len()), ("n", "registered", 0));
}

// MISSION B1
#[test]
fn a_batch_is_its_parts_or_nothing() {
    // BM-BATCH-1.
    let message = |name: &str| v1::Message {
        id: name.into(),
        to: identity("bob"),
        r#type: 1,
        status: 1,
        ..Default::default()
    };
    let batch = |route, message, awareness_list| {
        said(10, Payload::Body(v1::Body { route, message, awareness_list, timestamp: 0 }))
    };
    let all = batch(6, vec![message("1"), message("2")], vec![]).unwrap();
    let named: Vec<_> = all
        .iter()
        .map(|said| match &said.packet {
            ClientPacket::Send(draft) => (said.origin, draft.client_ref.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(named, [(6, id("1")), (6, id("2"))]);
    assert_eq!(batch(2, vec![], vec![awareness(|_| {}), awareness(|_| {})]).unwrap().len(), 2);
    assert_eq!(batch(6, vec![message("1"), message("")], vec![]), wrong(6, "id"));
    assert_eq!(batch(6, vec![], vec![awareness(|_| {})]), wrong(10, "route"));
    assert_eq!(batch(3, vec![], vec![]), wrong(10, "route"));
    let many: Vec<_> = (0..257).map(|number| message(&number.to_string())).collect();
    assert_eq!(batch(6, many[..256].to_vec(), vec![]).unwrap().len(), 256);
    assert_eq!(batch(6, many, vec![]), wrong(10, "message"));
}
