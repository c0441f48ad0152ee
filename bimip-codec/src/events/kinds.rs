//! The events of a client, by name and by number: answers name what they are about, and the core knows it by number.

macro_rules! kinds {
    ($($constant:ident = $number:literal $name:literal),+ $(,)?) => {
        $(pub(super) const $constant: u32 = $number;)+

        /// The number of an event of this name; `None` for one that this version does not know.
        pub(super) fn number(name: &str) -> Option<u32> {
            match name {
                $($name => Some($number),)+
                _ => None,
            }
        }

        /// The name of an event; empty where there is none.
        pub(super) const fn name(number: u32) -> &'static str {
            match number {
                $($number => $name,)+
                _ => "",
            }
        }
    };
}

kinds! {
    AUTH = 1 "auth",
    SEND = 2 "send",
    ACK = 3 "ack",
    DELIVERED = 4 "delivered",
    READ_RECEIPT = 5 "read_receipt",
    MARK = 6 "mark",
    EDIT = 7 "edit",
    DELETE = 8 "delete",
    TYPING = 9 "typing",
    SIGNAL = 10 "signal",
    PRESENCE = 11 "presence",
    LOCATION = 12 "location",
    VISIBILITY = 13 "visibility",
    GROUP = 14 "group",
    JOIN = 15 "join",
    LEAVE = 16 "leave",
    HISTORY = 17 "history",
    CONVERSATION = 18 "conversation",
    CONVERSATIONS = 19 "conversations",
    TOKEN = 20 "token",
    LOGOUT = 21 "logout",
    PUSH_TOKEN = 22 "push_token",
    PING = 23 "ping",
    BYE = 24 "bye",
    REACT = 25 "react",
    STATUS = 26 "status",
    USER = 27 "user",
    PROFILE = 28 "profile",
    ADDRESS_BOOK = 29 "address_book",
    DEVICES = 30 "devices",
    BLOCKED = 31 "blocked",
    GROUP_STATE = 32 "group_state",
    MEMBERS = 33 "members",
    AROUND = 34 "around",
}

/// Whether it is a question about what is stored.
pub(super) const fn asks(kind: u32) -> bool {
    matches!(
        kind,
        HISTORY
            | CONVERSATION
            | CONVERSATIONS
            | STATUS
            | PROFILE
            | ADDRESS_BOOK
            | DEVICES
            | BLOCKED
            | GROUP_STATE
            | MEMBERS
            | AROUND
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_go_together() {
        for kind in AUTH..=AROUND {
            assert_eq!(number(name(kind)), Some(kind));
        }
        assert_eq!((number(""), number("auth "), name(0), name(AROUND + 1)), (None, None, "", ""));
    }
}
