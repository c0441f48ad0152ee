//! Bugs in how much is taken in, and in giving it back.

use super::bug::{Bug, edit};

/// Why the worlds show none of it: what a server has in its hands is nothing that a client sees.
const UNSEEN: &str = "how much a server keeps is seen by nobody in a world";

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "bytes-under-way-not-counted",
        "a connection has as many bytes under way as it has tickets for",
        "DM-FLOW-1",
        &[edit(
            "server/budget.rs",
            "        self.commits < commits && self.bytes < bytes\n",
            "        self.commits < commits && bytes > 0\n",
        )],
    )
    .by_tests(UNSEEN),
    Bug::new(
        "failed-tickets-keep-their-room",
        "what the store refuses is counted as under way for ever",
        "DM-FLOW-1",
        &[edit("server/core.rs", "                self.taken.sub(failed.charge());\n", "")],
    ),
    Bug::new(
        "gone-connections-keep-their-room",
        "what waited of a connection that is gone is counted for ever",
        "DM-FLOW-2",
        &[edit(
            "server/core.rs",
            "        self.held_bytes = self.held_bytes.saturating_sub(connection.held_bytes);\n",
            "",
        )],
    )
    .by_tests("worlds end before enough of it is lost to be felt"),
    Bug::new(
        "nobody-is-paused-for-others",
        "while the core holds much, those who wait are read on as if it did not",
        "DM-FLOW-1",
        &[edit(
            "server/budget.rs",
            "            || self.held_bytes >= self.config.held_bytes / 2;\n",
            "            || self.held_bytes > self.config.held_bytes;\n",
        )],
    )
    .by_tests(UNSEEN),
    Bug::new(
        "busy-in-silence",
        "who has no word for busy is not told, and stays",
        "DM-FLOW-3",
        &[edit(
            "server/budget.rs",
            "            None => self.close(now, conn, CloseReason::Unavailable),\n",
            "            None => {}\n",
        )],
    )
    .by_tests("worlds leave room for what cannot be refused, or nobody in them would get through"),
    Bug::new(
        "a-small-one-slips-in",
        "after a draft that was refused as busy, the next one that fits is stored before it",
        "DM-FLOW-2",
        &[edit(
            "server/budget.rs",
            "            connection.in_turn = None;\n            return false;\n        }\n        true\n",
            "            connection.in_turn = None;\n        }\n        false\n",
        )],
    )
    .by_tests("worlds leave room for nearly all that one client says at once"),
    Bug::new(
        "fillings-without-room",
        "a word in a large group makes a ticket for each member who is there, at once",
        "DM-FLOW-4",
        &[edit(
            "server/pull.rs",
            "        if !self.core_has_room() {\n            self.pulls.waiting",
            "        if false {\n            self.pulls.waiting",
        )],
    )
    .by_tests(UNSEEN),
    Bug::new(
        "fillings-wait-for-ever",
        "a mailbox that waits for room to be filled is forgotten",
        "DM-FLOW-4",
        &[edit(
            "server/pull.rs",
            "            let Some(user) = self.pulls.next() else { return };\n            self.pull(&user);\n",
            "            let Some(_) = self.pulls.next() else { return };\n",
        )],
    )
    .by_tests("in worlds of a few users something soon asks for a filling again"),
    Bug::new(
        "cursors-without-room",
        "a disposal that is said again and again has a ticket each time",
        "DM-FLOW-1",
        &[edit("server/speech.rs", "            | ClientPacket::Dispose(_)\n", "")],
    )
    .by_tests(UNSEEN),
    Bug::new(
        "a-barrier-is-lost",
        "a barrier that comes back while there is no room moves no cursor",
        "DM-FLOW-1 DM-BAR-1",
        &[edit(
            "server/delivery.rs",
            "        if !self.has_room(conn) {\n            return false;\n",
            "        if !self.has_room(conn) {\n            return true;\n",
        )],
    ),
];
