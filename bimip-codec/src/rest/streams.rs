//! The mailbox as a stream, and as batches: what is asked for. What comes is written by [`stream`](crate::stream).

use std::borrow::Cow;

use bimip_proto::{ClientPacket, DeviceName, Noted, Offset, ServerPacket};

use super::answer::{Answer, refused};
use super::parameter::{
    DEVICE_ID, EPOCH, LAST_EVENT, LAST_EVENT_ID, LIMIT_EVENTS, Parameter, SINCE, TIMEOUT, TOKEN,
};
use super::refusal::Refusal;
use super::request::parameter;
use super::shape::Shape;
use super::table::{Door, Method, Route, Says, Serves};
use super::{bodies, objects};
use crate::events::fields::fields;
use crate::json::{Object, Writer};

pub(super) const ROUTES: &[Route] = &[
    Route {
        tag: "events",
        summary: "What happens in the mailbox of the user, and what is live, as server-sent events.",
        parameters: &[&LAST_EVENT, &LAST_EVENT_ID, &EPOCH, &DEVICE_ID, &TOKEN],
        answers: &[Says {
            media: "text/event-stream",
            ..Says::json(200, "Events, one after another, until the client goes.", &objects::EVENT)
        }],
        ..door(Method::Get, "/api/v1/events", "streamEvents", Door::Events)
    },
    Route {
        tag: "events",
        summary: "The next events of the mailbox: what is there, or what comes first.",
        parameters: &[&SINCE, &EPOCH, &TIMEOUT, &LIMIT_EVENTS, &DEVICE_ID, &TOKEN],
        answers: &[Says::json(200, "What there is; no events where none came in time.", &objects::SYNCED)],
        ..door(Method::Get, "/api/v1/sync", "sync", Door::Sync)
    },
    Route {
        tag: "events",
        summary: "What a device has stored of the stream that is open.",
        parameters: &[&DEVICE_ID, &TOKEN],
        body: Some(&bodies::ACK),
        answers: &[Says::json(200, "Stored, and told to those who sent it.", &objects::ACKED)],
        ..door(Method::Post, "/api/v1/ack", "ack", Door::Ack)
    },
];

const fn door(method: Method, path: &'static str, name: &'static str, door: Door) -> Route {
    Route { serves: Serves::Door(door), ..Route::new(method, path, name, |_| Err(Refusal::NOT_FOUND)) }
}

/// What the query of such a request says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamAsked<'a> {
    /// The token.
    pub token: Option<Cow<'a, str>>,
    /// The device.
    pub device: Option<DeviceName>,
    /// What the client has.
    pub has: Option<Offset>,
    /// Of which mailbox.
    pub epoch: Option<u32>,
    /// How long to wait for the first event, in seconds.
    pub timeout_s: u32,
    /// How many rows.
    pub limit: u32,
}

impl<'a> StreamAsked<'a> {
    /// Reads a query: ST-ASK-1.
    ///
    /// # Errors
    /// [`Refusal`] with the name of what is not as the table says.
    pub fn read(query: &'a str) -> Result<Self, Refusal> {
        let token = parameter(query, &TOKEN)?;
        if token.as_ref().is_some_and(|token| token.is_empty()) {
            return Err(Refusal::field(TOKEN.name));
        }
        let device = parameter(query, &DEVICE_ID)?;
        let device = device.map(|device| DeviceName::new(&device)).transpose();
        // A stream says it in the one way, and who polls in the other: both mean the same.
        let has = match number(query, &LAST_EVENT_ID)? {
            None => number(query, &SINCE)?,
            has => has,
        };
        let small = |known| number(query, known).map(|it| it.and_then(|it| u32::try_from(it).ok()));
        Ok(Self {
            token,
            device: device.map_err(|_| Refusal::field(DEVICE_ID.name))?,
            has: has.map(Offset),
            epoch: small(&EPOCH)?,
            timeout_s: small(&TIMEOUT)?.or(TIMEOUT.default).unwrap_or_default(),
            limit: small(&LIMIT_EVENTS)?.or(LIMIT_EVENTS.default).unwrap_or_default(),
        })
    }

    /// Takes what the header `Last-Event-ID` says: it counts before the query.
    ///
    /// # Errors
    /// [`Refusal`] for what is no offset.
    pub fn last_event(&mut self, header: &[u8]) -> Result<(), Refusal> {
        if header.is_empty() {
            return Ok(());
        }
        let text = core::str::from_utf8(header).ok();
        let offset = text.and_then(whole).ok_or_else(|| Refusal::field(LAST_EVENT.name))?;
        self.has = Some(Offset(offset));
        Ok(())
    }
}

fn number(query: &str, known: &Parameter) -> Result<Option<u64>, Refusal> {
    let Shape::Whole { min, max } = known.shape else { return Ok(None) };
    let Some(text) = parameter(query, known)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = whole(&text).filter(|it| (min..=max).contains(it));
    number.map(Some).ok_or_else(|| Refusal::field(known.name))
}

fn whole(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Reads `{"offset": N}`: ST-ACK-1.
///
/// # Errors
/// [`Refusal`] for what is no object, or has no such number.
pub fn read_ack(body: &[u8]) -> Result<ClientPacket, Refusal> {
    let object = Object::parse_bytes(body).ok_or(Refusal::MALFORMED)?;
    let [offset] = fields(object, 0, ["offset"]);
    Ok(ClientPacket::Dispose(Offset(offset.some_number()?)))
}

/// Writes what that is answered with.
///
/// # Errors
/// [`Refusal`] where it was not stored.
pub fn stored(answer: Option<&ServerPacket>) -> Result<Answer, Refusal> {
    if let Some((reason, retry_after_ms)) = refused(answer) {
        return Err(Refusal::of(reason, retry_after_ms));
    }
    let Some(ServerPacket::Noted(Noted::Disposed(offset))) = answer else { return Err(Refusal::UNAVAILABLE) };
    let mut to = Writer::new(32);
    to.number("offset", offset.0);
    Ok(Answer::ok(to))
}
