//! The task of one connection: frames in, batches to the node; batches from the node, frames out.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bimip_codec::{Codec, Dialect, Frames, Replay, Shared};
use bimip_proto::{
    ClientPacket, CloseReason, Entry, Fault, FaultKind, Said, ServerPacket, SoundName, limits,
};
use bimip_session::server::{ConnId, Grant, Input};
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::config::Config;
use crate::counts::Counts;
use crate::library::Library;
use crate::outbox::{Out, Outbox};
use crate::post::{Room, ToNode};
use crate::transport::{Frame, Transport};

/// Packets of one batch: what one read of a 4 KiB buffer usually holds, and no more than a fair share of a turn.
pub(crate) const READ_PACKETS: usize = 64;
/// Bytes of one batch: one large frame, or many small ones.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// What a packet takes beside the frame it came in: many may come in one small frame.
const PACKET_BYTES: usize = 256;
/// Room in the outbox beyond a window of rows, for answers and live voice.
const ROOM_BEYOND_WINDOW: usize = 16;

/// What a connection needs to know of its server.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) config: Config,
    pub(crate) counts: Arc<Counts>,
    pub(crate) library: Arc<Library>,
    pub(crate) node: mpsc::Sender<ToNode>,
    /// The room for what was read and that the node has not taken.
    pub(crate) room: Room,
}

/// What is read from the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    /// Small frames, of somebody who has not signed in.
    Stranger,
    /// Nothing, until the sign-in is decided: what follows is to be read as its user's words.
    SignIn,
    /// Everything the dialect allows.
    User,
    /// Nothing any more: the connection ends when its last answers are written.
    Nothing,
}

/// The connection ends without another word.
#[derive(Debug)]
enum Ended {
    /// The peer is gone, or the node is.
    Gone,
    /// The peer is there, and reads nothing.
    Slow,
}

/// Runs a connection to its end.
///
/// What it waits in is kept small, since there is one of it for each idle connection: everything is put together
/// before the first await, and what happens now and then waits in boxes of its own.
pub(crate) fn run<T: Transport>(
    context: Arc<Context>,
    conn: ConnId,
    transport: T,
    dialect: Dialect,
    grant: Option<Grant>,
) -> impl Future<Output = ()> + Send {
    let outbox = Outbox::new(context.outbox_room());
    let mut codec = Codec::new(dialect);
    let mut hearing = Hearing::Stranger;
    if let Some(grant) = &grant {
        codec.signed_in(&grant.device);
        hearing = Hearing::User;
    }
    let opening = Box::new(ToNode::Open { conn, dialect, grant, outbox: Arc::clone(&outbox) });
    let goodbye = CloseReason::GoingAway;
    let mut connection = Connection {
        context,
        conn,
        dialect,
        transport,
        codec,
        hearing,
        paused: false,
        goodbye,
        outbox: LetGo(outbox),
        over: false,
        heard: false,
    };
    async move { connection.run(opening).await }
}

#[derive(Debug)]
struct Connection<T> {
    context: Arc<Context>,
    conn: ConnId,
    dialect: Dialect,
    transport: T,
    codec: Codec,
    hearing: Hearing,
    /// The core has enough of it for now.
    paused: bool,
    /// Why it ends, once it does. The node ends it by closing the outbox; without a reason, the node itself ends.
    goodbye: CloseReason,
    outbox: LetGo,
    /// The transport's stream has ended; it is not asked again.
    over: bool,
    /// The last thing that it did was to read.
    heard: bool,
}

/// Closes the outbox when the task ends in whatever way, so that the node finds out.
#[derive(Debug)]
pub(crate) struct LetGo(pub(crate) Arc<Outbox>);

impl Drop for LetGo {
    fn drop(&mut self) {
        self.0.close();
    }
}

enum Event {
    Out(Option<Vec<Out>>),
    In(Option<io::Result<Frame>>),
}

impl<T: Transport> Connection<T> {
    async fn run(&mut self, opening: Box<ToNode>) {
        let conn = self.conn;
        tracing::debug!(%conn, dialect = %self.dialect, "opened");
        if Box::pin(self.context.node.send(*opening)).await.is_err() {
            return;
        }
        let ended = self.serve().await;
        if ended.is_ok() {
            Box::pin(self.close()).await;
        } else {
            let _ = Box::pin(self.context.tell(vec![Input::Closed(conn)], 0)).await;
        }
        tracing::debug!(%conn, ?ended, reason = ?self.goodbye, "closed");
    }

    /// Until the node closes the outbox (`Ok`), or the peer is gone.
    async fn serve(&mut self) -> Result<(), Ended> {
        loop {
            let hears = !self.paused && matches!(self.hearing, Hearing::Stranger | Hearing::User);
            // Both are cancel safe; whatever takes time is done after the choice. They take turns, so that neither waits for
            // the other for long, and that what was read has been answered by a pause, if it is one, before more is read.
            let event = if self.heard {
                tokio::select! {
                    biased;
                    batch = self.outbox.0.take() => Event::Out(batch),
                    frame = self.transport.next(), if hears => Event::In(frame),
                }
            } else {
                tokio::select! {
                    biased;
                    frame = self.transport.next(), if hears => Event::In(frame),
                    batch = self.outbox.0.take() => Event::Out(batch),
                }
            };
            self.heard = matches!(event, Event::In(_));
            match event {
                Event::Out(Some(batch)) => Box::pin(self.write(batch)).await?,
                Event::Out(None) => return Ok(()),
                Event::In(Some(Ok(frame))) => {
                    let (inputs, bytes) = self.hear(frame);
                    Box::pin(self.context.tell(inputs, bytes)).await?;
                    if self.over {
                        return Err(Ended::Gone);
                    }
                }
                Event::In(Some(Err(error))) => {
                    tracing::debug!(conn = %self.conn, %error, "reading failed");
                    return Err(Ended::Gone);
                }
                Event::In(None) => return Err(Ended::Gone),
            }
        }
    }

    // ---- in ------------------------------------------------------------------------------------------

    /// Turns a frame, and those that have arrived behind it, into a batch; and says what it takes, in bytes.
    fn hear(&mut self, first: Frame) -> (Vec<Input>, usize) {
        let mut batch = Batch::new(self.conn);
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(frame) = next.take() {
            if let Frame::Binary(frame) = &frame {
                bytes += frame.len();
            }
            self.frame(frame, &mut batch);
            let more = matches!(self.hearing, Hearing::Stranger | Hearing::User);
            if more && batch.packets() < READ_PACKETS && bytes < READ_BYTES {
                match self.transport.next().now_or_never() {
                    Some(Some(Ok(frame))) => next = Some(frame),
                    Some(Some(Err(_)) | None) => self.over = true,
                    None => {}
                }
            }
        }
        bytes += batch.packets() * PACKET_BYTES;
        (batch.into_inputs(), bytes)
    }

    fn frame(&mut self, frame: Frame, batch: &mut Batch) {
        self.context.counts.frames_in.one();
        match frame {
            Frame::Binary(frame) if self.fits(&frame) => self.binary(frame, batch),
            Frame::Binary(_) | Frame::Oversize => self.oversize(batch),
            Frame::Pong(number) => batch.push(Input::Barrier(self.conn, number)),
            Frame::Text => {
                self.context.counts.text_frames.one();
                let details = "frames are binary".into();
                let fault = Fault { kind: FaultKind::Unsupported, origin: 0, details };
                batch.push(Input::Garbled(self.conn, fault));
            }
            Frame::Ping(_) | Frame::Limit(_) | Frame::Close(_) => {}
        }
    }

    fn fits(&self, frame: &Bytes) -> bool {
        let limit = match self.hearing {
            Hearing::User => self.dialect.frame_bytes(),
            _ => limits::STRANGER_FRAME_BYTES,
        };
        frame.len() <= limit
    }

    fn binary(&mut self, frame: Bytes, batch: &mut Batch) {
        let said = batch.said();
        let before = said.len();
        if let Err(error) = self.codec.decode_client(frame, said) {
            tracing::debug!(conn = %self.conn, %error, "a frame makes no sense");
            batch.push(Input::Garbled(self.conn, error.fault()));
            return;
        }
        let asks = |said: &Said| matches!(said.packet, ClientPacket::SignIn { .. });
        if self.hearing == Hearing::Stranger && said[before..].iter().any(asks) {
            self.hearing = Hearing::SignIn;
        }
    }

    /// Where the frame ends is beyond reach: nothing more is read, and the core ends the connection.
    fn oversize(&mut self, batch: &mut Batch) {
        self.context.counts.oversize_frames.one();
        batch.push(Input::Oversize(self.conn));
        self.hearing = Hearing::Nothing;
    }

    // ---- out -----------------------------------------------------------------------------------------

    /// Writes a batch, with one flush.
    async fn write(&mut self, batch: Vec<Out>) -> Result<(), Ended> {
        let mut frames = Frames::default();
        for out in batch {
            match out {
                Out::Packet(outgoing) => {
                    self.encode(outgoing.packet(), None, &mut frames);
                    self.feed_all(&mut frames).await?;
                }
                Out::Shared(outgoing, shared) => {
                    self.encode(outgoing.packet(), Some(&shared), &mut frames);
                    self.feed_all(&mut frames).await?;
                }
                // Now and then, so what it needs is not kept for each idle connection.
                Out::Replay(outgoing, sound) => {
                    Box::pin(self.replay(outgoing.packet(), sound, &mut frames)).await?;
                }
                Out::Barrier(number) => self.feed(Frame::Ping(number)).await?,
                Out::SignedIn(device) => {
                    self.codec.signed_in(&device);
                    self.hearing = Hearing::User;
                    self.feed(Frame::Limit(self.dialect.frame_bytes())).await?;
                }
                Out::Pause => self.paused = true,
                Out::Resume => self.paused = false,
                Out::Close(reason) => self.goodbye = reason,
            }
        }
        let flush = self.transport.flush();
        self.context.patiently(flush).await
    }

    /// A talk that was missed, from its start to its end. Without its sound, only the end.
    async fn replay(
        &mut self,
        packet: &ServerPacket,
        sound: SoundName,
        frames: &mut Frames,
    ) -> Result<(), Ended> {
        let context = Arc::clone(&self.context);
        match (context.library.play(sound).await, packet) {
            (Ok(played), ServerPacket::Deliver(row)) => {
                if let Entry::Message(message) = &*row.entry {
                    self.codec.encode_replay(message, Replay::Start, frames);
                    self.feed_all(frames).await?;
                    for piece in &played.pieces {
                        self.codec.encode_replay(message, Replay::Sound(piece), frames);
                        self.feed_all(frames).await?;
                    }
                }
            }
            (Err(error), _) => {
                context.counts.not_replayed.one();
                tracing::error!(conn = %self.conn, %error, "a missed talk cannot be played; its end is sent alone");
            }
            _ => {}
        }
        self.encode(packet, None, frames);
        self.feed_all(frames).await
    }

    fn encode(&mut self, packet: &ServerPacket, shared: Option<&Shared>, frames: &mut Frames) {
        let encoded = match shared {
            Some(shared) => self.codec.encode_shared(packet, shared, frames),
            None => self.codec.encode_server(packet, frames),
        };
        if let Err(error) = encoded {
            self.context.counts.not_encoded.one();
            tracing::warn!(conn = %self.conn, %error, "a packet has no words in this dialect");
        }
    }

    async fn feed_all(&mut self, frames: &mut Frames) -> Result<(), Ended> {
        for frame in frames.drain() {
            self.context.counts.frames_out.one();
            self.feed(Frame::Binary(frame)).await?;
        }
        Ok(())
    }

    async fn feed(&mut self, frame: Frame) -> Result<(), Ended> {
        let feed = self.transport.feed(frame);
        self.context.patiently(feed).await
    }

    /// Says goodbye, and gives the peer a moment to read it.
    async fn close(&mut self) {
        let code = close_code(&self.goodbye);
        let goodbye = async {
            self.transport.send(Frame::Close(code)).await?;
            self.transport.close().await
        };
        if !matches!(timeout(self.context.config.linger, goodbye).await, Ok(Ok(()))) {
            tracing::debug!(conn = %self.conn, "the peer did not wait for the goodbye, or did not read it");
        }
    }
}

impl Context {
    /// How much may wait in an outbox: a window of rows, and what is beside it.
    pub(crate) fn outbox_room(&self) -> usize {
        let window = usize::try_from(self.config.core.window.rows).unwrap_or(usize::MAX);
        window.saturating_add(ROOM_BEYOND_WINDOW)
    }

    /// Hands a batch to the node, when there is room for so many bytes and for one more batch.
    async fn tell(&self, inputs: Vec<Input>, bytes: usize) -> Result<(), Ended> {
        if inputs.is_empty() {
            return Ok(());
        }
        let room = self.room.take(bytes).await;
        self.node.send(ToNode::Heard(inputs, room)).await.map_err(|_| Ended::Gone)
    }

    /// Waits for a write, but not for ever: a peer that reads nothing is let go.
    async fn patiently(&self, write: impl Future<Output = io::Result<()>>) -> Result<(), Ended> {
        let mut write = pin!(write);
        // Nearly always the socket takes it at once: then no timer is made.
        let at_once = poll_fn(|cx| Poll::Ready(write.as_mut().poll(cx))).await;
        let written = match at_once {
            Poll::Ready(written) => written,
            Poll::Pending => match timeout(self.config.write_stall, write).await {
                Ok(written) => written,
                Err(_) => {
                    self.counts.write_stalls.one();
                    return Err(Ended::Slow);
                }
            },
        };
        written.map_err(|_| Ended::Gone)
    }
}

/// Inputs of one connection, in order, packets side by side in one list.
struct Batch {
    conn: ConnId,
    inputs: Vec<Input>,
    said: Vec<Said>,
    packets: usize,
}

impl Batch {
    const fn new(conn: ConnId) -> Self {
        Self { conn, inputs: Vec::new(), said: Vec::new(), packets: 0 }
    }

    /// Where decoded packets go.
    const fn said(&mut self) -> &mut Vec<Said> {
        &mut self.said
    }

    const fn packets(&self) -> usize {
        self.packets + self.said.len()
    }

    /// Adds something else than packets, after those so far.
    fn push(&mut self, input: Input) {
        self.end_run();
        self.packets += 1;
        self.inputs.push(input);
    }

    fn end_run(&mut self) {
        if !self.said.is_empty() {
            self.packets += self.said.len();
            self.inputs.push(Input::Packets(self.conn, std::mem::take(&mut self.said)));
        }
    }

    fn into_inputs(mut self) -> Vec<Input> {
        self.end_run();
        self.inputs
    }
}

/// The web socket code of a goodbye. The words for it, where the dialect has any, were sent before.
const fn close_code(reason: &CloseReason) -> Option<u16> {
    match reason {
        CloseReason::Bye | CloseReason::LoggedOut => Some(1000),
        CloseReason::GoingAway => Some(1001),
        CloseReason::TooLong => Some(1009),
        // Of the range for applications: a client is to sign in anew, with another token.
        CloseReason::Expired | CloseReason::Revoked => Some(4401),
        CloseReason::Unavailable => Some(1013),
        // The msgpack clients expect to be closed without a code when somebody takes their place.
        CloseReason::Replaced { .. } => None,
        _ => Some(1008),
    }
}
