//! The vectors of the chat dialect: what another library wrote is read, means what is stated, and is written again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "vectors/files.rs"]
#[allow(dead_code, reason = "shared by several tests")]
mod files;

use std::collections::BTreeMap;

use bimip_codec::{Codec, DecodeError, Dialect, Frames};
use bimip_proto::{Claim, ClientPacket, Device, DeviceName, Said, ServerPacket, UserId};
use files::{Case, load, one, told_in, written_out};
use serde_json::Value as Json;

/// What only the server finds out: from the store, and from what was said before.
const KNOWN_TO_THE_SERVER: [&str; 2] = ["no_such_message", "not_member"];

fn signed_in(user: &str) -> Codec {
    let mut codec = Codec::new(Dialect::Chat);
    codec.signed_in(&Device::new(UserId::new(user).unwrap(), DeviceName::new("chat").unwrap()));
    codec
}

/// A codec of either end, behind the welcome.
fn welcomed(user: &str) -> Codec {
    let (mut codec, mut heard) = (signed_in(user), Vec::new());
    codec.decode_server(one("chat", "welcome").bytes(), &mut heard).unwrap();
    codec.encode_server(&heard[0], &mut Frames::new()).unwrap();
    codec
}

/// The word for what is wrong and the request it is about, as a client is told them.
fn told(error: &DecodeError) -> String {
    let mut frames = Frames::new();
    signed_in("alice").encode_server(&ServerPacket::Fault(error.fault()), &mut frames).unwrap();
    let said: Json = serde_json::from_slice(&frames.drain().next().unwrap()).unwrap();
    let code = said["code"].as_str().unwrap().to_ascii_lowercase();
    format!("{code} {}", said["request"].as_str().unwrap_or("-"))
}

fn check_client(case: &Case) {
    let name = case.name();
    let mut said: Vec<Said> = Vec::new();
    let read = signed_in(case.get("user").unwrap()).decode_client(case.bytes(), &mut said);
    let unfit = said.iter().filter(|it| matches!(it.packet, ClientPacket::Unfit { .. })).count();
    let foreign = said.iter().filter(|it| it.claim != Claim::Own).count();
    match (case.get("error"), read) {
        (None, read) => assert_eq!((read, unfit, foreign), (Ok(()), 0, 0), "{name}"),
        (Some(error), Err(read)) => {
            assert_eq!(told(&read), error, "{name}");
            assert!(said.is_empty(), "{name}");
        }
        (Some(error), Ok(())) => match error.split_once(' ').unwrap().0 {
            "not_yourself" => assert_eq!((unfit, foreign), (0, 1), "{name}"),
            // CH-ERR-2: the others are carried out.
            "field" => assert_eq!((unfit, foreign), (1, 0), "{name}"),
            word => assert!(KNOWN_TO_THE_SERVER.contains(&word) && unfit == 0, "{name}"),
        },
    }
}

#[test]
fn what_clients_say_is_read_or_refused_for_its_reason() {
    // MISSION A4
    // CH-FRAME-1, CH-FRAME-2, CH-FRAME-3, CH-CONN-1, CH-ID-1, CH-ID-2, CH-TO-1, CH-TIME-1, CH-SEND-1, CH-SEND-2, CH-ATT-1, CH-ERR-2, CH-ERR-3.
    let (mut taken, mut refused) = (0, 0);
    for case in load("chat").iter().filter(|case| case.is_from_client()) {
        check_client(case);
        *(if case.get("error").is_some() { &mut refused } else { &mut taken }) += 1;
    }
    assert!(taken >= 22 && refused >= 36, "{taken} {refused}");
}

#[test]
fn what_clients_say_comes_out_of_packets_and_says_the_same() {
    // CH-SEND-1, CH-SEND-2, CH-RCP-1, CH-REV-1, CH-LIVE-1, CH-STORE-1.
    let mut same = 0;
    for case in load("chat").iter().filter(|case| case.is_from_client()) {
        let mut codec = welcomed(case.get("user").unwrap());
        let (mut said, mut again, mut frames) = (Vec::new(), Vec::new(), Frames::new());
        if codec.decode_client(case.bytes(), &mut said).is_err() {
            continue;
        }
        said.retain(|it| !matches!(it.packet, ClientPacket::Unfit { .. }));
        said.iter().for_each(|it| codec.encode_client(&it.packet, &mut frames).unwrap());
        frames.drain().for_each(|frame| codec.decode_client(frame, &mut again).unwrap());
        let packets = |said: Vec<Said>| said.into_iter().map(|it| it.packet).collect::<Vec<_>>();
        assert_eq!(packets(again), packets(said), "{}", case.name());
        same += 1;
    }
    assert!(same >= 25, "{same}");
}

#[test]
fn what_servers_say_comes_out_of_packets_as_it_went_in() {
    // MISSION A4
    // CH-WELCOME-1, CH-ACK-1, CH-ACK-2, CH-ERR-1, CH-MSG-1, CH-ROW-1, CH-ROW-2, CH-STORE-1, CH-RCP-2, CH-REV-2, CH-LIVE-1, CH-BYE-1.
    let (mut same, mut changed) = (0, Vec::new());
    for case in load("chat").iter().filter(|case| !case.is_from_client() && case.get("error").is_none()) {
        let (name, mut codec) = (case.name(), welcomed(case.get("user").unwrap()));
        let (mut heard, mut frames) = (Vec::new(), Frames::new());
        codec.decode_server(case.bytes(), &mut heard).unwrap_or_else(|error| panic!("{name}: {error}"));
        heard.iter().for_each(|packet| codec.encode_server(packet, &mut frames).unwrap());
        let written: Vec<Json> = frames.drain().map(|it| serde_json::from_slice(&it).unwrap()).collect();
        if written == [written_out(&case.meaning().unwrap())] {
            same += 1;
        } else {
            changed.push((name.to_owned(), written));
        }
    }
    assert_eq!(changed, [], "{same}");
    assert!(same >= 25, "{same}");
}

#[test]
fn what_no_client_should_take() {
    // CH-MSG-1, CH-RCP-2, CH-WELCOME-1.
    let mut refused = 0;
    for case in load("chat").iter().filter(|case| !case.is_from_client() && case.get("error").is_some()) {
        let read = welcomed(case.get("user").unwrap()).decode_server(case.bytes(), &mut Vec::new());
        assert_eq!(told(&read.unwrap_err()), case.get("error").unwrap(), "{}", case.name());
        refused += 1;
    }
    assert!(refused >= 5, "{refused}");
}

#[test]
fn conversations_are_read_and_written_to_the_byte() {
    // MISSION A4
    // CH-CONN-1, CH-ROW-1, CH-ACK-2, CH-STORE-1.
    let (mut said, mut heard) = (0, 0);
    for (name, events) in told_in("chat_conversations") {
        let mut codecs = BTreeMap::new();
        for event in events.iter().filter(|event| event.get("hex").is_some()) {
            let user = event.get("who").unwrap();
            let codec = codecs.entry(user).or_insert_with(|| signed_in(user));
            if event.is_from_client() {
                codec
                    .decode_client(event.bytes(), &mut Vec::new())
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
                said += 1;
                continue;
            }
            let (mut packets, mut frames) = (Vec::new(), Frames::new());
            codec
                .decode_server(event.bytes(), &mut packets)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            packets.iter().for_each(|packet| codec.encode_server(packet, &mut frames).unwrap());
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let frames: Vec<String> = frames.drain().map(|frame| text(&frame)).collect();
            // Which field a refusal is about is said to people, not to programs.
            if !text(&event.bytes()).contains("the field receiverId is missing") {
                assert_eq!(frames, [text(&event.bytes())], "{name}");
            }
            heard += 1;
        }
    }
    assert!(said >= 12 && heard >= 22, "{said} {heard}");
}
