//! A recorded talk, played again.

use bimip_proto::{BodyKind, Message};

use super::builder::FrameBuilder;
use super::kind::Kind;
use super::state::{State, channel_of};
use super::value::Value;
use crate::{Frames, Replay};

/// VP-REPLAY-1: a step of the talk that a message is about. Its end is the message itself.
pub(crate) fn encode_replay(state: &State, message: &Message, step: Replay<'_>, out: &mut Frames) {
    let head = &message.head;
    let frame = |kind| {
        let (from, to) = (state.form().write(head.from.user.as_str()), state.form().write(head.to.as_str()));
        FrameBuilder::new(channel_of(&head.to), kind, from).to(to)
    };
    let frame = match (step, head.kind) {
        (Replay::Start, BodyKind::Voice { duration_ms }) => {
            // The talker's own payload is gone; what clients put there is the time of the start.
            let began = head.stamp.0.saturating_sub(duration_ms.into());
            frame(Kind::Start).payload(Value::Uint(began))
        }
        (Replay::Sound(sound), BodyKind::Voice { .. }) => frame(Kind::Audio).payload(Value::Bin(sound)),
        _ => return,
    };
    out.frame(frame.expected_bytes(), |to| frame.write(to));
}

/// The sound in the payload of a piece of live audio: the bytes of a string or of bytes. `None` where there is none.
///
/// ```
/// assert_eq!(bimip_codec::voiceping::sound(b"\xc4\x03abc"), Some(&b"abc"[..]));
/// assert_eq!(bimip_codec::voiceping::sound(b"\x07"), None);
/// ```
#[must_use]
pub fn sound(payload: &[u8]) -> Option<&[u8]> {
    Value::read(payload).as_bytes().filter(|sound| !sound.is_empty())
}
