//! The parts of an event: errors name the event and the field.

use bimip_proto::{
    Address, ClientRef, ConversationId, Device, DeviceName, GroupId, MessageId, MessageRef, UnixMs, UserId,
};

use super::time;
use crate::DecodeError;
use crate::json::{Object, elements};

/// Takes a frame apart: what kind of event it is, and the object that has its fields.
pub(crate) fn open(frame: &[u8]) -> Result<(String, Object<'_>), DecodeError> {
    let whole = Object::parse_bytes(frame).ok_or(DecodeError::Malformed { at: "not one JSON object" })?;
    let [kind, payload] = whole.pick(["type", "payload"]);
    let kind = kind.and_then(|raw| serde_json::from_str(raw).ok());
    let kind: String = kind.ok_or(DecodeError::Malformed { at: "type" })?;
    Ok((kind, payload.and_then(Object::parse).unwrap_or(whole)))
}

/// One field of an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    origin: u32,
    name: &'static str,
    raw: Option<&'a str>,
}

/// Fields of an event by their names, in one walk.
pub(crate) fn fields<'a, const N: usize>(
    object: Object<'a>,
    origin: u32,
    names: [&'static str; N],
) -> [Value<'a>; N] {
    let raw = object.pick(names);
    std::array::from_fn(|index| Value { origin, name: names[index], raw: raw[index] })
}

impl<'a> Value<'a> {
    pub(crate) const fn wrong(&self) -> DecodeError {
        DecodeError::Field { origin: self.origin, field: self.name }
    }

    pub(crate) const fn is_there(&self) -> bool {
        self.raw.is_some()
    }

    /// The same field, which is not there if it is an empty string.
    pub(crate) fn unless_empty(self) -> Self {
        Self { raw: self.raw.filter(|raw| *raw != "\"\""), ..self }
    }

    /// Walks through a list, as long as `take` says so. Whether it is one, has at most so many elements, and all were taken.
    pub(crate) fn each(&self, most: usize, take: impl FnMut(&'a str) -> bool) -> bool {
        self.raw.is_some_and(|raw| elements(raw, most, take))
    }

    /// As [`each`](Self::each), of objects; the first error is the one of the list.
    pub(crate) fn each_object(
        &self,
        most: usize,
        mut take: impl FnMut(Object<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let mut error = self.wrong();
        let whole = self.each(most, |raw| match Object::parse(raw).map(&mut take) {
            Some(Err(why)) => {
                error = why;
                false
            }
            taken => taken.is_some(),
        });
        if whole { Ok(()) } else { Err(error) }
    }

    fn read<T>(&self, read: impl FnOnce(&'a str) -> Option<T>) -> Result<Option<T>, DecodeError> {
        self.raw.map(|raw| read(raw).ok_or_else(|| self.wrong())).transpose()
    }

    fn need<T>(&self, found: Result<Option<T>, DecodeError>) -> Result<T, DecodeError> {
        found?.ok_or_else(|| self.wrong())
    }

    pub(crate) fn text(&self) -> Result<Option<String>, DecodeError> {
        self.read(|raw| serde_json::from_str(raw).ok())
    }

    pub(crate) fn some_text(&self) -> Result<String, DecodeError> {
        self.need(self.text())
    }

    pub(crate) fn number(&self) -> Result<Option<u64>, DecodeError> {
        self.read(|raw| raw.parse().ok())
    }

    pub(crate) fn some_number(&self) -> Result<u64, DecodeError> {
        self.need(self.number())
    }

    /// A whole number of 32 bits; 0 where nothing is said.
    pub(crate) fn small(&self) -> Result<u32, DecodeError> {
        Ok(self.read(|raw| raw.parse().ok())?.unwrap_or_default())
    }

    pub(crate) fn flag(&self) -> Result<Option<bool>, DecodeError> {
        self.read(|raw| raw.parse().ok())
    }

    pub(crate) fn real(&self) -> Result<Option<f64>, DecodeError> {
        // To the last bit, which the JSON library leaves open.
        self.read(|raw| raw.parse().ok())
    }

    pub(crate) fn object(&self) -> Result<Option<Object<'a>>, DecodeError> {
        self.read(Object::parse)
    }

    /// The objects of a list; none where nothing is said.
    pub(crate) fn objects(&self, max: usize) -> Result<Vec<Object<'a>>, DecodeError> {
        let list = self.read(|raw| serde_json::from_str::<Vec<&serde_json::value::RawValue>>(raw).ok())?;
        let list = list.unwrap_or_default();
        if list.len() > max {
            return Err(self.wrong());
        }
        list.into_iter().map(|raw| Object::parse(raw.get()).ok_or_else(|| self.wrong())).collect()
    }

    /// The strings of a list; none where nothing is said.
    pub(crate) fn texts(&self, max: usize) -> Result<Vec<String>, DecodeError> {
        let list: Vec<String> = self.read(|raw| serde_json::from_str(raw).ok())?.unwrap_or_default();
        if list.len() > max { Err(self.wrong()) } else { Ok(list) }
    }

    /// The whole numbers of a list; none where nothing is said.
    pub(crate) fn numbers(&self, max: usize) -> Result<Vec<u64>, DecodeError> {
        let list: Vec<u64> = self.read(|raw| serde_json::from_str(raw).ok())?.unwrap_or_default();
        if list.len() > max { Err(self.wrong()) } else { Ok(list) }
    }

    /// A text that is one of some words.
    pub(crate) fn word<T>(&self, known: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, DecodeError> {
        self.text()?.map(|word| known(&word).ok_or_else(|| self.wrong())).transpose()
    }

    pub(crate) fn some_word<T>(&self, known: impl FnOnce(&str) -> Option<T>) -> Result<T, DecodeError> {
        self.need(self.word(known))
    }

    pub(crate) fn client_ref(&self) -> Result<Option<ClientRef>, DecodeError> {
        self.word(|text| ClientRef::new(text).ok())
    }

    pub(crate) fn some_client_ref(&self) -> Result<ClientRef, DecodeError> {
        self.need(self.client_ref())
    }

    pub(crate) fn user(&self) -> Result<Option<UserId>, DecodeError> {
        self.word(|text| UserId::new(text).ok())
    }

    pub(crate) fn some_user(&self) -> Result<UserId, DecodeError> {
        self.need(self.user())
    }

    pub(crate) fn users(&self, max: usize) -> Result<Vec<UserId>, DecodeError> {
        let list = self.texts(max)?;
        list.iter().map(|user| UserId::new(user).map_err(|_| self.wrong())).collect()
    }

    pub(crate) fn device_name(&self) -> Result<Option<DeviceName>, DecodeError> {
        self.word(|text| DeviceName::new(text).ok())
    }

    pub(crate) fn some_group(&self) -> Result<GroupId, DecodeError> {
        self.some_word(|text| GroupId::new(text).ok())
    }

    pub(crate) fn message_id(&self) -> Result<Option<MessageId>, DecodeError> {
        self.word(|text| text.parse().ok())
    }

    /// EV-ID-1: a message by its id, or by the id that push-to-talk clients know it by.
    pub(crate) fn message(&self) -> Result<MessageRef, DecodeError> {
        self.some_word(reference)
    }

    /// The strings of a list, or the one that stands there alone; none where nothing is said.
    pub(crate) fn one_or_more(&self, most: usize) -> Result<Vec<String>, DecodeError> {
        let Some(raw) = self.raw else { return Ok(Vec::new()) };
        if raw.starts_with('"') {
            return Ok(vec![self.some_text()?]);
        }
        let mut texts = Vec::new();
        let all = self.each(most, |raw| serde_json::from_str(raw).map(|text| texts.push(text)).is_ok());
        if all { Ok(texts) } else { Err(self.wrong()) }
    }

    pub(crate) fn messages(&self, max: usize) -> Result<Vec<MessageRef>, DecodeError> {
        let list = self.texts(max)?;
        list.iter().map(|text| reference(text).ok_or_else(|| self.wrong())).collect()
    }

    /// EV-TIME-1: RFC 3339, or milliseconds since the Unix epoch.
    pub(crate) fn time(&self) -> Result<Option<UnixMs>, DecodeError> {
        self.read(|raw| match serde_json::from_str::<String>(raw) {
            Ok(text) => time::read(&text),
            Err(_) => raw.parse().ok().map(UnixMs),
        })
    }

    pub(crate) fn some_time(&self) -> Result<UnixMs, DecodeError> {
        self.need(self.time())
    }
}

pub(crate) fn reference(text: &str) -> Option<MessageRef> {
    match text.parse() {
        Ok(id) => Some(MessageRef::Id(id)),
        Err(_) => text.parse().ok().map(MessageRef::Alias),
    }
}

/// A device by the fields that name it.
pub(crate) fn device(user: Value<'_>, name: Value<'_>) -> Result<Device, DecodeError> {
    let name_there = name.device_name()?.ok_or_else(|| name.wrong())?;
    Ok(Device::new(user.some_user()?, name_there))
}

/// EV-TO-1: where something goes: `conversation_id`, `d:low:high` or `g:group`, where a name without such a beginning is
/// a group's; or `to`, a user. Who says both says the same twice.
pub(crate) fn address(
    me: Option<&UserId>,
    conversation: Value<'_>,
    to: Value<'_>,
) -> Result<Address, DecodeError> {
    let peer = to.user()?;
    let Some(text) = conversation.text()? else {
        return peer.map(Address::User).ok_or_else(|| to.wrong());
    };
    match text.parse() {
        Ok(ConversationId::Group(group)) if peer.is_none() => Ok(Address::Group(group)),
        Ok(ConversationId::Group(_)) => Err(to.wrong()),
        Ok(direct) => {
            let other = me.and_then(|me| direct.peer_of(me)).ok_or_else(|| conversation.wrong())?;
            match peer {
                Some(peer) if peer != *other => Err(to.wrong()),
                _ => Ok(Address::User(other.clone())),
            }
        }
        Err(_) if text.starts_with("d:") || text.starts_with("g:") || peer.is_some() => {
            Err(conversation.wrong())
        }
        Err(_) => GroupId::new(&text).map(Address::Group).map_err(|_| conversation.wrong()),
    }
}
