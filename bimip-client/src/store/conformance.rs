//! The contract of a [`Store`] as a test suite, for stores of others too.
//!
//! ```
//! use bimip_client::MemoryStore;
//! use bimip_client::store::conformance::{self, Subject};
//!
//! conformance::suite(&Subject::new(MemoryStore::new));
//! ```
//!
//! Every case is also a function of its own ([`CASES`]), so that a test can have its name, and panics where the store
//! breaks its word. The numbers in their words are those of the contract.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Change, KEY_BYTES, Scan, Store, VALUE_BYTES};

/// How to make the store under test.
pub struct Subject<'a, S> {
    open: Box<dyn Fn() -> S + 'a>,
    reopen: Option<Box<dyn Fn(S) -> S + 'a>>,
}

impl<'a, S: Store> Subject<'a, S> {
    /// A store that keeps nothing when it is closed. `open` gives an empty one every time.
    pub fn new(open: impl Fn() -> S + 'a) -> Self {
        Self { open: Box::new(open), reopen: None }
    }

    /// A store that does. `reopen` gets the one that was opened last, ends it in whatever way the test is about, and
    /// opens it again.
    #[must_use]
    pub fn reopening(mut self, reopen: impl Fn(S) -> S + 'a) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    fn open(&self) -> S {
        (self.open)()
    }

    /// The same store, closed and opened where it can be.
    fn again(&self, store: S) -> S {
        match &self.reopen {
            Some(reopen) => reopen(store),
            None => store,
        }
    }
}

impl<S> fmt::Debug for Subject<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").field("reopens", &self.reopen.is_some()).finish_non_exhaustive()
    }
}

/// Runs every case.
///
/// # Panics
/// Where the store breaks its contract, in the words of the case.
pub fn suite<S: Store>(subject: &Subject<'_, S>) {
    for name in CASES {
        case(name, subject);
    }
}

macro_rules! cases {
    ($($name:ident),+ $(,)?) => {
        /// The names of all cases.
        pub const CASES: &[&str] = &[$(stringify!($name)),+];

        /// Runs one case, by its name.
        ///
        /// # Panics
        /// Where the store breaks its contract, and when there is no such case.
        pub fn case<S: Store>(name: &str, subject: &Subject<'_, S>) {
            match name {
                $(stringify!($name) => $name(subject),)+
                _ => panic!("there is no case {name}"),
            }
        }
    };
}

cases![
    an_empty_store_is_empty,
    what_is_committed_is_there_after_reopening,
    the_last_change_of_a_key_counts,
    deleting_is_idempotent,
    keys_sort_as_bytes,
    scans_are_bounded_and_whole,
    any_bytes_come_back,
    the_largest_values_and_keys_fit,
    readers_see_whole_commits,
    it_agrees_with_a_map,
];

fn put(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Change {
    Change { key: key.into(), value: Some(value.into()) }
}

fn delete(key: impl Into<Vec<u8>>) -> Change {
    Change { key: key.into(), value: None }
}

fn commit(store: &impl Store, changes: &[Change]) {
    store.commit(changes).expect("clause 1: a commit of a healthy store");
}

fn get(store: &impl Store, key: &[u8]) -> Option<Vec<u8>> {
    store.get(key).expect("clause 4: reading a healthy store")
}

fn scan(store: &impl Store, from: &[u8], until: &[u8], backwards: bool, limit: usize) -> Vec<Vec<u8>> {
    let scan = Scan { from: from.to_vec(), until: until.to_vec(), backwards, limit };
    let entries = store.scan(&scan).expect("clause 4: scanning a healthy store");
    for (key, value) in &entries {
        assert_eq!(get(store, key).as_ref(), Some(value), "clause 4: a scan and a look agree");
    }
    entries.into_iter().map(|(key, _)| key).collect()
}

fn everything(store: &impl Store) -> Vec<(Vec<u8>, Vec<u8>)> {
    let all = Scan { from: vec![0], until: vec![u8::MAX], backwards: false, limit: usize::MAX };
    store.scan(&all).expect("clause 4: scanning a healthy store")
}

fn an_empty_store_is_empty<S: Store>(subject: &Subject<'_, S>) {
    let store = subject.open();
    assert_eq!(get(&store, b"a"), None);
    assert_eq!(everything(&store), []);
    commit(&store, &[]);
    assert_eq!(everything(&subject.again(store)), [], "clause 9");
}

fn what_is_committed_is_there_after_reopening<S: Store>(subject: &Subject<'_, S>) {
    let mut store = subject.open();
    for round in 0..4_u8 {
        commit(
            &store,
            &[put([b'a', round], [round]), put([b'b', round], []), delete([b'a', round.wrapping_sub(2)])],
        );
        store = subject.again(store);
        assert_eq!(get(&store, &[b'a', round]), Some(vec![round]), "clause 1");
        assert_eq!(get(&store, &[b'b', round]), Some(vec![]), "clause 4: an empty value is a value");
    }
    assert_eq!(scan(&store, b"a", b"b", false, 9), [[b'a', 2], [b'a', 3]]);
    assert_eq!(scan(&store, b"b", b"c", false, 9).len(), 4);
}

fn the_last_change_of_a_key_counts<S: Store>(subject: &Subject<'_, S>) {
    let store = subject.open();
    commit(&store, &[put("a", "1"), put("a", "2"), put("b", "1"), delete("b"), delete("c"), put("c", "3")]);
    let store = subject.again(store);
    let found = [get(&store, b"a"), get(&store, b"b"), get(&store, b"c")];
    assert_eq!(found, [Some(b"2".to_vec()), None, Some(b"3".to_vec())], "clause 3");
}

fn deleting_is_idempotent<S: Store>(subject: &Subject<'_, S>) {
    let store = subject.open();
    commit(&store, &[delete("a")]);
    commit(&store, &[put("a", "1"), put("a", "1")]);
    commit(&store, &[put("a", "1")]);
    commit(&store, &[delete("a"), delete("a")]);
    assert_eq!(get(&store, b"a"), None, "clause 7");
}

fn keys_sort_as_bytes<S: Store>(subject: &Subject<'_, S>) {
    let store = subject.open();
    let sorted: [&[u8]; 8] = [b"a", b"a\0", b"a\0\0", b"a\x01", b"aa", b"b", b"\x7f", b"\x80"];
    let changes: Vec<Change> = sorted.iter().rev().map(|key| put(*key, "")).collect();
    commit(&store, &changes);
    let store = subject.again(store);
    assert_eq!(scan(&store, b"\0", b"\xff", false, 99), sorted, "clause 5");
    let reversed: Vec<&[u8]> = sorted.into_iter().rev().collect();
    assert_eq!(scan(&store, b"\0", b"\xff", true, 99), reversed, "clause 5, backwards");
    assert_eq!(scan(&store, b"a\0", b"aa", false, 99), &sorted[1..4], "the first is in, the end is not");
    assert_eq!(scan(&store, b"a\0", b"aa", true, 2), [sorted[3], sorted[2]]);
}

fn scans_are_bounded_and_whole<S: Store>(subject: &Subject<'_, S>) {
    let store = subject.open();
    let keys: Vec<[u8; 2]> = (0..700_u16).map(u16::to_be_bytes).collect();
    commit(&store, &keys.iter().map(|key| put(*key, "x")).collect::<Vec<_>>());
    for limit in [0, 1, 2, 255, 256, 699, 700, 701, usize::MAX] {
        let found = scan(&store, &[0, 0], &[9, 9], false, limit);
        assert_eq!(found, &keys[..limit.min(700)], "clause 6, limit {limit}");
        let found = scan(&store, &[0, 0], &[9, 9], true, limit);
        assert!(found.iter().eq(keys.iter().rev().take(limit)), "clause 6, backwards, limit {limit}");
    }
    for (from, until) in [(5, 5), (5, 4)] {
        assert!(scan(&store, &[0, from], &[0, until], false, 9).is_empty(), "an empty range is no error");
    }
}

fn any_bytes_come_back<S: Store>(subject: &Subject<'_, S>) {
    let store = subject.open();
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    let keys: Vec<Vec<u8>> = bytes.iter().map(|byte| vec![*byte]).chain([bytes.clone()]).collect();
    commit(&store, &keys.iter().map(|key| put(key.clone(), key.clone())).collect::<Vec<_>>());
    let store = subject.again(store);
    for key in &keys {
        assert_eq!(get(&store, key).as_ref(), Some(key), "clause 4");
    }
}

fn the_largest_values_and_keys_fit<S: Store>(subject: &Subject<'_, S>) {
    let store = subject.open();
    let (key, value) = (vec![b'k'; KEY_BYTES], vec![7; VALUE_BYTES]);
    commit(&store, &[put(key.clone(), value.clone()), put("small", "1"), put([b'l'; KEY_BYTES], [])]);
    let store = subject.again(store);
    assert!(get(&store, &key) == Some(value), "clause 4: {VALUE_BYTES} bytes under a key of {KEY_BYTES}");
    commit(&store, &[put(key.clone(), "now it is small")]);
    assert_eq!(get(&store, &key), Some(b"now it is small".to_vec()));
}

fn readers_see_whole_commits<S: Store>(subject: &Subject<'_, S>) {
    const COMMITS: u32 = 60;
    let store = subject.open();
    let over = AtomicBool::new(false);
    let changes =
        |number: u32| -> Vec<Change> { (0..20_u8).map(|key| put([key], number.to_be_bytes())).collect() };
    commit(&store, &changes(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut last = Vec::new();
                while !over.load(Ordering::Acquire) {
                    let mut values: Vec<Vec<u8>> =
                        everything(&store).into_iter().map(|(_, value)| value).collect();
                    assert_eq!(values.len(), 20);
                    values.dedup();
                    assert_eq!(values.len(), 1, "clause 2: a part of a commit was seen");
                    assert!(values[0] >= last, "clause 4: an older commit was seen after a newer one");
                    last.clone_from(&values[0]);
                }
            });
        }
        for number in 1..=COMMITS {
            commit(&store, &changes(number));
            assert_eq!(get(&store, &[7]), Some(number.to_be_bytes().to_vec()), "clause 4");
        }
        over.store(true, Ordering::Release);
    });
}

fn it_agrees_with_a_map<S: Store>(subject: &Subject<'_, S>) {
    let mut store = subject.open();
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut draws = Draws(0x9e37_79b9_7f4a_7c15);
    for round in 0..120 {
        let changes: Vec<Change> = (0..draws.below(12))
            .map(|_| {
                let length = 1 + draws.below(3);
                let key: Vec<u8> = (0..length).map(|_| b"ab\0\xfe"[draws.below(4)]).collect();
                if draws.below(3) == 0 {
                    delete(key)
                } else {
                    let size = draws.below(300);
                    put(key, vec![u8::try_from(round).unwrap_or_default(); size])
                }
            })
            .collect();
        commit(&store, &changes);
        for Change { key, value } in changes {
            match value {
                Some(value) => model.insert(key, value),
                None => model.remove(&key),
            };
        }
        if draws.below(10) == 0 {
            store = subject.again(store);
        }
        let expected: Vec<_> = model.clone().into_iter().collect();
        let all = Scan { from: vec![0], until: vec![u8::MAX; 4], backwards: false, limit: usize::MAX };
        assert_eq!(store.scan(&all).expect("clause 4: scanning a healthy store"), expected, "round {round}");
    }
}

/// xorshift64: the same draws in every run.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % end
    }
}
