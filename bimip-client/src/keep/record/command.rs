//! A command about a group.

use bimip_proto::{ClientRef, GroupAct, GroupCommand, GroupId, GroupProfile, MayPost, Role, UserId};
use prost::Message as _;

use super::bad;
use crate::store::StoreError;

#[derive(Clone, PartialEq, prost::Message)]
struct CommandRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    group: String,
    /// 1 create, 2 edit, 3 delete, 4 add, 5 remove, 6 role, 7 ban, 8 unban.
    #[prost(uint32, tag = "3")]
    act: u32,
    #[prost(string, optional, tag = "4")]
    title: Option<String>,
    #[prost(string, optional, tag = "5")]
    about: Option<String>,
    #[prost(bool, optional, tag = "6")]
    open: Option<bool>,
    /// 1 everybody, 2 admins; 0 where it is not said.
    #[prost(uint32, tag = "7")]
    post: u32,
    #[prost(string, repeated, tag = "8")]
    users: Vec<String>,
    /// 1 member, 2 admin, 3 owner.
    #[prost(uint32, tag = "9")]
    role: u32,
}

pub(in crate::keep) fn command_bytes(command: &GroupCommand) -> Vec<u8> {
    let record = CommandRecord {
        name: command.client_ref.to_string(),
        group: command.group.to_string(),
        users: command.act.subject().map(ToString::to_string).into_iter().collect(),
        ..CommandRecord::default()
    };
    let texts = |users: &[UserId]| users.iter().map(ToString::to_string).collect();
    let record = match &command.act {
        GroupAct::Create { profile, open, post, members } => CommandRecord {
            act: 1,
            title: Some(profile.title.to_string()),
            about: Some(profile.about.to_string()),
            open: Some(*open),
            post: post_number(*post),
            users: texts(members),
            ..record
        },
        GroupAct::Edit { title, about, open, post } => CommandRecord {
            act: 2,
            title: title.as_deref().map(str::to_owned),
            about: about.as_deref().map(str::to_owned),
            open: *open,
            post: post.map_or(0, post_number),
            ..record
        },
        GroupAct::Delete => CommandRecord { act: 3, ..record },
        GroupAct::Add(users) => CommandRecord { act: 4, users: texts(users), ..record },
        GroupAct::Remove(_) => CommandRecord { act: 5, ..record },
        GroupAct::SetRole { role, .. } => CommandRecord { act: 6, role: role_number(*role), ..record },
        GroupAct::Ban(_) => CommandRecord { act: 7, ..record },
        GroupAct::Unban(_) => CommandRecord { act: 8, ..record },
        // Of a newer protocol crate than this one was written for.
        _ => record,
    };
    record.encode_to_vec()
}

pub(in crate::keep) fn read_command(bytes: &[u8]) -> Result<GroupCommand, StoreError> {
    let record = CommandRecord::decode(bytes).map_err(|_| bad("a command about a group"))?;
    let users = record.users.iter().map(|user| UserId::new(user).map_err(|_| bad("a user of a command")));
    let mut users = users.collect::<Result<Vec<UserId>, StoreError>>()?;
    let post = match record.post {
        0 => None,
        1 => Some(MayPost::Everyone),
        2 => Some(MayPost::Admins),
        _ => return Err(bad("who may post")),
    };
    let role = match record.role {
        3 => Role::Owner,
        2 => Role::Admin,
        _ => Role::Member,
    };
    let one = |users: &mut Vec<UserId>| users.pop().ok_or_else(|| bad("whom a command is about"));
    let act = match record.act {
        1 => GroupAct::Create {
            profile: GroupProfile {
                title: record.title.unwrap_or_default().into(),
                about: record.about.unwrap_or_default().into(),
            },
            open: record.open.unwrap_or_default(),
            post: post.unwrap_or_default(),
            members: users,
        },
        2 => GroupAct::Edit {
            title: record.title.map(Into::into),
            about: record.about.map(Into::into),
            open: record.open,
            post,
        },
        3 => GroupAct::Delete,
        4 => GroupAct::Add(users),
        5 => GroupAct::Remove(one(&mut users)?),
        6 => GroupAct::SetRole { user: one(&mut users)?, role },
        7 => GroupAct::Ban(one(&mut users)?),
        8 => GroupAct::Unban(one(&mut users)?),
        _ => return Err(bad("what a command does")),
    };
    Ok(GroupCommand {
        client_ref: ClientRef::new(&record.name).map_err(|_| bad("the name of a command"))?,
        group: GroupId::new(&record.group).map_err(|_| bad("the group of a command"))?,
        act,
    })
}

const fn post_number(post: MayPost) -> u32 {
    match post {
        MayPost::Admins => 2,
        _ => 1,
    }
}

const fn role_number(role: Role) -> u32 {
    match role {
        Role::Owner => 3,
        Role::Admin => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // CL-OUT-7
    #[test]
    fn commands_come_back_as_they_were_kept() {
        let user = |name: &str| UserId::new(name).unwrap();
        let profile = GroupProfile { title: "ünï".into(), about: "".into() };
        let members = vec![user("a"), user("b")];
        let acts = [
            GroupAct::Create { profile, open: true, post: MayPost::Admins, members: members.clone() },
            GroupAct::Edit { title: Some("".into()), about: None, open: None, post: Some(MayPost::Everyone) },
            GroupAct::Edit { title: None, about: Some("x".into()), open: Some(false), post: None },
            GroupAct::Delete,
            GroupAct::Add(members),
            GroupAct::Remove(user("a")),
            GroupAct::SetRole { user: user("a"), role: Role::Owner },
            GroupAct::SetRole { user: user("a"), role: Role::Member },
            GroupAct::Ban(user("a")),
            GroupAct::Unban(user("a")),
        ];
        for act in acts {
            let (client_ref, group) = (ClientRef::new("c-1").unwrap(), GroupId::new("g").unwrap());
            let command = GroupCommand { client_ref, group, act };
            assert_eq!(read_command(&command_bytes(&command)).unwrap(), command);
        }
        assert!(read_command(&[]).is_err());
    }
}
