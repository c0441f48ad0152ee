//! Groups, asked about by an app.

use bimip_client::SessionEvent;
use bimip_proto::{GroupAct, GroupId, GroupMember, GroupProfile, MayPost, Role};

use super::support::{Shelf, builder, online, session, user};

// DM-GRP-19, DM-GRP-20, DM-GRP-21
#[tokio::test]
async fn an_app_asks_what_its_groups_are_and_who_is_in_them() {
    let (server, url) = Shelf::new().open().await;
    let (alice, mut to_alice) = builder("alice").server(&url).start().await.unwrap();
    let (bob, mut to_bob) = builder("bob").server(&url).start().await.unwrap();
    let (carl, mut to_carl) = builder("carl").server(&url).start().await.unwrap();
    for events in [&mut to_alice, &mut to_bob, &mut to_carl] {
        online(events).await;
    }
    let team = GroupId::new("team").unwrap();
    let profile = GroupProfile { title: "Team".into(), about: "".into() };
    let members = vec![user("bob")];
    let create = GroupAct::Create { profile, open: false, post: MayPost::Everyone, members };
    alice.group(team.clone(), create).await.unwrap();
    let made = |event| matches!(event, SessionEvent::Grouped { .. }).then_some(());
    session(&mut to_alice, made).await;

    let state = bob.group_state(team.clone()).await.unwrap().unwrap();
    assert_eq!((&*state.profile.title, state.members, state.role), ("Team", 2, Role::Member));
    assert!(state.since.is_some());
    assert_eq!(carl.group_state(team.clone()).await.unwrap(), None);

    let member = |name, role| GroupMember { user: user(name), role };
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (members, next) = bob.members(team.clone(), after).await.unwrap();
        all.extend(members);
        after = next;
        if after.is_none() {
            break;
        }
    }
    all.sort_by(|one, other| one.user.cmp(&other.user));
    assert_eq!(all, [member("alice", Role::Owner), member("bob", Role::Member)]);
    assert_eq!(carl.members(team, None).await.unwrap(), (Vec::new(), None));
    server.shutdown().await;
}
