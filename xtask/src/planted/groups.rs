//! What goes wrong where groups are managed.

use super::bug::{Bug, edit};

/// The worlds of the runner have nobody who manages groups: `tests/group_bots.rs` is one, with its own bots.
const BOTS: &str = "nobody manages groups there; the bots of tests/group_bots.rs do";

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "kicked-still-posts",
        "who was put out of a group goes on posting to it",
        "DM-GRP-5",
        &[edit(
            "ledger/settle/manage.rs",
            "    target.leave(last_seq(group, overlay)?);\n",
            "    target.set_role(Role::Member);\n",
        )],
    )
    .by_tests(BOTS),
    Bug::new(
        "admin-kicks-owner",
        "an admin puts out the owner, and other admins",
        "DM-GRP-13",
        &[edit(
            "ledger/rights.rs",
            "if target.is_some_and(|it| it.role() >= asker.role()) => {",
            "if target.is_some_and(|it| it.role() > Role::Owner) => {",
        )],
    )
    .by_tests("the commit does as it says, and everybody is told so; only a table says who may"),
    Bug::new(
        "removed-not-told",
        "who is put out of a group is told nothing of it",
        "DM-GRP-12",
        &[edit("ledger/settle/manage.rs", "    step.gone.push(user.clone());\n    Ok(Ok(step))", "    Ok(Ok(step))")],
    )
    .by_tests(BOTS),
    Bug::new(
        "heir-not-stored",
        "who owns a group after its owner left is told so, and may do nothing",
        "DM-GRP-17",
        &[edit(
            "ledger/settle/member.rs",
            "        membership.set_role(Role::Owner);\n        step.memberships.push((heir.clone(), membership));",
            "        step.memberships.push((heir.clone(), membership));",
        )],
    )
    .by_tests(BOTS),
    Bug::new(
        "two-owners",
        "who gives a group away goes on owning it",
        "DM-GRP-13",
        &[edit(
            "ledger/settle/manage.rs",
            "        asker.membership.set_role(Role::Admin);\n",
            "",
        )],
    )
    .by_tests(BOTS),
    Bug::new(
        "command-twice",
        "a command that is said again is carried out again",
        "DM-GRP-15",
        &[edit(
            "ledger/settle/manage.rs",
            "    if let Some(key) = &put.key {\n        overlay.key(",
            "    if let Some(key) = put.key.as_ref().filter(|_| offset.0 > u64::MAX - 1) {\n        overlay.key(",
        )],
    )
    .by_tests("what is said twice there finds nothing to change the second time"),
];
