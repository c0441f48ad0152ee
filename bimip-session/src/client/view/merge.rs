//! Events and pages of history in one list, without a gap and without a duplicate.

use core::ops::{Bound, RangeBounds as _};
use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, Changes};
use super::cover::{Cover, Cut, Place, Stretch};
use super::page::{Kind, Merged, Page, PageRequest};

/// What a view is a list of.
pub trait Item: Clone + PartialEq {
    /// What the item is: a view holds it at most once.
    type Key: Ord + Clone;
    /// Where it stands.
    type Place: Place;

    /// What it is.
    fn key(&self) -> Self::Key;

    /// Where it stands. Two items never stand at one place; an item moves only up.
    fn place(&self) -> Self::Place;

    /// Takes over what another copy of the same item knows.
    ///
    /// Copies come in any order and more than once, the older after the newer too, so this MUST be a *join*: it does
    /// not matter in which order copies are joined, nor how often. Keep the greater of what rises, and the union of
    /// what is collected.
    fn join(&mut self, other: Self);
}

/// How much a view holds, and which way it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Items in the view. What is beyond that at the far end is let go, and loaded again when it is asked for.
    pub held_items: usize,
    /// Items in a page that is asked for.
    pub page_items: usize,
    /// What may happen while a page loads, and what is kept that was said about items which are not there yet. Beyond
    /// that the page is asked for again. A row of receipts says up to 64 things, not all of them about this view.
    pub waiting_items: usize,
    /// Changes that wait for the user interface. Beyond that it is told to read the view anew.
    pub changes: usize,
    /// Whether the newest item is the first of the list, or the last.
    pub newest_first: bool,
}

impl Default for Bounds {
    /// Ten screens of items, a page of one or two.
    fn default() -> Self {
        Self { held_items: 500, page_items: 50, waiting_items: 1024, changes: 1024, newest_first: false }
    }
}

/// A window on a long list, fed by events and by pages.
///
/// | it is told | inside of the window | outside |
/// |---|---|---|
/// | an item | joined with the copy it holds, or inserted | waits while a page loads, then judged again |
/// | an item is gone | removed | remembered while a page loads: the page may be older |
/// | a page | what it says is joined, what it lacks is removed, its range is known | the window grows over it |
/// | a break in the events | everything is shown still, and asked for again | |
///
/// The window has no end at the newest side while it [follows](Self::follows) what happens; it gets one when the app
/// loads so much that is older that the newest items are let go.
#[derive(Debug, Clone)]
pub struct Merge<I: Item> {
    bounds: Bounds,
    /// The oldest first.
    items: Vec<I>,
    places: BTreeMap<I::Key, I::Place>,
    /// The window; `None` before anything is known.
    span: Option<Stretch<I::Place>>,
    known: Cover<I::Place>,
    follows: bool,
    /// A page has said what is newest, and since then events have told everything.
    live: bool,
    /// Events have told everything that is newer than the window's upper end.
    unbroken: bool,
    /// The upper end of the window at the last break.
    broken_at: Option<Cut<I::Place>>,
    /// What has moved since the break, and was not confirmed where it stood before.
    unsure: BTreeSet<I::Key>,
    asked: Option<Asked<I::Place>>,
    last_number: u64,
    /// What events said about items inside of the window since the page was asked for ...
    fresh: BTreeSet<I::Key>,
    /// ... and about others.
    waiting: Vec<Told<I>>,
    /// Whether old items were let go since.
    let_go: bool,
    wants_older: bool,
    wants_newer: bool,
    changes: Changes<I>,
}

#[derive(Debug, Clone)]
struct Asked<P> {
    request: PageRequest<P>,
    /// Too much happened since.
    void: bool,
}

#[derive(Debug, Clone)]
enum Told<I: Item> {
    Put(I),
    Unsure(I),
    Copy(I),
    Gone(I::Key),
}

/// The two ends of a range of places.
type Range<P> = (Bound<P>, Bound<P>);

/// Which end is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Far {
    Oldest,
    Newest,
}

impl<I: Item> Merge<I> {
    /// An empty view, which wants the newest page.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            items: Vec::new(),
            places: BTreeMap::new(),
            span: None,
            known: Cover::new(),
            follows: true,
            live: false,
            unbroken: false,
            broken_at: None,
            unsure: BTreeSet::new(),
            asked: None,
            last_number: 0,
            fresh: BTreeSet::new(),
            waiting: Vec::new(),
            let_go: false,
            wants_older: false,
            wants_newer: false,
            changes: Changes::new(bounds.changes),
        }
    }

    // ---- events ---------------------------------------------------------------------------------------

    /// An item has come to its place: it is new, or has moved there. Whatever comes to a place after it will be told
    /// too.
    pub fn put(&mut self, item: I) {
        self.put_one(item, true);
        self.trim(Far::Oldest);
    }

    /// The same where this copy may lack what is known elsewhere: it is shown, and asked for.
    pub fn put_unsure(&mut self, item: I) {
        self.put_one(item, false);
        self.trim(Far::Oldest);
    }

    /// Another copy of an item, which says nothing about what else there is: it was changed where it stands, or it is told
    /// out of turn.
    pub fn put_copy(&mut self, item: I) {
        let place = item.place();
        if let Some(held) = self.get_by_key(&item.key()).cloned() {
            self.touch(item.key());
            self.join(held, item, self.unbroken);
        } else if self.admits(&place) {
            let above = self.span.as_ref().is_none_or(|(_, high)| high.is_below(&place));
            self.put_one(item, self.unbroken || !above);
        } else {
            self.wait(Told::Copy(item));
        }
        self.trim(Far::Oldest);
    }

    /// Changes an item that the view holds; says whether it does. The change MUST be a join too.
    pub fn update(&mut self, key: &I::Key, change: impl FnOnce(&mut I)) -> bool {
        let Some(mut item) = self.get_by_key(key).cloned() else { return false };
        change(&mut item);
        self.put_copy(item);
        true
    }

    /// There is no such item any more.
    pub fn remove(&mut self, key: &I::Key) {
        if let Some(place) = self.places.remove(key) {
            let at = self.index(&place, key);
            self.items.remove(at);
            self.tell_removed(at);
        }
        self.wait(Told::Gone(key.clone()));
    }

    /// There is something at this place that nobody has shown the view: a hole, if it is in the window.
    pub fn exists(&mut self, place: &I::Place) {
        let (low, high) = (Cut::before(place.clone()), Cut::after(place.clone()));
        match &mut self.span {
            None => self.span = Some((low, high)),
            Some((_, newest)) if self.follows => *newest = high.max(newest.clone()),
            Some(_) => {}
        }
    }

    /// There may be something newer that no event will tell of.
    pub const fn doubt_newest(&mut self) {
        self.live = false;
    }

    /// Something may have happened that the view was not told. It shows what it has, and asks for all of it again.
    pub fn broken(&mut self) {
        self.known.clear();
        self.broken_at = self.span.as_ref().map(|(_, high)| high.clone());
        (self.live, self.unbroken) = (false, false);
        self.ignore_answer();
    }

    /// Lets everything go and starts anew at the newest item.
    pub fn reload(&mut self) {
        let (changes, last_number) = (self.changes.clone(), self.last_number);
        *self = Self { changes, last_number, ..Self::new(self.bounds) };
        self.changes.push(Change::Reload);
    }

    /// What is loading now may lack what happened since: its answer will not be taken, but asked for again.
    pub fn doubt(&mut self) {
        if let Some(asked) = &mut self.asked {
            asked.void = true;
            self.fresh.clear();
            self.waiting.clear();
        }
    }

    // ---- pages ----------------------------------------------------------------------------------------

    /// The page that the view needs next, if it does. One at a time: nothing more is wanted until it is
    /// [answered](Self::page) or has [failed](Self::failed).
    pub fn wants(&mut self) -> Option<PageRequest<I::Place>> {
        if self.asked.is_some() {
            return None;
        }
        let (kind, (from, to)) = self.next_page()?;
        self.last_number += 1;
        let request = PageRequest {
            from,
            to,
            newest_first: kind != Kind::Newer,
            limit_items: self.bounds.page_items,
            number: self.last_number,
            kind,
        };
        self.fresh.clear();
        self.waiting.clear();
        self.let_go = false;
        self.asked = Some(Asked { request: request.clone(), void: false });
        Some(request)
    }

    fn next_page(&self) -> Option<(Kind, Range<I::Place>)> {
        if self.follows && !self.live {
            return Some((Kind::Newest, (Bound::Unbounded, Bound::Unbounded)));
        }
        let (low, high) = self.span.as_ref()?;
        if let Some((from, to)) = self.known.holes(low, high).last() {
            return Some((Kind::Hole, (from.as_lower(), to.as_upper())));
        }
        if self.wants_older && self.has_older() {
            return Some((Kind::Older, (Bound::Unbounded, low.as_upper())));
        }
        (self.wants_newer && !self.follows).then(|| (Kind::Newer, (high.as_lower(), Bound::Unbounded)))
    }

    /// The app shows the oldest items: it would like some before them.
    pub fn load_older(&mut self) {
        self.wants_older = self.has_older();
    }

    /// The app shows the newest items of a view that does not [follow](Self::follows): it would like some after them.
    pub const fn load_newer(&mut self) {
        self.wants_newer = !self.follows;
    }

    /// The page cannot be loaded now. It is wanted again at once; when to try is the app's business.
    pub fn failed(&mut self, request: &PageRequest<I::Place>) {
        if self.asked.as_ref().is_some_and(|asked| asked.request.number == request.number) {
            self.ignore_answer();
        }
    }

    /// The answer to a request.
    pub fn page(&mut self, request: &PageRequest<I::Place>, page: Page<I>) -> Merged {
        let Some(asked) = self.asked.take_if(|asked| asked.request.number == request.number) else {
            return Merged::Stale;
        };
        let Page { mut items, more } = page;
        items.retain(|item| request.contains(&item.place()));
        items.sort_by_key(I::place);
        if asked.void || (more && items.is_empty()) {
            self.ignore_answer();
            return Merged::Again;
        }
        let Some((low, high)) = self.range_of(request, &items, more) else {
            self.ignore_answer();
            return Merged::Stale;
        };
        items.retain(|item| low.is_below(&item.place()) && !high.is_below(&item.place()));
        self.remove_absent(&items, &low, &high);
        self.span = Some(match self.span.take() {
            None => (low.clone(), high.clone()),
            Some((oldest, newest)) => (oldest.min(low.clone()), newest.max(high.clone())),
        });
        self.know(&items, low.clone(), high);
        let waiting = std::mem::take(&mut self.waiting);
        self.fresh.clear();
        self.take_in(items, &waiting);
        match request.kind {
            Kind::Newest if more => self.let_go_below(&low),
            Kind::Older => self.wants_older = false,
            Kind::Newer => self.wants_newer = false,
            Kind::Newest | Kind::Hole => {}
        }
        if request.to == Bound::Unbounded && (request.newest_first || !more) {
            (self.follows, self.live, self.unbroken, self.broken_at) = (true, true, true, None);
        }
        for told in waiting {
            match told {
                Told::Put(item) => self.put_one(item, true),
                Told::Unsure(item) => self.put_one(item, false),
                Told::Copy(item) => self.put_copy(item),
                Told::Gone(key) => self.remove(&key),
            }
        }
        self.trim(if request.kind == Kind::Older { Far::Newest } else { Far::Oldest });
        Merged::Done
    }

    /// A page makes a range known, but for what has moved there from where the page does not reach.
    fn know(&mut self, items: &[I], low: Cut<I::Place>, high: Cut<I::Place>) {
        let there: BTreeSet<I::Key> = items.iter().map(I::key).collect();
        self.unsure.retain(|key| self.places.contains_key(key) && !there.contains(key));
        self.known.add(low, high);
        for place in self.unsure.iter().filter_map(|key| self.places.get(key)) {
            self.known.forget(&Cut::before(place.clone()), &Cut::after(place.clone()));
        }
    }

    /// Which range a page makes known, as far as the window still reaches there.
    fn range_of(
        &self,
        request: &PageRequest<I::Place>,
        items: &[I],
        more: bool,
    ) -> Option<Stretch<I::Place>> {
        let first = items.first().map(|item| Cut::before(item.place()));
        let last = items.last().map(|item| Cut::after(item.place()));
        let asked_low = Cut::lower(&request.from);
        let low = if more && request.newest_first { first? } else { asked_low };
        let high = match Cut::upper(&request.to) {
            _ if more && !request.newest_first => last?,
            Some(high) => high,
            None => {
                let top = last.unwrap_or_else(|| low.clone());
                match &self.span {
                    // Whatever is above the page was told by events, or is not there any more.
                    Some((_, high)) if !I::Place::DENSE => top.max(high.clone()),
                    _ => top,
                }
            }
        };
        let Some((oldest, newest)) = &self.span else { return Some((low, high)) };
        match request.kind {
            // What events told meanwhile and was let go again is not known any more.
            Kind::Newest if self.let_go => {
                Some((low.max(oldest.clone()), high)).filter(|(low, high)| low < high)
            }
            Kind::Newest => Some((low, high)),
            Kind::Older if high < *oldest => None,
            Kind::Newer if low > *newest => None,
            Kind::Older | Kind::Newer => Some((low, high)),
            Kind::Hole => {
                let (low, high) = (low.max(oldest.clone()), high.min(newest.clone()));
                (low < high).then_some((low, high))
            }
        }
    }

    /// Removes what a page should have had, unless events spoke of it while the page was loading.
    fn remove_absent(&mut self, items: &[I], low: &Cut<I::Place>, high: &Cut<I::Place>) {
        let there: BTreeSet<I::Key> = items.iter().map(I::key).collect();
        let from = self.items.partition_point(|item| !low.is_below(&item.place()));
        let to = self.items.partition_point(|item| !high.is_below(&item.place()));
        for at in (from..to).rev() {
            let key = self.items[at].key();
            if !there.contains(&key) && !self.fresh.contains(&key) {
                self.items.remove(at);
                self.places.remove(&key);
                self.tell_removed(at);
            }
        }
    }

    fn take_in(&mut self, items: Vec<I>, waiting: &[Told<I>]) {
        let gone: BTreeSet<I::Key> = waiting
            .iter()
            .filter_map(|told| match told {
                Told::Gone(key) => Some(key.clone()),
                Told::Put(_) | Told::Unsure(_) | Told::Copy(_) => None,
            })
            .collect();
        for item in items {
            if gone.contains(&item.key()) {
                continue;
            }
            match self.get_by_key(&item.key()).cloned() {
                Some(held) => self.join(held, item, false),
                None => self.insert(item),
            }
        }
    }

    /// After a break, what is older than the newest page and not next to it is let go: a reader at the newest item
    /// does not want everything that was missed.
    fn let_go_below(&mut self, low: &Cut<I::Place>) {
        let reached = self.broken_at.as_ref().is_some_and(|broken| low <= broken);
        let Some((oldest, newest)) = &self.span else { return };
        let hole_below = self.known.holes(oldest, newest).iter().any(|(_, end)| end == low);
        if reached || !hole_below {
            return;
        }
        let older = self.items.partition_point(|item| !low.is_below(&item.place()));
        self.let_go_oldest(older, low.clone());
    }

    fn ignore_answer(&mut self) {
        self.asked = None;
        self.fresh.clear();
        self.waiting.clear();
    }

    // ---- the list -------------------------------------------------------------------------------------

    fn put_one(&mut self, item: I, sure: bool) {
        let (key, place) = (item.key(), item.place());
        if let Some(held) = self.get_by_key(&key).cloned() {
            self.touch(key);
            self.join(held, item, true);
        } else if self.admits(&place) {
            self.touch(key);
            if sure {
                self.reach(&place);
            } else {
                self.exists(&place);
            }
            self.insert(item);
        } else {
            self.wait(if sure { Told::Put(item) } else { Told::Unsure(item) });
        }
    }

    fn admits(&self, place: &I::Place) -> bool {
        let Some((low, high)) = &self.span else { return true };
        low.is_below(place) && (self.follows || !high.is_below(place))
    }

    /// The window reaches to a new item that an event told of.
    fn reach(&mut self, place: &I::Place) {
        let (low, high) = (Cut::before(place.clone()), Cut::after(place.clone()));
        match &mut self.span {
            None => {
                self.span = Some((low.clone(), high.clone()));
                self.unbroken = true;
                self.known.add(low, high);
            }
            Some((_, newest)) if newest.is_below(place) => {
                let everything_told = !I::Place::DENSE && self.unbroken;
                let from = if everything_told { newest.clone() } else { low };
                *newest = high.clone();
                self.unbroken = true;
                self.known.add(from, high);
            }
            Some(_) => self.known.add(low, high),
        }
    }

    /// Where it moves by an event that says so, everything that is newer will be told.
    fn join(&mut self, held: I, other: I, news: bool) {
        let mut item = held.clone();
        item.join(other);
        if item == held {
            return;
        }
        let from = self.index(&held.place(), &held.key());
        if item.place() == held.place() {
            self.items[from] = item.clone();
            let at = self.shown(from, self.items.len());
            self.changes.push(Change::Update { at, item });
            return;
        }
        self.items.remove(from);
        self.places.remove(&item.key());
        if !self.admits(&item.place()) {
            self.tell_removed(from);
            self.wait(Told::Put(item));
            return;
        }
        if news && self.known.holds(&held.place()) {
            self.reach(&item.place());
        } else {
            // After a break it has moved, and may still be out of date.
            let above = self.span.as_ref().is_some_and(|(_, high)| high.is_below(&item.place()));
            self.exists(&item.place());
            self.unbroken |= news && above;
            self.unsure.insert(item.key());
        }
        let to = self.slot(&item);
        self.places.insert(item.key(), item.place());
        self.items.insert(to, item.clone());
        let len = self.items.len();
        self.changes.push(Change::Move { from: self.shown(from, len), to: self.shown(to, len), item });
    }

    fn insert(&mut self, item: I) {
        let at = self.slot(&item);
        self.places.insert(item.key(), item.place());
        self.items.insert(at, item.clone());
        let at = self.shown(at, self.items.len());
        self.changes.push(Change::Insert { at, item });
    }

    fn trim(&mut self, far: Far) {
        let over = self.items.len().saturating_sub(self.bounds.held_items);
        if over == 0 {
            return;
        }
        match far {
            Far::Oldest => {
                let low = Cut::after(self.items[over - 1].place());
                self.let_go_oldest(over, low);
            }
            Far::Newest => {
                let kept = self.items.len() - over;
                let high = Cut::before(self.items[kept].place());
                for at in (kept..self.items.len()).rev() {
                    let item = self.items.remove(at);
                    self.places.remove(&item.key());
                    self.tell_removed(at);
                }
                (self.follows, self.live) = (false, false);
                if let Some((low, newest)) = &mut self.span {
                    *newest = high;
                    self.known.clip(low, newest);
                }
            }
        }
    }

    fn let_go_oldest(&mut self, count: usize, low: Cut<I::Place>) {
        for item in self.items.drain(..count).collect::<Vec<_>>() {
            self.places.remove(&item.key());
        }
        let len = self.items.len();
        for left in (len..len + count).rev() {
            let at = if self.bounds.newest_first { left } else { 0 };
            self.changes.push(Change::Remove { at });
        }
        if let Some((oldest, high)) = &mut self.span {
            *oldest = low;
            self.known.clip(oldest, high);
            self.let_go = true;
        }
    }

    fn touch(&mut self, key: I::Key) {
        if self.asked.is_some() {
            self.fresh.insert(key);
            self.bound_waiting();
        }
    }

    fn wait(&mut self, told: Told<I>) {
        if self.asked.is_some() {
            self.waiting.push(told);
            self.bound_waiting();
        }
    }

    fn bound_waiting(&mut self) {
        if self.waiting.len() + self.fresh.len() > self.bounds.waiting_items {
            self.doubt();
        }
    }

    /// An index among `len` items, as it is shown.
    const fn shown(&self, at: usize, len: usize) -> usize {
        if self.bounds.newest_first { len - 1 - at } else { at }
    }

    /// An item was removed from here.
    fn tell_removed(&mut self, at: usize) {
        let at = self.shown(at, self.items.len() + 1);
        self.changes.push(Change::Remove { at });
    }

    fn slot(&self, item: &I) -> usize {
        let (place, key) = (item.place(), item.key());
        self.items.partition_point(|other| (other.place(), other.key()) < (place.clone(), key.clone()))
    }

    fn index(&self, place: &I::Place, key: &I::Key) -> usize {
        self.items.partition_point(|other| (&other.place(), &other.key()) < (place, key))
    }

    // ---- what is known --------------------------------------------------------------------------------

    /// The next change to show, in the order of [`iter`](Self::iter).
    pub fn poll_change(&mut self) -> Option<Change<I>> {
        self.changes.pop()
    }

    /// The items as they are shown.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &I> + ExactSizeIterator {
        (0..self.items.len()).map(|at| &self.items[self.shown(at, self.items.len())])
    }

    /// The items, the oldest first whichever way they are shown.
    #[must_use]
    pub fn oldest_first(&self) -> &[I] {
        &self.items
    }

    /// Whether a page was asked for and is not there yet.
    #[must_use]
    pub const fn is_loading(&self) -> bool {
        self.asked.is_some()
    }

    /// The page that was asked for and is not there yet.
    #[must_use]
    pub fn loading(&self) -> Option<&PageRequest<I::Place>> {
        self.asked.as_ref().map(|asked| &asked.request)
    }

    /// How much it holds, and which way it is shown.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// How many items the view holds.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether the view holds nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The item of this key, if the view holds it.
    #[must_use]
    pub fn get_by_key(&self, key: &I::Key) -> Option<&I> {
        let place = self.places.get(key)?;
        self.items.get(self.index(place, key))
    }

    /// Whether nothing is missing between the oldest item and the newest that the view was told of, and new ones come
    /// by themselves.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.follows && self.live && self.holes().next().is_none()
    }

    /// Whether the view shows the newest item, and goes on to.
    #[must_use]
    pub const fn follows(&self) -> bool {
        self.follows
    }

    /// Whether there may be items before the oldest.
    #[must_use]
    pub fn has_older(&self) -> bool {
        self.span.as_ref().is_none_or(|(low, _)| *low != Cut::Start)
    }

    /// The ranges inside of the window that are not known, oldest first: something may be missing there, or be out of
    /// date.
    pub fn holes(&self) -> impl Iterator<Item = Range<I::Place>> {
        let holes = self.span.as_ref().map(|(low, high)| self.known.holes(low, high));
        holes.into_iter().flatten().map(|(low, high)| (low.as_lower(), high.as_upper()))
    }
}
