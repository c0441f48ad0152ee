//! Push-to-talk, the listener's side: from packets that come when they come to sound that plays evenly.

use std::collections::{BTreeMap, VecDeque};

use bimip_proto::{Address, BodyKind, Entry, Now, Talk, TalkAct, UserId, limits};
use bytes::Bytes;

use crate::Machine;

/// Times of a [`Listener`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pace {
    /// How long a piece of sound lasts. The field's clients send 60 ms.
    pub piece_ms: u64,
    /// Pieces to wait for before the first is played, at first. Each gap in the sound makes it one more.
    pub depth_min_pieces: usize,
    /// At most so many.
    pub depth_max_pieces: usize,
    /// Pieces kept of one talk; of more, the oldest is dropped.
    pub held_pieces: usize,
    /// A talk of which nothing was heard for so long is over: its end was lost, or never came.
    pub silence_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            piece_ms: 60,
            depth_min_pieces: 2,
            depth_max_pieces: 10,
            held_pieces: 100,
            silence_ms: limits::FLOOR_IDLE_MS,
        }
    }
}

/// Talks at once. Of more, what was heard of longest ago ends.
const TALKS: usize = 16;

/// Plays what a session hears ([`Event::Talk`](super::Event::Talk)), each talk at an even pace.
///
/// It needs no beginning: whoever comes late hears from the next piece on. It needs no end either. A machine like
/// the others; the app feeds it and plays what comes out.
///
/// ```
/// use bimip_proto::{Address, Now, Talk, TalkAct, UserId};
/// use bimip_session::{Machine, client::{Listener, Pace, Sound}};
/// use bytes::Bytes;
///
/// let (ann, me) = (UserId::new("ann")?, Address::User(UserId::new("me")?));
/// let mut listener = Listener::new(Pace::default());
/// let piece = |byte: u8| TalkAct::Audio { label: None, payload: Bytes::from(vec![byte]) };
/// for byte in [1, 2] {
///     let talk = Talk { from: ann.clone(), to: me.clone(), act: piece(byte) };
///     listener.handle_input(Now::default(), talk);
/// }
/// assert!(matches!(listener.poll_output(), Some(Sound::Begins { .. })));
/// assert!(matches!(listener.poll_output(), Some(Sound::Piece { payload, .. }) if payload[..] == [1]));
/// assert_eq!(listener.poll_output(), None, "the next one is due in 60 ms");
/// assert_eq!(listener.poll_timeout(), Some(60));
/// # Ok::<(), bimip_proto::IdError>(())
/// ```
#[derive(Debug)]
pub struct Listener {
    pace: Pace,
    talks: BTreeMap<(UserId, Address), Playing>,
    out: VecDeque<Sound>,
}

/// What to play.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sound {
    /// Somebody is heard.
    Begins {
        /// Who.
        from: UserId,
        /// To whom.
        to: Address,
    },
    /// Play this now.
    Piece {
        /// Who talks.
        from: UserId,
        /// To whom.
        to: Address,
        /// One encoded value of the dialect.
        payload: Bytes,
    },
    /// A piece is late: fill the gap, or say nothing.
    Missing {
        /// Who talks.
        from: UserId,
        /// To whom.
        to: Address,
    },
    /// All that was heard has been played.
    Ends {
        /// Who talked.
        from: UserId,
        /// To whom.
        to: Address,
    },
}

#[derive(Debug)]
struct Playing {
    held: VecDeque<Bytes>,
    depth_pieces: usize,
    /// When the next piece is played; `None` while it is waited for enough of them.
    next_mono_ms: Option<u64>,
    /// Since when pieces wait for others.
    waiting_since_mono_ms: u64,
    heard_mono_ms: u64,
    begun: bool,
    /// Its end came: what is held is played and no more is waited for.
    ended: bool,
}

impl Playing {
    const fn new(now: Now, depth_pieces: usize) -> Self {
        Self {
            held: VecDeque::new(),
            depth_pieces,
            next_mono_ms: None,
            waiting_since_mono_ms: now.mono_ms,
            heard_mono_ms: now.mono_ms,
            begun: false,
            ended: false,
        }
    }

    fn due(&self, pace: &Pace) -> u64 {
        match self.next_mono_ms {
            Some(next) => next,
            None if self.held.is_empty() && !self.ended => self.heard_mono_ms + pace.silence_ms,
            None => self.full_mono_ms(pace),
        }
    }

    /// When what is held is played, however little it is.
    fn full_mono_ms(&self, pace: &Pace) -> u64 {
        let enough = self.held.len() >= self.depth_pieces || self.ended;
        let wait_ms = if enough { 0 } else { self.depth_pieces as u64 * pace.piece_ms };
        self.waiting_since_mono_ms + wait_ms
    }
}

impl Machine for Listener {
    type Input = Talk;
    type Output = Sound;

    fn handle_input(&mut self, now: Now, talk: Talk) {
        let Talk { from, to, act } = talk;
        match act {
            // A second start is as good as one; the first piece begins the sound.
            TalkAct::Start { .. } => {
                self.playing(now, from, to).heard_mono_ms = now.mono_ms;
            }
            TalkAct::Audio { payload, .. } => {
                let held_pieces = self.pace.held_pieces.max(1);
                let playing = self.playing(now, from, to);
                playing.heard_mono_ms = now.mono_ms;
                playing.ended = false;
                if playing.held.is_empty() && playing.next_mono_ms.is_none() {
                    playing.waiting_since_mono_ms = now.mono_ms;
                }
                if playing.held.len() >= held_pieces {
                    playing.held.pop_front();
                }
                playing.held.push_back(payload);
            }
            TalkAct::Stop => self.ended(now, &from, &to),
            _ => {}
        }
        self.handle_timeout(now);
    }

    fn handle_timeout(&mut self, now: Now) {
        let pace = self.pace;
        let out = &mut self.out;
        self.talks.retain(|(from, to), playing| play(now, &pace, from, to, playing, out));
    }

    fn poll_output(&mut self) -> Option<Sound> {
        self.out.pop_front()
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.talks.values().map(|it| it.due(&self.pace)).min()
    }
}

/// Plays what is due of a talk; `false` when it is over.
fn play(
    now: Now,
    pace: &Pace,
    from: &UserId,
    to: &Address,
    playing: &mut Playing,
    out: &mut VecDeque<Sound>,
) -> bool {
    let names = || (from.clone(), to.clone());
    if playing.next_mono_ms.is_none() && !playing.held.is_empty() && playing.full_mono_ms(pace) <= now.mono_ms
    {
        playing.next_mono_ms = Some(now.mono_ms);
        if !std::mem::replace(&mut playing.begun, true) {
            let (from, to) = names();
            out.push_back(Sound::Begins { from, to });
        }
    }
    while let Some(next) = playing.next_mono_ms.filter(|next| *next <= now.mono_ms) {
        let (from, to) = names();
        if let Some(payload) = playing.held.pop_front() {
            // A driver that comes late does not make the rest late, and does not play it all at once either.
            let late = now.mono_ms - next >= pace.piece_ms;
            let from_mono_ms = if late { now.mono_ms } else { next };
            playing.next_mono_ms = Some(from_mono_ms + pace.piece_ms.max(1));
            out.push_back(Sound::Piece { from, to, payload });
        } else {
            playing.next_mono_ms = None;
            if !playing.ended {
                playing.depth_pieces = (playing.depth_pieces + 1).min(pace.depth_max_pieces);
                out.push_back(Sound::Missing { from, to });
            }
        }
    }
    let silent = playing.heard_mono_ms + pace.silence_ms <= now.mono_ms;
    let over = playing.held.is_empty() && playing.next_mono_ms.is_none() && (playing.ended || silent);
    if over && playing.begun {
        let (from, to) = names();
        out.push_back(Sound::Ends { from, to });
    }
    !over
}

impl Listener {
    /// A listener that hears nothing yet.
    #[must_use]
    pub const fn new(pace: Pace) -> Self {
        Self { pace, talks: BTreeMap::new(), out: VecDeque::new() }
    }

    /// The end of a talk reaches its listeners as a row of their mailbox, a message of kind voice: show it each row
    /// that comes.
    pub fn row(&mut self, now: Now, entry: &Entry) {
        if let Entry::Message(message) = entry
            && matches!(message.head.kind, BodyKind::Voice { .. })
        {
            let head = &message.head;
            self.ended(now, &head.from.user.clone(), &head.to.clone());
            self.handle_timeout(now);
        }
    }

    fn ended(&mut self, now: Now, from: &UserId, to: &Address) {
        if let Some(playing) = self.talks.get_mut(&(from.clone(), to.clone())) {
            playing.ended = true;
            playing.heard_mono_ms = now.mono_ms;
        }
    }

    fn playing(&mut self, now: Now, from: UserId, to: Address) -> &mut Playing {
        let key = (from, to);
        if self.talks.len() >= TALKS
            && !self.talks.contains_key(&key)
            && let Some(oldest) =
                self.talks.iter().min_by_key(|(_, it)| it.heard_mono_ms).map(|(key, _)| key.clone())
        {
            let begun = self.talks.remove(&oldest).is_some_and(|it| it.begun);
            if begun {
                let (from, to) = oldest;
                self.out.push_back(Sound::Ends { from, to });
            }
        }
        let depth_pieces = self.pace.depth_min_pieces.max(1);
        self.talks.entry(key).or_insert_with(|| Playing::new(now, depth_pieces))
    }
}
