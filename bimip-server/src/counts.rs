//! What the driver counts, beside the core's counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use crate::storage::StorageError;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts of everything that happens outside the core; they only rise.
        #[derive(Debug, Default)]
        pub(crate) struct Counts {
            $($(#[$doc])* pub(crate) $name: Count,)*
            /// The store takes nothing until it is opened again.
            pub(crate) store_failed: watch::Sender<bool>,
            /// Why the store could not be closed in order.
            pub(crate) close_error: OnceLock<Arc<StorageError>>,
        }

        impl Counts {
            /// The store takes nothing any more. Whether that is news.
            pub(crate) fn store_fails(&self) -> bool {
                self.store_failed.send_if_modified(|failed| !std::mem::replace(failed, true))
            }

            /// Every count with its name.
            pub(crate) fn list(&self) -> Vec<(String, u64)> {
                vec![$((stringify!($name).to_owned(), self.$name.get())),*]
            }
        }
    };
}

counts! {
    /// Frames that were read.
    frames_in,
    /// Frames that were written.
    frames_out,
    /// Text frames on a dialect that has none.
    text_frames,
    /// Frames over the limit; each closed its connection.
    oversize_frames,
    /// Packets that a dialect had no words for.
    not_encoded,
    /// Live voice and presence dropped because the receiver does not keep up.
    live_dropped,
    /// Missed talks of which only the end was sent, because their sound could not be read.
    not_replayed,
    /// Connections closed because the peer did not read.
    write_stalls,
    /// Requests turned away at the door for want of a valid token.
    door_refused,
    /// Connections turned away at the door because the server is full.
    door_full,
    /// Commands refused because the disk is nearly full.
    refused_full,
    /// Commands refused because the store could not read a row that they need.
    refused_unread,
    /// Pages and places of devices that the store could not read.
    unread,
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn one(&self) {
        self.add(1);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
