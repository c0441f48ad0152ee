//! How long a page of members takes out of the largest group there may be, and out of one that most have left.
//!
//! `cargo test --release -p bimip-server --test members_pace -- --ignored --nocapture` says it; it takes some minutes.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code that talks")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bimip_proto::{
    Ask, Caps, ClientPacket, ClientRef, Device, DeviceName, Found, GroupAct, GroupCommand, GroupId,
    GroupProfile, MayPost, Now, Said, UserId, limits,
};
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::{Reader, Storage};
use bimip_session::Machine;
use bimip_session::server::{Config, ConnId, Grant, Input, Output, ServerCore};

const GOAL: Duration = Duration::from_millis(5);
/// Of the members, those with a number that it divides stay.
const STAYS_OF: u32 = 100;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn member(number: u32) -> UserId {
    user(&format!("member{number:06}"))
}

fn group() -> GroupId {
    GroupId::new("everybody").unwrap()
}

/// The owner, who lets in and puts out.
struct Owner {
    core: ServerCore,
    store: EmbeddedStorage,
    now: Now,
    last: u32,
}

impl Owner {
    fn new(store: EmbeddedStorage) -> Self {
        let now = Now { mono_ms: 1, unix_ms: 1_763_652_000_000 };
        let mut owner = Self { core: ServerCore::new(Config::default()), store, now, last: 0 };
        let device = Device::new(user("owner"), DeviceName::new("phone").unwrap());
        let caps = Caps { presence: false, ..Caps::FULL };
        owner.input(Input::Opened { conn: ConnId(1), caps, grant: Some(Grant::new(device)) });
        owner
    }

    fn does(&mut self, act: GroupAct) {
        self.now.unix_ms += 1;
        self.now.mono_ms += 1;
        self.last += 1;
        let client_ref = ClientRef::new(&format!("c{}", self.last)).unwrap();
        let command = GroupCommand { client_ref, group: group(), act };
        self.input(Input::Packets(ConnId(1), vec![Said::from(ClientPacket::Group(command))]));
    }

    fn input(&mut self, input: Input) {
        self.core.handle_input(self.now, input);
        let reader = self.store.reader();
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Commit(ticket) => {
                    for proof in self.store.commit(vec![ticket]) {
                        self.core.handle_input(self.now, Input::Committed(proof.unwrap()));
                    }
                }
                Output::Attach(conn, device) => {
                    let attachment = reader.attach(&device).unwrap();
                    self.core.handle_input(self.now, Input::Attached(conn, Some(attachment)));
                }
                Output::Contacts(user) => {
                    self.core.handle_input(self.now, Input::Contacts(user, Some(Vec::new())));
                }
                Output::Read(request) => self.core.handle_input(self.now, Input::Page(reader.page(&request))),
                _ => {}
            }
        }
    }
}

/// All pages, one after the other: how many there are and how many members in them.
fn pages(what: &str, reader: &impl Reader) -> (usize, Duration) {
    let (mut took, mut seen, mut after) = (Vec::new(), BTreeSet::new(), None);
    loop {
        let ask = Ask::Members { group: group(), after: after.take(), limit: 0 };
        let begin = Instant::now();
        let found = reader.query(&user("owner"), &ask).unwrap();
        took.push(begin.elapsed());
        let Found::Members { members, next } = found else { panic!("{found:?}") };
        for member in members {
            assert!(seen.insert(member.user), "told twice");
        }
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    took.sort_unstable();
    let (middle, most) = (took[took.len() / 2], took[took.len() * 99 / 100]);
    println!("{what}: {} members in {} pages, p50 {middle:?}, p99 {most:?}", seen.len(), took.len());
    (seen.len(), most)
}

// DM-GRP-21
#[test]
#[ignore = "fills a group with a hundred thousand members; only a release build says anything"]
fn a_page_of_members_comes_in_time_out_of_the_largest_group() {
    let directory = tempfile::tempdir().unwrap();
    let mut owner = Owner::new(EmbeddedStorage::open(directory.path()).unwrap());
    let begin = Instant::now();
    let (profile, post) = (GroupProfile::default(), MayPost::Everyone);
    owner.does(GroupAct::Create { profile, open: false, post, members: Vec::new() });
    let all: Vec<UserId> = (1..limits::GROUP_MEMBERS).map(member).collect();
    for some in all.chunks(limits::GROUP_ADD_USERS) {
        owner.does(GroupAct::Add(some.to_vec()));
    }
    println!("filled in {:?}", begin.elapsed());
    let reader = owner.store.reader();
    let (count, whole) = pages("everybody is in it", &reader);
    assert_eq!(count, limits::GROUP_MEMBERS as usize);
    let begin = Instant::now();
    let gone = (1..limits::GROUP_MEMBERS / 10).filter(|number| number % STAYS_OF != 0);
    for number in gone {
        owner.does(GroupAct::Remove(member(number)));
    }
    println!("a tenth left in {:?}", begin.elapsed());
    let (_, holed) = pages("most of the first tenth have left", &reader);
    assert!(whole <= GOAL && holed <= GOAL, "{whole:?}, {holed:?}");
}
