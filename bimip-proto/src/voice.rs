//! Live voice: push-to-talk between connections that speak it. Nothing here is stored on its way.

use bytes::Bytes;

use crate::{Address, Head, UserId};

/// One step of a talk.
///
/// `from` is the talker as the server knows it: a client's own `Talk` carries its session's user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "codecs build it")]
pub struct Talk {
    /// Who talks.
    pub from: UserId,
    /// To whom.
    pub to: Address,
    /// What happens.
    pub act: TalkAct,
}

/// What happens in a talk. Payloads are one encoded value of the talking dialect, relayed with its type: audio
/// that came as a string leaves as a string.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TalkAct {
    /// The talker begins.
    Start {
        /// A label of the talker's client, kept in the forward.
        label: Option<Bytes>,
        /// One encoded value; empty when the frame had none.
        payload: Bytes,
    },
    /// A piece of sound.
    Audio {
        /// A label of the talker's client, kept in the forward.
        label: Option<Bytes>,
        /// One encoded value.
        payload: Bytes,
    },
    /// The talker ends. A client's word only: receivers hear of it as a message of kind voice.
    Stop,
}

/// The answer to a talk's start or end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Floor {
    /// The talker may speak; the label and payload of the start come back.
    Granted {
        /// The target of the talk.
        to: Address,
        /// The label of the start.
        label: Option<Bytes>,
        /// The payload of the start.
        payload: Bytes,
    },
    /// The talk was recorded under this head.
    Ended {
        /// The message it became.
        head: Head,
    },
    /// The talker may not speak.
    Denied {
        /// The target of the talk.
        to: Address,
        /// Why.
        reason: crate::Reject,
    },
}
