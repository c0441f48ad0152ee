//! The protobuf dialect: every bad frame is answered, by name where it has one.

use bimip_codec::Dialect::Scheme;

use crate::support::protobuf::{self, P};
use crate::support::unhex;
use crate::{Row, Sends, Then, Who};

type Moves = &'static [(&'static str, u64)];

const MALFORMED: Moves = &[("fault_malformed", 1)];
const OUT_OF_PLACE: Moves = &[("fault_out_of_place", 1)];
const OVERSIZE: Moves = &[("fault_too_long", 1), ("oversize_frames", 1)];

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = sizes();
    rows.extend(shapes());
    rows.extend(phases());
    rows
}

/// Too much, too little, the wrong kind.
fn sizes() -> Vec<Row> {
    let large = "x".repeat(64 * 1024);
    let ack = r#"{1:7 7:{1:"c-1" 2:"1" 3:"1" 4:1 5:<ms> 6:{1:"ann" 2:"phone"} 7:{1:"bob"} 8:2 10:"<id>"}}"#;
    let too_long = fault(413, 0, "the frame is too long");
    vec![
        row("a message of 64 KiB", message("ann", "bob", &large), ack, &[("accepted", 1)]),
        Row {
            answers: vec![too_long.clone(), goodbye(r#"1:{1:"ann" 2:"phone"} "#, "too_long")],
            then: Then::Closed(Some(1009)),
            ..row("a frame of 1 MiB", vec![0; 1024 * 1024], &too_long, OVERSIZE)
        },
        row("an empty frame", vec![], &fault(400, 0, "not a frame: empty frame"), MALFORMED),
        Row {
            sends: Sends::Text("hello"),
            ..row(
                "a text frame",
                vec![],
                &fault(501, 0, "frames are binary"),
                &[("fault_unsupported", 1), ("text_frames", 1)],
            )
        },
        Row {
            who: Who::Stranger,
            answers: vec![too_long.clone(), goodbye("", "too_long")],
            then: Then::Closed(Some(1009)),
            ..row("5 KiB before the sign-in", message("ann", "bob", &large[..5 * 1024]), &too_long, OVERSIZE)
        },
    ]
}

/// Bytes that are no frame, and frames that are none of ours.
fn shapes() -> Vec<Row> {
    let no_frame = fault(400, 0, "not a frame: protobuf");
    let goodbye = r#"{1:12 12:{1:{1:"ann" 2:"phone"} 2:2 3:1 5:"strikes" 6:2}}"#;
    let other_payload = fault(421, 7, "route 7 with the payload of another route");
    // Tag 16 takes two bytes.
    let welcome = unhex("0810820100");
    let no_payload = fault(428, 6, "route 6 without its payload");
    let not_served = fault(501, 16, "kind or route 16 is not supported");
    let no_place = fault(422, 9, "kind or route 9: to.eid is missing or not valid");
    let no_target = concat!(
        r#"{1:7 7:{1:"c-1" 4:1 7:{1:"ann" 2:"phone"} 8:3 "#,
        r#"9:"the field to.eid is missing or not valid" 11:422}}"#
    );
    vec![
        row("random bytes", unhex("9f4d1be07a33c8e5210f96bb5e"), &no_frame, MALFORMED),
        row("half a frame", unhex("08063205"), &no_frame, MALFORMED),
        row("a field that declares 4294967295 bytes", unhex("080632ffffffff0f"), &no_frame, MALFORMED),
        row("640 nested groups", [unhex("0806"), vec![0x0b; 640]].concat(), &no_frame, MALFORMED),
        row(
            "route 99",
            unhex("086332020801"),
            &fault(404, 99, "unknown kind or route 99"),
            &[("fault_unknown", 1)],
        ),
        row("route 7 with the payload of 6", route(7, 6), &other_payload, &[("fault_mismatched", 1)]),
        row("route 6 without a payload", unhex("0806"), &no_payload, &[("fault_missing", 1)]),
        row("a welcome, which is the server's word", welcome, &not_served, &[("fault_unsupported", 1)]),
        row("a position for nobody", route(9, 9), &no_place, &[("fault_field", 1)]),
        row("a message to nobody", message("ann", "", "hi"), no_target, &[("rejected", 1)]),
        Row {
            sends: Sends::Times(20, unhex("0b")),
            answers: [vec![no_frame.clone(); 20], vec![goodbye.to_owned()]].concat(),
            then: Then::Closed(Some(1008)),
            ..row("20 bad frames", vec![], "", &[("fault_malformed", 20), ("strikes_closed", 1)])
        },
    ]
}

/// Good frames at the wrong time, or from the wrong user.
fn phases() -> Vec<Row> {
    let stranger = |row| Row { who: Who::Stranger, ..row };
    let no_frame = fault(400, 0, "not a frame: protobuf");
    let hello = || message("ann", "bob", "hi");
    let not_ann =
        r#"{1:7 7:{1:"c-1" 4:1 7:{1:"ann" 2:"phone"} 8:3 9:"from is not the signed-in user" 11:403}}"#;
    let (early, good) = (fault(405, 6, "sign in first"), r#"{1:5 5:{1:{1:"ann" 2:"phone"} 3:2 4:3}}"#);
    let not_yourself = &[("fault_not_yourself", 1), ("rejected", 1)];
    vec![
        row("a message from somebody else", message("eve", "bob", "hi"), not_ann, not_yourself),
        row("a second sign-in, which is a question", sign_in("ann", "ann"), good, &[]),
        stranger(row("a message before the sign-in", hello(), &early, OUT_OF_PLACE)),
        stranger(row("random bytes before the sign-in", unhex("9f4d1be07a33c8"), &no_frame, MALFORMED)),
        Row {
            then: Then::Closed(Some(1008)),
            ..stranger(row(
                "a sign-in as somebody else",
                sign_in("ann", "eve"),
                &fault(401, 5, "refused"),
                &[("sign_in_refused", 1)],
            ))
        },
    ]
}

/// Ann sends a frame, is answered with one, and stays.
fn row(name: &'static str, frame: Vec<u8>, answer: &str, moves: Moves) -> Row {
    Row {
        name,
        dialect: Scheme,
        who: Who::Ann,
        sends: Sends::Frame(frame),
        answers: vec![answer.to_owned()],
        then: Then::Stays,
        moves,
    }
}

/// Route 12, in words.
fn goodbye(to: &str, reason: &str) -> String {
    format!(r#"{{1:12 12:{{{to}2:2 3:1 5:"{reason}" 6:2}}}}"#)
}

/// Route 11, in words.
fn fault(code: u32, origin: u32, details: &str) -> String {
    let origin = if origin == 0 { String::new() } else { format!("2:{origin} ") };
    format!("{{1:11 11:{{1:{code} {origin}3:{details:?}}}}}")
}

/// A message as a client writes it.
fn message(from: &str, to: &str, payload: &str) -> Vec<u8> {
    let (from, to) = ([(1, P::Str(from))], [(1, P::Str(to))]);
    let fields = [
        (1, P::Str("c-1")),
        (3, P::Message(&from)),
        (4, P::Message(&to)),
        (5, P::Int(1)),
        (7, P::Str(payload)),
        (11, P::Int(1)),
    ];
    protobuf::message(&[(1, P::Int(6)), (6, P::Message(&fields))])
}

/// A route number with a payload.
fn route(number: u64, payload: u32) -> Vec<u8> {
    protobuf::message(&[(1, P::Int(number)), (payload, P::Message(&[(1, P::Str("x"))]))])
}

pub(crate) fn sign_in(user: &str, token: &str) -> Vec<u8> {
    let to = [(1, P::Str(user)), (2, P::Str("phone"))];
    let authority = [(1, P::Message(&to)), (2, P::Str(token)), (3, P::Int(1)), (4, P::Int(3))];
    protobuf::message(&[(1, P::Int(5)), (5, P::Message(&authority))])
}

pub(crate) fn ping() -> Vec<u8> {
    let from = [(1, P::Str("ann")), (2, P::Str("phone"))];
    let ping = [(1, P::Str("after")), (2, P::Message(&from)), (3, P::Int(1)), (4, P::Int(1))];
    protobuf::message(&[(1, P::Int(3)), (3, P::Message(&ping))])
}
