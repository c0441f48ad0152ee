//! Apps of one's own in the world.

use std::fmt;
use std::sync::Arc;

use bimip_proto::{
    Address, Body, ClientRef, Device, Draft, Entry, GroupAct, GroupCommand, GroupId, MessageRef, Now, Offset,
    Status,
};
use bytes::Bytes;

use super::rng::Rng;
use super::store::Store;
use crate::client::Event;
use crate::ledger::Book;

/// An app: what it hears, and what it does about it.
///
/// The world stores received rows for every app and tells the session when they are synced; a bot decides what to say,
/// and may keep a model of its own, such as what a screen shows. A bot's memory is gone with a crash: the world then
/// makes a new one, which finds what the old one had [kept](Hand::keep) and synced.
pub trait Bot: fmt::Debug {
    /// The app starts: for the first time, or after a crash.
    fn start(&mut self, hand: &mut Hand<'_>) {
        let _ = hand;
    }

    /// The session says something.
    fn event(&mut self, hand: &mut Hand<'_>, event: &Event);

    /// A time that was asked for with [`Hand::wake_in`] has come.
    fn wake(&mut self, hand: &mut Hand<'_>) {
        let _ = hand;
    }

    /// The faults have stopped and everything is at rest: does the app show what it should?
    ///
    /// # Errors
    /// What is wrong, in a sentence; it becomes a violation of the run.
    fn at_rest(&self, rest: &Rest<'_>) -> Result<(), String> {
        let _ = rest;
        Ok(())
    }
}

/// What an app can do. All of it happens after the call in which it was said, in order.
#[derive(Debug)]
pub struct Hand<'a> {
    pub(super) now: Now,
    pub(super) device: &'a Device,
    pub(super) name: &'a str,
    pub(super) store: &'a mut Store,
    pub(super) rng: &'a mut Rng,
    pub(super) tag: &'a mut u32,
    pub(super) acts: Vec<Act>,
}

/// Something that a bot wants done.
#[derive(Debug)]
pub(super) enum Act {
    Send(Draft),
    Mark(MessageRef, Status),
    Group(GroupCommand),
    Join(GroupId),
    Leave(GroupId),
    WakeIn(u64),
    Sync,
}

impl Hand<'_> {
    /// The time.
    #[must_use]
    pub const fn now(&self) -> Now {
        self.now
    }

    /// Which device this is.
    #[must_use]
    pub const fn device(&self) -> &Device {
        self.device
    }

    /// Draws that come again with the seed. A bot that drew elsewhere could not be replayed.
    pub const fn rng(&mut self) -> &mut Rng {
        self.rng
    }

    /// Sends a text, and says under which name. A mark in angle brackets is added to the text, by which the checkers
    /// know it again.
    pub fn send(&mut self, to: Address, text: &str) -> Option<ClientRef> {
        *self.tag += 1;
        let tag = format!("<{}-{}>", self.name, self.tag);
        let client_ref = ClientRef::new(&tag).ok();
        let body = Body::text(&format!("{text} {tag}"));
        self.acts.push(Act::Send(Draft { client_ref: client_ref.clone(), to, client_time: None, body }));
        client_ref
    }

    /// Says that a message was read, played or forwarded.
    pub fn mark(&mut self, message: MessageRef, status: Status) {
        self.acts.push(Act::Mark(message, status));
    }

    /// Asks something about a group, under a name of its own.
    pub fn group(&mut self, group: GroupId, act: GroupAct) {
        *self.tag += 1;
        let name = ClientRef::new(&format!("<{}-{}>", self.name, self.tag));
        if let Ok(client_ref) = name {
            self.acts.push(Act::Group(GroupCommand { client_ref, group, act }));
        }
    }

    /// Asks to be in a group.
    pub fn join(&mut self, group: GroupId) {
        self.acts.push(Act::Join(group));
    }

    /// Asks to be in a group no more.
    pub fn leave(&mut self, group: GroupId) {
        self.acts.push(Act::Leave(group));
    }

    /// Asks for [`Bot::wake`] after this time. Forgotten in a crash.
    pub fn wake_in(&mut self, after_ms: u64) {
        self.acts.push(Act::WakeIn(after_ms));
    }

    /// Writes something into the app's store. It survives a crash once the store is synced, which happens soon after
    /// every write.
    pub fn keep(&mut self, name: &str, value: impl Into<Bytes>) {
        self.store.note(name.to_owned(), value.into());
        self.acts.push(Act::Sync);
    }

    /// What was kept under a name.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<&Bytes> {
        self.store.noted(name)
    }

    /// Everything that was kept, in the order of the names.
    pub fn all_kept(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.store.all_noted()
    }

    /// The rows in the app's store, in order.
    #[must_use]
    pub fn rows(&self) -> &[(Offset, Arc<Entry>)] {
        self.store.rows()
    }
}

/// What is true when everything is at rest.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the world fills it")]
pub struct Rest<'a> {
    /// Which device this is.
    pub device: &'a Device,
    /// The mailbox of its user as the server's disk has it, in order.
    pub mailbox: &'a [(Offset, Arc<Entry>)],
    /// What the app's store has of it: all but what this device caused itself.
    pub rows: &'a [(Offset, Arc<Entry>)],
    /// All of the server's disk.
    pub disk: &'a Book,
}

/// How the world makes bots; `None` for a device that needs none.
pub(super) struct Maker(pub(super) Box<Make>);

type Make = dyn FnMut(&Device) -> Option<Box<dyn Bot>>;

impl fmt::Debug for Maker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Maker")
    }
}
