//! The objects of answers. JSON events have the same ones: what is said of a field there holds here.

use bimip_proto::limits;

use super::shape::{CLIENT_ID, Field, ID, MESSAGE_ID, NAME, NUMBER, Named, Shape, TEXT, Text, may, needs};

const KINDS: Shape = Shape::Word(&[
    "text",
    "image",
    "interactive",
    "notification",
    "video",
    "audio",
    "voice_note",
    "circle_video",
    "sticker",
    "voice",
]);
const MARKS: Shape =
    Shape::List { of: &Shape::Word(&["delivered", "read", "played", "forwarded"]), min: 0, max: 4 };
const REACHED: Shape = Shape::Word(&["pending", "sent", "delivered", "read"]);
const ROLE: Shape = Shape::Word(&["member", "admin", "owner"]);
const POST: Shape = Shape::Word(&["everyone", "admins"]);
const PRESENCES: Shape = Shape::Word(&[
    "online",
    "offline",
    "away",
    "busy",
    "dnd",
    "typing",
    "recording",
    "forwarded",
    "delivered",
    "read",
    "resumed",
]);
/// A conversation as the server names it.
const CONVERSATION_ID: Shape =
    Shape::Text(Text { min_chars: 3, pattern: "^(d:[^:]+:[^:]+|g:.+)$", ..Text::ANY });
const MORE: Field =
    needs("has_more", Shape::Flag).means("Whether there is more in the direction that was asked for.");

const fn named(name: &'static str, what: &'static str, fields: &'static [Field]) -> Named {
    Named { name, what, fields, one_of: &[] }
}

pub(super) static MENTION: Named = named(
    "Mention",
    "A user whom a text mentions, and where in it, in code points.",
    &[
        needs("user_id", ID),
        needs("offset", Shape::Whole { min: 0, max: limits::CONTENT_TEXT_CHARS as u64 }),
        needs("length", Shape::Whole { min: 1, max: limits::CONTENT_TEXT_CHARS as u64 }),
    ],
);

static REACTION: Named = named(
    "ReactionCount",
    "Users who reacted to a message with the same emoji.",
    &[
        needs("emoji", TEXT),
        needs("count", NUMBER),
        needs("mine", Shape::Flag),
        needs("users", Shape::List { of: &ID, min: 0, max: limits::REACTION_USERS }).means("Some of them."),
    ],
);

pub(super) static MESSAGE: Named = named(
    "Message",
    "A message.",
    &[
        needs("id", MESSAGE_ID),
        needs("conversation_id", CONVERSATION_ID),
        needs("seq", NUMBER).means("Its place in the conversation: 1, 2, 3."),
        needs("sender_user_id", ID),
        needs("sender_device_id", NAME),
        may("client_id", CLIENT_ID).means("What its sender called it."),
        may("client_time", Shape::Time).means("Its sender's clock."),
        needs("message_type", KINDS),
        needs("content", TEXT).means("What it says, or what stands for it. Empty where it is deleted."),
        may("body", Shape::Object).means("Its content, where it has a kind."),
        may("data", Shape::Object).means("Its JSON."),
        may("payload", TEXT).means("Its bytes, in Base64."),
        may("encryption", Shape::Object),
        may("duration_ms", NUMBER).means("Of a recorded talk."),
        may("url", TEXT).means("Where the sound of a talk is."),
        may("mentions", Shape::List { of: &Shape::Named(&MENTION), min: 0, max: limits::MENTIONS }),
        may("reply_to_id", MESSAGE_ID).means("The message that it answers."),
        needs("status", Shape::Word(&["sent"])),
        needs("created_at", Shape::Time),
        may("is_edited", Shape::Flag),
        may("edition", NUMBER).means("How often it was edited."),
        may("deleted", Shape::Flag),
        may("marks", MARKS).means("What was said about it."),
        may("reaction_edition", NUMBER),
        may("reactions", Shape::List { of: &Shape::Named(&REACTION), min: 0, max: limits::REACTION_KINDS }),
    ],
);

pub(super) static MESSAGES: Named = named(
    "Messages",
    "A page of messages, the newest first.",
    &[
        needs(
            "messages",
            Shape::List { of: &Shape::Named(&MESSAGE), min: 0, max: limits::PAGE_ROWS as usize },
        ),
        MORE,
    ],
);

static ENTITY: Named = named(
    "ChatEntity",
    "A message, as clients of chat know it.",
    &[
        needs("senderId", ID),
        may("receiverId", ID),
        may("groupId", ID),
        needs("messageId", MESSAGE_ID),
        needs("id", MESSAGE_ID),
        needs("timestamp", Shape::Time),
        needs("messageText", TEXT),
        needs("attachment", Shape::Flag).means("Whether anything is attached."),
        needs("attachmentURI", Shape::List { of: &TEXT, min: 0, max: limits::ATTACHMENTS }),
        may("durationMs", NUMBER),
        needs("receivedServer", Shape::Flag),
        needs("delivered", Shape::Flag),
        needs("read", Shape::Flag),
        needs("seq", NUMBER),
        needs("kind", KINDS),
        needs("senderDeviceId", NAME),
        may("clientMessageId", CLIENT_ID),
        may("clientTimestamp", Shape::Time),
        may("deleted", Shape::Flag),
    ],
);

static BATCH: Named = named(
    "ChatBatch",
    "Entities that came together.",
    &[needs("payload", Shape::List { of: &Shape::Named(&ENTITY), min: 1, max: limits::PAGE_ROWS as usize })],
);

pub(super) static ENTITIES: Named = named(
    "ChatEntities",
    "A page of entities, the newest first.",
    &[needs("messages", Shape::List { of: &Shape::Named(&BATCH), min: 0, max: 1 }), MORE],
);

pub(super) static EDITED: Named = named(
    "EditedMessage",
    "What a message says from now on.",
    &[
        needs("id", TEXT).means("As the path says."),
        needs("content", TEXT),
        needs("message_type", KINDS),
        may("body", Shape::Object),
        may("data", Shape::Object),
        may("payload", TEXT),
        may("encryption", Shape::Object),
        may("mentions", Shape::List { of: &Shape::Named(&MENTION), min: 0, max: limits::MENTIONS }),
        may("reply_to_id", MESSAGE_ID),
        needs("is_edited", Shape::Flag),
        needs("edition", NUMBER).means("1 for the first edit, 2 for the next."),
        needs("edited_at", Shape::Time).means("When this was answered."),
    ],
);

pub(super) static DELETED: Named = named(
    "DeletedMessage",
    "A message that says nothing any more.",
    &[
        needs("id", TEXT).means("As the path says."),
        needs("deleted", Shape::Flag),
        needs("edition", NUMBER),
        needs("deleted_at", Shape::Time).means("When this was answered."),
    ],
);

pub(super) static READ: Named = named(
    "MarkedRead",
    "Messages that were read.",
    &[
        needs("marked_count", NUMBER).means("How many of them are messages to this user."),
        needs("read_at", Shape::Time).means("When this was answered."),
    ],
);

pub(super) static DELIVERED: Named = named(
    "MarkedDelivered",
    "Messages that arrived.",
    &[needs("marked_count", NUMBER), needs("delivered_at", Shape::Time).means("When this was answered.")],
);

pub(super) static MARKED: Named = named(
    "Marked",
    "What was said about a message.",
    &[
        needs("message_id", TEXT).means("As the path says."),
        needs("status", Shape::Word(&["delivered", "read", "played", "forwarded"])),
    ],
);

static COUNTS: Named = named(
    "StatusCounts",
    "How many a message got to.",
    &[
        needs("recipients", NUMBER),
        needs("delivered", NUMBER),
        needs("read", NUMBER),
        needs("exact", Shape::Flag).means("Whether these are the numbers, or what there is at least."),
        may("first_delivered_at", Shape::Time),
        may("first_read_at", Shape::Time),
    ],
);

static DEVICE_STATUS: Named = named(
    "DeviceStatus",
    "Where a message is on its way to a device.",
    &[
        needs("device_id", NAME),
        needs(
            "state",
            Shape::Word(&[
                "acknowledged",
                "sent",
                "next",
                "window_full",
                "no_words",
                "logged_out",
                "offline",
                "elsewhere",
                "unknown",
            ]),
        ),
        may("at", Shape::Time),
        may("rows_before", NUMBER),
        may("connected_at", Shape::Time),
    ],
);

static RECIPIENT: Named = named(
    "Recipient",
    "How far a message got with one user.",
    &[
        needs("user_id", ID),
        needs("status", REACHED),
        needs("marks", MARKS),
        may("delivered_at", Shape::Time),
        may("read_at", Shape::Time),
        may("reason", Shape::Word(&["deleted", "left_group", "not_filled", "never_connected", "untold"]))
            .means("What keeps it from them."),
        may("offset", NUMBER),
        may(
            "devices",
            Shape::List { of: &Shape::Named(&DEVICE_STATUS), min: 0, max: 2 * limits::STATUS_DEVICES },
        ),
        may("more_devices", Shape::Flag),
    ],
);

pub(super) static STATUS: Named = named(
    "MessageStatus",
    "How far a message got.",
    &[
        needs("message_id", MESSAGE_ID),
        may("client_id", CLIENT_ID),
        needs("conversation_id", CONVERSATION_ID),
        needs("seq", NUMBER),
        needs("sender_user_id", ID),
        needs("sender_device_id", NAME),
        needs("created_at", Shape::Time),
        may("deleted", Shape::Flag),
        needs("status", REACHED),
        needs("counts", Shape::Named(&COUNTS)),
        needs(
            "recipients",
            Shape::List { of: &Shape::Named(&RECIPIENT), min: 0, max: limits::STATUS_USERS as usize },
        ),
        MORE,
    ],
);

pub(super) static REACTED: Named = named(
    "Reaction",
    "A reaction to a message.",
    &[
        needs("message_id", TEXT).means("As the path says."),
        needs("emoji", TEXT),
        needs("on", Shape::Flag).means("Whether it is there from now on."),
        needs("count", NUMBER).means("How many users have reacted with it."),
        needs("edition", NUMBER),
    ],
);

pub(super) static CONVERSATION: Named = named(
    "Conversation",
    "A conversation as this user sees it.",
    &[
        needs("id", CONVERSATION_ID),
        needs("conversation_type", Shape::Word(&["direct", "group"])),
        may("participant_ids", Shape::List { of: &ID, min: 1, max: limits::GROUP_ADD_USERS + 1 })
            .means("Of two users; of a group where it was just made."),
        may("title", TEXT),
        may("description", TEXT),
        may("last_message", Shape::Named(&MESSAGE)),
        may("last_activity_at", Shape::Time),
        may("cursor", MESSAGE_ID).means("Where it stands in the list: the id of its last message."),
        needs("message_count", NUMBER),
        may("read_seq", NUMBER),
        needs("unread_count", NUMBER),
        may("unread_exact", Shape::Flag),
        may("unread_deleted", Shape::List { of: &NUMBER, min: 0, max: limits::UNREAD_MESSAGES }),
    ],
);

pub(super) static CONVERSATIONS: Named = named(
    "Conversations",
    "A page of conversations, the one with the newest message first.",
    &[
        needs(
            "conversations",
            Shape::List { of: &Shape::Named(&CONVERSATION), min: 0, max: limits::PAGE_ROWS as usize },
        ),
        MORE,
        may("next", MESSAGE_ID).means("The `before_id` of the next page, where there is one."),
    ],
);

pub(super) static GROUP_DONE: Named = named(
    "GroupChanged",
    "What was asked about a group is done.",
    &[needs("group_id", ID), needs("edition", NUMBER).means("Which change of the group it was.")],
);

pub(super) static GROUP: Named = named(
    "Group",
    "A group.",
    &[
        needs("group_id", ID),
        needs("edition", NUMBER).means("Its last change; 0 while nobody ever managed it."),
        needs("title", TEXT),
        needs("about", TEXT),
        needs("open", Shape::Flag).means("Whether anybody may join."),
        needs("post", POST).means("Who may post."),
        needs("members", NUMBER),
        needs("role", ROLE).means("This user's own."),
        may("since", Shape::Time).means("Since when this user is in it."),
    ],
);

static MEMBER: Named = named("Member", "A member of a group.", &[needs("user_id", ID), needs("role", ROLE)]);

pub(super) static MEMBERS: Named = named(
    "Members",
    "A page of the members of a group.",
    &[
        needs("members", Shape::List { of: &Shape::Named(&MEMBER), min: 0, max: limits::PAGE_ROWS as usize })
            .means("Fewer than were asked for, or none, where many between them have left."),
        MORE,
        may("next", ID).means("The `after_user` of the next page, where there is one."),
    ],
);

pub(super) static PROFILE: Named = named(
    "Profile",
    "What a user tells others.",
    &[
        needs("user_id", ID),
        needs("edition", NUMBER),
        needs("name", TEXT),
        needs("about", TEXT),
        needs("avatar", TEXT),
        may("last_seen", Shape::Time),
    ],
);

pub(super) static CONTACT: Named = named(
    "Contact",
    "An entry of the address book.",
    &[needs("user_id", ID), needs("name", TEXT).means("The owner's own name for them.")],
);

pub(super) static CONTACTS: Named = named(
    "Contacts",
    "A page of the address book, in the order of its ids.",
    &[
        needs(
            "contacts",
            Shape::List { of: &Shape::Named(&CONTACT), min: 0, max: limits::PAGE_ROWS as usize },
        ),
        MORE,
    ],
);

pub(super) static BLOCKS: Named = named(
    "Blocks",
    "A page of those whom the user has blocked.",
    &[needs("blocked", Shape::List { of: &ID, min: 0, max: limits::PAGE_ROWS as usize }), MORE],
);

static DEVICE: Named = named(
    "Device",
    "A device of the user.",
    &[
        needs("device_id", NAME),
        needs("first_seen", Shape::Time),
        needs("last_seen", Shape::Time),
        needs("cursor", NUMBER).means("Up to where it has stored the mailbox."),
        needs("push", Shape::Flag).means("Whether it has a push token."),
        may("logged_out_before", Shape::Time),
    ],
);

pub(super) static DEVICES: Named = named(
    "Devices",
    "The devices of the user.",
    &[needs("devices", Shape::List { of: &Shape::Named(&DEVICE), min: 0, max: limits::LISTED_DEVICES })],
);

pub(super) static PUSH: Named =
    named("PushRegistration", "Where to push to.", &[needs("registered", Shape::Flag)]);

static LOCATION: Named = named(
    "Location",
    "A place.",
    &[
        needs("latitude", Shape::Real { min: -90.0, max: 90.0 }),
        needs("longitude", Shape::Real { min: -180.0, max: 180.0 }),
        may("altitude", Shape::Real { min: f64::MIN, max: f64::MAX }),
    ],
);

static PRESENCE: Named = named(
    "Presence",
    "What somebody is doing.",
    &[
        needs("user_id", ID),
        needs("device_id", NAME),
        needs("status", PRESENCES),
        may("ttl_s", NUMBER),
        may("location", Shape::Named(&LOCATION)),
        may("timestamp", Shape::Time),
    ],
);

pub(super) static AROUND: Named = named(
    "Presences",
    "Those of who is here, in the order of their ids.",
    &[needs("presences", Shape::List { of: &Shape::Named(&PRESENCE), min: 0, max: limits::AROUND }), MORE],
);

pub(super) static VISIBILITY: Named =
    named("Visibility", "Whether others see what the user is doing.", &[needs("visible", Shape::Flag)]);

pub(super) static PASS: Named = named(
    "Pass",
    "A token for every door.",
    &[
        needs("token", TEXT),
        may("expires_at", Shape::Time),
        may("refresh_until", Shape::Time).means("Until when a newer one is made of it."),
    ],
);

pub(super) static ERROR: Named = named(
    "Error",
    "Why a request was not carried out.",
    &[
        needs("code", TEXT).means("Why, for a program."),
        needs("message", TEXT).means("Why, for a developer."),
        needs("details", Shape::Named(&DETAILS)),
        needs("request_id", TEXT),
    ],
);

static DETAILS: Named = named(
    "ErrorDetails",
    "What is wrong, and when to say it again.",
    &[may("field", TEXT), may("retry_after_ms", NUMBER)],
);

pub(super) static DOCUMENT: Named =
    named("Document", "An OpenAPI document.", &[needs("openapi", TEXT), needs("paths", Shape::Object)]);

pub(super) static EVENT: Named = named(
    "Event",
    "An event, as docs/protocol/events.md has them.",
    &[
        needs("type", TEXT),
        may("offset", NUMBER).means("Its place in the mailbox, where it has one."),
        may("prev_offset", NUMBER).means("The place of the last one before it."),
    ],
);

pub(super) static SYNCED: Named = named(
    "Batch",
    "The next events of the mailbox.",
    &[
        needs("epoch", NUMBER).means("Which mailbox this is."),
        needs("first", NUMBER).means("The oldest offset that is kept."),
        needs("since", NUMBER).means("What the client has, as far as the server knows."),
        needs("next", NUMBER).means("What to say as `since` once this is stored."),
        needs("head", NUMBER).means("The newest offset."),
        needs("has_more", Shape::Flag).means("Whether there may be more at once."),
        needs("events", Shape::List { of: &Shape::Named(&EVENT), min: 0, max: usize::MAX }),
    ],
);

pub(super) static ACKED: Named = named(
    "Acked",
    "How far the device has stored its mailbox.",
    &[needs("offset", NUMBER).means("No further than what it was given.")],
);
