//! A client without tokio: a socket of the standard library, the codec and the session, and a loop that does what the
//! session wants. An app in another language does the same over a foreign function interface.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bimip_codec::{Codec, Dialect, Frames};
use bimip_proto::{Address, Body, ClientRef, Device, DeviceName, Draft, Entry, Now, Status, UserId};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Config, Event, Input, Output, Resume};
use bytes::{Buf, Bytes, BytesMut};

const USAGE: &str = "usage: plain_client ADDRESS:PORT ME PEER [TEXT]

Sends TEXT to PEER over raw TCP and ends when PEER has read it. Without TEXT it waits for a message of PEER, shows it and
says that it was read. For example, in three terminals:
  cargo run -p bimip-server
  cargo run -p examples --bin plain_client 127.0.0.1:8081 bob alice
  cargo run -p examples --bin plain_client 127.0.0.1:8081 alice bob 'hello bob'";

struct Plain {
    address: String,
    device: Device,
    session: ClientSession,
    codec: Codec,
    stream: Option<TcpStream>,
    unread: BytesMut,
    started: Instant,
    done: bool,
}

impl Plain {
    fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Now { mono_ms: ms(self.started.elapsed()), unix_ms: ms(unix) }
    }

    /// Waits for bytes or for the session's time, and hands over what happened.
    fn wait(&mut self) -> Result<(), Box<dyn Error>> {
        let now = self.now();
        let due = self.session.poll_timeout().unwrap_or(now.mono_ms + 1_000);
        let wait = Duration::from_millis(due.saturating_sub(now.mono_ms).clamp(1, 1_000));
        match &mut self.stream {
            None => std::thread::sleep(wait),
            Some(stream) => {
                stream.set_read_timeout(Some(wait))?;
                let mut bytes = [0; 4096];
                match stream.read(&mut bytes) {
                    Ok(0) => self.lost(),
                    Ok(length) => self.heard(&bytes[..length])?,
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => self.lost(),
                }
            }
        }
        self.session.handle_timeout(self.now());
        Ok(())
    }

    /// Does what the session wants.
    fn carry_out(&mut self) -> Result<(), Box<dyn Error>> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect => self.dial(),
                Output::Transmit(packet) => {
                    let mut frames = Frames::new();
                    self.codec.encode_client(&packet, &mut frames)?;
                    for frame in frames.drain() {
                        self.write(&frame)?;
                    }
                }
                Output::Hangup => self.stream = None,
                Output::Event(event) => self.app(event),
                _ => {}
            }
        }
        Ok(())
    }

    fn dial(&mut self) {
        self.stream = TcpStream::connect(&self.address).ok();
        self.codec = Codec::new(Dialect::Scheme);
        self.codec.signed_in(&self.device);
        self.unread.clear();
        let input = if self.stream.is_some() { Input::Connected } else { Input::Disconnected };
        self.session.handle_input(self.now(), input);
    }

    /// Each frame after its length: four bytes, the most significant first.
    fn write(&mut self, frame: &Bytes) -> Result<(), Box<dyn Error>> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let length = u32::try_from(frame.len())?.to_be_bytes();
        if stream.write_all(&length).and_then(|()| stream.write_all(frame)).is_err() {
            self.lost();
        }
        Ok(())
    }

    fn heard(&mut self, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        self.unread.extend_from_slice(bytes);
        while let Some(length) = self.unread.first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length))?;
            if self.unread.len() < 4 + length {
                break;
            }
            self.unread.advance(4);
            let (frame, mut packets) = (self.unread.split_to(length).freeze(), Vec::new());
            self.codec.decode_server(frame, &mut packets)?;
            for packet in packets {
                self.session.handle_input(self.now(), Input::Packet(packet));
            }
        }
        Ok(())
    }

    fn lost(&mut self) {
        self.stream = None;
        self.session.handle_input(self.now(), Input::Disconnected);
    }

    fn app(&mut self, event: Event) {
        match event {
            Event::Resumed(_) => println!("* connected"),
            Event::Sent { head, .. } => println!("sent as {}", head.id),
            Event::Received(row) => {
                match &*row.entry {
                    Entry::Message(message) => {
                        println!(
                            "{}: {}",
                            message.head.from.user,
                            String::from_utf8_lossy(&message.body.bytes)
                        );
                        // A real app tries again when there is no room for a mark.
                        let _ = self.session.mark(self.now(), message.head.reference(), Status::Read);
                    }
                    Entry::Receipt(receipt) => {
                        println!("{:?} by {}", receipt.status, receipt.by.user);
                        self.done |= receipt.status == Status::Read;
                    }
                    _ => {}
                }
                // This app keeps what it has on the screen.
                self.session.stored(self.now(), self.session.epoch(), row.offset);
            }
            Event::Marked { .. } => self.done = true,
            Event::Ended(reason) => {
                println!("* the server says goodbye: {reason:?}");
                self.done = true;
            }
            _ => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, me, peer, text @ ..] = args.as_slice() else {
        println!("{USAGE}");
        return Ok(());
    };
    let device = Device::new(UserId::new(me)?, DeviceName::new("plain")?);
    let (started, now) = (Instant::now(), Now::default());
    let session = ClientSession::new(Config::new(device.clone()), Resume::default(), now);
    let (codec, unread) = (Codec::new(Dialect::Scheme), BytesMut::new());
    let mut plain = Plain {
        address: address.clone(),
        device,
        session,
        codec,
        stream: None,
        unread,
        started,
        done: false,
    };
    if let Some(text) = text.first() {
        // A real app names drafts so that it never uses a name twice, also after a restart.
        let client_ref = Some(ClientRef::new(&format!("plain-{}", plain.now().unix_ms))?);
        let to = Address::User(UserId::new(peer)?);
        let draft = Draft { client_ref, to, client_time: None, body: Body::text(text) };
        plain.session.send(now, draft).map_err(|_| "the outbox is full")?;
    }
    while !plain.done {
        plain.wait()?;
        plain.carry_out()?;
    }
    plain.session.leave(plain.now());
    plain.carry_out()
}
