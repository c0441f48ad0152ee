//! Ways to break a contract, for testing the checkers.

/// A disk that lies, the server's or a client's. The checkers must notice, or they check nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lie {
    /// Tickets are proven before their writes are durable.
    ProvenBeforeSync,
    /// A power cut in the middle of a batch keeps half of it.
    TornBatch,
    /// What is stored under a key is forgotten.
    ForgottenKeys,
    /// What users said about messages is forgotten.
    ForgottenMarks,
    /// Cursors are forgotten.
    ForgottenCursors,
    /// Who came into a group and who left is forgotten.
    ForgottenMembers,
    /// Up to where users have read is forgotten.
    ForgottenReadings,
    /// Pages leave out a row.
    HoleyPages,
    /// Pages of history leave out a message.
    HoleyHistory,
    /// Only the sender's mailbox gets the row.
    HalfDelivered,
    /// A failed sync is answered with proofs all the same, and what it held is gone.
    FailureProven,
    /// Apps say that a row is stored when they have not synced it.
    DisposedBeforeStored,
    /// What apps synced of their outbox is gone after a crash.
    ForgottenOutbox,
    /// Apps send what they had not sent again under another name after a crash.
    RenamedDrafts,
    /// What apps synced of their marks is gone after a crash.
    ForgottenReads,
    /// Apps forget their last synced rows in a crash, and not that they had them.
    ForgottenRows,
    /// Which edition of a message holds is forgotten.
    ForgottenEditions,
    /// What apps synced of their edits and deletions is gone after a crash.
    ForgottenRevisions,
}

impl Lie {
    /// Every lie.
    pub const ALL: [Self; 18] = [
        Self::ProvenBeforeSync,
        Self::TornBatch,
        Self::ForgottenKeys,
        Self::ForgottenMarks,
        Self::ForgottenCursors,
        Self::ForgottenMembers,
        Self::ForgottenReadings,
        Self::HoleyPages,
        Self::HoleyHistory,
        Self::HalfDelivered,
        Self::FailureProven,
        Self::DisposedBeforeStored,
        Self::ForgottenOutbox,
        Self::RenamedDrafts,
        Self::ForgottenReads,
        Self::ForgottenRows,
        Self::ForgottenEditions,
        Self::ForgottenRevisions,
    ];
}
