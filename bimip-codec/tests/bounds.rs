//! What hostile frames cost: no decoder takes more memory than twice the frame and a constant, whatever it claims.
//!
//! Counted is the most that this thread holds at once while it reads a frame, beyond the frame itself.
#![allow(clippy::unwrap_used, reason = "test code")]
#![allow(unsafe_code, reason = "an allocator cannot be written without; this one passes on and counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use bimip_codec::{Codec, Dialect};
use bimip_proto::{Device, DeviceName, UserId, limits};
use bytes::Bytes;

thread_local! {
    /// Held now, and the most since it was set back.
    static HELD: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note(more: usize, less: usize) {
    // A thread that is ending has nothing left to count.
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        let now = now + more.cast_signed() - less.cast_signed();
        held.set((now, most.max(now)));
    });
}

// SAFETY: every call is passed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size(), 0);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note(0, layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Twice the frame, and this: the greatest list of ids, a page of the smallest rows, the spare room of JSON, and what growing
/// by doubling leaves over.
const CONSTANT: usize = 128 * 1024;

/// The most that was held beyond what was held before.
fn most(work: impl FnOnce()) -> usize {
    let (before, _) = HELD.get();
    HELD.set((before, before));
    work();
    usize::try_from(HELD.get().1 - before).unwrap()
}

fn read(dialect: Dialect, what: &str, frame: &[u8]) {
    let mut codec = Codec::new(dialect);
    codec.signed_in(&Device::new(UserId::new("ann").unwrap(), DeviceName::new("phone").unwrap()));
    let limit = 2 * frame.len() + CONSTANT;
    let bytes = Bytes::copy_from_slice(frame);
    let took = most(|| {
        let _ = codec.decode_client(bytes.clone(), &mut Vec::new());
    });
    assert!(took <= limit, "{dialect:?}, a client's {what}: {took} bytes for {}", frame.len());
    let took = most(|| {
        let _ = codec.decode_server(bytes, &mut Vec::new());
    });
    assert!(took <= limit, "{dialect:?}, a server's {what}: {took} bytes for {}", frame.len());
}

/// A part, again and again, until there are about so many bytes.
fn filled(part: &[u8], len: usize) -> Vec<u8> {
    part.repeat(len / part.len())
}

#[test]
fn this_test_counts() {
    let took = most(|| drop(std::hint::black_box(vec![0_u8; 10_000])));
    assert_eq!(took, 10_000);
    let took = most(|| {
        let mut bytes = Vec::with_capacity(100);
        bytes.resize(1_000, 0_u8);
        drop(std::hint::black_box(bytes));
    });
    assert_eq!(took, 1_000);
}

// ---- VoicePing --------------------------------------------------------------------------------------------

/// Kinds in which something is read.
const KINDS: [u8; 12] = [1, 3, 4, 6, 8, 17, 18, 20, 21, 22, 23, 25];

fn walkie(what: &str, payload: &[u8]) {
    for kind in KINDS {
        let frame = [&[0x95, 1, kind][..], b"\xa3ann\xa3bob", payload].concat();
        read(Dialect::VoicePing, what, &frame);
        let frame = [&[0x96, 1, kind][..], b"\xa3ann\xa3bob\xa1m", payload].concat();
        read(Dialect::VoicePing, what, &frame);
    }
}

fn string(text: &[u8]) -> Vec<u8> {
    [&[0xdb][..], &u32::try_from(text.len()).unwrap().to_be_bytes(), text].concat()
}

#[test]
fn lengths_that_are_not_there_cost_nothing() {
    for header in [0xc6, 0xdb, 0xdd, 0xdf] {
        walkie("claim", &[header, 0xff, 0xff, 0xff, 0xff]);
        walkie("claim", &[header, 0x7f, 0xff, 0xff, 0xff, 0, 0]);
    }
    for key in [0x3a, 0x32, 0x1a, 0x82] {
        read(Dialect::Scheme, "claim", &[8, 7, key, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        read(Dialect::Scheme, "claim", &[8, 6, 0x32, 4, key, 0xff, 0xff, 0x7f]);
    }
}

#[test]
fn small_things_in_great_number_are_bounded_in_msgpack() {
    let room = limits::WALKIE_FRAME_BYTES - 64;
    let parts: [(&str, &[u8]); 9] = [
        ("nils", b"\xc0"),
        ("falses", b"\xc2"),
        ("numbers", b"\x7f"),
        ("negative numbers", b"\xd1\x80\x00"),
        ("small floats", b"\xca\x00\x00\x00\x01"),
        ("tiny floats", b"\xcb\x00\x00\x00\x00\x00\x00\x00\x01"),
        ("huge floats", b"\xcb\x7f\xef\xff\xff\xff\xff\xff\xff"),
        ("empty lists", b"\x90"),
        ("escapes", b"\xa4\x01\x01\x01\x01"),
    ];
    for (what, part) in parts {
        let items = filled(part, room);
        let count = u32::try_from(items.len() / part.len()).unwrap();
        walkie(what, &[&[0xdd][..], &count.to_be_bytes(), &items].concat());
        let fields = filled(&[b"\xa0", part].concat(), room);
        let count = u32::try_from(fields.len() / (part.len() + 1)).unwrap();
        walkie(what, &[&[0xdf][..], &count.to_be_bytes(), &fields].concat());
        let keys = filled(b"\x01\xc0", room);
        let count = u32::try_from(keys.len() / 2).unwrap();
        walkie("number keys", &[&[0xdf][..], &count.to_be_bytes(), &keys].concat());
    }
}

#[test]
fn nesting_is_bounded() {
    let deep = |levels: usize| [&filled(b"\x91", levels)[..], b"\xc0"].concat();
    let text = |payload: &[u8]| [&b"\x95\x01\x11\xa3ann\xa3bob"[..], payload].concat();
    let decoded = |frame: Vec<u8>| bimip_codec::voiceping::Frame::decode(frame.into()).is_ok();
    assert!(decoded(text(&deep(limits::DEPTH))));
    assert!(!decoded(text(&deep(limits::DEPTH + 1))));
    walkie("depth", &deep(limits::WALKIE_FRAME_BYTES - 64));
    walkie("depth in JSON", &string(format!("{{\"a\":{}", "[".repeat(200_000)).as_bytes()));
    let whole = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    walkie("depth in JSON, closed", &string(whole.as_bytes()));
    // Groups, one in the other, at the top and where prost passes over what it does not know.
    read(Dialect::Scheme, "groups", &filled(b"\x0b", limits::FRAME_BYTES));
    for route in ROUTES {
        scheme("groups", route, &filled(b"\xfb\x07", 400_000));
    }
}

#[test]
fn json_is_bounded() {
    let room = limits::WALKIE_FRAME_BYTES - 128;
    for field in [r#""":0,"#, r#""a":"","#, r#""\u0061":{},"#, r#""message_id":"x","#] {
        let fields = filled(field.as_bytes(), room);
        let object = [b"{", &fields[..fields.len() - 1], b"}"].concat();
        walkie("fields", &string(&object));
        walkie("fields, cut off", &string(&object[..object.len() - 2]));
    }
    for id in [r#""","#, r#""a","#, r#""\u0061","#, r#""1_17_a_b_1.txt","#, r#""00000000000000000g00","#] {
        let ids = filled(id.as_bytes(), room);
        walkie("ids", &string(&[b"[", &ids[..ids.len() - 1], b"]"].concat()));
    }
    let one = format!(r#"{{"text":"{}"}}"#, r"\n".repeat(room / 2 - 16));
    walkie("escaped text", &string(one.as_bytes()));
    let one = format!(r#"["{}"]"#, r"\u0061".repeat(room / 6 - 16));
    walkie("escaped id", &string(one.as_bytes()));
    walkie("text", &string(&filled(b"x", room)));
    walkie("no text", &string(&filled(b"\xff", room)));
}

// ---- bimip.v1 ---------------------------------------------------------------------------------------------

const ROUTES: [u8; 16] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 17, 18, 19, 21];

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A frame of a route, with the payload in one piece and in as many as fit.
fn scheme(what: &str, route: u8, payload: &[u8]) {
    let piece = |payload: &[u8]| {
        [varint(usize::from(route) << 3 | 2), varint(payload.len()), payload.to_vec()].concat()
    };
    read(Dialect::Scheme, what, &[vec![8, route], piece(payload)].concat());
    let pieces = filled(&piece(&payload[..payload.len().min(16)]), 400_000);
    read(Dialect::Scheme, what, &[vec![8, route], pieces].concat());
}

#[test]
fn small_fields_in_great_number_are_bounded_in_protobuf() {
    let room = limits::FRAME_BYTES - 64;
    for route in ROUTES {
        for tag in (1..=18_u8).chain(30..=33) {
            let key = varint(usize::from(tag) << 3 | 2);
            // Empty, a name in it, a name and more of the same in it.
            for value in [&b"\x00"[..], b"\x03\x0a\x01a", b"\x06\x0a\x01a\x12\x01b"] {
                scheme("fields", route, &filled(&[&key, value].concat(), room));
            }
            // One that fills the frame.
            let long = filled(b"a", room - 64);
            scheme("field", route, &[&key[..], &varint(long.len()), &long].concat());
            let identity = [&b"\x0a"[..], &varint(long.len() - 8), &long[8..]].concat();
            scheme("identity", route, &[&key[..], &varint(identity.len()), &identity].concat());
        }
    }
}

/// As many reactions as an answer may have, and more, each as small as it can be.
#[test]
fn reactions_in_great_number_are_bounded() {
    let part = |tag: u8, bytes: &[u8]| [vec![tag << 3 | 2], varint(bytes.len()), bytes.to_vec()].concat();
    let user = part(4, b"u");
    let identity = |tag| part(tag, &[part(1, b"a"), part(2, b"1")].concat());
    let message = part(
        1,
        &[
            part(2, b"00000000000000000001"),
            identity(3),
            identity(4),
            vec![5 << 3, 1, 6 << 3, 1],
            part(14, b"d:a:a"),
            vec![15 << 3, 1],
        ]
        .concat(),
    );
    for (users, message) in
        [0, 1, limits::REACTION_USERS, 9].iter().flat_map(|users| [(*users, &b""[..]), (*users, &message)])
    {
        let count =
            part(10, &[&part(1, b"e")[..], &[2 << 3, 1], &filled(&user, users * user.len())].concat());
        for (rows, each) in [(1, 32), (8, 32), (100, 2), (100, 3), (100, 32), (1, 20_000)] {
            let row = part(10, &[message, &filled(&count, each * count.len())].concat());
            let answer =
                [&[1 << 3, 2, 3 << 3, 1][..], &part(2, b"q"), &filled(&row, rows * row.len())].concat();
            scheme("reactions", 18, &answer);
        }
    }
}

#[test]
fn long_names_are_bounded() {
    let room = limits::FRAME_BYTES - 256;
    let text = |tag: u8, text: &[u8]| [vec![tag << 3 | 2], varint(text.len()), text.to_vec()].concat();
    let draft = |conversation: &[u8]| {
        [text(1, b"r"), text(4, b"\x0a\x03bob"), vec![5 << 3, 1], text(7, b"{}"), text(14, conversation)]
            .concat()
    };
    for conversation in [b"g:".to_vec(), b"d:a:".to_vec(), b"d:".to_vec()] {
        for part in [&b"a"[..], b"%2F", b"%F0%9F%98%80"] {
            let long = [conversation.clone(), filled(part, room - 64)].concat();
            scheme("conversation", 6, &draft(&long));
        }
    }
    // What a client reads: a message, a signal with everything long.
    let long = filled(b"a", room / 4);
    scheme("message", 6, &[text(1, &long), text(8, &long), text(9, &long), vec![5 << 3, 1]].concat());
    scheme("signal", 7, &[text(1, &long), text(3, &long), text(10, &long), vec![8 << 3, 4]].concat());
    scheme("token", 5, &[text(2, &filled(b"a", room)), vec![3 << 3, 1, 4 << 3, 3]].concat());
}

// ---- chat -------------------------------------------------------------------------------------------------

/// A frame with as many entities as there may be, and one with as many as fit.
fn chat(what: &str, entity: &str) {
    let fit = (limits::FRAME_BYTES - 64) / (entity.len() + 1);
    for count in [limits::RECEIPT_MESSAGES, limits::CHAT_ENTITIES, fit] {
        let payload = format!("{{\"payload\":[{}]}}", vec![entity; count].join(","));
        read(Dialect::Chat, what, payload.as_bytes());
        if count == fit {
            continue;
        }
        let frames = vec![&payload[..]; (limits::FRAME_BYTES - 64) / (payload.len() + 1)].join(",");
        read(Dialect::Chat, what, format!("{{\"messages\":[{frames}]}}").as_bytes());
    }
}

#[test]
fn entities_in_great_number_are_bounded() {
    chat("nothing", "0");
    chat("empty entities", "{}");
    chat("flags", r#"{"read":true}"#);
    chat("texts", r#"{"messageId":"c","receiverId":"b","messageText":"x"}"#);
    chat("names", &format!(r#"{{"messageId":"{}","read":true}}"#, "00000000000000000001"));
    let uris = vec!["\"/\""; limits::ATTACHMENTS].join(",");
    chat("attachments", &format!(r#"{{"receiverId":"b","attachmentURI":[{uris}]}}"#));
    chat("receipts", r#"{"by":"b","byDeviceId":"d","read":true,"timestamp":1,"offset":1,"prevOffset":0}"#);
    let head = r#""senderId":"a","senderDeviceId":"d","receiverId":"b","id":"00000000000000000001","timestamp":1,"seq":1"#;
    chat("messages", &format!(r#"{{{head},"offset":1,"prevOffset":0,"messageText":""}}"#));
    chat(
        "shown",
        &format!(r#"{{{head},"offset":1,"prevOffset":0,"messageText":"","attachmentURI":[{uris}]}}"#),
    );
    chat("answers", &format!(r#"{{{head},"offset":1}}"#));
    let many = vec!["\"/\""; 100_000].join(",");
    chat("too many attachments", &format!(r#"{{"receiverId":"b","attachmentURI":[{many}]}}"#));
}

#[test]
fn long_parts_of_entities_are_bounded() {
    let room = limits::FRAME_BYTES - 256;
    let one = |what, entity: String| {
        read(Dialect::Chat, what, format!(r#"{{"payload":[{entity}]}}"#).as_bytes());
        read(Dialect::Chat, what, format!(r#"{{"messages":[{{"payload":[{entity}]}}]}}"#).as_bytes());
    };
    for part in ["a", "\\n", "\\ud83d\\ude00"] {
        let long = String::from_utf8(filled(part.as_bytes(), room)).unwrap();
        one("a text", format!(r#"{{"receiverId":"b","messageText":"{long}"}}"#));
        one("an address", format!(r#"{{"receiverId":"b","attachmentURI":"{long}"}}"#));
        one("a name", format!(r#"{{"receiverId":"b","messageId":"{long}","messageText":"x"}}"#));
        one("a receiver", format!(r#"{{"receiverId":"{long}","messageText":"x"}}"#));
        let half = &long[..long.len() / 2 / part.len() * part.len()];
        one("both", format!(r#"{{"receiverId":"b","messageText":"{half}","attachmentURI":["{half}"]}}"#));
        read(Dialect::Chat, "a token", format!(r#"{{"type":"auth","token":"{long}"}}"#).as_bytes());
    }
}
