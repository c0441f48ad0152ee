//! What goes wrong with edits and deletions, with groups that somebody manages, with what is live, and with what outsiders learn.

use super::bug::{Bug, edit};

/// What a world's checkers know of outsiders is what they are given; that they are told alike of what is there and of what is
/// not is found by the worlds of `tests/strangers.rs`, each with its twin.
const TWINS: &str = "worlds have no twins; tests/strangers.rs has";

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "strangers-edit",
        "anybody edits and deletes the messages of others",
        "DM-REV-1",
        &[edit(
            "ledger/settle.rs",
            "(about.message.is_some_and(|head| head.from.user == by.user), Reject::NoSuchMessage)",
            "(about.message.is_some_and(|_| !by.user.as_str().is_empty()), Reject::NoSuchMessage)",
        )],
    ),
    Bug::new(
        "deleted-body-in-the-backlog",
        "a message that is deleted is delivered to devices that did not have it",
        "DM-REV-5",
        &[edit(
            "ledger/view.rs",
            "    let deletion = if revised.deleted { view.entry(revised.sequence)? } else { None };\n    Ok(deletion",
            "    let deletion = if revised.edition > 9 { view.entry(revised.sequence)? } else { None };\n    Ok(deletion",
        )],
    ),
    Bug::new(
        "edited-after-the-end",
        "what is deleted can be edited, and is there again",
        "DM-REV-3",
        &[edit(
            "ledger/settle/revise.rs",
            "    if before.deleted || before.edition == u32::MAX {",
            "    if before.edition == u32::MAX {",
        )],
    ),
    Bug::new(
        "edition-given-twice",
        "two revisions of a message in one batch are the same edition",
        "DM-REV-3",
        &[edit("ledger/settle/revise.rs", "        edition: before.edition + 1,", "        edition: before.edition.max(1),")],
    ),
    Bug::new(
        "revision-carried-out-twice",
        "a revision that is said again is another edition",
        "DM-REV-4",
        &[edit(
            "ledger/settle/revise.rs",
            "        overlay.key(key.clone(), Known::Stored { sequence, offset, digest });",
            "        let _ = (key, offset, digest);",
        )],
    ),
    Bug::new(
        "revision-for-its-author-only",
        "whoever was sent a message is not told that it was edited",
        "DM-REV-2",
        &[edit(
            "ledger/settle/revise.rs",
            "        Address::User(to) => return Ok(Ok(vec![author.clone(), to.clone()])),",
            "        Address::User(_) => return Ok(Ok(vec![author.clone()])),",
        )],
    ),
    Bug::new(
        "edit-for-who-came-later",
        "an edit reaches members who came after the message",
        "DM-REV-2",
        &[edit(
            "ledger/settle/revise.rs",
            "        if overlay.membership(group, user)?.saw(head.seq) {",
            "        if overlay.membership(group, user)?.is_member() {",
        )],
    ),
    Bug::new(
        "history-without-edits",
        "history tells a message as it was sent, whatever it says now",
        "DM-HIS-4",
        &[edit(
            "ledger/query/history.rs",
            "    } else if revised.edition > 0\n",
            "    } else if revised.edition > 1\n",
        )],
    ),
    Bug::new(
        "history-of-a-left-member",
        "who left a group goes on reading its history",
        "DM-HIS-5",
        &[edit(
            "ledger/query/seen.rs",
            "(first, last.unwrap_or(head).min(head))",
            "(first, last.map_or(head, |_| head))",
        )],
    ),
    Bug::new(
        "revisions-of-the-last-run-forgotten",
        "an app that starts again does not say what it had not been answered",
        "DM-REV-4",
        &[edit(
            "client/session.rs",
            "            revisions: Revisions::new(resume.revisions),",
            "            revisions: Revisions::new(Vec::new()),",
        )],
    ),
    Bug::new(
        "ban-that-does-not-hold",
        "who is banned comes in by joining",
        "DM-GRP-16",
        &[edit(
            "ledger/rights.rs",
            "    let may = membership.is_member() || (open && !membership.is_banned());",
            "    let may = membership.is_member() || open;",
        )],
    ),
    Bug::new(
        "ban-forgotten-by-the-sign-in",
        "who is banned comes in by the sign-in",
        "DM-GRP-16",
        &[edit(
            "ledger/settle.rs",
            "            (!gone && !member.is_banned(), Reject::NotMember)",
            "            (!gone, Reject::NotMember)",
        )],
    ),
    Bug::new(
        "listeners-post",
        "where only admins may post everybody does",
        "DM-GRP-14",
        &[edit(
            "ledger/rights.rs",
            "        MayPost::Admins if membership.role() < Role::Admin => Err(Reject::Role),",
            "        MayPost::Admins if membership.role() > Role::Owner => Err(Reject::Role),",
        )],
    ),
    Bug::new(
        "rights-of-before-the-batch",
        "who was put out posts in the same batch",
        "DM-GRP-5",
        &[edit(
            "ledger/settle/manage.rs",
            "        feed::go(self.group, &step.gone, overlay)?;\n        overlay.moved(self.group, step.memberships)?;",
            "        feed::go(self.group, &step.gone, overlay)?;\n        overlay.moved(self.group, step.memberships.into_iter().filter(|(_, it)| it.is_member()).collect())?;",
        )],
    ),
    Bug::new(
        "change-not-told-to-who-went",
        "who is put out of a group that has a feed is not told",
        "DM-GRP-12",
        &[edit(
            "ledger/settle/manage.rs",
            "        let fed = overlay.feed(self.group, sequence)?;\n        feed::go(self.group, &step.gone, overlay)?;",
            "        feed::go(self.group, &step.gone, overlay)?;\n        let fed = overlay.feed(self.group, sequence)?;",
        )],
    ),
    Bug::new(
        "heir-by-name",
        "when its owner leaves, a group is owned by whoever comes first by name",
        "DM-GRP-17",
        &[edit(
            "ledger/settle/member.rs",
            "        if eldest.as_ref().is_none_or(|(first, _)| rank < *first) {",
            "        if eldest.is_none() {",
        )],
    ),
    Bug::new(
        "typing-of-a-hidden-user",
        "that a hidden user types is told",
        "DM-PRS-4",
        &[edit(
            "server/presence.rs",
            "        if said.act.is_presence() && self.hides(&device.user) {",
            "        if !said.act.is_presence() && self.hides(&device.user) {",
        )],
    ),
    Bug::new(
        "position-of-a-hidden-user",
        "where a hidden user is is told",
        "DM-PRS-4",
        &[edit(
            "server/presence.rs",
            "        if self.hides(&device.user) {\n            return;\n        }\n        if let Address::User(to) = &track.to",
            "        if let Address::User(to) = &track.to",
        )],
    ),
    Bug::new(
        "hidden-user-comes",
        "that a hidden user is here is told when they come",
        "DM-PRS-4",
        &[edit(
            "server/presence.rs",
            "        if doing.gone.is_none() && self.roster.is_hidden(user) {",
            "        if doing.gone.is_some() && self.roster.is_hidden(user) {",
        )],
    ),
    Bug::new(
        "not-seen-again",
        "who is not hidden any more is not seen again",
        "DM-PRS-2",
        &[edit(
            "server/account.rs",
            "        if before.is_some_and(|before| before.hidden && !standing.hidden) {",
            "        if before.is_some_and(|before| before.hidden && standing.hidden) {",
        )],
    ),
    Bug::new(
        "presence-to-strangers",
        "the presence of a user is told to everybody in their groups, and in the groups of those",
        "DM-PRS-1",
        &[edit(
            "server/presence.rs",
            "        let members = groups.flat_map(|group| self.roster.members(group));",
            "        let members = groups.flat_map(|group| self.roster.members(group).flat_map(|it| self.roster.groups_of(it)).flat_map(|it| self.roster.members(&it).cloned().collect::<Vec<_>>()).collect::<Vec<_>>());\n        let members: Vec<UserId> = members.collect();\n        let members = members.iter();",
        )],
    ),
    Bug::new(
        "never-told-that-they-went",
        "that somebody went is told to nobody",
        "DM-PRS-2",
        &[edit(
            "server/presence.rs",
            "        if hidden || ends {\n            self.presences.0.remove(user);",
            "        if !hidden || ends {\n            self.presences.0.remove(user);",
        )],
    ),
    Bug::new(
        "gone-in-silence",
        "who went is forgotten when the next connection is not let in",
        "DM-PRS-2",
        &[edit("server/presence.rs", "        if doing.gone.is_some() {\n            // It was", "        if ends {\n            // It was")],
    )
    .by_tests("it takes a read that fails within a moment: one world in ten thousand"),
    Bug::new(
        "outsider-hears-that-it-is-there",
        "who is in no group of that name is told otherwise where there is one",
        "DM-GRP-5",
        &[edit(
            "ledger/rights.rs",
            "    if group.is_none() || !asker.is_member() {\n        return Err(Reject::NotMember);\n    }",
            "    if group.is_none() {\n        return Err(Reject::NotMember);\n    }\n    if !asker.is_member() {\n        return Err(Reject::Role);\n    }",
        )],
    )
    .by_tests(TWINS),
    Bug::new(
        "outsider-hears-that-it-is-deleted",
        "who asks to edit a message of others is told that it is deleted",
        "DM-REV-1",
        &[edit(
            "ledger/settle/revise.rs",
            "    if let Verdict::Refused(reject) = judge(put, &About { message: Some(head), ..About::default() }) {",
            "    if head.from.user != by.user && overlay.revised(head.id.sequence())?.deleted {\n        return Ok(Outcome::Refused(Reject::Deleted));\n    }\n    if let Verdict::Refused(reject) = judge(put, &About { message: Some(head), ..About::default() }) {",
        )],
    )
    .by_tests(TWINS),
    Bug::new(
        "outsider-hears-of-a-voice-message",
        "who asks to edit a message of others is told what kind it is",
        "DM-REV-1",
        &[edit(
            "ledger/settle.rs",
            "            (about.message.is_some_and(|head| head.from.user == by.user), Reject::NoSuchMessage)",
            "            (about.message.is_some_and(|head| head.from.user == by.user), if about.message.is_some() { Reject::NotMember } else { Reject::NoSuchMessage })",
        )],
    )
    .by_tests(TWINS),
];
