//! What a device keeps, and what of it survives a crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_proto::{Draft, Entry, GroupCommand, MessageRef, Offset, Revise, Row, Status};
use bytes::Bytes;

use super::lie::Lie;
use crate::client::Resume;

/// The app's own disk: what was written since the last sync is lost in a crash.
#[derive(Debug)]
pub(super) struct Store {
    rows: Vec<(Offset, Arc<Entry>)>,
    synced_rows: usize,
    live: Kept,
    synced: Kept,
    lie: Option<Lie>,
}

/// All but the rows, which are only ever added to.
#[derive(Debug, Clone, Default)]
struct Kept {
    epoch: u32,
    stored: Offset,
    unacked: Vec<Draft>,
    marks: Vec<(MessageRef, Status)>,
    revisions: Vec<Revise>,
    groups: Vec<GroupCommand>,
    notes: BTreeMap<String, Bytes>,
}

impl Store {
    pub(super) fn new(lie: Option<Lie>) -> Self {
        let (live, synced) = (Kept::default(), Kept::default());
        Self { rows: Vec::new(), synced_rows: 0, live, synced, lie }
    }

    // ---- writing --------------------------------------------------------------------------------------

    pub(super) const fn epoch(&mut self, epoch: u32) {
        self.live.epoch = epoch;
    }

    /// Rows without a number are all stored: their dialect cannot tell a repeat.
    pub(super) fn row(&mut self, row: &Row) {
        let numbered = row.offset > Offset::ZERO;
        if !numbered || row.offset > self.live.stored {
            self.live.stored = self.live.stored.max(row.offset);
            self.rows.push((row.offset, Arc::clone(&row.entry)));
        }
    }

    pub(super) fn draft(&mut self, draft: Draft) {
        self.live.unacked.push(draft);
    }

    /// A draft is answered, if it was waiting.
    pub(super) fn answered(&mut self, is_it: impl FnMut(&Draft) -> bool) -> Option<Draft> {
        let at = self.live.unacked.iter().position(is_it)?;
        Some(self.live.unacked.remove(at))
    }

    pub(super) fn mark(&mut self, message: MessageRef, status: Status) {
        self.live.marks.push((message, status));
    }

    pub(super) fn marked(&mut self, message: &MessageRef, status: Status) {
        self.live.marks.retain(|(other, said)| !(other == message && *said == status));
    }

    pub(super) fn revise(&mut self, revise: Revise) {
        self.live.revisions.push(revise);
    }

    pub(super) fn revised(&mut self, revise: &Revise) {
        self.live.revisions.retain(|other| other != revise);
    }

    pub(super) fn command(&mut self, command: GroupCommand) {
        self.live.groups.push(command);
    }

    pub(super) fn commanded(&mut self, command: &GroupCommand) {
        self.live.groups.retain(|other| other != command);
    }

    pub(super) fn note(&mut self, name: String, value: Bytes) {
        self.live.notes.insert(name, value);
    }

    pub(super) fn noted(&self, name: &str) -> Option<&Bytes> {
        self.live.notes.get(name)
    }

    pub(super) fn all_noted(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.live.notes.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Everything written so far survives from here on.
    pub(super) fn sync(&mut self) {
        self.synced_rows = self.rows.len();
        self.synced.clone_from(&self.live);
    }

    /// How far rows are stored: what the session is told after a sync.
    pub(super) const fn stored(&self) -> Offset {
        self.live.stored
    }

    // ---- after a crash --------------------------------------------------------------------------------

    /// What was not synced is gone: the drafts of which the store knows nothing any more are returned.
    pub(super) fn crash(&mut self) -> Vec<Draft> {
        let kept = |draft: &Draft| self.synced.unacked.contains(draft);
        let lost: Vec<_> = self.live.unacked.iter().filter(|draft| !kept(draft)).cloned().collect();
        self.rows.truncate(self.synced_rows);
        match self.lie {
            Some(Lie::ForgottenOutbox) => self.synced.unacked.clear(),
            Some(Lie::ForgottenReads) => self.synced.marks.clear(),
            Some(Lie::ForgottenRevisions) => self.synced.revisions.clear(),
            Some(Lie::ForgottenRows) => self.rows.truncate(self.synced_rows.saturating_sub(3)),
            _ => {}
        }
        self.synced_rows = self.rows.len();
        self.live.clone_from(&self.synced);
        lost
    }

    /// What a session starts with.
    pub(super) fn resume(&self) -> Resume {
        let Kept { epoch, stored, unacked, marks, revisions, groups, .. } = self.live.clone();
        Resume { epoch, seen: stored, unacked, marks, revisions, groups, ..Resume::default() }
    }

    /// The store on the server that the rows are from.
    pub(super) const fn of_epoch(&self) -> u32 {
        self.live.epoch
    }

    pub(super) fn unacked_mut(&mut self) -> &mut Vec<Draft> {
        &mut self.live.unacked
    }

    pub(super) fn rows(&self) -> &[(Offset, Arc<Entry>)] {
        &self.rows
    }
}
