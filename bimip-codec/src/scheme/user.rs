//! Route 20: what a user keeps.

use std::sync::Arc;

use bimip_proto::{
    ClientPacket, ClientRef, Device, DeviceName, Entry, Noted, Offset, OwnDevice, ProfileState, Reject, Row,
    Saved, ServerPacket, UnixMs, UserAct, UserChange, UserCommand, UserId, UserNews, UserProfile,
};

use super::frame::{Fields, identity, put, to_ms};
use super::numbers::{self, BLOCK, FORGET, PROFILE, REMOVE_DEVICE, SAVE, UNBLOCK, kind};
use super::v1;
use super::v1::message_scheme::Payload;
use crate::{DecodeError, EncodeError, Frames};

// ---- a client asks ------------------------------------------------------------------------------------------

pub(super) fn request(me: Option<&Device>, it: &UserCommand) -> Result<v1::User, EncodeError> {
    let shape = v1::User {
        r#type: kind::REQUEST,
        id: it.client_ref.as_str().to_owned(),
        from: me.map(identity),
        ..Default::default()
    };
    let about = |action, user: &UserId| v1::User { action, user: user.as_str().to_owned(), ..shape.clone() };
    Ok(match &it.act {
        UserAct::EditProfile { name, about, avatar } => v1::User {
            action: PROFILE,
            name: name.as_deref().map(str::to_owned),
            about: about.as_deref().map(str::to_owned),
            avatar: avatar.as_deref().map(str::to_owned),
            ..shape
        },
        UserAct::Save(saved) => saves(saved, shape),
        UserAct::Forget(user) => about(FORGET, user),
        UserAct::Block(user) => about(BLOCK, user),
        UserAct::Unblock(user) => about(UNBLOCK, user),
        UserAct::RemoveDevice(device) => removes(device, shape),
        _ => return Err(EncodeError::Unsayable { field: "action" }),
    })
}

fn saves(saved: &Saved, shape: v1::User) -> v1::User {
    let (user, name) = (saved.user.as_str().to_owned(), Some(saved.name.as_ref().to_owned()));
    v1::User { action: SAVE, user, name, ..shape }
}

fn removes(device: &DeviceName, shape: v1::User) -> v1::User {
    v1::User { action: REMOVE_DEVICE, device: device.as_str().to_owned(), ..shape }
}

/// BM-USR-1.
pub(super) fn read_request(fields: Fields, it: v1::User) -> Result<ClientPacket, DecodeError> {
    if it.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    let client_ref = fields.client_ref(&it.id)?.ok_or_else(|| fields.wrong("id"))?;
    let act = match it.action {
        PROFILE => UserAct::EditProfile {
            name: it.name.map(Into::into),
            about: it.about.map(Into::into),
            avatar: it.avatar.map(Into::into),
        },
        SAVE => UserAct::Save(saved(fields, it)?),
        FORGET => UserAct::Forget(user(fields, &it)?),
        BLOCK => UserAct::Block(user(fields, &it)?),
        UNBLOCK => UserAct::Unblock(user(fields, &it)?),
        REMOVE_DEVICE => UserAct::RemoveDevice(device(fields, &it)?),
        _ => return Err(fields.wrong("action")),
    };
    Ok(ClientPacket::User(UserCommand { client_ref, act }))
}

// ---- the server answers -------------------------------------------------------------------------------------

/// BM-USR-2.
pub(super) fn put_changed(id: &ClientRef, edition: u32, offset: Offset, out: &mut Frames) {
    let changed = v1::User {
        r#type: kind::RESPONSE,
        id: id.as_str().to_owned(),
        edition,
        user_offset: offset.0.to_string(),
        ..Default::default()
    };
    put(Payload::User(changed), out);
}

/// BM-USR-2.
pub(super) fn put_unchanged(id: &ClientRef, reason: Reject, retry_after_ms: Option<u32>, out: &mut Frames) {
    let refused = v1::User {
        r#type: kind::ERROR,
        id: id.as_str().to_owned(),
        code: numbers::of_reject(reason),
        error: reason.to_string(),
        retry_after_ms: retry_after_ms.unwrap_or_default(),
        ..Default::default()
    };
    put(Payload::User(refused), out);
}

/// BM-USR-3: a row.
pub(super) fn put_row(row: &Row, it: &UserChange, out: &mut Frames) {
    let shape = v1::User {
        r#type: kind::EVENT,
        id: it.client_ref.as_str().to_owned(),
        from: Some(identity(&it.by)),
        edition: it.edition,
        user_offset: row.offset.0.to_string(),
        prev_offset: row.prev.0,
        server_time: to_ms(it.at),
        ..Default::default()
    };
    let about = |action, user: &UserId| v1::User { action, user: user.as_str().to_owned(), ..shape.clone() };
    let row = match &it.what {
        UserNews::Profile(profile) => v1::User {
            action: PROFILE,
            name: Some(profile.name.as_ref().to_owned()),
            about: Some(profile.about.as_ref().to_owned()),
            avatar: Some(profile.avatar.as_ref().to_owned()),
            ..shape
        },
        UserNews::Saved(saved) => saves(saved, shape),
        UserNews::Forgotten(user) => about(FORGET, user),
        UserNews::Blocked(user) => about(BLOCK, user),
        UserNews::Unblocked(user) => about(UNBLOCK, user),
        UserNews::DeviceRemoved(device) => removes(device, shape),
        // A kind that this dialect has no number for yet: a row all the same, so that none is missing.
        _ => shape,
    };
    put(Payload::User(row), out);
}

pub(super) fn read_server(fields: Fields, it: v1::User) -> Result<ServerPacket, DecodeError> {
    let client_ref = fields.client_ref(&it.id)?.ok_or_else(|| fields.wrong("id"))?;
    Ok(match it.r#type {
        kind::RESPONSE => ServerPacket::Noted(Noted::UserChanged {
            client_ref,
            edition: it.edition,
            offset: Offset(fields.decimal(&it.user_offset, "user_offset")?),
        }),
        kind::ERROR => ServerPacket::Noted(Noted::UserUnchanged {
            client_ref,
            reason: numbers::reject(it.code),
            retry_after_ms: Some(it.retry_after_ms).filter(|ms| *ms > 0),
        }),
        kind::EVENT => ServerPacket::Deliver(read_row(fields, client_ref, it)?),
        _ => return Err(fields.wrong("type")),
    })
}

fn read_row(fields: Fields, client_ref: ClientRef, it: v1::User) -> Result<Row, DecodeError> {
    let (prev, offset) = (Offset(it.prev_offset), Offset(fields.decimal(&it.user_offset, "user_offset")?));
    let by = fields.device(it.from.as_ref(), "from")?;
    let (at, edition) = (fields.ms(it.server_time, "server_time")?, it.edition);
    let what = match it.action {
        PROFILE => UserNews::Profile(Arc::new(UserProfile {
            name: it.name.unwrap_or_default().into(),
            about: it.about.unwrap_or_default().into(),
            avatar: it.avatar.unwrap_or_default().into(),
        })),
        SAVE => UserNews::Saved(saved(fields, it)?),
        FORGET => UserNews::Forgotten(user(fields, &it)?),
        BLOCK => UserNews::Blocked(user(fields, &it)?),
        UNBLOCK => UserNews::Unblocked(user(fields, &it)?),
        REMOVE_DEVICE => UserNews::DeviceRemoved(device(fields, &it)?),
        _ => return Err(fields.wrong("action")),
    };
    let change = UserChange { by, client_ref, at, edition, what };
    Ok(Row { prev, offset, entry: Arc::new(Entry::User(change)) })
}

// ---- parts --------------------------------------------------------------------------------------------------

fn user(fields: Fields, it: &v1::User) -> Result<UserId, DecodeError> {
    fields.eid(&it.user, "user")
}

fn saved(fields: Fields, it: v1::User) -> Result<Saved, DecodeError> {
    Ok(Saved { user: user(fields, &it)?, name: it.name.unwrap_or_default().into() })
}

fn device(fields: Fields, it: &v1::User) -> Result<DeviceName, DecodeError> {
    DeviceName::new(&it.device).map_err(|_| fields.wrong("device"))
}

// ---- what is asked (BM-QRY-5) -------------------------------------------------------------------------------

pub(super) fn state(it: &ProfileState) -> v1::QueryUser {
    v1::QueryUser {
        eid: it.user.as_str().to_owned(),
        name: it.profile.name.as_ref().to_owned(),
        about: it.profile.about.as_ref().to_owned(),
        avatar: it.profile.avatar.as_ref().to_owned(),
        edition: it.edition,
        last_seen: it.last_seen.map_or(0, to_ms),
    }
}

pub(super) fn read_state(fields: Fields, row: v1::QueryUser) -> Result<ProfileState, DecodeError> {
    let last_seen = fields.ms(row.last_seen, "users.last_seen")?;
    let (name, about, avatar) = (row.name.into(), row.about.into(), row.avatar.into());
    Ok(ProfileState {
        user: fields.eid(&row.eid, "users.eid")?,
        edition: row.edition,
        profile: Arc::new(UserProfile { name, about, avatar }),
        last_seen: Some(last_seen).filter(|at| *at > UnixMs(0)),
    })
}

pub(super) fn entry(it: &Saved) -> v1::QueryUser {
    let (eid, name) = (it.user.as_str().to_owned(), it.name.as_ref().to_owned());
    v1::QueryUser { eid, name, ..Default::default() }
}

pub(super) fn own_device(it: &OwnDevice) -> v1::QueryDevice {
    v1::QueryDevice {
        device: it.name.as_str().to_owned(),
        first_seen: to_ms(it.first_seen),
        last_seen: to_ms(it.last_seen),
        cursor: it.cursor.0,
        push: it.push,
        logged_out: it.logged_out_before.map_or(0, to_ms),
    }
}

pub(super) fn read_own_device(fields: Fields, row: &v1::QueryDevice) -> Result<OwnDevice, DecodeError> {
    let logged_out = fields.ms(row.logged_out, "devices.logged_out")?;
    Ok(OwnDevice {
        name: DeviceName::new(&row.device).map_err(|_| fields.wrong("devices.device"))?,
        first_seen: fields.ms(row.first_seen, "devices.first_seen")?,
        last_seen: fields.ms(row.last_seen, "devices.last_seen")?,
        cursor: Offset(row.cursor),
        push: row.push,
        logged_out_before: Some(logged_out).filter(|at| *at > UnixMs(0)),
    })
}

pub(super) fn read_entry(fields: Fields, row: v1::QueryUser) -> Result<Saved, DecodeError> {
    Ok(Saved { user: fields.eid(&row.eid, "users.eid")?, name: row.name.into() })
}
