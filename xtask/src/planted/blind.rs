//! Bugs that were written down before any run, by somebody who had not read the checkers.

use super::bug::{Bug, edit};

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "attach-forgets-what-came-meanwhile",
        "a row that is committed while storage is asked where a device stands does not raise the device's head",
        "DM-CUR-2",
        &[edit(
            "server/delivery.rs",
            "Phase::Attaching { head, .. } => *head = (*head).max(delivery.offset),",
            "Phase::Attaching { .. } => {}",
        )],
    )
    .blind()
    .by_tests("storage answers there at the moment it is asked"),
    Bug::new(
        "repeat-without-its-row",
        "the answer to a resent draft does not name the row that the first answer named",
        "DM-ACK-2 DM-DUP-1",
        &[edit(
            "ledger/settle/message.rs",
            "Outcome::Repeat(Placed { head: first.head.clone(), offset })",
            "Outcome::Repeat(Placed { head: first.head.clone(), offset: Offset::ZERO })",
        )],
    )
    .blind(),
    Bug::new(
        "draft-forgotten-at-a-cut",
        "a draft that was on the wire when the connection broke is not sent again",
        "DM-ACK-1",
        &[edit(
            "client/link.rs",
            "            self.drafts.rewind();\n        } else {",
            "        } else {",
        )],
    )
    .blind(),
    Bug::new(
        "stay-ends-one-late",
        "who leaves a group is remembered as having seen one message more",
        "DM-GRP-9",
        &[edit("ledger/group.rs", "stay.left = Some(at);", "stay.left = Some(Seq(at.0 + 1));")],
    )
    .blind(),
    Bug::new(
        "barrier-covers-what-flew-after-it",
        "a barrier that comes back moves the cursor over rows that were sent after the question",
        "DM-BAR-1 DM-CUR-2",
        &[edit(
            "server/reader.rs",
            "let upto = Offset(upto).min(self.by_barrier());",
            "let upto = if upto == 0 { Offset::ZERO } else { self.by_barrier() };",
        )],
    )
    .blind(),
];
