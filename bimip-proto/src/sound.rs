//! The name of a recording.

use core::fmt;

use bytes::Bytes;

use crate::{Body, BodyKind, Form};

/// What a recording is called where it is kept. Drawn at random by the driver, so that it says nothing and is given
/// once.
///
/// It stands in the body of the voice message, as 32 hexadecimal digits; a talk of which no sound was kept has an
/// empty body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a random number")]
pub struct SoundName(pub u128);

impl fmt::Display for SoundName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Body {
    /// The body of a recorded talk.
    #[must_use]
    pub fn voice(duration_ms: u32, sound: Option<SoundName>) -> Self {
        let bytes = sound.map_or_else(Bytes::new, |name| name.to_string().into());
        Self { kind: BodyKind::Voice { duration_ms }, form: Form::Opaque, bytes, seal: None }
    }

    /// The sound of a recorded talk, if one was kept.
    #[must_use]
    pub fn sound(&self) -> Option<SoundName> {
        let BodyKind::Voice { .. } = self.kind else { return None };
        // Other spellings of the number name nothing.
        let digits = |bytes: &[u8]| {
            bytes.len() == 32 && bytes.iter().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        };
        let text = core::str::from_utf8(&self.bytes).ok().filter(|text| digits(text.as_bytes()))?;
        u128::from_str_radix(text, 16).ok().map(SoundName)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_its_sound_or_none() {
        for number in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef] {
            let name = SoundName(number);
            assert_eq!(Body::voice(7, Some(name)).sound(), Some(name));
        }
        assert_eq!(Body::voice(7, None).sound(), None);
        let mut body = Body::voice(7, Some(SoundName(9)));
        body.bytes = Bytes::from_static(b"+000000000000000000000000000000f");
        assert_eq!(body.sound(), None);
        body = Body::text("00000000000000000000000000000009");
        assert_eq!(body.sound(), None, "a text of a client names no sound");
    }
}
