//! Groups: what they are, who is in them, and what their members may do about it.

use bimip_proto::{Ask, ClientPacket, Found, GroupAct, GroupCommand, Noted, Reject, limits};

use super::answer::{Answer, Asked, Told, nothing};
use super::parameter::{AFTER_USER, GROUP, KEY, LIMIT_ROWS, Parameter, USER};
use super::refusal::Refusal;
use super::request::Request;
use super::table::{Method, Route, Says};
use super::{bodies, objects};
use crate::events::{group, words};
use crate::json::Writer;

const MEMBER: &[&Parameter] = &[&GROUP, &USER, &KEY];
const DONE: &[Says] = &[Says::json(200, "Done, now or before.", &objects::GROUP_DONE)];

const fn about_member(
    method: Method,
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    reads: fn(&Request<'_>) -> Result<Asked, Refusal>,
) -> Route {
    Route {
        tag: "groups",
        summary,
        parameters: MEMBER,
        answers: DONE,
        ..Route::new(method, path, name, reads)
    }
}

pub(super) const ROUTES: &[Route] = &[
    Route {
        tag: "groups",
        summary: "A group that the user is in.",
        parameters: &[&GROUP],
        answers: &[Says::json(200, "The group.", &objects::GROUP)],
        ..Route::new(Method::Get, "/api/v1/groups/{id}", "getGroup", get)
    },
    Route {
        tag: "groups",
        summary: "Changes what is named of a group.",
        parameters: &[&GROUP, &KEY],
        body: Some(&bodies::GROUP_EDIT),
        answers: &[Says::json(200, "The group as it is now.", &objects::GROUP)],
        ..Route::new(Method::Patch, "/api/v1/groups/{id}", "editGroup", edit)
    },
    Route {
        tag: "groups",
        summary: "Takes a group away. Its name is never given again.",
        parameters: &[&GROUP, &KEY],
        answers: DONE,
        ..Route::new(Method::Delete, "/api/v1/groups/{id}", "deleteGroup", delete)
    },
    Route {
        tag: "groups",
        summary: "A page of those who are in a group.",
        parameters: &[&GROUP, &AFTER_USER, &LIMIT_ROWS],
        answers: &[Says::json(200, "The members.", &objects::MEMBERS)],
        ..Route::new(Method::Get, "/api/v1/groups/{id}/members", "getMembers", members)
    },
    Route {
        tag: "groups",
        summary: "Lets users into a group.",
        parameters: &[&GROUP, &KEY],
        body: Some(&bodies::MEMBERS),
        answers: DONE,
        ..Route::new(Method::Post, "/api/v1/groups/{id}/members", "addMembers", add)
    },
    Route {
        body: Some(&bodies::ROLE),
        ..about_member(
            Method::Put,
            "/api/v1/groups/{id}/members/{user}",
            "setRole",
            "Gives a member a role.",
            role,
        )
    },
    about_member(
        Method::Delete,
        "/api/v1/groups/{id}/members/{user}",
        "removeMember",
        "Puts a member out.",
        remove,
    ),
    about_member(
        Method::Put,
        "/api/v1/groups/{id}/bans/{user}",
        "ban",
        "Puts a user out, and lets them in no more.",
        ban,
    ),
    about_member(
        Method::Delete,
        "/api/v1/groups/{id}/bans/{user}",
        "unban",
        "Lets a user come again.",
        unban,
    ),
    Route {
        tag: "groups",
        summary: "The user comes in, where anybody may.",
        parameters: &[&GROUP],
        answers: &[Says::nothing("The user is in the group.")],
        ..Route::new(Method::Post, "/api/v1/groups/{id}/join", "join", join)
    },
    Route {
        tag: "groups",
        summary: "The user leaves.",
        parameters: &[&GROUP],
        answers: &[Says::nothing("The user is not in the group, or no more.")],
        ..Route::new(Method::Post, "/api/v1/groups/{id}/leave", "leave", leave)
    },
];

/// HT-GRP-1.
fn command(request: &Request<'_>, act: GroupAct) -> Result<Asked, Refusal> {
    let command = GroupCommand { client_ref: request.name()?, group: request.group()?, act };
    Ok(Asked::one(request, ClientPacket::Group(command), done))
}

fn done(told: &Told<'_>) -> Result<Answer, Refusal> {
    let (Some(ClientPacket::Group(GroupCommand { group, .. })), Noted::Grouped { edition, .. }) =
        (told.packet(), told.noted()?)
    else {
        return Err(Refusal::UNAVAILABLE);
    };
    let mut to = Writer::new(64);
    to.text("group_id", group.as_str());
    to.number("edition", *edition);
    Ok(Answer::ok(to))
}

fn edit(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [title, about, open, post] = request.fields(["title", "about", "open", "post"])?;
    let act = GroupAct::Edit {
        title: title.text()?.map(Into::into),
        about: about.text()?.map(Into::into),
        open: open.flag()?,
        post: post.word(words::post)?,
    };
    let after = request.asks(Ask::Group(request.group()?))?;
    let command = GroupCommand { client_ref: request.name()?, group: request.group()?, act };
    Ok(Asked::chain(request, vec![ClientPacket::Group(command), after], told))
}

/// HT-GRP-2.
fn get(request: &Request<'_>) -> Result<Asked, Refusal> {
    let ask = Ask::Group(request.group()?);
    Ok(Asked::one(request, request.asks(ask)?, told))
}

/// HT-GRP-3.
fn members(request: &Request<'_>) -> Result<Asked, Refusal> {
    let (group, after) = (request.group()?, request.user_in_query(&AFTER_USER)?);
    let ask = Ask::Members { group: group.clone(), after, limit: request.limit(&LIMIT_ROWS)? };
    let asks = vec![request.asks(Ask::Group(group))?, request.asks(ask)?];
    Ok(Asked::chain(request, asks, members_told))
}

fn members_told(told: &Told<'_>) -> Result<Answer, Refusal> {
    let (Found::Group(Some(_)), Found::Members { members, next }) = (told.found(0)?, told.found(1)?) else {
        return Err(Reject::NotMember.into());
    };
    let mut to = Writer::new(64 * members.len());
    to.objects("members", members, group::write_member);
    to.flag("has_more", next.is_some());
    to.maybe("next", next.as_ref().map(|it| it.as_str()));
    Ok(Answer::ok(to))
}

fn told(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Found::Group(Some(it)) = told.last_found()? else {
        return Err(Reject::NotMember.into());
    };
    let mut to = Writer::new(256);
    group::write_state(&mut to, it);
    Ok(Answer::ok(to))
}

fn delete(request: &Request<'_>) -> Result<Asked, Refusal> {
    command(request, GroupAct::Delete)
}

fn add(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [users] = request.fields(["user_ids"])?;
    let list = users.users(limits::GROUP_ADD_USERS)?;
    if list.is_empty() { Err(Refusal::field("user_ids")) } else { command(request, GroupAct::Add(list)) }
}

fn role(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [role] = request.fields(["role"])?;
    let role = role.some_word(words::role)?;
    command(request, GroupAct::SetRole { user: request.user(1)?, role })
}

fn remove(request: &Request<'_>) -> Result<Asked, Refusal> {
    command(request, GroupAct::Remove(request.user(1)?))
}

fn ban(request: &Request<'_>) -> Result<Asked, Refusal> {
    command(request, GroupAct::Ban(request.user(1)?))
}

fn unban(request: &Request<'_>) -> Result<Asked, Refusal> {
    command(request, GroupAct::Unban(request.user(1)?))
}

fn join(request: &Request<'_>) -> Result<Asked, Refusal> {
    Ok(Asked::one(request, ClientPacket::Join(request.group()?), nothing))
}

fn leave(request: &Request<'_>) -> Result<Asked, Refusal> {
    Ok(Asked::one(request, ClientPacket::Leave(request.group()?), nothing))
}
