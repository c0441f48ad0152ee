//! From what views want to questions for the server, and back from its answers.

use core::ops::{Bound, RangeBounds as _};

use bimip_proto::{
    Address, Ask, ConversationId, ConversationState, Found, HistoryMessage, HistoryPlace, MessageId,
    PageFrom, Reactions, Seq, Unread, UserId,
};

use super::conversations::{ConversationList, ConversationSummary, Wanted};
use super::cover::Place;
use super::page::{Merged, PageRequest};
use super::timeline::{HistoryItem, Timeline};

impl Timeline {
    /// What to [ask](crate::client::ClientSession::ask) the server for this page.
    #[must_use]
    pub fn ask(&self, request: &PageRequest<Seq>) -> Ask {
        let from = match (request.newest_first, request.to, request.from) {
            (true, Bound::Unbounded, _) => PageFrom::Latest,
            (true, Bound::Excluded(seq), _) => PageFrom::Before(seq),
            (true, Bound::Included(Seq(seq)), _) => PageFrom::Before(Seq(seq.saturating_add(1))),
            (false, _, Bound::Unbounded) => PageFrom::After(Seq(0)),
            (false, _, Bound::Excluded(seq)) => PageFrom::After(seq),
            (false, _, Bound::Included(Seq(seq))) => PageFrom::After(Seq(seq.saturating_sub(1))),
        };
        Ask::History {
            of: address(&self.me().user, self.conversation()),
            from: from.map(HistoryPlace::Seq),
            limit: limit(request),
        }
    }

    /// The answer to [`ask`](Self::ask), as [`Event::Answer`](crate::client::Event::Answer) brings it.
    pub fn answer(&mut self, request: &PageRequest<Seq>, found: Found) -> Merged {
        let Found::History { messages, more } = found else {
            self.failed(request);
            return Merged::Again;
        };
        let me = self.me().user.clone();
        let (messages, more) = within(request, messages, |it| it.message.head.seq, more);
        let items = messages.into_iter().map(|it| history_item(&me, it)).collect();
        self.page(request, items, more)
    }
}

impl ConversationList {
    /// What to [ask](crate::client::ClientSession::ask) the server.
    #[must_use]
    pub fn ask(&self, wanted: &Wanted) -> Ask {
        let request = match wanted {
            Wanted::One(one) => return Ask::Conversation(address(self.me(), &one.conversation)),
            Wanted::Page(request) => request,
        };
        let (next, last) = (
            |id: MessageId| MessageId::new(id.epoch(), id.sequence().saturating_add(1)),
            |id: MessageId| MessageId::new(id.epoch(), id.sequence().saturating_sub(1)),
        );
        let from = match (request.newest_first, request.to, request.from) {
            (true, Bound::Unbounded, _) => PageFrom::Latest,
            (true, Bound::Excluded(id), _) => PageFrom::Before(id),
            (true, Bound::Included(id), _) => PageFrom::Before(next(id)),
            // Nothing is older than a message without a name.
            (false, _, Bound::Unbounded) => PageFrom::After(MessageId::NONE),
            (false, _, Bound::Excluded(id)) => PageFrom::After(id),
            (false, _, Bound::Included(id)) => PageFrom::After(last(id)),
        };
        Ask::Conversations { from, limit: limit(request) }
    }

    /// The answer to [`ask`](Self::ask), as [`Event::Answer`](crate::client::Event::Answer) brings it.
    pub fn answer(&mut self, wanted: &Wanted, found: Found) -> Merged {
        let me = self.me().clone();
        match (wanted, found) {
            (Wanted::Page(request), Found::Conversations { conversations, more }) => {
                let id = |it: &ConversationState| it.last.message.head.id;
                let (states, more) = within(request, conversations, id, more);
                self.page(request, states.into_iter().map(|it| summary(&me, it)).collect(), more)
            }
            (Wanted::One(request), Found::Conversations { mut conversations, .. }) => {
                self.one(request, conversations.pop().map(|it| summary(&me, it)));
                Merged::Done
            }
            _ => {
                self.failed(wanted);
                Merged::Again
            }
        }
    }
}

/// A conversation, as one of those in it calls it.
fn address(me: &UserId, conversation: &ConversationId) -> Address {
    match conversation {
        ConversationId::Group(group) => Address::Group(group.clone()),
        two => Address::User(two.peer_of(me).unwrap_or(me).clone()),
    }
}

fn limit<P>(request: &PageRequest<P>) -> u32 {
    u32::try_from(request.limit_items).unwrap_or(u32::MAX)
}

/// The server's pages have one end and a view's ranges two: what is beyond the other one is left out, and says that there
/// is no more before it.
fn within<P: Place, T>(
    request: &PageRequest<P>,
    rows: Vec<T>,
    place: impl Fn(&T) -> P,
    more: bool,
) -> (Vec<T>, bool) {
    let count = rows.len();
    let rows: Vec<T> = rows.into_iter().filter(|row| request.contains(&place(row))).collect();
    let beyond = rows.len() < count;
    (rows, more && !beyond)
}

fn history_item(me: &UserId, it: HistoryMessage) -> HistoryItem {
    let HistoryMessage { message, edition, deleted, marks, reactions } = it;
    let by = match &message.head.to {
        Address::User(to) => to.clone(),
        _ => me.clone(),
    };
    let marks = if marks == bimip_proto::Marks::NONE { Vec::new() } else { vec![(by, marks)] };
    let reactions = Reactions::new(me, reactions);
    HistoryItem { marks, edition: edition.into(), deleted, reactions, ..HistoryItem::from(message) }
}

fn summary(me: &UserId, it: ConversationState) -> ConversationSummary {
    let unread = Unread::new(it.last.message.head.seq, it.read, it.deleted);
    ConversationSummary { last: history_item(me, it.last), unread }
}
