//! What goes wrong where a client waits, or says something more than once.

use super::bug::{Bug, edit};

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "held-back-for-ever",
        "drafts that were refused for now wait for an answer that never comes for as long as the connection lives",
        "CL-OUT-3",
        &[edit(
            "client/session.rs",
            "            self.held_mono_ms.get_or_insert(now.mono_ms + limits::HELD_BACK_MS);\n",
            "",
        )],
    )
    .by_tests("the servers of the worlds answer every draft"),
    Bug::new(
        "disposed-of-again-row-by-row",
        "for every row that comes again after a cut the same disposal is said once more",
        "CL-IN-1",
        &[edit(
            "client/inbox.rs",
            "            let due = mono_ms.max(self.again_mono_ms);\n",
            "            let due = mono_ms;\n",
        )],
    )
    .by_tests("it costs frames, and nothing is lost or doubled"),
];
