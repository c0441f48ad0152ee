//! Route 19: groups.

use std::sync::Arc;

use bimip_proto::{
    ClientPacket, ClientRef, Device, Entry, GroupAct, GroupChange, GroupCommand, GroupId, GroupMember,
    GroupNews, GroupProfile, GroupState, MayPost, Noted, Offset, Reject, Role, Row, ServerPacket, UnixMs,
    UserId, limits,
};

use super::frame::{Fields, identity, put, to_ms};
use super::numbers::{self, ADD, BAN, CHANGE, CREATE, JOIN, LEAVE, REMOVE, REMOVE_GROUP, ROLE, UNBAN, kind};
use super::v1;
use super::v1::message_scheme::Payload;
use crate::{DecodeError, Frames};

// ---- a client asks ------------------------------------------------------------------------------------------

pub(super) fn request(me: Option<&Device>, it: &GroupCommand) -> v1::Group {
    let shape = v1::Group { id: it.client_ref.as_str().to_owned(), ..asked(me, &it.group) };
    let about = |action, user: &UserId| v1::Group { action, users: vec![name(user)], ..shape.clone() };
    match &it.act {
        GroupAct::Create { profile, open, post, members } => v1::Group {
            action: CREATE,
            title: Some(profile.title.as_ref().to_owned()),
            about: Some(profile.about.as_ref().to_owned()),
            open: Some(*open),
            post: of_post(*post),
            users: members.iter().map(name).collect(),
            ..shape
        },
        GroupAct::Edit { title, about, open, post } => v1::Group {
            action: CHANGE,
            title: title.as_deref().map(str::to_owned),
            about: about.as_deref().map(str::to_owned),
            open: *open,
            post: post.map_or(0, of_post),
            ..shape
        },
        GroupAct::Delete => v1::Group { action: REMOVE_GROUP, ..shape },
        GroupAct::Add(users) => v1::Group { action: ADD, users: users.iter().map(name).collect(), ..shape },
        GroupAct::Remove(user) => about(REMOVE, user),
        GroupAct::SetRole { user, role } => v1::Group { role: of_role(*role), ..about(ROLE, user) },
        GroupAct::Ban(user) => about(BAN, user),
        GroupAct::Unban(user) => about(UNBAN, user),
        _ => shape,
    }
}

pub(super) fn move_request(me: Option<&Device>, group: &GroupId, action: i32) -> v1::Group {
    v1::Group { action, ..asked(me, group) }
}

fn asked(me: Option<&Device>, group: &GroupId) -> v1::Group {
    let group = group.as_str().to_owned();
    v1::Group { r#type: kind::REQUEST, group, from: me.map(identity), ..Default::default() }
}

/// BM-GRP-1, BM-GRP-4.
pub(super) fn read_request(fields: Fields, it: v1::Group) -> Result<ClientPacket, DecodeError> {
    if it.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    let group = group(fields, &it)?;
    match it.action {
        JOIN => return Ok(ClientPacket::Join(group)),
        LEAVE => return Ok(ClientPacket::Leave(group)),
        _ => {}
    }
    let client_ref = fields.client_ref(&it.id)?.ok_or_else(|| fields.wrong("id"))?;
    let act = match it.action {
        CREATE => GroupAct::Create {
            open: it.open.unwrap_or_default(),
            // Whoever says nothing lets everybody post.
            post: read_post(fields, it.post)?.unwrap_or_default(),
            members: users(fields, &it)?,
            profile: profile(it),
        },
        CHANGE => GroupAct::Edit {
            post: read_post(fields, it.post)?,
            title: it.title.map(Into::into),
            about: it.about.map(Into::into),
            open: it.open,
        },
        REMOVE_GROUP => GroupAct::Delete,
        ADD => GroupAct::Add(users(fields, &it)?),
        REMOVE => GroupAct::Remove(user(fields, &it)?),
        ROLE => GroupAct::SetRole { user: user(fields, &it)?, role: read_role(fields, it.role)? },
        BAN => GroupAct::Ban(user(fields, &it)?),
        UNBAN => GroupAct::Unban(user(fields, &it)?),
        _ => return Err(fields.wrong("action")),
    };
    Ok(ClientPacket::Group(GroupCommand { client_ref, group, act }))
}

// ---- the server answers -------------------------------------------------------------------------------------

/// BM-GRP-2.
pub(super) fn put_done(id: &ClientRef, edition: u32, offset: Offset, out: &mut Frames) {
    let done = v1::Group {
        r#type: kind::RESPONSE,
        id: id.as_str().to_owned(),
        edition,
        user_offset: offset.0.to_string(),
        ..Default::default()
    };
    put(Payload::Group(done), out);
}

/// BM-GRP-2.
pub(super) fn put_refused(id: &ClientRef, reason: Reject, retry_after_ms: Option<u32>, out: &mut Frames) {
    let refused = v1::Group { id: id.as_str().to_owned(), ..refusal(reason, retry_after_ms) };
    put(Payload::Group(refused), out);
}

/// BM-GRP-4.
pub(super) fn put_moved(group: &GroupId, action: i32, out: &mut Frames) {
    let group = group.as_str().to_owned();
    put(Payload::Group(v1::Group { r#type: kind::RESPONSE, group, action, ..Default::default() }), out);
}

/// BM-GRP-4.
pub(super) fn put_barred(group: &GroupId, reason: Reject, retry_after_ms: Option<u32>, out: &mut Frames) {
    let barred = v1::Group { group: group.as_str().to_owned(), ..refusal(reason, retry_after_ms) };
    put(Payload::Group(barred), out);
}

fn refusal(reason: Reject, retry_after_ms: Option<u32>) -> v1::Group {
    v1::Group {
        r#type: kind::ERROR,
        code: numbers::of_reject(reason),
        error: reason.to_string(),
        retry_after_ms: retry_after_ms.unwrap_or_default(),
        ..Default::default()
    }
}

/// BM-GRP-3: a row.
pub(super) fn put_row(row: &Row, it: &GroupChange, out: &mut Frames) {
    let (action, role) = match &it.what {
        GroupNews::Created(_) => (CREATE, 0),
        GroupNews::Edited => (CHANGE, 0),
        GroupNews::Deleted => (REMOVE_GROUP, 0),
        GroupNews::Added(_) => (ADD, 0),
        GroupNews::Removed(_) => (REMOVE, 0),
        GroupNews::Role { role, .. } => (ROLE, of_role(*role)),
        GroupNews::Banned(_) => (BAN, 0),
        GroupNews::Unbanned(_) => (UNBAN, 0),
        GroupNews::Joined => (JOIN, 0),
        GroupNews::Left { .. } => (LEAVE, 0),
        // A kind that this dialect has no number for yet is told as what the group is after it.
        _ => (CHANGE, 0),
    };
    let shape = v1::Group {
        r#type: kind::EVENT,
        id: it.client_ref.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        group: it.group.as_str().to_owned(),
        action,
        from: Some(identity(&it.by)),
        title: Some(it.profile.title.as_ref().to_owned()),
        about: Some(it.profile.about.as_ref().to_owned()),
        open: Some(it.open),
        post: of_post(it.post),
        users: it.what.users().iter().map(name).collect(),
        role,
        edition: it.edition,
        members: it.members,
        user_offset: row.offset.0.to_string(),
        prev_offset: row.prev.0,
        server_time: to_ms(it.at),
        ..Default::default()
    };
    put(Payload::Group(shape), out);
}

pub(super) fn read_server(fields: Fields, it: v1::Group) -> Result<ServerPacket, DecodeError> {
    let client_ref = fields.client_ref(&it.id)?;
    let retry_after_ms = Some(it.retry_after_ms).filter(|ms| *ms > 0);
    Ok(ServerPacket::Noted(match (it.r#type, client_ref) {
        (kind::RESPONSE, Some(client_ref)) => Noted::Grouped {
            client_ref,
            edition: it.edition,
            offset: Offset(fields.decimal(&it.user_offset, "user_offset")?),
        },
        (kind::ERROR, Some(client_ref)) => {
            Noted::Ungrouped { client_ref, reason: numbers::reject(it.code), retry_after_ms }
        }
        (kind::RESPONSE, None) => match it.action {
            JOIN => Noted::Joined(group(fields, &it)?),
            LEAVE => Noted::Left(group(fields, &it)?),
            _ => return Err(fields.wrong("action")),
        },
        (kind::ERROR, None) => {
            Noted::Barred { group: group(fields, &it)?, reason: numbers::reject(it.code), retry_after_ms }
        }
        (kind::EVENT, client_ref) => return read_row(fields, client_ref, it).map(ServerPacket::Deliver),
        _ => return Err(fields.wrong("type")),
    }))
}

fn read_row(fields: Fields, client_ref: Option<ClientRef>, it: v1::Group) -> Result<Row, DecodeError> {
    let (prev, offset) = (Offset(it.prev_offset), Offset(fields.decimal(&it.user_offset, "user_offset")?));
    let what = match it.action {
        CREATE => GroupNews::Created(users(fields, &it)?),
        CHANGE => GroupNews::Edited,
        REMOVE_GROUP => GroupNews::Deleted,
        ADD => GroupNews::Added(users(fields, &it)?),
        REMOVE => GroupNews::Removed(user(fields, &it)?),
        ROLE => GroupNews::Role { user: user(fields, &it)?, role: read_role(fields, it.role)? },
        BAN => GroupNews::Banned(user(fields, &it)?),
        UNBAN => GroupNews::Unbanned(user(fields, &it)?),
        JOIN => GroupNews::Joined,
        LEAVE if it.users.is_empty() => GroupNews::Left { heir: None },
        LEAVE => GroupNews::Left { heir: Some(user(fields, &it)?) },
        _ => return Err(fields.wrong("action")),
    };
    let change = GroupChange {
        group: group(fields, &it)?,
        edition: it.edition,
        by: fields.device(it.from.as_ref(), "from")?,
        client_ref,
        at: fields.ms(it.server_time, "server_time")?,
        what,
        open: it.open.unwrap_or_default(),
        post: read_post(fields, it.post)?.ok_or_else(|| fields.wrong("post"))?,
        members: it.members,
        profile: Arc::new(profile(it)),
    };
    Ok(Row { prev, offset, entry: Arc::new(Entry::Group(change)) })
}

/// BM-QRY-6.
pub(super) fn state(it: &GroupState) -> v1::QueryGroup {
    v1::QueryGroup {
        group: it.group.as_str().to_owned(),
        edition: it.edition,
        title: it.profile.title.as_ref().to_owned(),
        about: it.profile.about.as_ref().to_owned(),
        open: it.open,
        post: of_post(it.post),
        members: it.members,
        role: of_role(it.role),
        since: it.since.map_or(0, to_ms),
    }
}

pub(super) fn read_state(fields: Fields, it: v1::QueryGroup) -> Result<GroupState, DecodeError> {
    let since = fields.ms(it.since, "group.since")?;
    Ok(GroupState {
        group: GroupId::new(&it.group).map_err(|_| fields.wrong("group"))?,
        edition: it.edition,
        profile: Arc::new(GroupProfile { title: it.title.into(), about: it.about.into() }),
        open: it.open,
        post: read_post(fields, it.post)?.ok_or_else(|| fields.wrong("post"))?,
        members: it.members,
        role: read_role(fields, it.role)?,
        since: Some(since).filter(|at| *at > UnixMs(0)),
    })
}

/// BM-QRY-7.
pub(super) fn member(it: &GroupMember) -> v1::QueryMember {
    v1::QueryMember { eid: name(&it.user), role: of_role(it.role) }
}

pub(super) fn read_member(fields: Fields, it: &v1::QueryMember) -> Result<GroupMember, DecodeError> {
    Ok(GroupMember { user: fields.eid(&it.eid, "members.eid")?, role: read_role(fields, it.role)? })
}

// ---- parts --------------------------------------------------------------------------------------------------

fn group(fields: Fields, it: &v1::Group) -> Result<GroupId, DecodeError> {
    GroupId::new(&it.group).map_err(|_| fields.wrong("group"))
}

fn profile(it: v1::Group) -> GroupProfile {
    GroupProfile { title: it.title.unwrap_or_default().into(), about: it.about.unwrap_or_default().into() }
}

/// At most so many that a command for all of them could be carried out.
fn users(fields: Fields, it: &v1::Group) -> Result<Vec<UserId>, DecodeError> {
    if it.users.len() > limits::GROUP_ADD_USERS {
        return Err(fields.wrong("users"));
    }
    it.users.iter().map(|user| fields.eid(user, "users")).collect()
}

/// The one user that it is about.
fn user(fields: Fields, it: &v1::Group) -> Result<UserId, DecodeError> {
    match it.users.as_slice() {
        [user] => fields.eid(user, "users"),
        _ => Err(fields.wrong("users")),
    }
}

fn name(user: &UserId) -> String {
    user.as_str().to_owned()
}

const fn of_post(post: MayPost) -> i32 {
    match post {
        MayPost::Admins => 2,
        _ => 1,
    }
}

fn read_post(fields: Fields, number: i32) -> Result<Option<MayPost>, DecodeError> {
    match number {
        0 => Ok(None),
        1 => Ok(Some(MayPost::Everyone)),
        2 => Ok(Some(MayPost::Admins)),
        _ => Err(fields.wrong("post")),
    }
}

const fn of_role(role: Role) -> i32 {
    match role {
        Role::Owner => 3,
        Role::Admin => 2,
        _ => 1,
    }
}

fn read_role(fields: Fields, number: i32) -> Result<Role, DecodeError> {
    match number {
        1 => Ok(Role::Member),
        2 => Ok(Role::Admin),
        3 => Ok(Role::Owner),
        _ => Err(fields.wrong("role")),
    }
}
