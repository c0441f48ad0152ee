//! A checker that never complains proves nothing: here is everything it must notice.

use std::sync::Arc;

use bimip_proto::{
    Address, Body, BodyKind, Entry, Head, Message, Names, Offset, Receipt, Seq, Status, Window,
};

use super::*;
use crate::people::AUDITOR;

const ANN: Who = Who(0);
const BOB: Who = Who(1);
const WALKIE: Who = Who(5);

fn id(sequence: u64) -> MessageId {
    MessageId::new(7, sequence)
}

fn message(key: Key, to: Who, seq: u64, sequence: u64) -> Entry {
    let head = Head {
        id: id(sequence),
        from: key.by.device(WRITER),
        to: Address::User(to.user()),
        client_ref: Some(key.client_ref()),
        client_time: None,
        at: UnixMs(1),
        stamp: UnixMs(sequence),
        seq: Seq(seq),
        kind: BodyKind::Text,
    };
    Entry::Message(Message { head, body: Body::text(&key.body()) })
}

fn row(prev: u64, offset: u64, entry: Entry) -> Row {
    Row { prev: Offset(prev), offset: Offset(offset), entry: Arc::new(entry) }
}

fn ack(sequence: u64, offset: u64) -> Ack {
    Ack { id: Some(id(sequence)), offset: Some(offset), stamp: None }
}

fn welcome(epoch: u32, resume_from: u64, head: u64) -> Welcome {
    Welcome {
        epoch,
        resume_from: Offset(resume_from),
        first: Offset(1),
        head: Offset(head),
        window: Window::default(),
        heartbeat_ms: 1,
        server_time: UnixMs(1),
        connection_id: 1,
        dedup_days: 7,
    }
}

/// Two drafts of Ann's for Bob, acked, with their rows in both mailboxes.
fn two() -> (Book, [Key; 2]) {
    let mut book = Book::default();
    let keys = [book.draft(ANN, BOB), book.draft(ANN, BOB)];
    for (at, key) in (1..).zip(keys) {
        for who in [ANN, BOB] {
            book.row((who, READER), &row(at - 1, at, message(key, BOB, at, at)));
        }
        book.acked(key, ack(at, at));
    }
    assert!(book.is_clean() && book.is_settled(), "{:?}", book.words);
    (book, keys)
}

/// That something is noticed, and as what.
fn notices(wrong: Wrong, what: &str, happens: impl FnOnce(&mut Book, [Key; 2])) {
    let (mut book, keys) = two();
    happens(&mut book, keys);
    let known: Vec<Wrong> = book.wrongs.keys().copied().collect();
    assert_eq!(known, [wrong], "{what}: {:?}", book.words);
}

#[test]
fn a_true_story_is_believed() {
    let (mut book, [first, second]) = two();
    book.resend(first);
    book.acked(first, ack(1, 1));
    book.asked((BOB, READER), 2);
    book.disposed((BOB, READER), 2);
    let names =
        |key: Key, sequence| Names { id: id(sequence), alias: None, client_ref: Some(key.client_ref()) };
    let messages = vec![names(first, 1), names(second, 2)];
    let receipt = Receipt { by: BOB.device(READER), status: Status::Delivered, at: UnixMs(3), messages };
    book.row((ANN, READER), &row(2, 3, Entry::Receipt(receipt.clone())));
    book.row((ANN, WRITER), &row(0, 3, Entry::Receipt(receipt)));
    book.begin();
    book.welcome((BOB, READER), &welcome(7, 2, 2), 2);
    for at in 1..=2 {
        let key = [first, second][usize::from(at == 2)];
        book.row((BOB, AUDITOR), &row(at - 1, at, message(key, BOB, at, at)));
    }
    book.welcome((ANN, WRITER), &welcome(7, 3, 3), 3);
    book.last_look();
    assert!(book.is_clean() && book.is_settled(), "{:?}", book.words);
    assert_eq!((book.acked, book.resent), (2, 1));
}

#[test]
fn what_is_lost_is_noticed() {
    notices(Wrong::Lost, "an acked message in no mailbox", |book, _| {
        let key = book.draft(ANN, BOB);
        book.acked(key, ack(3, 3));
        assert!(!book.is_settled());
        book.give_up();
    });
    notices(Wrong::Lost, "an acked message in one mailbox", |book, _| {
        let key = book.draft(ANN, BOB);
        book.acked(key, ack(3, 3));
        book.row((ANN, READER), &row(2, 3, message(key, BOB, 3, 3)));
        book.give_up();
    });
    notices(Wrong::Lost, "a message that a walkie never hears", |book, _| {
        let key = book.draft(ANN, WALKIE);
        book.acked(key, ack(3, 3));
        book.row((ANN, READER), &row(2, 3, message(key, WALKIE, 1, 3)));
        book.row((WALKIE, READER), &row(0, 1, message(key, WALKIE, 1, 3)));
        book.give_up();
    });
    notices(Wrong::Lost, "a shorter mailbox", |book, _| book.welcome((ANN, READER), &welcome(7, 0, 1), 2));
    notices(Wrong::Lost, "another store", |book, _| {
        book.welcome((ANN, READER), &welcome(7, 0, 2), 2);
        book.welcome((BOB, READER), &welcome(8, 0, 2), 2);
    });
    notices(Wrong::Lost, "a cursor that passes over a row of others", |book, _| {
        book.welcome((BOB, WRITER), &welcome(7, 2, 2), 2);
        book.last_look();
    });
    notices(Wrong::Lost, "a delivery without its receipt", |book, _| {
        book.asked((BOB, READER), 2);
        book.disposed((BOB, READER), 2);
        book.last_look();
    });
    notices(Wrong::Lost, "a row that a writer was not given", |book, [key, _]| {
        let mine = book.draft(BOB, ANN);
        book.row((BOB, READER), &row(2, 3, message(mine, ANN, 3, 3)));
        book.row((BOB, WRITER), &row(0, 2, message(Key { number: key.number + 1, ..key }, BOB, 2, 2)));
        book.last_look();
    });
}

#[test]
fn what_is_doubled_is_noticed() {
    notices(Wrong::Doubled, "a second row", |book, [first, _]| {
        book.row((BOB, READER), &row(2, 3, message(first, BOB, 3, 3)));
    });
    notices(Wrong::Doubled, "another id for a resend", |book, [first, _]| book.acked(first, ack(9, 1)));
    notices(Wrong::Doubled, "another row for a resend", |book, [first, _]| book.acked(first, ack(1, 9)));
    notices(Wrong::Doubled, "an ack that does not fit its row", |book, _| {
        let key = book.draft(ANN, BOB);
        book.row((ANN, READER), &row(2, 3, message(key, BOB, 3, 3)));
        book.acked(key, ack(4, 3));
    });
    notices(Wrong::Doubled, "another id in the other mailbox", |book, _| {
        let key = book.draft(ANN, BOB);
        book.row((ANN, READER), &row(2, 3, message(key, BOB, 3, 3)));
        let partner = Who(2);
        book.drafts[0][2].to = partner;
        book.row((partner, READER), &row(0, 1, message(key, partner, 1, 4)));
    });
    notices(Wrong::Doubled, "a second receipt", |book, [first, _]| {
        let names = Names { id: id(1), alias: None, client_ref: Some(first.client_ref()) };
        let receipt = |at| Receipt {
            by: BOB.device(READER),
            status: Status::Delivered,
            at: UnixMs(at),
            messages: vec![names.clone()],
        };
        book.row((ANN, READER), &row(2, 3, Entry::Receipt(receipt(1))));
        book.row((ANN, READER), &row(3, 4, Entry::Receipt(receipt(2))));
    });
}

#[test]
fn what_is_out_of_order_is_noticed() {
    notices(Wrong::Disordered, "a gap", |book, _| {
        let key = book.draft(ANN, BOB);
        book.row((BOB, READER), &row(2, 4, message(key, BOB, 3, 3)));
    });
    notices(Wrong::Disordered, "rows that were passed over", |book, _| {
        let key = book.draft(ANN, BOB);
        book.row((BOB, WRITER), &row(2, 3, message(key, BOB, 3, 3)));
    });
    notices(Wrong::Disordered, "another message in a row", |book, [_, second]| {
        book.row((BOB, AUDITOR), &row(0, 1, message(second, BOB, 1, 1)));
    });
    notices(Wrong::Disordered, "a gap in a conversation", |book, _| {
        let key = book.draft(ANN, BOB);
        book.row((BOB, READER), &row(2, 3, message(key, BOB, 4, 3)));
    });
    notices(Wrong::Disordered, "ids that fall", |book, _| {
        let key = book.draft(ANN, BOB);
        book.row((BOB, READER), &row(2, 3, message(key, BOB, 3, 1)));
    });
    notices(Wrong::Disordered, "drafts that overtake each other", |book, _| {
        let keys = [book.draft(ANN, BOB), book.draft(ANN, BOB)];
        for (offset, key) in [(3, keys[1]), (4, keys[0])] {
            book.row((BOB, READER), &row(offset - 1, offset, message(key, BOB, offset, offset)));
        }
    });
    notices(Wrong::Disordered, "two orders of one conversation", |book, _| {
        let (mine, theirs) = (book.draft(ANN, BOB), book.draft(BOB, ANN));
        book.row((ANN, READER), &row(2, 3, message(mine, BOB, 3, 3)));
        book.row((BOB, READER), &row(2, 3, message(theirs, ANN, 3, 4)));
    });
}

#[test]
fn whatever_else_is_wrong_is_noticed() {
    notices(Wrong::Other, "a cursor that goes back", |book, _| {
        book.asked((BOB, READER), 2);
        book.disposed((BOB, READER), 2);
        book.welcome((BOB, READER), &welcome(7, 1, 2), 2);
    });
    notices(Wrong::Other, "a cursor that nobody asked for", |book, _| {
        book.welcome((BOB, READER), &welcome(7, 1, 2), 2);
    });
    notices(Wrong::Other, "a changed body", |book, _| {
        let key = book.draft(ANN, BOB);
        let Entry::Message(mut entry) = message(key, BOB, 3, 3) else { panic!("a message") };
        entry.body = Body::text(&key.body().to_uppercase());
        book.row((BOB, READER), &row(2, 3, Entry::Message(entry)));
    });
    notices(Wrong::Other, "a message of others", |book, _| {
        let key = book.draft(ANN, BOB);
        book.row((Who(2), READER), &row(0, 1, message(key, BOB, 1, 3)));
    });
    notices(Wrong::Other, "an ack after a failure", |book, _| {
        book.refused(None);
        let key = book.draft(ANN, BOB);
        book.row((ANN, READER), &row(2, 3, message(key, BOB, 3, 3)));
        book.row((BOB, READER), &row(2, 3, message(key, BOB, 3, 3)));
        book.acked(key, ack(3, 3));
    });
}

#[test]
fn what_is_heard_while_the_power_goes_proves_nothing() {
    let (mut book, _) = two();
    let key = book.draft(ANN, BOB);
    book.frozen = true;
    book.acked(key, ack(3, 3));
    book.row((ANN, READER), &row(2, 3, message(key, BOB, 3, 3)));
    book.begin();
    assert!(book.is_clean() && book.is_settled());
    assert_eq!(book.unacked(ANN), [key], "it is sent again");
    assert_eq!(book.rows_of(ANN), 2);
}
