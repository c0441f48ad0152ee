//! From a draft to a put.

use bimip_proto::{
    Address, Body, BodyKind, Device, Draft, GroupAct, GroupCommand, Now, React, Reject, Revise, Saved,
    UserAct, UserCommand, limits,
};

use crate::ledger::{Audience, Guard, Put, PutKey, Record};

/// The put of a draft: who may send it is asked in the commit, who gets it is said here.
///
/// # Errors
/// When nothing of the draft may be stored, for a reason that can be seen without storage.
pub(super) fn put(now: Now, from: &Device, draft: Draft) -> Result<Put, Reject> {
    if draft.body.bytes.len() > limits::BODY_BYTES {
        return Err(Reject::TooLarge);
    }
    // Only a talk becomes one: its body names what is stored beside it.
    if matches!(draft.body.kind, BodyKind::Voice { .. }) {
        return Err(Reject::Unsupported);
    }
    let (guard, audience) = addressed(from, &draft.to)?;
    Ok(message(now, from, draft, guard, audience))
}

/// The put of a revision: whether it is the author who asks, and who is told, is found out in the commit.
///
/// # Errors
/// As [`put`].
pub(super) fn revision(now: Now, by: &Device, revise: Revise) -> Result<Put, Reject> {
    if let Some(body) = &revise.body {
        if body.bytes.len() > limits::BODY_BYTES {
            return Err(Reject::TooLarge);
        }
        if matches!(body.kind, BodyKind::Voice { .. }) {
            return Err(Reject::Unsupported);
        }
    }
    let key = Some(PutKey { device: by.clone(), client_ref: revise.client_ref.clone() });
    let record = Record::Revise { by: by.clone(), at: now.stamp(), revise };
    Ok(Put::new(Guard::Author, Audience::Readers, record).named(key))
}

/// The put of a reaction: whether its user has the message, and who is told, is found out in the commit.
pub(super) fn reaction(now: Now, by: &Device, react: React) -> Put {
    let key = Some(PutKey { device: by.clone(), client_ref: react.client_ref.clone() });
    let record = Record::React { by: by.clone(), at: now.stamp(), react };
    Put::new(Guard::Reader, Audience::Readers, record).named(key)
}

/// The put of a command about a group: who may, and who is told, is found out in the commit.
///
/// # Errors
/// As [`put`].
pub(super) fn command(now: Now, by: &Device, command: GroupCommand, row_members: u32) -> Result<Put, Reject> {
    let (texts, users) = match &command.act {
        GroupAct::Create { profile, members, .. } => {
            ((Some(&profile.title), Some(&profile.about)), members.as_slice())
        }
        GroupAct::Edit { title, about, .. } => ((title.as_ref(), about.as_ref()), [].as_slice()),
        GroupAct::Add(users) => ((None, None), users.as_slice()),
        _ => ((None, None), [].as_slice()),
    };
    long(texts.0.map_or("", |title| title), limits::GROUP_TITLE_BYTES, "title")?;
    long(texts.1.map_or("", |about| about), limits::GROUP_ABOUT_BYTES, "about")?;
    if users.len() > limits::GROUP_ADD_USERS {
        return Err(Reject::Field("users"));
    }
    let key = Some(PutKey { device: by.clone(), client_ref: command.client_ref.clone() });
    let audience = Audience::Group(command.group.clone());
    let record = Record::Group { by: by.clone(), at: now.stamp(), command, row_members };
    Ok(Put::new(Guard::MayManage, audience, record).named(key))
}

/// The put of a command of a user about themselves.
///
/// # Errors
/// As [`put`].
pub(super) fn user_command(now: Now, by: &Device, command: UserCommand) -> Result<Put, Reject> {
    match &command.act {
        UserAct::EditProfile { name, about, avatar } => {
            long(name.as_deref().unwrap_or_default(), limits::USER_NAME_BYTES, "name")?;
            long(about.as_deref().unwrap_or_default(), limits::USER_ABOUT_BYTES, "about")?;
            long(avatar.as_deref().unwrap_or_default(), limits::AVATAR_BYTES, "avatar")?;
        }
        UserAct::Save(Saved { name, .. }) => long(name, limits::USER_NAME_BYTES, "name")?,
        UserAct::Block(user) if *user == by.user => return Err(Reject::Field("user")),
        _ => {}
    }
    let key = Some(PutKey { device: by.clone(), client_ref: command.client_ref.clone() });
    let record = Record::User { by: by.clone(), at: now.stamp(), command };
    // Whose row it is follows from who asks.
    Ok(Put::new(Guard::None, Audience::Users(Vec::new()), record).named(key))
}

/// Whether a text is too long for its field.
const fn long(text: &str, limit: usize, field: &'static str) -> Result<(), Reject> {
    if text.len() > limit { Err(Reject::Field(field)) } else { Ok(()) }
}

/// The put of a talk that ended, without its sound. One that never began is given an id and goes to nobody.
pub(super) fn talk_put(
    now: Now,
    from: &Device,
    to: Address,
    duration_ms: Option<u32>,
) -> Result<Put, Reject> {
    let (guard, audience) = addressed(from, &to)?;
    let audience = if duration_ms.is_some() { audience } else { Audience::Users(Vec::new()) };
    let body = Body::voice(duration_ms.unwrap_or(0), None);
    let draft = Draft { client_ref: None, to, client_time: None, body };
    Ok(message(now, from, draft, guard, audience))
}

/// Who may, and who gets it.
fn addressed(from: &Device, to: &Address) -> Result<(Guard, Audience), Reject> {
    match to {
        Address::User(user) => Ok((Guard::MayWrite, Audience::Users(vec![from.user.clone(), user.clone()]))),
        Address::Group(group) => Ok((Guard::MayPost, Audience::Group(group.clone()))),
        _ => Err(Reject::Unsupported),
    }
}

fn message(now: Now, from: &Device, draft: Draft, guard: Guard, audience: Audience) -> Put {
    let key = draft.client_ref.clone().map(|client_ref| PutKey { device: from.clone(), client_ref });
    let record = Record::Message {
        from: from.clone(),
        to: draft.to,
        client_ref: draft.client_ref,
        client_time: draft.client_time,
        at: now.stamp(),
        body: draft.body,
    };
    Put::new(guard, audience, record).named(key)
}
