//! BD-KEY-1: what a client calls a draft, and what makes two drafts one.
//!
//! Deployed clients count their ids from 1 in each conversation, or in each run of the app. What is unique is the id
//! together with the client's time and the recipient; user and device come with the session. A [`ClientRef`] is the
//! only name that a draft has in the model, so it holds all of it: the id, readable and first, and a digest of the
//! rest, as `<id>~<16 hex digits>`. Clients of other dialects are shown it as it is; this dialect takes the digest off
//! again. Two drafts of one device whose digests collide, with one id, are refused as a conflict (their recipients or
//! bodies differ) and never stored as one.

use bimip_proto::{ClientRef, UnixMs, UserId, limits};

/// The digest and the tilde.
const DIGEST_BYTES: usize = 17;

/// The longest id of a draft: what the digest leaves of a client reference.
pub const ID_BYTES: usize = limits::CLIENT_REF_BYTES - DIGEST_BYTES;

/// The name of a draft; `None` where the id is too long, or none.
pub(super) fn keyed(id: &str, at: UnixMs, to: &UserId) -> Option<ClientRef> {
    if id.is_empty() || id.len() > ID_BYTES {
        return None;
    }
    ClientRef::new(&format!("{id}~{:016x}", digest(at, to))).ok()
}

/// What the client called it.
pub(super) fn spoken(client_ref: &ClientRef) -> &str {
    let text = client_ref.as_str();
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    match text.len().checked_sub(DIGEST_BYTES).filter(|at| *at > 0 && text.is_char_boundary(*at)) {
        Some(at) => match &text.as_bytes()[at..] {
            [b'~', digits @ ..] if digits.iter().all(is_digit) => &text[..at],
            _ => text,
        },
        None => text,
    }
}

/// FNV-1a: stored for ever, so it is written down here and depends on no library. It keeps apart what one device
/// says, not what an attacker does: whoever finds a collision has only their own drafts to confuse.
fn digest(at: UnixMs, to: &UserId) -> u64 {
    let bytes = at.0.to_be_bytes().into_iter().chain(to.as_str().bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> UserId {
        UserId::new(name).unwrap()
    }

    // BD-KEY-1
    #[test]
    fn a_key_is_the_id_the_time_and_the_recipient() {
        let key = |id: &str, at, to: &str| keyed(id, UnixMs(at), &user(to)).unwrap();
        assert_eq!(key("1", 5, "bob"), key("1", 5, "bob"));
        for other in [key("2", 5, "bob"), key("1", 6, "bob"), key("1", 5, "eve")] {
            assert_ne!(key("1", 5, "bob"), other);
        }
        assert_eq!(key("1", 1_762_300_800_000, "b@domain.com").as_str(), "1~0d4cbacb84cfb21e");
    }

    #[test]
    fn a_client_hears_its_own_id_again() {
        for id in ["1", "é", "a~b", "x~0123456789abcdef", &"i".repeat(ID_BYTES)] {
            assert_eq!(spoken(&keyed(id, UnixMs(1), &user("bob")).unwrap()), id);
        }
        assert!(keyed("", UnixMs(1), &user("bob")).is_none());
        assert!(keyed(&"i".repeat(ID_BYTES + 1), UnixMs(1), &user("bob")).is_none());
        for other in ["c-1", "~0123456789abcdef", "c~0123456789ABCDEF", "ééééééééé~"] {
            assert_eq!(spoken(&ClientRef::new(other).unwrap()), other);
        }
    }
}
