//! What goes wrong in settling: repeats, numbers, receipts, groups.

use super::bug::{Bug, edit};

pub(super) const BUGS: &[Bug] = &[
    Bug::new(
        "key-looked-up-after-the-write",
        "whether a draft is a repeat is asked after it was stored",
        "DM-DUP-1",
        &[
            edit(
                "ledger/settle/message.rs",
                "        return repeat(sequence, offset, overlay);\n",
                "        let _ = (sequence, offset);\n",
            ),
            edit(
                "ledger/settle/message.rs",
                "    if let Some(key) = &put.key {\n        overlay.key(",
                "    if let Some(key) = &put.key {\n        if let Some(Known::Stored { sequence, offset, .. }) = overlay.known(key)? {\n            return repeat(sequence, offset, overlay);\n        }\n        overlay.key(",
            ),
        ],
    ),
    Bug::new(
        "repeat-in-one-batch",
        "two copies of a draft in one batch do not know of each other",
        "DM-DUP-1",
        &[edit(
            "ledger/overlay.rs",
            "match self.known.get(key) {",
            "match self.known.get(key).filter(|_| false) {",
        )],
    )
    .by_tests("a draft and its resend never meet in one batch there"),
    Bug::new(
        "key-ignored-on-a-repeat",
        "a resent draft is stored again, under a new id",
        "DM-DUP-1",
        &[edit(
            "ledger/settle/message.rs",
            "        return repeat(sequence, offset, overlay);",
            "        let _ = (sequence, offset);",
        )],
    ),
    Bug::new(
        "key-without-the-device",
        "two devices of a user that name drafts alike get each other's answers",
        "DM-DUP-1",
        &[edit(
            "server/draft.rs",
            "PutKey { device: from.clone(), client_ref }",
            "PutKey { device: Device::new(from.user.clone(), bimip_proto::DeviceName::new(\"any\").expect(\"a name\")), client_ref }",
        )],
    )
    .by_tests("no two devices name drafts alike there"),
    Bug::new(
        "no-row-for-the-sender",
        "a message is put into the receiver's mailbox alone: the sender's other devices never see it",
        "DM-BOX-3",
        &[edit("server/draft.rs", "vec![from.user.clone(), user.clone()]", "vec![user.clone()]")],
    ),
    Bug::new(
        "row-number-given-twice",
        "two rows of one batch get the same number in a mailbox",
        "DM-BOX-2",
        &[edit("ledger/overlay.rs", "        self.mailboxes.insert(user.clone(), offset);\n", "")],
    ),
    Bug::new(
        "row-number-left-out",
        "the second row that a batch adds to a mailbox leaves a gap",
        "DM-BOX-2",
        &[edit(
            "ledger/overlay.rs",
            "            Some(head) => *head,\n            None => self.view.mailbox_head(user)?,",
            "            Some(head) => head.next(),\n            None => self.view.mailbox_head(user)?,",
        )],
    ),
    Bug::new(
        "place-given-twice",
        "two messages of one batch get the same place in their conversation",
        "DM-ORD-1",
        &[edit(
            "ledger/overlay.rs",
            "        self.stamps.insert((id.clone(), head.stamp), sequence);\n        self.conversations.insert(id.clone(), head);\n",
            "        self.stamps.insert((id.clone(), head.stamp), sequence);\n",
        )],
    ),
    Bug::new(
        "stamp-of-the-clock",
        "the stamp of a message is what the clock says, and does not rise",
        "DM-ORD-2",
        &[edit(
            "ledger/settle/message.rs",
            "last.stamp = UnixMs(at.0.max(last.stamp.0 + 1));",
            "last.stamp = *at;",
        )],
    ),
    Bug::new(
        "receipt-told-again",
        "a mark that says nothing new makes another receipt",
        "DM-RCP-2",
        &[edit("ledger/settle/mark.rs", "    Ok(after != before)\n", "    Ok(true)\n")],
    ),
    Bug::new(
        "receipt-twice-in-one-batch",
        "two devices of a user who store a message at the same time both tell the author",
        "DM-RCP-1",
        &[edit(
            "ledger/overlay.rs",
            "match self.marks.get(&(sequence, user.clone())) {",
            "match self.marks.get(&(sequence, user.clone())).filter(|_| false) {",
        )],
    ),
    Bug::new(
        "receipt-falls-back",
        "delivered after read takes the read back",
        "DM-RCP-2",
        &[
            edit(
                "ledger/settle/mark.rs",
                "let after = before.with(status, at);",
                "let after = Marked::default().with(status, at);",
            ),
            edit(
                "ledger/settle/mark.rs",
                "use crate::ledger::view::View;",
                "use crate::ledger::view::{Marked, View};",
            ),
        ],
    ),
    Bug::new(
        "receipt-to-its-maker",
        "the receipt goes into the mailbox of who made it, not of the author",
        "DM-RCP-5",
        &[edit(
            "ledger/settle/mark.rs",
            "News::ToAuthor => Some(head.from.user.clone()),",
            "News::ToAuthor => Some(by.user.clone()),",
        )],
    ),
    Bug::new(
        "receipts-beyond-the-first",
        "of a ticket with receipts for several authors only the first author's are stored",
        "DM-RCP-1",
        &[edit(
            "ledger/settle/mark.rs",
            "    for ((author, status), messages) in raised {",
            "    for ((author, status), messages) in raised.into_iter().take(1) {",
        )],
    ),
    Bug::new(
        "cursor-goes-back",
        "a disposal that was overtaken moves the cursor back",
        "DM-CUR-3",
        &[edit(
            "ledger/overlay.rs",
            "if stands >= from && offset > stands {",
            "if stands >= from && offset != stands {",
        )],
    )
    .by_tests("disposals of one device are never settled out of order there"),
    Bug::new(
        "cursor-only-with-receipts",
        "a disposal that delivers nothing does not move the cursor",
        "DM-CUR-3",
        &[edit(
            "ledger/settle.rs",
            "    if let Some((device, offset)) = ticket.cursor() {",
            "    if let Some((device, offset)) = ticket.cursor().filter(|_| !ticket.puts().is_empty()) {",
        )],
    ),
    Bug::new(
        "audience-of-before-the-batch",
        "a message goes to who was in the group before the batch, not at its place in the order",
        "DM-GRP-6",
        &[edit(
            "ledger/overlay.rs",
            "match self.members.get(group) {",
            "match self.members.get(group).filter(|_| false) {",
        )],
    )
    .by_tests("a join and a message to its group rarely meet in one batch there"),
    Bug::new(
        "leaver-stays-in",
        "who leaves a group is told so and goes on receiving",
        "DM-GRP-6",
        &[
            edit(
                "ledger/settle/member.rs",
                "    membership.leave(last_seq(group, overlay)?);\n",
                "    membership.mark(bimip_proto::Status::Delivered, last_seq(group, overlay)?);\n",
            ),
            edit(
                "ledger/group.rs",
                "pub(super) fn mark(&mut self, status: Status, seq: Seq) {",
                "pub(crate) fn mark(&mut self, status: Status, seq: Seq) {",
            ),
        ],
    )
    .by_tests("the checkers ask the book who is a member, and the book says so"),
    Bug::new(
        "strangers-may-post",
        "who is not a member may write into a group",
        "DM-GRP-5",
        &[edit(
            "ledger/settle.rs",
            "(Guard::MayPost, Record::Message { .. }) => return verdict(may_post(about.group, member)),",
            "(Guard::MayPost, Record::Message { .. }) => (true, Reject::NotMember),",
        )],
    ),
    Bug::new(
        "anybody-may-mark",
        "who did not receive a message may say that it was read",
        "DM-RCP-4",
        &[edit(
            "ledger/settle.rs",
            "            (received, Reject::NoSuchMessage)",
            "            (received || true, Reject::NoSuchMessage)",
        )],
    )
    .by_tests("nobody speaks about messages of others there"),
    Bug::new(
        "proof-before-the-sync",
        "the disk proves tickets when they are written, not when they are synced: an ack before its commit",
        "DM-ACK-1",
        &[edit(
            "sim/disk.rs",
            "        apply(self.lie, &mut self.live, settlement.writes());\n",
            "        apply(self.lie, &mut self.live, settlement.writes());\n        self.lie.get_or_insert(Lie::ProvenBeforeSync);\n",
        )],
    ),
];
