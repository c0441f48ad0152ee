//! Live voice costs no allocation for each frame: from the bytes of a socket through the codec, the core and the codec
//! again, to the bytes of the listeners' sockets.
//!
//! Counted is what this thread asks the allocator for, in the codec and the core. The driver around them is not here:
//! it makes one vector for each batch of packets that it hands to the core, and one memo for each fan-out.
#![allow(clippy::unwrap_used, reason = "test code")]
#![allow(unsafe_code, reason = "an allocator cannot be written without; this one passes on and counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use bimip_codec::voiceping::{FrameBuilder, IdText, Kind, Value};
use bimip_codec::{Codec, Dialect, Frames, Shared};
use bimip_proto::{Caps, Channel, Device, DeviceName, GroupId, Now, Offset, Said, UserId};
use bimip_session::Machine;
use bimip_session::server::{Attachment, Config, ConnId, Grant, Input, Output, ServerCore};
use bytes::{Bytes, BytesMut};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note() {
    // A thread that is ending has nothing left to count.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: every call is passed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
}

const GROUP: &str = "team";
/// Frames before counting: buffers find their size.
const WARM_UP: usize = 200;
const FRAMES: usize = 1_000;
/// Between two pieces of sound.
const FRAME_MS: u64 = 20;

/// A core, and the codec and the write buffer of each connection.
struct House {
    core: ServerCore,
    codecs: BTreeMap<ConnId, (Codec, Frames)>,
    now: Now,
    heard: u64,
}

impl House {
    /// The first user talks to the others.
    fn of(users: &[&str]) -> Self {
        let mut house = Self {
            core: ServerCore::new(Config::default()),
            codecs: BTreeMap::new(),
            now: Now { mono_ms: 1, unix_ms: 1_763_652_000_000 },
            heard: 0,
        };
        for (conn, user) in (1..).map(ConnId).zip(users) {
            let device = Device::new(UserId::new(user).unwrap(), DeviceName::new("voiceping").unwrap());
            let mut codec = Codec::new(Dialect::VoicePing);
            codec.signed_in(&device);
            house.codecs.insert(conn, (codec, Frames::new()));
            house.input(Input::Opened { conn, caps: Caps::WALKIE, grant: Some(Grant::new(device)) });
            let groups = vec![GroupId::new(GROUP).unwrap()];
            let zero = Offset::ZERO;
            let attachment = Attachment {
                epoch: 1,
                session: 0,
                cursor: zero,
                first: Offset(1),
                head: zero,
                sequence: 0,
                groups,
                listens: Vec::new(),
                standing: Arc::default(),
                contacts: Vec::new(),
                behind: false,
                blocked: Arc::default(),
            };
            house.input(Input::Attached(conn, Some(attachment)));
        }
        house
    }

    fn input(&mut self, input: Input) {
        self.core.handle_input(self.now, input);
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(conn, outgoing) => {
                    let (codec, frames) = self.codecs.get_mut(&conn).unwrap();
                    codec.encode_server(outgoing.packet(), frames).unwrap();
                    self.heard += frames.drain().len() as u64;
                }
                Output::SendAll(conns, outgoing) => {
                    let shared = Shared::new();
                    for conn in conns.iter() {
                        let (codec, frames) = self.codecs.get_mut(conn).unwrap();
                        codec.encode_shared(outgoing.packet(), &shared, frames).unwrap();
                        self.heard += frames.drain().len() as u64;
                    }
                }
                // Whatever else is wanted of a driver is its own business.
                _ => {}
            }
        }
    }

    /// The talker's frame, as it was cut from what the socket gave; `batch` is the driver's vector.
    fn says(&mut self, frame: Bytes, mut batch: Vec<Said>) {
        self.now.mono_ms += FRAME_MS;
        let talker = ConnId(1);
        let (codec, _) = self.codecs.get_mut(&talker).unwrap();
        codec.decode_client(frame, &mut batch).unwrap();
        self.input(Input::Packets(talker, batch));
    }
}

/// Talks for a while, and gives the allocations of the frames after the first ones.
fn talk(users: &[&str], channel: Channel, to: &str) -> u64 {
    let mut house = House::of(users);
    let frame = |kind| FrameBuilder::new(channel, kind, IdText::Text(users[0])).to(IdText::Text(to));
    house.says(frame(Kind::Start).payload(Value::Nil).build(), Vec::new());

    let sound = frame(Kind::Audio).payload(Value::Bin(&[0x5a; 120]));
    let mut socket = BytesMut::new();
    let mut ends = Vec::new();
    for _ in 0..WARM_UP + FRAMES {
        sound.write(&mut socket);
        ends.push(socket.len());
    }
    let mut batches: Vec<Vec<Said>> = (0..ends.len()).map(|_| Vec::with_capacity(1)).collect();
    let (mut before, mut heard) = (0, 0);
    for turn in 0..ends.len() {
        if turn == WARM_UP {
            (before, heard) = (COUNT.get(), house.heard);
        }
        let len = ends[turn] - if turn == 0 { 0 } else { ends[turn - 1] };
        let frame = socket.split_to(len).freeze();
        let batch = batches.pop().unwrap();
        house.says(frame, batch);
    }
    let allocations = COUNT.get() - before;
    let listeners = users.len() as u64 - 1;
    assert_eq!(house.heard - heard, FRAMES as u64 * listeners, "every frame reaches everybody");
    allocations
}

#[test]
fn this_test_counts() {
    let before = COUNT.get();
    drop(std::hint::black_box(Box::new(1_u64)));
    assert_eq!(COUNT.get(), before + 1);
}

#[test]
fn a_frame_to_one_listener_allocates_nothing() {
    assert_eq!(talk(&["ann", "bob"], Channel::Private, "bob"), 0);
}

#[test]
fn a_frame_to_a_group_allocates_nothing() {
    assert_eq!(talk(&["ann", "bob", "eve", "joe"], Channel::Group, GROUP), 0);
}
