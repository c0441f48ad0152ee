//! How far a message got: what is stored of it, and what this core knows of its connections, put together.

use bimip_proto::{
    Address, Device, DeviceName, DeviceState, DeviceStatus, MessageStatus, NotYet, Now, RecipientStatus,
    Status, UnixMs, UserId, limits,
};

use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::reader::{Reader, Way};

/// A device that is connected to this core.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Live {
    name: DeviceName,
    since: UnixMs,
    state: DeviceState,
}

impl ServerCore {
    /// Adds what is live to what is stored, and takes away what the asker is not to know.
    pub(super) fn add_live(&self, asker: &UserId, status: &mut MessageStatus) {
        // Its members are not told of each other's presence through such a group (DM-PRS-1).
        let crowded = match &status.to {
            Address::Group(group) => self.roster.members_here(group) > self.config.row_members as usize,
            _ => false,
        };
        for recipient in &mut status.recipients {
            let own = recipient.user == *asker;
            let here = !self.roster.of(&recipient.user).is_empty();
            // Storage has said whether they hide; that may have changed since it was asked.
            if !own && (crowded || (here && self.roster.is_hidden(&recipient.user))) {
                untell(recipient);
            } else if recipient.devices.is_some() {
                let live = self.connected(recipient, &status.from, &status.to, status.deleted);
                let departed = self.departed.of(&recipient.user);
                // Of a message to oneself: the device that wrote it does not get it.
                let writer = (status.from.user == recipient.user).then_some(&status.from.name);
                let departed = departed.filter(|(name, _)| Some(*name) != writer);
                join(recipient, live, departed, self.others.is_none());
            }
            if !own {
                recipient.row = None;
            }
        }
    }

    /// A connection is gone. When a hidden user goes is nobody's to know, also later.
    pub(super) fn departs(&mut self, now: Now, connection: &Connection) {
        let (Phase::Live { grant, .. } | Phase::Leaving { grant, .. }) = &connection.phase else { return };
        if connection.caps.calls {
            return;
        }
        if self.roster.is_hidden(&grant.device.user) {
            self.departed.forget(&grant.device);
        } else {
            self.departed.went(&grant.device, now.stamp());
        }
    }

    /// The devices of a recipient that are connected here, by name.
    fn connected(
        &self,
        recipient: &RecipientStatus,
        from: &Device,
        to: &Address,
        deleted: bool,
    ) -> Vec<Live> {
        let mut live = Vec::new();
        for conn in self.roster.of(&recipient.user) {
            let Some(connection) = self.conns.get(conn).filter(|it| !it.caps.calls) else { continue };
            let Some(grant) = connection.grant().filter(|grant| grant.device != *from) else { continue };
            let state = match &connection.phase {
                Phase::Live { reader, .. } => state(reader, recipient, to, deleted),
                // It comes, or it goes: nothing is sent to it now.
                _ => DeviceState::Unknown,
            };
            live.push(Live { name: grant.device.name.clone(), since: connection.since, state });
        }
        live.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        live.dedup_by(|one, other| one.name == other.name);
        live
    }
}

/// How far a message is with a device that reads.
fn state(reader: &Reader, recipient: &RecipientStatus, to: &Address, deleted: bool) -> DeviceState {
    if !reader.hears_of(to, deleted) {
        return DeviceState::NoWords;
    }
    let way = match recipient.row {
        Some(row) => reader.way_of(row),
        // It is put behind what the mailbox has.
        None if recipient.why == Some(NotYet::NotFilled) => reader.way_of(reader.head().next()),
        None => return DeviceState::Unknown,
    };
    match way {
        Way::Behind => DeviceState::Sent { at: None },
        Way::Flying(at) => DeviceState::Sent { at: Some(at) },
        Way::Ahead { rows: rows_before, full: true } => DeviceState::WindowFull { rows_before },
        Way::Ahead { rows: rows_before, full: false } => DeviceState::Next { rows_before },
    }
}

/// Nothing of a recipient's devices is told, nor what their devices alone could tell.
fn untell(recipient: &mut RecipientStatus) {
    recipient.devices = None;
    recipient.more_devices = false;
    if matches!(recipient.why, Some(NotYet::NeverConnected | NotYet::NotFilled)) || recipient.why.is_none() {
        let delivered = recipient.marks.has(Status::Delivered);
        recipient.why = (!delivered).then_some(NotYet::Untold);
    }
}

/// What is stored of a recipient's devices, with what a core knows: who is connected, by name, and who was and went.
///
/// What storage has of a device stands: a cursor is never taken back. A device of which it says nothing is added. A core that
/// is not alone cannot know who is connected elsewhere.
fn join<'a>(
    recipient: &mut RecipientStatus,
    live: Vec<Live>,
    departed: impl Iterator<Item = (&'a DeviceName, UnixMs)>,
    alone: bool,
) {
    let Some(devices) = &mut recipient.devices else { return };
    let most = devices.len() + limits::STATUS_DEVICES;
    for Live { name, since, state } in live {
        match devices.binary_search_by(|it| it.name.cmp(&name)) {
            Ok(at) => {
                devices[at].connected_at = Some(since);
                if devices[at].state != DeviceState::Acknowledged {
                    devices[at].state = state;
                }
            }
            Err(at) if devices.len() < most => {
                devices.insert(at, DeviceStatus { name, state, connected_at: Some(since) });
            }
            Err(_) => recipient.more_devices = true,
        }
    }
    if !alone {
        let offline = |it: &&mut DeviceStatus| {
            it.connected_at.is_none() && matches!(it.state, DeviceState::Offline { .. })
        };
        devices.iter_mut().filter(offline).for_each(|it| it.state = DeviceState::Elsewhere);
    }
    for (name, at) in departed {
        let gone = if alone { DeviceState::Offline { since: Some(at) } } else { DeviceState::Elsewhere };
        match devices.binary_search_by(|it| it.name.cmp(name)) {
            Ok(place) if devices[place].connected_at.is_none() => match devices[place].state {
                DeviceState::LoggedOut { at: out } if out >= at => {}
                DeviceState::LoggedOut { .. } | DeviceState::Offline { .. } => devices[place].state = gone,
                _ => {}
            },
            Ok(_) => {}
            Err(place) if devices.len() < most => {
                devices.insert(place, DeviceStatus { name: name.clone(), state: gone, connected_at: None });
            }
            Err(_) => recipient.more_devices = true,
        }
    }
    if recipient.why == Some(NotYet::NeverConnected) && !devices.is_empty() {
        recipient.why = None;
    }
}

#[cfg(test)]
mod tests {
    use bimip_proto::{Marks, Offset};

    use super::*;

    const NEXT: DeviceState = DeviceState::Next { rows_before: 3 };
    const OFFLINE: DeviceState = DeviceState::Offline { since: None };
    const OUT: DeviceState = DeviceState::LoggedOut { at: UnixMs(5) };

    fn name(name: &str) -> DeviceName {
        DeviceName::new(name).unwrap()
    }

    fn stored(devices: &[(&str, DeviceState)]) -> RecipientStatus {
        let devices = devices.iter().map(|(it, state)| DeviceStatus {
            name: name(it),
            state: *state,
            connected_at: None,
        });
        RecipientStatus {
            user: UserId::new("bob").unwrap(),
            row: Some(Offset(7)),
            marks: Marks::NONE,
            delivered_at: None,
            read_at: None,
            why: None,
            devices: Some(devices.collect()),
            more_devices: false,
        }
    }

    fn joined(
        stored: &[(&str, DeviceState)],
        live: &[(&str, DeviceState)],
        departed: &[(&str, u64)],
        alone: bool,
    ) -> Vec<(String, DeviceState, bool)> {
        let mut recipient = self::stored(stored);
        let live = live.iter().map(|(it, state)| Live { name: name(it), since: UnixMs(1), state: *state });
        let departed: Vec<_> = departed.iter().map(|(it, at)| (name(it), UnixMs(*at))).collect();
        join(&mut recipient, live.collect(), departed.iter().map(|(it, at)| (it, *at)), alone);
        let devices = recipient.devices.unwrap().into_iter();
        devices.map(|it| (it.name.as_str().to_owned(), it.state, it.connected_at.is_some())).collect()
    }

    // DM-STAT-4
    #[test]
    fn what_is_stored_stands_and_what_is_live_is_added() {
        let acknowledged = DeviceState::Acknowledged;
        let away = |since| DeviceState::Offline { since: Some(UnixMs(since)) };
        let row = |name: &str, state, here| (name.to_owned(), state, here);
        let stored =
            [("a", acknowledged), ("c", OFFLINE), ("d", OFFLINE), ("e", OUT), ("f", OUT), ("g", OUT)];
        let live = [("a", NEXT), ("b", NEXT), ("c", NEXT), ("g", NEXT)];
        assert_eq!(
            joined(&stored, &live, &[("c", 9), ("d", 9), ("e", 4), ("f", 9), ("h", 9)], true),
            [
                row("a", acknowledged, true),
                row("b", NEXT, true),
                row("c", NEXT, true),
                row("d", away(9), false),
                row("e", OUT, false),
                row("f", away(9), false),
                row("g", NEXT, true),
                row("h", away(9), false),
            ]
        );
        // Of several cores one knows who is here, and not who is elsewhere.
        assert_eq!(
            joined(&stored[..3], &live[..2], &[("d", 9), ("h", 9)], false),
            [
                row("a", acknowledged, true),
                row("b", NEXT, true),
                row("c", DeviceState::Elsewhere, false),
                row("d", DeviceState::Elsewhere, false),
                row("h", DeviceState::Elsewhere, false),
            ]
        );
    }

    #[test]
    fn devices_are_bounded() {
        let names: Vec<String> = (0..99).map(|number| format!("{number:02}")).collect();
        let live: Vec<(&str, DeviceState)> = names.iter().map(|name| (name.as_str(), NEXT)).collect();
        assert_eq!(joined(&[("zz", OFFLINE)], &live, &[("zzz", 1)], true).len(), 1 + limits::STATUS_DEVICES);
    }

    // DM-STAT-5
    #[test]
    fn what_is_not_told_leaves_no_trace() {
        let mut recipient = stored(&[("a", NEXT)]);
        recipient.more_devices = true;
        for (marks, why, left) in [
            (Marks::NONE, None, Some(NotYet::Untold)),
            (Marks::NONE, Some(NotYet::NeverConnected), Some(NotYet::Untold)),
            (Marks::NONE, Some(NotYet::NotFilled), Some(NotYet::Untold)),
            (Marks::NONE, Some(NotYet::Deleted), Some(NotYet::Deleted)),
            (Marks::NONE.with(Status::Read), None, None),
        ] {
            let mut recipient = RecipientStatus { marks, why, ..recipient.clone() };
            untell(&mut recipient);
            assert_eq!((recipient.devices, recipient.more_devices, recipient.why), (None, false, left));
        }
    }
}
