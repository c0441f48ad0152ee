//! A member of the group: hears every message after its first one, in order, and says what it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bimip_codec::voiceping::{Kind as FrameKind, Value};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::child::Kind;
use super::frames::read_hex;
use super::members::{PATIENCE, to_group};
use super::peer::Peer;
use super::{clock, raw};
use crate::stats::Histogram;

/// Once everything is there, whatever comes in this time is one too many.
const LINGER: Duration = Duration::from_millis(200);
/// How often somebody who hears nothing looks whether it is over.
const LOOK: Duration = Duration::from_millis(100);
/// Where the number and the stamp stand in a body, behind the key of the number.
const KEY: &[u8] = br#""n":""#;
const STAMP_BEHIND: usize = 16 + 7;
/// What the server puts before a message's name in its body.
const NAME: &[u8] = br#""message_id":""#;
/// Messages are said to be delivered when there are so many,
const DELIVERED: u64 = 32;
/// or when the first of them has waited so long.
const DELIVERED_WAIT: Duration = Duration::from_millis(20);

/// What the sender and the members share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) delivered: AtomicU64,
    /// Members that have heard something.
    pub(super) joined: AtomicU64,
    /// Messages from this one on are timed.
    pub(super) timed_from: AtomicU64,
    /// The last message of all, once it is known.
    pub(super) last: AtomicU64,
    /// Something was delivered.
    pub(super) moved: Notify,
}

#[derive(Debug)]
pub(super) struct Member {
    kind: Kind,
    peer: Peer,
    shared: Arc<Shared>,
    /// The last message.
    heard: Option<u64>,
    count: u64,
    delays: Histogram,
    receipts: Option<Receipts>,
}

/// What a member has and has not said.
#[derive(Debug)]
pub(super) struct Receipts {
    user: String,
    /// A list of names in JSON, without its brackets.
    names: String,
    count: u64,
    due_ns: u64,
}

impl Receipts {
    pub(super) const fn of(user: String) -> Self {
        Self { user, names: String::new(), count: 0, due_ns: u64::MAX }
    }

    fn add(&mut self, now: u64, frame: &[u8]) -> Result<(), String> {
        let name = name(frame).ok_or("a message without a name")?;
        match self.count {
            0 => self.due_ns = now + clock::to_ns(DELIVERED_WAIT),
            _ => self.names.push(','),
        }
        self.names.extend(["\"", name, "\""]);
        self.count += 1;
        Ok(())
    }

    fn say_if_due(&mut self, now: u64, peer: &mut Peer) {
        if self.count >= DELIVERED || (self.count > 0 && now >= self.due_ns) {
            let list = format!("[{}]", self.names);
            peer.queue(&to_group(FrameKind::Delivered, &self.user).payload(Value::Str(&list)).build());
            self.names.clear();
            (self.count, self.due_ns) = (0, u64::MAX);
        }
    }
}

impl Member {
    pub(super) fn new(kind: Kind, peer: Peer, shared: Arc<Shared>, receipts: Option<Receipts>) -> Self {
        let delays = Histogram::new();
        Self { kind, peer, shared, heard: None, count: 0, delays, receipts }
    }

    /// Until it has heard the last message. What it heard, and how late.
    pub(super) async fn run(mut self) -> Result<(Histogram, u64), String> {
        let mut give_up_ns = u64::MAX;
        loop {
            self.listen()?;
            let mut due_ns = u64::MAX;
            if let Some(receipts) = &mut self.receipts {
                receipts.say_if_due(clock::ns(), &mut self.peer);
                due_ns = receipts.due_ns;
            }
            self.peer.flush()?;
            let last = self.shared.last.load(Ordering::Relaxed);
            if last != u64::MAX {
                if self.heard == Some(last) {
                    sleep(LINGER).await;
                    return if self.listen()? == 0 {
                        Ok((self.delays, self.count))
                    } else {
                        Err("a message too many".to_owned())
                    };
                }
                give_up_ns = give_up_ns.min(clock::ns() + clock::to_ns(PATIENCE));
                if clock::ns() > give_up_ns {
                    return Err(format!("a member heard {:?} of {last} messages at last", self.heard));
                }
            }
            tokio::select! {
                heard = self.peer.hear() => heard?,
                () = sleep(LOOK.min(Duration::from_nanos(due_ns.saturating_sub(clock::ns())))) => {}
            }
        }
    }

    /// Takes what has arrived: every message after the first that it heard.
    fn listen(&mut self) -> Result<u64, String> {
        let (now, timed_from) = (clock::ns(), self.shared.timed_from.load(Ordering::Relaxed));
        let mut count = 0;
        while let Some(frame) = self.peer.next()? {
            let frame = self.peer.bytes(frame);
            let Some((number, stamp)) = read(self.kind, frame) else { continue };
            if let Some(receipts) = &mut self.receipts {
                receipts.add(now, frame)?;
            }
            match self.heard.replace(number) {
                None => drop(self.shared.joined.fetch_add(1, Ordering::Relaxed)),
                Some(last) if number == last + 1 => {}
                Some(last) => return Err(format!("message {number} came after {last}")),
            }
            if number >= timed_from {
                self.delays.add(now.saturating_sub(stamp));
            }
            count += 1;
        }
        if count > 0 {
            self.count += count;
            self.shared.delivered.fetch_add(count, Ordering::Relaxed);
            self.shared.moved.notify_one();
        }
        Ok(count)
    }
}

/// The kind of a frame of five or six elements.
pub(super) fn frame_kind(frame: &[u8]) -> Option<FrameKind> {
    let [0x95 | 0x96, _, kind] = *frame.first_chunk()? else { return None };
    Some(FrameKind::from_number(kind.into()))
}

/// What the server calls a message.
fn name(frame: &[u8]) -> Option<&str> {
    let at = frame.windows(NAME.len()).position(|some| some == NAME)? + NAME.len();
    let end = at + frame[at..].iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(&frame[at..end]).ok()
}

/// The number and the stamp of a message.
fn read(kind: Kind, frame: &[u8]) -> Option<(u64, u64)> {
    if kind != Kind::Server {
        let words = (raw::word(frame, 0)?, raw::word(frame, 1)?);
        return (frame.first() == Some(&raw::MESSAGE)).then_some(words);
    }
    if frame_kind(frame)? != FrameKind::Text {
        return None;
    }
    let at = frame.windows(KEY.len()).position(|some| some == KEY)? + KEY.len();
    Some((read_hex(&frame[at..])?, read_hex(frame.get(at + STAMP_BEHIND..)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::frames::Draft;
    use crate::load::members::SENDER;

    #[test]
    fn a_message_is_read_as_the_server_forwards_it() {
        let body = Draft::body(7, 9);
        let text = String::from_utf8(body).unwrap().replacen('{', r#"{"message_id":"0_17_g_s_1.txt","#, 1);
        let frame = to_group(FrameKind::Text, SENDER).payload(Value::Str(&text)).build();
        assert_eq!(read(Kind::Server, &frame), Some((7, 9)));
        assert_eq!(name(&frame), Some("0_17_g_s_1.txt"));
        let other = to_group(FrameKind::Delivered, SENDER).payload(Value::Str(&text)).build();
        assert_eq!(read(Kind::Server, &other), None);
        assert_eq!(read(Kind::Relay, &raw::frame(raw::MESSAGE, &[7, 9], 40)), Some((7, 9)));
        assert_eq!(read(Kind::Relay, &raw::frame(raw::ACK, &[7, 9], 40)), None);
    }
}
