//! The session of one device.

use std::collections::VecDeque;

use bimip_proto::{ClientPacket, Draft, GroupId, MessageRef, Now, Offset, Ping, Status, Talk, Welcome};

use super::inbox::Inbox;
use super::io::{Config, Event, Full, Input, Output, Resume};
use super::unacked::{Drafts, Marks};
use crate::Machine;

/// One device: dials, signs in, resumes, sends what is unsent, receives in order, disposes of what is stored.
///
/// | link | on | becomes | outputs |
/// |---|---|---|---|
/// | Down | redial time | Dialing | Connect |
/// | Dialing | Connected | Greeting | the sign-in, where the headers did not carry it |
/// | Greeting | Welcome | Up | resumed, gap or reset; every unanswered draft and mark |
/// | Up | Accepted, Noted | Up | the draft or mark is forgotten |
/// | Up | a row with `prev <= seen < offset` | Up | the row, for the app to store |
/// | Up | a row that the app has stored | Up | its disposal again |
/// | Up | a row with `prev > seen` | Down | Hangup: the next connection starts from the cursor |
/// | any | Disconnected, silence | Down | offline |
/// | any | Bye: replaced, refused, expired | Over | ended |
///
/// A draft is resent under the same name until it is answered, so it is stored once however often the
/// connection breaks. Nothing is disposed of before the app has stored it.
#[derive(Debug)]
pub struct ClientSession {
    pub(super) config: Config,
    pub(super) link: Link,
    pub(super) epoch: u32,
    pub(super) drafts: Drafts,
    pub(super) marks: Marks,
    pub(super) inbox: Inbox,
    pub(super) failures: u32,
    pub(super) draws: u64,
    pub(super) heartbeat_ms: u64,
    pub(super) heard_mono_ms: u64,
    pub(super) spoke_mono_ms: u64,
    pub(super) retry_mono_ms: Option<u64>,
    pub(super) outbox: VecDeque<Output>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Down { redial_mono_ms: u64 },
    Dialing { since_mono_ms: u64 },
    Greeting { since_mono_ms: u64 },
    Up,
    Over,
}

impl Machine for ClientSession {
    type Input = Input;
    type Output = Output;

    fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Connected => self.connected(now),
            Input::Packet(packet) => self.heard(now, packet),
            Input::Disconnected => self.down(now),
        }
        self.pump(now);
    }

    fn handle_timeout(&mut self, now: Now) {
        match self.link {
            Link::Down { redial_mono_ms } if redial_mono_ms <= now.mono_ms => {
                self.link = Link::Dialing { since_mono_ms: now.mono_ms };
                self.outbox.push_back(Output::Connect);
            }
            Link::Dialing { since_mono_ms } | Link::Greeting { since_mono_ms }
                if since_mono_ms + self.config.patience_ms <= now.mono_ms =>
            {
                self.hangup(now);
            }
            Link::Up => self.heartbeat(now),
            _ => {}
        }
        self.pump(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    fn poll_timeout(&self) -> Option<u64> {
        match self.link {
            Link::Down { redial_mono_ms } => Some(redial_mono_ms),
            Link::Dialing { since_mono_ms } | Link::Greeting { since_mono_ms } => {
                Some(since_mono_ms + self.config.patience_ms)
            }
            Link::Up => {
                let ping = self.spoke_mono_ms + self.heartbeat_ms;
                let silence = self.heard_mono_ms + self.silence_ms();
                [Some(ping.min(silence)), self.inbox.due(), self.retry_mono_ms].into_iter().flatten().min()
            }
            Link::Over => None,
        }
    }
}

impl ClientSession {
    /// A session that dials at once.
    #[must_use]
    pub fn new(config: Config, resume: Resume, now: Now) -> Self {
        Self {
            draws: config.seed | 1,
            config,
            link: Link::Down { redial_mono_ms: now.mono_ms },
            epoch: resume.epoch,
            drafts: Drafts::new(resume.unacked),
            marks: Marks::default(),
            inbox: Inbox::new(resume.seen),
            failures: 0,
            heartbeat_ms: u64::MAX / 4,
            heard_mono_ms: now.mono_ms,
            spoke_mono_ms: now.mono_ms,
            retry_mono_ms: None,
            outbox: VecDeque::new(),
        }
    }

    /// Sends a draft, now or when the session is up; it is kept and sent again until it is answered.
    ///
    /// # Errors
    /// [`Full`] gives the draft back when [`Config::unacked_drafts`] are waiting.
    #[expect(clippy::result_large_err, reason = "the draft comes back as it went in")]
    pub fn send(&mut self, now: Now, draft: Draft) -> Result<(), Full<Draft>> {
        if self.drafts.len() >= self.config.unacked_drafts {
            return Err(Full(draft));
        }
        self.drafts.push(draft);
        self.pump(now);
        Ok(())
    }

    /// The app has stored every row up to `offset`: now the server may forget them.
    pub fn stored(&mut self, now: Now, offset: Offset) {
        self.inbox.stored(offset, now.mono_ms, self.config.dispose_ms);
        self.pump(now);
    }

    /// Says that a message was read, played or forwarded; kept and said again until it is noted.
    ///
    /// # Errors
    /// [`Full`] gives the mark back when [`Config::unnoted_marks`] are waiting.
    pub fn mark(&mut self, now: Now, message: MessageRef, status: Status) -> Result<(), Full<MessageRef>> {
        if self.marks.len() >= self.config.unnoted_marks {
            return Err(Full(message));
        }
        // A dialect that resends nothing answers no marks either.
        if self.config.resend {
            self.marks.push(message.clone(), status);
        }
        self.say(now, ClientPacket::Mark { message, status });
        Ok(())
    }

    /// Says that these messages arrived, in dialects where that is not said by disposing of rows. Said now or
    /// never: a message delivered again is a chance to say it again.
    pub fn delivered(&mut self, now: Now, messages: Vec<MessageRef>) {
        self.say(now, ClientPacket::Delivered(messages));
    }

    /// Asks to be in a group. Said now or never: an app that wants to stay in a group joins whenever the session
    /// comes up, as its members are remembered by the server and joining again changes nothing.
    pub fn join(&mut self, now: Now, group: GroupId) {
        self.say(now, ClientPacket::Join(group));
    }

    /// Asks to be in a group no more. Said now or never.
    pub fn leave_group(&mut self, now: Now, group: GroupId) {
        self.say(now, ClientPacket::Leave(group));
    }

    /// Live voice: said now or never.
    pub fn talk(&mut self, now: Now, talk: Talk) {
        self.say(now, ClientPacket::Talk(talk));
    }

    /// Says goodbye and does not dial again.
    pub fn leave(&mut self, now: Now) {
        self.say(now, ClientPacket::Bye);
        self.link = Link::Over;
        self.outbox.push_back(Output::Hangup);
    }

    /// The last row that arrived, for [`Resume::seen`] once the app has stored it.
    #[must_use]
    pub const fn seen(&self) -> Offset {
        self.inbox.seen
    }

    /// The store that offsets belong to, for [`Resume::epoch`].
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Drafts that are not answered yet, in order, for [`Resume::unacked`].
    pub fn unacked(&self) -> impl Iterator<Item = &Draft> {
        self.drafts.iter()
    }

    /// Whether the session is up.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up)
    }

    /// Whether nothing waits for an answer.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.drafts.len() == 0 && self.marks.len() == 0 && self.inbox.due().is_none()
    }

    // ---- the link -------------------------------------------------------------------------------------

    fn connected(&mut self, now: Now) {
        if !matches!(self.link, Link::Dialing { .. }) {
            return;
        }
        self.link = Link::Greeting { since_mono_ms: now.mono_ms };
        self.heard_mono_ms = now.mono_ms;
        if !self.config.welcome {
            self.link = Link::Up;
            self.failures = 0;
            self.outbox.push_back(Output::Event(Event::Online));
            return;
        }
        if let Some(token) = self.config.token.clone() {
            let user = Some(self.config.device.user.clone());
            let device = Some(self.config.device.name.clone());
            self.outbox.push_back(Output::Transmit(ClientPacket::SignIn { user, device, token }));
        }
    }

    pub(super) fn welcomed(&mut self, now: Now, welcome: Welcome) {
        if !matches!(self.link, Link::Greeting { .. }) {
            return;
        }
        self.link = Link::Up;
        self.failures = 0;
        self.heartbeat_ms = u64::from(welcome.heartbeat_ms).max(1);
        self.spoke_mono_ms = now.mono_ms;
        let (known, seen) = (self.epoch, self.inbox.seen);
        self.epoch = welcome.epoch;
        let event = if known != 0 && known != welcome.epoch {
            self.inbox.jump(welcome.resume_from);
            Event::Reset(welcome)
        } else {
            if welcome.resume_from > seen {
                // Rows of this device's own, which it is not sent.
                self.inbox.jump(welcome.resume_from);
            }
            if known != 0 && seen.next() < welcome.first {
                Event::Gap { seen, resume_from: welcome.resume_from, welcome }
            } else {
                Event::Resumed(welcome)
            }
        };
        self.outbox.push_back(Output::Event(event));
        let marks: Vec<_> = self.marks.packets().collect();
        for mark in marks {
            self.say(now, mark);
        }
    }

    fn down(&mut self, now: Now) {
        let was_up = match self.link {
            Link::Over | Link::Down { .. } => return,
            Link::Up => true,
            Link::Dialing { .. } | Link::Greeting { .. } => false,
        };
        let wait_ms = self.redial_wait();
        self.link = Link::Down { redial_mono_ms: now.mono_ms + wait_ms };
        self.retry_mono_ms = None;
        self.inbox.rewind();
        if self.config.resend {
            self.drafts.rewind();
        } else {
            for draft in self.drafts.give_up() {
                self.outbox.push_back(Output::Event(Event::Unsure(draft)));
            }
        }
        if was_up {
            self.outbox.push_back(Output::Event(Event::Offline));
        }
    }

    /// Doubles with each failure, then draws between nothing and that.
    fn redial_wait(&mut self) -> u64 {
        let doubled = self.config.redial_min_ms.saturating_mul(1 << self.failures.min(16));
        let most = doubled.min(self.config.redial_max_ms);
        self.failures += 1;
        self.draws ^= self.draws << 13;
        self.draws ^= self.draws >> 7;
        self.draws ^= self.draws << 17;
        self.draws % (most + 1)
    }

    pub(super) fn hangup(&mut self, now: Now) {
        self.outbox.push_back(Output::Hangup);
        self.down(now);
    }

    fn silence_ms(&self) -> u64 {
        self.heartbeat_ms.saturating_add(self.config.patience_ms)
    }

    fn heartbeat(&mut self, now: Now) {
        if self.heard_mono_ms + self.silence_ms() <= now.mono_ms {
            self.hangup(now);
        } else if self.spoke_mono_ms + self.heartbeat_ms <= now.mono_ms {
            self.say(now, ClientPacket::Ping(Ping::default()));
        }
    }

    // ---- what is said ---------------------------------------------------------------------------------

    pub(super) fn say(&mut self, now: Now, packet: ClientPacket) {
        if self.is_up() {
            self.spoke_mono_ms = now.mono_ms;
            self.outbox.push_back(Output::Transmit(packet));
        }
    }

    /// Sends what may be sent.
    pub(super) fn pump(&mut self, now: Now) {
        if !self.is_up() {
            return;
        }
        if self.retry_mono_ms.is_some_and(|retry| retry <= now.mono_ms) {
            self.retry_mono_ms = None;
            self.drafts.rewind();
            for (message, status) in self.marks.take_again() {
                self.say(now, ClientPacket::Mark { message, status });
            }
        }
        if let Some(upto) = self.inbox.disposal(now.mono_ms, self.config.dispose_rows) {
            self.say(now, ClientPacket::Dispose(upto));
        }
        while self.retry_mono_ms.is_none()
            && let Some(draft) = self.drafts.next(self.config.window_drafts)
        {
            self.say(now, ClientPacket::Send(draft));
        }
    }
}
