//! Server-sent events and batches, as they look.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use bimip_codec::rest::{self, StreamAsked};
use bimip_codec::stream::{Batch, Sse};
use bimip_codec::{Codec, Dialect, Frames, Shared};
use bimip_proto::{
    Address, Body, BodyKind, ClientPacket, CloseReason, Device, DeviceName, Entry, Form, Head, Message,
    MessageId, Names, Offset, Receipt, Row, Seq, ServerPacket, Status, UnixMs, UserId, Welcome, Window,
};
use proptest::prelude::*;
use serde_json::Value;

const AT: UnixMs = UnixMs(1_763_652_000_123);

fn device(user: &str) -> Device {
    Device::new(UserId::new(user).unwrap(), DeviceName::new("web").unwrap())
}

fn row(offset: u64, entry: Entry) -> ServerPacket {
    ServerPacket::Deliver(Row {
        prev: Offset(offset.saturating_sub(1)),
        offset: Offset(offset),
        entry: Arc::new(entry),
    })
}

fn message(offset: u64, body: Body) -> ServerPacket {
    let head = Head {
        id: MessageId::new(7, offset),
        from: device("ann"),
        to: Address::User(UserId::new("bob").unwrap()),
        client_ref: None,
        client_time: None,
        at: AT,
        stamp: AT,
        seq: Seq(offset),
        kind: body.kind,
    };
    row(offset, Entry::Message(Message { head, body }))
}

fn receipt(offset: u64, count: u64) -> ServerPacket {
    let names = |number| Names { id: MessageId::new(7, number), alias: None, client_ref: None };
    row(
        offset,
        Entry::Receipt(Receipt {
            by: device("bob"),
            at: AT,
            status: Status::Delivered,
            messages: (1..=count).map(names).collect(),
        }),
    )
}

fn welcome(resume_from: u64, head: u64) -> Welcome {
    Welcome {
        epoch: 9,
        resume_from: Offset(resume_from),
        first: Offset(1),
        head: Offset(head),
        window: Window::default(),
        heartbeat_ms: 25_000,
        server_time: AT,
        connection_id: 1,
        dedup_days: 7,
    }
}

fn text(packet: &ServerPacket) -> String {
    let mut text = Vec::new();
    Sse::default().packet(packet, None, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// What an `EventSource` hands on: the last id it knows, and the data.
fn heard(text: &str) -> Vec<(String, String)> {
    let (mut heard, mut id, mut data) = (Vec::new(), String::new(), Vec::new());
    for line in text.split(['\n', '\r']) {
        match line.split_once(':').map(|(name, value)| (name, value.strip_prefix(' ').unwrap_or(value))) {
            Some(("id", value)) => value.clone_into(&mut id),
            Some(("data", value)) => data.push(value),
            Some(("" | "retry", _)) => {}
            None if line.is_empty() => {
                if !data.is_empty() {
                    heard.push((id.clone(), std::mem::take(&mut data).join("\n")));
                }
            }
            other => panic!("{other:?}"),
        }
    }
    heard
}

// ST-SSE-1, ST-SSE-2
#[test]
fn a_row_has_its_offset_for_an_id_and_is_the_event_of_the_web_socket() {
    let packet = message(3, Body::text("one\ntwo"));
    let mut frames = Frames::new();
    Codec::new(Dialect::Events).encode_server(&packet, &mut frames).unwrap();
    let frame = frames.drain().next().unwrap();
    let written = text(&packet);
    assert_eq!(heard(&written), [("3".to_owned(), String::from_utf8(frame.to_vec()).unwrap())]);
    assert!(written.starts_with("id: 3\ndata: {\"type\":\"new_message\","), "{written}");
    // The same, where it was made for others.
    let (shared, mut again) = (Shared::new(), Vec::new());
    Sse::default().packet(&packet, Some(&shared), &mut again).unwrap();
    assert_eq!(again, written.as_bytes());
}

// ST-SSE-2
#[test]
fn only_the_last_event_of_a_row_has_the_id_and_a_row_without_words_has_one_too() {
    let events = heard(&text(&receipt(5, 3)));
    let ids: Vec<&str> = events.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["", "", "5"]);
    let live = ServerPacket::Bye(CloseReason::GoingAway);
    assert_eq!(heard(&text(&live)), [(String::new(), r#"{"type":"bye","reason":"going_away"}"#.to_owned())]);
}

// ST-SSE-4
#[test]
fn a_sign_of_life_and_a_time_to_wait_are_no_events() {
    let mut text = Vec::new();
    Sse::heartbeat(&mut text);
    Sse::retry(3_000, &mut text);
    assert_eq!(text, b":\n\nretry: 3000\n\n");
    assert_eq!(heard(core::str::from_utf8(&text).unwrap()), []);
}

proptest! {
    // ST-SSE-3
    #[test]
    fn json_with_line_ends_between_its_fields_comes_out_as_it_was(
        ends in prop::collection::vec(prop::sample::select(vec!["\n", "\r", "\r\n", " ", ""]), 3),
        said in ".*",
    ) {
        let json = format!("{{{}\"text\":{}{},{}\"n\":1}}", ends[0], Value::from(said.clone()), ends[1], ends[2]);
        let body = Body { kind: BodyKind::Text, form: Form::Json, bytes: json.into(), seal: None };
        let events = heard(&text(&message(1, body)));
        prop_assert_eq!(events.len(), 1);
        let event: Value = serde_json::from_str(&events[0].1).unwrap();
        prop_assert_eq!(event["message"]["data"]["text"].as_str(), Some(said.as_str()));
    }

    // ST-ASK-1
    #[test]
    fn any_query_and_any_body_is_safe(query: String, header: Vec<u8>, body: Vec<u8>) {
        if let Ok(mut asked) = StreamAsked::read(&query) {
            let _ = asked.last_event(&header);
        }
        let _ = rest::read_ack(&body);
    }
}

// ST-SYNC-2
#[test]
fn a_batch_says_what_it_is_and_where_the_next_one_begins() {
    let mut batch = Batch::new(&welcome(2, 5), Offset(3));
    // What the client has, and what is no row, is not of it.
    batch.add(&message(3, Body::text("old")), None).unwrap();
    batch.add(&ServerPacket::Bye(CloseReason::ComeBack), None).unwrap();
    batch.add(&message(4, Body::text("new")), None).unwrap();
    assert_eq!((batch.rows(), batch.has_more()), (1, true));
    batch.add(&receipt(5, 2), None).unwrap();
    let json: Value = serde_json::from_str(&batch.finish()).unwrap();
    let events = json["events"].as_array().unwrap();
    assert_eq!(events.iter().map(|it| it["offset"].as_u64()).collect::<Vec<_>>(), [Some(4), None, Some(5)]);
    for (name, value) in [("epoch", 9), ("first", 1), ("since", 3), ("next", 5), ("head", 5)] {
        assert_eq!(json[name], value, "{name}");
    }
    assert_eq!(json["has_more"], false);
    // Beyond the end is of another mailbox; a row that came meanwhile is the new end.
    let mut batch = Batch::new(&welcome(2, 5), Offset(6));
    batch.add(&message(6, Body::text("late")), None).unwrap();
    let json: Value = serde_json::from_str(&batch.finish()).unwrap();
    assert_eq!((&json["since"], &json["head"]), (&2.into(), &6.into()));
    let json: Value = serde_json::from_str(&Batch::new(&welcome(4, 5), Offset::ZERO).finish()).unwrap();
    assert_eq!(
        (&json["next"], &json["has_more"], &json["events"]),
        (&4.into(), &false.into(), &Value::Array(vec![]))
    );
}

// ST-ASK-1, ST-SSE-1
#[test]
fn what_is_asked_stands_in_the_query_and_the_last_event_in_a_header_counts_first() {
    let asked = StreamAsked::read("token=a%20b&device_id=my+phone&last_event_id=7&epoch=3").unwrap();
    assert_eq!(asked.token.as_deref(), Some("a b"));
    assert_eq!(asked.device.as_ref().map(DeviceName::as_str), Some("my phone"));
    assert_eq!((asked.has, asked.epoch, asked.timeout_s, asked.limit), (Some(Offset(7)), Some(3), 30, 100));
    let mut asked = StreamAsked::read("since=7&timeout=0&limit=1").unwrap();
    assert_eq!((asked.has, asked.timeout_s, asked.limit), (Some(Offset(7)), 0, 1));
    asked.last_event(b"9").unwrap();
    assert_eq!(asked.has, Some(Offset(9)));
    asked.last_event(b"").unwrap();
    assert_eq!(asked.has, Some(Offset(9)));
    for (query, field) in [
        ("last_event_id=x", "last_event_id"),
        ("since=-1", "since"),
        ("since=+1", "since"),
        ("since=18446744073709551616", "since"),
        ("timeout=61", "timeout"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("epoch=4294967296", "epoch"),
        ("token=%ff", "token"),
    ] {
        assert_eq!(StreamAsked::read(query).unwrap_err().field, Some(field), "{query}");
    }
    assert_eq!(asked.last_event(b"1-2").unwrap_err().field, Some("Last-Event-ID"));
}

// ST-ACK-1
#[test]
fn an_acknowledgement_is_an_offset() {
    assert_eq!(rest::read_ack(br#"{"offset": 7}"#), Ok(ClientPacket::Dispose(Offset(7))));
    for body in [&br#"{"offset":"7"}"#[..], br#"{"offset":-7}"#, br#"{"offset":1.5}"#, b"{}"] {
        assert_eq!(rest::read_ack(body).unwrap_err().field, Some("offset"));
    }
    assert_eq!(rest::read_ack(b"7").unwrap_err().code, "MALFORMED");
}
