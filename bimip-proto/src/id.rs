//! Names of users, groups, devices and drafts: text with a grammar, checked once, where it enters.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::limits;

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IdError {
    /// Ids have at least one byte.
    #[error("an id must not be empty")]
    Empty,
    /// The text is longer than the id may be.
    #[error("an id of {len_bytes} bytes is over the limit of {max_bytes}")]
    TooLong {
        /// Length of the text.
        len_bytes: usize,
        /// The limit of this kind of id.
        max_bytes: usize,
    },
    /// User and group ids become part of message ids, which are used as file names and in paths. Emojis are only shown: of
    /// them control characters are forbidden.
    #[error("an id must not contain '/', '..' or control characters")]
    Forbidden,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, max $max:path, $check:path) => {
        $(#[$doc])*
        ///
        /// Cloning is cheap: the text is shared.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text against the grammar above and copies it.
            ///
            /// # Errors
            /// [`IdError`] when the text is empty, too long, or holds what this kind of id may not hold.
            pub fn new(text: &str) -> Result<Self, IdError> {
                if text.is_empty() {
                    return Err(IdError::Empty);
                }
                if text.len() > $max {
                    return Err(IdError::TooLong { len_bytes: text.len(), max_bytes: $max });
                }
                $check(text)?;
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, sharing the allocation.
            #[must_use]
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = IdError;

            fn try_from(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id! {
    /// A user. 1 to 256 bytes of UTF-8 without `/`, `..` and control characters.
    UserId, max limits::ID_BYTES, path_safe
}
text_id! {
    /// A group. The grammar of [`UserId`], in a namespace of its own: user `7` and group `7` are strangers.
    GroupId, max limits::ID_BYTES, path_safe
}
text_id! {
    /// A device of one user, in that user's own namespace. 1 to 256 bytes of any UTF-8: real clients send
    /// build fingerprints with slashes and colons.
    DeviceName, max limits::ID_BYTES, anything
}
text_id! {
    /// A client's own name for a draft: the key that makes a resend harmless. 1 to 128 bytes of any UTF-8.
    ClientRef, max limits::CLIENT_REF_BYTES, anything
}
text_id! {
    /// The name of a token (`jti`), by which it can be revoked. 1 to 256 bytes of any UTF-8.
    TokenId, max limits::ID_BYTES, anything
}

text_id! {
    /// What a user reacts with: an emoji, or a shortcode. 1 to 64 bytes of UTF-8 without control characters, compared byte by
    /// byte.
    Emoji, max limits::EMOJI_BYTES, printable
}

fn printable(text: &str) -> Result<(), IdError> {
    if text.chars().any(char::is_control) { Err(IdError::Forbidden) } else { Ok(()) }
}

fn path_safe(text: &str) -> Result<(), IdError> {
    let forbidden = text.contains('/') || text.contains("..") || text.chars().any(char::is_control);
    if forbidden { Err(IdError::Forbidden) } else { Ok(()) }
}

#[expect(clippy::unnecessary_wraps, reason = "one of two interchangeable checks of the macro")]
const fn anything(_text: &str) -> Result<(), IdError> {
    Ok(())
}

/// One device of one user: what a cursor belongs to, and who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "a key of two parts, complete")]
pub struct Device {
    /// Whose device it is.
    pub user: UserId,
    /// Its name among that user's devices.
    pub name: DeviceName,
}

impl Device {
    /// Puts the two names together.
    #[must_use]
    pub const fn new(user: UserId, name: DeviceName) -> Self {
        Self { user, name }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.name)
    }
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Address {
    /// To one user: every device of theirs, and the sender's other devices.
    User(UserId),
    /// To the members of a group.
    Group(GroupId),
}

impl Address {
    /// The text of the id, without its namespace.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::User(user) => user.as_str(),
            Self::Group(group) => group.as_str(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "{user}"),
            Self::Group(group) => write!(f, "#{group}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // DM-ID-1
    #[test]
    fn ids_with_paths_in_them_are_refused() {
        for text in ["a/b", "..", "a..b", "a\nb", "\0"] {
            assert_eq!(UserId::new(text), Err(IdError::Forbidden), "{text:?}");
            assert_eq!(GroupId::new(text), Err(IdError::Forbidden), "{text:?}");
        }
        assert!(DeviceName::new("Xiaomi/daisy:9/PKQ1:user/release-keys").is_ok());
    }

    // DM-ID-1
    #[test]
    fn ids_have_a_length() {
        assert_eq!(UserId::new(""), Err(IdError::Empty));
        assert!(UserId::new(&"u".repeat(limits::ID_BYTES)).is_ok());
        assert_eq!(
            UserId::new(&"u".repeat(limits::ID_BYTES + 1)),
            Err(IdError::TooLong { len_bytes: limits::ID_BYTES + 1, max_bytes: limits::ID_BYTES })
        );
    }
}
