//! Which stretches of an order are known, and which are not.

use core::fmt::Debug;
use core::ops::Bound;

use bimip_proto::{MessageId, Seq};

/// Where an item stands among the others: the greatest is the newest.
///
/// A *dense* order has no places between two neighbours, so a place that is missing is known to be missing. In a
/// *sparse* one (the default) only a page can say that there is nothing between two items.
pub trait Place: Ord + Clone + Debug {
    /// Whether every place has exactly one neighbour on either side.
    const DENSE: bool = false;

    /// The neighbour above, in a dense order.
    #[must_use]
    fn next(&self) -> Option<Self> {
        None
    }

    /// The neighbour below, in a dense order; `None` for the first place.
    #[must_use]
    fn prev(&self) -> Option<Self> {
        None
    }
}

/// 1, 2, 3: a missing message is known to be missing.
impl Place for Seq {
    const DENSE: bool = true;

    fn next(&self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }

    fn prev(&self) -> Option<Self> {
        self.0.checked_sub(1).filter(|seq| *seq > 0).map(Self)
    }
}

/// Rising with time, with gaps: the order of whatever is sorted by its newest message.
impl Place for MessageId {}

/// A point between places. In a dense order it is always written `Before`, so that equal points are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut<P> {
    /// Before everything.
    Start,
    /// Next to a place, on this side of it.
    At(P, Side),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Before,
    After,
}

impl<P: Place> Cut<P> {
    pub(super) fn before(place: P) -> Self {
        if P::DENSE && place.prev().is_none() { Self::Start } else { Self::At(place, Side::Before) }
    }

    pub(super) fn after(place: P) -> Self {
        match place.next() {
            Some(next) => Self::At(next, Side::Before),
            None => Self::At(place, Side::After),
        }
    }

    /// Where a range of places begins.
    pub(super) fn lower(bound: &Bound<P>) -> Self {
        match bound {
            Bound::Unbounded => Self::Start,
            Bound::Included(place) => Self::before(place.clone()),
            Bound::Excluded(place) => Self::after(place.clone()),
        }
    }

    /// Where a range of places ends, if it does.
    pub(super) fn upper(bound: &Bound<P>) -> Option<Self> {
        match bound {
            Bound::Unbounded => None,
            Bound::Included(place) => Some(Self::after(place.clone())),
            Bound::Excluded(place) => Some(Self::before(place.clone())),
        }
    }

    /// This cut as the lower end of a range of places.
    pub(super) fn as_lower(&self) -> Bound<P> {
        match self {
            Self::Start => Bound::Unbounded,
            Self::At(place, Side::Before) => Bound::Included(place.clone()),
            Self::At(place, Side::After) => Bound::Excluded(place.clone()),
        }
    }

    /// This cut as the upper end of a range of places. Nothing ends at the start.
    pub(super) fn as_upper(&self) -> Bound<P> {
        match self {
            Self::Start => Bound::Unbounded,
            Self::At(place, Side::Before) => Bound::Excluded(place.clone()),
            Self::At(place, Side::After) => Bound::Included(place.clone()),
        }
    }

    pub(super) fn is_below(&self, place: &P) -> bool {
        match self {
            Self::Start => true,
            Self::At(at, Side::Before) => at <= place,
            Self::At(at, Side::After) => at < place,
        }
    }
}

/// Everything between two cuts.
pub(super) type Stretch<P> = (Cut<P>, Cut<P>);

/// The stretches that are known: sorted, and never touching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cover<P> {
    stretches: Vec<Stretch<P>>,
}

impl<P: Place> Cover<P> {
    pub(super) const fn new() -> Self {
        Self { stretches: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.stretches.clear();
    }

    pub(super) fn holds(&self, place: &P) -> bool {
        self.stretches.iter().any(|(low, high)| low.is_below(place) && !high.is_below(place))
    }

    /// Adds a stretch. One without any place in it says that nothing is there, which is knowledge at the start only.
    pub(super) fn add(&mut self, low: Cut<P>, high: Cut<P>) {
        if low > high || (low == high && low != Cut::Start) {
            return;
        }
        let first = self.stretches.partition_point(|(_, end)| *end < low);
        let last = self.stretches.partition_point(|(start, _)| *start <= high);
        let joined = &self.stretches[first..last];
        let low = joined.first().map_or_else(|| low.clone(), |(start, _)| start.clone().min(low.clone()));
        let high = joined.last().map_or_else(|| high.clone(), |(_, end)| end.clone().max(high.clone()));
        self.stretches.splice(first..last, [(low, high)]);
    }

    /// Forgets what is outside of a stretch.
    pub(super) fn clip(&mut self, low: &Cut<P>, high: &Cut<P>) {
        self.stretches.retain_mut(|(start, end)| {
            *start = start.clone().max(low.clone());
            *end = end.clone().min(high.clone());
            start < end || (start == end && *start == Cut::Start)
        });
    }

    /// A stretch is not known any more.
    pub(super) fn forget(&mut self, low: &Cut<P>, high: &Cut<P>) {
        let mut kept = Vec::with_capacity(self.stretches.len() + 1);
        for (start, end) in std::mem::take(&mut self.stretches) {
            if end <= *low || start >= *high {
                kept.push((start, end));
                continue;
            }
            if start < *low {
                kept.push((start, low.clone()));
            }
            if end > *high {
                kept.push((high.clone(), end));
            }
        }
        self.stretches = kept;
    }

    /// What is unknown between two cuts, oldest first.
    pub(super) fn holes(&self, low: &Cut<P>, high: &Cut<P>) -> Vec<Stretch<P>> {
        let mut holes = Vec::new();
        let mut from = low.clone();
        for (start, end) in &self.stretches {
            if *start > from {
                holes.push((from.clone(), start.clone().min(high.clone())));
            }
            from = from.max(end.clone());
        }
        if from < *high {
            holes.push((from, high.clone()));
        }
        holes.retain(|(start, end)| start < end);
        holes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn cuts(low: u64, high: u64) -> Stretch<Seq> {
        (Cut::before(Seq(low)), Cut::after(Seq(high)))
    }

    proptest! {
        /// Against a plain set of places.
        #[test]
        fn it_is_a_set_of_places(steps in proptest::collection::vec((1..30_u64, 0..8_u64, any::<bool>()), 1..20)) {
            let mut cover = Cover::new();
            let mut plain: BTreeSet<u64> = BTreeSet::new();
            for (low, more, add) in steps {
                let (start, end) = cuts(low, low + more);
                if add {
                    cover.add(start, end);
                    plain.extend(low..=low + more);
                } else {
                    cover.clip(&start, &end);
                    plain.retain(|place| (low..=low + more).contains(place));
                }
                for place in 1..40 {
                    prop_assert_eq!(cover.holds(&Seq(place)), plain.contains(&place));
                }
                prop_assert!(cover.stretches.windows(2).all(|pair| pair[0].1 < pair[1].0), "{:?}", cover);
                let (start, end) = cuts(3, 35);
                let missing: BTreeSet<u64> = (1..40).filter(|place| {
                    cover.holes(&start, &end).iter().any(|(a, b)| a.is_below(&Seq(*place)) && !b.is_below(&Seq(*place)))
                }).collect();
                prop_assert_eq!(missing, (3..=35).filter(|place| !plain.contains(place)).collect());
            }
        }
    }

    #[test]
    fn neighbours_of_a_dense_order_touch_and_those_of_a_sparse_one_do_not() {
        let mut dense = Cover::new();
        let mut sparse = Cover::new();
        for n in [1, 2] {
            dense.add(Cut::before(Seq(n)), Cut::after(Seq(n)));
            let id = MessageId::new(7, n);
            sparse.add(Cut::before(id), Cut::after(id));
        }
        assert_eq!(dense.stretches, [(Cut::Start, Cut::At(Seq(3), Side::Before))]);
        assert_eq!(sparse.stretches.len(), 2);
    }
}
