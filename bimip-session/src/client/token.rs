//! The token of a session: a newer one is asked for before it runs out.

use bimip_proto::{ClientPacket, Now, Reject, ServerPacket, TokenAnswer, TokenTask, UnixMs};
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
    /// The server was asked.
    Asked,
}

impl Renewal {
    pub(super) const fn due(&self) -> Option<u64> {
        match self {
            Self::Due { mono_ms } => Some(*mono_ms),
            Self::Idle | Self::Asked => None,
        }
    }
}

impl ClientSession {
    /// The token to sign in with from now on, of the same user and device. A session that is over for want of a good
    /// one dials again; one that is up shows it to the server, and lives as long as the newer one.
    pub fn renew(&mut self, now: Now, token: Bytes, expires: Option<UnixMs>) {
        self.config.token = Some(token.clone());
        self.config.token_expires = expires;
        if self.is_up() && self.config.welcome {
            self.say(now, ClientPacket::Token { task: TokenTask::Validate, token });
            self.plan_renewal(now, now.stamp());
        }
        if self.link == Link::Over {
            self.redial(now);
        }
        self.pump(now);
    }

    /// The session is up, and the server's clock shows `server_time`: the token's life is measured by the clock that
    /// will end it.
    pub(super) fn plan_renewal(&mut self, now: Now, server_time: UnixMs) {
        self.renewal = match self.config.token_expires {
            Some(expires) => {
                let left_ms = expires.0.saturating_sub(server_time.0);
                let ahead_ms = self.config.refresh_ahead_ms.min(left_ms / 2);
                Renewal::Due { mono_ms: now.mono_ms + left_ms - ahead_ms }
            }
            None => Renewal::Idle,
        };
    }

    pub(super) fn renew_when_due(&mut self, now: Now) {
        if !self.is_up() || self.renewal.due().is_none_or(|due| due > now.mono_ms) {
            return;
        }
        match self.config.token.clone().filter(|_| self.config.welcome) {
            Some(token) => {
                self.renewal = Renewal::Asked;
                self.say(now, ClientPacket::Token { task: TokenTask::Refresh, token });
            }
            // Its dialect has no word for it, or the transport carries the token.
            None => self.want_token(),
        }
    }

    /// An answer about a token: whether it was to this session's own question.
    pub(super) fn heard_of_token(&mut self, now: Now, packet: &ServerPacket) -> bool {
        if !matches!(self.renewal, Renewal::Asked) {
            return false;
        }
        match packet {
            ServerPacket::Token(TokenAnswer { task: TokenTask::Refresh, token: Some(token), expires }) => {
                let (token, expires) = (token.clone(), *expires);
                self.config.token = Some(token.clone());
                self.config.token_expires = expires;
                self.plan_renewal(now, now.stamp());
                self.outbox.push_back(Output::Event(Event::Token { token, expires }));
                true
            }
            ServerPacket::Declined { id: None, reason: Reject::BadToken | Reject::Unsupported, .. } => {
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
