//! The world as states of a model, for the checker.

use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};

use stateright::{Model, Property};

use crate::small_world::{Action, Faults, Found, World};

/// The model: everything that can happen in the small world.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "how much may go wrong is all there is to choose")]
pub struct SmallWorld {
    /// How much may go wrong.
    pub faults: Faults,
}

/// A state: the way there, and what was found on it.
#[derive(Clone)]
pub struct State {
    path: Vec<Action>,
    /// Of everything that decides what comes.
    print: u128,
    found: Found,
    next: Vec<Action>,
}

impl State {
    fn first(faults: Faults) -> Self {
        Self::of(World::new(faults), Vec::new())
    }

    /// Goes there again, and one step further.
    fn after(&self, faults: Faults, action: Action) -> Self {
        let mut world = World::new(faults);
        for action in &self.path {
            world.step(*action);
        }
        // What was found on the way is known.
        world.found = self.found;
        world.step_and_look(action);
        let mut path = Vec::with_capacity(self.path.len() + 1);
        path.extend(&self.path);
        path.push(action);
        Self::of(world, path)
    }

    fn of(world: World, path: Vec<Action>) -> Self {
        let mut print = Print(0xcbf2_9ce4_8422_2325_cbf2_9ce4_8422_2325);
        let written = write!(print, "{world:?}");
        debug_assert!(written.is_ok(), "a number takes every text");
        Self { path, print: print.0, found: world.found, next: world.actions() }
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

/// The way there says it all: the checker prints states when it explains what it found.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {:?}", self.path)
    }
}

/// A text as a number, as it is written.
struct Print(u128);

impl Write for Print {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        for word in text.as_bytes().chunks(8) {
            let mut bytes = [0xff; 8];
            bytes[..word.len()].copy_from_slice(word);
            self.0 = (self.0 ^ u128::from(u64::from_le_bytes(bytes))).wrapping_mul(PRIME).rotate_left(41);
        }
        Ok(())
    }
}

impl Model for SmallWorld {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.extend(&state.next);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        Some(last.after(self.faults, action))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("what is acknowledged is durable", |_, state| {
                !state.found.has(Found::LOST)
            }),
            Property::<Self>::always("a draft is stored once and answered once", |_, state| {
                !state.found.has(Found::DOUBLED)
            }),
            Property::<Self>::always("offsets are dense", |_, state| !state.found.has(Found::HOLE)),
            Property::<Self>::always("all devices see the order of the mailbox", |_, state| {
                !state.found.has(Found::DISORDER)
            }),
            Property::<Self>::always("cursors never go back", |_, state| {
                !state.found.has(Found::CURSOR_BACK)
            }),
            Property::<Self>::always(
                "when nothing is left to happen everybody holds everything",
                |_, state| !state.found.has(Found::STUCK),
            ),
            Property::<Self>::eventually("everybody holds everything", |_, state| {
                state.found.has(Found::COMPLETE)
            }),
            Property::<Self>::sometimes("a command is lost in a crash", |it, state| {
                it.faults.crashes == 0 || state.found.has(Found::COMMAND_LOST)
            }),
            Property::<Self>::sometimes("a draft is answered as a repeat", |it, state| {
                it.faults == Faults { cuts: 0, crashes: 0 } || state.found.has(Found::REPEATED)
            }),
            Property::<Self>::sometimes("a row is sent again", |it, state| {
                it.faults == Faults { cuts: 0, crashes: 0 } || state.found.has(Found::SENT_AGAIN)
            }),
        ]
    }
}
