//! Bugs in what is told of how far messages got.

use super::bug::{Bug, edit};

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "status-for-strangers",
        "anybody who knows a message's id is told how far it got",
        "DM-STAT-3",
        &[edit(
            "ledger/settle/find.rs",
            "        if may && (deleted_too",
            "        if (may || deleted_too) && (deleted_too",
        )],
    ),
    Bug::new(
        "status-of-all-for-one",
        "a recipient in a group is told of everybody else",
        "DM-STAT-3",
        &[edit(
            "ledger/query/status.rs",
            "Address::Group(group) if head.from.user == *asker => {",
            "Address::Group(group) => {",
        )],
    ),
    Bug::new(
        "status-tells-the-row",
        "an author is told where a message is in somebody's mailbox",
        "DM-STAT-5",
        &[edit("server/status.rs", "            if !own {\n", "            if !own && crowded {\n")],
    ),
    Bug::new(
        "status-sent-is-stored",
        "what was written to a device is told to be acknowledged by it",
        "DM-STAT-4",
        &[edit(
            "server/status.rs",
            "Way::Flying(at) => DeviceState::Sent { at: Some(at) },",
            "Way::Flying(_) => DeviceState::Acknowledged,",
        )],
    ),
    Bug::new(
        "status-said-is-stored",
        "a device's word is told before it is durable",
        "DM-STAT-4",
        &[edit(
            "server/status.rs",
            "Way::Behind => DeviceState::Sent { at: None },",
            "Way::Behind => DeviceState::Acknowledged,",
        )],
    )
    .by_tests("a cursor is durable within milliseconds there, and hardly ever does anybody ask meanwhile"),
    Bug::new(
        "status-waiting-is-sent",
        "what waits for its turn is told to be sent",
        "DM-STAT-4",
        &[edit(
            "server/status.rs",
            "Way::Ahead { rows: rows_before, full: true } => DeviceState::WindowFull { rows_before },",
            "Way::Ahead { full: true, .. } => DeviceState::Sent { at: None },",
        )],
    ),
    Bug::new(
        "status-time-of-the-last-word",
        "when somebody had a message moves with whatever they say next",
        "DM-STAT-2",
        &[edit(
            "ledger/view.rs",
            "let news = marks.has(status) && !self.marks.has(status);",
            "let news = marks.has(status) && marks != self.marks;",
        )],
    ),
    Bug::new(
        "status-read-and-never-had",
        "who reads a message without having said that they have it had it at no time",
        "DM-STAT-2",
        &[edit(
            "ledger/view.rs",
            "            delivered_at: time(Status::Delivered, self.delivered_at),",
            "            delivered_at: if status == Status::Read { self.delivered_at } else { time(Status::Delivered, self.delivered_at) },",
        )],
    ),
    Bug::new(
        "status-counts-those-who-came-later",
        "members who came after a message count among its recipients",
        "DM-STAT-6",
        &[edit(
            "ledger/query/status.rs",
            "        *user != self.head.from.user && membership.saw(self.head.seq)",
            "        *user != self.head.from.user && membership.is_member()",
        )],
    ),
    Bug::new(
        "status-page-without-end",
        "a full page says that there is more when there is none",
        "DM-STAT-6",
        &[edit(
            "ledger/query/status.rs",
            "        status.more = page.len() > users;",
            "        status.more = page.len() >= users;",
        )],
    ),
    Bug::new(
        "status-of-who-hides",
        "it is told whether somebody is here who hides that",
        "DM-STAT-5 DM-PRS-4",
        &[edit("ledger/query/status.rs", "(tells && !standing.hidden)", "tells")],
    )
    .by_tests("nobody hides there"),
    Bug::new(
        "status-when-a-hidden-user-went",
        "when somebody went who was hiding is told once they hide no more",
        "DM-STAT-5",
        &[edit(
            "server/status.rs",
            "if self.roster.is_hidden(&grant.device.user) {",
            "if self.roster.of(&grant.device.user).is_empty() {",
        )],
    )
    .by_tests("nobody hides there"),
];
