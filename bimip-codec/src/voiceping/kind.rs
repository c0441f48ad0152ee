//! The message types of a frame.

use core::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $number:literal $name:ident,)*) => {
        /// What a frame is, by the number in its slot 1.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $name,)*
            /// A number that the dialect does not have, cut off at 32 bits. Such a frame is skipped.
            Other(u32),
        }

        impl Kind {
            /// The 28 kinds of the dialect.
            pub const ALL: [Self; 28] = [$(Self::$name,)*];

            /// The kind of this number.
            #[must_use]
            pub const fn from_number(number: u32) -> Self {
                match number {
                    $($number => Self::$name,)*
                    other => Self::Other(other),
                }
            }

            /// Its number.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$name => $number,)*
                    Self::Other(number) => number,
                }
            }
        }
    };
}

kinds! {
    /// Named, and without a meaning.
    0 Unknown,
    /// A talk begins.
    1 Start,
    /// A talk ends.
    2 Stop,
    /// A piece of sound.
    3 Audio,
    /// Where to push to. Despite its name no sign-in.
    4 Connection,
    /// The state of a user; not served.
    5 Status,
    /// The talk may begin.
    6 StartAck,
    /// The talk is recorded, under this message id.
    7 StopAck,
    /// The talk may not begin.
    8 StartFailed,
    /// Another device signed in; this connection ends.
    9 LoginDuplicated,
    /// Reserved.
    10 UserUpdate,
    /// Reserved.
    11 UserDelete,
    /// Reserved.
    12 ChannelUpdate,
    /// Reserved.
    13 ChannelDelete,
    /// Reserved.
    14 TrialExpired,
    /// Joins the group of slot 3.
    15 UserAdd,
    /// Leaves the group of slot 3.
    16 UserRemove,
    /// A text.
    17 Text,
    /// An image.
    18 Image,
    /// Asks for what came while away; not served, since it is sent unasked.
    19 Offline,
    /// Messages arrived.
    20 Delivered,
    /// A message was read.
    21 Read,
    /// The text or image is stored.
    22 TextAck,
    /// A form or buttons.
    23 Interactive,
    /// The interactive message is stored.
    24 InteractiveAck,
    /// Are you there?
    25 ConnectionTest,
    /// I am here.
    26 ConnectionAck,
    /// The user may not speak to that group.
    27 UnauthorizedGroup,
}

impl Kind {
    /// Whether frames of this kind may come without a target: it means nothing in them.
    pub(super) const fn targetless(self) -> bool {
        matches!(
            self,
            Self::Connection | Self::Status | Self::Offline | Self::ConnectionTest | Self::Other(_)
        )
    }

    /// Whether slot 2 of frames of this kind is not looked at: the connection's user counts.
    pub(super) const fn senderless(self) -> bool {
        matches!(self, Self::UserAdd | Self::UserRemove)
    }
}

impl fmt::Display for Kind {
    /// The number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_their_kinds() {
        // MISSION V9: all 28 are named.
        for (number, kind) in (0_u32..).zip(Kind::ALL) {
            assert_eq!(kind.number(), number);
            assert_eq!(Kind::from_number(number), kind);
        }
        assert_eq!(Kind::from_number(28), Kind::Other(28));
    }
}
