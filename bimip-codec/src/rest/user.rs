//! What users keep: profiles, an address book, whom they blocked.

use bimip_proto::{Ask, ClientPacket, Found, Saved, UserAct, UserCommand, UserId};

use super::answer::{Answer, Asked, Told, nothing};
use super::parameter::{AFTER_USER, KEY, LIMIT_ROWS, Parameter, USER};
use super::refusal::Refusal;
use super::request::Request;
use super::table::{Method, Route, Says};
use super::{bodies, objects};
use crate::events::user;
use crate::json::Writer;

const USER_AND_KEY: &[&Parameter] = &[&USER, &KEY];
const DONE: &[Says] = &[Says::nothing("Done, now or before.")];

const fn sets(
    method: Method,
    path: &'static str,
    name: &'static str,
    summary: &'static str,
    reads: fn(&Request<'_>) -> Result<Asked, Refusal>,
) -> Route {
    Route {
        tag: "users",
        summary,
        parameters: USER_AND_KEY,
        answers: DONE,
        ..Route::new(method, path, name, reads)
    }
}

pub(super) const ROUTES: &[Route] = &[
    Route {
        tag: "users",
        summary: "The user's own profile.",
        answers: &[Says::json(200, "The profile.", &objects::PROFILE)],
        ..Route::new(Method::Get, "/api/v1/profile", "getProfile", own_profile)
    },
    Route {
        tag: "users",
        summary: "Changes what is named of the profile.",
        parameters: &[&KEY],
        body: Some(&bodies::PROFILE),
        answers: &[Says::json(200, "The profile as it is now.", &objects::PROFILE)],
        ..Route::new(Method::Patch, "/api/v1/profile", "editProfile", edit_profile)
    },
    Route {
        tag: "users",
        summary: "What a user tells others about themselves.",
        parameters: &[&USER],
        answers: &[Says::json(200, "The profile.", &objects::PROFILE)],
        ..Route::new(Method::Get, "/api/v1/users/{user}", "getUser", profile)
    },
    Route {
        tag: "users",
        summary: "A page of the address book.",
        parameters: &[&AFTER_USER, &LIMIT_ROWS],
        answers: &[Says::json(200, "The entries.", &objects::CONTACTS)],
        ..Route::new(Method::Get, "/api/v1/contacts", "getContacts", contacts)
    },
    Route {
        tag: "users",
        summary: "Puts somebody into the address book, or gives them another name there.",
        parameters: &[&USER, &KEY],
        body: Some(&bodies::CONTACT),
        answers: &[Says::json(200, "The entry.", &objects::CONTACT)],
        ..Route::new(Method::Put, "/api/v1/contacts/{user}", "saveContact", save)
    },
    sets(
        Method::Delete,
        "/api/v1/contacts/{user}",
        "forgetContact",
        "Takes somebody out of the address book.",
        forget,
    ),
    Route {
        tag: "users",
        summary: "A page of those whom the user has blocked.",
        parameters: &[&AFTER_USER, &LIMIT_ROWS],
        answers: &[Says::json(200, "The users.", &objects::BLOCKS)],
        ..Route::new(Method::Get, "/api/v1/blocks", "getBlocks", blocks)
    },
    sets(
        Method::Put,
        "/api/v1/blocks/{user}",
        "block",
        "Takes nothing from a user any more, and shows them nothing.",
        block,
    ),
    sets(Method::Delete, "/api/v1/blocks/{user}", "unblock", "Takes a block back.", unblock),
];

fn command(request: &Request<'_>, act: UserAct) -> Result<ClientPacket, Refusal> {
    Ok(ClientPacket::User(UserCommand { client_ref: request.name()?, act }))
}

/// HT-USR-1.
fn own_profile(request: &Request<'_>) -> Result<Asked, Refusal> {
    let ask = Ask::Profile(request.me.user.clone());
    Ok(Asked::one(request, request.asks(ask)?, own_profile_told))
}

fn own_profile_told(told: &Told<'_>) -> Result<Answer, Refusal> {
    let mut to = Writer::new(256);
    match told.last_found()? {
        Found::Profile(Some(it)) => user::write_state(&mut to, it),
        // Who never said anything of themselves.
        Found::Profile(None) => {
            to.text("user_id", told.me.as_str());
            to.number("edition", 0_u32);
            for part in ["name", "about", "avatar"] {
                to.text(part, "");
            }
        }
        _ => return Err(Refusal::UNAVAILABLE),
    }
    Ok(Answer::ok(to))
}

fn edit_profile(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [name, about, avatar] = request.fields(["name", "about", "avatar"])?;
    let act = UserAct::EditProfile {
        name: name.text()?.map(Into::into),
        about: about.text()?.map(Into::into),
        avatar: avatar.text()?.map(Into::into),
    };
    let after = request.asks(Ask::Profile(request.me.user.clone()))?;
    Ok(Asked::chain(request, vec![command(request, act)?, after], own_profile_told))
}

/// HT-USR-2.
fn profile(request: &Request<'_>) -> Result<Asked, Refusal> {
    let ask = Ask::Profile(request.user(0)?);
    Ok(Asked::one(request, request.asks(ask)?, profile_told))
}

fn profile_told(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Found::Profile(Some(it)) = told.found(0)? else { return Err(Refusal::NOT_FOUND) };
    let mut to = Writer::new(256);
    user::write_state(&mut to, it);
    Ok(Answer::ok(to))
}

/// HT-USR-3.
fn contacts(request: &Request<'_>) -> Result<Asked, Refusal> {
    let (after, limit) = (request.user_in_query(&AFTER_USER)?, request.limit(&LIMIT_ROWS)?);
    Ok(Asked::one(request, request.asks(Ask::AddressBook { after, limit })?, contacts_told))
}

fn contacts_told(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Found::AddressBook { saved, more } = told.found(0)? else { return Err(Refusal::UNAVAILABLE) };
    let mut to = Writer::new(64 * saved.len());
    to.objects("contacts", saved, user::write_entry);
    to.flag("has_more", *more);
    Ok(Answer::ok(to))
}

fn save(request: &Request<'_>) -> Result<Asked, Refusal> {
    let [name] = request.fields(["name"])?;
    let saved = Saved { user: request.user(0)?, name: name.text()?.unwrap_or_default().into() };
    Ok(Asked::one(request, command(request, UserAct::Save(saved))?, saved_told))
}

fn saved_told(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Some(ClientPacket::User(UserCommand { act: UserAct::Save(saved), .. })) = told.packet() else {
        return Err(Refusal::UNAVAILABLE);
    };
    let mut to = Writer::new(64);
    user::write_entry(&mut to, saved);
    Ok(Answer::ok(to))
}

fn forget(request: &Request<'_>) -> Result<Asked, Refusal> {
    Ok(Asked::one(request, command(request, UserAct::Forget(request.user(0)?))?, nothing))
}

/// HT-USR-4.
fn blocks(request: &Request<'_>) -> Result<Asked, Refusal> {
    let (after, limit) = (request.user_in_query(&AFTER_USER)?, request.limit(&LIMIT_ROWS)?);
    Ok(Asked::one(request, request.asks(Ask::Blocked { after, limit })?, blocks_told))
}

fn blocks_told(told: &Told<'_>) -> Result<Answer, Refusal> {
    let Found::Blocked { users, more } = told.found(0)? else { return Err(Refusal::UNAVAILABLE) };
    let mut to = Writer::new(32 * users.len());
    to.texts("blocked", users.iter().map(UserId::as_str));
    to.flag("has_more", *more);
    Ok(Answer::ok(to))
}

fn block(request: &Request<'_>) -> Result<Asked, Refusal> {
    Ok(Asked::one(request, command(request, UserAct::Block(request.user(0)?))?, nothing))
}

fn unblock(request: &Request<'_>) -> Result<Asked, Refusal> {
    Ok(Asked::one(request, command(request, UserAct::Unblock(request.user(0)?))?, nothing))
}
