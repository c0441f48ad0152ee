//! What a group is, as its members ask for it.

use std::sync::Arc;

use bimip_proto::{Ask, Found, GroupState};
use proptest::option;
use proptest::prelude::*;

use super::{group, may_post, profile, role, time};

pub(super) fn ask() -> impl Strategy<Value = Ask> {
    group().prop_map(Ask::Group)
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
    option::of(state).prop_map(Found::Group)
}
