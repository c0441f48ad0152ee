//! The msgpack dialect: it has no word for "I do not understand", so most answers are none.

use bimip_codec::Dialect::VoicePing;

use crate::support::msgpack::{self, V};
use crate::support::unhex;
use crate::{Row, Sends, Then, Who};

pub(crate) fn ping() -> Vec<u8> {
    msgpack::array(&[V::Int(1), V::Int(25), V::Str("ann"), V::Int(0), V::Str("after")])
}

pub(crate) fn rows() -> Vec<Row> {
    let silent = |name, frame: Vec<u8>, moves| Row {
        name,
        dialect: VoicePing,
        who: Who::Ann,
        sends: Sends::Frame(frame),
        answers: vec![],
        then: Then::Stays,
        moves,
    };
    let talk = |kind, to, payload: &[V<'_>]| {
        let mut values = vec![V::Int(1), V::Int(kind), V::Str("ann"), V::Str(to)];
        values.extend(payload);
        msgpack::array(&values)
    };
    let nested = |depth| [unhex("950111a3616e6ea3626f62"), vec![0x91; depth], vec![0xc0]].concat();
    let undefined = |kind: &str| unhex(&format!("9501{kind}a3616e6ea3626f62d40000"));
    let large = "x".repeat(64 * 1024);
    let malformed = &[("fault_malformed", 1)];
    vec![
        Row {
            answers: vec![r#"[1,22,"ann","bob","1_17_bob_ann_<ms>.txt","Acknowledged"]"#.to_owned()],
            ..silent("a text of 64 KiB", talk(17, "bob", &[V::Str(&large)]), &[("accepted", 1)])
        },
        Row {
            then: Then::Closed(Some(1009)),
            ..silent(
                "a frame of 1 MiB",
                vec![0; 1024 * 1024],
                &[("fault_too_long", 1), ("oversize_frames", 1)],
            )
        },
        silent("an empty frame", vec![], malformed),
        Row {
            sends: Sends::Text("hello"),
            ..silent("a text frame", vec![], &[("fault_unsupported", 1), ("text_frames", 1)])
        },
        silent("a byte that msgpack does not use", unhex("c1"), malformed),
        silent("random bytes", unhex("9f4d1be07a33c8e5210f96bb5e"), malformed),
        silent("half a frame", unhex("9501"), malformed),
        silent("a map", unhex("80"), malformed),
        silent("a byte too many", unhex("950111a3616e6ea3626f62a16800"), malformed),
        silent("an array that declares 4294967295 elements", unhex("ddffffffff"), malformed),
        silent("a string that declares 4294967295 bytes", unhex("950101a161dbffffffff"), malformed),
        silent("640 nested arrays", nested(640), malformed),
        silent("a text of nil", talk(17, "bob", &[V::Nil]), &[("fault_field", 1)]),
        silent("a text of undefined (d4 00 00)", undefined("11"), &[("fault_field", 1)]),
        Row {
            answers: vec![r#"[1,6,"ann","bob","Acknowledged"]"#.to_owned()],
            ..silent("a start with undefined (d4 00 00)", undefined("01"), &[("talks", 1)])
        },
        silent("channel type 2", unhex("950211a3616e6ea3626f62a168"), malformed),
        silent("message type 99", unhex("950163a3616e6ea3626f62a168"), &[("fault_unknown", 1)]),
        silent("live audio of 5 KiB", talk(3, "bob", &[V::Bin(&[0; 5 * 1024])]), &[("fault_too_long", 1)]),
        silent(
            "a text from somebody else",
            msgpack::array(&[V::Int(1), V::Int(17), V::Str("eve"), V::Str("bob"), V::Str("hi")]),
            &[("fault_not_yourself", 1), ("rejected", 1)],
        ),
        Row {
            sends: Sends::Times(20, unhex("c1")),
            then: Then::Closed(Some(1008)),
            ..silent("20 bad frames", vec![], &[("fault_malformed", 20), ("strikes_closed", 1)])
        },
    ]
}
