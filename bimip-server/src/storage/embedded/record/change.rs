//! What happened to a group.

use std::sync::Arc;

use bimip_proto::{ClientRef, GroupChange, GroupId, GroupNews, GroupProfile, MayPost, Role, UnixMs, UserId};

use super::{Encoded, Inexpressible, device, flag, named, optional, put_device};
use crate::storage::embedded::fields::{Fields, Garbage, put_bytes, put_length, put_u32, put_u64};

const CLIENT_REF: u8 = 1;
const OPEN: u8 = 2;
const ADMINS_POST: u8 = 4;
const ALL: u8 = 7;

/// Kinds of changes. Written for ever.
mod kind {
    pub(super) const CREATED: u8 = 1;
    pub(super) const EDITED: u8 = 2;
    pub(super) const DELETED: u8 = 3;
    pub(super) const ADDED: u8 = 4;
    pub(super) const REMOVED: u8 = 5;
    pub(super) const ROLE: u8 = 6;
    pub(super) const BANNED: u8 = 7;
    pub(super) const UNBANNED: u8 = 8;
    pub(super) const JOINED: u8 = 9;
    pub(super) const LEFT: u8 = 10;
}

pub(super) fn put_change(record: &mut Vec<u8>, change: &GroupChange) -> Encoded {
    let admins = match change.post {
        MayPost::Everyone => false,
        MayPost::Admins => true,
        _ => return Err(Inexpressible),
    };
    record.push(
        flag(change.client_ref.is_some(), CLIENT_REF) | flag(change.open, OPEN) | flag(admins, ADMINS_POST),
    );
    put_bytes(record, change.group.as_str().as_bytes());
    put_u32(record, change.edition);
    put_device(record, &change.by);
    if let Some(client_ref) = &change.client_ref {
        put_bytes(record, client_ref.as_str().as_bytes());
    }
    put_u64(record, change.at.0);
    put_bytes(record, change.profile.title.as_bytes());
    put_bytes(record, change.profile.about.as_bytes());
    put_u32(record, change.members);
    put_news(record, &change.what)
}

pub(super) fn change(fields: &mut Fields<'_>) -> Result<GroupChange, Garbage> {
    let flags = fields.u8()?;
    let has = |flag| flags & flag != 0;
    if flags & !ALL != 0 {
        return Err(Garbage);
    }
    Ok(GroupChange {
        open: has(OPEN),
        post: if has(ADMINS_POST) { MayPost::Admins } else { MayPost::Everyone },
        group: named(GroupId::new, fields.text()?)?,
        edition: fields.u32()?,
        by: device(fields)?,
        client_ref: optional(has(CLIENT_REF), || named(ClientRef::new, fields.text()?))?,
        at: UnixMs(fields.u64()?),
        profile: Arc::new(GroupProfile { title: fields.text()?.into(), about: fields.text()?.into() }),
        members: fields.u32()?,
        what: news(fields)?,
    })
}

fn put_news(record: &mut Vec<u8>, news: &GroupNews) -> Encoded {
    record.push(match news {
        GroupNews::Created(_) => kind::CREATED,
        GroupNews::Edited => kind::EDITED,
        GroupNews::Deleted => kind::DELETED,
        GroupNews::Added(_) => kind::ADDED,
        GroupNews::Removed(_) => kind::REMOVED,
        GroupNews::Role { .. } => kind::ROLE,
        GroupNews::Banned(_) => kind::BANNED,
        GroupNews::Unbanned(_) => kind::UNBANNED,
        GroupNews::Joined => kind::JOINED,
        GroupNews::Left { .. } => kind::LEFT,
        _ => return Err(Inexpressible),
    });
    if let GroupNews::Role { role, .. } = news {
        record.push(match role {
            Role::Member => 1,
            Role::Admin => 2,
            Role::Owner => 3,
            _ => return Err(Inexpressible),
        });
    }
    put_length(record, news.users().len());
    for user in news.users() {
        put_bytes(record, user.as_str().as_bytes());
    }
    Ok(())
}

fn news(fields: &mut Fields<'_>) -> Result<GroupNews, Garbage> {
    let kind = fields.u8()?;
    let role = match kind {
        kind::ROLE => match fields.u8()? {
            1 => Role::Member,
            2 => Role::Admin,
            3 => Role::Owner,
            _ => return Err(Garbage),
        },
        _ => Role::Member,
    };
    // A count is a length too: each name has more bytes than one, so it never reserves more than was there.
    let count = fields.length()?;
    let users = (0..count).map(|_| named(UserId::new, fields.text()?));
    let mut users = users.collect::<Result<Vec<UserId>, Garbage>>()?;
    let one = |users: &mut Vec<UserId>| users.pop().filter(|_| users.is_empty()).ok_or(Garbage);
    Ok(match kind {
        kind::CREATED => GroupNews::Created(users),
        kind::ADDED => GroupNews::Added(users),
        kind::REMOVED => GroupNews::Removed(one(&mut users)?),
        kind::ROLE => GroupNews::Role { user: one(&mut users)?, role },
        kind::BANNED => GroupNews::Banned(one(&mut users)?),
        kind::UNBANNED => GroupNews::Unbanned(one(&mut users)?),
        kind::LEFT if !users.is_empty() => GroupNews::Left { heir: Some(one(&mut users)?) },
        _ if !users.is_empty() => return Err(Garbage),
        kind::EDITED => GroupNews::Edited,
        kind::DELETED => GroupNews::Deleted,
        kind::JOINED => GroupNews::Joined,
        kind::LEFT => GroupNews::Left { heir: None },
        _ => return Err(Garbage),
    })
}
