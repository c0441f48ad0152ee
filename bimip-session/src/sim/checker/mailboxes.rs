//! Everything stored is whole, in order, and where it belongs (I3, I4, I5, I9). One pass at the end.

use std::collections::{BTreeMap, BTreeSet};

use bimip_proto::{Address, ConversationId, Entry, Offset, Seq, UserId};

use super::findings::Findings;
use super::truth::{all, head, recipients};
use crate::ledger::Book;

pub(super) fn judge(findings: &mut Findings, durable: &Book, at_rest: bool) {
    let users: Vec<_> = durable.users().cloned().collect();
    let mut conversations = BTreeSet::new();
    let mut parties: BTreeMap<u64, Vec<UserId>> = BTreeMap::new();
    let mut has: BTreeMap<&UserId, BTreeSet<u64>> = BTreeMap::new();
    for user in &users {
        let mut last: BTreeMap<ConversationId, Seq> = BTreeMap::new();
        for (place, (offset, entry)) in (1..).zip(all(durable, user)) {
            findings.check(offset == Offset(place), || format!("I5: {user} has no row {place}"));
            let Entry::Message(message) = &*entry else { continue };
            let (head, conversation) = (&message.head, message.head.conversation());
            let before = last.insert(conversation.clone(), head.seq).unwrap_or_default();
            findings
                .check(before < head.seq, || format!("I4: {user}: {conversation} out of order at {offset}"));
            let of_message = parties.entry(head.id.sequence()).or_insert_with(|| {
                let mut parties = recipients(durable, head);
                parties.push(head.from.user.clone());
                parties
            });
            findings.check(of_message.contains(user), || format!("I9: {user} has {:?}", head.id));
            has.entry(user).or_default().insert(head.id.sequence());
            conversations.insert(conversation);
        }
    }
    for (sequence, parties) in &parties {
        // What is fed reaches those who are here, in time.
        let fed = head(durable, *sequence).is_some_and(|head| match &head.to {
            Address::Group(group) => durable.is_fed(group, *sequence),
            _ => false,
        });
        for party in parties.iter().filter(|_| at_rest || !fed) {
            let there = has.get(party).is_some_and(|has| has.contains(sequence));
            findings.check(there, || format!("I3: message {sequence} is not with {party}"));
        }
    }
    for conversation in conversations {
        judge_conversation(findings, durable, &conversation);
    }
}

fn judge_conversation(findings: &mut Findings, durable: &Book, id: &ConversationId) {
    let mut stamp = None;
    for (place, (seq, entry)) in (1..).zip(durable.messages(id)) {
        findings.check(seq == Seq(place), || format!("I5: {id} has no message {place}"));
        let Entry::Message(message) = &**entry else { continue };
        findings
            .check(stamp < Some(message.head.stamp), || format!("I5: {id}: stamps do not rise at {place}"));
        stamp = Some(message.head.stamp);
    }
}
