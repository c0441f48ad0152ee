//! What goes wrong where users keep things about themselves and each other.

use super::bug::{Bug, edit};

/// The worlds of the runner have nobody who keeps anything, and their clients ask for no profiles.
const NOBODY: &str = "nobody keeps or blocks anything there";

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "block-not-judged",
        "a message is stored although its receiver has blocked its sender",
        "DM-BLK-1",
        &[edit(
            "ledger/settle/message.rs",
            "            Address::User(to) if to != from => overlay.has_blocked(to, from)?,\n",
            "            Address::User(to) if to != from => overlay.has_blocked(to, from)? && put.key.is_none(),\n",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "edit-past-a-block",
        "who is blocked goes on writing by editing what is there",
        "DM-BLK-1",
        &[edit(
            "ledger/settle/revise.rs",
            "if revise.body.is_some() && overlay.has_blocked(to, author)? =>",
            "if revise.body.is_some() && overlay.has_blocked(author, to)? =>",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "block-by-an-old-answer",
        "a session that begins while a block is decided does not know of it",
        "DM-BLK-2",
        &[edit(
            "server/roster.rs",
            "            here.blocked.get_or_insert_with(|| Arc::clone(blocked));\n",
            "            here.blocked = Some(Arc::clone(blocked));\n",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "going-told-to-blocked",
        "who is blocked hears that the other one went offline",
        "DM-BLK-2",
        &[edit(
            "server/presence.rs",
            "Some(left) => (left.groups.clone(), Arc::clone(&left.blocked)),",
            "Some(left) => (left.groups.clone(), Arc::default()),",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "call-past-a-block",
        "who is blocked types and calls",
        "DM-BLK-2",
        &[edit(
            "server/presence.rs",
            "let cut_off = self.roster.shuts_out(to, from) || presence",
            "let cut_off = presence",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "voice-past-a-block",
        "live voice reaches who has blocked the talker",
        "DM-BLK-2",
        &[edit(
            "server/talk.rs",
            "            Address::User(user) if self.roster.shuts_out(user, &device.user) => {",
            "            Address::User(user) if self.roster.shuts_out(&device.user, user) => {",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "seen-though-hidden",
        "it is told when somebody was last seen who is hidden",
        "DM-USR-6",
        &[edit(
            "ledger/query/user.rs",
            "!(view.standing(owner)?.hidden || view.has_blocked(asker, owner)?)",
            "!view.has_blocked(asker, owner)?",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "seen-while-hidden",
        "what was seen of somebody while they were hidden is told later",
        "DM-USR-6",
        &[edit(
            "ledger/settle/user.rs",
            "        if !standing.hidden && *at > overlay.last_seen(&device.user)? {",
            "        if *at > overlay.last_seen(&device.user)? {",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "earlier-sighting-wins",
        "of two cores the one that writes last decides when somebody was seen",
        "DM-USR-6",
        &[edit(
            "ledger/settle/user.rs",
            "        if !standing.hidden && *at > overlay.last_seen(&device.user)? {",
            "        if !standing.hidden {",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "profile-for-strangers",
        "a profile is shown to who has saved its user, and so to anybody",
        "DM-USR-3",
        &[edit(
            "ledger/query/user.rs",
            "    if view.saved(owner, asker)?.is_some() ||",
            "    if view.saved(asker, owner)?.is_some() ||",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "removed-device-comes-back",
        "the end of its last session lists a device that was removed",
        "DM-USR-5",
        &[edit(
            "ledger/settle/user.rs",
            "            None if gone > UnixMs(0) && *since <= gone => {}\n",
            "            None if gone > UnixMs(0) && *at < gone => {}\n",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "user-command-twice",
        "a command of a user that is said again is carried out again",
        "DM-USR-1",
        &[edit(
            "ledger/settle/user.rs",
            "    if let Some(key) = &put.key {\n        overlay.key(",
            "    if let Some(key) = put.key.as_ref().filter(|_| offset.0 == u64::MAX) {\n        overlay.key(",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "seen-lost-at-the-end",
        "a server that ends in good order forgets who was here",
        "DM-USR-6",
        &[edit(
            "server/core.rs",
            "        if self.is_draining() && self.conns.is_empty() {\n            // Nobody waits for a timer any more.\n            self.seen_due();\n        }\n",
            "        if self.is_draining() && self.conns.is_empty() {\n            self.sightings = Sightings::default();\n        }\n",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "silence-of-all-dialects",
        "how long a connection may be silent is the same in every dialect",
        "DM-SES-7",
        &[edit(
            "server/connection.rs",
            "            Some(silence) => silence,\n            None => Silence",
            "            Some(_) | None => Silence",
        )],
    )
    .by_tests("all clients there speak of their own accord, and in time"),
];
