//! Answers about what is stored, against the disk (I17): worked out anew from every message, one by one.

use std::collections::BTreeMap;

use bimip_proto::{
    Address, Ask, ClientRef, ConversationId, ConversationState, Device, Entry, Found, Head, HistoryMessage,
    HistoryPlace, Message, PageFrom, Query, Seq, Status, UserId, limits, unread_of,
};

use super::findings::Findings;
use super::truth::is_theirs;
use crate::ledger::{Book, View};

/// What was there when it was asked for.
#[derive(Debug, Default)]
pub(super) struct Answers {
    asked: BTreeMap<(Device, ClientRef), Vec<Seq>>,
}

impl Answers {
    pub(super) fn asks(&mut self, device: &Device, query: &Query, durable: &Book) {
        let there = match &query.ask {
            Ask::History { of, from, limit } => {
                let all = visible(durable, &device.user, &ConversationId::of(&device.user, of));
                page(&all, *from, *limit).iter().map(|it| it.head.seq).collect()
            }
            _ => Vec::new(),
        };
        self.asked.insert((device.clone(), query.id.clone()), there);
    }

    /// Pages towards the older messages end where they began; newer ones may have come meanwhile.
    pub(super) fn answered(
        &mut self,
        findings: &mut Findings,
        device: &Device,
        query: &Query,
        found: &Found,
    ) {
        let there = self.asked.remove(&(device.clone(), query.id.clone()));
        findings
            .check(there.is_some(), || format!("I17: {device} is answered what it did not ask: {query:?}"));
        let (Some(there), Ask::History { from, .. }) = (there, &query.ask) else { return };
        let Found::History { messages, .. } = found else {
            return findings.check(false, || format!("I17: {device} is given another kind of answer"));
        };
        let seqs: Vec<Seq> = messages.iter().map(|it| it.message.head.seq).collect();
        let holds = match from {
            // It can only have moved on.
            PageFrom::Latest => seqs.last() >= there.last(),
            PageFrom::Before(_) => there.is_empty() || seqs.last() >= there.last(),
            PageFrom::After(_) => seqs.starts_with(&there),
        };
        findings.check(holds, || format!("I17: {device} misses what was there: {there:?} in {seqs:?}"));
    }
}

/// An answer, at the moment it was read.
pub(super) fn looked_up(findings: &mut Findings, user: &UserId, ask: &Ask, found: &Found, durable: &Book) {
    match (ask, found) {
        (Ask::History { of, from, limit }, Found::History { messages, more }) => {
            let all = visible(durable, user, &ConversationId::of(user, of));
            let expected = page(&all, *from, *limit);
            let same = messages.len() == expected.len()
                && messages.iter().zip(&expected).all(|(it, expected)| is_now(durable, user, it, expected));
            findings.check(same, || format!("I17: {user} is given another page of {of} for {ask:?}"));
            let beyond = |seq: Seq| match from {
                PageFrom::After(_) => expected.last().is_some_and(|last| seq > last.head.seq),
                _ => expected.first().is_some_and(|first| seq < first.head.seq),
            };
            let rest = all.iter().any(|it| beyond(it.head.seq));
            findings.check(*more == rest, || format!("I17: {user} is told of more of {of}: {more}"));
        }
        (Ask::Conversation(of), Found::Conversations { conversations, more: false }) => {
            let id = ConversationId::of(user, of);
            let there = visible(durable, user, &id).last().is_some();
            findings.check(conversations.len() == usize::from(there), || {
                format!("I17: {user} is told of {} conversations {id}", conversations.len())
            });
            conversations.iter().for_each(|it| state(findings, user, it, durable));
        }
        (
            Ask::Conversations { from: PageFrom::Latest, limit },
            Found::Conversations { conversations, more },
        ) => {
            let mut lasts: Vec<_> = ids(durable, user)
                .iter()
                .filter_map(|id| visible(durable, user, id).last().map(|last| last.head.id))
                .collect();
            lasts.sort_unstable_by(|one, other| other.cmp(one));
            let rest = lasts.len() > rows(*limit);
            lasts.truncate(rows(*limit));
            let told: Vec<_> = conversations.iter().map(|it| it.last.message.head.id).collect();
            findings.check(told == lasts && *more == rest, || {
                format!("I17: {user} is given another list: {told:?} for {lasts:?}")
            });
            conversations.iter().for_each(|it| state(findings, user, it, durable));
        }
        _ => findings.check(false, || format!("I17: {user} is given another kind of answer for {ask:?}")),
    }
}

fn state(findings: &mut Findings, user: &UserId, state: &ConversationState, durable: &Book) {
    let id = state.conversation();
    let all = visible(durable, user, &id);
    let last = all.last().is_some_and(|last| is_now(durable, user, &state.last, last));
    findings.check(last, || format!("I17: {user} is shown another last message of {id}"));
    let said = |it: &Message| {
        let Ok(marks) = durable.marks(it.head.id.sequence(), user);
        it.head.is_for(user) && marks.has(Status::Read)
    };
    let own = |it: &Message| it.head.from.user == *user;
    let read = all.iter().filter(|it| own(it) || said(it)).map(|it| it.head.seq).max().unwrap_or_default();
    let counted: Vec<_> = all.iter().map(|it| (it.head.seq, own(it), is_deleted(durable, it))).collect();
    // Whoever came into a group has read what was before, also where that left no other trace.
    let joined = matches!(id, ConversationId::Group(_)) && state.read > read;
    findings.check(state.read == read || joined, || format!("I17: {user} has read {id} up to {read:?}"));
    findings.check(state.messages == all.len() as u64, || format!("I17: {user} is told of messages of {id}"));
    let unread = unread_of(state.read, counted);
    findings.check(!state.exact || state.unread == unread, || {
        format!("I17: {user} is told of {} unread messages in {id}, and {unread} are", state.unread)
    });
}

fn ids(durable: &Book, user: &UserId) -> Vec<ConversationId> {
    let others = durable.users().map(|other| ConversationId::direct(user.clone(), other.clone()));
    let Ok(groups) = durable.groups_of(user);
    others.chain(groups.into_iter().map(ConversationId::Group)).collect()
}

/// Every message of a conversation that is a user's to see, in its order.
fn visible<'b>(durable: &'b Book, user: &UserId, id: &ConversationId) -> Vec<&'b Message> {
    let messages = durable.messages(id).filter_map(|(_, entry)| match &**entry {
        Entry::Message(message) => Some(message),
        _ => None,
    });
    let mine = |it: &&Message| match &it.head.to {
        // An author who left has what they wrote, as far as their stays are remembered.
        Address::Group(group) => {
            let Ok(membership) = durable.membership(group, user);
            membership.saw(it.head.seq)
        }
        _ => is_theirs(durable, &it.head, user),
    };
    messages.filter(mine).collect()
}

fn page<'b>(all: &[&'b Message], from: PageFrom<HistoryPlace>, limit: u32) -> Vec<&'b Message> {
    let of = |keep: &dyn Fn(&Head) -> bool| -> Vec<&'b Message> {
        all.iter().copied().filter(|it| keep(&it.head)).collect()
    };
    let newest = |mut all: Vec<&'b Message>| all.split_off(all.len().saturating_sub(rows(limit)));
    match from {
        PageFrom::Latest => newest(of(&|_| true)),
        PageFrom::Before(HistoryPlace::Seq(seq)) => newest(of(&|it| it.seq < seq)),
        PageFrom::Before(HistoryPlace::Id(id)) => newest(of(&|it| it.id < id)),
        PageFrom::After(HistoryPlace::Seq(seq)) => {
            of(&|it| it.seq > seq).into_iter().take(rows(limit)).collect()
        }
        PageFrom::After(HistoryPlace::Id(id)) => of(&|it| it.id > id).into_iter().take(rows(limit)).collect(),
    }
}

fn rows(limit: u32) -> usize {
    if limit == 0 { limits::PAGE_ROWS as usize } else { limit as usize }
}

fn is_deleted(durable: &Book, message: &Message) -> bool {
    let Ok(revised) = durable.revised(message.head.id.sequence());
    revised.deleted
}

/// Whether it is that message, with what it says now, or said when it was sent to who has left since.
fn is_now(durable: &Book, user: &UserId, told: &HistoryMessage, message: &Message) -> bool {
    let Ok(revised) = durable.revised(message.head.id.sequence());
    let Ok(last) = durable.entry(revised.sequence);
    let (edition, says) = match last.as_deref() {
        Some(Entry::Revised(it)) => match &it.body {
            Some(_) if has_left_since(durable, user, message) => (0, told.message.body == message.body),
            Some(body) => (revised.edition, told.message.body == *body),
            None => (revised.edition, told.message.body.bytes.is_empty()),
        },
        _ => (0, told.message.body == message.body),
    };
    told.message.head == message.head && told.edition == edition && told.deleted == revised.deleted && says
}

/// Whether a user who saw another's message in a group has left it since, and may be back.
fn has_left_since(durable: &Book, user: &UserId, message: &Message) -> bool {
    let Address::Group(group) = &message.head.to else { return false };
    let Ok(membership) = durable.membership(group, user);
    let ended =
        |seq| membership.stays().iter().any(|it| it.joined < seq && it.left.is_some_and(|left| seq <= left));
    message.head.from.user != *user && ended(message.head.seq)
}
