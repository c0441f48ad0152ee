//! What an operator is told: every count of the server's machine, in one long day.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;

use std::collections::BTreeMap;

use bimip_proto::{
    Address, Caps, ClientPacket, Fault, FaultKind, GroupId, MessageId, MessageRef, Offset, Status, Talk,
    TalkAct,
};
use bimip_session::server::{Config, ConnId, Grant, Input};
use bytes::Bytes;

use harness::{House, device, draft, user};

fn talk(to: Address, act: TalkAct) -> ClientPacket {
    ClientPacket::Talk(Talk { from: user("walkie"), to, act })
}

fn start() -> TalkAct {
    TalkAct::Start { label: None, payload: Bytes::new() }
}

fn audio() -> TalkAct {
    TalkAct::Audio { label: None, payload: Bytes::from_static(&[7]) }
}

/// Everything that is not zero.
fn counts(house: &House) -> BTreeMap<String, u64> {
    house.core.counters().iter().filter(|(_, count)| *count > 0).collect()
}

fn expected<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

#[test]
fn messages_are_counted_by_what_became_of_them() {
    let mut house = House::new();
    let (a, b) = (house.open(Caps::FULL, &device("a", "1")), house.open(Caps::FULL, &device("b", "1")));
    let walkie = house.open(Caps::WALKIE, &device("w", "voiceping"));
    for name in ["r1", "r2", "r2", "r2"] {
        house.says(a, ClientPacket::Send(draft(name, "b", "x")));
    }
    for name in ["r1", "r2"] {
        house.says(a, ClientPacket::Send(draft(name, "b", "another")));
    }
    house.says(b, ClientPacket::Dispose(Offset(99)));
    house.says(b, ClientPacket::Dispose(Offset(99)));
    for sequence in [1, 2] {
        let message = MessageRef::Id(MessageId::new(7, sequence));
        house.says(b, ClientPacket::Mark { message, status: Status::Read });
    }
    for name in ["r3", "r4"] {
        house.hold_commits = true;
        house.says(a, ClientPacket::Send(draft(name, "b", "x")));
        house.fail_held();
    }
    house.says(walkie, ClientPacket::Send(draft("", "w", "to myself")));
    let counted = [
        ("accepted", 3),
        // Two messages, one receipt for both, two readings, and the walkie-talkie's own.
        ("delivered", 6),
        ("dispose_clamped", 2),
        ("drafts", 9),
        ("failed", 2),
        ("marks", 4),
        ("opened", 3),
        // To who wrote them.
        ("passed_over", 4),
        ("rejected", 2),
        ("repeats", 2),
        ("signed_in", 3),
    ];
    let mut counts = counts(&house);
    counts.remove("presence_told");
    assert_eq!(counts, expected(counted));
}

#[test]
fn connections_are_counted_by_how_they_ended() {
    let mut config = Config::default();
    config.sign_in_ms = 10;
    let mut house = House::with(config);
    for _ in 0..2 {
        house.stranger(Caps::FULL);
    }
    house.wait(10);
    let wrong = |name: &str| ClientPacket::SignIn {
        user: Some(user("a")),
        device: Some(device("a", name).name),
        token: Bytes::from_static(b"not it"),
    };
    for name in ["1", "2"] {
        let conn = house.stranger(Caps::FULL);
        house.says(conn, wrong(name));
    }
    for _ in 0..3 {
        house.open(Caps::FULL, &device("a", "1"));
    }
    for name in ["b", "c"] {
        let mut grant = Grant::new(device(name, "1"));
        grant.expires = Some(bimip_proto::UnixMs(house.now.unix_ms + 10));
        house.open_with(Caps::FULL, grant);
    }
    house.wait(11);
    let garbled = |conn, kind| Input::Garbled(conn, Fault { kind, origin: 0, details: "".into() });
    for name in ["d", "e"] {
        let conn = house.open(Caps::FULL, &device(name, "1"));
        house.input(garbled(conn, FaultKind::Unknown));
        for _ in 0..bimip_proto::limits::STRIKES {
            house.input(garbled(conn, FaultKind::OutOfPlace));
        }
    }
    house.open(Caps::FULL, &device("f", "1"));
    house.wait(Config::default().idle_ms);
    let counted = [
        ("expired", 2),
        ("fault_out_of_place", 2 * u64::from(bimip_proto::limits::STRIKES)),
        ("fault_unknown", 2),
        ("idle", 2),
        ("opened", 12),
        ("replaced", 2),
        ("sign_in_refused", 2),
        ("sign_in_timeouts", 2),
        ("signed_in", 8),
        ("strikes_closed", 2),
    ];
    let mut counts = counts(&house);
    counts.remove("presence_told");
    assert_eq!(counts, expected(counted));
    assert_eq!(house.core.connections(), 0);
}

#[test]
fn talks_are_counted_piece_by_piece() {
    let mut house = House::new();
    let group = GroupId::new("team").unwrap();
    let walkies: Vec<ConnId> = ["walkie", "bob", "cem"]
        .iter()
        .map(|name| {
            let mut grant = Grant::new(device(name, "voiceping"));
            grant.groups = vec![group.clone()];
            house.open_with(Caps::WALKIE, grant)
        })
        .collect();
    let [walkie, bob, cem] = walkies[..] else { panic!("three of them") };
    house.says(bob, ClientPacket::Leave(group.clone()));
    house.says(bob, ClientPacket::Join(group.clone()));
    let team = || Address::Group(group.clone());
    house.says(walkie, talk(team(), start()));
    for _ in 0..2 {
        house.says(walkie, talk(team(), audio()));
        house.says(bob, talk(team(), start()));
        house.says(bob, talk(team(), audio()));
    }
    for next in [cem, walkie] {
        house.wait(Config::default().floor_idle_ms);
        house.says(next, talk(team(), start()));
    }
    house.says(walkie, talk(team(), audio()));
    house.says(walkie, talk(Address::User(user("nobody")), audio()));
    house.says(walkie, talk(team(), TalkAct::Stop));
    let counted = [
        ("accepted", 1),
        ("audio_dropped", 3),
        ("audio_relayed", 6),
        ("delivered", 2),
        ("floors_taken", 2),
        ("group_moves", 2),
        ("opened", 3),
        ("passed_over", 1),
        ("signed_in", 3),
        ("sounds_kept", 1),
        ("talks", 3),
        ("talks_denied", 2),
    ];
    let mut counts = counts(&house);
    counts.remove("presence_told");
    counts.remove("sounds_lost");
    assert_eq!(counts, expected(counted));
}
