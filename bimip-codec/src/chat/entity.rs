//! The entity of a message, and what it says.

use std::sync::OnceLock;

use bimip_proto::{Address, Body, BodyKind, Form, GroupId, Head, Marks, Message, Status, UserId, limits};

use super::State;
use super::encode_client::write_address;
use crate::DecodeError;
use crate::events::fields::Value;
use crate::events::message::{AROUND_BYTES, SEALED, TOO_LONG, UNREADABLE, sound_url};
use crate::events::{time, words};
use crate::json::{Object, Writer, string_bytes};

/// What was made of a message for the first reader.
#[derive(Debug, Default)]
pub(crate) struct Made(OnceLock<String>);

impl Made {
    /// The entity of a message without its place, made once.
    pub(super) fn get(&self, message: &Message) -> &str {
        self.0.get_or_init(|| {
            let mut to = Writer::new(message.body.bytes.len() + 512);
            write(&mut to, message);
            to.finish()
        })
    }
}

/// CH-FRAME-1: a frame with an entity for each of `items`.
pub(super) fn frame<T>(
    state: &State,
    items: impl IntoIterator<Item = T>,
    write: impl FnMut(&mut Writer, T),
) -> Writer {
    let mut to = Writer::new(384);
    to.maybe("connection_id", state.connection_id.map(|id| id.to_string()).as_deref());
    to.objects("payload", items, write);
    to
}

/// CH-MSG-1: the fields of a message.
pub(super) fn write(to: &mut Writer, message: &Message) {
    write_marked(to, message, Marks::NONE);
}

/// The same, with what was said about it.
pub(crate) fn write_marked(to: &mut Writer, message: &Message, marks: Marks) {
    let Message { head, body } = message;
    let id = head.id.to_string();
    write_parties(to, &head.from.user, &head.to);
    to.text("messageId", &id);
    to.text("id", &id);
    to.raw("timestamp", &time::written(head.at));
    Says::of(body, Some(head)).write(to);
    to.flag("receivedServer", true);
    to.flag("delivered", marks.has(Status::Delivered));
    to.flag("read", marks.has(Status::Read));
    to.number("seq", head.seq.0);
    to.text("kind", words::of_kind(head.kind));
    to.text("senderDeviceId", head.from.name.as_str());
    to.maybe("clientMessageId", head.client_ref.as_ref().map(|it| it.as_str()));
    if let Some(at) = head.client_time {
        to.raw("clientTimestamp", &time::written(at));
    }
}

/// CH-TO-1: who speaks to whom.
pub(super) fn write_parties(to: &mut Writer, from: &UserId, address: &Address) {
    to.text("senderId", from.as_str());
    write_address(to, address);
}

/// CH-TO-1.
pub(super) fn read_address(user: Value<'_>, group: Value<'_>) -> Result<Address, DecodeError> {
    match (user.user()?, group.word(|text| GroupId::new(text).ok())?) {
        (Some(user), None) => Ok(Address::User(user)),
        (None, Some(group)) => Ok(Address::Group(group)),
        _ => Err(user.wrong()),
    }
}

/// What a body says in this dialect.
#[derive(Debug, Default)]
pub(super) struct Says {
    pub(super) text: String,
    pub(super) uris: Vec<String>,
    /// Of a recorded talk.
    duration_ms: Option<u32>,
}

impl Says {
    /// CH-MSG-2 and 3. `head` names the recording of a talk.
    pub(super) fn of(body: &Body, head: Option<&Head>) -> Self {
        let text = match body.is_readable().then(|| core::str::from_utf8(&body.bytes)) {
            Some(Ok(text)) => text,
            Some(Err(_)) => return Self::only(UNREADABLE),
            None => return Self::only(SEALED),
        };
        let says = match (body.kind, body.form) {
            (BodyKind::Voice { duration_ms }, _) => {
                let uri = head.filter(|_| body.sound().is_some()).map(sound_url);
                let uris = uri.into_iter().collect();
                Self { duration_ms: Some(duration_ms), uris, ..Self::default() }
            }
            (_, Form::Content) => crate::content::of(body).map_or_else(Self::default, |it| Self {
                text: it.text,
                uris: it.attachments.into_iter().map(|it| it.url).collect(),
                duration_ms: None,
            }),
            (_, Form::Text) => Self::only(text),
            _ => match Object::parse(text) {
                Some(object) => Self::only(&object.text("text").unwrap_or_default()),
                None => Self::only(text),
            },
        };
        if says.fits() { says } else { Self::only(TOO_LONG) }
    }

    fn only(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Whether a frame with it is no longer than one may be: what is escaped grows.
    fn fits(&self) -> bool {
        let uris: usize = self.uris.iter().map(|uri| string_bytes(uri) + 1).sum();
        string_bytes(&self.text) + uris + AROUND_BYTES <= limits::FRAME_BYTES
    }

    pub(super) fn write(&self, to: &mut Writer) {
        to.text("messageText", &self.text);
        to.flag("attachment", !self.uris.is_empty());
        to.texts("attachmentURI", self.uris.iter().map(String::as_str));
        if let Some(duration_ms) = self.duration_ms {
            to.number("durationMs", duration_ms);
        }
    }
}
