//! What is stored, as those may see it who ask: pure functions over a [`View`], which change nothing.
//!
//! Every door answers with these, and a storage backend runs them over one moment of what is proven.

mod conversations;
mod group;
mod history;
mod place;
mod seen;
mod status;
mod user;

use bimip_proto::{
    Address, Ask, BodyKind, ConversationId, Form, Found, HistoryMessage, ReactionCount, UserId, limits,
    page_rows, status_users,
};

use self::seen::Seen;
use super::view::View;

/// What is there for `user`. Where they have nothing to see the answer is empty, whether it exists or not: a stranger
/// learns nothing.
///
/// # Errors
/// As the view reads.
pub fn find<V: View>(ask: &Ask, user: &UserId, view: &V) -> Result<Found, V::Error> {
    Ok(match ask {
        Ask::History { of, from, limit } => {
            let seen = Seen::by(user, conversation(user, of), view)?;
            let (messages, more) = history::page(&seen, *from, page_rows(*limit), view)?;
            Found::History { messages, more }
        }
        Ask::Conversation(of) => {
            let seen = Seen::by(user, conversation(user, of), view)?;
            let state = conversations::state(&seen, view)?;
            Found::Conversations { conversations: state.into_iter().collect(), more: false }
        }
        Ask::Conversations { from, limit } => {
            let (conversations, more) = conversations::page(user, *from, page_rows(*limit), view)?;
            Found::Conversations { conversations, more }
        }
        Ask::Status { message, after, limit } => {
            let status = status::of(message, user, after.as_ref(), status_users(*limit), view)?;
            Found::Status(status.map(Box::new))
        }
        Ask::Profile(owner) => Found::Profile(user::profile(owner, user, view)?),
        Ask::AddressBook { after, limit } => {
            let rows = page_rows(*limit) as usize;
            let (saved, more) = cut(view.address_book(user, after.as_ref(), rows + 1)?, rows);
            Found::AddressBook { saved, more }
        }
        Ask::Devices => Found::Devices(user::devices(user, view)?),
        Ask::Blocked { after, limit } => {
            let blocked = view.blocked(user)?.into_iter();
            let later = blocked.filter(|it| after.as_ref().is_none_or(|after| it > after));
            let (users, more) = cut(later.collect(), page_rows(*limit) as usize);
            Found::Blocked { users, more }
        }
        Ask::Group(group) => Found::Group(group::state(group, user, view)?.map(Box::new)),
        Ask::Members { group, after, limit } => {
            let (members, next) = group::members(group, user, after.as_ref(), page_rows(*limit), view)?;
            Found::Members { members, next }
        }
        // Who of them is here no store knows.
        Ask::Around { .. } => {
            Found::Around { around: Vec::new(), more: false, contacts: view.contacts(user)? }
        }
        // What a later version asks is nothing that this one has.
        _ => Found::History { messages: Vec::new(), more: false },
    })
}

/// The first rows, and whether there are more.
fn cut<T>(mut all: Vec<T>, rows: usize) -> (Vec<T>, bool) {
    let more = all.len() > rows;
    all.truncate(rows);
    (all, more)
}

fn conversation(user: &UserId, of: &Address) -> ConversationId {
    ConversationId::of(user, of)
}

/// Rows of an answer, up to its bounds.
#[derive(Debug)]
struct Page<T> {
    rows: Vec<T>,
    max_rows: usize,
    bytes: u64,
    /// There was one more.
    more: bool,
}

impl<T> Page<T> {
    fn new(max_rows: u32) -> Self {
        Self { rows: Vec::new(), max_rows: max_rows as usize, bytes: 0, more: false }
    }

    /// Whether one more row is not to be read at all.
    fn is_full(&mut self) -> bool {
        self.more = self.rows.len() >= self.max_rows;
        self.more
    }

    /// Adds a row, if there is room for it. The first one always fits.
    fn push(&mut self, row: T, bytes: u64) -> bool {
        self.bytes += bytes;
        self.more = self.bytes > limits::PAGE_BYTES && !self.rows.is_empty();
        if !self.more {
            self.rows.push(row);
        }
        !self.more
    }
}

/// The most bytes that a message takes on a wire beside its names, which have limits of their own.
fn weight(message: &HistoryMessage) -> u64 {
    /// A dialect that puts a text into JSON may write six bytes for one.
    const ESCAPED: usize = 6;
    /// Where the sound of a talk is fetched: both names, percent-encoded.
    const SOUND_BYTES: usize = 2 * 1024;
    let body = &message.message.body;
    let bytes = match (body.kind, body.form) {
        (BodyKind::Voice { .. }, _) => SOUND_BYTES,
        (_, Form::Text) => ESCAPED * body.bytes.len(),
        _ => body.bytes.len(),
    };
    let seal = body
        .seal
        .as_ref()
        .map_or(0, |seal| seal.encryption_type.len() + seal.encrypted.len() + seal.signature.len());
    let count = |it: &ReactionCount| {
        let users: u64 = it.users.iter().map(|user| user.as_str().len() as u64 + 3).sum();
        // So much at least that there are no more of them in an answer than there may be.
        (it.emoji.as_str().len() as u64 + users + 16).max(limits::PAGE_BYTES / limits::PAGE_REACTIONS as u64)
    };
    let reactions: u64 = message.reactions.counts.iter().map(count).sum();
    (bytes + seal) as u64 + reactions
}
