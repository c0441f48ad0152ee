//! A log record, format 1: an [`Entry`] as bytes.
//!
//! ```text
//! record   = 1 message / 2 receipt / 3 revision / 4 group change / 5 reaction / 6 user change
//!                                                      the shape, one byte: a new shape gets a new number
//! message  = flags id user device to [client_ref] [client_time] at stamp seq kind
//!            kind form body [encryption_type encrypted signature]
//! receipt  = user device status at count name*
//! revision = flags name conversation seq edition user device client_ref at
//!            [kind form body [encryption_type encrypted signature]]
//! change   = flags group edition user device [client_ref] at title about members
//!            kind [role] [count user*]
//! reaction = flags name conversation seq edition user device client_ref at emoji count
//! user     = edition user device client_ref at kind [name about avatar / user name / user / device]
//! name     = flags id [client_ref] [alias-kind stamp to from / alias-kind stamp to_from]
//! id       = epoch u32, sequence u64
//! ```
//!
//! Times and seqs are u64; texts and bodies have their length before them ([`fields`](super::fields)); a kind is
//! one byte, and four of duration behind it where it is a talk. Nothing may be left over, and no flag may be set
//! that is not below. The checksum is not part of it ([`checksum`](super::checksum)).

mod change;
mod reaction;
mod user;

use bimip_proto::{
    Address, Alias, AliasKind, Body, BodyKind, Channel, ClientRef, Device, DeviceName, Entry, Form, GroupId,
    Head, IdError, Message, MessageId, Names, Parties, Receipt, Revision, Seal, Seq, Status, UnixMs, UserId,
};
use bytes::Bytes;

use self::change::{change, put_change};
use self::reaction::{put_reaction, reaction};
use self::user::{put_user_change, user_change};
use super::fields::{Fields, Garbage, put_bytes, put_length, put_u32, put_u64};

/// The entry has a part that this format has no words for: a build of the program whose parts do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inexpressible;

type Encoded = Result<(), Inexpressible>;

const MESSAGE: u8 = 1;
const RECEIPT: u8 = 2;
const REVISION: u8 = 3;
const GROUP_CHANGE: u8 = 4;
const REACTION: u8 = 5;
const USER_CHANGE: u8 = 6;

/// Flags of a message.
mod message_flag {
    pub(super) const TO_GROUP: u8 = 1;
    pub(super) const CLIENT_REF: u8 = 2;
    pub(super) const CLIENT_TIME: u8 = 4;
    pub(super) const SEAL: u8 = 8;
    pub(super) const ALL: u8 = 15;
}

/// Flags of a revision.
mod revision_flag {
    pub(super) const BODY: u8 = 1;
    pub(super) const SEAL: u8 = 2;
    pub(super) const ALL: u8 = 3;
}

/// Flags of a name in a receipt.
mod name_flag {
    pub(super) const CLIENT_REF: u8 = 1;
    pub(super) const ALIAS: u8 = 2;
    pub(super) const JOINED: u8 = 4;
    pub(super) const GROUP: u8 = 8;
    pub(super) const ALL: u8 = 15;
}

/// Appends an entry.
pub(super) fn encode(entry: &Entry, record: &mut Vec<u8>) -> Encoded {
    match entry {
        Entry::Message(message) => {
            record.push(MESSAGE);
            put_message(record, message)
        }
        Entry::Receipt(receipt) => {
            record.push(RECEIPT);
            put_receipt(record, receipt)
        }
        Entry::Revised(revision) => {
            record.push(REVISION);
            put_revision(record, revision)
        }
        Entry::Group(change) => {
            record.push(GROUP_CHANGE);
            put_change(record, change)
        }
        Entry::Reacted(reaction) => {
            record.push(REACTION);
            put_reaction(record, reaction)
        }
        Entry::User(change) => {
            record.push(USER_CHANGE);
            put_user_change(record, change)
        }
        _ => Err(Inexpressible),
    }
}

/// Reads an entry. Whatever the bytes are, it neither panics nor asks for more memory than they have.
pub(super) fn decode(record: &[u8]) -> Result<Entry, Garbage> {
    let mut fields = Fields::new(record);
    let entry = match fields.u8()? {
        MESSAGE => Entry::Message(message(&mut fields)?),
        RECEIPT => Entry::Receipt(receipt(&mut fields)?),
        REVISION => Entry::Revised(revision(&mut fields)?),
        GROUP_CHANGE => Entry::Group(change(&mut fields)?),
        REACTION => Entry::Reacted(reaction(&mut fields)?),
        USER_CHANGE => Entry::User(user_change(&mut fields)?),
        _ => return Err(Garbage),
    };
    fields.end()?;
    Ok(entry)
}

fn put_message(record: &mut Vec<u8>, Message { head, body }: &Message) -> Encoded {
    let to_group = match &head.to {
        Address::User(_) => false,
        Address::Group(_) => true,
        _ => return Err(Inexpressible),
    };
    record.push(
        flag(to_group, message_flag::TO_GROUP)
            | flag(head.client_ref.is_some(), message_flag::CLIENT_REF)
            | flag(head.client_time.is_some(), message_flag::CLIENT_TIME)
            | flag(body.seal.is_some(), message_flag::SEAL),
    );
    put_id(record, head.id);
    put_device(record, &head.from);
    put_bytes(record, head.to.as_str().as_bytes());
    if let Some(client_ref) = &head.client_ref {
        put_bytes(record, client_ref.as_str().as_bytes());
    }
    if let Some(time) = head.client_time {
        put_u64(record, time.0);
    }
    put_u64(record, head.at.0);
    put_u64(record, head.stamp.0);
    put_u64(record, head.seq.0);
    put_kind(record, head.kind)?;
    put_body(record, body)
}

fn message(fields: &mut Fields<'_>) -> Result<Message, Garbage> {
    let flags = fields.u8()?;
    if flags & !message_flag::ALL != 0 {
        return Err(Garbage);
    }
    let has = |flag| flags & flag != 0;
    let id = id(fields)?;
    let from = device(fields)?;
    let to = fields.text()?;
    let to = if has(message_flag::TO_GROUP) {
        Address::Group(named(GroupId::new, to)?)
    } else {
        Address::User(named(UserId::new, to)?)
    };
    let client_ref = optional(has(message_flag::CLIENT_REF), || named(ClientRef::new, fields.text()?))?;
    let client_time = optional(has(message_flag::CLIENT_TIME), || fields.u64().map(UnixMs))?;
    let head = Head {
        id,
        from,
        to,
        client_ref,
        client_time,
        at: UnixMs(fields.u64()?),
        stamp: UnixMs(fields.u64()?),
        seq: Seq(fields.u64()?),
        kind: kind(fields)?,
    };
    let body = body(fields, has(message_flag::SEAL))?;
    Ok(Message { head, body })
}

fn put_body(record: &mut Vec<u8>, body: &Body) -> Encoded {
    put_kind(record, body.kind)?;
    record.push(match body.form {
        Form::Text => 1,
        Form::Json => 2,
        Form::Opaque => 3,
        Form::Content => 4,
        _ => return Err(Inexpressible),
    });
    put_bytes(record, &body.bytes);
    if let Some(seal) = &body.seal {
        put_bytes(record, seal.encryption_type.as_bytes());
        put_bytes(record, seal.encrypted.as_bytes());
        put_bytes(record, seal.signature.as_bytes());
    }
    Ok(())
}

fn body(fields: &mut Fields<'_>, sealed: bool) -> Result<Body, Garbage> {
    let kind = kind(fields)?;
    let form = match fields.u8()? {
        1 => Form::Text,
        2 => Form::Json,
        3 => Form::Opaque,
        4 => Form::Content,
        _ => return Err(Garbage),
    };
    let bytes = Bytes::copy_from_slice(fields.bytes()?);
    let seal = optional(sealed, || {
        Ok(Seal {
            encryption_type: fields.text()?.to_owned(),
            encrypted: fields.text()?.to_owned(),
            signature: fields.text()?.to_owned(),
        })
    })?;
    Ok(Body { kind, form, bytes, seal })
}

fn put_kind(record: &mut Vec<u8>, kind: BodyKind) -> Encoded {
    record.push(match kind {
        BodyKind::Text => 1,
        BodyKind::Image => 2,
        BodyKind::Interactive => 3,
        BodyKind::Voice { .. } => 4,
        BodyKind::Notification => 5,
        BodyKind::Video => 6,
        BodyKind::Audio => 7,
        BodyKind::VoiceNote => 8,
        BodyKind::CircleVideo => 9,
        BodyKind::Sticker => 10,
        _ => return Err(Inexpressible),
    });
    if let BodyKind::Voice { duration_ms } = kind {
        put_u32(record, duration_ms);
    }
    Ok(())
}

fn kind(fields: &mut Fields<'_>) -> Result<BodyKind, Garbage> {
    Ok(match fields.u8()? {
        1 => BodyKind::Text,
        2 => BodyKind::Image,
        3 => BodyKind::Interactive,
        4 => BodyKind::Voice { duration_ms: fields.u32()? },
        5 => BodyKind::Notification,
        6 => BodyKind::Video,
        7 => BodyKind::Audio,
        8 => BodyKind::VoiceNote,
        9 => BodyKind::CircleVideo,
        10 => BodyKind::Sticker,
        _ => return Err(Garbage),
    })
}

fn put_receipt(record: &mut Vec<u8>, receipt: &Receipt) -> Encoded {
    put_device(record, &receipt.by);
    record.push(match receipt.status {
        Status::Sent => 1,
        Status::Delivered => 2,
        Status::Read => 3,
        Status::Played => 4,
        Status::Forwarded => 5,
        _ => return Err(Inexpressible),
    });
    put_u64(record, receipt.at.0);
    put_length(record, receipt.messages.len());
    receipt.messages.iter().try_for_each(|names| put_names(record, names))
}

fn receipt(fields: &mut Fields<'_>) -> Result<Receipt, Garbage> {
    let by = device(fields)?;
    let status = match fields.u8()? {
        1 => Status::Sent,
        2 => Status::Delivered,
        3 => Status::Read,
        4 => Status::Played,
        5 => Status::Forwarded,
        _ => return Err(Garbage),
    };
    let at = UnixMs(fields.u64()?);
    // A count is a length too: each name has more bytes than one, so it never reserves more than was there.
    let count = fields.length()?;
    let messages = (0..count).map(|_| names(fields)).collect::<Result<Vec<Names>, Garbage>>()?;
    Ok(Receipt { by, status, at, messages })
}

fn put_revision(record: &mut Vec<u8>, revision: &Revision) -> Encoded {
    let sealed = revision.body.as_ref().is_some_and(|body| body.seal.is_some());
    record.push(flag(revision.body.is_some(), revision_flag::BODY) | flag(sealed, revision_flag::SEAL));
    put_names(record, &revision.message)?;
    put_bytes(record, revision.conversation.to_string().as_bytes());
    put_u64(record, revision.seq.0);
    put_u32(record, revision.edition);
    put_device(record, &revision.by);
    put_bytes(record, revision.client_ref.as_str().as_bytes());
    put_u64(record, revision.at.0);
    revision.body.as_ref().map_or(Ok(()), |body| put_body(record, body))
}

fn revision(fields: &mut Fields<'_>) -> Result<Revision, Garbage> {
    let flags = fields.u8()?;
    let has = |flag| flags & flag != 0;
    if flags & !revision_flag::ALL != 0 || flags == revision_flag::SEAL {
        return Err(Garbage);
    }
    Ok(Revision {
        message: names(fields)?,
        conversation: fields.text()?.parse().map_err(|_| Garbage)?,
        seq: Seq(fields.u64()?),
        edition: fields.u32()?,
        by: device(fields)?,
        client_ref: named(ClientRef::new, fields.text()?)?,
        at: UnixMs(fields.u64()?),
        body: optional(has(revision_flag::BODY), || body(fields, has(revision_flag::SEAL)))?,
    })
}

fn put_names(record: &mut Vec<u8>, names: &Names) -> Encoded {
    let alias = names.alias.as_ref();
    let joined = alias.is_some_and(|alias| matches!(alias.parties, Parties::Joined(_)));
    let group = alias.is_some_and(|alias| alias.channel == Channel::Group);
    record.push(
        flag(names.client_ref.is_some(), name_flag::CLIENT_REF)
            | flag(alias.is_some(), name_flag::ALIAS)
            | flag(joined, name_flag::JOINED)
            | flag(group, name_flag::GROUP),
    );
    put_id(record, names.id);
    if let Some(client_ref) = &names.client_ref {
        put_bytes(record, client_ref.as_str().as_bytes());
    }
    let Some(alias) = alias else { return Ok(()) };
    record.push(match alias.kind {
        AliasKind::Text => 1,
        AliasKind::Image => 2,
        AliasKind::Interactive => 3,
        AliasKind::Talk { .. } => 4,
        _ => return Err(Inexpressible),
    });
    if let AliasKind::Talk { duration_ms } = alias.kind {
        put_u32(record, duration_ms);
    }
    put_u64(record, alias.stamp.0);
    match &alias.parties {
        Parties::Split { to, from } => {
            put_bytes(record, to.as_bytes());
            put_bytes(record, from.as_bytes());
        }
        Parties::Joined(joined) => put_bytes(record, joined.as_bytes()),
    }
    Ok(())
}

fn names(fields: &mut Fields<'_>) -> Result<Names, Garbage> {
    let flags = fields.u8()?;
    let has = |flag| flags & flag != 0;
    let alone = flags & (name_flag::JOINED | name_flag::GROUP) != 0 && !has(name_flag::ALIAS);
    if flags & !name_flag::ALL != 0 || alone {
        return Err(Garbage);
    }
    let id = id(fields)?;
    let client_ref = optional(has(name_flag::CLIENT_REF), || named(ClientRef::new, fields.text()?))?;
    let channel = if has(name_flag::GROUP) { Channel::Group } else { Channel::Private };
    let alias = optional(has(name_flag::ALIAS), || alias(fields, channel, has(name_flag::JOINED)))?;
    Ok(Names { id, alias, client_ref })
}

fn alias(fields: &mut Fields<'_>, channel: Channel, joined: bool) -> Result<Alias, Garbage> {
    let kind = match fields.u8()? {
        1 => AliasKind::Text,
        2 => AliasKind::Image,
        3 => AliasKind::Interactive,
        4 => AliasKind::Talk { duration_ms: fields.u32()? },
        _ => return Err(Garbage),
    };
    let stamp = UnixMs(fields.u64()?);
    let first = fields.text()?.into();
    if joined {
        let mut alias = Alias::new(channel, kind, "".into(), "".into(), stamp);
        alias.parties = Parties::Joined(first);
        return Ok(alias);
    }
    Ok(Alias::new(channel, kind, first, fields.text()?.into(), stamp))
}

fn put_id(record: &mut Vec<u8>, id: MessageId) {
    put_u32(record, id.epoch());
    put_u64(record, id.sequence());
}

fn id(fields: &mut Fields<'_>) -> Result<MessageId, Garbage> {
    Ok(MessageId::new(fields.u32()?, fields.u64()?))
}

fn put_device(record: &mut Vec<u8>, device: &Device) {
    put_bytes(record, device.user.as_str().as_bytes());
    put_bytes(record, device.name.as_str().as_bytes());
}

fn device(fields: &mut Fields<'_>) -> Result<Device, Garbage> {
    let user = named(UserId::new, fields.text()?)?;
    Ok(Device::new(user, named(DeviceName::new, fields.text()?)?))
}

fn named<T>(new: impl FnOnce(&str) -> Result<T, IdError>, text: &str) -> Result<T, Garbage> {
    new(text).map_err(|_| Garbage)
}

fn optional<T>(there: bool, read: impl FnOnce() -> Result<T, Garbage>) -> Result<Option<T>, Garbage> {
    if there { read().map(Some) } else { Ok(None) }
}

fn flag(set: bool, flag: u8) -> u8 {
    if set { flag } else { 0 }
}

#[cfg(test)]
mod tests;
