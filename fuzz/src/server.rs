//! Bytes as a schedule: who connects and says what, when the store answers or fails, when time passes.
//!
//! The core must take any of it. What it lets out is watched by the checkers of the simulator and by
//! [`house`], and in the end, with a store that works and devices that listen, every device holds its mailbox.

mod house;
mod peer;

use bimip_proto::{
    Act, Address, Awareness, Body, BodyKind, Claim, ClientPacket, ClientRef, CloseReason, DeviceName, Draft,
    Fault, FaultKind, GroupId, Location, LogOut, MessageId, MessageRef, Offset, Ping, Presence, PushToken,
    Reach, Said, Signal, Status, Talk, TalkAct, TokenTask, Track, UserId,
};
use bimip_session::server::Input;
use bytes::Bytes;

use self::house::{APPS, EPOCH, House};
use crate::source::Source;

/// Steps of one schedule. A fuzzer finds nothing new in longer ones that shorter ones do not have.
const STEPS: usize = 2_000;

/// One schedule, carried out to its end and checked.
pub fn server_core(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let mut house = House::new(1 + source.below(8), 64 * u64::from(1 + source.below(8)));
    for _ in 0..STEPS {
        if source.is_empty() {
            break;
        }
        step(&mut house, &mut source);
    }
    house.rest();
}

fn step(house: &mut House, source: &mut Source<'_>) {
    match source.below(20) {
        0 => house.open(source.below(APPS), true, source.below(4)),
        1 if source.below(3) > 0 => {
            let packets = (0..1 + source.below(2)).map(|_| said(house, source)).collect();
            house.call(source.below(APPS), packets);
        }
        1 => house.open(source.below(APPS), false, 0),
        2 => house.hang_up(source.byte()),
        3..=8 => {
            let packets = (0..1 + source.below(3)).map(|_| said(house, source)).collect();
            house.say(source.byte(), packets);
        }
        9 | 10 => house.write(1 + usize::from(source.byte())),
        11 | 12 => house.sync(),
        13 | 14 => house.answer(source.byte(), source.below(8) > 0),
        15 => house.pong(source.byte(), None),
        16 => {
            let millis = 1 << source.below(18);
            house.pass(millis, source.below(4) == 0);
        }
        17 => match source.below(4) {
            0 => house.pong(source.byte(), Some(number(source))),
            1 => {
                let kind = FaultKind::ALL[usize::from(source.byte()) % FaultKind::ALL.len()];
                house.garble(source.byte(), Fault { kind, origin: 0, details: "fuzz".into() });
            }
            _ => house.answer_all(),
        },
        18 => match source.below(16) {
            0 => house.crash(),
            1 => house.fails(),
            2 => house.input(Input::Drain(CloseReason::GoingAway)),
            _ => house.settle(),
        },
        _ => house.settle(),
    }
}

fn said(house: &House, source: &mut Source<'_>) -> Said {
    let other = source.below(16) == 0;
    let claim = if other { Claim::Other(user(source)) } else { Claim::Own };
    Said { claim, origin: 1, packet: packet(house, source) }
}

fn packet(house: &House, source: &mut Source<'_>) -> ClientPacket {
    match source.below(16) {
        0..=5 => ClientPacket::Send(draft(source)),
        6 | 7 => ClientPacket::Dispose(Offset(number(source))),
        8 => ClientPacket::Delivered((0..source.below(4)).map(|_| message(house, source)).collect()),
        9 | 10 => {
            let all = [Status::Sent, Status::Delivered, Status::Read, Status::Played, Status::Forwarded];
            let status = all[usize::from(source.below(5))];
            ClientPacket::Mark { message: message(house, source), status }
        }
        11 | 12 => {
            let (label, payload) = (None, Bytes::from_static(&[0xc0]));
            let act = match source.below(4) {
                0 | 1 => TalkAct::Start { label, payload },
                2 => TalkAct::Audio { label, payload },
                _ => TalkAct::Stop,
            };
            ClientPacket::Talk(Talk { from: user(source), to: address(source), act })
        }
        13 => {
            let user = (source.below(2) == 0).then(|| user(source));
            let device = DeviceName::new(if source.below(2) == 0 { "1" } else { "2" }).ok();
            ClientPacket::SignIn { user, device, token: Bytes::from_static(b"a") }
        }
        14 if source.below(2) == 0 => ClientPacket::Ping(Ping::default()),
        14 => ClientPacket::Join(group()),
        _ => match source.below(8) {
            0 => ClientPacket::Bye,
            1 => {
                let token = (source.below(2) == 0).then(|| Bytes::from_static(b"push"));
                ClientPacket::PushToken(PushToken { id: None, service: String::new(), token })
            }
            2 => ClientPacket::Join(group()),
            3 => ClientPacket::Leave(group()),
            _ => account(source),
        },
    }
}

/// What is live, and what a user decides about their account.
fn account(source: &mut Source<'_>) -> ClientPacket {
    const TOKENS: [&[u8]; 4] = [b"a0", b"a1", b"b0", b"a2"];
    match source.below(8) {
        0 | 1 => ClientPacket::SetVisible { id: None, visible: source.below(2) == 0 },
        2 => {
            let presence = Presence::ALL[usize::from(source.below(11))];
            let to = (presence.reach() == Reach::Peer).then(|| Address::User(user(source)));
            let ttl_s = u32::from(source.below(4));
            ClientPacket::Aware(Awareness { id: None, to, presence, location: None, ttl_s, at: None })
        }
        3 => {
            let act = Act::ALL[usize::from(source.below(7))];
            ClientPacket::Signal(Signal { id: None, to: address(source), act, at: None })
        }
        4 => {
            let location = Location::new(0.0, 0.0, None).expect("on earth");
            ClientPacket::Track(Track { id: None, to: address(source), location, at: None })
        }
        5 | 6 => {
            let tasks = [TokenTask::Refresh, TokenTask::Revoke, TokenTask::Validate];
            let task = tasks[usize::from(source.below(3))];
            ClientPacket::Token { task, token: Bytes::from_static(TOKENS[usize::from(source.below(4))]) }
        }
        _ => ClientPacket::LogOut(match source.below(4) {
            0 => LogOut::Session,
            1 => LogOut::Account,
            2 => LogOut::Device(None),
            _ => LogOut::Device(DeviceName::new("2").ok()),
        }),
    }
}

fn draft(source: &mut Source<'_>) -> Draft {
    const NAMES: [&str; 6] = ["r1", "r2", "r3", "r4", "r5", "r6"];
    const TEXTS: [&str; 3] =
        ["x", "", "a text that is longer than a small window has bytes to give away, by far"];
    let client_ref = NAMES.get(usize::from(source.below(8))).and_then(|name| ClientRef::new(name).ok());
    let mut body = Body::text(TEXTS[usize::from(source.below(3))]);
    if source.below(4) == 0 {
        body.kind = BodyKind::Image;
    }
    Draft { client_ref, to: address(source), client_time: None, body }
}

fn user(source: &mut Source<'_>) -> UserId {
    // The last has no device.
    let name = ["a", "b", "c", "d"][usize::from(source.below(4))];
    UserId::new(name).expect("a constant")
}

fn address(source: &mut Source<'_>) -> Address {
    if source.below(4) == 0 {
        return Address::Group(group());
    }
    Address::User(user(source))
}

fn group() -> GroupId {
    GroupId::new("g").expect("a constant")
}

/// Mostly small; sometimes anything.
fn number(source: &mut Source<'_>) -> u64 {
    match source.byte() {
        255 => u64::MAX,
        small => u64::from(small % 32),
    }
}

fn message(house: &House, source: &mut Source<'_>) -> MessageRef {
    let (form, sequence) = (source.below(8), number(source));
    match (form, house.alias(sequence)) {
        (0..=2, Some(alias)) => MessageRef::Alias(alias),
        (3, _) => MessageRef::Id(MessageId::new(EPOCH + 1, sequence)),
        _ => MessageRef::Id(MessageId::new(EPOCH, sequence)),
    }
}
