//! Two queues for a few threads: what is urgent does not wait behind what is not, and neither starves.
//!
//! One thread takes nothing but what is urgent, so that patient work, however much there is, is under way in all but one
//! of them at a time; one takes patient work first, so that it goes on while there is always something urgent; the others
//! take what is urgent first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// What a thread takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Urgent,
    UrgentFirst,
    PatientFirst,
}

impl Turn {
    /// Of one of `threads`, counted from 0. A thread that is alone takes everything.
    const fn of(number: usize, threads: usize) -> Self {
        match number {
            0 if threads > 1 => Self::Urgent,
            _ if threads > 2 && number + 1 == threads => Self::PatientFirst,
            _ => Self::UrgentFirst,
        }
    }
}

/// The queues. They have no bound of their own: whoever fills them has one.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    state: Mutex<State<T>>,
    threads: usize,
}

#[derive(Debug)]
struct State<T> {
    urgent: VecDeque<T>,
    patient: VecDeque<T>,
    /// Threads that found nothing, by their numbers.
    idle: Vec<(usize, Thread)>,
    /// Threads that have not ended.
    alive: usize,
    closed: bool,
}

/// A thread's place at the queues. Without it, the thread is known to be gone.
#[derive(Debug)]
pub(crate) struct Place<'a, T> {
    lanes: &'a Lanes<T>,
    number: usize,
}

impl<T> Lanes<T> {
    /// For so many threads, each of which is to take its [`Place`].
    pub(crate) fn new(threads: usize) -> Self {
        let (urgent, patient, idle) = (VecDeque::new(), VecDeque::new(), Vec::with_capacity(threads));
        let state = State { urgent, patient, idle, alive: threads, closed: false };
        Self { state: Mutex::new(state), threads }
    }

    /// Adds something. `false` if nobody is left to take it.
    pub(crate) fn push(&self, item: T, urgent: bool) -> bool {
        let mut state = self.lock();
        if state.alive == 0 || state.closed {
            return false;
        }
        let queue = if urgent { &mut state.urgent } else { &mut state.patient };
        queue.push_back(item);
        // The one that takes nothing else, if there is something for it; else any other.
        let fits = |number: usize| urgent || Turn::of(number, self.threads) != Turn::Urgent;
        let idle = state.idle.iter().enumerate().filter(|(_, (number, _))| fits(*number));
        let first = idle.min_by_key(|(_, (number, _))| *number).map(|(at, _)| at);
        let wakes = first.map(|at| state.idle.swap_remove(at).1);
        drop(state);
        if let Some(thread) = wakes {
            thread.unpark();
        }
        true
    }

    /// Nothing more comes. What is there is still taken.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        for (_, thread) in idle {
            thread.unpark();
        }
    }

    /// The place of the thread with this number, from 0 on.
    pub(crate) const fn place(&self, number: usize) -> Place<'_, T> {
        Place { lanes: self, number }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing under the lock can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn take(&mut self, turn: Turn) -> Option<T> {
        match turn {
            Turn::Urgent => self.urgent.pop_front(),
            Turn::UrgentFirst => self.urgent.pop_front().or_else(|| self.patient.pop_front()),
            Turn::PatientFirst => self.patient.pop_front().or_else(|| self.urgent.pop_front()),
        }
    }
}

impl<T> Place<'_, T> {
    /// Waits for something to do. `None` once the queues are closed and there is nothing left for this thread.
    pub(crate) fn next(&self) -> Option<T> {
        let turn = Turn::of(self.number, self.lanes.threads);
        loop {
            let mut state = self.lanes.lock();
            state.idle.retain(|(number, _)| *number != self.number);
            let item = state.take(turn);
            if item.is_some() || state.closed {
                return item;
            }
            state.idle.push((self.number, thread::current()));
            drop(state);
            // Who was woken before it slept does not sleep, and who was woken for nothing looks again.
            thread::park();
        }
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        let mut state = self.lanes.lock();
        state.idle.retain(|(number, _)| *number != self.number);
        state.alive = state.alive.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Something to do that says when it has begun, and ends when it is let go.
    struct Work {
        name: &'static str,
        begun: Sender<&'static str>,
        until: Option<Receiver<()>>,
    }

    fn work(place: &Place<'_, Work>) {
        while let Some(work) = place.next() {
            work.begun.send(work.name).unwrap();
            if let Some(until) = work.until {
                let _ = until.recv();
            }
        }
    }

    #[test]
    fn what_is_urgent_does_not_wait_for_what_is_patient() {
        let lanes = Lanes::new(4);
        thread::scope(|scope| {
            for number in 0..4 {
                let lanes = &lanes;
                scope.spawn(move || work(&lanes.place(number)));
            }
            let (begun, heard) = channel();
            let mut holds = Vec::new();
            for _ in 0..20 {
                let (hold, until) = channel();
                holds.push(hold);
                lanes.push(Work { name: "patient", begun: begun.clone(), until: Some(until) }, false);
            }
            // Three are under way, for as long as they like.
            assert!(heard.iter().take(3).all(|name| name == "patient"));
            for _ in 0..3 {
                lanes.push(Work { name: "urgent", begun: begun.clone(), until: None }, true);
                assert_eq!(heard.recv().unwrap(), "urgent");
            }
            assert!(heard.try_recv().is_err(), "a fourth patient one is under way");
            drop((holds, begun));
            lanes.close();
            // What was there when they were closed is done.
            assert_eq!(heard.iter().count(), 17);
        });
        let (begun, _heard) = channel();
        assert!(!lanes.push(Work { name: "late", begun, until: None }, true));
    }

    #[test]
    fn neither_starves() {
        let lanes = Lanes::new(4);
        let fill = || {
            for item in 1..=2 {
                assert!(lanes.push(item, true) && lanes.push(-item, false));
            }
        };
        fill();
        let mut state = lanes.lock();
        assert_eq!(state.take(Turn::of(0, 4)), Some(1));
        assert_eq!(state.take(Turn::of(3, 4)), Some(-1));
        assert_eq!(state.take(Turn::of(1, 4)), Some(2));
        assert_eq!(state.take(Turn::of(0, 4)), None);
        assert_eq!(state.take(Turn::of(2, 4)), Some(-2));
        assert_eq!((Turn::of(0, 1), Turn::of(1, 2)), (Turn::UrgentFirst, Turn::UrgentFirst));
    }

    #[test]
    fn who_asks_hears_that_nobody_is_left() {
        let lanes = Lanes::new(2);
        drop(lanes.place(0));
        assert!(lanes.push((), true));
        drop(lanes.place(1));
        assert!(!lanes.push((), true));
    }
}
