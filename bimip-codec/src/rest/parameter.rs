//! What stands in paths, queries and headers.

use bimip_proto::limits;

use super::shape::{ID, MESSAGE_ID, NAME, Shape, Text};

/// One parameter of routes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parameter {
    /// What it is called.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What it means.
    pub what: &'static str,
    pub(super) shape: Shape,
    /// What it is where nothing is said.
    pub(super) default: Option<u32>,
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "complete")]
pub enum Place {
    /// In the path. It has to be there.
    Path,
    /// After the question mark, once at most.
    Query,
    /// In a header.
    Header,
}

impl Place {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

const fn path(name: &'static str, shape: Shape, what: &'static str) -> Parameter {
    Parameter { name, place: Place::Path, what, shape, default: None }
}

const fn query(name: &'static str, shape: Shape, what: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, what, shape, default: None }
}

const fn limit(most: u32, default: u32) -> Parameter {
    Parameter {
        name: "limit",
        place: Place::Query,
        what: "At most so many.",
        shape: Shape::Whole { min: 1, max: most as u64 },
        default: Some(default),
    }
}

/// Anything that fits a segment: what names nothing is not there.
const SEGMENT: Shape = Shape::Text(Text { min_chars: 1, ..Text::ANY });

pub(super) static MESSAGE: Parameter = path("id", SEGMENT, "The id of a message.");
pub(super) static CONVERSATION: Parameter =
    path("id", SEGMENT, "`d:low:high` of two users, `g:group`, or a bare id of a group.");
pub(super) static GROUP: Parameter = path("id", ID, "The id of a group, without `g:`.");
pub(super) static DEVICE: Parameter = path("id", NAME, "The name of a device.");
pub(super) static USER: Parameter = path("user", ID, "The id of a user.");
pub(super) static EMOJI: Parameter = path(
    "emoji",
    Shape::Text(Text {
        min_chars: 1,
        max_chars: limits::EMOJI_BYTES,
        format: "bimip-emoji",
        pattern: super::shape::PRINTABLE,
    }),
    "An emoji or a shortcode, at most 64 bytes.",
);
pub(super) static BEFORE_ID: Parameter =
    query("before_id", MESSAGE_ID, "The newest of what is older than this message.");
pub(super) static AFTER_ID: Parameter =
    query("after_id", MESSAGE_ID, "The oldest of what is newer than this message.");
pub(super) static AFTER_USER: Parameter =
    query("after_user", ID, "Those after this user, whom the page before ended with or named.");
pub(super) static KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    place: Place::Header,
    what: "The client's own name for what it asks: said again by the same device, it is carried out once.",
    shape: Shape::Text(Text {
        min_chars: 1,
        max_chars: limits::CLIENT_REF_BYTES,
        pattern: "^[!-~]+$",
        ..Text::ANY
    }),
    default: None,
};
/// Pages of what is stored.
pub(super) const PAGE_ROWS: u32 = limits::PAGE_ROWS;
pub(super) static LIMIT_MESSAGES: Parameter = limit(PAGE_ROWS, 50);
pub(super) static LIMIT_CONVERSATIONS: Parameter = limit(PAGE_ROWS, 20);
pub(super) static LIMIT_ROWS: Parameter = limit(PAGE_ROWS, PAGE_ROWS);
pub(super) static LIMIT_RECIPIENTS: Parameter = limit(limits::STATUS_USERS, limits::STATUS_USERS);
pub(super) static DEVICE_ID: Parameter =
    query("device_id", NAME, "The device, where no header names it: `stream` where nothing does.");
pub(super) static TOKEN: Parameter =
    query("token", Shape::Text(Text { min_chars: 1, ..Text::ANY }), "The token, for what sets no headers.");
pub(super) static LAST_EVENT: Parameter = Parameter {
    name: "Last-Event-ID",
    place: Place::Header,
    what: "The id of the last event that the client has.",
    shape: OFFSET,
    default: None,
};
pub(super) static LAST_EVENT_ID: Parameter =
    query("last_event_id", OFFSET, "The same, where no header says it.");
pub(super) static SINCE: Parameter = query("since", OFFSET, "`next` of the batch that the client has.");
pub(super) static EPOCH: Parameter = query(
    "epoch",
    Shape::Whole { min: 0, max: u32::MAX as u64 },
    "The mailbox that this is an offset of. Of another one it says nothing.",
);
pub(super) static TIMEOUT: Parameter = Parameter {
    name: "timeout",
    place: Place::Query,
    what: "How long to wait for an event, in seconds.",
    shape: Shape::Whole { min: 0, max: 60 },
    default: Some(30),
};
pub(super) static LIMIT_EVENTS: Parameter = limit(PAGE_ROWS, PAGE_ROWS);

const OFFSET: Shape = Shape::Whole { min: 0, max: u64::MAX };
