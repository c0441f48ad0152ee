//! The two dialects over real sockets, one smoke test for each thing that a socket adds to the core.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "support/support.rs"]
mod support;

use bimip_proto::{
    Address, Body, BodyKind, ClientPacket, ClientRef, CloseReason, Draft, Entry, Form, Noted, Offset,
    ServerPacket, Status,
};
use bytes::Bytes;
use support::msgpack::{V, array};
use support::{Phone, Running, Wire, device, user};

fn text(from: &str, to: &str, text: &str) -> Vec<u8> {
    array(&[V::Int(1), V::Int(17), V::Str(from), V::Str(to), V::Str(text)])
}

/// The message id of an acknowledgement in words: its fifth element.
fn id(words: &str) -> String {
    words.split(',').nth(4).unwrap().trim_matches('"').to_owned()
}

fn draft(to: &str, reference: &str, body: &str) -> ClientPacket {
    ClientPacket::Send(Draft {
        client_ref: Some(ClientRef::new(reference).unwrap()),
        to: Address::User(user(to)),
        client_time: None,
        body: Body {
            kind: BodyKind::Text,
            form: Form::Opaque,
            bytes: Bytes::copy_from_slice(body.as_bytes()),
            seal: None,
        },
    })
}

// MISSION V4
#[tokio::test]
async fn a_text_goes_from_walkie_to_walkie() {
    let running = Running::start().await;
    let (mut ann, mut bob) = (running.walkie("ann").await, running.walkie("bob").await);
    ann.send(text("ann", "bob", "hello")).await;
    let ack = ann.words().await;
    let id = id(&ack);
    assert!(id.starts_with("1_17_bob_ann_") && id.ends_with(".txt"), "{ack}");
    assert_eq!(ack, format!(r#"[1,22,"ann","bob","{id}","Acknowledged"]"#));
    let body = format!(r#"{{"message_id":"{id}","text":"hello"}}"#);
    assert_eq!(bob.words().await, format!(r#"[1,17,"ann","bob",{body:?}]"#));
}

// MISSION V2, V7
#[tokio::test]
async fn a_talk_is_relayed_and_acked() {
    let running = Running::start().await;
    let (mut ann, mut bob) = (running.walkie("ann").await, running.walkie("bob").await);
    // Bob is there once he is heard.
    bob.send(array(&[V::Int(1), V::Int(25), V::Str("bob"), V::Int(0), V::Str("?")])).await;
    assert_eq!(bob.words().await, r#"[1,26,0,"bob","?"]"#);

    let stamp = 1_763_652_000_000;
    ann.send(array(&[V::Int(1), V::Int(1), V::Str("ann"), V::Str("bob"), V::Int(stamp)])).await;
    assert_eq!(ann.words().await, format!(r#"[1,6,"ann","bob",{stamp}]"#));
    assert_eq!(bob.words().await, format!(r#"[1,1,"ann","bob",{stamp}]"#));
    ann.send(array(&[V::Int(1), V::Int(3), V::Str("ann"), V::Str("bob"), V::Bin(&[7; 60])])).await;
    assert_eq!(bob.words().await, r#"[1,3,"ann","bob",bin(60)]"#);
    ann.send(array(&[V::Int(1), V::Int(2), V::Str("ann"), V::Str("bob")])).await;
    let ack = ann.words().await;
    assert_eq!(ack, format!(r#"[1,7,"ann","bob","{}","Acknowledged"]"#, id(&ack)));
    let stop = bob.words().await;
    assert!(stop.starts_with(r#"[1,2,"ann","bob","#) && stop.contains(&id(&ack)), "{stop}");
}

// MISSION V6
#[tokio::test]
async fn what_arrived_before_a_pong_does_not_come_again() {
    let running = Running::start().await;
    let mut ann = running.walkie("ann").await;
    ann.send(text("ann", "bob", "while you were away")).await;
    ann.words().await;

    let mut bob = running.walkie("bob").await;
    assert!(bob.words().await.contains("while you were away"));
    // The question after the row is answered before this one, and its commit is one before Ann's next.
    bob.pong().await;
    ann.send(text("ann", "bob", "second")).await;
    assert!(bob.words().await.contains("second"));
    drop(bob);

    let mut bob = running.walkie("bob").await;
    ann.send(text("ann", "bob", "third")).await;
    loop {
        let words = bob.words().await;
        assert!(!words.contains("while you were away"), "{words}");
        if words.contains("third") {
            break;
        }
    }
}

// MISSION V10
#[tokio::test]
async fn the_newest_walkie_wins() {
    let running = Running::start().await;
    let knock =
        async |device: &str| running.knock("/", &[("token", "ann"), ("device_id", device)]).await.unwrap().0;
    let mut first = knock("phone one").await;
    first.pong().await;
    let mut second = knock("phone two").await;
    let told = first.words().await;
    assert_eq!(told, r#"[1,9,0,"ann","userId ann has logged in from another deviceId phone two"]"#);
    assert_eq!(first.next().await, Err(None));
    second.pong().await;
    let mut third = knock("phone two").await;
    assert_eq!(second.next().await, Err(None), "the same device is replaced without a word");
    third.pong().await;
    assert_eq!(running.counter("replaced").await, 2);
}

// MISSION B3, B4, B5, B6
#[tokio::test]
async fn hello_send_ack_deliver_dispose() {
    let running = Running::start().await;
    let mut ann = running.phone("ann", "phone").await;
    let mut desk = running.phone("ann", "desk").await;
    let mut bob = running.phone("bob", "phone").await;

    ann.say(&draft("bob", "c-1", "hello")).await;
    let ServerPacket::Accepted { client_ref, head, offset } = ann.next().await else { panic!("no ack") };
    assert_eq!(client_ref.unwrap().as_str(), "c-1");
    assert_eq!(offset, Offset(1));

    let ServerPacket::Deliver(row) = bob.next().await else { panic!("nothing delivered") };
    assert_eq!((row.prev, row.offset), (Offset(0), Offset(1)));
    let Entry::Message(message) = row.entry.as_ref() else { panic!("not a message") };
    assert_eq!((message.head.id, message.body.bytes.as_ref()), (head.id, b"hello".as_slice()));
    let ServerPacket::Deliver(copy) = desk.next().await else { panic!("no copy") };
    assert_eq!(copy.offset, Offset(1));

    bob.say(&ClientPacket::Dispose(Offset(1))).await;
    assert_eq!(bob.next().await, ServerPacket::Noted(Noted::Disposed(Offset(1))));
    let ServerPacket::Deliver(row) = ann.next().await else { panic!("no receipt") };
    let Entry::Receipt(receipt) = row.entry.as_ref() else { panic!("not a receipt") };
    assert_eq!((receipt.status, receipt.messages[0].id), (Status::Delivered, head.id));

    // A resend after a lost ack is the same message, and the disposed row does not come again.
    ann.say(&draft("bob", "c-1", "hello")).await;
    let ServerPacket::Accepted { head: again, .. } = ann.next().await else { panic!("no ack") };
    assert_eq!(again.id, head.id);
    drop(bob);
    let mut bob = running.phone("bob", "phone").await;
    ann.say(&draft("bob", "c-2", "more")).await;
    let ServerPacket::Deliver(row) = bob.next().await else { panic!("nothing delivered") };
    assert_eq!((row.prev, row.offset), (Offset(1), Offset(2)));
}

/// Nothing in the headers: the first frame says who it is, and what follows is read as that user's words.
#[tokio::test]
async fn the_first_frame_signs_in() {
    let running = Running::start().await;
    let mut ann = stranger(&running).await;
    let device = device("ann", "phone");
    let sign_in = |claimed: &str| ClientPacket::SignIn {
        user: Some(user(claimed)),
        device: Some(device.name.clone()),
        token: Bytes::from_static(b"ann"),
    };
    ann.say(&sign_in("ann")).await;
    ann.say(&draft("bob", "c-1", "at once")).await;
    assert!(matches!(ann.next().await, ServerPacket::Welcome(_)));
    assert!(matches!(ann.next().await, ServerPacket::Accepted { .. }));

    let mut mallory = stranger(&running).await;
    mallory.say(&sign_in("bob")).await;
    assert_eq!(mallory.next().await, ServerPacket::Bye(CloseReason::Refused));
    assert_eq!(mallory.hear().await, Err(Some(1008)));
    assert_eq!(running.counter("sign_in_refused").await, 1);
}

async fn stranger(running: &Running) -> Phone {
    let wire: Wire = running.knock("/bimip", &[]).await.unwrap().0;
    Phone::new(wire, "ann", "phone")
}
