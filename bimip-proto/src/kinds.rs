//! What kinds of commands and questions there are, by name: for tables that must leave none of them out.

use crate::{Ask, ClientPacket, GroupAct};

macro_rules! kinds {
    ($of:ident: $($kind:pat => $name:literal,)+) => {
        impl $of {
            /// The name of every kind, in the order of the variants.
            pub const KINDS: &'static [&'static str] = &[$($name),+];

            /// The name of its kind, one of [`KINDS`](Self::KINDS).
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self {
                    $($kind => $name),+
                }
            }
        }
    };
}

kinds! { ClientPacket:
    Self::SignIn { .. } => "SignIn",
    Self::PushToken(_) => "PushToken",
    Self::Send(_) => "Send",
    Self::Talk(_) => "Talk",
    Self::Dispose(_) => "Dispose",
    Self::Delivered(_) => "Delivered",
    Self::Revise(_) => "Revise",
    Self::Mark { .. } => "Mark",
    Self::Group(_) => "Group",
    Self::Join(_) => "Join",
    Self::Leave(_) => "Leave",
    Self::Aware(_) => "Aware",
    Self::Signal(_) => "Signal",
    Self::Track(_) => "Track",
    Self::SetVisible { .. } => "SetVisible",
    Self::Token { .. } => "Token",
    Self::LogOut(_) => "LogOut",
    Self::Query(_) => "Query",
    Self::Unfit { .. } => "Unfit",
    Self::Ping(_) => "Ping",
    Self::Bye => "Bye",
    Self::User(_) => "User",
    Self::React(_) => "React",
}

kinds! { GroupAct:
    Self::Create { .. } => "Create",
    Self::Edit { .. } => "Edit",
    Self::Delete => "Delete",
    Self::Add(_) => "Add",
    Self::Remove(_) => "Remove",
    Self::SetRole { .. } => "SetRole",
    Self::Ban(_) => "Ban",
    Self::Unban(_) => "Unban",
}

kinds! { Ask:
    Self::History { .. } => "History",
    Self::Conversation(_) => "Conversation",
    Self::Conversations { .. } => "Conversations",
    Self::Status { .. } => "Status",
    Self::Profile(_) => "Profile",
    Self::AddressBook { .. } => "AddressBook",
    Self::Devices => "Devices",
    Self::Blocked { .. } => "Blocked",
    Self::Group(_) => "Group",
    Self::Members { .. } => "Members",
    Self::Around { .. } => "Around",
}
