//! Frames that several connections are written alike.

use std::sync::OnceLock;

use bimip_proto::{Device, Entry, ServerPacket};
use bytes::Bytes;

use super::encode_server::encode_server;
use super::id::IdForm;
use super::state::State;
use crate::{EncodeError, Frames};

/// The frame of one packet, in each form of ids.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Of the form that was asked for first, if it is short.
    short: OnceLock<Short>,
    text: OnceLock<Bytes>,
    number: OnceLock<Bytes>,
}

/// A frame in the memory of the memo itself: a piece of live sound passes without an allocation, many times a second.
#[derive(Debug)]
struct Short {
    form: IdForm,
    len: usize,
    bytes: [u8; Self::BYTES],
}

impl Short {
    /// 60 ms of speech at 16 kbit/s, and around it two ids as apps make them.
    const BYTES: usize = 224;

    fn of(form: IdForm, frame: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        bytes.get_mut(..frame.len())?.copy_from_slice(frame);
        Some(Self { form, len: frame.len(), bytes })
    }
}

impl Made {
    /// Adds the frame, if it was made.
    fn put(&self, form: IdForm, out: &mut Frames) -> bool {
        match self.short.get() {
            Some(short) if short.form == form => {
                out.filled(short.len, |room| room.copy_from_slice(&short.bytes[..short.len]));
                true
            }
            _ => self.slot(form).get().map(|frame| out.push(frame.clone())).is_some(),
        }
    }

    /// Keeps a copy: the frame shares the memory of others, which must not wait for the slowest reader. If another
    /// thread was first, it made the same.
    fn keep(&self, form: IdForm, frame: &[u8]) {
        if self.short.get().is_none()
            && let Some(short) = Short::of(form, frame)
            && self.short.set(short).is_ok()
        {
            return;
        }
        let _ = self.slot(form).set(Bytes::copy_from_slice(frame));
    }

    const fn slot(&self, form: IdForm) -> &OnceLock<Bytes> {
        match form {
            IdForm::Text => &self.text,
            IdForm::Number => &self.number,
        }
    }
}

/// As [`encode_server`], with what readers are written alike made once.
pub(crate) fn encode_shared(
    state: &State,
    me: Option<&Device>,
    packet: &ServerPacket,
    shared: &Made,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    if !is_alike(packet) {
        return encode_server(state, me, packet, out);
    }
    if shared.put(state.form(), out) {
        return Ok(());
    }
    let before = out.len();
    encode_server(state, me, packet, out)?;
    debug_assert!(out.len() <= before + 1, "such a packet is one frame, or none");
    if let Some(frame) = out.iter().nth(before) {
        shared.keep(state.form(), frame);
    }
    Ok(())
}

/// Whether the frame of a packet does not say who reads it. A receipt does.
fn is_alike(packet: &ServerPacket) -> bool {
    match packet {
        ServerPacket::Talk(_) => true,
        ServerPacket::Deliver(row) => matches!(&*row.entry, Entry::Message(_)),
        _ => false,
    }
}
