//! Where in a conversation the id of a message is, whether that message is in it or not.

use bimip_proto::{HistoryPlace, MessageId, Seq};

use super::seen::Seen;
use crate::ledger::view::View;

/// The log entry that an id names. What is of another store is older than everything here.
pub(super) fn sequence<V: View>(id: MessageId, view: &V) -> u64 {
    if id.epoch() == view.epoch() { id.sequence() } else { 0 }
}

/// Before which place the messages are that are before this one.
pub(super) fn before<V: View>(seen: &Seen, place: HistoryPlace, view: &V) -> Result<Seq, V::Error> {
    match place {
        HistoryPlace::Seq(seq) => Ok(seq),
        HistoryPlace::Id(id) => {
            let earlier = stored_before(seen, sequence(id, view), view)?;
            Ok(seen.nth(earlier).unwrap_or(Seq(u64::MAX)))
        }
    }
}

/// After which place the messages are that are after this one.
pub(super) fn after<V: View>(seen: &Seen, place: HistoryPlace, view: &V) -> Result<Seq, V::Error> {
    match place {
        HistoryPlace::Seq(seq) => Ok(seq),
        HistoryPlace::Id(id) => {
            let upto = stored_before(seen, sequence(id, view).saturating_add(1), view)?;
            Ok(upto.checked_sub(1).and_then(|last| seen.nth(last)).unwrap_or(Seq(0)))
        }
    }
}

/// How many messages were stored before a log entry: a conversation is in the order of the log. Of what the user does not see
/// nothing is looked at, so that an id that is not theirs tells them no more than any number.
fn stored_before<V: View>(seen: &Seen, sequence: u64, view: &V) -> Result<u64, V::Error> {
    let (mut low, mut high) = (0, seen.count());
    while low < high {
        let middle = low.midpoint(high);
        let Some(seq) = seen.nth(middle) else { break };
        if view.sequence_of(&seen.conversation, seq)?.is_none_or(|it| it < sequence) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
