//! The vectors of JSON events: what another library wrote is read, means what is stated, and is written again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "vectors/files.rs"]
#[allow(dead_code, reason = "shared by several tests")]
mod files;

use bimip_codec::{Codec, DecodeError, Dialect, Frames};
use bimip_proto::{Claim, ClientPacket, Device, DeviceName, Reject, Said, ServerPacket, UserId};
use files::{Case, conversations, load, written_out};
use serde_json::Value as Json;

/// What only the server finds out: from the store, and from what was said before.
const KNOWN_TO_THE_SERVER: [&str; 5] =
    ["no_such_message", "not_member", "out_of_place", "refused", "unsupported"];

fn signed_in(user: &str) -> Codec {
    let mut codec = Codec::new(Dialect::Events);
    codec.signed_in(&Device::new(UserId::new(user).unwrap(), DeviceName::new("phone").unwrap()));
    codec
}

/// The word for what is wrong and the event it is about, as a client is told them.
fn told(error: &DecodeError) -> (String, String) {
    let mut frames = Frames::new();
    signed_in("alice").encode_server(&ServerPacket::Fault(error.fault()), &mut frames).unwrap();
    let event: Json = serde_json::from_slice(&frames.drain().next().unwrap()).unwrap();
    let request = event["request"].as_str().unwrap_or("-");
    (event["code"].as_str().unwrap().to_ascii_lowercase(), request.to_owned())
}

fn check_client(case: &Case) {
    let name = case.name();
    let mut said: Vec<Said> = Vec::new();
    let read = signed_in(case.get("user").unwrap()).decode_client(case.bytes(), &mut said);
    let error = case.get("error").map(|error| error.split_once(' ').unwrap());
    match (error, read) {
        (None, read) => {
            assert_eq!(read, Ok(()), "{name}");
            assert_eq!(said[0].claim, Claim::Own, "{name}");
            assert!(!matches!(said[0].packet, ClientPacket::Unfit { .. }), "{name}");
        }
        (Some(("not_yourself", _)), Ok(())) => {
            assert!(matches!(said[0].claim, Claim::Other(_)), "{name}");
        }
        // What has a name is refused by it: EV-ERR-2.
        (Some((word @ ("field" | "too_long"), _)), Ok(())) => match &said[0].packet {
            ClientPacket::Unfit { reason, .. } => {
                assert_eq!(*reason == Reject::TooLarge, word == "too_long", "{name}");
            }
            other => panic!("{name}: {other:?}"),
        },
        (Some((word, _)), Ok(())) => assert!(KNOWN_TO_THE_SERVER.contains(&word), "{name}"),
        (Some((word, request)), Err(error)) => {
            assert_eq!(told(&error), (word.to_owned(), request.to_owned()), "{name}");
            assert!(said.is_empty(), "{name}");
        }
    }
}

#[test]
fn what_clients_say_is_read_or_refused_for_its_reason() {
    // MISSION E3
    // EV-FRAME-1, EV-FRAME-2, EV-ID-1, EV-ID-2, EV-TIME-1, EV-TO-1, EV-ERR-2, EV-SEND-2, EV-KIND-1.
    let (mut taken, mut refused) = (0, 0);
    for case in load("events").iter().filter(|case| case.is_from_client()) {
        check_client(case);
        *(if case.get("error").is_some() { &mut refused } else { &mut taken }) += 1;
    }
    assert!(taken >= 100 && refused >= 160, "{taken} {refused}");
}

#[test]
fn what_clients_say_comes_out_of_packets_and_says_the_same() {
    // EV-SEND-1, EV-MARK-1, EV-REV-1, EV-RCT-1, EV-LIVE-1, EV-LIVE-2, EV-LIVE-3, EV-GRP-1, EV-QRY-1, EV-STAT-1, EV-USR-1.
    for case in load("events").iter().filter(|case| case.is_from_client()) {
        let mut codec = signed_in(case.get("user").unwrap());
        let (mut said, mut again) = (Vec::new(), Vec::new());
        if codec.decode_client(case.bytes(), &mut said).is_err() {
            continue;
        }
        let mut frames = Frames::new();
        for packet in said.iter().map(|it| &it.packet).filter(|it| !matches!(it, ClientPacket::Unfit { .. }))
        {
            codec.encode_client(packet, &mut frames).unwrap();
        }
        frames.iter().for_each(|frame| codec.decode_client(frame.clone(), &mut again).unwrap());
        if !frames.is_empty() {
            let packets = |said: Vec<Said>| said.into_iter().map(|it| it.packet).collect::<Vec<_>>();
            assert_eq!(packets(again), packets(said), "{}", case.name());
        }
    }
}

/// Read and written again, as JSON; nothing for a part of a receipt.
fn written_again(codec: &mut Codec, case: &Case, name: &str) -> Option<Json> {
    let (mut heard, mut frames) = (Vec::new(), Frames::new());
    codec.decode_server(case.bytes(), &mut heard).unwrap_or_else(|error| panic!("{name}: {error}"));
    heard.iter().for_each(|packet| codec.encode_server(packet, &mut frames).unwrap());
    let written: Vec<Json> = frames.drain().map(|frame| serde_json::from_slice(&frame).unwrap()).collect();
    assert!(written.len() <= 1, "{name}");
    written.into_iter().next()
}

#[test]
fn what_servers_say_comes_out_of_packets_as_it_went_in() {
    // MISSION E3
    // EV-WELCOME-1, EV-ACK-1, EV-DONE-1, EV-ERR-1, EV-MSG-1, EV-BODY-1, EV-BODY-2, EV-BODY-3, EV-ROW-1, EV-RCP-1, EV-REV-2,
    // EV-RCT-2, EV-RCT-3, EV-GRP-3, EV-QRY-2, EV-STAT-2, EV-USR-2, EV-USR-3, EV-BYE-1.
    let (mut same, mut changed) = (0, Vec::new());
    for case in load("events").iter().filter(|case| !case.is_from_client() && case.get("error").is_none()) {
        let written = written_again(&mut signed_in(case.get("user").unwrap()), case, case.name());
        if written == Some(written_out(&case.meaning().unwrap())) {
            same += 1;
        } else {
            changed.push(case.name().to_owned());
        }
    }
    assert_eq!(changed, CHANGED);
    assert!(same >= 140, "{same}");
}

/// Words of a later server are read as the nearest of ours; a part of a receipt says nothing yet; where the sound of a talk is
/// only the server knows, as bytes that no text shows and the reason why a text is cut short.
const CHANGED: [&str; 7] = [
    "bye_of_a_later_server",
    "error_of_a_later_server",
    "message_read_part",
    "new_message_of_a_later_kind",
    "new_message_voice",
    "refused_of_a_later_server",
    "welcome_of_a_later_server",
];

#[test]
fn what_no_client_should_take() {
    // EV-ROW-1, EV-RCP-1, EV-REV-2, EV-RCT-2, EV-GRP-3, EV-USR-2, EV-QRY-2.
    let mut refused = 0;
    for case in load("events").iter().filter(|case| !case.is_from_client()) {
        let Some((word, request)) = case.get("error").map(|error| error.split_once(' ').unwrap()) else {
            continue;
        };
        let read = signed_in(case.get("user").unwrap()).decode_server(case.bytes(), &mut Vec::new());
        assert_eq!(told(&read.unwrap_err()), (word.to_owned(), request.to_owned()), "{}", case.name());
        refused += 1;
    }
    assert!(refused >= 33, "{refused}");
}

#[test]
fn conversations_are_read_and_written_to_the_byte() {
    // MISSION E3
    let (mut said, mut heard) = (0, 0);
    for (name, events) in conversations() {
        for event in events.iter().filter(|event| event.get("hex").is_some()) {
            let user = event.get("who").unwrap().split([' ', '\'']).next().unwrap();
            let mut codec = signed_in(user);
            if !event.is_from_client() {
                let (mut packets, mut frames) = (Vec::new(), Frames::new());
                codec
                    .decode_server(event.bytes(), &mut packets)
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                codec.encode_server(&packets[0], &mut frames).unwrap();
                // Which field a refusal is about is said to people, not to programs.
                if event.meaning().unwrap()["message"] != "the field content is missing or not valid"
                    && event.meaning().unwrap()["message"] != "the field to is missing or not valid"
                {
                    assert_eq!(frames.drain().collect::<Vec<_>>(), [event.bytes()], "{name}");
                }
                heard += 1;
            } else if event
                .meaning()
                .is_some_and(|it| !["dance", "ack"].contains(&it["type"].as_str().unwrap()))
            {
                codec
                    .decode_client(event.bytes(), &mut Vec::new())
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                said += 1;
            }
        }
    }
    assert!(said >= 80 && heard >= 130, "{said} {heard}");
}
