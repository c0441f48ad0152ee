//! Presence, live signals, positions, visibility and tokens: what is told now or never, and what a user decides.

use bimip_proto::{
    Act, Address, Aware, Awareness, ClientPacket, ClientRef, Device, DeviceName, Location, Reach, Signal,
    TokenAnswer, TokenTask, Track, UnixMs, limits,
};

use super::frame::{Rules, identity, named, to_ms};
use super::numbers::{self, kind};
use super::wire;
use crate::DecodeError;

/// `location_sharing`, and the `type` of a visibility.
const ENABLED: i32 = 1;
const DISABLED: i32 = 2;

pub(super) fn id(rules: Rules, text: &str) -> Result<Option<ClientRef>, DecodeError> {
    match text {
        "" => Ok(None),
        text => ClientRef::new(text).map(Some).map_err(|_| rules.broken("id", "must have at most 128 bytes")),
    }
}

fn id_text(id: Option<&ClientRef>) -> String {
    id.map_or_else(String::new, |id| id.as_str().to_owned())
}

fn time(rules: Rules, timestamp: i64) -> Result<Option<UnixMs>, DecodeError> {
    let at = u64::try_from(timestamp).map_err(|_| rules.broken("timestamp", "must not be below 0"))?;
    Ok(Some(UnixMs(at)).filter(|at| at.0 > 0))
}

fn place(rules: Rules, north: f64, east: f64, altitude: Option<f64>) -> Result<Location, DecodeError> {
    // Adding zero makes one zero of both, as writing does.
    Location::new(north + 0.0, east + 0.0, altitude)
        .ok_or_else(|| rules.broken("latitude", "must be a place on earth"))
}

/// BD-AWARE-1: what a client says it is doing.
pub(super) fn awareness(rules: Rules, it: &wire::Awareness) -> Result<Awareness, DecodeError> {
    rules.hold(!it.id.is_empty(), "id", "must not be empty")?;
    rules.hold(it.r#type == kind::REQUEST, "type", "must be 1 (REQUEST)")?;
    rules.hold(it.ttl > 0, "ttl", "must be seconds, above 0")?;
    rules.hold(it.timestamp > 0, "timestamp", "must be milliseconds since 1970, above 0")?;
    let sharing = matches!(it.location_sharing, ENABLED | DISABLED);
    rules.hold(sharing, "location_sharing", "must be 1 (enabled) or 2 (disabled)")?;
    let heard = heard(rules, it)?;
    if heard.presence.reach() == Reach::Peer && heard.to.is_none() {
        return Err(rules.broken("to.eid", "must name a user"));
    }
    Ok(heard)
}

/// An awareness of either direction. The server of the field broadcasts some to nobody.
fn heard(rules: Rules, it: &wire::Awareness) -> Result<Awareness, DecodeError> {
    let presence = numbers::presence(it.status).ok_or_else(|| rules.broken("status", "must be 1 to 11"))?;
    let to = match (presence.reach(), it.to.as_ref()) {
        (Reach::Peer, Some(to)) if !to.eid.is_empty() => Some(Address::User(rules.user(Some(to), "to.eid")?)),
        _ => None,
    };
    let location = match it.location_sharing {
        ENABLED => Some(place(rules, it.latitude, it.longitude, None)?),
        _ => None,
    };
    let ttl_s = u32::try_from(it.ttl).ok().filter(|ttl_s| *ttl_s <= limits::PRESENCE_TTL_MAX_S);
    Ok(Awareness {
        id: id(rules, &it.id)?,
        to,
        presence,
        location,
        ttl_s: ttl_s.ok_or_else(|| rules.broken("ttl", "is longer than any presence holds"))?,
        at: time(rules, it.timestamp)?,
    })
}

pub(super) fn read_aware(rules: Rules, it: &wire::Awareness) -> Result<Aware, DecodeError> {
    let name = it.from.as_ref().and_then(|from| from.connection_resource_id.as_deref());
    let name = name.and_then(|name| DeviceName::new(name).ok());
    let name = name.ok_or_else(|| rules.broken("from.connection_resource_id", "must name a device"))?;
    let from = Device::new(rules.user(it.from.as_ref(), "from.eid")?, name);
    Ok(Aware { from, awareness: heard(rules, it)? })
}

/// BD-AWARE-2: of either direction. Broadcasts are to an identity without a name.
pub(super) fn put_awareness(from: &Device, it: &Awareness, kind: i32) -> wire::Awareness {
    let nobody = || wire::Identity { connection_resource_id: Some(String::new()), ..Default::default() };
    wire::Awareness {
        id: id_text(it.id.as_ref()),
        from: Some(identity(from)),
        to: Some(it.to.as_ref().map_or_else(nobody, |to| named(to.as_str()))),
        r#type: kind,
        status: numbers::of_presence(it.presence),
        location_sharing: if it.location.is_some() { ENABLED } else { DISABLED },
        latitude: it.location.map_or(0.0, |it| it.latitude()),
        longitude: it.location.map_or(0.0, |it| it.longitude()),
        ttl: i32::try_from(it.ttl_s).unwrap_or(i32::MAX),
        timestamp: it.at.map_or(0, to_ms),
        ..Default::default()
    }
}

/// BD-LIVE-1: a signal of a live status, of either direction.
pub(super) fn signal(rules: Rules, act: Act, it: &wire::Signal) -> Result<Signal, DecodeError> {
    let to = Address::User(rules.user(it.to.as_ref(), "to.eid")?);
    Ok(Signal { id: id(rules, &it.id)?, to, act, at: time(rules, it.timestamp)? })
}

pub(super) fn put_signal(from: &Device, it: &Signal, kind: i32) -> wire::Signal {
    wire::Signal {
        id: id_text(it.id.as_ref()),
        status: numbers::of_act(it.act),
        timestamp: it.at.map_or(0, to_ms),
        from: Some(identity(from)),
        to: Some(named(it.to.as_str())),
        r#type: kind,
        ..Default::default()
    }
}

/// BD-LOC-1: a step of a moving position, of either direction.
pub(super) fn track(rules: Rules, it: &wire::LocationStream) -> Result<Track, DecodeError> {
    Ok(Track {
        id: id(rules, &it.id)?,
        to: Address::User(rules.user(it.to.as_ref(), "to.eid")?),
        location: place(rules, it.latitude, it.longitude, it.altitude)?,
        at: time(rules, it.timestamp)?,
    })
}

pub(super) fn put_track(from: &Device, it: &Track) -> wire::LocationStream {
    wire::LocationStream {
        id: id_text(it.id.as_ref()),
        from: Some(identity(from)),
        to: Some(named(it.to.as_str())),
        latitude: it.location.latitude(),
        longitude: it.location.longitude(),
        altitude: it.location.altitude(),
        timestamp: it.at.map_or(0, to_ms),
    }
}

/// BD-VIS-1.
pub(super) fn visibility(rules: Rules, it: &wire::AwarenessVisibility) -> Result<ClientPacket, DecodeError> {
    rules.hold(!it.id.is_empty(), "id", "must not be empty")?;
    rules.hold(it.timestamp > 0, "timestamp", "must be milliseconds since 1970, above 0")?;
    let (id, visible) = visible(rules, it)?;
    Ok(ClientPacket::SetVisible { id, visible })
}

/// Of either direction.
pub(super) fn visible(
    rules: Rules,
    it: &wire::AwarenessVisibility,
) -> Result<(Option<ClientRef>, bool), DecodeError> {
    match it.r#type {
        ENABLED => Ok((id(rules, &it.id)?, true)),
        DISABLED => Ok((id(rules, &it.id)?, false)),
        _ => Err(rules.broken("type", "must be 1 (enabled) or 2 (disabled)")),
    }
}

pub(super) fn put_visible(
    me: &Device,
    id: Option<&ClientRef>,
    visible: bool,
    timestamp: i64,
) -> wire::AwarenessVisibility {
    wire::AwarenessVisibility {
        id: id_text(id),
        from: Some(identity(me)),
        r#type: if visible { ENABLED } else { DISABLED },
        timestamp,
        details: String::new(),
    }
}

/// BD-TOKEN-1.
pub(super) fn token(rules: Rules, it: wire::TokenAuthority) -> Result<ClientPacket, DecodeError> {
    rules.hold(it.r#type == kind::REQUEST, "type", "must be 1 (REQUEST)")?;
    rules.hold(!it.token.is_empty(), "token", "must not be empty")?;
    let task = task(rules, it.task)?;
    Ok(ClientPacket::Token { task, token: it.token.into() })
}

fn task(rules: Rules, number: i32) -> Result<TokenTask, DecodeError> {
    match number {
        1 => Ok(TokenTask::Refresh),
        2 => Ok(TokenTask::Revoke),
        _ => Err(rules.broken("task", "must be 1 (REFRESH) or 2 (REVOKE)")),
    }
}

/// `None` where the dialect has no word for the task or the token.
pub(super) fn put_token(
    me: &Device,
    task: TokenTask,
    token: &[u8],
    kind: i32,
) -> Option<wire::TokenAuthority> {
    let task = match task {
        TokenTask::Refresh => 1,
        TokenTask::Revoke => 2,
        _ => return None,
    };
    let token = String::from_utf8(token.to_vec()).ok()?;
    Some(wire::TokenAuthority { to: Some(identity(me)), token, r#type: kind, task, ..Default::default() })
}

pub(super) fn read_token(rules: Rules, it: wire::TokenAuthority) -> Result<TokenAnswer, DecodeError> {
    let token = Some(it.token).filter(|token| !token.is_empty()).map(Into::into);
    Ok(TokenAnswer { task: task(rules, it.task)?, token, expires: None })
}

#[cfg(test)]
mod tests {
    use bimip_proto::Presence;

    use super::*;

    #[test]
    fn numbers_of_what_is_live_stand_for_one_thing_each() {
        for presence in Presence::ALL {
            assert_eq!(numbers::presence(numbers::of_presence(presence)), Some(presence));
        }
        for act in Act::ALL.into_iter().filter(|act| *act != Act::Resumed) {
            assert_eq!(numbers::act(numbers::of_act(act)), Some(act));
        }
        assert_eq!((numbers::presence(0), numbers::presence(12)), (None, None));
        // There are two for a recording, and a client's "resume" is a question.
        assert_eq!((numbers::act(2), numbers::act(numbers::RESUME)), (Some(Act::Recording), None));
    }
}
