//! Presence, live signals and positions: what is told now or never.

use bimip_proto::{
    Act, Address, Aware, Awareness, ClientRef, ConversationId, Device, Location, Reach, Track, UnixMs, limits,
};

use super::frame::{Fields, identity, named, put, to_ms};
use super::numbers::{self, kind, route};
use super::signal::{Identity, Signal};
use super::v1::message_scheme::Payload;
use super::v1::{self, LocationStream};
use super::wire;
use crate::{DecodeError, Frames};

/// `location_sharing` and `visibility`.
pub(super) const ENABLED: i32 = 1;
pub(super) const DISABLED: i32 = 2;

/// BM-AWARE-1: what a client says it is doing. A place that is not shared is not looked at.
pub(super) fn awareness(fields: Fields, it: &v1::Awareness) -> Result<Awareness, DecodeError> {
    if it.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    heard(fields, it)
}

/// An awareness of either direction.
fn heard(fields: Fields, it: &v1::Awareness) -> Result<Awareness, DecodeError> {
    let presence = numbers::presence(it.status).ok_or_else(|| fields.wrong("status"))?;
    let to = match presence.reach() {
        Reach::Peer => Some(Address::User(fields.user(it.to.as_ref(), "to.eid")?)),
        Reach::Contacts | Reach::Own => None,
    };
    let location = match it.location_sharing {
        0 | DISABLED => None,
        ENABLED => Some(place(fields, it.latitude, it.longitude, None)?),
        _ => return Err(fields.wrong("location_sharing")),
    };
    let ttl_s = u32::try_from(it.ttl).ok().filter(|ttl_s| *ttl_s <= limits::PRESENCE_TTL_MAX_S);
    Ok(Awareness {
        id: fields.client_ref(&it.id)?,
        to,
        presence,
        location,
        ttl_s: ttl_s.ok_or_else(|| fields.wrong("ttl"))?,
        at: time(fields, it.timestamp)?,
    })
}

fn place(
    fields: Fields,
    latitude: f64,
    longitude: f64,
    altitude: Option<f64>,
) -> Result<Location, DecodeError> {
    Location::new(latitude, longitude, altitude).ok_or_else(|| fields.wrong("latitude"))
}

fn time(fields: Fields, timestamp: i64) -> Result<Option<UnixMs>, DecodeError> {
    if timestamp == 0 { Ok(None) } else { fields.ms(timestamp, "timestamp").map(Some) }
}

fn ref_text(id: Option<&ClientRef>) -> String {
    id.map_or_else(String::new, |id| id.as_str().to_owned())
}

pub(super) fn request(me: Option<&Device>, it: &Awareness) -> v1::Awareness {
    written(me, it, kind::REQUEST)
}

fn written(from: Option<&Device>, it: &Awareness, kind: i32) -> v1::Awareness {
    let (latitude, longitude) = it.location.map_or((0.0, 0.0), |it| (it.latitude(), it.longitude()));
    v1::Awareness {
        id: ref_text(it.id.as_ref()),
        from: from.map(identity),
        to: it.to.as_ref().map(|to| named(to.as_str())),
        r#type: kind,
        status: numbers::of_presence(it.presence),
        location_sharing: if it.location.is_some() { ENABLED } else { DISABLED },
        latitude,
        longitude,
        ttl: i32::try_from(it.ttl_s).unwrap_or(i32::MAX),
        details: String::new(),
        timestamp: it.at.map_or(0, to_ms),
        visibility: 0,
    }
}

/// BM-AWARE-2: somebody's presence, towards a client.
pub(super) fn aware(it: &Aware) -> v1::Awareness {
    written(Some(&it.from), &it.awareness, kind::RESPONSE)
}

pub(super) fn put_around(list: &[Aware], out: &mut Frames) {
    let body = v1::Body {
        route: route::AWARENESS.into(),
        awareness_list: list.iter().map(aware).collect(),
        ..Default::default()
    };
    put(Payload::Body(body), out);
}

/// At a client's end.
pub(super) fn read_aware(fields: Fields, it: &v1::Awareness) -> Result<Aware, DecodeError> {
    if it.r#type != kind::RESPONSE {
        return Err(fields.wrong("type"));
    }
    Ok(Aware { from: fields.device(it.from.as_ref(), "from")?, awareness: heard(fields, it)? })
}

/// BM-LIVE-1: a signal of a live status, of either direction.
pub(super) fn signal(
    fields: Fields,
    me: Option<&Device>,
    act: Act,
    it: &v1::Signal,
) -> Result<bimip_proto::Signal, DecodeError> {
    let me = me.map(|device| &device.user);
    Ok(bimip_proto::Signal {
        id: fields.client_ref(&it.id)?,
        to: fields.address(me, &it.conversation, it.to.as_ref().map_or("", |to| &to.eid))?,
        act,
        at: time(fields, it.timestamp)?,
    })
}

/// Writes a live signal: from a client (`kind` 1), or to one (4).
pub(super) fn put_signal(from: Option<&Device>, it: &bimip_proto::Signal, kind: i32, out: &mut Frames) {
    let conversation = match &it.to {
        Address::Group(group) => ConversationId::Group(group.clone()).to_string(),
        _ => String::new(),
    };
    let signal = Signal {
        id: it.id.as_ref().map_or("", |id| id.as_str()),
        status: numbers::of_act(it.act),
        timestamp: it.at.map_or(0, to_ms),
        from: from.map(Identity::of),
        to: Some(Identity::named(it.to.as_str())),
        kind,
        conversation: &conversation,
        ..Signal::default()
    };
    wire::put(route::SIGNAL, &signal, out);
}

/// BM-LOC-1: a step of a moving position, of either direction.
pub(super) fn track(fields: Fields, it: &LocationStream) -> Result<Track, DecodeError> {
    Ok(Track {
        id: fields.client_ref(&it.id)?,
        to: Address::User(fields.user(it.to.as_ref(), "to.eid")?),
        location: place(fields, it.latitude, it.longitude, it.altitude)?,
        at: time(fields, it.timestamp)?,
    })
}

pub(super) fn put_track(from: Option<&Device>, it: &Track, out: &mut Frames) {
    let stream = LocationStream {
        id: ref_text(it.id.as_ref()),
        from: from.map(identity),
        to: Some(named(it.to.as_str())),
        latitude: it.location.latitude(),
        longitude: it.location.longitude(),
        altitude: it.location.altitude(),
        timestamp: it.at.map_or(0, to_ms),
    };
    put(Payload::LocationStream(stream), out);
}

#[cfg(test)]
mod tests {
    use bimip_proto::Presence;

    use super::*;

    #[test]
    fn statuses_stand_for_one_thing_each() {
        for presence in Presence::ALL {
            assert_eq!(numbers::presence(numbers::of_presence(presence)), Some(presence));
        }
        for it in Act::ALL {
            assert_eq!(numbers::act(numbers::of_act(it)), Some(it));
        }
        assert_eq!(
            (numbers::presence(0), numbers::presence(12), numbers::act(5), numbers::act(13)),
            (None, None, None, None)
        );
    }
}
