//! What a group is and who is in it, as its members ask for it.

use std::sync::Arc;

use bimip_proto::{Ask, Found, GroupMember, GroupState};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::{group, may_post, profile, role, time, user};

pub(super) fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        group().prop_map(Ask::Group),
        (group(), option::of(user()), any::<u32>()).prop_map(|(group, after, limit)| Ask::Members {
            group,
            after,
            limit
        }),
    ]
}

pub(super) fn found() -> impl Strategy<Value = Found> {
    let rules = (profile(), any::<bool>(), may_post());
    let state = ((group(), any::<u32>()), rules, any::<u32>(), (role(), option::of(time()))).prop_map(
        |((group, edition), (profile, open, post), members, (role, since))| {
            Box::new(GroupState {
                group,
                edition,
                profile: Arc::new(profile),
                open,
                post,
                members,
                role,
                since,
            })
        },
    );
    let member = (user(), role()).prop_map(|(user, role)| GroupMember { user, role });
    prop_oneof![
        option::of(state).prop_map(Found::Group),
        (vec(member, 0..4), option::of(user())).prop_map(|(members, next)| Found::Members { members, next }),
    ]
}
