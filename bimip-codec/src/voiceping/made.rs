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
    text: OnceLock<Bytes>,
    number: OnceLock<Bytes>,
}

impl Made {
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
    let slot = shared.slot(state.form());
    if let Some(frame) = slot.get() {
        out.push(frame.clone());
        return Ok(());
    }
    let before = out.len();
    encode_server(state, me, packet, out)?;
    debug_assert!(out.len() <= before + 1, "such a packet is one frame, or none");
    if let Some(frame) = out.iter().nth(before) {
        // A copy of its own: the frame shares the memory of others, which must not wait for the slowest reader. If
        // another thread was first, it made the same.
        let _ = slot.set(Bytes::copy_from_slice(frame));
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
