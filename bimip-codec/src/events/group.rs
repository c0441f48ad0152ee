//! Groups: commands of clients, and what happens to groups.

use std::sync::Arc;

use bimip_proto::{
    ClientPacket, Device, Entry, GroupAct, GroupChange, GroupCommand, GroupMember, GroupNews, GroupProfile,
    GroupState, MayPost, Offset, Row, UserId, limits,
};

use super::fields::{self, Value, fields};
use super::{time, words};
use crate::json::{Object, Writer};
use crate::{DecodeError, EncodeError};

/// EV-GRP-1.
pub(super) fn read_request(object: Object<'_>, origin: u32) -> Result<ClientPacket, DecodeError> {
    let [client_ref, group, action, title, about, open, post, users, role] = fields(
        object,
        origin,
        ["client_id", "group_id", "action", "title", "about", "open", "post", "users", "role"],
    );
    let (client_ref, group) = (client_ref.some_client_ref()?, group.some_group()?);
    let action_word = action.some_text()?;
    let act = match action_word.as_str() {
        "create" => GroupAct::Create {
            profile: profile(title, about)?,
            open: open.flag()?.unwrap_or_default(),
            post: post.word(words::post)?.unwrap_or_default(),
            members: users.users(limits::GROUP_ADD_USERS)?,
        },
        "edit" => GroupAct::Edit {
            title: title.text()?.map(Into::into),
            about: about.text()?.map(Into::into),
            open: open.flag()?,
            post: post.word(words::post)?,
        },
        "delete" => GroupAct::Delete,
        "add" => GroupAct::Add(users.users(limits::GROUP_ADD_USERS)?),
        "remove" => GroupAct::Remove(one(users)?),
        "role" => GroupAct::SetRole { user: one(users)?, role: role.some_word(words::role)? },
        "ban" => GroupAct::Ban(one(users)?),
        "unban" => GroupAct::Unban(one(users)?),
        _ => return Err(action.wrong()),
    };
    Ok(ClientPacket::Group(GroupCommand { client_ref, group, act }))
}

fn profile(title: Value<'_>, about: Value<'_>) -> Result<GroupProfile, DecodeError> {
    let (title, about) = (title.text()?.unwrap_or_default(), about.text()?.unwrap_or_default());
    Ok(GroupProfile { title: title.into(), about: about.into() })
}

/// The one user that it is about.
fn one(users: Value<'_>) -> Result<UserId, DecodeError> {
    let mut list = users.users(1)?;
    list.pop().ok_or_else(|| users.wrong())
}

pub(super) fn write_request(to: &mut Writer, it: &GroupCommand) -> Result<(), EncodeError> {
    to.text("client_id", it.client_ref.as_str());
    to.text("group_id", it.group.as_str());
    match &it.act {
        GroupAct::Create { profile, open, post, members } => {
            to.text("action", "create");
            write_rules(to, profile, *open, *post);
            write_users(to, members);
        }
        GroupAct::Edit { title, about, open, post } => {
            to.text("action", "edit");
            to.maybe("title", title.as_deref());
            to.maybe("about", about.as_deref());
            if let Some(open) = open {
                to.flag("open", *open);
            }
            to.maybe("post", post.map(words::of_post));
        }
        GroupAct::Delete => to.text("action", "delete"),
        GroupAct::Add(users) => {
            to.text("action", "add");
            write_users(to, users);
        }
        GroupAct::Remove(user) => about(to, "remove", user),
        GroupAct::SetRole { user, role } => {
            about(to, "role", user);
            to.text("role", words::of_role(*role));
        }
        GroupAct::Ban(user) => about(to, "ban", user),
        GroupAct::Unban(user) => about(to, "unban", user),
        _ => return Err(EncodeError::Unsayable { field: "action" }),
    }
    Ok(())
}

fn about(to: &mut Writer, action: &str, user: &UserId) {
    to.text("action", action);
    write_users(to, core::slice::from_ref(user));
}

fn write_users(to: &mut Writer, users: &[UserId]) {
    to.texts("users", users.iter().map(UserId::as_str));
}

fn write_rules(to: &mut Writer, profile: &GroupProfile, open: bool, post: MayPost) {
    to.text("title", &profile.title);
    to.text("about", &profile.about);
    to.flag("open", open);
    to.text("post", words::of_post(post));
}

/// EV-GRP-3: what happened to a group, without its place in the mailbox.
pub(super) fn write_change(to: &mut Writer, it: &GroupChange) {
    let action = match &it.what {
        GroupNews::Created(_) => "create",
        GroupNews::Deleted => "delete",
        GroupNews::Added(_) => "add",
        GroupNews::Removed(_) => "remove",
        GroupNews::Role { .. } => "role",
        GroupNews::Banned(_) => "ban",
        GroupNews::Unbanned(_) => "unban",
        GroupNews::Joined => "join",
        GroupNews::Left { .. } => "leave",
        // What this dialect has no word for yet is told as what the group is after it.
        _ => "edit",
    };
    to.text("group_id", it.group.as_str());
    to.text("action", action);
    write_users(to, it.what.users());
    if let GroupNews::Role { role, .. } = &it.what {
        to.text("role", words::of_role(*role));
    }
    to.number("edition", it.edition);
    to.text("user_id", it.by.user.as_str());
    to.text("device_id", it.by.name.as_str());
    to.maybe("client_id", it.client_ref.as_ref().map(|it| it.as_str()));
    write_rules(to, &it.profile, it.open, it.post);
    to.number("members", it.members);
    to.raw("timestamp", &time::written(it.at));
}

/// At a client's end.
pub(super) fn read_change(object: Object<'_>, (prev, offset): (Offset, Offset)) -> Result<Row, DecodeError> {
    let [group, action, users, role, edition, user, device, client_ref] = fields(
        object,
        0,
        ["group_id", "action", "users", "role", "edition", "user_id", "device_id", "client_id"],
    );
    let [title, about, open, post, members, at] =
        fields(object, 0, ["title", "about", "open", "post", "members", "timestamp"]);
    let action_word = action.some_text()?;
    let named = || users.users(limits::GROUP_ADD_USERS);
    let what = match action_word.as_str() {
        "create" => GroupNews::Created(named()?),
        "edit" => GroupNews::Edited,
        "delete" => GroupNews::Deleted,
        "add" => GroupNews::Added(named()?),
        "remove" => GroupNews::Removed(one(users)?),
        "role" => GroupNews::Role { user: one(users)?, role: role.some_word(words::role)? },
        "ban" => GroupNews::Banned(one(users)?),
        "unban" => GroupNews::Unbanned(one(users)?),
        "join" => GroupNews::Joined,
        "leave" => GroupNews::Left { heir: users.users(1)?.pop() },
        _ => return Err(action.wrong()),
    };
    let by: Device = fields::device(user, device)?;
    let change = GroupChange {
        group: group.some_group()?,
        edition: edition.small()?,
        by,
        client_ref: client_ref.client_ref()?,
        at: at.some_time()?,
        what,
        profile: Arc::new(profile(title, about)?),
        open: open.flag()?.unwrap_or_default(),
        post: post.some_word(words::post)?,
        members: members.small()?,
    };
    Ok(Row { prev, offset, entry: Arc::new(Entry::Group(change)) })
}

// ---- answers ------------------------------------------------------------------------------------------------

/// EV-GRP-4: a group, as its members see it.
pub(crate) fn write_state(to: &mut Writer, it: &GroupState) {
    to.text("group_id", it.group.as_str());
    to.number("edition", it.edition);
    write_rules(to, &it.profile, it.open, it.post);
    to.number("members", it.members);
    to.text("role", words::of_role(it.role));
    if let Some(at) = it.since {
        to.raw("since", &time::written(at));
    }
}

pub(super) fn read_state(object: Object<'_>) -> Result<GroupState, DecodeError> {
    let [group, edition, title, about, open, post, members, role, since] = fields(
        object,
        0,
        ["group_id", "edition", "title", "about", "open", "post", "members", "role", "since"],
    );
    Ok(GroupState {
        group: group.some_group()?,
        edition: edition.small()?,
        profile: Arc::new(profile(title, about)?),
        open: open.flag()?.unwrap_or_default(),
        post: post.some_word(words::post)?,
        members: members.small()?,
        role: role.some_word(words::role)?,
        since: since.time()?,
    })
}

/// EV-GRP-5: somebody who is in it.
pub(crate) fn write_member(to: &mut Writer, it: &GroupMember) {
    to.text("user_id", it.user.as_str());
    to.text("role", words::of_role(it.role));
}

pub(super) fn read_member(object: Object<'_>) -> Result<GroupMember, DecodeError> {
    let [user, role] = fields(object, 0, ["user_id", "role"]);
    Ok(GroupMember { user: user.some_user()?, role: role.some_word(words::role)? })
}
