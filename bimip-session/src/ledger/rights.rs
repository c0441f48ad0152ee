//! Who may do what in a group: one pure function for each kind of question.

use bimip_proto::{GroupAct, GroupId, MayPost, Reject, Role, UserId};

use super::group::{GroupHead, Membership};
use super::view::View;

/// What somebody is to a group as far as live voice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "out, or in it and heard or not")]
pub enum Place {
    /// Not in it.
    Out,
    /// In it, and may not speak there.
    Listens,
    /// In it, and may speak there.
    Speaks,
}

/// What a user is to a group.
#[must_use]
pub fn place(group: Option<GroupHead>, membership: &Membership) -> Place {
    match may_post(group, membership) {
        Ok(()) => Place::Speaks,
        Err(_) if membership.is_member() => Place::Listens,
        Err(_) => Place::Out,
    }
}

/// Of the groups that a user is in, those in which they may not speak.
///
/// # Errors
/// As the view reads.
pub fn listens<V: View>(view: &V, user: &UserId, groups: &[GroupId]) -> Result<Vec<GroupId>, V::Error> {
    let mut listens = Vec::new();
    for group in groups {
        // Where everybody speaks, one small row says so.
        let Some(head) = view.group(group)?.filter(|head| head.post != MayPost::Everyone) else { continue };
        if place(Some(head), &view.membership(group, user)?) == Place::Listens {
            listens.push(group.clone());
        }
    }
    Ok(listens)
}

/// Whether a user may post to a group.
///
/// # Errors
/// Why not. To who is not in it the group does not exist.
pub fn may_post(group: Option<GroupHead>, membership: &Membership) -> Result<(), Reject> {
    if !membership.is_member() {
        return Err(Reject::NotMember);
    }
    match group.unwrap_or_default().post {
        MayPost::Admins if membership.role() < Role::Admin => Err(Reject::Role),
        _ => Ok(()),
    }
}

/// Whether a user may join a group, which `opens` if it is made by that.
///
/// # Errors
/// Why not: always as if the group did not exist.
pub fn may_join(group: Option<GroupHead>, membership: &Membership, opens: bool) -> Result<(), Reject> {
    let open = group.map_or(opens, |group| group.open && !group.deleted);
    let may = membership.is_member() || (open && !membership.is_banned());
    if may { Ok(()) } else { Err(Reject::NotMember) }
}

/// Whether a user may do this to a group. `target` is what the group knows of the user that is named, if that is one;
/// `to_self` says that it is the one who asks.
///
/// # Errors
/// Why not. To who is not in it the group does not exist.
pub fn may_manage(
    act: &GroupAct,
    group: Option<GroupHead>,
    asker: &Membership,
    target: Option<&Membership>,
    to_self: bool,
) -> Result<(), Reject> {
    if matches!(act, GroupAct::Create { .. }) {
        // Also of one that is no more: who has its messages must not take another group for it.
        return if group.is_none() { Ok(()) } else { Err(Reject::Taken) };
    }
    if group.is_none() || !asker.is_member() {
        return Err(Reject::NotMember);
    }
    let needed = match act {
        GroupAct::Delete | GroupAct::SetRole { .. } => Role::Owner,
        _ => Role::Admin,
    };
    if asker.role() < needed {
        return Err(Reject::Role);
    }
    match act {
        // Who wants to go leaves, and then somebody else owns the group.
        GroupAct::Remove(_) | GroupAct::Ban(_) | GroupAct::Unban(_) | GroupAct::SetRole { .. } if to_self => {
            Err(Reject::Field("user"))
        }
        GroupAct::Remove(_) | GroupAct::Ban(_) if target.is_some_and(|it| it.role() >= asker.role()) => {
            Err(Reject::Role)
        }
        GroupAct::SetRole { .. } if !target.is_some_and(Membership::is_member) => Err(Reject::Field("user")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use bimip_proto::Seq;

    fn member(role: Role) -> Membership {
        let mut membership = Membership::default();
        membership.join(Seq(0), 1);
        membership.set_role(role);
        membership
    }

    fn someone() -> UserId {
        UserId::new("x").unwrap()
    }

    const GROUP: Option<GroupHead> = Some(GroupHead {
        open: false,
        members: 3,
        post: MayPost::Admins,
        deleted: false,
        edition: 1,
        banned: 0,
    });

    // MISSION M3
    // DM-GRP-13
    #[test]
    fn who_may_manage_is_a_table() {
        use Role::{Admin, Member, Owner};
        let edit = GroupAct::Edit { title: None, about: None, open: None, post: None };
        let acts = [
            (edit, Admin),
            (GroupAct::Add(vec![someone()]), Admin),
            (GroupAct::Unban(someone()), Admin),
            (GroupAct::Delete, Owner),
            (GroupAct::SetRole { user: someone(), role: Admin }, Owner),
        ];
        for (act, needed) in acts {
            for role in [Member, Admin, Owner] {
                let may = may_manage(&act, GROUP, &member(role), Some(&member(Member)), false);
                assert_eq!(
                    may,
                    if role < needed { Err(Reject::Role) } else { Ok(()) },
                    "{act:?} by {role:?}"
                );
            }
            let stranger = Membership::default();
            assert_eq!(may_manage(&act, GROUP, &stranger, None, false), Err(Reject::NotMember));
            assert_eq!(may_manage(&act, None, &stranger, None, false), Err(Reject::NotMember), "the same");
        }
    }

    // DM-GRP-13
    #[test]
    fn nobody_puts_out_who_is_not_below_them() {
        use Role::{Admin, Member, Owner};
        for act in [GroupAct::Remove(someone()), GroupAct::Ban(someone())] {
            for (by, of, may) in [
                (Member, Member, false),
                (Admin, Member, true),
                (Admin, Admin, false),
                (Admin, Owner, false),
                (Owner, Admin, true),
                (Owner, Member, true),
            ] {
                let verdict = may_manage(&act, GROUP, &member(by), Some(&member(of)), false);
                assert_eq!(verdict, if may { Ok(()) } else { Err(Reject::Role) }, "{by:?} {act:?} {of:?}");
            }
            let owner = member(Owner);
            assert_eq!(may_manage(&act, GROUP, &owner, Some(&owner), true), Err(Reject::Field("user")));
        }
    }

    // DM-GRP-14, DM-GRP-16
    #[test]
    fn who_may_post_and_join() {
        assert_eq!(may_post(GROUP, &member(Role::Member)), Err(Reject::Role));
        assert_eq!(may_post(GROUP, &member(Role::Admin)), Ok(()));
        assert_eq!(may_post(GROUP, &Membership::default()), Err(Reject::NotMember));
        assert_eq!(place(GROUP, &member(Role::Member)), Place::Listens);
        assert_eq!(place(GROUP, &member(Role::Owner)), Place::Speaks);
        assert_eq!(place(GROUP, &Membership::default()), Place::Out);
        let open = GroupHead { open: true, ..GroupHead::default() };
        let gone = GroupHead { deleted: true, ..open };
        let mut banned = Membership::default();
        banned.set_banned(true);
        for (group, who, opens, may) in [
            (Some(open), Membership::default(), false, true),
            (Some(open), banned.clone(), true, false),
            (Some(gone), Membership::default(), true, false),
            (GROUP, Membership::default(), true, false),
            (GROUP, member(Role::Member), false, true),
            (None, Membership::default(), true, true),
            (None, Membership::default(), false, false),
        ] {
            let verdict = may_join(group, &who, opens);
            assert_eq!(verdict, if may { Ok(()) } else { Err(Reject::NotMember) }, "{group:?} {who:?}");
        }
    }
}
