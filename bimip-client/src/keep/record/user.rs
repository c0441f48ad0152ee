//! A command about the user.

use std::sync::Arc;

use bimip_proto::{ClientRef, DeviceName, Saved, UserAct, UserCommand, UserId};
use prost::Message as _;

use super::bad;
use crate::store::StoreError;

#[derive(Clone, PartialEq, prost::Message)]
struct UserRecord {
    #[prost(string, tag = "1")]
    id: String,
    /// 1 profile, 2 save, 3 forget, 4 block, 5 unblock, 6 remove a device.
    #[prost(uint32, tag = "2")]
    act: u32,
    #[prost(string, tag = "3")]
    user: String,
    #[prost(string, optional, tag = "4")]
    name: Option<String>,
    #[prost(string, optional, tag = "5")]
    about: Option<String>,
    #[prost(string, optional, tag = "6")]
    avatar: Option<String>,
    #[prost(string, tag = "7")]
    device: String,
}

pub(in crate::keep) fn user_command_bytes(command: &UserCommand) -> Vec<u8> {
    let record = UserRecord {
        id: command.client_ref.to_string(),
        user: command.act.subject().map(ToString::to_string).unwrap_or_default(),
        ..UserRecord::default()
    };
    let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    let record = match &command.act {
        UserAct::EditProfile { name, about, avatar } => {
            UserRecord { act: 1, name: text(name), about: text(about), avatar: text(avatar), ..record }
        }
        UserAct::Save(saved) => UserRecord { act: 2, name: Some(saved.name.to_string()), ..record },
        UserAct::Forget(_) => UserRecord { act: 3, ..record },
        UserAct::Block(_) => UserRecord { act: 4, ..record },
        UserAct::Unblock(_) => UserRecord { act: 5, ..record },
        UserAct::RemoveDevice(device) => UserRecord { act: 6, device: device.to_string(), ..record },
        // Of a newer protocol crate than this one was written for.
        _ => record,
    };
    record.encode_to_vec()
}

pub(in crate::keep) fn read_user_command(bytes: &[u8]) -> Result<UserCommand, StoreError> {
    let record = UserRecord::decode(bytes).map_err(|_| bad("a command about the user"))?;
    let user = || UserId::new(&record.user).map_err(|_| bad("whom a command is about"));
    let act = match record.act {
        1 => UserAct::EditProfile {
            name: record.name.map(Into::into),
            about: record.about.map(Into::into),
            avatar: record.avatar.map(Into::into),
        },
        2 => UserAct::Save(Saved { user: user()?, name: record.name.unwrap_or_default().into() }),
        3 => UserAct::Forget(user()?),
        4 => UserAct::Block(user()?),
        5 => UserAct::Unblock(user()?),
        6 => {
            let device = DeviceName::new(&record.device);
            UserAct::RemoveDevice(device.map_err(|_| bad("the device that a command is about"))?)
        }
        _ => return Err(bad("what a command does")),
    };
    let client_ref = ClientRef::new(&record.id).map_err(|_| bad("the name of a command"))?;
    Ok(UserCommand { client_ref, act })
}

#[cfg(test)]
mod tests {
    use super::*;

    // CL-OUT-8
    #[test]
    fn commands_about_the_user_come_back_as_they_were_kept() {
        let user = UserId::new("bob").unwrap();
        let acts = [
            UserAct::EditProfile { name: Some("Ann".into()), about: None, avatar: Some("".into()) },
            UserAct::EditProfile { name: None, about: Some("\u{fc}".into()), avatar: None },
            UserAct::Save(Saved { user: user.clone(), name: "Bobby".into() }),
            UserAct::Save(Saved { user: user.clone(), name: "".into() }),
            UserAct::Forget(user.clone()),
            UserAct::Block(user.clone()),
            UserAct::Unblock(user),
            UserAct::RemoveDevice(DeviceName::new("a phone").unwrap()),
        ];
        for act in acts {
            let command = UserCommand { client_ref: ClientRef::new("c-1").unwrap(), act };
            assert_eq!(read_user_command(&user_command_bytes(&command)).unwrap(), command);
        }
        assert!(read_user_command(&[]).is_err());
    }
}
