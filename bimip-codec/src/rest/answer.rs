//! What was asked for, and how its answer is written.

use bimip_proto::{
    ClientPacket, CloseReason, FaultKind, Found, Noted, Reject, Said, ServerPacket, UnixMs, UserId,
};

use super::refusal::Refusal;
use super::request::Request;
use crate::json::Writer;

/// What a request says to the core: one packet after another, each with its answer.
#[derive(Debug, Clone)]
pub struct Asked {
    me: UserId,
    said: Vec<Said>,
    each: bool,
    write: Write,
}

/// Writes the answer.
type Write = fn(&Told<'_>) -> Result<Answer, Refusal>;

/// What an answer is written of.
pub(super) struct Told<'a> {
    /// Who asked.
    pub(super) me: &'a UserId,
    /// What was said for it.
    pub(super) said: &'a [Said],
    /// What was answered, in the same order.
    pub(super) answers: &'a [Option<ServerPacket>],
    /// When that was.
    pub(super) now: UnixMs,
}

impl<'a> Told<'a> {
    /// The first packet that was said.
    pub(super) fn packet(&self) -> Option<&'a ClientPacket> {
        self.said.first().map(|said| &said.packet)
    }

    /// What the first packet was answered with.
    pub(super) fn answer(&self) -> Option<&'a ServerPacket> {
        self.answers.first().and_then(Option::as_ref)
    }

    /// What the question at this place found; an answer of another kind is none.
    pub(super) fn found(&self, index: usize) -> Result<&'a Found, Refusal> {
        match self.answers.get(index) {
            Some(Some(ServerPacket::Answer { found, .. })) => Ok(found),
            _ => Err(Refusal::UNAVAILABLE),
        }
    }

    /// What the last question found.
    pub(super) fn last_found(&self) -> Result<&'a Found, Refusal> {
        self.found(self.answers.len().saturating_sub(1))
    }

    /// What was noted of the first packet.
    pub(super) fn noted(&self) -> Result<&'a Noted, Refusal> {
        match self.answer() {
            Some(ServerPacket::Noted(noted)) => Ok(noted),
            _ => Err(Refusal::UNAVAILABLE),
        }
    }
}

/// An answer that is good.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "doors take it apart")]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The body; empty where there is none.
    pub json: String,
}

impl Answer {
    /// Done, and nothing to say.
    pub(super) const NOTHING: Self = Self { status: 204, json: String::new() };

    pub(super) fn ok(json: Writer) -> Self {
        Self { status: 200, json: json.finish() }
    }

    pub(super) fn created(json: Writer) -> Self {
        Self { status: 201, json: json.finish() }
    }
}

impl Asked {
    /// One packet.
    pub(super) fn one(request: &Request<'_>, said: impl Into<Said>, write: Write) -> Self {
        Self { me: request.me.user.clone(), said: vec![said.into()], each: false, write }
    }

    /// Several, each of them only if those before it were not refused.
    pub(super) fn chain(request: &Request<'_>, said: Vec<ClientPacket>, write: Write) -> Self {
        let said = said.into_iter().map(Into::into).collect();
        Self { me: request.me.user.clone(), said, each: false, write }
    }

    /// Several that do not depend on each other: what is refused of them is not counted.
    pub(super) fn each(request: &Request<'_>, said: Vec<ClientPacket>, write: Write) -> Self {
        Self { each: true, ..Self::chain(request, said, write) }
    }

    /// What to say, in this order.
    #[must_use]
    pub fn said(&self) -> &[Said] {
        &self.said
    }

    /// Whether the packets may be said at once: none depends on another.
    #[must_use]
    pub const fn is_each(&self) -> bool {
        self.each
    }

    /// Whether nothing more is to be said after this answer.
    #[must_use]
    pub fn ends(&self, answer: Option<&ServerPacket>) -> bool {
        !self.each && refused(answer).is_some()
    }

    /// The answer, from the answers to what was said, in its order, and the time of the last of them.
    ///
    /// # Errors
    /// [`Refusal`] where it was not carried out.
    pub fn answer(&self, answers: &[Option<ServerPacket>], now: UnixMs) -> Result<Answer, Refusal> {
        for answer in answers {
            match refused(answer.as_ref()) {
                // One of several: the others may be good.
                Some((reason, _)) if self.each && !matches!(reason, Reject::Busy | Reject::Unavailable) => {}
                Some((reason, retry_after_ms)) => return Err(Refusal::of(reason, retry_after_ms)),
                None => {}
            }
        }
        (self.write)(&Told { me: &self.me, said: &self.said, answers, now })
    }
}

/// Why it was refused, if it was, and when to say it again.
pub(super) fn refused(answer: Option<&ServerPacket>) -> Option<(Reject, Option<u32>)> {
    match answer? {
        ServerPacket::Rejected { reason, retry_after_ms, .. }
        | ServerPacket::Unanswered { reason, retry_after_ms, .. }
        | ServerPacket::Declined { reason, retry_after_ms, .. }
        | ServerPacket::Noted(
            Noted::Refused { reason, retry_after_ms, .. }
            | Noted::Unrevised { reason, retry_after_ms, .. }
            | Noted::Ungrouped { reason, retry_after_ms, .. }
            | Noted::UserUnchanged { reason, retry_after_ms, .. }
            | Noted::Barred { reason, retry_after_ms, .. }
            | Noted::Unreacted { reason, retry_after_ms, .. },
        ) => Some((*reason, *retry_after_ms)),
        ServerPacket::Fault(fault) => Some(match fault.kind {
            FaultKind::NotYourself => (Reject::NotYourself, None),
            FaultKind::Field => (Reject::Field("request"), None),
            _ => (Reject::Unsupported, None),
        }),
        // To a log-out of this session.
        ServerPacket::Bye(CloseReason::LoggedOut | CloseReason::Revoked | CloseReason::Expired) => None,
        ServerPacket::Bye(_) => Some((Reject::Unavailable, None)),
        _ => None,
    }
}

/// Done, and nothing to say.
#[expect(clippy::unnecessary_wraps, reason = "one writer of many")]
pub(super) const fn nothing(_: &Told<'_>) -> Result<Answer, Refusal> {
    Ok(Answer::NOTHING)
}
