//! A group that several manage at once, in worlds where links break, disks fail and cores die: everybody ends up with what
//! the store says.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use bimip_proto::{
    Address, Device, Entry, GroupAct, GroupChange, GroupId, GroupProfile, MayPost, Offset, Role, Row, UserId,
};
use bimip_session::client::Event;
use bimip_session::client::view::GroupStates;
use bimip_session::ledger::View;
use bimip_session::sim::{Bot, Hand, Plan, Rest, World};

const USERS: [&str; 3] = ["a_0", "b_1", "c_2"];
const TURNS: u8 = 30;

fn made() -> GroupId {
    GroupId::new("made").unwrap()
}

fn change(entry: &Entry) -> Option<&GroupChange> {
    match entry {
        Entry::Group(change) => Some(change),
        _ => None,
    }
}

fn received(offset: Offset, entry: &Arc<Entry>) -> Event {
    Event::Received(Row { prev: Offset::ZERO, offset, entry: Arc::clone(entry) })
}

/// Does something about the group now and then, whether it may or not, and remembers what it was told.
#[derive(Debug)]
struct Manager {
    states: GroupStates,
    /// It crashed, and may have forgotten what it did itself.
    forgetful: bool,
    heard: Rc<Heard>,
}

/// What all of them heard, so that worlds in which nothing happens are found out.
#[derive(Debug, Default)]
struct Heard {
    done: Cell<u64>,
    refused: Cell<u64>,
    told: Cell<u64>,
    unheard: Cell<u64>,
}

fn count(of: &Cell<u64>) {
    of.set(of.get() + 1);
}

impl Manager {
    fn new(device: &Device, heard: Rc<Heard>) -> Self {
        Self { states: GroupStates::new(device.user.clone()), forgetful: false, heard }
    }

    fn act(hand: &mut Hand<'_>) -> GroupAct {
        let user = UserId::new(USERS[hand.rng().index(USERS.len())]).unwrap();
        match hand.rng().index(24) {
            0..=3 => GroupAct::Create {
                profile: GroupProfile { title: "made".into(), about: "".into() },
                open: hand.rng().chance(50),
                post: MayPost::Everyone,
                members: vec![user],
            },
            4..=8 => GroupAct::Add(vec![user]),
            9..=11 => GroupAct::Remove(user),
            12..=15 => {
                let role = [Role::Member, Role::Admin, Role::Admin, Role::Owner][hand.rng().index(4)];
                GroupAct::SetRole { user, role }
            }
            16 => GroupAct::Ban(user),
            17 | 18 => GroupAct::Unban(user),
            19 if hand.rng().chance(10) => GroupAct::Delete,
            _ => GroupAct::Edit {
                title: Some(format!("by {}", hand.device()).into()),
                about: None,
                open: [None, Some(true), Some(false)][hand.rng().index(3)],
                post: [None, Some(MayPost::Everyone), Some(MayPost::Admins)][hand.rng().index(3)],
            },
        }
    }
}

impl Bot for Manager {
    fn start(&mut self, hand: &mut Hand<'_>) {
        self.forgetful = hand.kept("turns").is_some();
        for (offset, entry) in hand.rows() {
            self.states.on_event(&received(*offset, entry));
        }
        hand.wake_in(1_000);
    }

    fn event(&mut self, _: &mut Hand<'_>, event: &Event) {
        self.states.on_event(event);
        match event {
            Event::Grouped { .. } => count(&self.heard.done),
            Event::GroupRefused { .. } => count(&self.heard.refused),
            Event::Refused { .. } => count(&self.heard.unheard),
            Event::Received(row) if change(&row.entry).is_some() => count(&self.heard.told),
            _ => {}
        }
    }

    fn wake(&mut self, hand: &mut Hand<'_>) {
        let turns = hand.kept("turns").map_or(0, |turns| turns[0]) + 1;
        if turns > TURNS {
            return;
        }
        hand.keep("turns", vec![turns]);
        // Who was told of the group comes, goes and speaks there.
        match hand.rng().index(10) {
            0 if self.states.get(&made()).is_some() => hand.join(made()),
            1 => hand.leave(made()),
            2..=4 => drop(hand.send(Address::Group(made()), "to all")),
            _ => {
                let act = Self::act(hand);
                hand.group(made(), act);
            }
        }
        let wait_ms = 500 + hand.rng().index(2_000) as u64;
        hand.wake_in(wait_ms);
    }

    /// DM-GRP-12: what the store says of a user's place in the group, their mailbox says, and so do their devices.
    fn at_rest(&self, rest: &Rest<'_>) -> Result<(), String> {
        let user = &rest.device.user;
        let Ok(membership) = rest.disk.membership(&made(), user);
        let Ok(profile) = rest.disk.group_profile(&made());
        let role = membership.is_member().then(|| membership.role());
        let mut told = GroupStates::new(user.clone());
        for (offset, entry) in rest.mailbox {
            told.on_event(&received(*offset, entry));
        }
        let of = |states: &GroupStates| states.get(&made()).and_then(|state| state.role());
        if of(&told) != role {
            return Err(format!("the store says {role:?}, and the mailbox {:?}", of(&told)));
        }
        let own = rest.mailbox.iter().filter_map(|(_, entry)| change(entry)).any(|it| {
            // What was asked by a name was answered, and not told.
            it.by == *rest.device && it.client_ref.is_some()
        });
        if self.forgetful && own {
            return Ok(());
        }
        if of(&self.states) != role {
            return Err(format!("the store says {role:?}, and the app {:?}", of(&self.states)));
        }
        match self.states.get(&made()).filter(|_| role.is_some()) {
            Some(state) if state.title() != &*profile.title => {
                Err(format!("the store says {:?}, and the app {:?}", profile.title, state.title()))
            }
            _ => Ok(()),
        }
    }
}

// MISSION M3
// MISSION A1
// DM-GRP-12, DM-GRP-17
#[test]
fn everybody_ends_up_with_what_the_store_says() {
    let heard = Rc::new(Heard::default());
    for seed in 0..200 {
        let shared = Rc::clone(&heard);
        let make = move |device: &Device| {
            let manager = Manager::new(device, Rc::clone(&shared));
            (device.name.as_str() != "voiceping").then(|| Box::new(manager) as Box<dyn Bot>)
        };
        let mut world = World::new(seed, Plan::gate()).with_bots(make);
        world.run();
        assert_eq!(world.violations(), &[] as &[String], "seed {seed}");
    }
    let Heard { done, refused, told, unheard } = &*heard;
    let all = [done.get(), refused.get(), told.get(), unheard.get()];
    assert!(all.iter().all(|count| *count > 300), "done, refused, told, and refused messages: {all:?}");
}
