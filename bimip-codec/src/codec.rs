//! One end of one connection.

use bimip_proto::{ClientPacket, Device, Message, Said, ServerPacket};
use bytes::Bytes;

use crate::scheme::deployed;
use crate::{DecodeError, Dialect, EncodeError, Frames, Shared, chat, events, scheme, voiceping};

/// A step of a recorded talk, for [`Codec::encode_replay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it begins, and then there is sound; its end is the message")]
pub enum Replay<'a> {
    /// The talk begins.
    Start,
    /// A piece of sound, as it was recorded.
    Sound(&'a [u8]),
}

/// Reads and writes the frames of one connection, at a server's end (`decode_client`, `encode_server`) or at a
/// client's (`encode_client`, `decode_server`).
///
/// It is small (about a hundred bytes), because a server keeps one for every idle connection.
///
/// # What a dialect loses
/// Packets say more than each dialect has words for. What is lost on the way is written at
/// [`voiceping`](crate::voiceping#what-is-lost) and [`scheme`](crate::scheme#what-is-lost); everything else
/// comes out as it went in.
#[derive(Debug)]
pub struct Codec {
    me: Option<Device>,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    VoicePing(voiceping::State),
    Scheme(scheme::State),
    Deployed(deployed::State),
    Events(events::State),
    Chat(chat::State),
}

impl Codec {
    /// For a connection that nobody has signed in on yet.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        let inner = match dialect {
            Dialect::VoicePing => Inner::VoicePing(voiceping::State::default()),
            Dialect::Scheme => Inner::Scheme(scheme::State::default()),
            Dialect::Deployed => Inner::Deployed(deployed::State::default()),
            Dialect::Events => Inner::Events(events::State::default()),
            Dialect::Chat => Inner::Chat(chat::State::default()),
        };
        Self { me: None, inner }
    }

    /// The dialect it was made for.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.inner {
            Inner::VoicePing(_) => Dialect::VoicePing,
            Inner::Scheme(_) => Dialect::Scheme,
            Inner::Deployed(_) => Dialect::Deployed,
            Inner::Events(_) => Dialect::Events,
            Inner::Chat(_) => Dialect::Chat,
        }
    }

    /// Whose connection this is, from here on. Claims of frames are compared with it; it is never changed by a
    /// frame.
    pub fn signed_in(&mut self, device: &Device) {
        self.me = Some(device.clone());
    }

    /// Server: reads a client's frame and adds what it says to `out`: one word, several, or nothing.
    ///
    /// # Errors
    /// [`DecodeError`] when the frame says nothing; `out` is then as it was.
    pub fn decode_client(&mut self, frame: Bytes, out: &mut Vec<Said>) -> Result<(), DecodeError> {
        check_len(self.dialect(), frame.len())?;
        match &mut self.inner {
            Inner::VoicePing(state) => out.extend(voiceping::decode_client(state, self.me.as_ref(), frame)?),
            Inner::Scheme(_) => scheme::decode_client(self.me.as_ref(), frame, out)?,
            Inner::Deployed(state) => deployed::decode_client(state, self.me.as_ref(), frame, out)?,
            Inner::Events(_) => out.push(events::decode_client(self.me.as_ref(), &frame)?),
            Inner::Chat(_) => chat::decode_client(self.me.as_ref(), &frame, out)?,
        }
        Ok(())
    }

    /// Server: adds the frames of a packet to `out`: one, several, or none where the dialect passes it over.
    ///
    /// # Errors
    /// [`EncodeError`] when the packet cannot be written; `out` is then as it was.
    pub fn encode_server(&mut self, packet: &ServerPacket, out: &mut Frames) -> Result<(), EncodeError> {
        let (me, before) = (self.me.as_ref(), out.len());
        let written = match &mut self.inner {
            Inner::VoicePing(state) => voiceping::encode_server(state, me, packet, out),
            Inner::Scheme(_) => scheme::encode_server(me, packet, out),
            Inner::Deployed(state) => deployed::encode_server(state, me, packet, out),
            Inner::Events(_) => events::encode_server(packet, None, out),
            Inner::Chat(state) => chat::encode_server(state, packet, None, out),
        };
        undo_on_error(written, out, before)
    }

    /// Server: as [`encode_server`](Self::encode_server), where several connections are given the same packet.
    ///
    /// The bytes are those of `encode_server`. Messages and steps of talks are made once for each dialect and form
    /// of ids; a connection adds what is its own, which is nothing in `voiceping` and the place of the row in
    /// `bimip.v1`. Every other packet is written as if nothing were shared.
    ///
    /// `shared` belongs to this packet alone (see [`Shared`]); a debug build panics if it came with another.
    ///
    /// # Errors
    /// [`EncodeError`] when the packet cannot be written; `out` is then as it was.
    pub fn encode_shared(
        &mut self,
        packet: &ServerPacket,
        shared: &Shared,
        out: &mut Frames,
    ) -> Result<(), EncodeError> {
        let (me, before) = (self.me.as_ref(), out.len());
        let written = match &mut self.inner {
            Inner::VoicePing(state) => voiceping::encode_shared(state, me, packet, &shared.voiceping, out),
            Inner::Scheme(_) => scheme::encode_shared(me, packet, &shared.scheme, out),
            Inner::Events(_) => events::encode_server(packet, Some(&shared.events), out),
            Inner::Chat(state) => chat::encode_server(state, packet, Some(&shared.chat), out),
            // It remembers what it writes, and fans out to two users only.
            Inner::Deployed(_) => return self.encode_server(packet, out),
        };
        if cfg!(debug_assertions) && written.is_ok() {
            let made = out.len();
            let alone = self.encode_server(packet, out);
            let same = out.iter().take(made).skip(before).eq(out.iter().skip(made));
            assert!(alone.is_ok() && same, "a Shared was used with the packet of another");
            out.truncate(made);
        }
        undo_on_error(written, out, before)
    }

    /// Server: adds a step of the talk that became `message` to `out`, for somebody who missed it. The end of the talk is
    /// the message, which is written as ever. A dialect without live voice writes nothing.
    pub fn encode_replay(&mut self, message: &Message, step: Replay<'_>, out: &mut Frames) {
        match &self.inner {
            Inner::VoicePing(state) => voiceping::encode_replay(state, message, step, out),
            Inner::Scheme(_) | Inner::Deployed(_) | Inner::Events(_) | Inner::Chat(_) => {}
        }
    }

    /// Client: adds the frames of a packet to `out`.
    ///
    /// # Errors
    /// [`EncodeError`] when the dialect has no word for the packet, when it would be too long to be read, or
    /// when nobody is signed in and the frame would have to say who speaks; `out` is then as it was.
    pub fn encode_client(&mut self, packet: &ClientPacket, out: &mut Frames) -> Result<(), EncodeError> {
        let (me, before) = (self.me.as_ref(), out.len());
        let written = match &self.inner {
            Inner::VoicePing(_) => voiceping::encode_client(me, packet, out),
            Inner::Scheme(_) => scheme::encode_client(me, packet, out),
            Inner::Deployed(_) => deployed::encode_client(me, packet, out),
            Inner::Events(_) => events::encode_client(packet, out),
            Inner::Chat(state) => chat::encode_client(state, packet, out),
        };
        let max_bytes = self.dialect().frame_bytes();
        let written = written.and_then(|()| match out.longest_since(before) {
            len_bytes if len_bytes > max_bytes => Err(EncodeError::TooLong { len_bytes, max_bytes }),
            _ => Ok(()),
        });
        undo_on_error(written, out, before)
    }

    /// Client: reads a server's frame and adds what it says to `out`. Some frames say nothing yet: a part of a
    /// receipt.
    ///
    /// # Errors
    /// [`DecodeError`] when the frame cannot be read; `out` is then as it was.
    pub fn decode_server(&mut self, frame: Bytes, out: &mut Vec<ServerPacket>) -> Result<(), DecodeError> {
        check_len(self.dialect(), frame.len())?;
        let me = self.me.as_ref();
        match &mut self.inner {
            Inner::VoicePing(_) => out.push(voiceping::decode_server(frame)?),
            Inner::Scheme(state) => out.extend(scheme::decode_server(state, frame)?),
            Inner::Deployed(_) => out.push(deployed::decode_server(me, frame)?),
            Inner::Events(state) => out.extend(events::decode_server(state, me, &frame)?),
            Inner::Chat(state) => out.extend(chat::decode_server(state, me, &frame)?),
        }
        Ok(())
    }
}

fn check_len(dialect: Dialect, len_bytes: usize) -> Result<(), DecodeError> {
    let max_bytes = dialect.frame_bytes();
    if len_bytes > max_bytes { Err(DecodeError::TooLong { len_bytes, max_bytes }) } else { Ok(()) }
}

fn undo_on_error(
    written: Result<(), EncodeError>,
    out: &mut Frames,
    before: usize,
) -> Result<(), EncodeError> {
    if written.is_err() {
        out.truncate(before);
    }
    written
}
