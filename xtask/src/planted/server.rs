//! What goes wrong in the server: readers and cursors, what waits, who is heard.

use super::bug::{Bug, edit};

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "cursor-one-ahead",
        "the cursor that is written is one row further than what was stored",
        "DM-CUR-3",
        &[edit(
            "server/reader.rs",
            "self.requested = self.requested.max(self.disposed);",
            "self.requested = self.requested.max(self.disposed.next());",
        )],
    ),
    Bug::new(
        "cursor-one-behind",
        "the last row that was disposed of comes again with the next connection",
        "DM-CUR-4",
        &[edit(
            "server/reader.rs",
            "self.requested = self.requested.max(self.disposed);",
            "self.requested = self.requested.max(Offset(self.disposed.0.saturating_sub(1)));",
        )],
    ),
    Bug::new(
        "resumes-one-late",
        "the first row after the cursor is not sent to a device that comes back",
        "DM-CUR-2",
        &[edit(
            "server/reader.rs",
            "let cursor = at.cursor.min(head);",
            "let cursor = at.cursor.next().min(head);",
        )],
    ),
    Bug::new(
        "resumes-at-the-head",
        "a device that comes back is sent what is new, and not what it missed",
        "DM-CUR-2",
        &[edit("server/reader.rs", "let cursor = at.cursor.min(head);", "let cursor = head;")],
    ),
    Bug::new(
        "cursor-under-way-forgotten",
        "a device that comes straight back starts where storage says, before what it just said",
        "DM-CUR-4",
        &[edit(
            "server/core.rs",
            ".max(*cursor).max(self.cursors.furthest(&grant.device));",
            ".max(*cursor);",
        )],
    )
    .by_tests("a row that comes again is allowed after a cut, and nobody counts how often"),
    Bug::new(
        "own-devices-left-out",
        "what one device sends is not shown to the user's other devices",
        "DM-CUR-5",
        &[edit(
            "server/reader.rs",
            "message.head.from == self.device && !echo",
            "message.head.from.user == self.device.user && !echo",
        )],
    ),
    Bug::new(
        "row-to-its-writer",
        "a device is sent the rows that it caused",
        "DM-CUR-5",
        &[edit("server/reader.rs", "!own && self.caps.speaks(user, entry)", "self.caps.speaks(user, entry)")],
    ),
    Bug::new(
        "pushed-past-a-gap",
        "a row that becomes durable while older ones are still to be read is sent at once",
        "DM-CUR-2 DM-ROW-1",
        &[edit(
            "server/reader.rs",
            "if self.reading || offset != self.sent.next() || !self.has_room_for(weight(entry)) {",
            "if self.reading || !self.has_room_for(weight(entry)) {",
        )],
    ),
    Bug::new(
        "page-skips-a-row",
        "the next page begins one row too late, and nobody notices",
        "DM-CUR-2",
        &[
            edit("server/reader.rs", "after: self.sent, rows:", "after: self.sent.next(), rows:"),
            edit(
                "server/reader.rs",
                "            if offset != self.sent.next() {\n                break;\n            }\n",
                "",
            ),
        ],
    ),
    Bug::new(
        "window-never-reopened",
        "what was disposed of makes room, and nobody reads on",
        "DM-WIN-2",
        &[edit(
            "server/speech.rs",
            "        self.commit(conn, ticket);\n        self.fill(reads);\n",
            "        self.commit(conn, ticket);\n",
        )],
    ),
    Bug::new(
        "window-without-end",
        "what is in flight is not counted against the window",
        "DM-WIN-1",
        &[edit(
            "server/reader.rs",
            "            || (self.in_flight.len() < self.window.rows as usize\n",
            "            || (self.in_flight.len() < usize::MAX\n",
        )],
    )
    .by_tests("nobody counts what is in flight"),
    Bug::new(
        "wake-up-lost",
        "a row that does not fit into the window when it comes is never read",
        "DM-CUR-2",
        &[edit(
            "server/delivery.rs",
            "                    self.offered(conn, offer);\n                    self.fill(conn);\n",
            "                    self.offered(conn, offer);\n",
        )],
    ),
    Bug::new(
        "one-page-and-no-more",
        "after a page nothing asks for the next one",
        "DM-WIN-2",
        &[edit(
            "server/delivery.rs",
            "            return self.arrived(now, page.conn, upto.0);\n        }\n        self.fill(page.conn);\n",
            "            return self.arrived(now, page.conn, upto.0);\n        }\n",
        )],
    ),
    Bug::new(
        "disposal-not-clamped",
        "a device may dispose of rows that it was not sent on this connection",
        "DM-CUR-3",
        &[edit("server/reader.rs", "let answered = upto.min(self.sent);", "let answered = upto;")],
    ),
    Bug::new(
        "receipt-of-the-first-row-only",
        "a disposal of several messages tells only the first one's author",
        "DM-RCP-1",
        &[edit("server/receipt.rs", "delivered.into_iter().map(", "delivered.into_iter().take(1).map(")],
    ),
    Bug::new(
        "reading-not-told-at-home",
        "the reader's other devices do not hear that a message was read",
        "DM-RCP-5",
        &[edit(
            "server/receipt.rs",
            "let and_self = status != Status::Delivered;",
            "let and_self = status == Status::Sent;",
        )],
    ),
    Bug::new(
        "waiting-words-overtake",
        "what waits for room is carried out last come, first served",
        "DM-ORD-3",
        &[edit("server/budget.rs", "connection.held.push_back(said);", "connection.held.push_front(said);")],
    )
    .by_tests("the order in which one device sent its drafts is not compared with the order in which they are stored"),
    Bug::new(
        "waiting-words-forgotten",
        "what waits for room is not carried out when there is room again",
        "DM-ORD-3 DM-ACK-4",
        &[edit(
            "server/speech.rs",
            "                self.release(now, conn);\n            }\n        }\n        if !pulls_first {",
            "                let _ = (now, conn);\n            }\n        }\n        if !pulls_first {",
        )],
    ),
    Bug::new(
        "commits-never-freed",
        "an answered command still counts as one under way",
        "DM-ACK-4",
        &[edit(
            "server/core.rs",
            "        connection.taken.sub(charge);\n        self.part_if_due(now, conn);",
            "        let _ = (connection, charge);\n        self.part_if_due(now, conn);",
        )],
    ),
    Bug::new(
        "failed-ticket-not-answered",
        "a command that could not be stored gets no answer",
        "DM-ACK-3 DM-ACK-4",
        &[edit(
            "server/delivery.rs",
            "            self.output(Output::Send(conn, refusal));\n",
            "            let _ = refusal;\n",
        )],
    ),
    Bug::new(
        "failed-mark-noted",
        "a mark that could not be stored is answered as noted",
        "DM-ACK-1",
        &[edit(
            "ledger/outgoing.rs",
            "    pub(crate) fn refusal(failed: &Failed) -> Option<Self> {\n",
            "    pub(crate) fn refusal(failed: &Failed) -> Option<Self> {\n        if let Ack::Marked { message, status } = failed.ack() {\n            let noted = Noted::Marked { message: message.clone(), status: *status };\n            return Some(Self(ServerPacket::Noted(noted)));\n        }\n",
        )],
    ),
    Bug::new(
        "silence-asked-about-once",
        "a connection that answered one probe is never looked at again",
        "DM-SES-7",
        &[edit(
            "server/core.rs",
            "        self.timers.set(due, Due::Silence(conn));\n    }\n\n    fn expiry_due",
            "        let _ = due;\n    }\n\n    fn expiry_due",
        )],
    )
    .by_tests("every client there gives signs of life by itself"),
    Bug::new(
        "old-session-stays",
        "a device that signs in again leaves its older session open",
        "DM-SES-4",
        &[edit("server/core.rs", "        self.replace(now, &grant);\n", "        let _ = now;\n")],
    )
    .by_tests("a session that lingers does no harm there"),
    Bug::new(
        "leaver-still-hears",
        "live voice of a group still reaches who left it",
        "DM-TLK-1 DM-GRP-5",
        &[edit(
            "server/roster.rs",
            "            let before = here.groups.remove(group);\n            self.gone(user, group);\n",
            "            let before = here.groups.remove(group);\n",
        )],
    )
    .by_tests("who comes and goes there has no walkie-talkie"),
    Bug::new(
        "talk-lost-with-its-connection",
        "a talk whose talker is cut off does not become a message",
        "DM-TLK-2",
        &[edit(
            "server/core.rs",
            "    fn closed(&mut self, now: Now, conn: ConnId) {\n        self.abandon_talks(now, conn);\n",
            "    fn closed(&mut self, now: Now, conn: ConnId) {\n        let _ = now;\n",
        )],
    )
    .by_tests("a talk that was cut off is not missed there"),
    Bug::new(
        "talk-ends-nowhere",
        "the end of a running talk is acknowledged and put into no mailbox",
        "DM-TLK-2 DM-TLK-3",
        &[edit(
            "server/draft.rs",
            "if duration_ms.is_some() { audience }",
            "if duration_ms.is_none() { audience }",
        )],
    ),
    Bug::new(
        "floor-kept-for-ever",
        "a talk that ended still holds the floor",
        "DM-TLK-6",
        &[edit(
            "server/burst.rs",
            "        let burst = self.bursts.remove(&key)?;\n        self.free(from, to);\n",
            "        let burst = self.bursts.remove(&key)?;\n",
        )],
    )
    .by_tests("nobody asks why a talk was denied"),
    Bug::new(
        "two-talk-at-once",
        "the floor of a group is given to everybody who asks",
        "DM-TLK-6",
        &[edit("server/floor.rs", "< idle_ms => Asked::Busy,", "< idle_ms => Asked::Free,")],
    )
    .by_tests("nobody asks why a talk was granted"),
];
