//! Route 21: reactions.

use std::sync::Arc;

use bimip_proto::{
    ClientPacket, ClientRef, Device, Emoji, Entry, Names, Noted, Offset, React, Reaction, ReactionCount,
    ReactionSummary, Reject, Row, Seq, ServerPacket, UserId, limits,
};

use super::frame::{Fields, identity, put, reference_text, to_ms};
use super::numbers::{self, SET, TAKE_BACK, kind};
use super::v1;
use super::v1::message_scheme::Payload;
use crate::{DecodeError, Frames};

const fn action(on: bool) -> i32 {
    if on { SET } else { TAKE_BACK }
}

fn is_on(fields: Fields, action: i32) -> Result<bool, DecodeError> {
    match action {
        SET => Ok(true),
        TAKE_BACK => Ok(false),
        _ => Err(fields.wrong("action")),
    }
}

fn emoji(fields: Fields, text: &str) -> Result<Emoji, DecodeError> {
    Emoji::new(text).map_err(|_| fields.wrong("emoji"))
}

// ---- a client asks ------------------------------------------------------------------------------------------

pub(super) fn request(me: Option<&Device>, it: &React) -> v1::Reaction {
    v1::Reaction {
        r#type: kind::REQUEST,
        id: it.client_ref.as_str().to_owned(),
        signal_id: reference_text(&it.message),
        action: action(it.on),
        from: me.map(identity),
        emoji: it.emoji.as_str().to_owned(),
        ..Default::default()
    }
}

/// BM-RCT-1.
pub(super) fn read_request(fields: Fields, it: &v1::Reaction) -> Result<ClientPacket, DecodeError> {
    if it.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    Ok(ClientPacket::React(React {
        client_ref: fields.client_ref(&it.id)?.ok_or_else(|| fields.wrong("id"))?,
        message: fields.reference(&it.signal_id)?,
        emoji: emoji(fields, &it.emoji)?,
        on: is_on(fields, it.action)?,
    }))
}

// ---- the server answers -------------------------------------------------------------------------------------

/// BM-RCT-2.
pub(super) fn put_reacted(id: &ClientRef, edition: u32, count: u32, offset: Offset, out: &mut Frames) {
    let reaction = v1::Reaction {
        r#type: kind::RESPONSE,
        id: id.as_str().to_owned(),
        edition,
        count,
        user_offset: offset.0.to_string(),
        ..Default::default()
    };
    put(Payload::Reaction(reaction), out);
}

/// BM-RCT-2.
pub(super) fn put_unreacted(id: &ClientRef, reason: Reject, retry_after_ms: Option<u32>, out: &mut Frames) {
    let reaction = v1::Reaction {
        r#type: kind::ERROR,
        id: id.as_str().to_owned(),
        code: numbers::of_reject(reason),
        error: reason.to_string(),
        retry_after_ms: retry_after_ms.unwrap_or_default(),
        ..Default::default()
    };
    put(Payload::Reaction(reaction), out);
}

/// BM-RCT-3: a row.
pub(super) fn put_row(row: &Row, it: &Reaction, out: &mut Frames) {
    let reaction = v1::Reaction {
        r#type: kind::EVENT,
        id: it.client_ref.as_str().to_owned(),
        signal_id: it.message.id.to_string(),
        action: action(it.on),
        from: Some(identity(&it.by)),
        emoji: it.emoji.as_str().to_owned(),
        edition: it.edition,
        count: it.count,
        conversation: it.conversation.to_string(),
        conversation_seq: it.seq.0,
        user_offset: row.offset.0.to_string(),
        prev_offset: row.prev.0,
        message_id: it.message.client_ref.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        server_time: to_ms(it.at),
        ..Default::default()
    };
    put(Payload::Reaction(reaction), out);
}

pub(super) fn read_server(fields: Fields, it: &v1::Reaction) -> Result<ServerPacket, DecodeError> {
    let client_ref = fields.client_ref(&it.id)?.ok_or_else(|| fields.wrong("id"))?;
    Ok(match it.r#type {
        kind::RESPONSE => ServerPacket::Noted(Noted::Reacted {
            client_ref,
            edition: it.edition,
            count: it.count,
            offset: Offset(fields.decimal(&it.user_offset, "user_offset")?),
        }),
        kind::ERROR => ServerPacket::Noted(Noted::Unreacted {
            client_ref,
            reason: numbers::reject(it.code),
            retry_after_ms: Some(it.retry_after_ms).filter(|ms| *ms > 0),
        }),
        kind::EVENT => ServerPacket::Deliver(read_row(fields, client_ref, it)?),
        _ => return Err(fields.wrong("type")),
    })
}

fn read_row(fields: Fields, client_ref: ClientRef, it: &v1::Reaction) -> Result<Row, DecodeError> {
    let (prev, offset) = (Offset(it.prev_offset), Offset(fields.decimal(&it.user_offset, "user_offset")?));
    let reaction = Reaction {
        message: Names {
            id: fields.message_id(&it.signal_id)?,
            alias: None,
            client_ref: ClientRef::new(&it.message_id).ok(),
        },
        conversation: it.conversation.parse().map_err(|_| fields.wrong("conversation"))?,
        seq: Seq(it.conversation_seq),
        edition: it.edition,
        by: fields.device(it.from.as_ref(), "from")?,
        client_ref,
        at: fields.ms(it.server_time, "server_time")?,
        emoji: emoji(fields, &it.emoji)?,
        on: is_on(fields, it.action)?,
        count: it.count,
    };
    Ok(Row { prev, offset, entry: Arc::new(Entry::Reacted(reaction)) })
}

// ---- beside a message of an answer --------------------------------------------------------------------------

/// BM-RCT-4.
pub(super) fn counts(summary: &ReactionSummary) -> Vec<v1::ReactionCount> {
    let count = |it: &ReactionCount| v1::ReactionCount {
        emoji: it.emoji.as_str().to_owned(),
        count: it.count,
        mine: it.mine,
        users: it.users.iter().map(|user| user.as_str().to_owned()).collect(),
    };
    summary.counts.iter().map(count).collect()
}

pub(super) fn read_summary(
    fields: Fields,
    edition: u32,
    counts: &[v1::ReactionCount],
) -> Result<ReactionSummary, DecodeError> {
    // Looked at before it is written down once more.
    if counts.len() > limits::REACTION_KINDS {
        return Err(fields.wrong("reactions"));
    }
    let count = |it: &v1::ReactionCount| {
        if it.count == 0 || it.users.len() > limits::REACTION_USERS {
            return Err(fields.wrong("reactions"));
        }
        let users =
            it.users.iter().map(|user| fields.eid(user, "reactions")).collect::<Result<Vec<UserId>, _>>()?;
        Ok(ReactionCount { emoji: emoji(fields, &it.emoji)?, count: it.count, mine: it.mine, users })
    };
    Ok(ReactionSummary { edition, counts: counts.iter().map(count).collect::<Result<_, _>>()? })
}
