//! What goes wrong in the client: drafts, marks, the place in the mailbox, the link.

use super::bug::{Bug, edit};

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "disposed-of-before-stored",
        "rows are disposed of when they arrive, not when the app has stored them",
        "DM-CUR-3",
        &[edit(
            "client/inbox.rs",
            "        self.seen = row.offset;\n        Arrival::New",
            "        self.seen = row.offset;\n        self.stored = row.offset;\n        self.due_mono_ms.get_or_insert(0);\n        Arrival::New",
        )],
    ),
    Bug::new(
        "resent-drafts-shuffled",
        "an answered draft leaves its place to the newest one, which then overtakes the others after a cut",
        "DM-ORD-3",
        &[edit(
            "client/unacked.rs",
            "        let it = self.queue.remove(at)?;\n        self.on_wire",
            "        let it = self.queue.swap_remove_back(at)?;\n        self.on_wire",
        )],
    ),
    Bug::new(
        "marks-not-kept",
        "a mark that was said and not answered before a cut is forgotten",
        "DM-RCP-2 DM-ACK-4",
        &[edit(
            "client/session.rs",
            "        self.marks.push(mark);\n        self.pump(now);",
            "        if self.is_up() {\n            let (message, status) = mark;\n            self.say(now, ClientPacket::Mark { message, status });\n        } else {\n            self.marks.push(mark);\n        }\n        self.pump(now);",
        )],
    ),
    Bug::new(
        "marks-not-said-again",
        "marks that are not answered are kept and never said again",
        "DM-ACK-4",
        &[edit("client/link.rs", "        self.marks.rewind();\n", "")],
    ),
    Bug::new(
        "shown-again-after-a-cut",
        "a row that the app was given and has not stored yet is given again after a cut",
        "DM-CUR-4",
        &[edit(
            "client/inbox.rs",
            "        if row.offset <= self.seen {\n            return Arrival::Seen;\n        }\n",
            "",
        )],
    )
    .by_tests("the app there passes over what it has"),
    Bug::new(
        "disposal-not-repeated",
        "a disposal that was lost with its connection is not said again when its rows come again",
        "DM-WIN-1",
        &[edit(
            "client/heard.rs",
            "Arrival::Stored => self.inbox.dispose_again(now.mono_ms, self.config.dispose_ms),",
            "Arrival::Stored => {}",
        )],
    ),
    Bug::new(
        "jumps-to-the-head",
        "the welcome moves the place in the mailbox to the last row there is, over rows still to come",
        "DM-CUR-2",
        &[edit(
            "client/link.rs",
            "            if welcome.resume_from > seen {\n                // Rows of this device's own, which it is not sent.\n                self.inbox.jump(welcome.resume_from);\n",
            "            if welcome.resume_from > seen {\n                // Rows of this device's own, which it is not sent.\n                self.inbox.jump(welcome.head);\n",
        )],
    ),
    Bug::new(
        "does-not-jump",
        "the welcome does not move the place in the mailbox over the device's own rows",
        "DM-CUR-5",
        &[edit(
            "client/link.rs",
            "            if welcome.resume_from > seen {\n",
            "            if welcome.resume_from < seen {\n",
        )],
    ),
    Bug::new(
        "redials-never",
        "a connection that broke is not dialled again",
        "DM-CUR-2",
        &[edit(
            "client/link.rs",
            "Link::Down { redial_mono_ms } => Some(redial_mono_ms),",
            "Link::Down { redial_mono_ms } => (self.epoch == 0).then_some(redial_mono_ms),",
        )],
    ),
    Bug::new(
        "gives-no-sign-of-life",
        "a session that has nothing to say is silent until it takes the server for dead",
        "DM-SES-7",
        &[edit(
            "client/heartbeat.rs",
            "None => self.heard_mono_ms.min(self.spoke_mono_ms) + self.every_ms,",
            "None => u64::MAX,",
        )],
    ),
    Bug::new(
        "nameless-drafts-resent",
        "a dialect without names sends a draft again whose answer was lost",
        "DM-DUP-4",
        &[edit(
            "client/link.rs",
            "        if self.config.resend {\n            self.drafts",
            "        if self.config.resend || !self.config.welcome {\n            self.drafts",
        )],
    ),
    Bug::new(
        "answer-to-the-newest",
        "an answer without a name is taken for the newest draft's, not for the oldest's",
        "DM-DUP-4",
        &[edit(
            "client/unacked.rs",
            "self.queue.iter().take(self.on_wire).position(waits)?",
            "self.queue.iter().take(self.on_wire).rposition(waits)?",
        )],
    )
    .by_tests("which of two drafts without names was answered is not asked"),
    Bug::new(
        "refused-for-now-means-for-ever",
        "a draft that is refused for a while is given back to the app",
        "DM-ACK-3",
        &[edit(
            "client/heard.rs",
            "        if let Some(wait_ms) = retry_after_ms {\n            self.retry_after(now, wait_ms);\n            self.drafts",
            "        if let Some(wait_ms) = retry_after_ms.filter(|_| false) {\n            self.retry_after(now, wait_ms);\n            self.drafts",
        )],
    ),
    Bug::new(
        "marks-of-the-last-run-forgotten",
        "marks that were not answered when the app was closed are not said by its next run",
        "DM-ACK-4",
        &[edit("client/session.rs", "marks: Marks::new(resume.marks),", "marks: Marks::default(),")],
    ),
    Bug::new(
        "arrival-not-said-again",
        "a message that comes again since its receipt was lost is not confirmed again",
        "DM-RCP-1",
        &[edit(
            "client/heard.rs",
            "Arrival::Said(message) => self.say(now, ClientPacket::Delivered(vec![message])),",
            "Arrival::Said(_) => {}",
        )],
    )
    .by_tests("a receipt by a walkie-talkie may be lost there"),
    Bug::new(
        "heard-twice-without-numbers",
        "a message that comes again in a dialect without row numbers is given to the app again",
        "DM-CUR-4",
        &[edit(
            "client/inbox.rs",
            "Some((_, true)) => Arrival::Said(name),\n            Some((_, false)) => Arrival::Seen,",
            "Some(_) => Arrival::New,",
        )],
    )
    .by_tests("a walkie-talkie may be given a message twice there"),
];
