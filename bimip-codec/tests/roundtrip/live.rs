//! What is said about presence, positions and the account, as generators.

use bimip_proto::{
    Act, Address, Aware, Awareness, ClientPacket, Location, LogOut, Noted, Presence, PushToken, Reach,
    Reject, ServerPacket, Signal, TokenAnswer, TokenTask, Track, limits,
};
use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{address, client_ref, device, name, retry, time, user};

fn place(altitude: Option<f64>) -> impl Strategy<Value = Location> {
    (-90.0..=90.0, -180.0..=180.0)
        .prop_map(move |(latitude, longitude)| Location::new(latitude, longitude, altitude).unwrap())
}

fn awareness() -> impl Strategy<Value = Awareness> {
    let presence = prop::sample::select(Presence::ALL.to_vec());
    let parts = (
        option::of(client_ref()),
        user(),
        presence,
        option::of(place(None)),
        0..=limits::PRESENCE_TTL_MAX_S,
        option::of(time()),
    );
    parts.prop_map(|(id, to, presence, location, ttl_s, at)| {
        let to = (presence.reach() == Reach::Peer).then_some(Address::User(to));
        Awareness { id, to, presence, location, ttl_s, at }
    })
}

pub(super) fn aware() -> impl Strategy<Value = Aware> {
    (device(), awareness()).prop_map(|(from, awareness)| Aware { from, awareness })
}

fn signal() -> impl Strategy<Value = Signal> {
    let act = prop::sample::select(Act::ALL.to_vec());
    (option::of(client_ref()), address(), act, option::of(time())).prop_map(|(id, to, act, at)| Signal {
        id,
        to,
        act,
        at,
    })
}

fn track() -> impl Strategy<Value = Track> {
    let place = option::of(-500.0..9_000.0_f64).prop_flat_map(place);
    (option::of(client_ref()), user(), place, option::of(time())).prop_map(|(id, to, location, at)| Track {
        id,
        to: Address::User(to),
        location,
        at,
    })
}

fn token() -> impl Strategy<Value = Bytes> {
    "[a-zA-Z0-9._-]{1,40}".prop_map(Bytes::from)
}

fn log_out() -> impl Strategy<Value = LogOut> {
    prop_oneof![option::of(name()).prop_map(LogOut::Device), Just(LogOut::Session), Just(LogOut::Account)]
}

pub(super) fn client() -> impl Strategy<Value = ClientPacket> {
    let push = (option::of(client_ref()), "[a-z]{0,8}", option::of(vec(any::<u8>(), 1..40)));
    prop_oneof![
        awareness().prop_map(ClientPacket::Aware),
        signal().prop_map(ClientPacket::Signal),
        track().prop_map(ClientPacket::Track),
        (option::of(client_ref()), any::<bool>())
            .prop_map(|(id, visible)| ClientPacket::SetVisible { id, visible }),
        (any::<bool>(), token()).prop_map(|(refresh, token)| {
            let task = if refresh { TokenTask::Refresh } else { TokenTask::Revoke };
            ClientPacket::Token { task, token }
        }),
        push.prop_map(|(id, service, token)| {
            ClientPacket::PushToken(PushToken { id, service, token: token.map(Bytes::from) })
        }),
        log_out().prop_map(ClientPacket::LogOut),
    ]
}

pub(super) fn server() -> impl Strategy<Value = ServerPacket> {
    let task = prop::sample::select(vec![TokenTask::Refresh, TokenTask::Revoke, TokenTask::Validate]);
    // What is a fault as well is read as one; a signal is refused in its own words.
    let reason = prop::sample::select(vec![
        Reject::Conflict,
        Reject::Busy,
        Reject::NotMember,
        Reject::Full,
        Reject::BadToken,
        Reject::Unavailable,
    ]);
    // A message that is declined is read as a rejected one.
    let origin = (2..12_u32).prop_filter("a message", |origin| *origin != 6);
    let declined = (option::of(client_ref()), origin, reason, retry());
    prop_oneof![
        aware().prop_map(ServerPacket::Aware),
        vec(aware(), 0..4).prop_map(ServerPacket::Around),
        (device(), signal()).prop_map(|(from, signal)| ServerPacket::Signal { from, signal }),
        (device(), track()).prop_map(|(from, track)| ServerPacket::Track { from, track }),
        (option::of(client_ref()), any::<bool>())
            .prop_map(|(id, visible)| ServerPacket::Visible { id, visible }),
        (task, option::of(token()), option::of(time()))
            .prop_map(|(task, token, expires)| ServerPacket::Token(TokenAnswer { task, token, expires })),
        (option::of(client_ref()), any::<bool>())
            .prop_map(|(id, registered)| ServerPacket::Noted(Noted::PushToken { id, registered })),
        log_out().prop_map(|what| ServerPacket::Noted(Noted::LoggedOut(what))),
        declined.prop_map(|(id, origin, reason, retry_after_ms)| {
            let id = id.filter(|_| origin == 7);
            ServerPacket::Declined { origin, id, reason, retry_after_ms }
        }),
    ]
}
