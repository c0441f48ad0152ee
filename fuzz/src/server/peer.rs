//! One connection, as its client sees it.

use std::collections::VecDeque;

use bimip_proto::{Caps, Offset, Row, Window};
use bimip_session::server::{ConnId, weight};

/// What it was sent, and what it has to answer.
pub(super) struct Peer {
    pub(super) caps: Caps,
    pub(super) app: Option<usize>,
    pub(super) welcomed: bool,
    /// The core has closed it: nothing may follow.
    pub(super) closed: bool,
    pub(super) shown: Offset,
    pub(super) flying: VecDeque<(Offset, u64)>,
    pub(super) barriers: VecDeque<u64>,
    /// It has joined or left a group, asked about a token, or talked, which is over when the recording is kept: what it
    /// said after that is heard later than it is said.
    pub(super) moves: bool,
    /// What it said it has, before it did.
    early: Offset,
}

impl Peer {
    pub(super) const fn new(caps: Caps, app: Option<usize>) -> Self {
        Self {
            caps,
            app,
            // Who calls is not welcomed.
            welcomed: caps.calls,
            closed: false,
            shown: Offset::ZERO,
            flying: VecDeque::new(),
            barriers: VecDeque::new(),
            moves: false,
            early: Offset::ZERO,
        }
    }

    /// A row arrives: the next one, and within the window.
    pub(super) fn row(&mut self, conn: ConnId, row: &Row, window: Window) {
        assert!(!self.caps.calls, "{conn}: a row for a call");
        assert!(self.welcomed, "{conn}: a row before the welcome");
        assert_eq!(row.prev, self.shown, "{conn}: a gap before {}", row.offset);
        assert!(row.offset > row.prev, "{conn}: rows go back");
        let bytes: u64 = self.flying.iter().map(|(_, bytes)| bytes).sum();
        let room = self.flying.len() < window.rows as usize && bytes < window.bytes;
        assert!(room || self.flying.is_empty(), "{conn}: row {} is over the window", row.offset);
        self.shown = row.offset;
        if row.offset > self.early {
            self.flying.push_back((row.offset, weight(&row.entry)));
        }
    }

    /// Everything up to here is disposed of, now or when what was said before it is done.
    pub(super) fn lands_later(&mut self, upto: Offset) {
        self.early = self.early.max(upto);
        self.lands(upto);
    }

    /// Everything up to here is disposed of.
    pub(super) fn lands(&mut self, upto: Offset) {
        if self.moves {
            self.early = self.early.max(upto);
        }
        let upto = upto.min(self.shown);
        self.flying.retain(|(offset, _)| *offset > upto);
    }
}
