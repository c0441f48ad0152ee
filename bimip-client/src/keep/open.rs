//! What is there when a client starts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bimip_proto::{Device, Offset, UnixMs};
use bimip_session::client::Resume;
use bytes::Bytes;

use super::early::Early;
use super::{FORMAT, Keeper, Waiting, keys, record};
use crate::history::Line;
use crate::store::{Change, Entry, Scan, Store, StoreError};

/// Entries read at a time.
const PAGE: usize = 256;

/// A store that was found to be this device's.
pub(crate) struct Opened {
    pub(crate) keeper: Keeper,
    pub(crate) resume: Resume,
    /// A newer token than the one the app has, and when it runs out.
    pub(crate) token: Option<(Bytes, Option<UnixMs>)>,
}

impl Opened {
    /// Gives up what the last run gave to a connection, in a dialect where it must not be sent twice.
    pub(crate) fn give_up(&mut self, now: UnixMs) -> Result<Vec<Line>, StoreError> {
        let lines = self.keeper.unsure(now)?;
        self.keeper.commit()?;
        let keeper = &self.keeper;
        self.resume
            .unacked
            .retain(|draft| draft.client_ref.as_ref().is_some_and(|name| keeper.is_waiting(name)));
        Ok(lines)
    }
}

impl Keeper {
    /// Looks at what is kept, and changes nothing where it is not understood.
    pub(crate) fn open(
        store: Arc<dyn Store>,
        me: Device,
        given: Option<&Bytes>,
        history: bool,
    ) -> Result<Opened, StoreError> {
        let place: record::Place = Self::check(&*store, &me)?;
        let next = match store.get(keys::NEXT)? {
            Some(bytes) => {
                u64::from_be_bytes(bytes.try_into().map_err(|_| StoreError::unreadable("the next number"))?)
            }
            None => 1,
        };
        let (mut drafts, mut unacked) = (VecDeque::new(), Vec::new());
        for (key, value) in all(&*store, b'o')? {
            let (draft, attempted) = record::read_draft(&value)?;
            let (number, name) = keys::number(&key)
                .zip(draft.client_ref.clone())
                .ok_or_else(|| StoreError::unreadable("the name of a draft"))?;
            drafts.push_back(Waiting { number, name, to: draft.to.clone(), attempted });
            unacked.push(draft);
        }
        let mut marks = Vec::new();
        for (key, value) in all(&*store, b'k')? {
            let number = keys::number(&key).ok_or_else(|| StoreError::unreadable("the number of a mark"))?;
            let (message, status) = record::read_mark(&value)?;
            marks.push((number, message, status));
        }
        let mut revisions = Vec::new();
        for (key, value) in all(&*store, b'v')? {
            let number =
                keys::number(&key).ok_or_else(|| StoreError::unreadable("the number of a revision"))?;
            revisions.push((number, record::read_revision(&value)?));
        }
        let mut commands = Vec::new();
        for (key, value) in all(&*store, b'g')? {
            let number =
                keys::number(&key).ok_or_else(|| StoreError::unreadable("the number of a command"))?;
            commands.push((number, record::read_command(&value)?));
        }
        let mut user_commands = Vec::new();
        for (key, value) in all(&*store, b'u')? {
            let number =
                keys::number(&key).ok_or_else(|| StoreError::unreadable("the number of a command"))?;
            user_commands.push((number, record::read_user_command(&value)?));
        }
        let mut reactions = Vec::new();
        for (key, value) in all(&*store, b'x')? {
            let number =
                keys::number(&key).ok_or_else(|| StoreError::unreadable("the number of a reaction"))?;
            reactions.push((number, record::read_reaction(&value)?));
        }
        let mut early = VecDeque::new();
        for (key, value) in all(&*store, b'e')? {
            let number =
                keys::number(&key).ok_or_else(|| StoreError::unreadable("the number of an early mark"))?;
            let (message, status, by) = record::read_early(&value)?;
            early.push_back(Early { number, message, by, status });
        }
        let given = given.cloned().unwrap_or_default();
        let token = match store.get(keys::TOKEN)? {
            Some(bytes) => {
                let token: record::Token = record::read(&bytes, "the token")?;
                let expires = (token.expires_ms > 0).then_some(UnixMs(token.expires_ms));
                // Of another token than the app has now it is no newer form.
                (token.given == given).then_some((token.refreshed, expires))
            }
            None => None,
        };
        let resume = Resume {
            epoch: place.epoch,
            seen: Offset(place.seen),
            unacked,
            marks: marks.iter().map(|(_, message, status)| (message.clone(), *status)).collect(),
            revisions: revisions.iter().map(|(_, revise)| revise.clone()).collect(),
            groups: commands.iter().map(|(_, command)| command.clone()).collect(),
            users: user_commands.iter().map(|(_, command)| command.clone()).collect(),
            reactions: reactions.iter().map(|(_, react)| react.clone()).collect(),
        };
        let batch = BTreeMap::new();
        let keeper = Self {
            store,
            me,
            history,
            place,
            given,
            next,
            drafts,
            marks,
            revisions,
            commands,
            user_commands,
            reactions,
            early,
            batch,
        };
        Ok(Opened { keeper, resume, token })
    }

    /// Whether the store is ours and this device's; a new one is made so.
    fn check(store: &dyn Store, me: &Device) -> Result<record::Place, StoreError> {
        let Some(format) = store.get(keys::FORMAT)? else {
            let anything = Scan { from: vec![0], until: vec![u8::MAX], backwards: false, limit: 1 };
            if !store.scan(&anything)?.is_empty() {
                return Err(StoreError::unreadable("it has no format"));
            }
            let put = |key: &[u8], value: Vec<u8>| Change { key: key.to_vec(), value: Some(value) };
            store.commit(&[
                put(keys::FORMAT, FORMAT.to_be_bytes().to_vec()),
                put(keys::DEVICE, me.to_string().into_bytes()),
            ])?;
            return Ok(record::Place::default());
        };
        let found: [u8; 4] = format.try_into().map_err(|_| StoreError::unreadable("its format"))?;
        let found = u32::from_be_bytes(found);
        if found != FORMAT {
            return Err(StoreError::Format { found, known: FORMAT });
        }
        let owner = store.get(keys::DEVICE)?.unwrap_or_default();
        if owner != me.to_string().into_bytes() {
            let found = String::from_utf8_lossy(&owner).into_owned();
            return Err(StoreError::OtherDevice { found, device: Box::new(me.clone()) });
        }
        match store.get(keys::PLACE)? {
            Some(bytes) => record::read(&bytes, "the place in the mailbox"),
            None => Ok(record::Place::default()),
        }
    }
}

fn all(store: &dyn Store, tag: u8) -> Result<Vec<Entry>, StoreError> {
    let (mut from, until) = keys::all(tag);
    let mut found = Vec::new();
    loop {
        let scan = Scan { from, until: until.clone(), backwards: false, limit: PAGE };
        let page = store.scan(&scan)?;
        let more = page.len() == PAGE;
        found.extend(page);
        match found.last() {
            Some((last, _)) if more => {
                from = last.clone();
                from.push(0);
            }
            _ => return Ok(found),
        }
    }
}
