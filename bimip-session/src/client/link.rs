//! The life of the connection: dialling, being up, being gone.

use bimip_proto::{ClientPacket, CloseReason, Now, Offset, Ping, Welcome};

use super::event::Event;
use super::heartbeat::Beat;
use super::io::Output;
use super::session::ClientSession;
use super::token::Renewal;

/// Where the connection is.
///
/// | in | on | becomes | and |
/// |---|---|---|---|
/// | `Down` | its time | `Dialing` | `Connect` |
/// | `Dialing` | connected | `Greeting`, or `Up` in a dialect without welcomes | the sign-in, where headers did not carry it |
/// | `Greeting` | a welcome | `Up` | `Resumed`, `Gap` or `Reset`; every mark and draft again |
/// | `Dialing`, `Greeting` | no patience left | `Down` | `Hangup` |
/// | `Up` | no answer to a ping, or for too long to a draft that others wait for | `Down` | `Hangup`, `Offline` |
/// | any | disconnected, turned away | `Down` | `Offline` if it was up |
/// | any | a goodbye that is final, a refused sign-in | `Over` | `Ended` |
/// | `Over` | [`redial`](ClientSession::redial), [`renew`](ClientSession::renew) | `Down`, due at once | |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    Down { redial_mono_ms: u64 },
    Dialing { since_mono_ms: u64 },
    Greeting { since_mono_ms: u64 },
    Up { since_mono_ms: u64 },
    Over,
}

impl ClientSession {
    /// Dials now instead of when the wait is over: the network is back, the app came to the front, or the user asked
    /// for it. A session that is over begins again; one that is up or dialling is left alone.
    pub fn redial(&mut self, now: Now) {
        if self.link == Link::Over {
            // After leaving: what was on the wire then is as good as lost.
            self.forget_connection();
        }
        if matches!(self.link, Link::Down { .. } | Link::Over) {
            self.link = Link::Down { redial_mono_ms: now.mono_ms };
        }
    }

    pub(super) fn link_due(&self) -> Option<u64> {
        match self.link {
            Link::Down { redial_mono_ms } => Some(redial_mono_ms),
            Link::Dialing { since_mono_ms } | Link::Greeting { since_mono_ms } => {
                Some(since_mono_ms + self.config.patience_ms)
            }
            Link::Up { .. } => Some(self.heartbeat.due()),
            Link::Over => None,
        }
    }

    pub(super) fn link_timeout(&mut self, now: Now) {
        if self.link_due().is_none_or(|due| due > now.mono_ms) {
            return;
        }
        match self.link {
            Link::Down { .. } => {
                self.link = Link::Dialing { since_mono_ms: now.mono_ms };
                self.outbox.push_back(Output::Connect);
            }
            Link::Dialing { .. } | Link::Greeting { .. } => self.hangup(now),
            Link::Up { .. } => match self.heartbeat.beat(now) {
                Beat::Quiet => {}
                Beat::Ask => self.say(now, ClientPacket::Ping(Ping::default())),
                Beat::Dead => self.hangup(now),
            },
            Link::Over => {}
        }
    }

    pub(super) fn connected(&mut self, now: Now) {
        if !matches!(self.link, Link::Dialing { .. }) {
            return;
        }
        if !self.config.welcome {
            self.up(now, None);
            self.plan_renewal(now);
            self.outbox.push_back(Output::Event(Event::Online));
            return;
        }
        self.link = Link::Greeting { since_mono_ms: now.mono_ms };
        if let Some(token) = self.config.token.clone() {
            let user = Some(self.config.device.user.clone());
            let device = Some(self.config.device.name.clone());
            self.outbox.push_back(Output::Transmit(ClientPacket::SignIn { user, device, token }));
        }
        if self.config.announce {
            // Not after the welcome: rows come right behind it, and the transport may have answered a ping by then. And
            // not what is stored: the offsets may be of a mailbox that is no more.
            self.outbox.push_back(Output::Transmit(ClientPacket::Dispose(Offset::ZERO)));
        }
    }

    pub(super) fn welcomed(&mut self, now: Now, welcome: Welcome) {
        if !matches!(self.link, Link::Greeting { .. }) {
            return;
        }
        self.up(now, Some(u64::from(welcome.heartbeat_ms)));
        self.server_ahead_ms =
            i64::try_from(welcome.server_time.0).unwrap_or(i64::MAX).saturating_sub_unsigned(now.unix_ms);
        self.plan_renewal(now);
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
    }

    fn up(&mut self, now: Now, heartbeat_ms: Option<u64>) {
        self.link = Link::Up { since_mono_ms: now.mono_ms };
        self.heartbeat.begin(now, heartbeat_ms);
    }

    /// The connection is gone or was not made.
    pub(super) fn down(&mut self, now: Now, retry_after_ms: u64, crowd_ms: u64) {
        let up_since = match self.link {
            Link::Over | Link::Down { .. } => return,
            Link::Up { since_mono_ms } => Some(since_mono_ms),
            Link::Dialing { .. } | Link::Greeting { .. } => None,
        };
        // A server that lets one in and then closes, again and again, is as bad as one that does not answer.
        if up_since.is_some_and(|since| since + self.config.steady_ms <= now.mono_ms) {
            self.redial.succeeded();
        }
        let wait_ms = self.redial.wait(&self.config, retry_after_ms, crowd_ms);
        self.link = Link::Down { redial_mono_ms: now.mono_ms + wait_ms };
        self.forget_connection();
        if up_since.is_some() {
            self.outbox.push_back(Output::Event(Event::Offline));
        }
    }

    /// What was said on this connection may be lost.
    fn forget_connection(&mut self) {
        (self.retry_mono_ms, self.held_mono_ms) = (None, None);
        self.renewal = Renewal::Idle;
        self.joining.clear();
        self.inbox.rewind();
        self.marks.rewind();
        self.revisions.rewind();
        self.reactions.rewind();
        self.give_up_queries();
        self.groups.rewind();
        self.users.rewind();
        self.talker.cut();
        if self.config.resend {
            self.drafts.rewind();
        } else {
            for draft in self.drafts.give_up() {
                self.outbox.push_back(Output::Event(Event::Unsure(draft)));
            }
        }
    }

    pub(super) fn hangup(&mut self, now: Now) {
        self.outbox.push_back(Output::Hangup);
        self.down(now, 0, 0);
    }

    /// The server says goodbye.
    pub(super) fn bye(&mut self, now: Now, reason: CloseReason) {
        match reason {
            CloseReason::Replaced { .. }
            | CloseReason::Refused
            | CloseReason::Expired
            | CloseReason::Revoked
            | CloseReason::LoggedOut
            | CloseReason::Bye => self.end(reason),
            CloseReason::GoingAway => {
                self.outbox.push_back(Output::Hangup);
                self.down(now, 0, self.config.redial_crowd_ms);
            }
            _ => self.hangup(now),
        }
    }

    /// The session does not dial again by itself.
    pub(super) fn end(&mut self, reason: CloseReason) {
        if self.link != Link::Over {
            self.link = Link::Over;
            self.ended = Some(reason.clone());
            self.forget_connection();
            self.outbox.push_back(Output::Hangup);
            self.outbox.push_back(Output::Event(Event::Ended(reason)));
        }
    }
}
