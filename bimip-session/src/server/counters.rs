//! What happened, in numbers.

use bimip_proto::FaultKind;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the core was made; they only rise.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #[non_exhaustive]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
            /// Frames that made no sense or came at the wrong time, by kind in the order of [`FaultKind::ALL`].
            pub faults: [u64; FaultKind::ALL.len()],
        }

        impl Counters {
            /// Every counter with its name, faults as `fault_<kind>`.
            pub fn iter(&self) -> impl Iterator<Item = (String, u64)> {
                let named = [$((stringify!($name), self.$name)),*].map(|(name, count)| (name.to_owned(), count));
                let faults = FaultKind::ALL.iter().zip(self.faults);
                named.into_iter().chain(faults.map(|(kind, count)| (format!("fault_{kind}"), count)))
            }
        }
    };
}

counters! {
    /// Connections opened.
    opened,
    /// Sessions that were welcomed.
    signed_in,
    /// Sign-ins that were refused.
    sign_in_refused,
    /// Connections that did not sign in in time.
    sign_in_timeouts,
    /// Sessions replaced by a newer one of the same device.
    replaced,
    /// Sessions whose grant ran out.
    expired,
    /// Sessions whose token was revoked.
    revoked,
    /// Sessions logged out.
    logged_out,
    /// Connections closed for silence.
    idle,
    /// Connections closed for too many bad frames.
    strikes_closed,
    /// Calls: connections that ask something and go.
    calls,
    /// Streams that ended with a full window, so that their clients come back.
    returns,
    /// Questions about what is stored.
    queries,
    /// Drafts taken in.
    drafts,
    /// Drafts stored.
    accepted,
    /// Drafts that were stored before under the same name.
    repeats,
    /// Drafts and marks refused.
    rejected,
    /// What was said without room for it, not even to wait: refused as busy, or the end of its connection.
    turned_away,
    /// Commands that the store failed.
    failed,
    /// Rows sent.
    delivered,
    /// Rows passed over for want of words in the dialect.
    passed_over,
    /// Disposals beyond what was sent.
    dispose_clamped,
    /// Receipts and marks taken in.
    marks,
    /// Talks started.
    talks,
    /// Joins and leaves taken in.
    group_moves,
    /// Commands about groups taken in.
    group_commands,
    /// Commands of users about themselves taken in.
    user_commands,
    /// Floors taken over from a talker who fell silent.
    floors_taken,
    /// Presences, live signals and positions told, once for each connection.
    presence_told,
    /// Presences, live signals and positions that stayed here because their user is hidden.
    presence_hidden,
    /// Live voice, signals and presences that stayed here because of a block.
    live_blocked,
    /// Talks denied.
    talks_denied,
    /// Talks ended by the server at their greatest length.
    talks_cut,
    /// Talks whose sound was stored.
    sounds_kept,
    /// Talks of which no sound was stored: it was too long, there was no room, or the store failed or was too slow.
    sounds_lost,
    /// Missed talks that were played again.
    talks_replayed,
    /// What other cores were told to look at.
    wakes,
    /// What other cores said to look at.
    woken,
    /// Questions to storage about users who were here already, woken or not.
    looks,
    /// Mailboxes filled from the feeds of large groups, a window at a time.
    pulls,
    /// Pieces of live audio relayed, once for each receiver.
    audio_relayed,
    /// Pieces of live audio with nowhere to go.
    audio_dropped,
}

impl Counters {
    pub(super) fn fault(&mut self, kind: FaultKind) {
        if let Some(at) = FaultKind::ALL.iter().position(|known| *known == kind) {
            self.faults[at] += 1;
        }
    }

    /// The count of one kind of fault.
    #[must_use]
    pub fn of(&self, kind: FaultKind) -> u64 {
        FaultKind::ALL.iter().position(|known| *known == kind).map_or(0, |at| self.faults[at])
    }
}
