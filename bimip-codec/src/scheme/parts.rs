//! What a client's end remembers: a receipt that came in parts.

use std::sync::Arc;

use bimip_proto::{Entry, Names, Offset, Receipt, Row, ServerPacket, Status, limits};

use super::frame::Fields;
use super::v1::Signal;
use crate::DecodeError;

/// Small on purpose: one per connection. Only the parts of one unfinished receipt are kept.
#[derive(Debug, Default)]
pub(crate) struct State {
    parts: Option<Box<Receipt>>,
}

impl State {
    /// Takes one part; gives the row with the last. A part of another receipt begins a new one: the server writes
    /// the parts of a row one after the other, so the old one was cut off.
    pub(super) fn part(
        &mut self,
        fields: Fields,
        status: Status,
        signal: &Signal,
    ) -> Result<Option<ServerPacket>, DecodeError> {
        let mut receipt = Receipt {
            by: fields.device(signal.from.as_ref(), "from")?,
            status,
            at: fields.ms(signal.timestamp, "timestamp")?,
            messages: Vec::new(),
        };
        let names = names(fields, signal)?;
        let offset = match signal.user_offset.as_str() {
            "" => None,
            text => Some(Offset(fields.decimal(text, "user_offset")?)),
        };
        if let Some(before) = self.parts.take().map(|before| *before)
            && (&before.by, before.status, before.at) == (&receipt.by, receipt.status, receipt.at)
        {
            receipt = before;
        }
        receipt.messages.extend(names);
        if receipt.messages.len() > limits::RECEIPT_MESSAGES {
            return Err(fields.wrong("signal_id"));
        }
        let Some(offset) = offset else {
            self.parts = Some(Box::new(receipt));
            return Ok(None);
        };
        let (prev, entry) = (Offset(signal.prev_offset), Arc::new(Entry::Receipt(receipt)));
        Ok(Some(ServerPacket::Deliver(Row { prev, offset, entry })))
    }
}

/// The message of a part, if it names one.
fn names(fields: Fields, signal: &Signal) -> Result<Option<Names>, DecodeError> {
    let mut names =
        Names { id: bimip_proto::MessageId::NONE, alias: None, client_ref: fields.client_ref(&signal.id)? };
    if !signal.signal_id.is_empty() {
        match fields.reference(&signal.signal_id)? {
            bimip_proto::MessageRef::Id(id) => names.id = id,
            bimip_proto::MessageRef::Alias(alias) => names.alias = Some(alias),
            _ => {}
        }
    }
    let named = names.reference().is_some() || names.client_ref.is_some();
    Ok(named.then_some(names))
}
