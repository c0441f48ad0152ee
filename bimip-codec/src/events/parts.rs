//! What a client's end remembers: a receipt that came in parts.

use bimip_proto::{Names, Receipt, limits};

/// Small on purpose: one per connection. Only the parts of one unfinished receipt are kept.
#[derive(Debug, Default)]
pub(crate) struct State {
    parts: Option<Box<Receipt>>,
}

impl State {
    /// Adds the next part; gives the receipt with its last. A part of another receipt begins a new one: the server writes
    /// the parts of a row one after the other, so the old one was cut off. `None` where it is not the last, or there
    /// are more than a receipt has.
    pub(super) fn part(&mut self, part: Receipt, names: Option<Names>, last: bool) -> Option<Receipt> {
        let mut receipt = match self.parts.take().map(|before| *before) {
            Some(before) if (&before.by, before.status, before.at) == (&part.by, part.status, part.at) => {
                before
            }
            _ => part,
        };
        if receipt.messages.len() < limits::RECEIPT_MESSAGES {
            receipt.messages.extend(names);
        }
        if last {
            return Some(receipt);
        }
        self.parts = Some(Box::new(receipt));
        None
    }
}
