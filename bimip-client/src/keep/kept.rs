//! A message as it is written in a store.

use bimip_proto::{
    Body, Device, DeviceName, Emoji, Form, Head, Marks, Message, MessageId, ReactionPart, Reactions, Reject,
    Seq, Status, UnixMs, UserId,
};
use bytes::Bytes;
use prost::Message as _;

use super::record::{DraftRecord, IdRecord, bad, draft_of, draft_record, id_record};
use crate::history::Progress;
use crate::store::StoreError;

#[derive(Clone, PartialEq, prost::Message)]
struct LineRecord {
    #[prost(message, optional, tag = "1")]
    id: Option<IdRecord>,
    #[prost(string, tag = "2")]
    from_user: String,
    #[prost(string, tag = "3")]
    from_device: String,
    #[prost(message, optional, tag = "4")]
    draft: Option<DraftRecord>,
    #[prost(uint64, tag = "5")]
    at: u64,
    #[prost(uint64, tag = "6")]
    stamp: u64,
    #[prost(uint64, tag = "7")]
    seq: u64,
    #[prost(uint32, tag = "8")]
    marks: u32,
    #[prost(uint32, tag = "9")]
    state: u32,
    #[prost(uint32, tag = "10")]
    reason: u32,
    #[prost(message, repeated, tag = "11")]
    by: Vec<ByRecord>,
    #[prost(uint32, tag = "12")]
    edition: u32,
    #[prost(bool, tag = "13")]
    deleted: bool,
    #[prost(message, repeated, tag = "14")]
    reactions: Vec<ReactionRecord>,
    /// The last change that a summary brought.
    #[prost(uint32, tag = "15")]
    reaction_edition: u32,
}

/// What is known of one emoji: every number with the change that it is of.
#[derive(Clone, PartialEq, prost::Message)]
struct ReactionRecord {
    #[prost(string, tag = "1")]
    emoji: String,
    #[prost(uint32, tag = "2")]
    count: u32,
    #[prost(uint32, tag = "3")]
    counted: u32,
    #[prost(bool, tag = "4")]
    mine: bool,
    #[prost(uint32, tag = "5")]
    mine_since: u32,
    #[prost(message, repeated, tag = "6")]
    users: Vec<ReactorRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ReactorRecord {
    #[prost(string, tag = "1")]
    user: String,
    #[prost(uint32, tag = "2")]
    since: u32,
    #[prost(bool, tag = "3")]
    on: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ByRecord {
    #[prost(string, tag = "1")]
    user: String,
    #[prost(uint32, tag = "2")]
    marks: u32,
}

/// A line without its place, which is in its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) message: Message,
    /// What anybody said.
    pub(super) marks: Marks,
    /// And who did.
    pub(super) by: Vec<(UserId, Marks)>,
    pub(super) state: State,
    /// Which edition the body is of; 0 as it was sent.
    pub(super) edition: u32,
    pub(super) deleted: bool,
    pub(super) reactions: Reactions,
}

/// What marks do not say about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Stored,
    Failed(Reject),
    Unsure,
}

/// Users whose marks about one message are kept apart. The server tells the author of single readers in groups of up
/// to 32.
const READERS: usize = 64;

impl Kept {
    pub(super) fn new(message: Message, state: State) -> Self {
        let reactions = Reactions::default();
        Self { message, marks: Marks::NONE, by: Vec::new(), state, edition: 0, deleted: false, reactions }
    }

    /// It says something else, or nothing more. Whether that is new: the highest edition holds, and nothing comes after a
    /// deletion.
    pub(super) fn revise(&mut self, edition: u32, body: Option<&Body>) -> bool {
        if self.deleted || edition <= self.edition {
            return false;
        }
        self.edition = edition;
        self.deleted = body.is_none();
        if self.deleted {
            self.reactions = Reactions::default();
        }
        let kind = self.message.head.kind;
        let nothing = Body { kind, form: Form::Opaque, bytes: Bytes::new(), seal: None };
        self.message.body = body.map_or(nothing, |body| Body { kind, ..body.clone() });
        true
    }

    /// Somebody says something. Whether that is new.
    pub(super) fn mark(&mut self, by: &UserId, status: Status) -> bool {
        let before = self.marks;
        self.marks = self.marks.with(status);
        match self.by.iter().position(|(user, _)| user == by) {
            Some(at) if self.by[at].1.has(status) => return self.marks != before,
            Some(at) => self.by[at].1 = self.by[at].1.with(status),
            None if self.by.len() < READERS => self.by.push((by.clone(), Marks::NONE.with(status))),
            None => return self.marks != before,
        }
        true
    }

    pub(super) fn progress(&self, mine: bool) -> Progress {
        match self.state {
            State::Failed(reason) => Progress::Failed(reason),
            State::Unsure => Progress::Unsure,
            _ if self.marks.has(Status::Read) => Progress::Read,
            _ if !mine || self.marks.has(Status::Delivered) => Progress::Delivered,
            State::Stored => Progress::Sent,
            State::Waiting => Progress::Sending,
        }
    }
}

// ---- and back -----------------------------------------------------------------------------------------

const REASONS: [Reject; 15] = [
    Reject::Conflict,
    Reject::NotYourself,
    Reject::NoSuchMessage,
    Reject::NotMember,
    Reject::Full,
    Reject::TooLarge,
    Reject::BadToken,
    // Which field it was is for developers, and not kept.
    Reject::Field("of the message"),
    Reject::Unsupported,
    Reject::Busy,
    Reject::Unavailable,
    Reject::Deleted,
    Reject::Role,
    Reject::Taken,
    Reject::Blocked,
];

/// Counted from 1; 0 is none.
fn reason_number(reason: Reject) -> u32 {
    let same = |known: &Reject| core::mem::discriminant(known) == core::mem::discriminant(&reason);
    let at = REASONS.iter().position(same).unwrap_or(8);
    u32::try_from(at).map_or(0, |at| at + 1)
}

pub(super) fn line_bytes(kept: &Kept) -> Vec<u8> {
    let head = &kept.message.head;
    let (state, reason) = match kept.state {
        State::Waiting => (1, 0),
        State::Stored => (2, 0),
        State::Failed(reason) => (3, reason_number(reason)),
        State::Unsure => (4, 0),
    };
    let record = LineRecord {
        id: (!head.id.is_none()).then(|| id_record(head.id)),
        from_user: head.from.user.to_string(),
        from_device: head.from.name.to_string(),
        draft: Some(draft_record(head.client_ref.as_ref(), &head.to, head.client_time, &kept.message.body)),
        at: head.at.0,
        stamp: head.stamp.0,
        seq: head.seq.0,
        marks: kept.marks.bits().into(),
        state,
        reason,
        by: kept
            .by
            .iter()
            .map(|(user, marks)| ByRecord { user: user.to_string(), marks: marks.bits().into() })
            .collect(),
        edition: kept.edition,
        deleted: kept.deleted,
        reactions: kept.reactions.parts().1.map(reaction_record).collect(),
        reaction_edition: kept.reactions.parts().0,
    };
    record.encode_to_vec()
}

pub(super) fn read_line(bytes: Vec<u8>) -> Result<Kept, StoreError> {
    // The body shares the bytes.
    let record = LineRecord::decode(Bytes::from(bytes)).map_err(|_| bad("a message"))?;
    let draft = draft_of(record.draft.ok_or_else(|| bad("the content of a message"))?)?;
    let from = UserId::new(&record.from_user).ok().zip(DeviceName::new(&record.from_device).ok());
    let (user, device) = from.ok_or_else(|| bad("the author of a message"))?;
    let state = match record.state {
        1 => State::Waiting,
        2 => State::Stored,
        3 => {
            let at = usize::try_from(record.reason).ok().and_then(|number| number.checked_sub(1));
            let reason = at.and_then(|at| REASONS.get(at)).ok_or_else(|| bad("why a message failed"))?;
            State::Failed(*reason)
        }
        4 => State::Unsure,
        _ => return Err(bad("how far a message got")),
    };
    let head = Head {
        id: record.id.map_or(MessageId::NONE, |id| MessageId::new(id.epoch, id.sequence)),
        from: Device::new(user, device),
        to: draft.to,
        client_ref: draft.client_ref,
        client_time: draft.client_time,
        at: UnixMs(record.at),
        stamp: UnixMs(record.stamp),
        seq: Seq(record.seq),
        kind: draft.body.kind,
    };
    let marks = |bits| u8::try_from(bits).map(Marks::from_bits).map_err(|_| bad("the marks of a message"));
    let by = record.by.into_iter().map(|by| {
        let user = UserId::new(&by.user).map_err(|_| bad("who marked a message"))?;
        Ok((user, marks(by.marks)?))
    });
    let by = by.collect::<Result<_, _>>()?;
    let reactions = record.reactions.into_iter().map(reaction_part).collect::<Result<Vec<_>, _>>()?;
    Ok(Kept {
        message: Message { head, body: draft.body },
        marks: marks(record.marks)?,
        by,
        state,
        edition: record.edition,
        deleted: record.deleted,
        reactions: Reactions::restore(record.reaction_edition, reactions),
    })
}

fn reaction_record(part: ReactionPart) -> ReactionRecord {
    let user = |(user, since, on): (UserId, u32, bool)| ReactorRecord { user: user.to_string(), since, on };
    ReactionRecord {
        emoji: part.emoji.to_string(),
        count: part.count.1,
        counted: part.count.0,
        mine: part.mine.1,
        mine_since: part.mine.0,
        users: part.users.into_iter().map(user).collect(),
    }
}

fn reaction_part(record: ReactionRecord) -> Result<ReactionPart, StoreError> {
    let user = |it: ReactorRecord| {
        let user = UserId::new(&it.user).map_err(|_| bad("who reacted to a message"))?;
        Ok((user, it.since, it.on))
    };
    Ok(ReactionPart {
        emoji: Emoji::new(&record.emoji).map_err(|_| bad("a reaction to a message"))?,
        count: (record.counted, record.count),
        mine: (record.mine_since, record.mine),
        users: record.users.into_iter().map(user).collect::<Result<_, _>>()?,
    })
}
