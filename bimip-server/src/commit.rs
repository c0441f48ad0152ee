//! The commit thread: gathers tickets into batches, and gives each batch to the store.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bimip_session::ledger::{Failed, Failure, Ticket};
use bimip_session::server::Input;

use crate::clock::Countdown;
use crate::counts::Counts;
use crate::post::Post;
use crate::storage::Storage;

/// Turns' worth of tickets on their way to the thread. One is enough to keep it busy, the rest spares wake-ups;
/// what does not fit waits with the node and makes the next one bigger.
const HAND_OVERS: usize = 4;
/// Messages in one commit: enough to make the sync cheap, few enough to keep its answer near.
const BATCH_MESSAGES: usize = 256;
/// Tickets of any kind in one commit.
const BATCH_TICKETS: usize = 1_024;
/// Bytes in one commit, for the same reasons.
const BATCH_BYTES: usize = 256 * 1024;

/// The node's end: tickets are collected during a turn and handed over at its end, without waiting.
///
/// Neither this end nor the thread's has a bound of its own: all tickets that are not answered are in the core's budget, in
/// numbers and in bytes, wherever they are.
#[derive(Debug)]
pub(crate) struct Tickets {
    collected: Vec<Ticket>,
    thread: SyncSender<Vec<Ticket>>,
}

impl Tickets {
    pub(crate) fn push(&mut self, ticket: Ticket) {
        self.collected.push(ticket);
    }

    /// Hands over what was collected. When the thread is busy it stays here: the thread's next answer makes a
    /// turn, and the turn comes back here. When the thread is gone, the tickets come back.
    pub(crate) fn hand_over(&mut self) -> Vec<Ticket> {
        if self.collected.is_empty() {
            return Vec::new();
        }
        match self.thread.try_send(std::mem::take(&mut self.collected)) {
            Ok(()) => Vec::new(),
            Err(TrySendError::Full(tickets)) => {
                self.collected = tickets;
                Vec::new()
            }
            Err(TrySendError::Disconnected(tickets)) => tickets,
        }
    }
}

/// Starts the thread. It ends, and closes the store, when the node's end is dropped and all tickets are answered.
pub(crate) fn spawn<S: Storage>(
    storage: S,
    control_wait: Duration,
    post: Post,
    counts: Arc<Counts>,
) -> io::Result<(Tickets, JoinHandle<()>)> {
    let (thread, incoming) = sync_channel(HAND_OVERS);
    let gather = Gather::new(incoming, control_wait);
    let run = move || run(storage, gather, &post, &counts);
    let handle = thread::Builder::new().name("bimip-commit".to_owned()).spawn(run)?;
    Ok((Tickets { collected: Vec::new(), thread }, handle))
}

fn run<S: Storage>(mut storage: S, mut gather: Gather, post: &Post, counts: &Counts) {
    while let Some(batch) = gather.next() {
        let answers = storage.commit(batch);
        let mut inputs = Vec::with_capacity(answers.len());
        for answer in answers {
            inputs.push(match answer {
                Ok(proof) => Input::Committed(proof),
                Err(failed) => {
                    note_failure(&storage, &failed, counts);
                    Input::Failed(failed)
                }
            });
        }
        post.send_blocking(inputs);
    }
    match storage.close() {
        Ok(()) => tracing::debug!("the store is closed"),
        Err(error) => {
            tracing::error!(%error, "the store could not be closed in order; what was proven is safe");
            let _ = counts.close_error.set(Arc::new(error));
        }
    }
}

fn note_failure<S: Storage>(storage: &S, failed: &Failed, counts: &Counts) {
    let reason = failed.failure();
    if storage.is_failed() {
        if counts.store_fails() {
            tracing::error!(%reason, "the store takes nothing more; commands are refused until the server is restarted");
        }
    } else if reason == Failure::Full {
        counts.refused_full.one();
    } else {
        counts.refused_unread.one();
    }
}

/// Natural batching: while one batch is written, the next one gathers.
#[derive(Debug)]
struct Gather {
    incoming: Receiver<Vec<Ticket>>,
    control_wait: Duration,
    waiting: VecDeque<Ticket>,
    messages: usize,
    bytes: usize,
}

impl Gather {
    const fn new(incoming: Receiver<Vec<Ticket>>, control_wait: Duration) -> Self {
        Self { incoming, control_wait, waiting: VecDeque::new(), messages: 0, bytes: 0 }
    }

    /// The next batch, in the order of the tickets; `None` when no more will come.
    ///
    /// Cursors and receipts alone wait a while for a message to share a sync with. A message waits for nothing:
    /// it takes along what waits before it.
    fn next(&mut self) -> Option<Vec<Ticket>> {
        if self.waiting.is_empty() {
            let first = self.incoming.recv().ok()?;
            self.add(first);
        }
        let patience = Countdown::of(self.control_wait);
        loop {
            while !self.is_full()
                && let Ok(more) = self.incoming.try_recv()
            {
                self.add(more);
            }
            if self.is_full() || self.messages > 0 {
                break;
            }
            match self.incoming.recv_timeout(patience.left()) {
                Ok(more) => self.add(more),
                Err(_) => break,
            }
        }
        Some(self.cut())
    }

    fn add(&mut self, tickets: Vec<Ticket>) {
        for ticket in tickets {
            self.messages += usize::from(!ticket.is_control());
            self.bytes += ticket.bytes();
            self.waiting.push_back(ticket);
        }
    }

    fn is_full(&self) -> bool {
        self.messages >= BATCH_MESSAGES || self.bytes >= BATCH_BYTES || self.waiting.len() >= BATCH_TICKETS
    }

    /// Takes a batch off the front; what is over the limits stays for the next.
    fn cut(&mut self) -> Vec<Ticket> {
        let (mut messages, mut bytes, mut count) = (0, 0, 0);
        for ticket in &self.waiting {
            if messages >= BATCH_MESSAGES || bytes >= BATCH_BYTES || count >= BATCH_TICKETS {
                break;
            }
            messages += usize::from(!ticket.is_control());
            bytes += ticket.bytes();
            count += 1;
        }
        self.messages -= messages;
        self.bytes -= bytes;
        self.waiting.drain(..count).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use bimip_proto::{Address, Body, Caps, ClientPacket, Device, DeviceName, Draft, Now, Offset, UserId};
    use bimip_session::Machine;
    use bimip_session::server::{Attachment, Config, ConnId, Grant, Output, ServerCore};
    use bytes::Bytes;

    use super::*;

    const CONN: ConnId = ConnId(1);

    /// Only a core makes tickets, so here is one.
    pub(crate) fn tickets(packets: Vec<ClientPacket>) -> Vec<Ticket> {
        let (mut core, now) = (ServerCore::new(Config::default()), Now::default());
        let device = Device::new(UserId::new("ann").unwrap(), DeviceName::new("phone").unwrap());
        let place = Attachment {
            epoch: 1,
            session: 0,
            cursor: Offset::ZERO,
            first: Offset(1),
            head: Offset::ZERO,
            sequence: 0,
            groups: Vec::new(),
            listens: Vec::new(),
            standing: Arc::default(),
            contacts: Vec::new(),
            behind: false,
            blocked: Arc::default(),
        };
        let grant = Some(Grant::new(device));
        core.handle_input(now, Input::Opened { conn: CONN, caps: Caps::FULL, grant });
        core.handle_input(now, Input::Attached(CONN, Some(place)));
        core.handle_input(now, Input::Packets(CONN, packets.into_iter().map(Into::into).collect()));
        let outputs = std::iter::from_fn(|| core.poll_output());
        let commits = outputs.filter_map(|output| match output {
            Output::Commit(ticket) => Some(ticket),
            _ => None,
        });
        commits.collect()
    }

    pub(crate) fn message(bytes: usize) -> ClientPacket {
        let mut body = Body::text("");
        body.bytes = Bytes::from(vec![b'x'; bytes]);
        let to = Address::User(UserId::new("bob").unwrap());
        ClientPacket::Send(Draft { client_ref: None, to, client_time: None, body })
    }

    pub(crate) const fn cursor() -> ClientPacket {
        ClientPacket::Dispose(Offset::ZERO)
    }

    fn gather(wait: Duration) -> (SyncSender<Vec<Ticket>>, Gather) {
        let (sender, incoming) = sync_channel(HAND_OVERS);
        (sender, Gather::new(incoming, wait))
    }

    fn kinds(batch: &[Ticket]) -> String {
        batch.iter().map(|ticket| if ticket.is_control() { 'c' } else { 'm' }).collect()
    }

    const LONG: Duration = Duration::from_secs(600);

    #[test]
    fn a_message_waits_for_nothing_and_takes_along_what_is_before_it() {
        let (sender, mut gather) = gather(LONG);
        sender.send(tickets(vec![cursor(), cursor()])).unwrap();
        sender.send(tickets(vec![message(1), cursor()])).unwrap();
        assert_eq!(kinds(&gather.next().unwrap()), "ccmc");
        sender.send(tickets(vec![message(1)])).unwrap();
        assert_eq!(kinds(&gather.next().unwrap()), "m");
    }

    #[test]
    fn cursors_wait_for_a_message_but_not_for_ever() {
        let (sender, mut patient) = gather(LONG);
        sender.send(tickets(vec![cursor()])).unwrap();
        let waits = thread::spawn(move || kinds(&patient.next().unwrap()));
        sender.send(tickets(vec![message(1)])).unwrap();
        assert_eq!(waits.join().unwrap(), "cm");

        let (sender, mut hasty) = gather(Duration::from_millis(1));
        sender.send(tickets(vec![cursor()])).unwrap();
        assert_eq!(kinds(&hasty.next().unwrap()), "c");
    }

    #[test]
    fn a_batch_has_a_size() {
        let (sender, mut gather) = gather(LONG);
        sender.send(tickets((0..300).map(|_| message(1)).collect())).unwrap();
        assert_eq!(gather.next().unwrap().len(), BATCH_MESSAGES);
        assert_eq!(gather.next().unwrap().len(), 300 - BATCH_MESSAGES);
        sender.send(tickets((0..3).map(|_| message(200 * 1024)).collect())).unwrap();
        assert_eq!(gather.next().unwrap().len(), 2);
        assert_eq!(gather.next().unwrap().len(), 1);
    }

    #[test]
    fn at_the_end_everything_is_given_out() {
        let (sender, mut gather) = gather(LONG);
        sender.send(tickets(vec![cursor()])).unwrap();
        drop(sender);
        assert_eq!(kinds(&gather.next().unwrap()), "c");
        assert!(gather.next().is_none());
    }

    #[test]
    fn tickets_that_nobody_takes_come_back() {
        let (thread, incoming) = sync_channel(1);
        let mut end = Tickets { collected: Vec::new(), thread };
        let push = |end: &mut Tickets| tickets(vec![message(1)]).into_iter().for_each(|it| end.push(it));
        push(&mut end);
        assert!(end.hand_over().is_empty());
        push(&mut end);
        assert!(end.hand_over().is_empty(), "a busy thread is no failure");
        assert_eq!(end.collected.len(), 1);
        drop(incoming);
        assert_eq!(end.hand_over().len(), 1);
    }
}
