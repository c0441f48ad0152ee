//! `Identity` and `Signal`, written from borrowed parts.

use bimip_proto::Device;

use super::wire::{Fields, Sink, int, nested, text, uint};

/// Somebody: [`v1::Identity`](super::v1::Identity).
#[derive(Clone, Copy)]
pub(super) struct Identity<'a> {
    eid: &'a str,
    device: &'a str,
}

impl<'a> Identity<'a> {
    /// A device.
    pub(super) fn of(device: &'a Device) -> Self {
        Self { eid: device.user.as_str(), device: device.name.as_str() }
    }

    /// A user or a group.
    pub(super) const fn named(eid: &'a str) -> Self {
        Self { eid, device: "" }
    }
}

impl Fields for Identity<'_> {
    fn write<S: Sink>(&self, to: &mut S) {
        text(to, 1, self.eid);
        // Device names are never empty.
        text(to, 2, self.device);
    }
}

/// [`v1::Signal`](super::v1::Signal), field by field.
#[derive(Clone, Copy, Default)]
pub(super) struct Signal<'a> {
    pub(super) id: &'a str,
    pub(super) signal_offset: &'a str,
    pub(super) user_offset: &'a str,
    pub(super) status: i32,
    pub(super) timestamp: i64,
    pub(super) from: Option<Identity<'a>>,
    pub(super) to: Option<Identity<'a>>,
    pub(super) kind: i32,
    pub(super) error: &'a str,
    pub(super) signal_id: &'a str,
    pub(super) code: i32,
    pub(super) retry_after_ms: u32,
    pub(super) prev_offset: u64,
    pub(super) conversation: &'a str,
}

impl Fields for Signal<'_> {
    fn write<S: Sink>(&self, to: &mut S) {
        text(to, 1, self.id);
        text(to, 2, self.signal_offset);
        text(to, 3, self.user_offset);
        int(to, 4, self.status);
        int(to, 5, self.timestamp);
        if let Some(from) = &self.from {
            nested(to, 6, from);
        }
        if let Some(whom) = &self.to {
            nested(to, 7, whom);
        }
        int(to, 8, self.kind);
        text(to, 9, self.error);
        text(to, 10, self.signal_id);
        int(to, 11, self.code);
        uint(to, 12, self.retry_after_ms.into());
        uint(to, 13, self.prev_offset);
        text(to, 14, self.conversation);
    }
}
