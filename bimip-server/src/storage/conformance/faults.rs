//! A store that fails, and what may not happen then.

use bimip_proto::Reject;
use bimip_session::ledger::{Committed, Failed, Failure, Ticket};

use super::Subject;
use super::world::{World, accepted, delivered, offsets, rejected};
use crate::storage::{Storage, StorageError};

/// A store whose disk fails at a given commit: from then on it takes nothing, as clause 7 of the contract says.
///
/// For tests of what is built on a store. What it refuses never reaches the store inside.
#[derive(Debug)]
pub struct Faulty<S> {
    store: S,
    good: u64,
    failure: Failure,
}

impl<S> Faulty<S> {
    /// Lets so many commits through, and fails every one after them.
    #[must_use]
    pub const fn new(store: S, good: u64, failure: Failure) -> Self {
        Self { store, good, failure }
    }

    /// The store inside, to be opened again.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.store
    }
}

impl<S: Storage> Storage for Faulty<S> {
    type Reader = S::Reader;

    fn commit(&mut self, batch: Vec<Ticket>) -> Vec<Result<Committed, Failed>> {
        if self.good == 0 {
            return batch.into_iter().map(|ticket| Err(ticket.failed(self.failure))).collect();
        }
        self.good -= 1;
        self.store.commit(batch)
    }

    fn reader(&self) -> S::Reader {
        self.store.reader()
    }

    fn close(self) -> Result<(), StorageError> {
        self.store.close()
    }
}

pub(super) fn after_a_failure_nothing_is_taken<S: Storage>(subject: &Subject<'_, S>) {
    for (good, failure) in [(1, Failure::Unavailable), (2, Failure::Full)] {
        let mut world = World::new(Faulty::new(subject.open(), good, failure));
        let (a, b) = (world.open("a", "1"), world.open("b", "1"));
        for number in 0..good {
            world.sent(a, &format!("good{number}"), "b", "x");
        }
        world.heard(b);
        for number in 0..3 {
            world.send(a, &format!("bad{number}"), "b", "x");
            world.send(a, "good0", "b", "x");
            world.commit();
            let heard = world.heard(a);
            assert!(
                accepted(&heard).is_empty(),
                "nothing is acknowledged, not even what is stored: {heard:?}"
            );
            assert_eq!(rejected(&heard), [Reject::Unavailable; 2]);
            assert!(delivered(&world.heard(b)).is_empty(), "nothing is shown");
        }
        let stored: Vec<u64> = (1..=good).collect();
        assert_eq!(offsets(&world.rows("b", 0)), stored, "reading goes on");

        let mut world = World::new(world.store.into_inner());
        let a = world.open("a", "1");
        let (head, _) = world.sent(a, "bad0", "b", "x");
        assert_eq!(head.seq.0, good + 1, "what was refused was not stored");
        assert_eq!(offsets(&world.rows("b", 0)).len() as u64, good + 1);
    }
}
