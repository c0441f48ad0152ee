//! What is said now or never: presence and the like, and what a user decides about the account.

use bimip_proto::{
    Address, Aware, Awareness, ClientPacket, ClientRef, Device, LogOut, Noted, Now, PushToken, Reject,
    ServerPacket, Signal, TokenAnswer, TokenTask, Track, UserId,
};
use bytes::Bytes;

use super::event::Event;
use super::io::Output;
use super::session::ClientSession;

/// Something to be said while the session is up. It is not kept and not said again: what it is about has changed by
/// the next time, or only the user knows whether it still holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Live {
    /// What the user is doing.
    Aware(Awareness),
    /// What the user does in a conversation.
    Signal(Signal),
    /// Where the user is.
    Track(Track),
    /// Whether others may see it. Answered by [`Heard::Visible`].
    Visible {
        /// A name for the answer.
        id: Option<ClientRef>,
        /// Whether they may.
        visible: bool,
    },
    /// Where to push to. Answered by [`Heard::PushToken`].
    PushToken(PushToken),
    /// About a token. Answered by [`Heard::Token`].
    Token {
        /// What to do with it.
        task: TokenTask,
        /// The token.
        token: Bytes,
    },
    /// Logging out. Answered by [`Heard::LoggedOut`], or by the end of this session.
    LogOut(LogOut),
}

impl From<Live> for ClientPacket {
    fn from(live: Live) -> Self {
        match live {
            Live::Aware(it) => Self::Aware(it),
            Live::Signal(it) => Self::Signal(it),
            Live::Track(it) => Self::Track(it),
            Live::Visible { id, visible } => Self::SetVisible { id, visible },
            Live::PushToken(it) => Self::PushToken(it),
            Live::Token { task, token } => Self::Token { task, token },
            Live::LogOut(what) => Self::LogOut(what),
        }
    }
}

/// What is heard beside messages.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// Somebody's presence.
    Aware(Aware),
    /// What was heard of a user's presence has run out, and nothing newer was heard: offline, as far as anybody
    /// knows.
    Gone(UserId),
    /// Somebody who was typing, recording or pausing did not say so again.
    Ceased {
        /// Who, with which device.
        from: Device,
        /// To whom.
        to: Address,
    },
    /// What somebody does in a conversation.
    Signal {
        /// Who, with which device.
        from: Device,
        /// What.
        signal: Signal,
    },
    /// Where somebody is.
    Track {
        /// Who, with which device.
        from: Device,
        /// Where.
        track: Track,
    },
    /// Whether others see what this user is doing.
    Visible {
        /// The name of the request, if it was this device's.
        id: Option<ClientRef>,
        /// Whether they do.
        visible: bool,
    },
    /// The answer about a token.
    Token(TokenAnswer),
    /// This device's push token is stored, or taken back.
    PushToken {
        /// The name of the request.
        id: Option<ClientRef>,
        /// Whether there is one now.
        registered: bool,
    },
    /// Another device is logged out.
    LoggedOut(LogOut),
    /// Something live was refused.
    Declined {
        /// Its name.
        id: Option<ClientRef>,
        /// Why.
        reason: Reject,
        /// When to try again, where that may help.
        retry_after_ms: Option<u32>,
    },
}

impl ClientSession {
    /// Says something now, or never: whether it was said.
    pub fn live(&mut self, now: Now, live: Live) -> bool {
        self.say(now, live.into());
        self.is_up()
    }

    /// What is neither a row nor an answer to one.
    pub(super) fn heard_live(&mut self, now: Now, packet: ServerPacket) {
        let heard = match packet {
            ServerPacket::Aware(it) => Heard::Aware(it),
            ServerPacket::Around(list) => {
                return list.into_iter().for_each(|it| self.tell_live(now, Heard::Aware(it)));
            }
            ServerPacket::Signal { from, signal } => Heard::Signal { from, signal },
            ServerPacket::Track { from, track } => Heard::Track { from, track },
            ServerPacket::Visible { id, visible } => Heard::Visible { id, visible },
            ServerPacket::Token(answer) => Heard::Token(answer),
            ServerPacket::Noted(Noted::PushToken { id, registered }) => Heard::PushToken { id, registered },
            ServerPacket::Noted(Noted::LoggedOut(what)) => Heard::LoggedOut(what),
            ServerPacket::Declined { id, reason, retry_after_ms, .. } => {
                Heard::Declined { id, reason, retry_after_ms }
            }
            _ => return,
        };
        self.tell_live(now, heard);
    }

    fn tell_live(&mut self, now: Now, heard: Heard) {
        self.keep_around(now, &heard);
        self.outbox.push_back(Output::Event(Event::Heard(heard)));
    }
}
