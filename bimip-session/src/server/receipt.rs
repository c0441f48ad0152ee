//! From disposals and marks to puts.

use bimip_proto::{Device, MessageId, MessageRef, Now, Status};

use crate::ledger::{Audience, Guard, Put, Record};

/// One mark by a user about a message. Only a recipient may, which the commit finds out.
///
/// A delivery is told to the author; what the reader does on purpose (read, played, forwarded) also to the
/// reader's other devices.
pub(super) fn put(now: Now, by: &Device, status: Status, message: MessageRef) -> Put {
    let and_self = status != Status::Delivered;
    let record = Record::Mark { by: by.clone(), status, at: now.stamp(), message };
    Put::new(Guard::Recipient, Audience::Author { and_self }, record)
}

/// Storing a row is delivering its message: the receipts of a disposal.
pub(super) fn of_disposal(now: Now, by: &Device, delivered: Vec<MessageId>) -> Vec<Put> {
    delivered.into_iter().map(|id| put(now, by, Status::Delivered, MessageRef::Id(id))).collect()
}
