//! When devices went.

use std::collections::{BTreeMap, btree_map};

use bimip_proto::{Device, DeviceName, UnixMs, UserId, limits};

/// Devices that were connected to this core, and when their last connection ended: at most
/// [`DEPARTED_DEVICES`](limits::DEPARTED_DEVICES), those that went last. It tells why somebody has not got something yet, and
/// decides nothing, so it need not outlive the core.
#[derive(Debug, Default)]
pub(super) struct Departed {
    devices: BTreeMap<UserId, BTreeMap<DeviceName, (UnixMs, u64)>>,
    /// In the order in which they went.
    order: BTreeMap<u64, Device>,
    last: u64,
}

impl Departed {
    /// A device goes.
    pub(super) fn went(&mut self, device: &Device, at: UnixMs) {
        self.forget(device);
        self.last += 1;
        self.order.insert(self.last, device.clone());
        let devices = self.devices.entry(device.user.clone()).or_default();
        devices.insert(device.name.clone(), (at, self.last));
        if self.order.len() > limits::DEPARTED_DEVICES
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.take(&oldest);
        }
    }

    /// Nothing is known of a device any more.
    pub(super) fn forget(&mut self, device: &Device) {
        if let Some(place) = self.take(device) {
            self.order.remove(&place);
        }
    }

    /// The devices of a user, by name, with when they went.
    pub(super) fn of<'d>(
        &'d self,
        user: &UserId,
    ) -> impl Iterator<Item = (&'d DeviceName, UnixMs)> + use<'d> {
        self.devices.get(user).into_iter().flatten().map(|(name, (at, _))| (name, *at))
    }

    fn take(&mut self, device: &Device) -> Option<u64> {
        let btree_map::Entry::Occupied(mut devices) = self.devices.entry(device.user.clone()) else {
            return None;
        };
        let (_, place) = devices.get_mut().remove(&device.name)?;
        if devices.get().is_empty() {
            devices.remove();
        }
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(user: &str, name: &str) -> Device {
        Device::new(UserId::new(user).unwrap(), DeviceName::new(name).unwrap())
    }

    fn of(departed: &Departed, user: &str) -> Vec<(String, u64)> {
        let user = UserId::new(user).unwrap();
        departed.of(&user).map(|(name, at)| (name.as_str().to_owned(), at.0)).collect()
    }

    #[test]
    fn the_last_time_counts_and_the_first_to_go_is_forgotten() {
        let mut departed = Departed::default();
        departed.went(&device("ann", "b"), UnixMs(1));
        departed.went(&device("ann", "a"), UnixMs(2));
        departed.went(&device("ann", "b"), UnixMs(3));
        assert_eq!(of(&departed, "ann"), [("a".to_owned(), 2), ("b".to_owned(), 3)]);
        for number in 2..limits::DEPARTED_DEVICES {
            departed.went(&device("bob", &number.to_string()), UnixMs(4));
        }
        assert_eq!(of(&departed, "ann").len(), 2);
        departed.went(&device("bob", "one more"), UnixMs(4));
        assert_eq!(of(&departed, "ann"), [("b".to_owned(), 3)]);
        departed.forget(&device("ann", "b"));
        departed.forget(&device("ann", "b"));
        assert_eq!((of(&departed, "ann"), departed.order.len()), (Vec::new(), limits::DEPARTED_DEVICES - 1));
    }
}
