//! Fills mailboxes as fast as the window lets it: one sender, and one or more who need not be there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::clock;
use super::frames::{self, Draft, Heard};
use super::peer::Peer;

/// A sender without an answer for so long gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often somebody who watches is told how far it is.
const TELL: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) struct Fill {
    pub(super) peer: Peer,
    /// One for each receiver. The first message to the n-th of them has the number n, the next ones count on by as many as
    /// there are drafts.
    pub(super) drafts: Vec<Draft>,
    /// Messages to each receiver.
    pub(super) each: u64,
    pub(super) window: u64,
    /// Messages that all senders together know to be stored.
    pub(super) stored: Arc<AtomicU64>,
}

impl Fill {
    /// Until everything is stored. Gives the connection back.
    pub(super) async fn run(mut self) -> Result<Peer, String> {
        let drafts = u64::try_from(self.drafts.len()).unwrap_or(u64::MAX);
        let all = self.each * drafts;
        let (mut sent, mut acked) = (0, 0);
        while acked < all {
            while sent < all && sent - acked < self.window {
                let at = usize::try_from(sent % drafts).unwrap_or_default();
                sent += 1;
                self.peer.queue(self.drafts[at].next(sent, clock::ns()));
            }
            self.peer.flush()?;
            let heard = timeout(PATIENCE, self.peer.hear()).await;
            heard.map_err(|_| {
                format!("{acked} of {sent} messages acknowledged, none within {} s", PATIENCE.as_secs())
            })??;
            let before = acked;
            while let Some(frame) = self.peer.next()? {
                match frames::read(self.peer.bytes(frame)) {
                    Some(Heard::Ack(number)) if number == acked + 1 => acked = number,
                    Some(Heard::Ack(number)) => return Err(format!("acknowledged {number} after {acked}")),
                    Some(Heard::Refused(code)) => return Err(format!("the server refused with code {code}")),
                    Some(_) => {}
                    None => return Err("a frame that cannot be read".to_owned()),
                }
            }
            self.stored.fetch_add(acked - before, Ordering::Relaxed);
        }
        Ok(self.peer)
    }
}

/// All of them at once, within a time. Says now and then how far it is.
pub(super) async fn all(
    fills: Vec<Fill>,
    stored: &AtomicU64,
    of: u64,
    within: Duration,
) -> Result<(), String> {
    let begun = clock::ns();
    let mut tasks: JoinSet<Result<Peer, String>> = fills.into_iter().map(Fill::run).collect();
    let mut tell = tokio::time::interval(TELL);
    tell.tick().await;
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(ended) => drop(ended.map_err(|error| format!("a sender failed: {error}"))??),
                None => return Ok(()),
            },
            _ = tell.tick() => {
                let stored = stored.load(Ordering::Relaxed);
                eprint!(" {}k of {}k stored …", stored / 1_000, of / 1_000);
                if clock::ns() - begun > clock::to_ns(within) {
                    return Err(format!("{stored} of {of} messages are stored after {} s", within.as_secs()));
                }
            }
        }
    }
}
