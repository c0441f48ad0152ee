//! Somebody reacted to a message.

use bimip_proto::{ClientRef, Emoji, Reaction, Seq, UnixMs};

use super::{Encoded, device, flag, named, names, put_device, put_names};
use crate::storage::embedded::fields::{Fields, Garbage, put_bytes, put_u32, put_u64};

/// It is there from then on, and not taken back.
const ON: u8 = 1;

pub(super) fn put_reaction(record: &mut Vec<u8>, reaction: &Reaction) -> Encoded {
    record.push(flag(reaction.on, ON));
    put_names(record, &reaction.message)?;
    put_bytes(record, reaction.conversation.to_string().as_bytes());
    put_u64(record, reaction.seq.0);
    put_u32(record, reaction.edition);
    put_device(record, &reaction.by);
    put_bytes(record, reaction.client_ref.as_str().as_bytes());
    put_u64(record, reaction.at.0);
    put_bytes(record, reaction.emoji.as_str().as_bytes());
    put_u32(record, reaction.count);
    Ok(())
}

pub(super) fn reaction(fields: &mut Fields<'_>) -> Result<Reaction, Garbage> {
    let flags = fields.u8()?;
    if flags & !ON != 0 {
        return Err(Garbage);
    }
    Ok(Reaction {
        on: flags & ON != 0,
        message: names(fields)?,
        conversation: fields.text()?.parse().map_err(|_| Garbage)?,
        seq: Seq(fields.u64()?),
        edition: fields.u32()?,
        by: device(fields)?,
        client_ref: named(ClientRef::new, fields.text()?)?,
        at: UnixMs(fields.u64()?),
        emoji: named(Emoji::new, fields.text()?)?,
        count: fields.u32()?,
    })
}
