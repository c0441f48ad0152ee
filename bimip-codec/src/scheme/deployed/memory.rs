//! What a server's end remembers: which rows its messages are, and what it owes an answer.

use std::collections::VecDeque;

use bimip_proto::{MessageId, Offset, Seq, Status, UserId, limits};

/// Nothing, until the first message passes: there is one of it for each idle connection.
#[derive(Debug, Default)]
pub(crate) struct State(Option<Box<Memory>>);

#[derive(Debug)]
struct Memory {
    /// Messages that were written and that the client has not said to have, in the order of their rows.
    written: VecDeque<Written>,
    /// The client's words that are not answered yet.
    asked: VecDeque<Asked>,
    /// Places of the user's own messages, for the receipts about them.
    places: VecDeque<(MessageId, Seq)>,
    /// Rows that can be in flight: what was written before so many others is not.
    window_rows: usize,
}

#[derive(Debug)]
struct Written {
    offset: Offset,
    peer: UserId,
    seq: Seq,
    /// Written by another device of this user.
    own: bool,
    stored: bool,
}

/// A word of the client about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// What the client called it.
    pub(super) id: String,
    /// The other side of the conversation.
    pub(super) peer: UserId,
    /// The place of the message.
    pub(super) seq: Seq,
    /// What was said, as a number of the wire.
    pub(super) status: i32,
    /// The row whose disposal answers it; `None` where the word is answered by itself.
    pub(super) row: Option<Offset>,
}

/// What hearing that a message is stored comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// It is, and so is everything before it.
    UpTo {
        /// All rows up to here are.
        row: Offset,
        /// As of [`Early`](Self::Early).
        own: bool,
    },
    /// Something before it is not.
    Early {
        /// Its row.
        row: Offset,
        /// A copy of what the user sent, which is delivered to nobody by it.
        own: bool,
    },
    /// The message was not written by this connection, or its row has gone already.
    Unknown,
}

/// Receipts are mostly about the last messages.
const PLACES: usize = 256;

impl State {
    fn memory(&mut self) -> &mut Memory {
        self.0.get_or_insert_with(|| {
            Box::new(Memory {
                written: VecDeque::new(),
                asked: VecDeque::new(),
                places: VecDeque::new(),
                window_rows: limits::WINDOW_ROWS as usize,
            })
        })
    }

    /// How many rows are sent ahead of the cursor.
    pub(super) fn set_window(&mut self, rows: u32) {
        if rows != limits::WINDOW_ROWS {
            self.memory().window_rows = rows as usize;
        }
    }

    /// A message was written as this row.
    pub(super) fn wrote(&mut self, offset: Offset, peer: UserId, seq: Seq, own: bool) {
        let memory = self.memory();
        while memory.written.len() >= memory.window_rows.max(1) {
            memory.written.pop_front();
        }
        memory.written.push_back(Written { offset, peer, seq, own, stored: false });
    }

    /// BD-COMMIT-1: the client has stored a message.
    pub(super) fn stored(&mut self, peer: &UserId, seq: Seq) -> Stored {
        let Some(memory) = &mut self.0 else { return Stored::Unknown };
        let written = &mut memory.written;
        let Some(at) = written.iter().position(|it| it.seq == seq && it.peer == *peer) else {
            return Stored::Unknown;
        };
        written[at].stored = true;
        let (row, own) = (written[at].offset, written[at].own);
        let mut upto = None;
        while let Some(first) = written.front().filter(|first| first.stored) {
            upto = Some(first.offset);
            written.pop_front();
        }
        match upto {
            Some(upto) => Stored::UpTo { row: upto, own },
            None => Stored::Early { row, own },
        }
    }

    /// The client is owed an answer.
    pub(super) fn ask(&mut self, asked: Asked) {
        let memory = self.memory();
        while memory.asked.len() >= limits::COMMITS_PER_CONNECTION as usize {
            memory.asked.pop_front();
        }
        memory.asked.push_back(asked);
    }

    /// The first word that this answers. One that was forgotten is answered without its id.
    pub(super) fn answer(&mut self, peer: &UserId, seq: Seq, status: Status) -> Asked {
        let number = super::numbers::of_status(status);
        let fits = |asked: &Asked| {
            // Having stored a message is said by "sent" too.
            let same = asked.status == number
                || (status == Status::Delivered && asked.status == super::numbers::SENT);
            same && asked.row.is_none() && asked.seq == seq && asked.peer == *peer
        };
        let memory = self.0.as_mut();
        let found = memory.and_then(|it| it.asked.iter().position(fits).and_then(|at| it.asked.remove(at)));
        found.unwrap_or_else(|| Asked {
            id: String::new(),
            peer: peer.clone(),
            seq,
            status: number,
            row: None,
        })
    }

    /// All words that a disposal up to here answers.
    pub(super) fn disposed(&mut self, upto: Offset) -> Vec<Asked> {
        let Some(memory) = &mut self.0 else { return Vec::new() };
        let (answered, rest): (Vec<Asked>, Vec<Asked>) =
            memory.asked.drain(..).partition(|asked| asked.row.is_some_and(|row| row <= upto));
        memory.asked = rest.into();
        answered
    }

    /// The place of a message of this user.
    pub(super) fn place(&mut self, id: MessageId, seq: Seq) {
        let places = &mut self.memory().places;
        while places.len() >= PLACES {
            places.pop_front();
        }
        places.push_back((id, seq));
    }

    /// The place of a message that was told before.
    pub(super) fn place_of(&self, id: MessageId) -> Option<Seq> {
        let mut places = self.0.iter().flat_map(|memory| memory.places.iter().rev());
        places.find(|(known, _)| *known == id).map(|(_, seq)| *seq)
    }
}
