//! Rows in memory that have become a table, and who frees them.
//!
//! The engine lets go of them under the lock that every write takes, and to free a hundred thousand rows one by one takes
//! up to 30 ms. So they are held here as well, until the engine has let go, and freed by a thread of their own.

use std::any::Any;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread;

use fjall::{AbstractTree as _, Keyspace};

use super::background::step_back;

/// The rows of a keyspace that are not in a table yet. What is in there is the engine's business.
type Memtable = Arc<dyn Any + Send + Sync>;

/// Memtables on their way to be freed. What does not fit is held for longer; the engine itself never has more than five
/// of a keyspace.
const FREED_AT_ONCE: usize = 4;

pub(super) struct Retired {
    /// By keyspace: the one that is written to last, before it those that the engine may still need.
    held: [VecDeque<Memtable>; 2],
    freeing: SyncSender<Memtable>,
}

impl Retired {
    pub(super) fn new() -> io::Result<Self> {
        let (freeing, retired) = sync_channel(FREED_AT_ONCE);
        thread::Builder::new().name("bimip-free".to_owned()).spawn(move || {
            step_back();
            retired.into_iter().for_each(drop::<Memtable>);
        })?;
        Ok(Self { held: Default::default(), freeing })
    }

    /// Looks what the engine writes to now, and what it is done with. Called after every batch: a memtable lives for
    /// thousands of them.
    pub(super) fn look(&mut self, keyspaces: [&Keyspace; 2]) {
        for (at, keyspace) in keyspaces.into_iter().enumerate() {
            self.hold(at, keyspace.tree.active_memtable());
        }
    }

    fn hold(&mut self, at: usize, active: Memtable) {
        let Some(held) = self.held.get_mut(at) else { return };
        if held.back().is_none_or(|last| !Arc::ptr_eq(last, &active)) {
            held.push_back(active);
        }
        while held.len() > 1 && held.front().is_some_and(|oldest| Arc::strong_count(oldest) == 1) {
            let Some(oldest) = held.pop_front() else { return };
            // Were the thread gone, it would be freed here, which is slow and right.
            if let Err(TrySendError::Full(oldest)) = self.freeing.try_send(oldest) {
                return held.push_front(oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;
    use std::sync::mpsc::channel;

    use super::*;

    /// Says which thread freed it.
    struct Rows(u32, Sender<(u32, Option<String>)>);

    impl Drop for Rows {
        fn drop(&mut self) {
            self.1.send((self.0, thread::current().name().map(str::to_owned))).unwrap();
        }
    }

    #[test]
    fn rows_are_freed_in_a_thread_of_their_own_and_not_before_the_engine_lets_go() {
        let (says, freed) = channel();
        let mut retired = Retired::new().unwrap();
        let rows = |number| Arc::new(Rows(number, says.clone()));
        let (first, second, third) = (rows(1), rows(2), rows(3));
        for active in [&first, &first, &second, &third] {
            retired.hold(0, Arc::clone(active) as Memtable);
        }
        drop(second);
        retired.hold(0, Arc::clone(&third) as Memtable);
        assert!(freed.try_recv().is_err(), "the engine has the first one, and they go in order");
        drop(first);
        assert!(freed.try_recv().is_err(), "letting go frees nothing");
        retired.hold(0, Arc::clone(&third) as Memtable);
        let by = |number| (number, Some("bimip-free".to_owned()));
        assert_eq!([freed.recv().unwrap(), freed.recv().unwrap()], [by(1), by(2)]);
        assert_eq!(retired.held[0].len(), 1, "the one that is written to");
    }
}
