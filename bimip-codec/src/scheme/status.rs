//! Route 18, ask 4: how far a message got.

use bimip_proto::{
    Address, ClientRef, ConversationId, DeviceName, DeviceState, DeviceStatus, Marks, MessageStatus, NotYet,
    Offset, RecipientStatus, Seq, StatusCounts, UnixMs,
};

use super::frame::{Fields, identity, named, to_ms};
use super::numbers::{MESSAGE_STATUS, kind};
use super::v1;
use crate::DecodeError;

/// The numbers of what keeps a message from somebody. 6 is kept for who blocked its sender.
const REASONS: [(NotYet, i32); 5] = [
    (NotYet::Deleted, 1),
    (NotYet::LeftGroup, 2),
    (NotYet::NotFilled, 3),
    (NotYet::NeverConnected, 4),
    (NotYet::Untold, 5),
];

/// BM-QRY-4.
pub(super) fn answer(id: &ClientRef, found: Option<&MessageStatus>) -> v1::Query {
    let answer = v1::Query {
        r#type: kind::RESPONSE,
        id: id.as_str().to_owned(),
        ask: MESSAGE_STATUS,
        ..Default::default()
    };
    let Some(found) = found else { return answer };
    v1::Query {
        status: Some(message(found)),
        recipients: found.recipients.iter().map(recipient).collect(),
        more: found.more,
        ..answer
    }
}

fn message(it: &MessageStatus) -> v1::MessageStatus {
    let StatusCounts { recipients, delivered, read, exact, first_delivered_at, first_read_at } = it.counts;
    v1::MessageStatus {
        signal_id: it.id.to_string(),
        id: it.client_ref.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        from: Some(identity(&it.from)),
        to: Some(named(it.to.as_str())),
        conversation: ConversationId::of(&it.from.user, &it.to).to_string(),
        conversation_seq: it.seq.0,
        server_time: to_ms(it.at),
        deleted: it.deleted,
        status: it.reached() as i32,
        recipients,
        delivered,
        read,
        at_least: !exact,
        first_delivered_at: some_ms(first_delivered_at),
        first_read_at: some_ms(first_read_at),
    }
}

fn recipient(it: &RecipientStatus) -> v1::RecipientStatus {
    let number = |why| REASONS.iter().find(|(reason, _)| *reason == why).map_or(0, |(_, number)| *number);
    v1::RecipientStatus {
        user: it.user.as_str().to_owned(),
        status: it.reached() as i32,
        marks: it.marks.bits().into(),
        delivered_at: some_ms(it.delivered_at),
        read_at: some_ms(it.read_at),
        reason: it.why.map_or(0, number),
        user_offset: it.row.map_or(0, |row| row.0),
        untold: it.devices.is_none(),
        devices: it.devices.iter().flatten().map(device).collect(),
        more_devices: it.more_devices,
    }
}

fn device(it: &DeviceStatus) -> v1::DeviceStatus {
    let (state, at, rows_before) = match it.state {
        DeviceState::Acknowledged => (1, None, 0),
        DeviceState::Sent { at } => (2, at, 0),
        DeviceState::Next { rows_before } => (3, None, rows_before),
        DeviceState::WindowFull { rows_before } => (4, None, rows_before),
        DeviceState::NoWords => (5, None, 0),
        DeviceState::LoggedOut { at } => (6, Some(at), 0),
        DeviceState::Offline { since } => (7, since, 0),
        DeviceState::Elsewhere => (8, None, 0),
        // And what a later version of the model has.
        _ => (9, None, 0),
    };
    v1::DeviceStatus {
        connection_resource_id: it.name.as_str().to_owned(),
        state,
        at: some_ms(at),
        connected_at: some_ms(it.connected_at),
        rows_before,
    }
}

fn some_ms(at: Option<UnixMs>) -> i64 {
    at.map_or(0, to_ms)
}

/// The words of an answer, `status`, are made from what else it says, and not read.
pub(super) fn read(fields: Fields, it: v1::Query) -> Result<Option<MessageStatus>, DecodeError> {
    let Some(status) = it.status else { return Ok(None) };
    let recipients = it.recipients.into_iter().map(|it| read_recipient(fields, &it));
    let from = fields.device(status.from.as_ref(), "from")?;
    let to = status.to.as_ref().map_or("", |to| &to.eid);
    let to: Address = fields.address(Some(&from.user), &status.conversation, to)?;
    Ok(Some(MessageStatus {
        id: fields.message_id(&status.signal_id)?,
        client_ref: fields.client_ref(&status.id)?,
        from,
        to,
        seq: Seq(status.conversation_seq),
        at: fields.ms(status.server_time, "server_time")?,
        deleted: status.deleted,
        counts: StatusCounts {
            recipients: status.recipients,
            delivered: status.delivered,
            read: status.read,
            exact: !status.at_least,
            first_delivered_at: read_ms(fields, status.first_delivered_at, "first_delivered_at")?,
            first_read_at: read_ms(fields, status.first_read_at, "first_read_at")?,
        },
        recipients: recipients.collect::<Result<_, _>>()?,
        more: it.more,
    }))
}

fn read_recipient(fields: Fields, it: &v1::RecipientStatus) -> Result<RecipientStatus, DecodeError> {
    let marks = u8::try_from(it.marks).map_err(|_| fields.wrong("marks"))?;
    let devices = it.devices.iter().map(|it| read_device(fields, it)).collect::<Result<_, _>>()?;
    Ok(RecipientStatus {
        user: fields.eid(&it.user, "user")?,
        row: Some(Offset(it.user_offset)).filter(|row| *row > Offset::ZERO),
        marks: Marks::from_bits(marks),
        delivered_at: read_ms(fields, it.delivered_at, "delivered_at")?,
        read_at: read_ms(fields, it.read_at, "read_at")?,
        // What a later server gives for a reason is none that this one knows.
        why: REASONS.iter().find(|(_, number)| *number == it.reason).map(|(why, _)| *why),
        devices: (!it.untold).then_some(devices),
        more_devices: it.more_devices,
    })
}

fn read_device(fields: Fields, it: &v1::DeviceStatus) -> Result<DeviceStatus, DecodeError> {
    let (at, rows_before) = (read_ms(fields, it.at, "at")?, it.rows_before);
    let state = match it.state {
        1 => DeviceState::Acknowledged,
        2 => DeviceState::Sent { at },
        3 => DeviceState::Next { rows_before },
        4 => DeviceState::WindowFull { rows_before },
        5 => DeviceState::NoWords,
        6 => DeviceState::LoggedOut { at: at.unwrap_or_default() },
        7 => DeviceState::Offline { since: at },
        8 => DeviceState::Elsewhere,
        _ => DeviceState::Unknown,
    };
    let name = DeviceName::new(&it.connection_resource_id);
    let name = name.map_err(|_| fields.wrong("connection_resource_id"))?;
    Ok(DeviceStatus { name, state, connected_at: read_ms(fields, it.connected_at, "connected_at")? })
}

fn read_ms(fields: Fields, ms: i64, field: &'static str) -> Result<Option<UnixMs>, DecodeError> {
    Ok(Some(fields.ms(ms, field)?).filter(|at| *at > UnixMs(0)))
}
