//! The numbers of the dialect, by the field they stand in.

use bimip_proto::{Act, Presence, Status};

/// The tags of the payloads.
pub mod route {
    /// [`Awareness`](super::super::wire::Awareness).
    pub const AWARENESS: u32 = 2;
    /// [`PingPong`](super::super::wire::PingPong).
    pub const PING_PONG: u32 = 3;
    /// [`AwarenessVisibility`](super::super::wire::AwarenessVisibility).
    pub const VISIBILITY: u32 = 4;
    /// [`TokenAuthority`](super::super::wire::TokenAuthority).
    pub const TOKEN_AUTHORITY: u32 = 5;
    /// [`Message`](super::super::wire::Message).
    pub const MESSAGE: u32 = 6;
    /// [`Signal`](super::super::wire::Signal).
    pub const SIGNAL: u32 = 7;
    /// [`LocationStream`](super::super::wire::LocationStream).
    pub const LOCATION: u32 = 9;
    /// [`ErrorMessage`](super::super::wire::ErrorMessage).
    pub const ERROR: u32 = 11;
    /// [`Logout`](super::super::wire::Logout).
    pub const LOGOUT: u32 = 12;
    /// BD-FRAME-1: what the route number of a logout's answer is, whose tag is [`LOGOUT`].
    pub const LOGOUT_ANSWER: i64 = 14;

    /// Whether a payload has this tag.
    #[must_use]
    pub const fn is_known(tag: u64) -> bool {
        matches!(tag, 2..=12)
    }
}

/// The `type` of signals, logouts, heartbeats and messages.
pub mod kind {
    /// A client asks; of a heartbeat, the question.
    pub const REQUEST: i32 = 1;
    /// The server answers, or tells; of a heartbeat, the answer.
    pub const RESPONSE: i32 = 2;
    /// What was asked is refused.
    pub const ERROR: i32 = 3;
    /// Of a message: an ordinary one.
    pub const CHAT: i32 = 1;
    /// Of a message: a notification.
    pub const NOTIFICATION: i32 = 2;
}

/// The `status` of a new message and of its acknowledgement.
pub const SENT: i32 = 1;
/// The `status` of a message that is an error.
pub const MESSAGE_ERROR: i32 = 3;
/// The `status` by which a client asks for what it has missed.
pub const RESUME: i32 = 11;
/// The `status` of a logout that is done.
pub const LOGOUT_DISCONNECTED: i32 = 1;
/// The `status` of a logout that failed.
pub const LOGOUT_FAILED: i32 = 2;
/// The `status` of a logout that is asked for.
pub const LOGOUT_PENDING: i32 = 4;
/// The `location_sharing` of an awareness without a location.
pub const LOCATION_OFF: i32 = 2;
/// The `code` of an error of no other route.
pub const INVALID_REQUEST: i32 = 100;

/// BD-STATUS-1: the number of a status.
#[must_use]
pub const fn of_status(status: Status) -> i32 {
    match status {
        Status::Delivered => 3,
        Status::Read => 4,
        Status::Forwarded => 5,
        Status::Played => 6,
        _ => SENT,
    }
}

/// The status that a recipient may say by this number.
#[must_use]
pub const fn status(number: i32) -> Option<Status> {
    match number {
        3 => Some(Status::Delivered),
        4 => Some(Status::Read),
        5 => Some(Status::Forwarded),
        6 => Some(Status::Played),
        _ => None,
    }
}

/// The act that is said in passing by this number. There are two for recording.
#[must_use]
pub const fn act(number: i32) -> Option<Act> {
    match number {
        7 => Some(Act::Typing),
        2 | 8 => Some(Act::Recording),
        9 => Some(Act::Paused),
        10 => Some(Act::Cancelled),
        12 => Some(Act::Calling),
        13 => Some(Act::Declined),
        _ => None,
    }
}

/// The number of an act.
#[must_use]
pub const fn of_act(act: Act) -> i32 {
    match act {
        Act::Recording => 8,
        Act::Paused => 9,
        Act::Cancelled => 10,
        Act::Resumed => RESUME,
        Act::Calling => 12,
        Act::Declined => 13,
        // Typing. What a later version may add is at least a sign of life.
        _ => 7,
    }
}

/// The presence of a number: as in `bimip.v1`.
#[must_use]
pub const fn presence(number: i32) -> Option<Presence> {
    crate::scheme::numbers::presence(number)
}

/// The number of a presence.
#[must_use]
pub const fn of_presence(presence: Presence) -> i32 {
    crate::scheme::numbers::of_presence(presence)
}

#[cfg(test)]
mod tests {
    use super::*;

    // BD-STATUS-1
    #[test]
    fn every_number_of_the_list_means_one_thing() {
        for number in 1..=13 {
            let said = status(number);
            let meanings = [number == SENT, number == RESUME, said.is_some(), act(number).is_some()];
            assert_eq!(meanings.into_iter().filter(|meaning| *meaning).count(), 1, "{number}");
            assert!(said.is_none_or(|said| of_status(said) == number));
        }
        assert!(status(14).is_none() && act(14).is_none() && act(0).is_none());
    }
}
