//! Drafts are answered while their connection lives, whatever else goes on there: live voice above all (I13, I14).

use std::collections::BTreeMap;

use bimip_proto::{ClientPacket, Floor, ServerPacket};

use super::findings::Findings;
use crate::server::ConnId;

/// The longest time in which a core that has a draft of a connection answers none of that connection. What is said
/// after the end of a talk waits for its recording, 5 s at most; a slow core waits 2 s for its disk.
const ANSWER_MS: u64 = 10_000;

#[derive(Debug, Default)]
pub(super) struct Pace {
    waiting: BTreeMap<ConnId, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    drafts: u64,
    /// The last answer, or the first draft that waits.
    since_ms: u64,
    talks: bool,
}

impl Pace {
    pub(super) fn hears(&mut self, now_ms: u64, conn: ConnId, packet: &ClientPacket) {
        let talks = matches!(packet, ClientPacket::Talk(_));
        if !talks && !matches!(packet, ClientPacket::Send(_)) {
            return;
        }
        let waiting = self.waiting.entry(conn).or_insert(Waiting { drafts: 0, since_ms: now_ms, talks });
        waiting.talks |= talks;
        if !talks {
            if waiting.drafts == 0 {
                waiting.since_ms = now_ms;
            }
            waiting.drafts += 1;
        }
    }

    pub(super) fn says(&mut self, findings: &mut Findings, now_ms: u64, conn: ConnId, packet: &ServerPacket) {
        // What was said before it is carried out before it: a backlog of messages that were delivered, say.
        if let (ServerPacket::Noted(_), Some(waiting)) = (packet, self.waiting.get_mut(&conn)) {
            waiting.check(findings, now_ms, conn);
            waiting.since_ms = now_ms;
        }
        // Each of several talks that end may wait for its recording.
        let talk = matches!(packet, ServerPacket::Floor(Floor::Ended { .. }));
        if !talk && !matches!(packet, ServerPacket::Accepted { .. } | ServerPacket::Rejected { .. }) {
            return;
        }
        let Some(waiting) = self.waiting.get_mut(&conn) else { return };
        waiting.check(findings, now_ms, conn);
        // The end of a talk may be refused like a draft.
        waiting.drafts = waiting.drafts.saturating_sub(u64::from(!talk));
        waiting.since_ms = now_ms;
    }

    pub(super) fn gone(&mut self, conn: ConnId) {
        self.waiting.remove(&conn);
    }

    pub(super) fn ends(&self, findings: &mut Findings, now_ms: u64) {
        for (conn, waiting) in &self.waiting {
            waiting.check(findings, now_ms, *conn);
        }
    }
}

impl Waiting {
    fn check(&self, findings: &mut Findings, now_ms: u64, conn: ConnId) {
        let waited_ms = now_ms.saturating_sub(self.since_ms);
        findings.check(self.drafts == 0 || waited_ms <= ANSWER_MS, || {
            let id = if self.talks { "I14" } else { "I13" };
            format!("{id}: {conn} waits {waited_ms} ms for an answer to {} drafts", self.drafts)
        });
    }
}
