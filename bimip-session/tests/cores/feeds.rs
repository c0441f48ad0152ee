//! Large groups on several cores: one feed, and mailboxes that are filled where they are read.

use bimip_proto::{Address, ClientPacket, Offset, UserId, limits};
use bimip_session::ledger::View;

use super::cluster::{Cluster, POLL_MS, Post, device, group, send, user};
use super::texts;

fn rows_of(cluster: &Cluster, user: &UserId) -> u64 {
    let Ok(head) = cluster.book.mailbox_head(user);
    head.0
}

// DM-FEED-2
#[test]
fn a_feed_is_read_on_whatever_core_its_readers_are() {
    for (post, wait_ms) in [(Post::Delivers, 0), (Post::Doubles, 0), (Post::Loses, POLL_MS)] {
        let mut cluster = Cluster::with_feeds(3);
        let conns = [(0, "a", "1"), (1, "b", "1"), (2, "b", "2"), (2, "c", "1")]
            .map(|(core, who, name)| cluster.open(core, &device(who, name)));
        for conn in [conns[0], conns[1], conns[3]] {
            cluster.says(conn, ClientPacket::Join(group()));
        }
        cluster.post = post;
        for text in ["m1", "m2", "m3"] {
            cluster.says(conns[0], send(text, Address::Group(group())));
        }
        cluster.wait(wait_ms);
        for conn in &conns[1..] {
            assert_eq!(texts(&cluster.heard(*conn)), ["m1", "m2", "m3"], "{post:?}");
        }
        for who in ["a", "b", "c"] {
            assert_eq!(rows_of(&cluster, &user(who)), 3, "{who}: once, whoever filled it");
        }
    }
}

// DM-FEED-3
#[test]
fn a_mailbox_is_filled_no_faster_than_it_is_read() {
    let mut cluster = Cluster::with_feeds(1);
    let (a, b) = (cluster.open(0, &device("a", "1")), cluster.open(0, &device("b", "1")));
    for conn in [a, b] {
        cluster.says(conn, ClientPacket::Join(group()));
    }
    cluster.hang_up(b);
    cluster.settle();
    let many = 1_000;
    for number in 1..=many {
        cluster.says(a, send(&number.to_string(), Address::Group(group())));
        // The author's own mailbox is read: the device that wrote them is told nothing of it.
        cluster.says(a, ClientPacket::Dispose(Offset(number)));
    }
    assert_eq!(rows_of(&cluster, &user("b")), 0, "nothing for who is not here");
    let b = cluster.open(0, &device("b", "1"));
    let window = u64::from(limits::WINDOW_ROWS);
    let mut heard = texts(&cluster.heard(b));
    assert_eq!(heard.len() as u64, window, "a window of rows is in flight");
    while (heard.len() as u64) < many {
        let filled = rows_of(&cluster, &user("b"));
        assert!(filled <= heard.len() as u64 + 2 * window, "{filled} rows, {} of them read", heard.len());
        cluster.says(b, ClientPacket::Dispose(Offset(heard.len() as u64)));
        let more = texts(&cluster.heard(b));
        assert!(!more.is_empty(), "it goes on after {}", heard.len());
        heard.extend(more);
    }
    assert_eq!(heard, (1..=many).map(|number| number.to_string()).collect::<Vec<_>>());
}
