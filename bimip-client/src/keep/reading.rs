//! What an app reads, also while the driver writes. Each page is one look at the store.

use std::fmt;
use std::sync::Arc;

use bimip_proto::{ClientRef, ConversationId, Device};

use super::record::{self, Summary};
use super::{kept, keys, lines};
use crate::history::{Conversation, End, Line, Page};
use crate::store::{Scan, Store, StoreError};

/// Reads what a keeper has committed.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) me: Device,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("me", &self.me).finish_non_exhaustive()
    }
}

impl Reading {
    pub(crate) fn history(&self, conversation: &ConversationId, page: Page) -> Result<Vec<Line>, StoreError> {
        let (mut from, mut until) = keys::lines(conversation);
        let backwards = match page.end {
            End::Last => true,
            End::Before(line) => {
                until = keys::line(conversation, line);
                true
            }
            End::After(line) => {
                from = keys::line(conversation, line);
                // The first key after it.
                from.push(0);
                false
            }
        };
        let found = self.store.scan(&Scan { from, until, backwards, limit: page.limit })?;
        let mut lines: Vec<Line> =
            found.into_iter().map(|entry| self.line(entry)).collect::<Result<_, _>>()?;
        if backwards {
            lines.reverse();
        }
        Ok(lines)
    }

    pub(crate) fn conversations(&self, limit: usize) -> Result<Vec<Conversation>, StoreError> {
        let (from, until) = keys::all(b'r');
        let recent = self.store.scan(&Scan { from, until, backwards: true, limit })?;
        let mut conversations: Vec<Conversation> = Vec::with_capacity(recent.len());
        for (key, _) in recent {
            let id =
                keys::recent(&key).ok_or_else(|| StoreError::unreadable("the name of a conversation"))?;
            // Its only message may have been discarded.
            let Some(last) = self.history(&id, Page::last(1))?.pop() else { continue };
            let summary: Summary = match self.store.get(&keys::summary(&id))? {
                Some(bytes) => record::read(&bytes, "a conversation")?,
                None => Summary::default(),
            };
            conversations.push(Conversation { id, last, unread: summary.unread });
        }
        Ok(conversations)
    }

    pub(crate) fn message(&self, name: &ClientRef) -> Result<Option<Line>, StoreError> {
        let mut tries = 0;
        loop {
            let Some(key) = self.store.get(&keys::by_client_ref(name))? else { return Ok(None) };
            match self.store.get(&key)? {
                Some(value) => return self.line((key, value)).map(Some),
                // It has moved between the two looks.
                None if tries < 2 => tries += 1,
                None => return Ok(None),
            }
        }
    }

    fn line(&self, (key, value): (Vec<u8>, Vec<u8>)) -> Result<Line, StoreError> {
        let position =
            keys::position(&key).ok_or_else(|| StoreError::unreadable("the place of a message"))?;
        Ok(lines::line_of(&self.me, position, kept::read_line(value)?))
    }
}
