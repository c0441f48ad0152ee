//! How many messages of a conversation a user has not read: one formula, for servers and clients.

use std::collections::BTreeMap;

use crate::Seq;

/// Stretches of messages that do not count, in one [`Unread`]: room for so many deleted messages apart from each other
/// among those that are not read yet. Beyond it [`Unread::is_exact`] says that it has to be counted anew.
const SKIPPED_STRETCHES: usize = 1_024;

/// The unread count of one user in one conversation.
///
/// It is the number of messages that were sent to the user, are not deleted, and come after the user's *mark*: the
/// highest place that the user has read or written, on any device (`DM-UNREAD-1` in docs/protocol). Since what the user
/// wrote raises the mark, everything after it is by others, and the count is arithmetic:
///
/// ```text
/// unread = head - mark - skipped        head: the last message of the conversation
///                                       skipped: deleted, or not sent to the user, after the mark
/// ```
///
/// Each part only grows, so it does not matter in which order a counter hears of things, nor how often, and two counters
/// of one conversation can be [joined](Self::join). Messages in between need not be heard of at all.
///
/// ```
/// use bimip_proto::{Seq, Unread};
///
/// let mut unread = Unread::default();
/// unread.arrived(Seq(7)); // the last of seven
/// unread.marked(Seq(4)); // read on another device
/// unread.deleted(Seq(6));
/// assert_eq!(unread.count(), 2); // 5 and 7
/// unread.marked(Seq(7));
/// assert_eq!(unread.count(), 0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unread {
    head: Seq,
    mark: Seq,
    /// First to last of each stretch after the mark that does not count; apart from each other.
    skipped: BTreeMap<u64, u64>,
    /// The highest place below which stretches were forgotten for want of room.
    forgotten: Seq,
}

impl Unread {
    /// As a server counted it: the last message, the mark, and which of those between do not count.
    #[must_use]
    pub fn new(head: Seq, mark: Seq, skipped: impl IntoIterator<Item = Seq>) -> Self {
        let mut unread = Self { head, mark, ..Self::default() };
        for seq in skipped {
            unread.deleted(seq);
        }
        unread
    }

    /// From what a summary says: nothing is known but the last message and how many are unread. What is deleted later
    /// is counted right as long as it is unread and was not deleted before.
    #[must_use]
    pub fn of_count(head: Seq, count: u64) -> Self {
        Self::new(head, Seq(head.0.saturating_sub(count)), [])
    }

    /// There is a message here: somebody wrote it, or it was found in the history.
    pub fn arrived(&mut self, seq: Seq) {
        self.head = self.head.max(seq);
    }

    /// The user has read up to here, on any device.
    pub fn marked(&mut self, seq: Seq) {
        if seq <= self.mark {
            return;
        }
        self.mark = seq;
        let after = self.skipped.split_off(&(seq.0.saturating_add(1)));
        if let Some((_, last)) = self.skipped.pop_last().filter(|(_, last)| *last > seq.0) {
            self.skipped.insert(seq.0.saturating_add(1), last);
            self.skipped.retain(|first, _| *first > seq.0);
        } else {
            self.skipped.clear();
        }
        self.skipped.extend(after);
    }

    /// The user wrote this message, on any device: whoever writes has seen what came before.
    pub fn wrote(&mut self, seq: Seq) {
        self.arrived(seq);
        self.marked(seq);
    }

    /// The message here is deleted.
    pub fn deleted(&mut self, seq: Seq) {
        self.skip(seq, seq);
    }

    /// The user came into the group, and this is the first message that was sent to them since.
    pub fn joined(&mut self, first: Seq) {
        self.marked(Seq(first.0.saturating_sub(1)));
    }

    /// These messages, both ends among them, were not sent to the user.
    pub fn skip(&mut self, first: Seq, last: Seq) {
        let (mut first, mut last) = (first.0.max(self.mark.0.saturating_add(1)), last.0);
        if first > last {
            return;
        }
        // What overlaps or touches becomes one.
        while let Some((start, end)) = self.skipped.range(..=last.saturating_add(1)).next_back() {
            let (start, end) = (*start, *end);
            if end.saturating_add(1) < first {
                break;
            }
            self.skipped.remove(&start);
            (first, last) = (first.min(start), last.max(end));
        }
        self.skipped.insert(first, last);
        while self.skipped.len() > SKIPPED_STRETCHES {
            let lowest = self.skipped.pop_first();
            self.forgotten = Seq(lowest.map_or(0, |(_, end)| end)).max(self.forgotten);
        }
    }

    /// Takes over what another counter of the same user and conversation has heard.
    pub fn join(&mut self, other: &Self) {
        self.arrived(other.head);
        self.marked(other.mark);
        for (first, last) in &other.skipped {
            self.skip(Seq(*first), Seq(*last));
        }
        self.forgotten = self.forgotten.max(other.forgotten);
    }

    /// How many messages the user has not read.
    #[must_use]
    pub fn count(&self) -> u64 {
        let skipped = self.skipped.iter().map(|(first, last)| {
            // Something may be known to be deleted before it is known to be there.
            self.head.0.min(*last).saturating_add(1).saturating_sub(*first)
        });
        self.head.0.saturating_sub(self.mark.0) - skipped.sum::<u64>()
    }

    /// The last message of the conversation that was heard of.
    #[must_use]
    pub const fn head(&self) -> Seq {
        self.head
    }

    /// How far the user has read or written.
    #[must_use]
    pub const fn mark(&self) -> Seq {
        self.mark
    }

    /// Whether [`count`](Self::count) is the number. When more unread messages were deleted one by one than there is
    /// room to remember, it may be too high until the user has read them, or it is counted anew.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.forgotten <= self.mark
    }
}

/// The same number from scratch: of the messages after the user's mark, in any order, how many count.
///
/// `messages` says for each whether the user wrote it, and whether it is deleted. Messages that were not sent to the user
/// are left out.
///
/// ```
/// use bimip_proto::{Seq, unread_of};
///
/// let messages = [(Seq(1), false, false), (Seq(2), true, false), (Seq(3), false, false), (Seq(4), false, true)];
/// assert_eq!(unread_of(Seq(0), messages), 1); // the user wrote 2, and 4 is deleted
/// ```
pub fn unread_of(read: Seq, messages: impl IntoIterator<Item = (Seq, bool, bool)> + Clone) -> u64 {
    let wrote = messages.clone().into_iter().filter(|(_, own, _)| *own).map(|(seq, ..)| seq).max();
    let mark = wrote.unwrap_or_default().max(read);
    let counted = messages.into_iter().filter(|(seq, own, deleted)| *seq > mark && !own && !deleted);
    counted.fold(0, |count, _| count + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What may happen in a conversation, by numbers.
    #[derive(Debug, Clone)]
    enum Step {
        Arrives(u64, bool),
        Read(u64),
        Deleted(u64),
        Joined(u64),
        Absent(u64, u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..40_u64, any::<bool>()).prop_map(|(seq, own)| Step::Arrives(seq, own)),
            2 => (1..40_u64).prop_map(Step::Read),
            3 => (1..40_u64).prop_map(Step::Deleted),
            1 => (1..40_u64).prop_map(Step::Joined),
            1 => (1..40_u64, 0..6_u64).prop_map(|(first, more)| Step::Absent(first, first + more)),
        ]
    }

    fn take(unread: &mut Unread, step: &Step) {
        match *step {
            Step::Arrives(seq, true) => unread.wrote(Seq(seq)),
            Step::Arrives(seq, false) => unread.arrived(Seq(seq)),
            Step::Read(seq) => unread.marked(Seq(seq)),
            Step::Deleted(seq) => unread.deleted(Seq(seq)),
            Step::Joined(seq) => unread.joined(Seq(seq)),
            Step::Absent(first, last) => unread.skip(Seq(first), Seq(last)),
        }
    }

    /// By the words of the rules, message by message.
    fn plainly(steps: &[Step]) -> u64 {
        let head = steps.iter().map(|step| if let Step::Arrives(seq, _) = step { *seq } else { 0 }).max();
        let mine = |seq| steps.iter().any(|step| matches!(step, Step::Arrives(at, true) if *at == seq));
        let deleted = |seq| steps.iter().any(|step| matches!(step, Step::Deleted(at) if *at == seq));
        let sent_to_me = |seq: u64| {
            let absent = |step: &Step| matches!(step, Step::Absent(a, b) if (*a..=*b).contains(&seq));
            let before = |step: &Step| matches!(step, Step::Joined(first) if seq < *first);
            !steps.iter().any(|step| absent(step) || before(step))
        };
        let read = steps.iter().map(|step| if let Step::Read(seq) = step { *seq } else { 0 }).max();
        let all = (1..=head.unwrap_or(0)).filter(|seq| mine(*seq) || sent_to_me(*seq));
        let all: Vec<_> = all.map(|seq| (Seq(seq), mine(seq), deleted(seq))).collect();
        unread_of(Seq(read.unwrap_or(0)), all)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        // DM-UNREAD-1, DM-UNREAD-2, DM-UNREAD-3
        #[test]
        fn counting_step_by_step_and_from_scratch_agree(steps in proptest::collection::vec(step(), 0..30)) {
            let mut unread = Unread::default();
            for (done, step) in steps.iter().enumerate() {
                take(&mut unread, step);
                prop_assert_eq!(unread.count(), plainly(&steps[..=done]), "{:?}", unread);
            }
        }

        // DM-UNREAD-4
        #[test]
        fn the_order_in_which_things_are_heard_does_not_matter(
            (steps, shuffled) in proptest::collection::vec(step(), 0..30)
                .prop_flat_map(|steps| (Just(steps.clone()), Just(steps).prop_shuffle())),
            half in 0..30_usize,
        ) {
            let (mut whole, mut again, mut one, mut other) = Default::default();
            steps.iter().for_each(|step| take(&mut whole, step));
            shuffled.iter().chain(&steps).for_each(|step| take(&mut again, step));
            prop_assert_eq!(&again, &whole);
            let (first, second) = shuffled.split_at(half.min(shuffled.len()));
            first.iter().for_each(|step| take(&mut one, step));
            second.iter().for_each(|step| take(&mut other, step));
            one.join(&other);
            prop_assert_eq!(one, whole);
        }
    }

    // DM-UNREAD-1
    #[test]
    fn whoever_writes_has_read() {
        let mut unread = Unread::default();
        unread.arrived(Seq(1));
        unread.arrived(Seq(2));
        assert_eq!(unread.count(), 2);
        unread.wrote(Seq(3));
        assert_eq!(unread.count(), 0);
        unread.arrived(Seq(4));
        assert_eq!((unread.count(), unread.mark(), unread.head()), (1, Seq(3), Seq(4)));
    }

    #[test]
    fn what_is_forgotten_is_said() {
        let mut unread = Unread::default();
        let deleted = 2 * SKIPPED_STRETCHES as u64 + 2;
        for seq in (2..=deleted).step_by(2) {
            unread.deleted(Seq(seq));
        }
        unread.arrived(Seq(deleted));
        assert!(!unread.is_exact());
        assert_eq!(unread.count(), deleted / 2 + 1, "one deleted message too many is counted");
        unread.marked(Seq(2));
        assert!(unread.is_exact());
        assert_eq!(unread.count(), deleted / 2 - 1);
    }
}
