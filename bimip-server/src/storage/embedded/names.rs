//! Numbers that stand for names in keys: eight bytes instead of up to 256, and of one width.
//!
//! One count gives them all, so a number is never two things; the types keep them apart in the code.

/// A user's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UserNo(pub(super) u64);

/// A device's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DeviceNo(pub(super) u64);

/// A conversation's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConversationNo(pub(super) u64);
