//! The token of a session: a newer one is asked for before it runs out.

use bimip_proto::{
    ClientPacket, CloseReason, Fault, FaultKind, Now, Reject, ServerPacket, TokenAnswer, TokenTask, UnixMs,
};
use bytes::Bytes;

use super::event::Event;
use super::io::Output;
use super::link::Link;
use super::session::ClientSession;

/// When to ask for a newer token.
#[derive(Debug, Default)]
pub(super) enum Renewal {
    /// It is not known when the token runs out, or the app was asked for another.
    #[default]
    Idle,
    /// At this time.
    Due { mono_ms: u64 },
    /// The server was asked, and is waited for until this time.
    Asked { until_mono_ms: u64 },
}

/// The shortest time between two questions for a newer token.
const PAUSE_MS: u64 = 1_000;

impl Renewal {
    pub(super) const fn due(&self) -> Option<u64> {
        match self {
            Self::Due { mono_ms } | Self::Asked { until_mono_ms: mono_ms } => Some(*mono_ms),
            Self::Idle => None,
        }
    }
}

impl ClientSession {
    /// The token to sign in with from now on, of the same user and device. A session that is over for want of a good
    /// one dials again, one that is over for another reason waits for [`redial`](Self::redial); one that is up shows it to the server, and lives as long as the newer one.
    pub fn renew(&mut self, now: Now, token: Bytes, expires: Option<UnixMs>) {
        self.config.token = Some(token.clone());
        self.config.token_expires = expires;
        if self.is_up() && self.config.welcome {
            self.say(now, ClientPacket::Token { task: TokenTask::Validate, token });
            self.plan_renewal(now);
        }
        let for_want_of_one = matches!(
            self.ended,
            Some(CloseReason::Refused | CloseReason::Expired | CloseReason::Revoked | CloseReason::LoggedOut)
        );
        if self.link == Link::Over && for_want_of_one {
            self.redial(now);
        }
        self.pump(now);
    }

    /// The session is up: the token's life is measured by the clock that will end it.
    pub(super) fn plan_renewal(&mut self, now: Now) {
        self.renewal = match self.token_left_ms(now) {
            Some(left_ms) => {
                let ahead_ms = self.config.refresh_ahead_ms.min(left_ms / 2);
                Renewal::Due { mono_ms: now.mono_ms + (left_ms - ahead_ms).max(PAUSE_MS) }
            }
            None => Renewal::Idle,
        };
    }

    /// What is left of the token's life, where that is known.
    fn token_left_ms(&self, now: Now) -> Option<u64> {
        let server_ms = now.unix_ms.saturating_add_signed(self.server_ahead_ms);
        self.config.token_expires.map(|expires| expires.0.saturating_sub(server_ms))
    }

    /// The server has no newer token now: asked again after half of what is left, while that is worth it.
    fn renew_later(&mut self, now: Now) {
        match self.token_left_ms(now) {
            Some(left_ms) if left_ms / 2 > self.config.patience_ms => {
                self.renewal = Renewal::Due { mono_ms: now.mono_ms + left_ms / 2 };
            }
            _ => self.want_token(),
        }
    }

    pub(super) fn renew_when_due(&mut self, now: Now) {
        if !self.is_up() || self.renewal.due().is_none_or(|due| due > now.mono_ms) {
            return;
        }
        if matches!(self.renewal, Renewal::Asked { .. }) {
            return self.renew_later(now);
        }
        match self.config.token.clone().filter(|_| self.config.welcome) {
            Some(token) => {
                self.renewal = Renewal::Asked { until_mono_ms: now.mono_ms + self.config.patience_ms };
                self.say(now, ClientPacket::Token { task: TokenTask::Refresh, token });
            }
            // Its dialect has no word for it, or the transport carries the token.
            None => self.want_token(),
        }
    }

    /// An answer about a token: whether it was to this session's own question.
    pub(super) fn heard_of_token(&mut self, now: Now, packet: &ServerPacket) -> bool {
        if !matches!(self.renewal, Renewal::Asked { .. }) {
            return false;
        }
        match packet {
            ServerPacket::Token(TokenAnswer { task: TokenTask::Refresh, token: Some(token), expires }) => {
                let (token, expires) = (token.clone(), *expires);
                self.config.token = Some(token.clone());
                self.config.token_expires = expires;
                self.plan_renewal(now);
                self.outbox.push_back(Output::Event(Event::Token { token, expires }));
                true
            }
            ServerPacket::Declined { id: None, reason: Reject::BadToken | Reject::Unsupported, .. } => {
                self.want_token();
                true
            }
            ServerPacket::Declined { id: None, reason: Reject::Unavailable | Reject::Busy, .. } => {
                self.renew_later(now);
                true
            }
            // A dialect may have one word for what is not served, whatever it is.
            ServerPacket::Fault(Fault { kind: FaultKind::Unsupported, .. }) => {
                self.want_token();
                true
            }
            _ => false,
        }
    }

    fn want_token(&mut self) {
        self.renewal = Renewal::Idle;
        self.outbox.push_back(Output::Event(Event::TokenWanted));
    }
}
