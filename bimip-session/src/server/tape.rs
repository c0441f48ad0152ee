//! Recordings: what is kept of a talk, and what waits for it.

use std::collections::BTreeMap;

use bimip_proto::{Device, Now, SoundName};

use super::burst::Over;
use super::core::ServerCore;
use super::draft;
use super::io::{Config, ConnId, Output, SoundAct, SoundId};
use super::reader::Reader;
use super::timers::Due;
use crate::ledger::{Ack, Put, Ticket};

/// What a piece costs beside its bytes, so that a flood of tiny ones is bounded too.
const PIECE_BYTES: u64 = 16;

/// The recording of one talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tape {
    /// Nothing was said yet.
    #[default]
    Blank,
    Running {
        id: SoundId,
        bytes: u64,
    },
    /// It grew too long, or there was no room: the talk is kept without it.
    Spoilt,
}

/// What becomes of one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taped {
    Onto(SoundId),
    Nowhere,
}

/// All recordings of a core, bounded together.
#[derive(Debug, Default)]
pub(super) struct Tapes {
    last: u64,
    /// Of all that run or that the driver has not stored yet.
    bytes: u64,
    /// Ended, and not yet stored.
    keeping: BTreeMap<SoundId, Keeping>,
    /// Given up by their talks, and still in the driver's hands with so many bytes: a store that hangs must not be
    /// handed more and more.
    late: BTreeMap<SoundId, u64>,
    /// To be thrown away by the driver.
    dropped: Vec<SoundId>,
    /// Given up since the last look.
    spoilt: u64,
}

/// The end of a talk, which waits for its sound.
#[derive(Debug)]
struct Keeping {
    conn: ConnId,
    put: Put,
    ack: Ack,
    bytes: u64,
    /// What it counts among what is under way.
    charge: u64,
    due_mono_ms: u64,
}

impl Tapes {
    /// A piece of a talk, if there is room for it.
    pub(super) fn piece(&mut self, config: &Config, tape: &mut Tape, payload_bytes: usize) -> Taped {
        let more = payload_bytes as u64 + PIECE_BYTES;
        let (id, before) = match *tape {
            Tape::Running { id, bytes } => (id, bytes),
            Tape::Blank if config.sound_bytes == 0 => return Taped::Nowhere,
            Tape::Blank => (SoundId(self.last + 1), 0),
            Tape::Spoilt => return Taped::Nowhere,
        };
        if before + more > config.sound_bytes || self.bytes + more > config.sounds_bytes {
            self.drop(std::mem::replace(tape, Tape::Spoilt));
            self.spoilt += 1;
            return Taped::Nowhere;
        }
        self.last = self.last.max(id.0);
        self.bytes += more;
        *tape = Tape::Running { id, bytes: before + more };
        Taped::Onto(id)
    }

    /// Nobody will hear it.
    pub(super) fn drop(&mut self, tape: Tape) {
        if let Tape::Running { id, bytes } = tape {
            self.bytes -= bytes;
            self.dropped.push(id);
        }
    }
}

impl ServerCore {
    /// The end of a talk becomes a message; first its sound is stored, if there is any.
    pub(super) fn end_talk(
        &mut self,
        now: Now,
        conn: ConnId,
        device: &Device,
        to: bimip_proto::Address,
        over: Option<Over>,
        ack: Ack,
    ) {
        let tape = over.as_ref().map_or(Tape::Blank, |over| over.tape);
        // Where it is known already that nothing of it will be stored, its sound is not either.
        let refused = match &to {
            bimip_proto::Address::User(user) => self.roster.blocked(user).contains(&device.user),
            _ => false,
        };
        let put = draft::talk_put(now, device, to, over.map(|over| over.duration_ms));
        match (put, tape) {
            (Ok(put), Tape::Running { id, bytes }) if !self.is_draining() && !refused => {
                let due_mono_ms = now.mono_ms + self.config.sound_keep_ms;
                // Not yet a ticket, and already a command under way: a drain waits for it, and what the connection
                // says next comes after it, or acknowledgements would lose the order of the drafts.
                let charge = put.charge();
                self.under_way(conn, charge);
                self.bar(conn);
                self.timers.set(due_mono_ms, Due::Sound(id));
                let keeping = Keeping { conn, put, ack, bytes, charge, due_mono_ms };
                self.bursts.tapes.keeping.insert(id, keeping);
                self.output(Output::Sound(id, SoundAct::Keep));
            }
            (Ok(put), tape) => {
                self.bursts.tapes.drop(tape);
                self.store(conn, vec![put], ack);
            }
            (Err(reason), tape) => {
                self.bursts.tapes.drop(tape);
                self.refuse(conn, &ack, reason);
            }
        }
        self.tapes_dropped();
    }

    /// The sound of a talk is stored, or will not be: the talk itself is committed either way, since its receivers
    /// wait for its end, and the dialect has no word for half of it.
    pub(super) fn kept(&mut self, now: Now, id: SoundId, name: Option<SoundName>) {
        let tapes = &mut self.bursts.tapes;
        if let Some(bytes) = tapes.late.remove(&id) {
            // The talk went without it.
            tapes.bytes -= bytes;
            return;
        }
        let Some(keeping) = tapes.keeping.remove(&id) else { return };
        tapes.bytes -= keeping.bytes;
        self.timers.unset(keeping.due_mono_ms, Due::Sound(id));
        self.commit_talk(now, keeping, name);
    }

    /// Its sound takes too long to be stored.
    pub(super) fn sound_due(&mut self, now: Now, id: SoundId) {
        let tapes = &mut self.bursts.tapes;
        let Some(keeping) = tapes.keeping.remove(&id) else { return };
        tapes.late.insert(id, keeping.bytes);
        self.commit_talk(now, keeping, None);
    }

    fn commit_talk(&mut self, now: Now, keeping: Keeping, sound: Option<SoundName>) {
        let Keeping { conn, mut put, ack, charge, .. } = keeping;
        match sound {
            Some(name) => {
                self.counters.sounds_kept += 1;
                put.set_sound(name);
            }
            None => self.counters.sounds_lost += 1,
        }
        let cursor = self.reader(conn).and_then(Reader::riding_cursor);
        self.no_longer(conn, charge);
        self.commit(conn, Ticket::new(conn, vec![put], cursor, ack));
        self.unbar(now, conn);
    }

    /// Hands over what is to be thrown away.
    pub(super) fn tapes_dropped(&mut self) {
        self.counters.sounds_lost += std::mem::take(&mut self.bursts.tapes.spoilt);
        while let Some(id) = self.bursts.tapes.dropped.pop() {
            self.output(Output::Sound(id, SoundAct::Drop));
        }
    }
}
