//! Live voice is heard by members only (I9), and the end of a talk is a message that is there (I14).

use std::collections::{BTreeMap, VecDeque};

use bimip_proto::{
    Address, BodyKind, ClientPacket, Device, Floor, ServerPacket, Talk, TalkAct, UserId, limits,
};

use super::findings::Findings;
use super::members::Members;
use super::truth::Index;
use crate::ledger::Book;
use crate::server::ConnId;

#[derive(Debug, Default)]
pub(super) struct Voice {
    /// How long a core may act on what is no more so.
    late_ms: u64,
    /// Talks between two, by connection.
    talks: BTreeMap<(ConnId, UserId), Words>,
    index: Index,
}

/// What a talker said whose end was not told yet, in order. A start is answered at once and a stop when it is stored, so a
/// stop may be answered after the start that followed it.
#[derive(Debug, Default)]
struct Words {
    said: VecDeque<Word>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Start { granted: bool },
    Stop,
}

impl Words {
    fn granted(&mut self) {
        let asked = self.said.iter_mut().find(|word| **word == Word::Start { granted: false });
        if let Some(word) = asked {
            *word = Word::Start { granted: true };
        }
    }

    /// An end was told: that of the first stop. Whether it stopped a talk: who stops twice is answered twice.
    fn ended(&mut self) -> bool {
        let granted = Word::Start { granted: true };
        let Some(at) = self.said.iter().position(|word| *word == Word::Stop) else {
            // The server ended it.
            self.said.retain(|word| *word != granted);
            return false;
        };
        self.said.drain(..=at).any(|word| word == granted)
    }
}

impl Voice {
    pub(super) fn new(late_ms: u64) -> Self {
        Self { late_ms, ..Self::default() }
    }

    pub(super) fn leaves(
        &self,
        findings: &mut Findings,
        now_ms: u64,
        device: &Device,
        packet: &ServerPacket,
        members: &Members,
    ) {
        let ServerPacket::Talk(Talk { to: Address::Group(group), from, .. }) = packet else { return };
        for user in [&device.user, from] {
            let lately = members.was_lately(now_ms, self.late_ms, group, user);
            findings.check(lately, || {
                format!("I9: {device} hears {from} in {group}, where {user} is a stranger")
            });
        }
    }

    pub(super) fn hears(&mut self, conn: ConnId, packet: &ClientPacket) {
        let ClientPacket::Talk(Talk { to: Address::User(to), act, .. }) = packet else { return };
        let word = match act {
            TalkAct::Start { .. } => Word::Start { granted: false },
            TalkAct::Stop => Word::Stop,
            _ => return,
        };
        self.talks.entry((conn, to.clone())).or_default().said.push_back(word);
    }

    pub(super) fn says(
        &mut self,
        findings: &mut Findings,
        conn: ConnId,
        packet: &ServerPacket,
        durable: &Book,
    ) {
        match packet {
            ServerPacket::Floor(Floor::Granted { to: Address::User(to), .. }) => {
                self.talks.entry((conn, to.clone())).or_default().granted();
            }
            ServerPacket::Floor(Floor::Ended { head }) => {
                let BodyKind::Voice { duration_ms } = head.kind else {
                    return findings.check(false, || format!("I14: the end of a talk is {:?}", head.kind));
                };
                findings.check(u64::from(duration_ms) <= limits::TALK_MS, || {
                    format!("I16: a talk of {duration_ms} ms")
                });
                let Address::User(to) = &head.to else { return };
                let expected = self.talks.get_mut(&(conn, to.clone())).is_some_and(Words::ended);
                let mut has = |user| self.index.has(durable, user, head.id);
                let (mine, theirs) = (has(&head.from.user), has(to));
                findings.check(mine == theirs && (mine || !expected), || {
                    format!("I14: the talk {:?} ended and is no message", head.id)
                });
            }
            _ => {}
        }
    }

    pub(super) fn refused(&mut self) {
        self.talks.clear();
    }

    pub(super) fn gone(&mut self, conn: ConnId) {
        self.talks.retain(|(of, _), _| *of != conn);
    }
}
