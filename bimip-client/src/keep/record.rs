//! How things are written in a store: protobuf, so that a later version can add fields that this one passes over.
//!
//! Numbers of fields are for ever. What cannot be read again is an error that names it, never a guess.

mod command;
mod user;

use bimip_proto::{
    Address, Body, BodyKind, ClientRef, Draft, Emoji, Form, GroupId, MessageId, MessageRef, React, Revise,
    Seal, Seq, Status, UnixMs, UserId,
};
use bytes::Bytes;
use prost::Message as _;

use crate::store::StoreError;

pub(super) use self::command::{command_bytes, read_command};
pub(super) use self::user::{read_user_command, user_command_bytes};

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Place {
    #[prost(uint32, tag = "1")]
    pub(super) epoch: u32,
    #[prost(uint64, tag = "2")]
    pub(super) seen: u64,
    /// How often the epoch was another one.
    #[prost(uint32, tag = "3")]
    pub(super) era: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Token {
    /// What the app had when it was refreshed.
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) given: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) refreshed: Bytes,
    /// 0 where it is not known.
    #[prost(uint64, tag = "3")]
    pub(super) expires_ms: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Summary {
    #[prost(uint64, tag = "1")]
    pub(super) unread: u64,
    #[prost(uint64, tag = "2")]
    pub(super) recency: u64,
    /// The place of the last message that this user has read or written.
    #[prost(uint32, tag = "3")]
    pub(super) mark_era: u32,
    #[prost(uint64, tag = "4")]
    pub(super) mark_place: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DraftRecord {
    #[prost(string, optional, tag = "1")]
    client_ref: Option<String>,
    #[prost(message, optional, tag = "2")]
    to: Option<AddressRecord>,
    #[prost(uint64, optional, tag = "3")]
    client_time: Option<u64>,
    #[prost(message, optional, tag = "4")]
    body: Option<BodyRecord>,
    /// It was given to a connection, in a dialect where it must not be sent twice.
    #[prost(bool, tag = "5")]
    attempted: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AddressRecord {
    #[prost(string, optional, tag = "1")]
    user: Option<String>,
    #[prost(string, optional, tag = "2")]
    group: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BodyRecord {
    #[prost(uint32, tag = "1")]
    kind: u32,
    #[prost(uint32, tag = "2")]
    duration_ms: u32,
    #[prost(uint32, tag = "3")]
    form: u32,
    #[prost(bytes = "bytes", tag = "4")]
    bytes: Bytes,
    #[prost(message, optional, tag = "5")]
    seal: Option<SealRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SealRecord {
    #[prost(string, tag = "1")]
    encryption_type: String,
    #[prost(string, tag = "2")]
    encrypted: String,
    #[prost(string, tag = "3")]
    signature: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct MarkRecord {
    #[prost(uint32, tag = "1")]
    status: u32,
    #[prost(message, optional, tag = "2")]
    id: Option<IdRecord>,
    #[prost(string, optional, tag = "3")]
    alias: Option<String>,
    #[prost(message, optional, tag = "4")]
    place: Option<PlaceRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RevisionRecord {
    #[prost(string, tag = "1")]
    name: String,
    /// Which message; of no status.
    #[prost(message, optional, tag = "2")]
    message: Option<MarkRecord>,
    /// Nothing where it is deleted.
    #[prost(message, optional, tag = "3")]
    body: Option<BodyRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReactRecord {
    #[prost(string, tag = "1")]
    name: String,
    /// To which message; of no status.
    #[prost(message, optional, tag = "2")]
    message: Option<MarkRecord>,
    #[prost(string, tag = "3")]
    emoji: String,
    #[prost(bool, tag = "4")]
    on: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct EarlyRecord {
    #[prost(message, optional, tag = "1")]
    mark: Option<MarkRecord>,
    #[prost(string, tag = "2")]
    by: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct IdRecord {
    #[prost(uint32, tag = "1")]
    pub(super) epoch: u32,
    #[prost(uint64, tag = "2")]
    pub(super) sequence: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PlaceRecord {
    #[prost(string, tag = "1")]
    conversation: String,
    #[prost(uint64, tag = "2")]
    seq: u64,
}

// ---- and back -----------------------------------------------------------------------------------------

pub(super) fn bad(what: &'static str) -> StoreError {
    StoreError::unreadable(what)
}

pub(super) fn read<R: prost::Message + Default>(bytes: &[u8], what: &'static str) -> Result<R, StoreError> {
    R::decode(bytes).map_err(|_| bad(what))
}

pub(super) fn draft_bytes(draft: &Draft, attempted: bool) -> Vec<u8> {
    let record = draft_record(draft.client_ref.as_ref(), &draft.to, draft.client_time, &draft.body);
    DraftRecord { attempted, ..record }.encode_to_vec()
}

/// The draft, and whether it was given to a connection.
pub(super) fn read_draft(bytes: &[u8]) -> Result<(Draft, bool), StoreError> {
    let record = DraftRecord::decode(bytes).map_err(|_| bad("a draft"))?;
    let attempted = record.attempted;
    Ok((draft_of(record)?, attempted))
}

pub(super) fn draft_record(
    name: Option<&ClientRef>,
    to: &Address,
    time: Option<UnixMs>,
    body: &Body,
) -> DraftRecord {
    DraftRecord {
        client_ref: name.map(ToString::to_string),
        to: Some(match to {
            Address::User(user) => AddressRecord { user: Some(user.to_string()), group: None },
            Address::Group(group) => AddressRecord { user: None, group: Some(group.to_string()) },
            // There is no third kind; one to come is not read back as another.
            _ => AddressRecord::default(),
        }),
        client_time: time.map(|time| time.0),
        body: Some(body_record(body)),
        attempted: false,
    }
}

pub(super) fn draft_of(record: DraftRecord) -> Result<Draft, StoreError> {
    let to = record.to.ok_or_else(|| bad("whom a draft is to"))?;
    let to = match (to.user, to.group) {
        (Some(user), None) => UserId::new(&user).map(Address::User),
        (None, Some(group)) => GroupId::new(&group).map(Address::Group),
        _ => return Err(bad("whom a draft is to")),
    };
    let client_ref = record.client_ref.as_deref().map(ClientRef::new).transpose();
    Ok(Draft {
        client_ref: client_ref.map_err(|_| bad("the name of a draft"))?,
        to: to.map_err(|_| bad("whom a draft is to"))?,
        client_time: record.client_time.map(UnixMs),
        body: body_of(record.body.ok_or_else(|| bad("the body of a draft"))?)?,
    })
}

fn body_record(body: &Body) -> BodyRecord {
    let (kind, duration_ms) = match body.kind {
        BodyKind::Image => (2, 0),
        BodyKind::Interactive => (3, 0),
        BodyKind::Voice { duration_ms } => (4, duration_ms),
        BodyKind::Notification => (5, 0),
        BodyKind::Video => (6, 0),
        BodyKind::Audio => (7, 0),
        BodyKind::VoiceNote => (8, 0),
        BodyKind::CircleVideo => (9, 0),
        BodyKind::Sticker => (10, 0),
        _ => (1, 0),
    };
    let form = match body.form {
        Form::Text => 1,
        Form::Json => 2,
        Form::Content => 4,
        _ => 3,
    };
    let seal = body.seal.clone();
    let seal = seal.map(|Seal { encryption_type, encrypted, signature }| SealRecord {
        encryption_type,
        encrypted,
        signature,
    });
    BodyRecord { kind, duration_ms, form, bytes: body.bytes.clone(), seal }
}

fn body_of(record: BodyRecord) -> Result<Body, StoreError> {
    let kind = match record.kind {
        1 => BodyKind::Text,
        2 => BodyKind::Image,
        3 => BodyKind::Interactive,
        4 => BodyKind::Voice { duration_ms: record.duration_ms },
        5 => BodyKind::Notification,
        6 => BodyKind::Video,
        7 => BodyKind::Audio,
        8 => BodyKind::VoiceNote,
        9 => BodyKind::CircleVideo,
        10 => BodyKind::Sticker,
        _ => return Err(bad("the kind of a message")),
    };
    let form = match record.form {
        1 => Form::Text,
        2 => Form::Json,
        3 => Form::Opaque,
        4 => Form::Content,
        _ => return Err(bad("the form of a message")),
    };
    let seal = record.seal.map(|SealRecord { encryption_type, encrypted, signature }| Seal {
        encryption_type,
        encrypted,
        signature,
    });
    Ok(Body { kind, form, bytes: record.bytes, seal })
}

const fn status_number(status: Status) -> u32 {
    match status {
        Status::Delivered => 2,
        Status::Read => 3,
        Status::Forwarded => 4,
        Status::Played => 5,
        _ => 1,
    }
}

pub(super) fn mark_bytes(message: &MessageRef, status: Status) -> Vec<u8> {
    mark_record(message, status).encode_to_vec()
}

fn mark_record(message: &MessageRef, status: Status) -> MarkRecord {
    MarkRecord { status: status_number(status), ..reference_record(message) }
}

pub(super) fn early_bytes(message: &MessageRef, status: Status, by: &UserId) -> Vec<u8> {
    EarlyRecord { mark: Some(mark_record(message, status)), by: by.to_string() }.encode_to_vec()
}

pub(super) fn read_early(bytes: &[u8]) -> Result<(MessageRef, Status, UserId), StoreError> {
    let record = EarlyRecord::decode(bytes).map_err(|_| bad("an early mark"))?;
    let (message, status) = mark_of(record.mark.ok_or_else(|| bad("what an early mark says"))?)?;
    Ok((message, status, UserId::new(&record.by).map_err(|_| bad("who made an early mark"))?))
}

fn reference_record(message: &MessageRef) -> MarkRecord {
    let mut record = MarkRecord::default();
    match message {
        MessageRef::Id(id) => record.id = Some(id_record(*id)),
        MessageRef::Alias(alias) => record.alias = Some(alias.to_string()),
        MessageRef::Place { conversation, seq } => {
            record.place = Some(PlaceRecord { conversation: conversation.to_string(), seq: seq.0 });
        }
        _ => {}
    }
    record
}

pub(super) fn revision_bytes(revise: &Revise) -> Vec<u8> {
    let record = RevisionRecord {
        name: revise.client_ref.to_string(),
        message: Some(reference_record(&revise.message)),
        body: revise.body.as_ref().map(body_record),
    };
    record.encode_to_vec()
}

pub(super) fn read_revision(bytes: &[u8]) -> Result<Revise, StoreError> {
    let record = RevisionRecord::decode(bytes).map_err(|_| bad("a revision"))?;
    Ok(Revise {
        client_ref: ClientRef::new(&record.name).map_err(|_| bad("the name of a revision"))?,
        message: reference_of(record.message.ok_or_else(|| bad("what a revision is about"))?)?,
        body: record.body.map(body_of).transpose()?,
    })
}

pub(super) fn reaction_bytes(react: &React) -> Vec<u8> {
    let record = ReactRecord {
        name: react.client_ref.to_string(),
        message: Some(reference_record(&react.message)),
        emoji: react.emoji.to_string(),
        on: react.on,
    };
    record.encode_to_vec()
}

pub(super) fn read_reaction(bytes: &[u8]) -> Result<React, StoreError> {
    let record = ReactRecord::decode(bytes).map_err(|_| bad("a reaction"))?;
    Ok(React {
        client_ref: ClientRef::new(&record.name).map_err(|_| bad("the name of a reaction"))?,
        message: reference_of(record.message.ok_or_else(|| bad("what a reaction is to"))?)?,
        emoji: Emoji::new(&record.emoji).map_err(|_| bad("what a reaction is"))?,
        on: record.on,
    })
}

pub(super) fn read_mark(bytes: &[u8]) -> Result<(MessageRef, Status), StoreError> {
    mark_of(MarkRecord::decode(bytes).map_err(|_| bad("a mark"))?)
}

fn mark_of(record: MarkRecord) -> Result<(MessageRef, Status), StoreError> {
    let status = match record.status {
        1 => Status::Sent,
        2 => Status::Delivered,
        3 => Status::Read,
        4 => Status::Forwarded,
        5 => Status::Played,
        _ => return Err(bad("what a mark says")),
    };
    Ok((reference_of(record)?, status))
}

fn reference_of(record: MarkRecord) -> Result<MessageRef, StoreError> {
    let message = match (record.id, record.alias, record.place) {
        (Some(id), None, None) => Some(MessageRef::Id(MessageId::new(id.epoch, id.sequence))),
        (None, Some(alias), None) => alias.parse().ok().map(MessageRef::Alias),
        (None, None, Some(place)) => place
            .conversation
            .parse()
            .ok()
            .map(|conversation| MessageRef::Place { conversation, seq: Seq(place.seq) }),
        _ => None,
    };
    message.ok_or_else(|| bad("what a mark is about"))
}

pub(super) const fn id_record(id: MessageId) -> IdRecord {
    IdRecord { epoch: id.epoch(), sequence: id.sequence() }
}
