//! Cursors on their way to the disk.

use std::collections::BTreeMap;

use bimip_proto::{Device, Offset};

/// What devices said they have, and storage has not proven yet.
///
/// A cursor waits a moment for something to share a sync with. A device that goes and comes back meanwhile would be
/// sent again what it just said it has; so its reader starts from here. Nothing is lost by that: what is proven decides
/// after a crash, and a cursor here is the device's own word. Bounded by the tickets under way.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    under_way: BTreeMap<Device, (Offset, u32)>,
}

impl Cursors {
    pub(super) fn asked(&mut self, device: &Device, offset: Offset) {
        match self.under_way.get_mut(device) {
            Some((furthest, tickets)) => {
                *furthest = offset.max(*furthest);
                *tickets += 1;
            }
            None => {
                self.under_way.insert(device.clone(), (offset, 1));
            }
        }
    }

    pub(super) fn answered(&mut self, device: &Device) {
        let Some((_, tickets)) = self.under_way.get_mut(device) else { return };
        *tickets -= 1;
        if *tickets == 0 {
            self.under_way.remove(device);
        }
    }

    pub(super) fn furthest(&self, device: &Device) -> Offset {
        self.under_way.get(device).map_or(Offset::ZERO, |(offset, _)| *offset)
    }
}

#[cfg(test)]
mod tests {
    use bimip_proto::{DeviceName, UserId};

    use super::*;

    #[test]
    fn the_furthest_counts_until_all_tickets_are_answered() {
        let device = Device::new(UserId::new("a").unwrap(), DeviceName::new("1").unwrap());
        let mut cursors = Cursors::default();
        for offset in [4, 9, 7] {
            cursors.asked(&device, Offset(offset));
        }
        for _ in 0..3 {
            assert_eq!(cursors.furthest(&device), Offset(9));
            cursors.answered(&device);
        }
        assert_eq!(cursors.furthest(&device), Offset::ZERO, "storage has the last word, and nothing is kept");
        cursors.answered(&device);
    }
}
