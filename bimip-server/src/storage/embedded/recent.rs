//! What the commit thread remembers of the store, within bounds.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use bimip_proto::{Entry, Message};
use bimip_session::server::weight;
use bytes::Bytes;

/// A map of the values that were used last: between one and two times its bound of them.
///
/// Two generations instead of a list in order of use: what is found in the old one moves to the young one, and
/// when that is full the old one is dropped. A value stays for at least as many others as the bound.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    /// What all young ones weigh.
    young_weight: usize,
    bound: usize,
    weight: fn(&V) -> usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Recent<K, V> {
    /// At most twice `bound` values, and room for one whatever it says.
    pub(super) fn new(bound: usize) -> Self {
        Self::weighing(bound, |_| 0)
    }

    /// Values that count for more than one: each for one and what it weighs.
    pub(super) fn weighing(bound: usize, weight: fn(&V) -> usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), young_weight: 0, bound, weight }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        self.update(key, |value| value.clone())
    }

    /// Changes a value where it is remembered, but not its weight, and takes something from it.
    pub(super) fn update<T>(&mut self, key: &K, change: impl FnOnce(&mut V) -> T) -> Option<T> {
        if let Some(value) = self.young.get_mut(key) {
            return Some(change(value));
        }
        let (key, mut value) = self.old.remove_entry(key)?;
        let taken = change(&mut value);
        self.insert(key, value);
        Some(taken)
    }

    /// Remembers a value in the place of what was remembered.
    pub(super) fn set(&mut self, key: &K, value: V) {
        if let Some(place) = self.young.get_mut(key) {
            let (before, after) = ((self.weight)(place), (self.weight)(&value));
            if after <= before || self.young_weight - before + after <= self.bound {
                self.young_weight = self.young_weight - before + after;
                *place = value;
                return;
            }
            // It grew out of this generation, and begins the next.
            self.young.remove(key);
            self.young_weight -= 1 + before;
        } else {
            self.old.remove(key);
        }
        self.insert(key.clone(), value);
    }

    /// Forgets one.
    pub(super) fn remove(&mut self, key: &K) {
        if let Some(value) = self.young.remove(key) {
            self.young_weight -= 1 + (self.weight)(&value);
        }
        self.old.remove(key);
    }

    pub(super) fn forget(&mut self) {
        self.young.clear();
        self.old.clear();
        self.young_weight = 0;
    }

    fn insert(&mut self, key: K, value: V) {
        let weight = 1 + (self.weight)(&value);
        if !self.young.is_empty() && self.young_weight + weight > self.bound {
            self.old = std::mem::take(&mut self.young);
            self.young_weight = 0;
        }
        self.young_weight += weight;
        self.young.insert(key, value);
    }
}

/// The end of the log: receipts and resends are about messages that were sent a moment ago.
#[derive(Debug)]
pub(super) struct Tail {
    entries: VecDeque<(u64, Arc<Entry>)>,
    bytes: u64,
    max_entries: usize,
    max_bytes: u64,
}

impl Tail {
    pub(super) const fn new(max_entries: usize, max_bytes: u64) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, max_entries, max_bytes }
    }

    pub(super) fn forget(&mut self) {
        self.entries.clear();
        self.bytes = 0;
    }

    pub(super) fn get(&self, sequence: u64) -> Option<Arc<Entry>> {
        let at = self.entries.binary_search_by_key(&sequence, |(sequence, _)| *sequence).ok()?;
        self.entries.get(at).map(|(_, entry)| Arc::clone(entry))
    }

    /// Appends a record; sequences rise.
    pub(super) fn push(&mut self, sequence: u64, entry: &Arc<Entry>) {
        debug_assert!(self.entries.back().is_none_or(|(last, _)| *last < sequence), "the log only grows");
        self.bytes += weight(entry);
        self.entries.push_back((sequence, unpinned(entry)));
        while self.entries.len() > self.max_entries || self.bytes > self.max_bytes {
            let Some((_, dropped)) = self.entries.pop_front() else { break };
            self.bytes -= weight(&dropped);
        }
    }
}

/// A body shares the buffer it came in, which may be much larger: a copy keeps the bound honest.
fn unpinned(entry: &Arc<Entry>) -> Arc<Entry> {
    let Entry::Message(Message { head, body }) = &**entry else { return Arc::clone(entry) };
    let mut body = body.clone();
    body.bytes = Bytes::copy_from_slice(&body.bytes);
    Arc::new(Entry::Message(Message { head: head.clone(), body }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bimip_proto::{Device, DeviceName, Receipt, Status, UnixMs, UserId};

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut recent = Recent::new(4);
        for number in 0..100 {
            recent.set(&number, number);
            assert_eq!(recent.get(&0), Some(0), "used all the time");
            assert!(recent.young.len() + recent.old.len() <= 8);
        }
        assert_eq!(recent.get(&1), None, "used once");
    }

    #[test]
    fn a_value_outlives_as_many_others_as_the_bound() {
        let mut recent = Recent::new(4);
        recent.set(&0, 0);
        for number in 1..=4 {
            recent.set(&number, 0);
        }
        assert!(recent.get(&0).is_some());
    }

    #[test]
    fn a_value_that_was_replaced_is_gone() {
        let mut recent = Recent::new(2);
        for number in 0..20 {
            recent.set(&0, number);
            recent.set(&number, number);
            assert_eq!(recent.get(&0), Some(if number == 0 { 0 } else { number }));
        }
    }

    #[test]
    fn a_value_that_grows_where_it_is_weighs_more() {
        let mut recent = Recent::weighing(16, Vec::len);
        for number in 0..8 {
            recent.set(&number, Vec::new());
        }
        for size in 1..=8 {
            for number in 0..8 {
                if recent.get(&number).is_some() {
                    recent.set(&number, vec![0; size]);
                }
                let weights = recent.young.values().chain(recent.old.values()).map(|value| 1 + value.len());
                assert!(weights.sum::<usize>() <= 32, "{recent:?}");
            }
        }
    }

    #[test]
    fn the_tail_has_both_bounds() {
        let by = Device::new(UserId::new("u").unwrap(), DeviceName::new("d").unwrap());
        let names = || bimip_proto::Names { id: bimip_proto::MessageId::NONE, alias: None, client_ref: None };
        let receipt = |count: usize| {
            let messages = std::iter::repeat_with(names).take(count).collect();
            Arc::new(Entry::Receipt(Receipt {
                by: by.clone(),
                status: Status::Read,
                at: UnixMs(1),
                messages,
            }))
        };
        let mut tail = Tail::new(3, 640);
        for sequence in [2, 3, 5, 8] {
            tail.push(sequence, &receipt(1));
        }
        assert!(tail.get(2).is_none() && tail.get(4).is_none());
        assert!(tail.get(3).is_some() && tail.get(5).is_some() && tail.get(8).is_some());
        tail.push(9, &receipt(9));
        assert!(tail.get(5).is_none() && tail.get(8).is_some() && tail.get(9).is_some());
        tail.push(10, &receipt(50));
        assert!(tail.entries.is_empty() && tail.bytes == 0, "larger than the tail may be");
    }
}
