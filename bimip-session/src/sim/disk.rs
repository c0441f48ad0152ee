//! A disk that forgets what was not synced, that fails, and that can lie.

use std::convert::Infallible;

use bimip_proto::{Device, Found, Offset, UserId};

use super::lie::Lie;
use crate::ledger::{Book, Committed, Failed, Failure, Settlement, Ticket, Write, find, settle};
use crate::server::{Answered, Attachment, ConnId, Input, Lookup, Page, ReadPage};

/// Which life of which core waits for the answer to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) core: usize,
    pub(super) life: u64,
}

/// What became of a ticket.
#[derive(Debug)]
pub(super) enum Answer {
    Proven(Committed),
    Refused(Failed),
}

impl From<Answer> for Input {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Proven(proof) => Self::Committed(proof),
            Answer::Refused(failed) => Self::Failed(failed),
        }
    }
}

/// What a core wants to know.
#[derive(Debug, Clone)]
pub(super) enum Question {
    Attach(ConnId, Device),
    Contacts(UserId),
    Read(ReadPage),
    Query(Lookup),
}

/// Whether the disk takes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Good,
    Full,
    /// The next sync fails.
    Failing,
    /// A sync failed: nothing is taken until the disk is opened again.
    Poisoned,
}

/// `live` is what the next batch is settled over, `durable` what survives a power cut and what is read. Batches wait in
/// between for the next sync, those that were refused among them, so that answers keep the order of the tickets.
#[derive(Debug)]
pub(super) struct Disk {
    live: Book,
    durable: Book,
    waiting: Vec<(Vec<Owner>, Waiting)>,
    /// That began so far.
    sessions: u64,
    health: Health,
    lie: Option<Lie>,
}

#[derive(Debug)]
enum Waiting {
    Settled(Settlement),
    Refused(Vec<Failed>),
}

impl Disk {
    pub(super) fn new(epoch: u32, lie: Option<Lie>) -> Self {
        Self {
            live: Book::new(epoch),
            durable: Book::new(epoch),
            waiting: Vec::new(),
            sessions: 0,
            health: Health::Good,
            lie,
        }
    }

    /// Settles a batch; it is durable after the next sync. A liar proves it at once.
    pub(super) fn write(&mut self, batch: Vec<(Owner, Ticket)>) -> Vec<(Owner, Answer)> {
        let (owners, tickets): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let refusal = match self.health {
            Health::Good | Health::Failing => None,
            Health::Full => Some(Failure::Full),
            Health::Poisoned => Some(Failure::Unavailable),
        };
        if let Some(failure) = refusal {
            let failed = tickets.into_iter().map(|ticket| ticket.failed(failure)).collect();
            self.waiting.push((owners, Waiting::Refused(failed)));
            return Vec::new();
        }
        let settled: Result<_, (_, Infallible)> = settle(tickets, &self.live);
        let settlement = match settled {
            Ok(settlement) => settlement,
            Err((failed, _)) => {
                return owners.into_iter().zip(failed.into_iter().map(Answer::Refused)).collect();
            }
        };
        apply(self.lie, &mut self.live, settlement.writes());
        if self.lie == Some(Lie::ProvenBeforeSync) {
            return owners.into_iter().zip(settlement.committed().into_iter().map(Answer::Proven)).collect();
        }
        self.waiting.push((owners, Waiting::Settled(settlement)));
        Vec::new()
    }

    /// Makes durable what waits, and proves it; or fails to, and is poisoned.
    pub(super) fn sync(&mut self) -> Vec<(Owner, Answer)> {
        if self.lie == Some(Lie::ProvenBeforeSync) {
            self.durable = self.live.clone();
        }
        let fails = self.health == Health::Failing;
        let mut answers = Vec::new();
        for (owners, waiting) in std::mem::take(&mut self.waiting) {
            let of_batch: Vec<_> = match waiting {
                Waiting::Refused(failed) => failed.into_iter().map(Answer::Refused).collect(),
                Waiting::Settled(settlement) if fails && self.lie != Some(Lie::FailureProven) => {
                    settlement.failed(Failure::Unavailable).into_iter().map(Answer::Refused).collect()
                }
                Waiting::Settled(settlement) => {
                    if !fails {
                        apply(self.lie, &mut self.durable, settlement.writes());
                    }
                    settlement.committed().into_iter().map(Answer::Proven).collect()
                }
            };
            answers.extend(owners.into_iter().zip(of_batch));
        }
        if fails {
            self.health = Health::Poisoned;
            self.live = self.durable.clone();
        }
        answers
    }

    /// It takes nothing any more: because it is full, or because its next sync fails.
    pub(super) const fn fail(&mut self, full: bool) {
        self.health = if full { Health::Full } else { Health::Failing };
    }

    /// There is room again; it is opened again.
    pub(super) const fn heal(&mut self) {
        self.health = Health::Good;
    }

    /// The power is cut: what waited is gone, and so are its tickets. It is opened again.
    pub(super) fn crash(&mut self) {
        if self.lie == Some(Lie::TornBatch)
            && let Some((_, Waiting::Settled(first))) = self.waiting.first()
        {
            let writes = first.writes();
            self.durable.apply(&writes[..writes.len() / 2]);
        }
        self.waiting.clear();
        self.live = self.durable.clone();
        self.health = Health::Good;
    }

    pub(super) const fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What is durable now, as the answer to a question; or that it could not be read.
    pub(super) fn answer(&mut self, question: &Question, readable: bool) -> Input {
        match question {
            Question::Attach(conn, device) => Input::Attached(*conn, readable.then(|| self.attach(device))),
            Question::Contacts(user) => {
                Input::Contacts(user.clone(), readable.then(|| self.durable.contacts(user)))
            }
            Question::Query(lookup) => {
                Input::Answered(Answered { conn: lookup.conn, found: readable.then(|| self.look_up(lookup)) })
            }
            Question::Read(request) if readable => Input::Page(self.page(request)),
            Question::Read(request) => Input::Page(Page { conn: request.conn, rows: None }),
        }
    }

    /// Every session has a higher number than the ones before it, whatever crashes meanwhile.
    fn attach(&mut self, device: &Device) -> Attachment {
        self.sessions += 1;
        Attachment { session: self.sessions, ..self.durable.attach(device) }
    }

    fn look_up(&self, lookup: &Lookup) -> Found {
        let Ok(mut found) = find(&lookup.ask, &lookup.user, &self.durable);
        if let (Some(Lie::HoleyHistory), Found::History { messages, .. }) = (self.lie, &mut found)
            && messages.len() > 2
        {
            messages.remove(1);
        }
        found
    }

    fn page(&self, request: &ReadPage) -> Page {
        let mut rows = self.durable.page(&request.user, request.after, request.rows, request.bytes);
        if self.lie == Some(Lie::HoleyPages) && rows.len() > 2 {
            // The hole is hidden: the rows behind it move up.
            rows.remove(1);
            for (index, row) in (1..).zip(rows.iter_mut()) {
                row.0 = Offset(request.after.0 + index);
            }
        }
        Page { conn: request.conn, rows: Some(rows) }
    }

    /// What survives.
    pub(super) const fn durable(&self) -> &Book {
        &self.durable
    }
}

/// Writes a batch, or what a lie leaves of it.
fn apply(lie: Option<Lie>, book: &mut Book, writes: &[Write]) {
    let mut last = 0;
    let keeps = |write: &&Write| match (lie, write) {
        (Some(Lie::ForgottenKeys), Write::Key { .. })
        | (Some(Lie::ForgottenMarks), Write::Marks { .. })
        | (Some(Lie::ForgottenReadings), Write::ReadUpto { .. })
        | (Some(Lie::ForgottenCursors), Write::Cursor { .. })
        | (Some(Lie::ForgottenEditions), Write::Revised { .. })
        | (Some(Lie::ForgottenMembers), Write::Member { .. }) => false,
        (Some(Lie::HalfDelivered), Write::Row { sequence, .. }) => {
            let second = std::mem::replace(&mut last, *sequence) == *sequence;
            !(second && sequence % 4 == 0)
        }
        _ => true,
    };
    match lie {
        None => book.apply(writes),
        Some(_) => book.apply(&writes.iter().filter(keeps).cloned().collect::<Vec<_>>()),
    }
}
