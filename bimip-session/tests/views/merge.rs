//! [`Merge`] in a dense and in a sparse order.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use bimip_proto::{MessageId, Seq};
use bimip_session::client::view::{Bounds, Item, Merge, Merged, Page, PageRequest, Place};

use super::draws::{Draws, carry_out, sequences};

/// A place that a number stands for.
trait Numbered: Place {
    fn of(number: u64) -> Self;
}

impl Numbered for Seq {
    fn of(number: u64) -> Self {
        Self(number)
    }
}

impl Numbered for MessageId {
    fn of(number: u64) -> Self {
        Self::new(7, number)
    }
}

/// A note that may be changed, and in a sparse order moved up.
#[derive(Debug, Clone, PartialEq)]
struct Note<P> {
    key: u64,
    place: P,
    version: u64,
}

impl<P: Numbered> Item for Note<P> {
    type Key = u64;
    type Place = P;

    fn key(&self) -> u64 {
        self.key
    }

    fn place(&self) -> P {
        self.place.clone()
    }

    fn join(&mut self, other: Self) {
        self.version = self.version.max(other.version);
        self.place = self.place.clone().max(other.place);
    }
}

#[derive(Debug, Clone)]
enum Event<P> {
    Put(Note<P>),
    Copy(Note<P>),
    Gone(u64),
}

/// A server, the way to it, and a view.
struct World<P: Numbered> {
    draws: Draws,
    truth: BTreeMap<u64, Note<P>>,
    last_place: u64,
    last_key: u64,
    /// What the view has not been told yet, in order.
    coming: VecDeque<Event<P>>,
    asked: Vec<PageRequest<P>>,
    /// Answers under way: with the moment, in events, at which they were read.
    answers: Vec<(PageRequest<P>, Page<Note<P>>)>,
    view: Merge<Note<P>>,
    shown: Vec<Note<P>>,
    bounds: Bounds,
}

impl<P: Numbered> World<P> {
    fn new(seed: u64) -> Self {
        let mut draws = Draws::new(seed);
        let mut bounds = Bounds::default();
        bounds.held_items = [5, 8, 20, 1000][draws.below(4)];
        bounds.page_items = 1 + draws.below(4);
        bounds.waiting_items = [2, 6, 1000][draws.below(3)];
        bounds.changes = [3, 1000][draws.below(2)];
        bounds.newest_first = draws.chance(50);
        let mut world = Self {
            draws,
            truth: BTreeMap::new(),
            last_place: 0,
            last_key: 0,
            coming: VecDeque::new(),
            asked: Vec::new(),
            answers: Vec::new(),
            view: Merge::new(bounds),
            shown: Vec::new(),
            bounds,
        };
        for _ in 0..world.draws.below(20) {
            world.write();
        }
        // What was before the view was there is not told to it.
        world.coming.clear();
        world
    }

    fn next_place(&mut self) -> P {
        self.last_place += if P::DENSE { 1 } else { 1 + self.draws.below(3) as u64 };
        P::of(self.last_place)
    }

    fn any_key(&mut self) -> Option<u64> {
        let at = self.draws.below(self.truth.len());
        self.truth.keys().nth(at).copied()
    }

    fn write(&mut self) {
        self.last_key += 1;
        let note = Note { key: self.last_key, place: self.next_place(), version: 0 };
        self.truth.insert(note.key, note.clone());
        self.coming.push_back(Event::Put(note));
    }

    fn change(&mut self) {
        let Some(key) = self.any_key() else { return };
        let moves = !P::DENSE && self.draws.chance(60);
        let place = moves.then(|| self.next_place());
        let note = self.truth.get_mut(&key).unwrap();
        note.version += 1;
        if let Some(place) = place {
            note.place = place;
            self.coming.push_back(Event::Put(note.clone()));
        } else {
            self.coming.push_back(Event::Copy(note.clone()));
        }
    }

    fn delete(&mut self) {
        if let Some(key) = self.any_key() {
            self.truth.remove(&key);
            self.coming.push_back(Event::Gone(key));
        }
    }

    fn tell(&mut self) {
        match self.coming.pop_front() {
            Some(Event::Put(note)) => self.view.put(note),
            Some(Event::Copy(note)) => self.view.put_copy(note),
            Some(Event::Gone(key)) => self.view.remove(&key),
            None => {}
        }
    }

    /// The server lets go of what the view was not told.
    fn breaks(&mut self) {
        let lost = self.draws.below(self.coming.len() + 1);
        self.coming.drain(..lost);
        self.view.broken();
    }

    fn ask(&mut self) {
        self.asked.extend(self.view.wants());
    }

    fn read(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let at = self.draws.below(self.asked.len());
        let request = self.asked.swap_remove(at);
        let page = answer(&self.truth, &request);
        self.answers.push((request, page));
    }

    fn arrive(&mut self) {
        if self.answers.is_empty() {
            return;
        }
        let at = self.draws.below(self.answers.len());
        let (request, page) =
            if self.draws.chance(10) { self.answers[at].clone() } else { self.answers.swap_remove(at) };
        if self.draws.chance(10) {
            self.view.failed(&request);
        }
        let _ = self.view.page(&request, page);
    }

    fn step(&mut self) {
        match self.draws.below(40) {
            0..8 => self.write(),
            8..12 => self.change(),
            12 => self.delete(),
            13..23 => self.tell(),
            23..27 => self.ask(),
            27..31 => self.read(),
            31..35 => self.arrive(),
            35 => self.breaks(),
            36 => self.view.load_newer(),
            37 if self.draws.chance(20) => self.view.reload(),
            _ => self.view.load_older(),
        }
        self.check();
    }

    /// Holds at every moment.
    fn check(&mut self) {
        let items = self.view.oldest_first().to_vec();
        assert!(items.windows(2).all(|pair| pair[0].place < pair[1].place), "out of order: {items:?}");
        let mut keys: Vec<u64> = items.iter().map(|note| note.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), items.len(), "twice: {items:?}");
        assert!(items.len() <= self.bounds.held_items);
        let view: Vec<_> = self.view.iter().cloned().collect();
        while let Some(change) = self.view.poll_change() {
            carry_out(&mut self.shown, change, &view);
        }
        assert_eq!(self.shown, view, "the changes lead elsewhere");
        if self.coming.is_empty() {
            self.check_known();
        }
    }

    /// Once everything was told, what the view takes for known is true and nothing is missing there.
    fn check_known(&self) {
        let items = self.view.oldest_first();
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            assert!(!self.view.is_complete() || self.view.has_older() || self.truth.is_empty());
            return;
        };
        let holes: Vec<_> = self.view.holes().collect();
        let known = |note: &&Note<P>| {
            let below = self.view.has_older() && note.place < first.place;
            let above = note.place > last.place && !self.view.is_complete();
            !below && !above && !holes.iter().any(|hole| std::ops::RangeBounds::contains(hole, &note.place))
        };
        let mut truth: Vec<_> = self.truth.values().filter(known).cloned().collect();
        truth.sort_by(|one, other| one.place.cmp(&other.place));
        let shown: Vec<_> = items.iter().filter(known).cloned().collect();
        assert_eq!(shown, truth, "not true; holes {holes:?}, complete {}", self.view.is_complete());
    }

    /// Everything arrives: the view is what a full reload would show.
    fn settle(&mut self) {
        while !self.coming.is_empty() {
            self.tell();
            self.check();
        }
        self.asked.clear();
        self.answers.clear();
        if let Some(request) = self.view.loading().cloned() {
            self.view.failed(&request);
        }
        self.load_all();
        while !self.view.follows() {
            self.view.load_newer();
            self.load_all();
        }
        assert!(self.view.is_complete(), "{:?}", self.view.holes().collect::<Vec<_>>());
        while self.view.has_older() && self.view.len() < self.bounds.held_items {
            self.view.load_older();
            self.load_all();
            if !self.view.follows() {
                return;
            }
        }
        let mut truth: Vec<_> = self.truth.values().cloned().collect();
        truth.sort_by(|one, other| one.place.cmp(&other.place));
        let newest = truth.len() - self.view.len();
        assert_eq!(self.view.oldest_first(), &truth[newest..]);
        assert!(self.view.has_older() || newest == 0);
    }

    fn load_all(&mut self) {
        let mut pages = 0;
        while let Some(request) = self.view.wants() {
            let page = answer(&self.truth, &request);
            assert_eq!(self.view.page(&request, page), Merged::Done);
            self.check();
            pages += 1;
            assert!(pages < 1000, "it never has enough: {request:?}");
        }
    }
}

fn answer<P: Numbered>(truth: &BTreeMap<u64, Note<P>>, request: &PageRequest<P>) -> Page<Note<P>> {
    let by_place: BTreeMap<P, &Note<P>> = truth.values().map(|note| (note.place.clone(), note)).collect();
    let range = by_place.range((request.from.clone(), request.to.clone()));
    let all: Vec<Note<P>> = range.map(|(_, note)| (*note).clone()).collect();
    let more = all.len() > request.limit_items;
    let items = if request.newest_first {
        all[all.len().saturating_sub(request.limit_items)..].to_vec()
    } else {
        all.into_iter().take(request.limit_items).collect()
    };
    Page { items, more }
}

fn run<P: Numbered + Debug>(seed: u64) {
    let mut world: World<P> = World::new(seed);
    let steps = 5 + seed % 90;
    for _ in 0..steps {
        world.step();
    }
    world.settle();
}

// MISSION M5
#[test]
fn a_dense_view_is_what_a_reload_would_show() {
    sequences(10_000, run::<Seq>);
}

// MISSION M5
#[test]
fn a_sparse_view_is_what_a_reload_would_show() {
    sequences(10_000, run::<MessageId>);
}
