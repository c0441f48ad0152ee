//! Questions about what is stored: asked while the session is up, and answered once.

use std::collections::VecDeque;

use bimip_proto::{ClientPacket, ClientRef, Found, Now, Query, Reject, limits};

use super::event::Event;
use super::io::{Full, Output};
use super::session::ClientSession;

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoAnswer {
    /// The session was not up, or its connection went before the answer came. A question changes nothing, so it may be
    /// asked again as it is; whether somebody still wants to know is not for the session to say.
    Offline,
    /// The server says no.
    Refused {
        /// Why.
        reason: Reject,
        /// When to ask again, where that may help.
        retry_after_ms: Option<u32>,
    },
}

/// Questions on the wire, in the order in which they were asked.
#[derive(Debug, Default)]
pub(super) struct Queries(VecDeque<Query>);

impl Queries {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, id: &ClientRef) -> Option<Query> {
        let at = self.0.iter().position(|query| query.id == *id)?;
        self.0.remove(at)
    }
}

impl ClientSession {
    /// Asks what is stored. Answered by [`Event::Answer`], or by [`Event::Unanswered`]: at once where the session is not
    /// up, and whenever the connection goes before the answer came. Nothing is asked twice by itself.
    ///
    /// # Errors
    /// [`Full`] gives the question back when [`QUERIES_IN_FLIGHT`](limits::QUERIES_IN_FLIGHT) are on the wire: the server
    /// takes no more.
    pub fn ask(&mut self, now: Now, query: Query) -> Result<(), Full<Query>> {
        if !self.is_up() {
            self.unanswered(query, NoAnswer::Offline);
        } else if self.queries.0.len() >= limits::QUERIES_IN_FLIGHT {
            return Err(Full(query));
        } else {
            self.queries.0.push_back(query.clone());
            self.say(now, ClientPacket::Query(query));
        }
        Ok(())
    }

    pub(super) fn heard_answer(&mut self, id: &ClientRef, found: Found) {
        if let Some(query) = self.queries.take(id) {
            self.outbox.push_back(Output::Event(Event::Answer { query, found }));
        }
    }

    pub(super) fn heard_no_answer(&mut self, id: &ClientRef, reason: Reject, retry_after_ms: Option<u32>) {
        if let Some(query) = self.queries.take(id) {
            self.unanswered(query, NoAnswer::Refused { reason, retry_after_ms });
        }
    }

    /// The connection is gone, and every answer with it.
    pub(super) fn give_up_queries(&mut self) {
        for query in std::mem::take(&mut self.queries.0) {
            self.unanswered(query, NoAnswer::Offline);
        }
    }

    fn unanswered(&mut self, query: Query, why: NoAnswer) {
        self.outbox.push_back(Output::Event(Event::Unanswered { query, why }));
    }
}
