//! How far a message got: the answer to `status`.

use bimip_proto::{
    ConversationId, DeviceState, DeviceStatus, Marks, MessageId, MessageStatus, NotYet, Offset, Reached,
    RecipientStatus, Seq, Status, StatusCounts, UnixMs, limits,
};

use super::fields::{Value, device, fields};
use super::{time, words};
use crate::DecodeError;
use crate::json::{Object, Writer};

/// The words for what keeps a message from somebody.
const REASONS: [(NotYet, &str); 5] = [
    (NotYet::Deleted, "deleted"),
    (NotYet::LeftGroup, "left_group"),
    (NotYet::NotFilled, "not_filled"),
    (NotYet::NeverConnected, "never_connected"),
    (NotYet::Untold, "untold"),
];

const fn word(reached: Reached) -> &'static str {
    match reached {
        Reached::Pending => "pending",
        Reached::Sent => "sent",
        Reached::Delivered => "delivered",
        Reached::Read => "read",
    }
}

/// EV-STAT-2.
pub(crate) fn write(to: &mut Writer, it: &MessageStatus) {
    to.text("message_id", &it.id.to_string());
    to.maybe("client_id", it.client_ref.as_ref().map(|it| it.as_str()));
    to.text("conversation_id", &ConversationId::of(&it.from.user, &it.to).to_string());
    to.number("seq", it.seq.0);
    to.text("sender_user_id", it.from.user.as_str());
    to.text("sender_device_id", it.from.name.as_str());
    to.raw("created_at", &time::written(it.at));
    if it.deleted {
        to.flag("deleted", true);
    }
    to.text("status", word(it.reached()));
    let counts = it.counts;
    to.object("counts", |to| {
        to.number("recipients", counts.recipients);
        to.number("delivered", counts.delivered);
        to.number("read", counts.read);
        to.flag("exact", counts.exact);
        write_time(to, "first_delivered_at", counts.first_delivered_at);
        write_time(to, "first_read_at", counts.first_read_at);
    });
    to.objects("recipients", &it.recipients, write_recipient);
}

fn write_time(to: &mut Writer, key: &str, at: Option<UnixMs>) {
    if let Some(at) = at {
        to.raw(key, &time::written(at));
    }
}

fn write_recipient(to: &mut Writer, it: &RecipientStatus) {
    to.text("user_id", it.user.as_str());
    to.text("status", word(it.reached()));
    to.texts("marks", words::of_marks(it.marks));
    write_time(to, "delivered_at", it.delivered_at);
    write_time(to, "read_at", it.read_at);
    to.maybe(
        "reason",
        it.why.and_then(|why| REASONS.iter().find(|(reason, _)| *reason == why)).map(|it| it.1),
    );
    if let Some(row) = it.row {
        to.number("offset", row.0);
    }
    if let Some(devices) = &it.devices {
        to.objects("devices", devices, write_device);
        to.flag("more_devices", it.more_devices);
    }
}

fn write_device(to: &mut Writer, it: &DeviceStatus) {
    let (state, at, rows_before) = match it.state {
        DeviceState::Acknowledged => ("acknowledged", None, None),
        DeviceState::Sent { at } => ("sent", at, None),
        DeviceState::Next { rows_before } => ("next", None, Some(rows_before)),
        DeviceState::WindowFull { rows_before } => ("window_full", None, Some(rows_before)),
        DeviceState::NoWords => ("no_words", None, None),
        DeviceState::LoggedOut { at } => ("logged_out", Some(at), None),
        DeviceState::Offline { since } => ("offline", since, None),
        DeviceState::Elsewhere => ("elsewhere", None, None),
        // And what a later version of the model has.
        _ => ("unknown", None, None),
    };
    to.text("device_id", it.name.as_str());
    to.text("state", state);
    write_time(to, "at", at);
    if let Some(rows) = rows_before {
        to.number("rows_before", rows);
    }
    write_time(to, "connected_at", it.connected_at);
}

/// At a client's end. What is said in one word follows from the rest, and is not read.
pub(super) fn read(object: Object<'_>, more: bool) -> Result<MessageStatus, DecodeError> {
    let [id, client_ref, conversation, seq, user, name, at, deleted, counts, recipients] = fields(
        object,
        0,
        [
            "message_id",
            "client_id",
            "conversation_id",
            "seq",
            "sender_user_id",
            "sender_device_id",
            "created_at",
            "deleted",
            "counts",
            "recipients",
        ],
    );
    let from = device(user, name)?;
    let place: ConversationId = conversation.some_word(|text| text.parse().ok())?;
    let list = recipients.objects(limits::STATUS_USERS as usize)?.into_iter().map(read_recipient);
    Ok(MessageStatus {
        id: id.message_id()?.unwrap_or(MessageId::NONE),
        client_ref: client_ref.client_ref()?,
        to: place.to_of(&from.user).ok_or_else(|| conversation.wrong())?,
        from,
        seq: Seq(seq.some_number()?),
        at: at.some_time()?,
        deleted: deleted.flag()?.unwrap_or_default(),
        counts: read_counts(counts)?,
        recipients: list.collect::<Result<_, _>>()?,
        more,
    })
}

fn read_counts(counts: Value<'_>) -> Result<StatusCounts, DecodeError> {
    let object = counts.object()?.ok_or_else(|| counts.wrong())?;
    let [recipients, delivered, read, exact, first_delivered, first_read] = fields(
        object,
        0,
        ["recipients", "delivered", "read", "exact", "first_delivered_at", "first_read_at"],
    );
    Ok(StatusCounts {
        recipients: recipients.small()?,
        delivered: delivered.small()?,
        read: read.small()?,
        exact: exact.flag()?.unwrap_or(true),
        first_delivered_at: first_delivered.time()?,
        first_read_at: first_read.time()?,
    })
}

fn read_recipient(object: Object<'_>) -> Result<RecipientStatus, DecodeError> {
    let [user, marks, delivered, read, reason, row, devices, more] = fields(
        object,
        0,
        ["user_id", "marks", "delivered_at", "read_at", "reason", "offset", "devices", "more_devices"],
    );
    // A reason of a later server is none that this one knows.
    let why = reason.text()?.and_then(|word| REASONS.iter().find(|(_, known)| *known == word)).map(|it| it.0);
    let list = devices.objects(2 * limits::STATUS_DEVICES)?.into_iter().map(read_device);
    let list = list.collect::<Result<Vec<_>, _>>()?;
    Ok(RecipientStatus {
        user: user.some_user()?,
        row: row.number()?.map(Offset),
        marks: read_marks(marks)?,
        delivered_at: delivered.time()?,
        read_at: read.time()?,
        why,
        devices: devices.is_there().then_some(list),
        more_devices: more.flag()?.unwrap_or_default(),
    })
}

/// What was said about a message, in words.
pub(super) fn read_marks(marks: Value<'_>) -> Result<Marks, DecodeError> {
    let said: Vec<Status> = marks.words(4, words::status)?;
    Ok(said.into_iter().fold(Marks::NONE, Marks::with))
}

fn read_device(object: Object<'_>) -> Result<DeviceStatus, DecodeError> {
    let [name, state, at, rows_before, connected] =
        fields(object, 0, ["device_id", "state", "at", "rows_before", "connected_at"]);
    let (at, rows_before) = (at.time()?, rows_before.number()?.unwrap_or_default());
    let state = match state.some_text()?.as_str() {
        "acknowledged" => DeviceState::Acknowledged,
        "sent" => DeviceState::Sent { at },
        "next" => DeviceState::Next { rows_before },
        "window_full" => DeviceState::WindowFull { rows_before },
        "no_words" => DeviceState::NoWords,
        "logged_out" => DeviceState::LoggedOut { at: at.unwrap_or_default() },
        "offline" => DeviceState::Offline { since: at },
        "elsewhere" => DeviceState::Elsewhere,
        _ => DeviceState::Unknown,
    };
    let name = name.device_name()?.ok_or_else(|| name.wrong())?;
    Ok(DeviceStatus { name, state, connected_at: connected.time()? })
}
