//! Refusals, in the codes of gRPC.

use crate::rest::Refusal;

/// A code of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "those that are used here")]
#[repr(i32)]
pub enum Code {
    /// A part of the request is missing or not valid.
    InvalidArgument = 3,
    /// The answer did not come in time.
    DeadlineExceeded = 4,
    /// There is nothing here, or nothing for this user.
    NotFound = 5,
    /// What was there before stands in the way.
    AlreadyExists = 6,
    /// This user may not.
    PermissionDenied = 7,
    /// Too much, or no room.
    ResourceExhausted = 8,
    /// Not as things are.
    FailedPrecondition = 9,
    /// Somebody else took over.
    Aborted = 10,
    /// This server does not do this.
    Unimplemented = 12,
    /// Say it again later.
    Unavailable = 14,
    /// Nobody is signed in, or the token is no good any more.
    Unauthenticated = 16,
}

/// GR-ERR-1: the code of a refusal.
#[must_use]
pub fn code(refusal: &Refusal) -> Code {
    match refusal.code {
        "UNAUTHENTICATED" | "BAD_TOKEN" => Code::Unauthenticated,
        "NOT_YOURSELF" | "NOT_MEMBER" | "ROLE" | "BLOCKED" => Code::PermissionDenied,
        "NO_SUCH_MESSAGE" | "NOT_FOUND" => Code::NotFound,
        "CONFLICT" | "TAKEN" => Code::AlreadyExists,
        "RATE_LIMITED" | "FULL" | "TOO_LARGE" => Code::ResourceExhausted,
        "DELETED" | "NO_STREAM" => Code::FailedPrecondition,
        "REPLACED" => Code::Aborted,
        "UNSUPPORTED" => Code::Unimplemented,
        "TIMEOUT" => Code::DeadlineExceeded,
        "BUSY" | "UNAVAILABLE" => Code::Unavailable,
        _ => Code::InvalidArgument,
    }
}
