//! Why a token was refused: for operators, never for whoever brought it.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $name:literal,)*) => {
        /// Why a token was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Reason {
            $($(#[$doc])* $reason,)*
        }

        impl Reason {
            const ALL: &[Self] = &[$(Self::$reason),*];

            /// Its counter.
            pub(super) const fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }
        }

        /// How often each reason was given; they only rise.
        #[derive(Debug, Default)]
        pub(super) struct Reasons([AtomicU64; [$($name),*].len()]);
    };
}

reasons! {
    /// Too long, not three parts, or a header that is none.
    Malformed = "token_malformed",
    /// No key of that name, or none of that algorithm.
    UnknownKey = "token_unknown_key",
    /// No key of ours has signed it.
    BadSignature = "token_bad_signature",
    /// A claim of the wrong type, twice, or missing.
    BadClaims = "token_bad_claims",
    /// It has ended.
    Expired = "token_expired",
    /// It has not begun.
    NotYet = "token_not_yet",
    /// It ends later than the policy allows any token to.
    TooLongLived = "token_too_long_lived",
    /// It was issued by somebody else.
    WrongIssuer = "token_wrong_issuer",
    /// It was issued for somebody else.
    WrongAudience = "token_wrong_audience",
    /// It names no user, several, or one that cannot be.
    NoUser = "token_no_user",
    /// It is for getting other tokens, not for a session.
    NotAccess = "token_not_access",
    /// It belongs to another device.
    OtherDevice = "token_other_device",
    /// It cannot be refreshed: the user signed in too long ago, or it does not say when.
    NotRenewable = "token_not_renewable",
    /// More groups than a token may name, or one that cannot be.
    BadGroups = "token_bad_groups",
}

impl Reasons {
    pub(super) fn count(&self, reason: Reason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn list(&self) -> Vec<(String, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Reason::ALL.iter().map(|reason| reason.name().to_owned()).zip(counts).collect()
    }
}
