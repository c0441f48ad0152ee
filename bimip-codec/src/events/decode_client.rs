//! A client's event, as a server reads it.

use bimip_proto::{
    Act, Awareness, BodyKind, Claim, ClientPacket, ClientRef, Device, Draft, Location, LogOut, Offset, Ping,
    PushToken, Reject, Revise, Said, Signal, Status, Track, UserId, limits,
};
use bytes::Bytes;

use super::fields::{self, address, fields};
use super::{group, kinds, message, query, reaction, user, words};
use crate::DecodeError;
use crate::json::Object;

/// Reads one event.
pub(crate) fn decode_client(me: Option<&Device>, frame: &[u8]) -> Result<Said, DecodeError> {
    let (name, object) = fields::open(frame)?;
    let origin = kinds::number(&name).ok_or(DecodeError::Unknown { origin: 0 })?;
    let reading = Reading { origin, object, me: me.map(|device| &device.user) };
    Ok(Said { claim: reading.claim()?, origin, packet: reading.packet()? })
}

/// What every event is read with.
#[derive(Clone, Copy)]
struct Reading<'a> {
    origin: u32,
    object: Object<'a>,
    me: Option<&'a UserId>,
}

impl<'a> Reading<'a> {
    fn fields<const N: usize>(self, names: [&'static str; N]) -> [fields::Value<'a>; N] {
        fields(self.object, self.origin, names)
    }

    /// EV-ID-2: nobody has to say who they are, and whoever says it must be right.
    fn claim(self) -> Result<Claim, DecodeError> {
        if self.origin == kinds::AUTH {
            return Ok(Claim::Own);
        }
        let [from] = self.fields(["sender_user_id"]);
        Ok(match from.user()? {
            Some(user) if self.me != Some(&user) => Claim::Other(user),
            _ => Claim::Own,
        })
    }

    fn packet(self) -> Result<ClientPacket, DecodeError> {
        match self.origin {
            kinds::AUTH => self.sign_in(),
            kinds::SEND => self.by_name("client_id", self.draft()),
            kinds::ACK => {
                let [offset] = self.fields(["offset"]);
                Ok(ClientPacket::Dispose(Offset(offset.some_number()?)))
            }
            kinds::DELIVERED => self.delivered(),
            kinds::READ_RECEIPT => {
                let [message] = self.fields(["message_id"]);
                Ok(ClientPacket::Mark { message: message.message()?, status: Status::Read })
            }
            kinds::MARK => self.mark(),
            kinds::EDIT => self.by_name("client_id", self.revise(true)),
            kinds::DELETE => self.by_name("client_id", self.revise(false)),
            kinds::TYPING => self.typing(),
            kinds::SIGNAL => {
                let [act] = self.fields(["act"]);
                self.signal(act.some_word(words::act)?)
            }
            kinds::PRESENCE => self.presence(),
            kinds::LOCATION => self.track(),
            kinds::VISIBILITY => {
                let [id, visible] = self.fields(["id", "visible"]);
                let visible = visible.flag()?.ok_or_else(|| visible.wrong())?;
                Ok(ClientPacket::SetVisible { id: id.client_ref()?, visible })
            }
            kinds::GROUP => self.by_name("client_id", group::read_request(self.object, self.origin)),
            kinds::JOIN | kinds::LEAVE => {
                let [group] = self.fields(["group_id"]);
                let group = group.some_group()?;
                Ok(if self.origin == kinds::JOIN {
                    ClientPacket::Join(group)
                } else {
                    ClientPacket::Leave(group)
                })
            }
            kinds::REACT => self.by_name("client_id", reaction::read_request(self.object, self.origin)),
            kinds::USER => self.by_name("client_id", user::read_request(self.object, self.origin)),
            kind if kinds::asks(kind) => {
                self.by_name("id", query::read_request(self.me, self.object, self.origin))
            }
            kinds::TOKEN => {
                let [task, token] = self.fields(["task", "token"]);
                Ok(ClientPacket::Token {
                    task: task.some_word(words::task)?,
                    token: token.some_text()?.into(),
                })
            }
            kinds::LOGOUT => self.log_out(),
            kinds::PUSH_TOKEN => self.push_token(),
            kinds::PING => {
                let [id] = self.fields(["id"]);
                Ok(ClientPacket::Ping(Ping { id: id.text()?.unwrap_or_default().into() }))
            }
            _ => Ok(ClientPacket::Bye),
        }
    }

    /// EV-ERR-2: what has a name is refused by it.
    fn by_name(
        self,
        name: &'static str,
        read: Result<ClientPacket, DecodeError>,
    ) -> Result<ClientPacket, DecodeError> {
        let reason = match read {
            Err(DecodeError::Field { field, .. }) => Reject::Field(field),
            Err(DecodeError::TooLong { .. }) => Reject::TooLarge,
            read => return read,
        };
        let [id] = self.fields([name]);
        match id.client_ref() {
            Ok(id @ Some(_)) => Ok(ClientPacket::Unfit { id, reason }),
            _ => read,
        }
    }

    fn sign_in(self) -> Result<ClientPacket, DecodeError> {
        let [user, device, token] = self.fields(["user_id", "device_id", "token"]);
        let token = token.some_text()?.into();
        Ok(ClientPacket::SignIn { user: user.user()?, device: device.device_name()?, token })
    }

    fn draft(self) -> Result<ClientPacket, DecodeError> {
        let [client_ref, conversation, to, client_time, kind] =
            self.fields(["client_id", "conversation_id", "to", "client_time", "message_type"]);
        let client_ref = client_ref.client_ref()?;
        let to = address(self.me, conversation, to)?;
        let kind = kind.word(words::kind)?.unwrap_or(BodyKind::Text);
        let body = message::read_body(self.object, self.origin, kind)?;
        Ok(ClientPacket::Send(Draft { client_ref, to, client_time: client_time.time()?, body }))
    }

    fn revise(self, edits: bool) -> Result<ClientPacket, DecodeError> {
        let [client_ref, message] = self.fields(["client_id", "message_id"]);
        let client_ref = client_ref.some_client_ref()?;
        let message = message.message()?;
        let [kind] = self.fields(["message_type"]);
        let kind = kind.word(words::kind)?.unwrap_or(BodyKind::Text);
        let body = edits.then(|| message::read_body(self.object, self.origin, kind)).transpose()?;
        Ok(ClientPacket::Revise(Revise { client_ref, message, body }))
    }

    fn delivered(self) -> Result<ClientPacket, DecodeError> {
        let [one, several] = self.fields(["message_id", "message_ids"]);
        let mut messages = several.messages(limits::BATCH_PARTS)?;
        if one.is_there() {
            messages.push(one.message()?);
        }
        if messages.is_empty() { Err(several.wrong()) } else { Ok(ClientPacket::Delivered(messages)) }
    }

    fn mark(self) -> Result<ClientPacket, DecodeError> {
        let [message, status] = self.fields(["message_id", "status"]);
        let message = message.message()?;
        Ok(match status.some_word(words::status)? {
            Status::Delivered => ClientPacket::Delivered(vec![message]),
            status => ClientPacket::Mark { message, status },
        })
    }

    fn typing(self) -> Result<ClientPacket, DecodeError> {
        let [is_typing] = self.fields(["is_typing"]);
        self.signal(if is_typing.flag()?.unwrap_or(true) { Act::Typing } else { Act::Cancelled })
    }

    fn signal(self, act: Act) -> Result<ClientPacket, DecodeError> {
        let [id, conversation, to, at] = self.fields(["id", "conversation_id", "to", "timestamp"]);
        let to = address(self.me, conversation, to)?;
        Ok(ClientPacket::Signal(Signal { id: id.client_ref()?, to, act, at: at.time()? }))
    }

    fn presence(self) -> Result<ClientPacket, DecodeError> {
        read_awareness(self.me, self.object, self.origin).map(ClientPacket::Aware)
    }

    fn track(self) -> Result<ClientPacket, DecodeError> {
        read_track(self.me, self.object, self.origin).map(ClientPacket::Track)
    }

    fn log_out(self) -> Result<ClientPacket, DecodeError> {
        let [scope, device] = self.fields(["scope", "device_id"]);
        let device = device.device_name()?;
        let what = scope.some_word(|word| match word {
            "device" => Some(LogOut::Device(device)),
            "session" => Some(LogOut::Session),
            "account" => Some(LogOut::Account),
            _ => None,
        })?;
        Ok(ClientPacket::LogOut(what))
    }

    fn push_token(self) -> Result<ClientPacket, DecodeError> {
        let [id, service, token, coded] = self.fields(["id", "service", "token", "token_base64"]);
        let service = service.text()?.unwrap_or_default();
        let given: Bytes = match coded.is_there() {
            true => message::read_payload(coded)?,
            false => token.text()?.unwrap_or_default().into(),
        };
        if service.len() + given.len() > limits::PUSH_TOKEN_BYTES {
            return Err(token.wrong());
        }
        let id: Option<ClientRef> = id.client_ref()?;
        let given = Some(given).filter(|token| !token.is_empty());
        Ok(ClientPacket::PushToken(PushToken { id, service, token: given }))
    }
}

/// EV-LIVE-2: what somebody is doing, of either direction.
pub(crate) fn read_awareness(
    me: Option<&UserId>,
    object: Object<'_>,
    origin: u32,
) -> Result<Awareness, DecodeError> {
    let [id, conversation, to, status, place, ttl, at] =
        fields(object, origin, ["id", "conversation_id", "to", "status", "location", "ttl_s", "timestamp"]);
    let to =
        if to.is_there() || conversation.is_there() { Some(address(me, conversation, to)?) } else { None };
    let location = place.object()?.map(|it| location(it, origin)).transpose()?;
    let ttl_s = ttl.small()?;
    if ttl_s > limits::PRESENCE_TTL_MAX_S {
        return Err(ttl.wrong());
    }
    let presence = status.some_word(words::presence)?;
    Ok(Awareness { id: id.client_ref()?, to, presence, location, ttl_s, at: at.time()? })
}

/// EV-LIVE-3: a moving position, of either direction.
pub(super) fn read_track(me: Option<&UserId>, object: Object<'_>, origin: u32) -> Result<Track, DecodeError> {
    let [id, conversation, to, place, at] =
        fields(object, origin, ["id", "conversation_id", "to", "location", "timestamp"]);
    let location = place.object()?.map(|it| location(it, origin)).transpose()?;
    Ok(Track {
        id: id.client_ref()?,
        to: address(me, conversation, to)?,
        location: location.ok_or_else(|| place.wrong())?,
        at: at.time()?,
    })
}

fn location(object: Object<'_>, origin: u32) -> Result<Location, DecodeError> {
    let [latitude, longitude, altitude] = fields(object, origin, ["latitude", "longitude", "altitude"]);
    let north = latitude.real()?.ok_or_else(|| latitude.wrong())?;
    let east = longitude.real()?.ok_or_else(|| longitude.wrong())?;
    Location::new(north, east, altitude.real()?).ok_or_else(|| latitude.wrong())
}
