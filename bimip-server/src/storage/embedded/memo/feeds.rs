//! What the commit thread remembers about the feeds of large groups, so that filling a mailbox costs few reads.

use std::sync::Arc;

use bimip_proto::{GroupId, UserId};
use bimip_session::ledger::Stretch;

use super::Memo;
use crate::storage::StorageError;
use crate::storage::embedded::recent::Recent;
use crate::storage::embedded::rows::Rows;

/// What somebody has not got yet, by group in the order of their names.
type Pulls = Arc<[(GroupId, Vec<Stretch>)]>;

/// Where feeds end, their last places, and what users have not got of them. The latter count as many as are in them.
#[derive(Debug)]
pub(super) struct Feeds {
    pub(super) heads: Recent<GroupId, Option<u64>>,
    places: Recent<(GroupId, u64), u64>,
    pulls: Recent<UserId, Pulls>,
}

impl Feeds {
    pub(super) fn new(names: usize, listed: usize) -> Self {
        Self {
            heads: Recent::new(names),
            places: Recent::new(names),
            pulls: Recent::weighing(listed, |pulls| pulls.len()),
        }
    }

    pub(super) fn forget(&mut self) {
        let Self { heads, places, pulls } = self;
        heads.forget();
        places.forget();
        pulls.forget();
    }
}

impl Memo {
    pub(in super::super) fn feed_head(
        &mut self,
        group: &GroupId,
        rows: &Rows<'_>,
    ) -> Result<Option<u64>, StorageError> {
        if let Some(known) = self.feeds.heads.get(group) {
            return Ok(known);
        }
        let head = match self.group_no(group, rows)? {
            Some(no) => rows.feed_head(no)?,
            None => None,
        };
        self.feeds.heads.set(group, head);
        Ok(head)
    }

    pub(in super::super) fn fed(
        &mut self,
        group: &GroupId,
        place: u64,
        rows: &Rows<'_>,
    ) -> Result<Option<u64>, StorageError> {
        let key = (group.clone(), place);
        if let Some(known) = self.feeds.places.get(&key) {
            return Ok(Some(known));
        }
        let Some(no) = self.group_no(group, rows)? else { return Ok(None) };
        let sequence = rows.fed(no, place)?;
        if let Some(sequence) = sequence {
            self.feeds.places.set(&key, sequence);
        }
        Ok(sequence)
    }

    pub(in super::super) fn pulls_of(
        &mut self,
        user: &UserId,
        rows: &Rows<'_>,
    ) -> Result<Pulls, StorageError> {
        if let Some(known) = self.feeds.pulls.get(user) {
            return Ok(known);
        }
        let pulls: Pulls = match self.user_no(user, rows)? {
            Some(no) => rows.pulls_of(no)?.into(),
            None => Arc::default(),
        };
        self.feeds.pulls.set(user, Arc::clone(&pulls));
        Ok(pulls)
    }

    // ---- what a batch changes -----------------------------------------------------------------------

    pub(in super::super) fn set_fed(&mut self, group: &GroupId, place: u64, sequence: u64) {
        self.feeds.heads.set(group, Some(place));
        if place > 0 {
            self.feeds.places.set(&(group.clone(), place), sequence);
        }
    }

    /// Lists follow where they are remembered.
    pub(in super::super) fn set_stretches(&mut self, user: &UserId, group: &GroupId, stretches: &[Stretch]) {
        let Some(pulls) = self.feeds.pulls.get(user) else { return };
        let others = pulls.iter().filter(|(other, _)| other != group).cloned();
        let mut pulls: Vec<_> = others.collect();
        if !stretches.is_empty() {
            let at = pulls.partition_point(|(other, _)| other < group);
            pulls.insert(at, (group.clone(), stretches.to_vec()));
        }
        self.feeds.pulls.set(user, pulls.into());
    }
}
