//! What goes wrong with reactions.

use super::bug::{Bug, edit};

/// The worlds of the runner have nobody who reacts.
const NOBODY: &str = "nobody reacts there; tests/reactions.rs does";

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "stranger-reacts",
        "somebody who never had a message reacts to it",
        "DM-RCT-1",
        &[edit(
            "ledger/settle.rs",
            "    if head.from.user != *by && !received(head, by, membership) {",
            "    if head.from.user != *by && !received(head, by, membership) && head.client_ref.is_some() {",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "reaction-not-told-to-own-devices",
        "the other devices of whoever reacts are not told",
        "DM-RCT-2",
        &[edit(
            "server/reader.rs",
            "            Entry::Reacted(reaction) => reaction.by == self.device,",
            "            Entry::Reacted(reaction) => reaction.by.user == self.device.user,",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "reaction-told-twice",
        "a reaction that changes nothing is a row all the same",
        "DM-RCT-3",
        &[edit(
            "ledger/settle/react.rs",
            "    if changes {\n        overlay.react(",
            "    if changes || react.on {\n        overlay.react(",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "reaction-said-again-is-carried-out-again",
        "a reaction that is sent again after it was taken back is set again",
        "DM-RCT-3",
        &[edit(
            "ledger/settle/react.rs",
            "    if let Some(key) = &put.key {\n        overlay.key(",
            "    if let Some(key) = put.key.as_ref().filter(|_| count > u32::MAX - 1) {\n        overlay.key(",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "count-not-lowered",
        "a reaction that is taken back is counted for ever",
        "DM-RCT-6",
        &[edit(
            "ledger/tally.rs",
            "            count.users = count.users.saturating_sub(1);\n",
            "",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "reaction-survives-deletion",
        "an answer tells the reactions to a message that is deleted",
        "DM-RCT-5",
        &[edit(
            "ledger/query/history.rs",
            "let told = !revised.deleted && fits",
            "let told = fits",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "reaction-delivered-after-deletion",
        "a reaction to a message that is deleted is delivered as it was",
        "DM-RCT-5",
        &[edit(
            "ledger/view.rs",
            "        Entry::Reacted(reaction) => Some(reaction.message.id.sequence()),\n",
            "",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "older-reaction-holds",
        "of two changes of a reaction the one that comes last to a view holds",
        "DM-RCT-6",
        &[edit(
            "client/view/timeline/item.rs",
            "        self.reactions.join(other.reactions);\n",
            "        self.reactions = other.reactions;\n",
        )],
    )
    .by_tests(NOBODY),
    Bug::new(
        "edit-changes-the-kind",
        "a sticker is edited to a text",
        "DM-REV-7",
        &[edit(
            "ledger/settle/revise.rs",
            "        _ if content(body) != content(said) => Some(Reject::Field(\"kind\")),\n",
            "",
        )],
    )
    .by_tests("nobody says a kind there; tests/revisions.rs does"),
];
