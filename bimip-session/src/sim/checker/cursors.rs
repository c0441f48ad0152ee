//! Cursors only move forward, and not beyond the mailbox (I6).

use std::collections::BTreeMap;

use bimip_proto::{Device, Offset};

use super::findings::Findings;
use crate::ledger::{Book, View};

#[derive(Debug, Default)]
pub(super) struct Cursors {
    stood: BTreeMap<Device, Offset>,
}

impl Cursors {
    pub(super) fn synced(&mut self, findings: &mut Findings, devices: &[&Device], durable: &Book) {
        for device in devices {
            let (Ok(cursor), Ok(head)) = (durable.cursor(device), durable.mailbox_head(&device.user));
            let before = match self.stood.get_mut(*device) {
                Some(stood) => std::mem::replace(stood, cursor),
                None => self.stood.insert((*device).clone(), cursor).unwrap_or_default(),
            };
            findings.check(before <= cursor && cursor <= head, || {
                format!("I6: {device}: {before} to {cursor} of {head}")
            });
        }
    }
}
