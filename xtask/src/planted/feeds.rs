//! Bugs in the feeds of large groups.

use super::bug::{Bug, edit};

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "feed-left-open",
        "who left a large group goes on reading its feed",
        "DM-FEED-4 DM-GRP-6",
        &[edit("ledger/settle/feed.rs", "        stretch.until = Some(head);", "        let _ = stretch;")],
    ),
    Bug::new(
        "feed-from-its-beginning",
        "who comes into a large group reads what was said there before",
        "DM-GRP-6",
        &[edit(
            "ledger/settle/feed.rs",
            "    stretches.push(Stretch { after: head, until: None });",
            "    stretches.push(Stretch { after: head / 2, until: None });",
        )],
    ),
    Bug::new(
        "feed-read-twice",
        "how far a mailbox is filled is not remembered when it is filled with one row",
        "DM-FEED-2",
        &[edit(
            "ledger/settle/feed.rs",
            "        if after != before {",
            "        if after != before && looked > 1 {",
        )],
    ),
    Bug::new(
        "feed-not-looked-at",
        "who comes back is not given what waits in a feed before somebody speaks there again",
        "DM-FEED-3",
        &[edit(
            "server/core.rs",
            "        if attachment.behind || fed < self.pulls.fed {",
            "        if attachment.behind && fed < self.pulls.fed {",
        )],
    ),
    Bug::new(
        "feed-given-up",
        "a mailbox that could not be filled is not tried again",
        "DM-FEED-2",
        &[edit(
            "server/pull.rs",
            "        self.timers.set(due_mono_ms, Due::Pull(user.clone()));",
            "        let _ = due_mono_ms;",
        )],
    ),
];
