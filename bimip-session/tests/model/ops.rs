//! What can happen, and how sequences of it are drawn.

use std::fmt;

use bimip_proto::Status;
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

pub(crate) const WORLD_USERS: usize = 3;
const DEVICES_PER_USER: u8 = 2;
pub(crate) const WORLD_DEVICES: usize = WORLD_USERS * DEVICES_PER_USER as usize;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct User(u8);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Dev(u8);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group(u8);

impl User {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..).take(WORLD_USERS).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        self.0.into()
    }
}

impl Dev {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..).take(WORLD_DEVICES).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        self.0.into()
    }

    pub(crate) fn user(self) -> User {
        User(self.0 / DEVICES_PER_USER)
    }
}

impl Group {
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..2).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        self.0.into()
    }
}

/// `a`, `b`, `c`
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(b'a' + self.0))
    }
}

/// `a0`, `a1`, `b0`
impl fmt::Debug for Dev {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{}", self.user(), self.0 % DEVICES_PER_USER)
    }
}

/// `g`, `h`
impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(b'g' + self.0))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    User(User),
    Group(Group),
}

/// Which of its names a message is called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    Id,
    Alias,
    /// Its number in its conversation of two; in a group the id.
    Place,
}

/// Up to which row a device has stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upto {
    /// All that it was sent.
    All,
    /// So many of those that it has not disposed of.
    Some(u8),
    /// One that it disposed of before.
    Before,
    /// So many more than it was sent.
    Beyond(u8),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// A new draft, with a new name or with none.
    Send {
        to: To,
        named: bool,
    },
    /// The draft so many before the last one, under the same name: with the same content, with another text or to
    /// somebody else.
    Resend {
        back: u8,
        change: Change,
    },
    Dispose(Upto),
    /// So many messages, the last of them so many before the last one that is stored.
    Delivered {
        back: u8,
        count: u8,
        naming: Naming,
    },
    /// Somebody says something about the message so many before the last one that is stored.
    Mark {
        back: u8,
        naming: Naming,
        status: Status,
    },
    Join(Group),
    Leave(Group),
    Ping,
    Bye,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Nothing,
    Text,
    To(To),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Op {
    /// Also while it is connected: then the newest session wins.
    Connect(Dev),
    /// The connection is gone, with what it had to say and was not carried out.
    Cut(Dev),
    Say(Dev, Word),
    /// The device says one thing on a connection of its own and goes, whether it is connected otherwise or not.
    Call(Dev, Word),
    /// The oldest call does not wait for its answer.
    HangUp,
    /// So many tickets become durable, in one batch, and are proven.
    Sync(u8),
    /// So many tickets cannot be stored.
    Fail(u8),
    /// The store looks up what it was asked, but has not answered yet.
    Look,
    /// So many questions to the store are answered.
    Answer(u8),
    /// The server dies. So many tickets had become durable, and nobody was told; the others are gone.
    Crash {
        durable: u8,
    },
    /// The wall clock may jump meanwhile.
    Wait {
        ms: u64,
        jump_ms: i64,
    },
}

/// What the next operation depends on: who has a connection. The reference itself runs beside the server, since what
/// was sent to whom is the server's choice within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Present([bool; WORLD_DEVICES]);

impl ReferenceStateMachine for Present {
    type State = Self;
    type Transition = Op;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Op> {
        thread_local! {
            // Strategies cost more to make than to draw from, and there are only so many.
            static MADE: [std::cell::OnceCell<BoxedStrategy<Op>>; 1 << WORLD_DEVICES] =
                const { [const { std::cell::OnceCell::new() }; 1 << WORLD_DEVICES] };
        }
        let which = state.0.iter().fold(0, |which, here| which << 1 | usize::from(*here));
        MADE.with(|made| made[which].get_or_init(|| op(state)).clone())
    }

    fn apply(mut state: Self, op: &Op) -> Self {
        match op {
            Op::Connect(device) => state.0[device.index()] = true,
            Op::Cut(device) | Op::Say(device, Word::Bye) => state.0[device.index()] = false,
            Op::Crash { .. } => state = Self::default(),
            _ => {}
        }
        state
    }

    fn preconditions(state: &Self, op: &Op) -> bool {
        match op {
            Op::Cut(device) | Op::Say(device, _) => state.0[device.index()],
            _ => true,
        }
    }
}

fn op(present: &Present) -> BoxedStrategy<Op> {
    let (here, away): (Vec<Dev>, Vec<Dev>) = Dev::all().partition(|device| present.0[device.index()]);
    let anybody = select(Dev::all().collect::<Vec<_>>());
    let newcomer = if away.is_empty() { anybody.clone() } else { select(away) };
    let wait =
        (select(vec![1, 1_000, 20_000, 60_000, 120_000]), select(vec![0, 0, 0, 86_400_000, -86_400_000]));
    let always = prop_oneof![
        10 => newcomer.prop_map(Op::Connect),
        2 => anybody.clone().prop_map(Op::Connect),
        6 => (anybody, called()).prop_map(|(device, word)| Op::Call(device, word)),
        1 => Just(Op::HangUp),
        20 => (1..6_u8).prop_map(Op::Sync),
        1 => (1..4_u8).prop_map(Op::Fail),
        3 => Just(Op::Look),
        20 => (1..4_u8).prop_map(Op::Answer),
        1 => (0..4_u8).prop_map(|durable| Op::Crash { durable }),
        2 => wait.prop_map(|(ms, jump_ms)| Op::Wait { ms, jump_ms }),
    ];
    if here.is_empty() {
        return always.boxed();
    }
    let device = select(here);
    prop_oneof![
        66 => always,
        3 => device.clone().prop_map(Op::Cut),
        70 => (device, word()).prop_map(|(device, word)| Op::Say(device, word)),
    ]
    .boxed()
}

fn word() -> impl Strategy<Value = Word> {
    prop_oneof![
        76 => called(),
        1 => Just(Word::Bye),
    ]
}

/// What a call says, which says goodbye by itself.
fn called() -> impl Strategy<Value = Word> {
    let group = || select(Group::all().collect::<Vec<_>>());
    let to = || {
        prop_oneof![
            3 => select(User::all().collect::<Vec<_>>()).prop_map(To::User),
            2 => group().prop_map(To::Group)
        ]
    };
    let change = prop_oneof![
        2 => Just(Change::Nothing),
        1 => Just(Change::Text),
        1 => to().prop_map(Change::To)
    ];
    let upto = prop_oneof![
        6 => Just(Upto::All),
        4 => (1..4_u8).prop_map(Upto::Some),
        1 => Just(Upto::Before),
        1 => (1..4_u8).prop_map(Upto::Beyond),
    ];
    let naming = || select(vec![Naming::Id, Naming::Alias, Naming::Place]);
    let status =
        select(vec![Status::Delivered, Status::Read, Status::Read, Status::Played, Status::Forwarded]);
    prop_oneof![
        28 => (to(), prop::bool::weighted(0.9)).prop_map(|(to, named)| Word::Send { to, named }),
        8 => (0..4_u8, change).prop_map(|(back, change)| Word::Resend { back, change }),
        16 => upto.prop_map(Word::Dispose),
        3 => (0..6_u8, 1..4_u8, naming())
            .prop_map(|(back, count, naming)| Word::Delivered { back, count, naming }),
        10 => (0..8_u8, naming(), status)
            .prop_map(|(back, naming, status)| Word::Mark { back, naming, status }),
        8 => group().prop_map(Word::Join),
        2 => group().prop_map(Word::Leave),
        1 => Just(Word::Ping),
    ]
}
