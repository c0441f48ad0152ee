//! What a user keeps: commands, what one's own devices hear of them, and the answers to questions about it.

use std::sync::Arc;

use bimip_proto::{
    ClientPacket, Entry, Offset, OwnDevice, ProfileState, Row, Saved, UserAct, UserChange, UserCommand,
    UserNews, UserProfile,
};

use super::fields::{self, Value, fields};
use super::time;
use crate::json::{Object, Writer};
use crate::{DecodeError, EncodeError};

/// EV-USR-1.
pub(super) fn read_request(object: Object<'_>, origin: u32) -> Result<ClientPacket, DecodeError> {
    let [client_ref, action, user, device, name, about, avatar] =
        fields(object, origin, ["client_id", "action", "user_id", "device_id", "name", "about", "avatar"]);
    let client_ref = client_ref.some_client_ref()?;
    let act = match action.some_text()?.as_str() {
        "profile" => UserAct::EditProfile {
            name: name.text()?.map(Into::into),
            about: about.text()?.map(Into::into),
            avatar: avatar.text()?.map(Into::into),
        },
        "save" => UserAct::Save(read_saved(user, name)?),
        "forget" => UserAct::Forget(user.some_user()?),
        "block" => UserAct::Block(user.some_user()?),
        "unblock" => UserAct::Unblock(user.some_user()?),
        "remove_device" => UserAct::RemoveDevice(device.device_name()?.ok_or_else(|| device.wrong())?),
        _ => return Err(action.wrong()),
    };
    Ok(ClientPacket::User(UserCommand { client_ref, act }))
}

fn read_saved(user: Value<'_>, name: Value<'_>) -> Result<Saved, DecodeError> {
    Ok(Saved { user: user.some_user()?, name: name.text()?.unwrap_or_default().into() })
}

fn write_saved(to: &mut Writer, it: &Saved) {
    to.text("user_id", it.user.as_str());
    to.text("name", &it.name);
}

pub(super) fn write_request(to: &mut Writer, it: &UserCommand) -> Result<(), EncodeError> {
    to.text("client_id", it.client_ref.as_str());
    match &it.act {
        UserAct::EditProfile { name, about, avatar } => {
            to.text("action", "profile");
            to.maybe("name", name.as_deref());
            to.maybe("about", about.as_deref());
            to.maybe("avatar", avatar.as_deref());
        }
        UserAct::Save(saved) => {
            to.text("action", "save");
            write_saved(to, saved);
        }
        UserAct::Forget(user) => act(to, "forget", "user_id", user.as_str()),
        UserAct::Block(user) => act(to, "block", "user_id", user.as_str()),
        UserAct::Unblock(user) => act(to, "unblock", "user_id", user.as_str()),
        UserAct::RemoveDevice(device) => act(to, "remove_device", "device_id", device.as_str()),
        _ => return Err(EncodeError::Unsayable { field: "action" }),
    }
    Ok(())
}

fn act(to: &mut Writer, action: &str, key: &str, name: &str) {
    to.text("action", action);
    to.text(key, name);
}

fn write_profile(to: &mut Writer, it: &UserProfile) {
    to.text("name", &it.name);
    to.text("about", &it.about);
    to.text("avatar", &it.avatar);
}

fn read_profile(object: Object<'_>) -> Result<UserProfile, DecodeError> {
    let [name, about, avatar] = fields(object, 0, ["name", "about", "avatar"]);
    let text = |value: Value<'_>| Ok(value.text()?.unwrap_or_default().into());
    Ok(UserProfile { name: text(name)?, about: text(about)?, avatar: text(avatar)? })
}

/// EV-USR-2: a change, without its place in the mailbox. Who made it is said as `by`, whom it is about as `user_id`.
/// `false` for what this dialect has no words for yet.
pub(super) fn write_change(to: &mut Writer, it: &UserChange) -> bool {
    match &it.what {
        UserNews::Profile(profile) => {
            to.text("action", "profile");
            write_profile(to, profile);
        }
        UserNews::Saved(saved) => {
            to.text("action", "save");
            write_saved(to, saved);
        }
        UserNews::Forgotten(user) => act(to, "forget", "user_id", user.as_str()),
        UserNews::Blocked(user) => act(to, "block", "user_id", user.as_str()),
        UserNews::Unblocked(user) => act(to, "unblock", "user_id", user.as_str()),
        UserNews::DeviceRemoved(device) => act(to, "remove_device", "device_id", device.as_str()),
        _ => return false,
    }
    to.object("by", |to| {
        to.text("user_id", it.by.user.as_str());
        to.text("device_id", it.by.name.as_str());
    });
    to.text("client_id", it.client_ref.as_str());
    to.number("edition", it.edition);
    to.raw("timestamp", &time::written(it.at));
    true
}

/// At a client's end.
pub(super) fn read_change(object: Object<'_>, (prev, offset): (Offset, Offset)) -> Result<Row, DecodeError> {
    let [action, user, device, name, by, client_ref, edition, at] = fields(
        object,
        0,
        ["action", "user_id", "device_id", "name", "by", "client_id", "edition", "timestamp"],
    );
    let what = match action.some_text()?.as_str() {
        "profile" => UserNews::Profile(Arc::new(read_profile(object)?)),
        "save" => UserNews::Saved(read_saved(user, name)?),
        "forget" => UserNews::Forgotten(user.some_user()?),
        "block" => UserNews::Blocked(user.some_user()?),
        "unblock" => UserNews::Unblocked(user.some_user()?),
        "remove_device" => UserNews::DeviceRemoved(device.device_name()?.ok_or_else(|| device.wrong())?),
        _ => return Err(action.wrong()),
    };
    let [by_user, by_device] = fields(by.object()?.ok_or_else(|| by.wrong())?, 0, ["user_id", "device_id"]);
    let change = UserChange {
        by: fields::device(by_user, by_device)?,
        client_ref: client_ref.some_client_ref()?,
        at: at.some_time()?,
        edition: edition.small()?,
        what,
    };
    Ok(Row { prev, offset, entry: Arc::new(Entry::User(change)) })
}

// ---- answers ------------------------------------------------------------------------------------------------

/// EV-USR-3: somebody, as others may see them.
pub(crate) fn write_state(to: &mut Writer, it: &ProfileState) {
    to.text("user_id", it.user.as_str());
    to.number("edition", it.edition);
    write_profile(to, &it.profile);
    if let Some(at) = it.last_seen {
        to.raw("last_seen", &time::written(at));
    }
}

pub(super) fn read_state(object: Object<'_>) -> Result<ProfileState, DecodeError> {
    let [user, edition, last_seen] = fields(object, 0, ["user_id", "edition", "last_seen"]);
    Ok(ProfileState {
        user: user.some_user()?,
        edition: edition.small()?,
        profile: Arc::new(read_profile(object)?),
        last_seen: last_seen.time()?,
    })
}

pub(crate) fn write_entry(to: &mut Writer, it: &Saved) {
    write_saved(to, it);
}

pub(super) fn read_entry(object: Object<'_>) -> Result<Saved, DecodeError> {
    let [user, name] = fields(object, 0, ["user_id", "name"]);
    read_saved(user, name)
}

pub(crate) fn write_device(to: &mut Writer, it: &OwnDevice) {
    to.text("device_id", it.name.as_str());
    to.raw("first_seen", &time::written(it.first_seen));
    to.raw("last_seen", &time::written(it.last_seen));
    to.number("cursor", it.cursor.0);
    to.flag("push", it.push);
    if let Some(at) = it.logged_out_before {
        to.raw("logged_out_before", &time::written(at));
    }
}

pub(super) fn read_device(object: Object<'_>) -> Result<OwnDevice, DecodeError> {
    let [name, first, last, cursor, push, logged_out] =
        fields(object, 0, ["device_id", "first_seen", "last_seen", "cursor", "push", "logged_out_before"]);
    Ok(OwnDevice {
        name: name.device_name()?.ok_or_else(|| name.wrong())?,
        first_seen: first.some_time()?,
        last_seen: last.some_time()?,
        cursor: Offset(cursor.some_number()?),
        push: push.flag()?.unwrap_or_default(),
        logged_out_before: logged_out.time()?,
    })
}
