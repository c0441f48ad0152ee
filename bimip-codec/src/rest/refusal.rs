//! Why a request is not carried out: one shape for all of it.

use std::borrow::Cow;

use bimip_proto::Reject;

use crate::DecodeError;
use crate::events::words;
use crate::json::Writer;

/// Why a request is not carried out: HT-ERR-1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "doors make their own")]
pub struct Refusal {
    /// The status of HTTP.
    pub status: u16,
    /// Why, for a program.
    pub code: &'static str,
    /// Why, for a developer. Nothing of the request is in it.
    pub message: Cow<'static, str>,
    /// What is wrong in the request, where it is one thing.
    pub field: Option<&'static str>,
    /// When to say it again, where that may help.
    pub retry_after_ms: Option<u32>,
}

/// When to say again what did not find room.
const RETRY_MS: u32 = 1_000;

impl Refusal {
    /// There is nothing here.
    pub const NOT_FOUND: Self = Self::new(404, "NOT_FOUND", "there is nothing here for you");
    /// Nobody is signed in.
    pub const UNAUTHENTICATED: Self = Self::new(401, "UNAUTHENTICATED", "a good token is needed");
    /// The path is right, and this is not done there.
    pub const METHOD_NOT_ALLOWED: Self =
        Self::new(405, "METHOD_NOT_ALLOWED", "the header allow says what may be done here");
    /// The body does not say that it is JSON.
    pub const NOT_JSON: Self = Self::new(415, "NOT_JSON", "the body is JSON: say so in content-type");
    /// The body is no JSON object.
    pub const MALFORMED: Self = Self::new(400, "MALFORMED", "the body is not one JSON object");
    /// The body is over the limit of a frame.
    pub const TOO_LARGE: Self = Self::new(413, "TOO_LARGE", "the request is too large");
    /// The body did not come in time.
    pub const TIMEOUT: Self = Self::new(408, "TIMEOUT", "the request did not come in time");
    /// The answer did not come in time, or there is no room.
    pub const UNAVAILABLE: Self = Self::later(503, "UNAVAILABLE", "unavailable, try again", RETRY_MS);

    /// Without a field and a time.
    #[must_use]
    pub const fn new(status: u16, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message: Cow::Borrowed(message), field: None, retry_after_ms: None }
    }

    /// As [`new`](Self::new), with a time after which it may be good.
    #[must_use]
    pub const fn later(status: u16, code: &'static str, message: &'static str, retry_after_ms: u32) -> Self {
        let message = Cow::Borrowed(message);
        Self { status, code, message, field: None, retry_after_ms: Some(retry_after_ms) }
    }

    /// A part of the request is missing or not as it has to be.
    #[must_use]
    pub fn field(name: &'static str) -> Self {
        let message = Reject::Field(name).to_string().into();
        Self { message, field: Some(name), ..Self::new(400, "FIELD", "") }
    }

    /// As the core says it.
    #[must_use]
    pub fn of(reason: Reject, retry_after_ms: Option<u32>) -> Self {
        let again = matches!(reason, Reject::Busy | Reject::Unavailable);
        let field = if let Reject::Field(name) = reason { Some(said_as(name)) } else { None };
        Self {
            status: status(reason),
            code: words::of_reject(reason),
            message: reason.to_string().into(),
            field,
            retry_after_ms: retry_after_ms.or_else(|| again.then_some(RETRY_MS)),
        }
    }

    /// The body of the answer.
    #[must_use]
    pub fn json(&self, request_id: &str) -> String {
        let mut to = Writer::new(160);
        to.text("code", self.code);
        to.text("message", &self.message);
        to.object("details", |to| {
            to.maybe("field", self.field);
            if let Some(ms) = self.retry_after_ms {
                to.number("retry_after_ms", ms);
            }
        });
        to.text("request_id", request_id);
        to.finish()
    }
}

/// HT-ERR-2.
const fn status(reason: Reject) -> u16 {
    match reason {
        Reject::Field(_) => 400,
        Reject::BadToken => 401,
        Reject::NotYourself | Reject::NotMember | Reject::Role | Reject::Blocked => 403,
        Reject::NoSuchMessage => 404,
        Reject::Conflict | Reject::Taken | Reject::Full | Reject::NoStream => 409,
        Reject::Deleted => 410,
        Reject::TooLarge => 413,
        Reject::Unsupported => 501,
        _ => 503,
    }
}

/// The parts of content that stand beside each other in a request of this door.
pub(super) const fn said_as(field: &'static str) -> &'static str {
    match field.as_bytes() {
        b"kind" => "message_type",
        b"payload.text" => "content",
        b"payload.mentions" => "mentions",
        b"payload.reply_to" => "reply_to_id",
        _ => field,
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Field { field, .. } | DecodeError::Rule { field, .. } => Self::field(field),
            DecodeError::TooLong { .. } => Self::of(Reject::TooLarge, None),
            _ => Self::MALFORMED,
        }
    }
}

impl From<Reject> for Refusal {
    fn from(reason: Reject) -> Self {
        Self::of(reason, None)
    }
}
