//! Encoded frames, waiting to be written.

use bytes::{Bytes, BytesMut};

/// Room that is asked for at once, so that the frames of a batch share one allocation.
const POOL_BYTES: usize = 4 * 1024;
/// Frames expected to be longer than this get an allocation of their own: a large image must not keep the
/// pool large.
const POOLED_BYTES: usize = 2 * 1024;

/// A reusable collection of frames, in the order they are to be written.
///
/// Frames are parts of a shared buffer: encoding a batch of small packets is one allocation, and none once the
/// frames of an earlier batch are dropped.
#[derive(Debug, Default)]
pub struct Frames {
    list: Vec<Bytes>,
    pool: BytesMut,
}

impl Frames {
    /// An empty collection; nothing is allocated yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes all frames out, first written first.
    pub fn drain(&mut self) -> impl ExactSizeIterator<Item = Bytes> + '_ {
        self.list.drain(..)
    }

    /// The frames, without taking them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Bytes> + '_ {
        self.list.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Adds the frame that `write` writes, of about `expected_bytes`.
    pub(crate) fn frame(&mut self, expected_bytes: usize, write: impl FnOnce(&mut BytesMut)) {
        if expected_bytes > POOLED_BYTES {
            let mut own = BytesMut::with_capacity(expected_bytes);
            write(&mut own);
            return self.list.push(own.freeze());
        }
        if self.pool.capacity() < expected_bytes {
            self.pool.reserve(POOL_BYTES);
        }
        write(&mut self.pool);
        self.list.push(self.pool.split().freeze());
    }

    /// Adds a frame of exactly `len_bytes`, which `fill` fills.
    pub(crate) fn filled(&mut self, len_bytes: usize, fill: impl FnOnce(&mut [u8])) {
        self.frame(len_bytes, |to| {
            let start = to.len();
            to.resize(start + len_bytes, 0);
            fill(&mut to[start..]);
        });
    }

    /// Adds a frame that was made before.
    pub(crate) fn push(&mut self, frame: Bytes) {
        self.list.push(frame);
    }

    /// Forgets the frames after the first `len`: a packet that failed half-way leaves no half of itself.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.list.truncate(len);
    }

    /// The longest frame after the first `since`, in bytes.
    pub(crate) fn longest_since(&self, since: usize) -> usize {
        self.list.iter().skip(since).map(Bytes::len).max().unwrap_or_default()
    }
}
