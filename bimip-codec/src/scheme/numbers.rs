//! The numbers of the dialect, by the field they stand in.

use bimip_proto::{CloseReason, FaultKind, Reject, Status};

/// Routes, which are also the tags of the payloads.
pub mod route {
    /// [`PingPong`](super::super::v1::PingPong).
    pub const PING_PONG: u32 = 3;
    /// [`TokenAuthority`](super::super::v1::TokenAuthority).
    pub const TOKEN_AUTHORITY: u32 = 5;
    /// [`Message`](super::super::v1::Message).
    pub const MESSAGE: u32 = 6;
    /// [`Signal`](super::super::v1::Signal).
    pub const SIGNAL: u32 = 7;
    /// [`ErrorMessage`](super::super::v1::ErrorMessage).
    pub const ERROR: u32 = 11;
    /// [`Logout`](super::super::v1::Logout).
    pub const LOGOUT: u32 = 12;
    /// [`Welcome`](super::super::v1::Welcome).
    pub const WELCOME: u32 = 16;

    /// Whether the dialect has this route.
    #[must_use]
    pub const fn is_known(route: u32) -> bool {
        matches!(route, 2..=12 | WELCOME)
    }
}

/// The `type` of signals, tokens and logouts.
pub mod kind {
    /// A client asks.
    pub const REQUEST: i32 = 1;
    /// The server answers.
    pub const RESPONSE: i32 = 2;
    /// The server refuses.
    pub const ERROR: i32 = 3;
    /// The server tells what somebody else said.
    pub const EVENT: i32 = 4;
    /// Of a heartbeat: the question.
    pub const PING: i32 = 1;
    /// Of a heartbeat: the answer.
    pub const PONG: i32 = 2;
    /// Of a message: an ordinary one.
    pub const CHAT: i32 = 1;
    /// Of a message: a notification.
    pub const NOTIFICATION: i32 = 2;
}

/// The `task` of a token frame that is a sign-in.
pub const VALIDATE: i32 = 3;
/// The `scope` of a logout that ends this device's session.
pub const SCOPE_DEVICE: i32 = 1;
/// The `status` of a logout that is done.
pub const LOGOUT_DISCONNECTED: i32 = 1;
/// The `status` of a logout that is asked for.
pub const LOGOUT_PENDING: i32 = 4;
/// The `status` of a new message and of its acknowledgement.
pub const SENT: i32 = 1;
/// The first live-only status: typing. The last is 12.
pub const FIRST_LIVE: i32 = 6;
/// The last live-only status.
pub const LAST_LIVE: i32 = 12;

/// The number of a status.
#[must_use]
pub const fn of_status(status: Status) -> i32 {
    match status {
        Status::Delivered => 2,
        Status::Read => 3,
        Status::Forwarded => 4,
        Status::Played => 5,
        _ => SENT,
    }
}

/// The status that a recipient may say by this number.
#[must_use]
pub const fn status(number: i32) -> Option<Status> {
    match number {
        2 => Some(Status::Delivered),
        3 => Some(Status::Read),
        4 => Some(Status::Forwarded),
        5 => Some(Status::Played),
        _ => None,
    }
}

/// BM-ERR-1: the code of a refusal.
#[must_use]
pub const fn of_reject(reason: Reject) -> i32 {
    match reason {
        Reject::NotYourself => 403,
        Reject::NoSuchMessage => 404,
        Reject::Conflict => 409,
        Reject::TooLarge => 413,
        Reject::Busy => 429,
        Reject::NotMember => 442,
        Reject::Full => 471,
        Reject::Unavailable => 503,
        _ => 501,
    }
}

/// The refusal of a code. A code of a newer server is read by its class: 5xx may pass, others will not.
#[must_use]
pub const fn reject(code: i32) -> Reject {
    match code {
        403 => Reject::NotYourself,
        404 => Reject::NoSuchMessage,
        409 => Reject::Conflict,
        413 => Reject::TooLarge,
        429 => Reject::Busy,
        442 => Reject::NotMember,
        471 => Reject::Full,
        501 => Reject::Unsupported,
        500..=599 => Reject::Unavailable,
        _ => Reject::Unsupported,
    }
}

/// BM-ERR-1: the code of a fault.
#[must_use]
pub const fn of_fault(kind: FaultKind) -> i32 {
    match kind {
        FaultKind::Malformed => 400,
        FaultKind::Refused => UNAUTHORIZED,
        FaultKind::NotYourself => 403,
        FaultKind::Unknown => 404,
        FaultKind::OutOfPlace => 405,
        FaultKind::TooLong => 413,
        FaultKind::Mismatched => 421,
        FaultKind::Field => 422,
        FaultKind::Missing => 428,
        _ => 501,
    }
}

/// The fault of a code; one this version does not know is as good as not supported.
#[must_use]
pub const fn fault(code: i32) -> FaultKind {
    match code {
        400 => FaultKind::Malformed,
        UNAUTHORIZED => FaultKind::Refused,
        403 => FaultKind::NotYourself,
        404 => FaultKind::Unknown,
        405 => FaultKind::OutOfPlace,
        413 => FaultKind::TooLong,
        421 => FaultKind::Mismatched,
        422 => FaultKind::Field,
        428 => FaultKind::Missing,
        _ => FaultKind::Unsupported,
    }
}

/// The code of a sign-in that failed.
pub const UNAUTHORIZED: i32 = 401;

/// BM-BYE-1: the word for a goodbye.
#[must_use]
pub const fn of_bye(reason: &CloseReason) -> &'static str {
    match reason {
        CloseReason::Bye => "bye",
        CloseReason::Refused => "refused",
        CloseReason::SignInTimeout => "sign_in_timeout",
        CloseReason::Replaced { .. } => "replaced",
        CloseReason::Expired => "expired",
        CloseReason::TooLong => "too_long",
        CloseReason::Strikes => "strikes",
        CloseReason::Idle => "idle",
        CloseReason::Slow => "slow",
        CloseReason::Unavailable => "unavailable",
        _ => "going_away",
    }
}

/// The goodbye of a word. A word of a newer server is a goodbye all the same.
#[must_use]
pub fn bye(word: &str) -> CloseReason {
    match word {
        "bye" => CloseReason::Bye,
        "refused" => CloseReason::Refused,
        "sign_in_timeout" => CloseReason::SignInTimeout,
        "replaced" => CloseReason::Replaced { by: None },
        "expired" => CloseReason::Expired,
        "too_long" => CloseReason::TooLong,
        "strikes" => CloseReason::Strikes,
        "idle" => CloseReason::Idle,
        "slow" => CloseReason::Slow,
        "unavailable" => CloseReason::Unavailable,
        _ => CloseReason::GoingAway,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_stand_for_one_thing_each() {
        for kind in FaultKind::ALL {
            assert_eq!(fault(of_fault(kind)), kind);
        }
        for reason in [
            Reject::Conflict,
            Reject::NotYourself,
            Reject::NoSuchMessage,
            Reject::TooLarge,
            Reject::Unsupported,
            Reject::Busy,
            Reject::NotMember,
            Reject::Full,
            Reject::Unavailable,
        ] {
            assert_eq!(reject(of_reject(reason)), reason);
        }
        assert_eq!((reject(599), reject(499)), (Reject::Unavailable, Reject::Unsupported));
    }

    #[test]
    fn statuses_are_the_published_ones() {
        for (number, said) in
            [(2, Status::Delivered), (3, Status::Read), (4, Status::Forwarded), (5, Status::Played)]
        {
            assert_eq!((status(number), of_status(said)), (Some(said), number));
        }
        assert_eq!(of_status(Status::Sent), SENT);
        assert!((FIRST_LIVE..=LAST_LIVE).all(|number| status(number).is_none()));
    }
}
