//! Who takes part, and what they write. All of it follows from small numbers, so that a row that comes back is
//! checked to the byte without keeping its body.

use bimip_proto::{ClientRef, Device, DeviceName, UserId};

/// Users that write in `bimip.v1`: a draft has a name and is sent again under it.
pub(crate) const PHONES: usize = 4;
/// Users that write in the msgpack dialect: a draft has no name and is never sent again.
pub(crate) const WALKIES: usize = 2;
pub(crate) const PEOPLE: usize = PHONES + WALKIES;

/// The device that a user writes with.
pub(crate) const WRITER: &str = "writer";
/// The device of every user that only reads, and so sees every row of the mailbox.
pub(crate) const READER: &str = "reader";

/// The device of every user that comes at the end and reads everything from the first row on.
pub(crate) const AUDITOR: &str = "auditor";

/// One of the [`PEOPLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Who(pub(crate) u8);

/// A draft: the how-manieth of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) by: Who,
    pub(crate) number: u32,
}

impl Who {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0_u8..).take(PEOPLE).map(Self)
    }

    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn is_walkie(self) -> bool {
        self.at() >= PHONES
    }

    pub(crate) fn name(self) -> String {
        format!("{}{}", if self.is_walkie() { "walkie" } else { "phone" }, self.0)
    }

    pub(crate) fn user(self) -> UserId {
        UserId::new(&self.name()).expect("a short name is an id")
    }

    pub(crate) fn device(self, name: &str) -> Device {
        Device::new(self.user(), DeviceName::new(name).expect("a short name is a name"))
    }

    pub(crate) fn of(user: &UserId) -> Option<Self> {
        Self::all().find(|who| who.name() == user.as_str())
    }
}

impl Key {
    pub(crate) fn client_ref(self) -> ClientRef {
        ClientRef::new(&format!("k{}", self.number)).expect("a short name is a name")
    }

    /// What the draft says: its own name, then up to 480 letters.
    pub(crate) fn body(self) -> String {
        let mix = (u64::from(self.number) << 8 | u64::from(self.by.0)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let length = (mix >> 32) % 480;
        let letters =
            (0..length).map(|at| char::from(b'a' + u8::try_from((mix >> (at % 48)) % 26).unwrap_or(0)));
        letters.fold(format!("m:{}:{}:", self.by.0, self.number), |mut body, letter| {
            body.push(letter);
            body
        }) + ";"
    }

    /// Finds the draft whose body these bytes are, or hold: dialects wrap bodies of each other.
    pub(crate) fn find(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let begin = text.find("m:")?;
        let text = &text[begin..];
        let body = &text[..=text.find(';')?];
        let mut words = body.split(':').skip(1);
        let key = Self { by: Who(words.next()?.parse().ok()?), number: words.next()?.parse().ok()? };
        (key.body() == body).then_some(key)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "draft {} of {}", self.number, self.by.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_its_draft_and_no_other_does() {
        for number in 0..2_000 {
            let key = Key { by: Who(5), number };
            let body = key.body();
            assert_eq!(Key::find(body.as_bytes()), Some(key));
            assert_eq!(Key::find(format!("{{\"text\":\"{body}\"}}").as_bytes()), Some(key));
            assert_eq!(Key::find(&body.as_bytes()[..body.len() - 1]), None, "cut");
            assert_eq!(Key::find(body.replacen(":5:", ":4:", 1).as_bytes()), None, "of somebody else");
        }
    }
}
