//! What users keep.

use std::sync::Arc;

use bimip_proto::{
    Ask, ClientPacket, Entry, Found, Noted, Offset, OwnDevice, ProfileState, Saved, ServerPacket, UserAct,
    UserChange, UserCommand, UserNews, UserProfile,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{client_ref, device, name, reject, retry, row, time, user, words};

fn profile() -> impl Strategy<Value = UserProfile> {
    (words(), words(), words()).prop_map(|(name, about, avatar)| UserProfile { name, about, avatar })
}

fn saved() -> impl Strategy<Value = Saved> {
    (user(), words()).prop_map(|(user, name)| Saved { user, name })
}

pub(super) fn ask() -> impl Strategy<Value = Ask> {
    let place = || (option::of(user()), any::<u32>());
    prop_oneof![
        user().prop_map(Ask::Profile),
        place().prop_map(|(after, limit)| Ask::AddressBook { after, limit }),
        Just(Ask::Devices),
        place().prop_map(|(after, limit)| Ask::Blocked { after, limit }),
    ]
}

pub(super) fn found() -> impl Strategy<Value = Found> {
    let state = (user(), any::<u32>(), profile(), option::of(time())).prop_map(
        |(user, edition, profile, last_seen)| ProfileState {
            user,
            edition,
            profile: Arc::new(profile),
            last_seen,
        },
    );
    let listed = (name(), time(), time(), any::<u64>(), any::<bool>(), option::of(time())).prop_map(
        |(name, first_seen, last_seen, cursor, push, logged_out_before)| OwnDevice {
            name,
            first_seen,
            last_seen,
            cursor: Offset(cursor),
            push,
            logged_out_before,
        },
    );
    prop_oneof![
        option::of(state).prop_map(Found::Profile),
        (vec(saved(), 0..4), any::<bool>()).prop_map(|(saved, more)| Found::AddressBook { saved, more }),
        vec(listed, 0..4).prop_map(Found::Devices),
        (vec(user(), 0..4), any::<bool>()).prop_map(|(users, more)| Found::Blocked { users, more }),
    ]
}

pub(super) fn client() -> impl Strategy<Value = ClientPacket> {
    let act = prop_oneof![
        (option::of(words()), option::of(words()), option::of(words()))
            .prop_map(|(name, about, avatar)| UserAct::EditProfile { name, about, avatar }),
        saved().prop_map(UserAct::Save),
        user().prop_map(UserAct::Forget),
        user().prop_map(UserAct::Block),
        user().prop_map(UserAct::Unblock),
        name().prop_map(UserAct::RemoveDevice),
    ];
    (client_ref(), act).prop_map(|(client_ref, act)| ClientPacket::User(UserCommand { client_ref, act }))
}

pub(super) fn server() -> impl Strategy<Value = ServerPacket> {
    let what = prop_oneof![
        profile().prop_map(|profile| UserNews::Profile(Arc::new(profile))),
        saved().prop_map(UserNews::Saved),
        user().prop_map(UserNews::Forgotten),
        user().prop_map(UserNews::Blocked),
        user().prop_map(UserNews::Unblocked),
        name().prop_map(UserNews::DeviceRemoved),
    ];
    let change = (device(), client_ref(), time(), any::<u32>(), what).prop_map(
        |(by, client_ref, at, edition, what)| Entry::User(UserChange { by, client_ref, at, edition, what }),
    );
    prop_oneof![
        (change, any::<u64>(), any::<u64>()).prop_map(|(change, prev, offset)| row(prev, offset, change)),
        (client_ref(), any::<u32>(), any::<u64>()).prop_map(|(client_ref, edition, offset)| {
            ServerPacket::Noted(Noted::UserChanged { client_ref, edition, offset: Offset(offset) })
        }),
        (client_ref(), reject(), retry()).prop_map(|(client_ref, reason, retry_after_ms)| {
            ServerPacket::Noted(Noted::UserUnchanged { client_ref, reason, retry_after_ms })
        }),
    ]
}
