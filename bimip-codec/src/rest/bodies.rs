//! The bodies of requests. A field that may be missing may be `null`, and others may stand beside those that are known.

use bimip_proto::limits;

use super::objects::MENTION;
use super::shape::{
    CLIENT_ID, CONVERSATION, Field, ID, MESSAGE_ID, MESSAGE_NAME, NAME, NUMBER, Named, Shape, TEXT, Text,
    needs, takes, text,
};

/// What a client may send: CT-KIND, and what has no content.
const KINDS: Shape = Shape::Word(&[
    "text",
    "image",
    "video",
    "audio",
    "voice_note",
    "circle_video",
    "sticker",
    "interactive",
    "notification",
]);
const CONTENT: Shape = Shape::Text(Text { min_chars: 1, max_chars: limits::CONTENT_TEXT_CHARS, ..Text::ANY });
const MESSAGES: Shape = Shape::List { of: &MESSAGE_NAME, min: 0, max: limits::BATCH_PARTS };
const USERS: Shape = Shape::List { of: &ID, min: 1, max: limits::GROUP_ADD_USERS };
const BASE64: Shape = Shape::Text(Text { format: "byte", ..Text::ANY });
const POST: Shape = Shape::Word(&["everyone", "admins"]);

static SEAL: Named = Named {
    name: "Encryption",
    what: "What the sender says about the encryption of a body.",
    fields: &[takes("type", TEXT), takes("encrypted", TEXT), takes("signature", TEXT)],
    one_of: &[],
};

static MENTIONED: Shape = Shape::Named(&MENTION);
/// What a body is said by.
const BODIES: &[&str] = &["content", "body", "data", "payload"];
const SAYS: Field = takes("content", CONTENT).means("A text.");
const KIND: Field = takes("message_type", KINDS).means("`text` where nothing is said.");
const MENTIONS: Field = takes("mentions", Shape::List { of: &MENTIONED, min: 0, max: limits::MENTIONS });
const REPLY: Field = takes("reply_to_id", MESSAGE_ID).means("The message that it answers.");
const CONTENT_OF: Field = takes("body", Shape::Object)
    .means("Content of the kind, with attachments, in the place of the fields above.");
const DATA: Field = takes("data", Shape::Object).means("Any JSON, in their place.");
const PAYLOAD: Field = takes("payload", BASE64).means("Any bytes, in their place.");
const SEALED: Field = takes("encryption", Shape::Named(&SEAL));

pub(super) static DRAFT: Named = Named {
    name: "Draft",
    what: "A message to be sent.",
    fields: &[
        takes("conversation_id", CONVERSATION),
        takes("to", ID).means("A user, in the place of a conversation."),
        takes("client_id", CLIENT_ID).means("As `Idempotency-Key`, which counts where both are there."),
        takes("sender_user_id", ID).means("Nobody has to say it; whoever does must be right."),
        SAYS,
        KIND,
        MENTIONS,
        REPLY,
        CONTENT_OF,
        DATA,
        PAYLOAD,
        SEALED,
    ],
    one_of: &[&["conversation_id", "to"], BODIES],
};

pub(super) static EDIT: Named = Named {
    name: "Edit",
    what: "What a message says from now on. The kind is that of the message.",
    fields: &[takes("client_id", CLIENT_ID), SAYS, KIND, MENTIONS, REPLY, CONTENT_OF, DATA, PAYLOAD, SEALED],
    one_of: &[BODIES],
};

pub(super) static READ: Named = Named {
    name: "ReadMessages",
    what: "Messages that were read.",
    fields: &[takes("message_id", MESSAGE_NAME), takes("message_ids", MESSAGES)],
    one_of: &[&["message_id", "message_ids"]],
};

pub(super) static DELIVERED: Named = Named {
    name: "DeliveredMessages",
    what: "Messages that arrived, in any order.",
    fields: &[takes("message_id", MESSAGE_NAME), takes("message_ids", MESSAGES)],
    one_of: &[&["message_id", "message_ids"]],
};

pub(super) static MARK: Named = Named {
    name: "Mark",
    what: "What is said about a message.",
    fields: &[needs("status", Shape::Word(&["delivered", "read", "played", "forwarded"]))],
    one_of: &[],
};

pub(super) static CONVERSE: Named = Named {
    name: "NewConversation",
    what: "A conversation to begin: of two users, or of a group, which is made.",
    fields: &[
        needs("conversation_type", Shape::Word(&["direct", "group"])),
        needs("participant_ids", USERS).means("The others. Of two users it is one."),
        takes("title", text(limits::GROUP_TITLE_BYTES)),
        takes("description", text(limits::GROUP_ABOUT_BYTES)),
        takes("open", Shape::Flag).means("Whether anybody may join."),
        takes("post", POST).means("Who may post."),
        takes("id", ID).means("The id of the group; a new UUID where nothing is said."),
        takes("client_id", CLIENT_ID),
    ],
    one_of: &[],
};

pub(super) static GROUP_EDIT: Named = Named {
    name: "GroupEdit",
    what: "What is to change of a group.",
    fields: &[
        takes("title", text(limits::GROUP_TITLE_BYTES)),
        takes("about", text(limits::GROUP_ABOUT_BYTES)),
        takes("open", Shape::Flag),
        takes("post", POST),
    ],
    one_of: &[],
};

pub(super) static MEMBERS: Named = Named {
    name: "NewMembers",
    what: "Users to let into a group.",
    fields: &[needs("user_ids", USERS)],
    one_of: &[],
};

pub(super) static ROLE: Named = Named {
    name: "RoleOfMember",
    what: "Which role a member has from now on.",
    fields: &[needs("role", Shape::Word(&["member", "admin", "owner"]))],
    one_of: &[],
};

pub(super) static PROFILE: Named = Named {
    name: "ProfileEdit",
    what: "What is to change of the profile.",
    fields: &[
        takes("name", text(limits::USER_NAME_BYTES)),
        takes("about", text(limits::USER_ABOUT_BYTES)),
        takes("avatar", text(limits::AVATAR_BYTES)).means("Where the picture is."),
    ],
    one_of: &[],
};

pub(super) static CONTACT: Named = Named {
    name: "NewContact",
    what: "The owner's own name for somebody.",
    fields: &[takes("name", text(limits::USER_NAME_BYTES))],
    one_of: &[],
};

pub(super) static PUSH: Named = Named {
    name: "PushToken",
    what: "What a push service gave the device.",
    fields: &[
        takes("service", text(64)).means("`fcm`, `apns`, …"),
        needs(
            "token",
            Shape::Text(Text {
                min_chars: 1,
                max_chars: limits::PUSH_TOKEN_BYTES - 256,
                format: "bimip-name",
                pattern: "",
            }),
        ),
    ],
    one_of: &[],
};

pub(super) static TYPING: Named = Named {
    name: "Typing",
    what: "Whether the user writes in a conversation.",
    fields: &[
        takes("conversation_id", CONVERSATION),
        takes("to", ID),
        takes("is_typing", Shape::Flag).means("True where nothing is said."),
    ],
    one_of: &[&["conversation_id", "to"]],
};

static PLACE: Named = Named {
    name: "Place",
    what: "Where the user is.",
    fields: &[
        needs("latitude", Shape::Real { min: -90.0, max: 90.0 }),
        needs("longitude", Shape::Real { min: -180.0, max: 180.0 }),
        takes("altitude", Shape::Real { min: f64::MIN, max: f64::MAX }),
    ],
    one_of: &[],
};

pub(super) static PRESENCE: Named = Named {
    name: "OwnPresence",
    what: "What the user is doing.",
    fields: &[
        needs("status", Shape::Word(&["online", "offline", "away", "busy", "dnd"])),
        takes("ttl_s", Shape::Whole { min: 0, max: limits::PRESENCE_TTL_MAX_S as u64 }),
        takes("location", Shape::Named(&PLACE)),
    ],
    one_of: &[],
};

pub(super) static VISIBILITY: Named = Named {
    name: "SetVisibility",
    what: "Whether others see what the user is doing.",
    fields: &[needs("visible", Shape::Flag)],
    one_of: &[],
};

/// At least 8 bytes, which are 2 code points of four bytes each.
const PASSWORD: Shape = Shape::Text(Text {
    min_chars: limits::PASSWORD_MIN_BYTES / 4,
    max_chars: limits::PASSWORD_BYTES,
    format: "bimip-password",
    pattern: "",
});

pub(super) static CREDENTIALS: Named = Named {
    name: "Credentials",
    what: "A name and a password.",
    fields: &[
        needs("user", ID),
        needs("password", PASSWORD),
        takes("device_id", NAME).means("The only device that the token is good for."),
    ],
    one_of: &[],
};

pub(super) static NEW_PASSWORD: Named = Named {
    name: "NewPassword",
    what: "A name, a password, and another one in its place.",
    fields: &[
        needs("user", ID),
        needs("password", PASSWORD),
        needs("new_password", PASSWORD),
        takes("device_id", NAME),
    ],
    one_of: &[],
};

pub(super) static REFRESH: Named = Named {
    name: "TokenToRefresh",
    what: "A token that is still good.",
    fields: &[needs("token", Shape::Text(Text { min_chars: 1, ..Text::ANY }))],
    one_of: &[],
};

pub(super) static LOG_OUT: Named = Named {
    name: "LogOut",
    what: "What to log out.",
    fields: &[
        needs("scope", Shape::Word(&["device", "session", "account"])),
        takes("device_id", NAME).means("Of `device`: which one; this one where nothing is said."),
    ],
    one_of: &[],
};

pub(super) static ACK: Named = Named {
    name: "Ack",
    what: "How far a device has stored what its stream gave it.",
    fields: &[needs("offset", NUMBER)],
    one_of: &[],
};
