//! Push-to-talk, the talker's side: ask, speak, end.

use std::collections::VecDeque;

use bimip_proto::{Address, ClientPacket, Floor, Head, Now, Reject, Talk, TalkAct, limits};
use bytes::Bytes;

use super::event::Event;
use super::io::Output;
use super::session::ClientSession;

/// Pieces kept while the floor is asked for: three seconds of 60 ms each. Of more, the oldest is dropped: it is what
/// was said before anybody listened.
const HELD_PIECES: usize = 50;

/// One talk at a time.
///
/// | in | on | becomes | and |
/// |---|---|---|---|
/// | `Quiet` | `press` | `Asking` | `Start` |
/// | `Asking` | sound | same | kept |
/// | `Asking` | granted | `Talking` | what was kept is said |
/// | `Asking` | denied, no answer in time | `Quiet` | `TalkEnded` |
/// | `Talking` | sound | same | said |
/// | `Asking`, `Talking` | `release`, the longest time | `Ending` | `Stop` |
/// | `Ending` | ended, no answer in time | `Quiet` | `TalkEnded` |
/// | any but `Quiet` | the connection is gone | `Quiet` | `TalkEnded` |
#[derive(Debug, Default)]
pub(super) struct Talker {
    stage: Stage,
    /// A talk that the connection took with it, still to be told.
    cut: Option<Address>,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Quiet,
    Asking {
        to: Address,
        until_mono_ms: u64,
        held: VecDeque<Bytes>,
    },
    Talking {
        to: Address,
        until_mono_ms: u64,
    },
    Ending {
        to: Address,
        until_mono_ms: u64,
    },
}

/// How a talk of this device ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TalkEnd {
    /// It is kept, under this head.
    Kept(Head),
    /// It never began: somebody else talks, or this user may not.
    Denied(Reject),
    /// The server did not answer. Whether anybody heard it is not known.
    Unanswered,
    /// The connection broke. What was said until then was heard, and is kept where the server records.
    Cut,
}

/// No talk can begin: the session is not up, or the last talk has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "no, and nothing else")]
pub struct NotNow;

impl Talker {
    pub(super) const fn due(&self) -> Option<u64> {
        match self.stage {
            Stage::Quiet => None,
            Stage::Asking { until_mono_ms, .. }
            | Stage::Talking { until_mono_ms, .. }
            | Stage::Ending { until_mono_ms, .. } => Some(until_mono_ms),
        }
    }

    /// The connection is gone.
    pub(super) fn cut(&mut self) {
        self.cut = self.take_target();
    }

    fn take_target(&mut self) -> Option<Address> {
        match std::mem::take(&mut self.stage) {
            Stage::Quiet => None,
            Stage::Asking { to, .. } | Stage::Talking { to, .. } | Stage::Ending { to, .. } => Some(to),
        }
    }
}

impl ClientSession {
    /// The button is pressed: asks for the floor. Answered by [`Event::Floor`] with
    /// [`Floor::Granted`], or by [`Event::TalkEnded`].
    ///
    /// # Errors
    /// [`NotNow`] while the session is not up, or an earlier talk has not ended.
    pub fn press(&mut self, now: Now, to: Address) -> Result<(), NotNow> {
        if !self.is_up() || !matches!(self.talker.stage, Stage::Quiet) {
            return Err(NotNow);
        }
        let until_mono_ms = now.mono_ms + self.config.patience_ms;
        self.talker.stage = Stage::Asking { to: to.clone(), until_mono_ms, held: VecDeque::new() };
        self.say_talk(now, to, TalkAct::Start { label: None, payload: Bytes::new() });
        Ok(())
    }

    /// A piece of sound, as one encoded value of the dialect. What is recorded while the floor is asked for is said
    /// when it is granted. Whether it was taken: it is not when nobody talks.
    pub fn voice(&mut self, now: Now, payload: Bytes) -> bool {
        match &mut self.talker.stage {
            Stage::Asking { held, .. } => {
                if held.len() == HELD_PIECES {
                    held.pop_front();
                }
                held.push_back(payload);
            }
            Stage::Talking { to, .. } => {
                let to = to.clone();
                self.say_talk(now, to, TalkAct::Audio { label: None, payload });
            }
            Stage::Quiet | Stage::Ending { .. } => return false,
        }
        true
    }

    /// The button is let go. Answered by [`Event::TalkEnded`].
    pub fn release(&mut self, now: Now) {
        if let Stage::Asking { to, .. } | Stage::Talking { to, .. } = &self.talker.stage {
            let (to, until_mono_ms) = (to.clone(), now.mono_ms + self.config.patience_ms);
            self.talker.stage = Stage::Ending { to: to.clone(), until_mono_ms };
            self.say_talk(now, to, TalkAct::Stop);
        }
    }

    fn say_talk(&mut self, now: Now, to: Address, act: TalkAct) {
        let from = self.config.device.user.clone();
        self.say(now, ClientPacket::Talk(Talk { from, to, act }));
    }

    pub(super) fn heard_floor(&mut self, now: Now, floor: Floor) {
        match (&floor, &mut self.talker.stage) {
            (Floor::Granted { to: target, .. }, Stage::Asking { to, held, .. }) if target == to => {
                let (to, held) = (to.clone(), std::mem::take(held));
                let until_mono_ms = now.mono_ms + limits::TALK_MS;
                self.talker.stage = Stage::Talking { to: to.clone(), until_mono_ms };
                self.outbox.push_back(Output::Event(Event::Floor(floor)));
                for payload in held {
                    self.say_talk(now, to.clone(), TalkAct::Audio { label: None, payload });
                }
                return;
            }
            (Floor::Denied { to: target, reason }, Stage::Asking { to, .. } | Stage::Ending { to, .. })
                if target == to =>
            {
                let reason = *reason;
                self.talk_ended(TalkEnd::Denied(reason));
            }
            // The server ends a talk of its own accord, too.
            (Floor::Ended { head }, Stage::Talking { to, .. } | Stage::Ending { to, .. })
                if head.to == *to =>
            {
                let head = head.clone();
                self.talk_ended(TalkEnd::Kept(head));
            }
            _ => {}
        }
        self.outbox.push_back(Output::Event(Event::Floor(floor)));
    }

    fn talk_ended(&mut self, end: TalkEnd) {
        if let Some(to) = self.talker.take_target() {
            self.outbox.push_back(Output::Event(Event::TalkEnded { to, end }));
        }
    }

    pub(super) fn talker_timeout(&mut self, now: Now) {
        if let Some(to) = self.talker.cut.take() {
            self.outbox.push_back(Output::Event(Event::TalkEnded { to, end: TalkEnd::Cut }));
        }
        if self.talker.due().is_some_and(|due| due <= now.mono_ms) {
            match self.talker.stage {
                Stage::Talking { .. } => self.release(now),
                _ => self.talk_ended(TalkEnd::Unanswered),
            }
        }
    }
}
