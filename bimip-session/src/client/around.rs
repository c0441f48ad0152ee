//! Who is doing what, for as long as it holds.

use std::collections::BTreeMap;

use bimip_proto::{Act, Address, Aware, Awareness, Device, Now, Presence, Reach, Signal, UserId, limits};

use super::event::Event;
use super::io::Output;
use super::live::Heard;
use super::session::ClientSession;

/// How long somebody types, records or pauses who does not say so again.
pub const ACT_MS: u64 = 10_000;

/// What others are doing, as this session heard it. Each has its time and runs out by itself: a server that dies and
/// a link that breaks say nothing.
#[derive(Debug, Default)]
pub(super) struct Around {
    present: BTreeMap<UserId, Until<Aware>>,
    /// Who is typing and the like, and where.
    acting: BTreeMap<(Device, Address), Until<Act>>,
}

#[derive(Debug)]
struct Until<T> {
    what: T,
    mono_ms: u64,
}

/// Users whose presence is kept, and acts: those of the contacts of two and as many again from groups. Of more, what
/// runs out first is forgotten.
const AROUND: usize = 2 * limits::CONTACTS;

impl Around {
    pub(super) fn due(&self) -> Option<u64> {
        let present = self.present.values().map(|it| it.mono_ms);
        present.chain(self.acting.values().map(|it| it.mono_ms)).min()
    }

    fn aware(&mut self, now: Now, aware: &Aware) {
        let Awareness { presence, ttl_s, to, .. } = &aware.awareness;
        let user = &aware.from.user;
        match presence.reach() {
            Reach::Contacts if *presence == Presence::Offline || *ttl_s == 0 => {
                self.present.remove(user);
                self.acting.retain(|(device, _), _| device.user != *user);
            }
            Reach::Contacts => {
                let ttl_s = (*ttl_s).min(limits::PRESENCE_TTL_MAX_S);
                let mono_ms = now.mono_ms + u64::from(ttl_s) * 1_000;
                make_room(&mut self.present);
                self.present.insert(user.clone(), Until { what: aware.clone(), mono_ms });
            }
            Reach::Peer => {
                let act = match presence {
                    Presence::Typing => Act::Typing,
                    Presence::Recording => Act::Recording,
                    _ => return,
                };
                if let Some(to) = to {
                    self.acts(now, &aware.from, to, act);
                }
            }
            Reach::Own => {}
        }
    }

    fn acts(&mut self, now: Now, from: &Device, to: &Address, act: Act) {
        let place = (from.clone(), to.clone());
        match act {
            Act::Typing | Act::Recording | Act::Paused | Act::Resumed => {
                make_room(&mut self.acting);
                self.acting.insert(place, Until { what: act, mono_ms: now.mono_ms + ACT_MS });
            }
            Act::Cancelled | Act::Calling | Act::Declined => {
                self.acting.remove(&place);
            }
            _ => {}
        }
    }

    /// What ran out.
    fn expired(&mut self, now: Now) -> Vec<Heard> {
        let mut heard = Vec::new();
        self.present.retain(|user, it| {
            let holds = it.mono_ms > now.mono_ms;
            if !holds {
                heard.push(Heard::Gone(user.clone()));
            }
            holds
        });
        self.acting.retain(|(from, to), it| {
            let holds = it.mono_ms > now.mono_ms;
            if !holds {
                heard.push(Heard::Ceased { from: from.clone(), to: to.clone() });
            }
            holds
        });
        heard
    }
}

fn make_room<K: Clone + Ord, T>(map: &mut BTreeMap<K, Until<T>>) {
    if map.len() >= AROUND
        && let Some(first) = map.iter().min_by_key(|(_, it)| it.mono_ms).map(|(key, _)| key.clone())
    {
        map.remove(&first);
    }
}

impl ClientSession {
    /// What a user is doing, as far as this session was told and it still holds. `None`: offline, hidden, or nobody
    /// said anything.
    #[must_use]
    pub fn presence(&self, user: &UserId) -> Option<&Awareness> {
        self.around.present.get(user).map(|it| &it.what.awareness)
    }

    /// Who is typing, recording or pausing, and to whom.
    pub fn acting(&self) -> impl Iterator<Item = (&Device, &Address, Act)> {
        self.around.acting.iter().map(|((from, to), it)| (from, to, it.what))
    }

    /// Keeps what was heard for as long as it holds.
    pub(super) fn keep_around(&mut self, now: Now, heard: &Heard) {
        match heard {
            Heard::Aware(aware) => self.around.aware(now, aware),
            Heard::Signal { from, signal: Signal { to, act, .. } } => self.around.acts(now, from, to, *act),
            _ => {}
        }
    }

    /// A message of this device ends what it was announced by.
    pub(super) fn spoke_up(&mut self, from: &Device, to: &Address) {
        self.around.acting.remove(&(from.clone(), to.clone()));
    }

    pub(super) fn expire_around(&mut self, now: Now) {
        if self.around.due().is_some_and(|due| due <= now.mono_ms) {
            let heard = self.around.expired(now);
            self.outbox.extend(heard.into_iter().map(|it| Output::Event(Event::Heard(it))));
        }
    }
}
