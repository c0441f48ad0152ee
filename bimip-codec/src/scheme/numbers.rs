//! The numbers of the dialect, by the field they stand in.

use bimip_proto::{Act, Body, BodyKind, CloseReason, FaultKind, Form, Presence, Reject, Status, TokenTask};

/// Routes, which are also the tags of the payloads.
pub mod route {
    /// [`Awareness`](super::super::v1::Awareness).
    pub const AWARENESS: u32 = 2;
    /// [`PingPong`](super::super::v1::PingPong).
    pub const PING_PONG: u32 = 3;
    /// [`AwarenessVisibility`](super::super::v1::AwarenessVisibility).
    pub const AWARENESS_VISIBILITY: u32 = 4;
    /// [`TokenAuthority`](super::super::v1::TokenAuthority).
    pub const TOKEN_AUTHORITY: u32 = 5;
    /// [`Message`](super::super::v1::Message).
    pub const MESSAGE: u32 = 6;
    /// [`Signal`](super::super::v1::Signal).
    pub const SIGNAL: u32 = 7;
    /// [`PushNotification`](super::super::v1::PushNotification).
    pub const PUSH_NOTIFICATION: u32 = 8;
    /// [`LocationStream`](super::super::v1::LocationStream).
    pub const LOCATION_STREAM: u32 = 9;
    /// [`Body`](super::super::v1::Body).
    pub const BODY: u32 = 10;
    /// [`ErrorMessage`](super::super::v1::ErrorMessage).
    pub const ERROR: u32 = 11;
    /// [`Logout`](super::super::v1::Logout).
    pub const LOGOUT: u32 = 12;
    /// [`Welcome`](super::super::v1::Welcome).
    pub const WELCOME: u32 = 16;
    /// [`Revision`](super::super::v1::Revision).
    pub const REVISION: u32 = 17;
    /// [`Query`](super::super::v1::Query).
    pub const QUERY: u32 = 18;
    /// [`Group`](super::super::v1::Group).
    pub const GROUP: u32 = 19;
    /// [`Reaction`](super::super::v1::Reaction).
    pub const REACTION: u32 = 21;
    /// [`User`](super::super::v1::User).
    pub const USER: u32 = 20;

    /// Whether the dialect has this route.
    #[must_use]
    pub const fn is_known(route: u32) -> bool {
        matches!(route, 2..=12 | WELCOME | REVISION | QUERY | GROUP | USER | REACTION)
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

/// The `task` of a token frame that asks for a newer one.
pub const REFRESH: i32 = 1;
/// The `task` of a token frame that takes one back.
pub const REVOKE: i32 = 2;
/// The `task` of a token frame that asks whether one is good: as first frame, a sign-in.
pub const VALIDATE: i32 = 3;
/// The `scope` of a logout that is a goodbye and no more.
pub const SCOPE_NONE: i32 = 0;
/// The `scope` of a logout of a device.
pub const SCOPE_DEVICE: i32 = 1;
/// The `scope` of a logout of this session.
pub const SCOPE_SESSION: i32 = 2;
/// The `scope` of a logout of the account.
pub const SCOPE_ACCOUNT: i32 = 3;
/// The `status` of a logout that is done.
pub const LOGOUT_DISCONNECTED: i32 = 1;
/// The `status` of a logout that is done, for a device that is not the one that hears it.
pub const LOGOUT_SUCCESS: i32 = 3;
/// The `status` of a logout that is asked for.
pub const LOGOUT_PENDING: i32 = 4;
/// The `ask` of a question about messages of a conversation.
pub const HISTORY: i32 = 1;
/// The `ask` of a question about one conversation.
pub const CONVERSATION: i32 = 2;
/// The `ask` of a question about conversations.
pub const CONVERSATIONS: i32 = 3;
/// The `ask` of a question about how far a message got.
pub const MESSAGE_STATUS: i32 = 4;
/// The `ask` of a question about what a user tells about themselves.
pub const ASK_PROFILE: i32 = 5;
/// The `ask` of a question about the own address book.
pub const ASK_ADDRESS_BOOK: i32 = 6;
/// The `ask` of a question about the own devices.
pub const ASK_DEVICES: i32 = 7;
/// The `ask` of a question about whom one has blocked.
pub const ASK_BLOCKED: i32 = 8;
/// The `ask` of a question about what a group is.
pub const ASK_GROUP: i32 = 9;
/// The `ask` of a question about who is in a group.
pub const ASK_MEMBERS: i32 = 10;
/// The `ask` of a question about who is here.
pub const ASK_AROUND: i32 = 11;
/// The `action` of a revision that edits.
pub const EDIT: i32 = 1;
/// The `action` of a revision that deletes.
pub const DELETE: i32 = 2;
/// The `action` of a group that makes it.
pub const CREATE: i32 = 1;
/// The `action` of a group that changes what it is called or what holds there.
pub const CHANGE: i32 = 2;
/// The `action` of a group that takes it away.
pub const REMOVE_GROUP: i32 = 3;
/// The `action` of a group that lets users in.
pub const ADD: i32 = 4;
/// The `action` of a group that puts a user out.
pub const REMOVE: i32 = 5;
/// The `action` of a group that gives a role.
pub const ROLE: i32 = 6;
/// The `action` of a group that lets a user in no more.
pub const BAN: i32 = 7;
/// The `action` of a group that lets a user in again.
pub const UNBAN: i32 = 8;
/// The `action` of a group that somebody joins.
pub const JOIN: i32 = 9;
/// The `action` of a group that somebody leaves.
pub const LEAVE: i32 = 10;
/// The `action` of a reaction that is there from now on.
pub const SET: i32 = 1;
/// The `action` of a reaction that is taken back.
pub const TAKE_BACK: i32 = 2;
/// The `action` of a user who changes their profile.
pub const PROFILE: i32 = 1;
/// The `action` of a user who puts somebody into the address book.
pub const SAVE: i32 = 2;
/// The `action` of a user who takes somebody out of it.
pub const FORGET: i32 = 3;
/// The `action` of a user who blocks somebody.
pub const BLOCK: i32 = 4;
/// The `action` of a user who takes a block back.
pub const UNBLOCK: i32 = 5;
/// The `action` of a user who removes a device.
pub const REMOVE_DEVICE: i32 = 6;
/// The `status` of a new message and of its acknowledgement.
pub const SENT: i32 = 1;

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

/// BM-KIND-1: the number of what a message is; 0 where nothing is said.
#[must_use]
pub const fn of_kind(body: &Body) -> i32 {
    match (body.kind, body.form) {
        (BodyKind::Text, Form::Content) => 1,
        (BodyKind::Image, _) => 2,
        (BodyKind::Video, _) => 3,
        (BodyKind::Audio, _) => 4,
        (BodyKind::VoiceNote, _) => 5,
        (BodyKind::CircleVideo, _) => 6,
        (BodyKind::Sticker, _) => 7,
        (BodyKind::Voice { .. }, _) => TALK,
        (BodyKind::Interactive, _) => FORM,
        _ => 0,
    }
}

/// The kind of a number that a client may say.
#[must_use]
pub const fn content_kind(number: i32) -> Option<BodyKind> {
    Some(match number {
        1 => BodyKind::Text,
        2 => BodyKind::Image,
        3 => BodyKind::Video,
        4 => BodyKind::Audio,
        5 => BodyKind::VoiceNote,
        6 => BodyKind::CircleVideo,
        7 => BodyKind::Sticker,
        _ => return None,
    })
}

/// The kind of a recorded talk: only the server makes them.
pub const TALK: i32 = 8;
/// The kind of a form of the msgpack dialect.
pub const FORM: i32 = 9;

/// The number of a live status.
#[must_use]
pub const fn of_act(act: Act) -> i32 {
    match act {
        Act::Recording => 7,
        Act::Paused => 8,
        Act::Cancelled => 9,
        Act::Resumed => 10,
        Act::Calling => 11,
        Act::Declined => 12,
        _ => 6,
    }
}

/// The live status of a number.
#[must_use]
pub const fn act(number: i32) -> Option<Act> {
    match number {
        6 => Some(Act::Typing),
        7 => Some(Act::Recording),
        8 => Some(Act::Paused),
        9 => Some(Act::Cancelled),
        10 => Some(Act::Resumed),
        11 => Some(Act::Calling),
        12 => Some(Act::Declined),
        _ => None,
    }
}

/// The number of a presence.
#[must_use]
pub const fn of_presence(presence: Presence) -> i32 {
    match presence {
        Presence::Offline => 2,
        Presence::Away => 3,
        Presence::Busy => 4,
        Presence::DoNotDisturb => 5,
        Presence::Typing => 6,
        Presence::Recording => 7,
        Presence::Forwarded => 8,
        Presence::Delivered => 9,
        Presence::Read => 10,
        Presence::Resumed => 11,
        _ => 1,
    }
}

/// The presence of a number. 12, sent, is nobody's presence: the server says it by accepting.
#[must_use]
pub const fn presence(number: i32) -> Option<Presence> {
    match number {
        1 => Some(Presence::Online),
        2 => Some(Presence::Offline),
        3 => Some(Presence::Away),
        4 => Some(Presence::Busy),
        5 => Some(Presence::DoNotDisturb),
        6 => Some(Presence::Typing),
        7 => Some(Presence::Recording),
        8 => Some(Presence::Forwarded),
        9 => Some(Presence::Delivered),
        10 => Some(Presence::Read),
        11 => Some(Presence::Resumed),
        _ => None,
    }
}

/// The number of a token's task.
#[must_use]
pub const fn of_task(task: TokenTask) -> i32 {
    match task {
        TokenTask::Refresh => REFRESH,
        TokenTask::Revoke => REVOKE,
        _ => VALIDATE,
    }
}

/// The token's task of a number.
#[must_use]
pub const fn task(number: i32) -> Option<TokenTask> {
    match number {
        REFRESH => Some(TokenTask::Refresh),
        REVOKE => Some(TokenTask::Revoke),
        VALIDATE => Some(TokenTask::Validate),
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
        Reject::Deleted => 410,
        Reject::TooLarge => 413,
        Reject::Busy => 429,
        Reject::NotMember => 442,
        Reject::Role => 443,
        Reject::Taken => 444,
        Reject::Blocked => 445,
        Reject::Full => 471,
        Reject::BadToken => 498,
        Reject::Field(_) => 422,
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
        410 => Reject::Deleted,
        422 => Reject::Field(""),
        413 => Reject::TooLarge,
        429 => Reject::Busy,
        442 => Reject::NotMember,
        443 => Reject::Role,
        444 => Reject::Taken,
        445 => Reject::Blocked,
        471 => Reject::Full,
        498 => Reject::BadToken,
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

/// Whether a code is a refusal of something that was understood, and never the fault of a frame.
#[must_use]
pub const fn is_reject_alone(code: i32) -> bool {
    matches!(code, 409 | 410 | 429 | 442..=445 | 471 | 498 | 503)
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
        CloseReason::Revoked => "revoked",
        CloseReason::LoggedOut => "logged_out",
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
        "revoked" => CloseReason::Revoked,
        "logged_out" => CloseReason::LoggedOut,
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
            Reject::Deleted,
            Reject::NotYourself,
            Reject::NoSuchMessage,
            Reject::TooLarge,
            Reject::Unsupported,
            Reject::Busy,
            Reject::NotMember,
            Reject::Role,
            Reject::Taken,
            Reject::Blocked,
            Reject::Full,
            Reject::BadToken,
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
        assert!((0..20).all(|number| status(number).is_none() || act(number).is_none()));
    }
}
