//! The words of this dialect for what the model counts: reasons, statuses, presences, acts.

use bimip_proto::{
    Act, BodyKind, FaultKind, LogOut, Marks, MayPost, Presence, Reject, Role, Status, TokenTask,
};

pub(crate) const fn of_status(status: Status) -> &'static str {
    match status {
        Status::Delivered => "delivered",
        Status::Read => "read",
        Status::Played => "played",
        Status::Forwarded => "forwarded",
        _ => "sent",
    }
}

/// What a recipient may say.
pub(crate) fn status(word: &str) -> Option<Status> {
    [Status::Delivered, Status::Read, Status::Played, Status::Forwarded]
        .into_iter()
        .find(|it| of_status(*it) == word)
}

/// All that was said about a message.
pub(crate) fn of_marks(marks: Marks) -> impl Iterator<Item = &'static str> {
    let said = [Status::Delivered, Status::Read, Status::Played, Status::Forwarded];
    said.into_iter().filter(move |it| marks.has(*it)).map(of_status)
}

pub(crate) const fn of_presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Offline => "offline",
        Presence::Away => "away",
        Presence::Busy => "busy",
        Presence::DoNotDisturb => "dnd",
        Presence::Typing => "typing",
        Presence::Recording => "recording",
        Presence::Forwarded => "forwarded",
        Presence::Delivered => "delivered",
        Presence::Read => "read",
        Presence::Resumed => "resumed",
        _ => "online",
    }
}

pub(crate) fn presence(word: &str) -> Option<Presence> {
    Presence::ALL.into_iter().find(|it| of_presence(*it) == word)
}

pub(crate) const fn of_act(act: Act) -> &'static str {
    match act {
        Act::Recording => "recording",
        Act::Paused => "paused",
        Act::Cancelled => "cancelled",
        Act::Resumed => "resumed",
        Act::Calling => "calling",
        Act::Declined => "declined",
        _ => "typing",
    }
}

pub(crate) fn act(word: &str) -> Option<Act> {
    Act::ALL.into_iter().find(|it| of_act(*it) == word)
}

pub(crate) const fn of_task(task: TokenTask) -> &'static str {
    match task {
        TokenTask::Refresh => "refresh",
        TokenTask::Revoke => "revoke",
        _ => "validate",
    }
}

pub(crate) fn task(word: &str) -> Option<TokenTask> {
    [TokenTask::Refresh, TokenTask::Revoke, TokenTask::Validate].into_iter().find(|it| of_task(*it) == word)
}

pub(crate) const fn of_role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        _ => "member",
    }
}

pub(crate) fn role(word: &str) -> Option<Role> {
    [Role::Member, Role::Admin, Role::Owner].into_iter().find(|it| of_role(*it) == word)
}

pub(crate) const fn of_post(post: MayPost) -> &'static str {
    match post {
        MayPost::Admins => "admins",
        _ => "everyone",
    }
}

pub(crate) fn post(word: &str) -> Option<MayPost> {
    [MayPost::Everyone, MayPost::Admins].into_iter().find(|it| of_post(*it) == word)
}

pub(crate) const fn of_scope(what: &LogOut) -> &'static str {
    match what {
        LogOut::Device(_) => "device",
        LogOut::Session => "session",
        _ => "account",
    }
}

/// What a message is. A talk has the same word as in other dialects.
pub(crate) const fn of_kind(kind: BodyKind) -> &'static str {
    match kind {
        BodyKind::Image => "image",
        BodyKind::Interactive => "interactive",
        BodyKind::Video => "video",
        BodyKind::Audio => "audio",
        BodyKind::VoiceNote => "voice_note",
        BodyKind::CircleVideo => "circle_video",
        BodyKind::Sticker => "sticker",
        BodyKind::Voice { .. } => "voice",
        BodyKind::Notification => "notification",
        _ => "text",
    }
}

/// What a client may send. Only the end of a talk makes a talk.
pub(crate) fn kind(word: &str) -> Option<BodyKind> {
    let others = [BodyKind::Interactive, BodyKind::Notification];
    BodyKind::WITH_CONTENT.into_iter().chain(others).find(|it| of_kind(*it) == word)
}

/// Why something was refused, for a program.
pub(crate) const fn of_reject(reason: Reject) -> &'static str {
    match reason {
        Reject::Conflict => "CONFLICT",
        Reject::NotYourself => "NOT_YOURSELF",
        Reject::Blocked => "BLOCKED",
        Reject::NoSuchMessage => "NO_SUCH_MESSAGE",
        Reject::Deleted => "DELETED",
        Reject::NotMember => "NOT_MEMBER",
        Reject::Role => "ROLE",
        Reject::Taken => "TAKEN",
        Reject::Full => "FULL",
        Reject::TooLarge => "TOO_LARGE",
        Reject::BadToken => "BAD_TOKEN",
        Reject::Field(_) => "FIELD",
        Reject::Busy => "BUSY",
        Reject::Unavailable => "UNAVAILABLE",
        Reject::NoStream => "NO_STREAM",
        _ => "UNSUPPORTED",
    }
}

/// A word of a newer server will not pass, as far as anybody can know.
pub(crate) fn reject(word: &str) -> Reject {
    [
        Reject::Conflict,
        Reject::NotYourself,
        Reject::Blocked,
        Reject::NoSuchMessage,
        Reject::Deleted,
        Reject::NotMember,
        Reject::Role,
        Reject::Taken,
        Reject::Full,
        Reject::TooLarge,
        Reject::BadToken,
        Reject::Field(""),
        Reject::Busy,
        Reject::Unavailable,
        Reject::NoStream,
    ]
    .into_iter()
    .find(|it| of_reject(*it) == word)
    .unwrap_or(Reject::Unsupported)
}

/// What is wrong with a frame, for a program: the counter's name in capitals.
pub(crate) fn of_fault(kind: FaultKind) -> String {
    kind.name().to_ascii_uppercase()
}

pub(crate) fn fault(word: &str) -> FaultKind {
    FaultKind::ALL
        .into_iter()
        .find(|kind| kind.name().eq_ignore_ascii_case(word))
        .unwrap_or(FaultKind::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_for_one_thing_each() {
        for it in Presence::ALL {
            assert_eq!(presence(of_presence(it)), Some(it));
        }
        for it in Act::ALL {
            assert_eq!(act(of_act(it)), Some(it));
        }
        for it in FaultKind::ALL {
            assert_eq!(fault(&of_fault(it)), it);
        }
        for it in [Status::Delivered, Status::Read, Status::Played, Status::Forwarded] {
            assert_eq!(status(of_status(it)), Some(it));
        }
        assert_eq!(status("sent"), None, "the server says it");
        for it in [Reject::Conflict, Reject::Busy, Reject::Field(""), Reject::Unsupported] {
            assert_eq!(reject(of_reject(it)), it);
        }
        assert_eq!(kind("voice"), None, "a talk makes it");
    }
}
