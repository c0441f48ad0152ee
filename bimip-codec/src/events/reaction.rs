//! Reactions: what clients ask, what they hear of others, and what stands beside a message of an answer.

use std::sync::Arc;

use bimip_proto::{
    ClientPacket, Emoji, Entry, Offset, React, Reaction, ReactionCount, ReactionSummary, Row, Seq, limits,
};

use super::decode_server::names;
use super::encode_client::name;
use super::fields::{self, Value, fields};
use super::time;
use crate::json::{Object, Writer};
use crate::{DecodeError, EncodeError};

/// EV-RCT-1.
pub(super) fn read_request(object: Object<'_>, origin: u32) -> Result<ClientPacket, DecodeError> {
    let [client_ref, message, emoji, on] = fields(object, origin, ["client_id", "message_id", "emoji", "on"]);
    Ok(ClientPacket::React(React {
        client_ref: client_ref.some_client_ref()?,
        message: message.message()?,
        emoji: read_emoji(emoji)?,
        on: on.flag()?.unwrap_or(true),
    }))
}

fn read_emoji(emoji: Value<'_>) -> Result<Emoji, DecodeError> {
    emoji.some_word(|text| Emoji::new(text).ok())
}

pub(super) fn write_request(to: &mut Writer, it: &React) -> Result<(), EncodeError> {
    to.text("client_id", it.client_ref.as_str());
    to.text("message_id", &name(&it.message)?);
    to.text("emoji", it.emoji.as_str());
    to.flag("on", it.on);
    Ok(())
}

/// EV-RCT-2: a reaction, without its place in the mailbox.
pub(super) fn write(to: &mut Writer, it: &Reaction) {
    to.text("message_id", &it.message.id.to_string());
    to.maybe("message_client_id", it.message.client_ref.as_ref().map(|it| it.as_str()));
    to.text("conversation_id", &it.conversation.to_string());
    to.number("seq", it.seq.0);
    to.text("emoji", it.emoji.as_str());
    to.flag("on", it.on);
    to.number("edition", it.edition);
    to.number("count", it.count);
    to.text("user_id", it.by.user.as_str());
    to.text("device_id", it.by.name.as_str());
    to.text("client_id", it.client_ref.as_str());
    to.raw("timestamp", &time::written(it.at));
}

/// At a client's end.
pub(super) fn read(object: Object<'_>, (prev, offset): (Offset, Offset)) -> Result<Row, DecodeError> {
    let [message, message_ref, conversation, seq, emoji, on] =
        fields(object, 0, ["message_id", "message_client_id", "conversation_id", "seq", "emoji", "on"]);
    let [edition, count, user, device, client_ref, at] =
        fields(object, 0, ["edition", "count", "user_id", "device_id", "client_id", "timestamp"]);
    let reaction = Reaction {
        message: names(message, message_ref)?.ok_or_else(|| message.wrong())?,
        conversation: conversation.some_word(|text| text.parse().ok())?,
        seq: Seq(seq.some_number()?),
        edition: edition.small()?,
        by: fields::device(user, device)?,
        client_ref: client_ref.some_client_ref()?,
        at: at.some_time()?,
        emoji: read_emoji(emoji)?,
        on: on.flag()?.ok_or_else(|| on.wrong())?,
        count: count.small()?,
    };
    Ok(Row { prev, offset, entry: Arc::new(Entry::Reacted(reaction)) })
}

/// EV-RCT-3: beside a message of an answer; nothing where nobody ever reacted.
pub(crate) fn write_summary(to: &mut Writer, it: &ReactionSummary) {
    if it.edition == 0 && it.counts.is_empty() {
        return;
    }
    to.number("reaction_edition", it.edition);
    to.objects("reactions", &it.counts, |to, count| {
        to.text("emoji", count.emoji.as_str());
        to.number("count", count.count);
        to.flag("mine", count.mine);
        to.texts("users", count.users.iter().map(|user| user.as_str()));
    });
}

/// At a client's end.
pub(super) fn read_summary(object: Object<'_>) -> Result<ReactionSummary, DecodeError> {
    let [edition, counts] = fields(object, 0, ["reaction_edition", "reactions"]);
    let counts = counts.objects(limits::REACTION_KINDS)?.into_iter().map(|it| {
        let [emoji, count, mine, users] = fields(it, 0, ["emoji", "count", "mine", "users"]);
        Ok(ReactionCount {
            emoji: read_emoji(emoji)?,
            count: count.small()?,
            mine: mine.flag()?.unwrap_or_default(),
            users: users.users(limits::REACTION_USERS)?,
        })
    });
    Ok(ReactionSummary { edition: edition.small()?, counts: counts.collect::<Result<_, DecodeError>>()? })
}
