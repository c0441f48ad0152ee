//! What a user changed of what they keep.

use std::sync::Arc;

use bimip_proto::{ClientRef, DeviceName, Saved, UnixMs, UserChange, UserId, UserNews, UserProfile};

use super::{Encoded, Inexpressible, device, named, put_device};
use crate::storage::embedded::fields::{Fields, Garbage, put_bytes, put_u32, put_u64};

/// Kinds of changes. Written for ever.
mod kind {
    pub(super) const PROFILE: u8 = 1;
    pub(super) const SAVED: u8 = 2;
    pub(super) const FORGOTTEN: u8 = 3;
    pub(super) const BLOCKED: u8 = 4;
    pub(super) const UNBLOCKED: u8 = 5;
    pub(super) const DEVICE_REMOVED: u8 = 6;
}

pub(super) fn put_user_change(record: &mut Vec<u8>, change: &UserChange) -> Encoded {
    put_u32(record, change.edition);
    put_device(record, &change.by);
    put_bytes(record, change.client_ref.as_str().as_bytes());
    put_u64(record, change.at.0);
    let mut put = |kind, texts: &[&str]| {
        record.push(kind);
        texts.iter().for_each(|text| put_bytes(record, text.as_bytes()));
    };
    match &change.what {
        UserNews::Profile(it) => put(kind::PROFILE, &[&it.name, &it.about, &it.avatar]),
        UserNews::Saved(it) => put(kind::SAVED, &[it.user.as_str(), &it.name]),
        UserNews::Forgotten(user) => put(kind::FORGOTTEN, &[user.as_str()]),
        UserNews::Blocked(user) => put(kind::BLOCKED, &[user.as_str()]),
        UserNews::Unblocked(user) => put(kind::UNBLOCKED, &[user.as_str()]),
        UserNews::DeviceRemoved(device) => put(kind::DEVICE_REMOVED, &[device.as_str()]),
        _ => return Err(Inexpressible),
    }
    Ok(())
}

pub(super) fn user_change(fields: &mut Fields<'_>) -> Result<UserChange, Garbage> {
    let (edition, by) = (fields.u32()?, device(fields)?);
    let client_ref = named(ClientRef::new, fields.text()?)?;
    let (at, kind) = (UnixMs(fields.u64()?), fields.u8()?);
    let user = |fields: &mut Fields<'_>| named(UserId::new, fields.text()?);
    let what = match kind {
        kind::PROFILE => UserNews::Profile(Arc::new(UserProfile {
            name: fields.text()?.into(),
            about: fields.text()?.into(),
            avatar: fields.text()?.into(),
        })),
        kind::SAVED => UserNews::Saved(Saved { user: user(fields)?, name: fields.text()?.into() }),
        kind::FORGOTTEN => UserNews::Forgotten(user(fields)?),
        kind::BLOCKED => UserNews::Blocked(user(fields)?),
        kind::UNBLOCKED => UserNews::Unblocked(user(fields)?),
        kind::DEVICE_REMOVED => UserNews::DeviceRemoved(named(DeviceName::new, fields.text()?)?),
        _ => return Err(Garbage),
    };
    Ok(UserChange { by, client_ref, at, edition, what })
}
