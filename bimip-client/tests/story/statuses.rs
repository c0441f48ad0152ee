//! How far messages got, asked by an app.

use bimip_client::AskError;
use bimip_proto::{MessageId, MessageRef, NotYet, Reached};

use super::nowhere;
use super::support::{Shelf, address, builder, line, message, online};

// DM-STAT-1
#[tokio::test]
async fn an_app_asks_how_far_its_message_got() {
    let shelf = Shelf::new();
    let (server, url) = shelf.open().await;
    let (alice, mut to_alice) = builder("alice").server(&url).start().await.unwrap();
    online(&mut to_alice).await;
    alice.send_text(address("bob"), "hello").await.unwrap();
    let id = line(&mut to_alice, |line| line.message.head.id != MessageId::NONE).await.reference();
    let status = alice.status(id.clone(), None).await.unwrap().unwrap();
    assert_eq!(
        (status.reached(), status.recipients[0].why),
        (Reached::Pending, Some(NotYet::NeverConnected))
    );

    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    let heard = message(&mut to_bob).await;
    bob.read(&heard).await.unwrap();
    line(&mut to_alice, |line| line.marks.has(bimip_proto::Status::Read)).await;
    let status = alice.status(id.clone(), None).await.unwrap().unwrap();
    let it = &status.recipients[0];
    assert_eq!(status.reached(), Reached::Read);
    assert!(it.delivered_at.is_some() && it.delivered_at <= it.read_at, "{it:?}");
    let own = bob.status(id, None).await.unwrap().unwrap();
    assert_eq!((own.recipients.len(), own.recipients[0].row.is_some()), (1, true));
    let nothing = MessageRef::Id(MessageId::new(1, 1));
    assert_eq!(bob.status(nothing, None).await.unwrap(), None);
    server.shutdown().await;
}

#[tokio::test]
async fn nobody_waits_for_an_answer_without_a_connection() {
    let (alice, _events) = builder("alice").connect(nowhere).start().await.unwrap();
    let answer = alice.status(MessageRef::Id(MessageId::new(1, 1)), None).await;
    assert!(matches!(answer, Err(AskError::Offline)), "{answer:?}");
}
