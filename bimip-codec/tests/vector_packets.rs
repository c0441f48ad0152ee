//! The vectors of `docs/protocol/vectors` through packets: what is read is written again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "vectors/files.rs"]
#[allow(dead_code, reason = "shared by several tests")]
mod files;

use bimip_codec::voiceping::{FrameBuilder, IdText, Kind};
use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{Channel, Device, DeviceName, Said, UserId};
use files::{hex, load};

fn signed_in(dialect: Dialect, user: &str) -> Codec {
    let mut codec = Codec::new(dialect);
    codec.signed_in(&Device::new(UserId::new(user).unwrap(), DeviceName::new("phone").unwrap()));
    codec
}

/// Every good frame of one direction, read into packets and written from them: it says the same, whatever its bytes.
/// Gives those that do not come out as the same bytes.
fn written_again(dialect: Dialect, folder: &str, from_client: bool) -> (usize, Vec<String>) {
    let (mut same, mut changed) = (0, Vec::new());
    for case in
        load(folder).iter().filter(|case| case.is_from_client() == from_client && case.error().is_none())
    {
        let (name, bytes, user) = (case.name(), case.bytes(), case.get("user").unwrap());
        let mut codec = signed_in(dialect, user);
        if let Ok(number) = user.parse() {
            // VP-ID-2: who writes numbers is written numbers.
            let test = FrameBuilder::new(Channel::Private, Kind::ConnectionTest, IdText::Number(number));
            codec.decode_client(test.build(), &mut Vec::new()).unwrap();
        }
        let mut frames = Frames::new();
        if from_client {
            let (mut said, mut again) = (Vec::new(), Vec::new());
            codec.decode_client(bytes.clone(), &mut said).unwrap_or_else(|error| panic!("{name}: {error}"));
            said.iter().for_each(|it| codec.encode_client(&it.packet, &mut frames).unwrap());
            frames.iter().for_each(|frame| codec.decode_client(frame.clone(), &mut again).unwrap());
            let packets = |said: Vec<Said>| said.into_iter().map(|it| it.packet).collect::<Vec<_>>();
            if name == "delivered_none" {
                // A receipt for nothing is read, and not written.
                assert!(frames.is_empty());
            } else {
                assert_eq!(packets(again), packets(said), "{name}");
            }
        } else {
            let (mut heard, mut again) = (Vec::new(), Vec::new());
            codec.decode_server(bytes.clone(), &mut heard).unwrap_or_else(|error| panic!("{name}: {error}"));
            heard.iter().for_each(|packet| codec.encode_server(packet, &mut frames).unwrap());
            frames.iter().for_each(|frame| codec.decode_server(frame.clone(), &mut again).unwrap());
            assert_eq!(again, heard, "{name}");
        }
        if frames.drain().map(|frame| hex(&frame)).eq([hex(&bytes)]) {
            same += 1;
        } else {
            changed.push(name.to_owned());
        }
    }
    (same, changed)
}

#[test]
fn what_a_server_says_comes_out_of_packets_as_it_went_in() {
    // VP-ACK-1, VP-TALK-4, VP-GROUP-3, VP-RECEIPT-2, VP-PING-1, VP-BYE-1, VP-MSGID-1, VP-TEXT-4.
    let (same, changed) = written_again(Dialect::VoicePing, "voiceping", false);
    // The original has the keys of a recorded talk in another order.
    assert_eq!(changed, ["stop_forward_private"]);
    assert!(same >= 50, "{same}");
    // BM-WELCOME-1, BM-WELCOME-2, BM-BYE-1, BM-ACK-1, BM-ACK-2, BM-DELIVER-1, BM-DELIVER-2, BM-MARK-2.
    let (same, changed) = written_again(Dialect::Scheme, "bimip.v1", false);
    // Words of a later server are read as the nearest of ours; a part of a receipt says nothing yet.
    assert_eq!(changed, ["bye_of_a_later_server", "error_of_a_later_server", "event_part"]);
    assert!(same >= 55, "{same}");
}

#[test]
fn what_a_client_says_comes_out_of_packets_and_says_the_same() {
    // VP-FRAME-1, VP-FRAME-3, VP-TEXT-1, VP-RECEIPT-1, BM-SEND-1, BM-GROUP-1, BM-DISPOSE-1, BM-MARK-1.
    let (same, changed) = written_again(Dialect::VoicePing, "voiceping", true);
    // This end writes ids as text, and payloads and senders in one form of the many that are read.
    assert!(same >= 50 && changed.len() < 55, "{same} {changed:?}");
    // And it leaves out what the server does not look at.
    let (same, changed) = written_again(Dialect::Scheme, "bimip.v1", true);
    assert!(same >= 20 && changed.len() < 60, "{same} {changed:?}");
}
