//! The format of server-sent events.

use bimip_proto::{Offset, ServerPacket};

use crate::{EncodeError, Frames, Shared, events};

/// Writes packets as server-sent events: ST-SSE-1 to 4.
///
/// ```
/// use bimip_codec::stream::Sse;
/// use bimip_proto::{CloseReason, ServerPacket};
///
/// let mut text = Vec::new();
/// Sse::default().packet(&ServerPacket::Bye(CloseReason::ComeBack), None, &mut text)?;
/// assert_eq!(text, b"data: {\"type\":\"bye\",\"reason\":\"come_back\"}\n\n");
/// # Ok::<(), bimip_codec::EncodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct Sse {
    frames: Frames,
}

impl Sse {
    /// Adds the events of a packet to `to`: one, several, or none where JSON events have no words for it. The last one of a
    /// row has its offset for an id, and a row of which nothing is said has one all the same.
    ///
    /// # Errors
    /// [`EncodeError`] when the packet cannot be written; `to` is then as it was.
    pub fn packet(
        &mut self,
        packet: &ServerPacket,
        shared: Option<&Shared>,
        to: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.frames.truncate(0);
        events::encode_server(packet, shared.map(|it| &it.events), &mut self.frames)?;
        let row = match packet {
            ServerPacket::Deliver(row) => Some(row.offset),
            _ => None,
        };
        if self.frames.is_empty()
            && let Some(Offset(offset)) = row
        {
            to.extend_from_slice(format!("id: {offset}\n\n").as_bytes());
        }
        let last = self.frames.len().saturating_sub(1);
        for (index, frame) in self.frames.drain().enumerate() {
            if let Some(Offset(offset)) = row.filter(|_| index == last) {
                to.extend_from_slice(format!("id: {offset}\n").as_bytes());
            }
            data(&frame, to);
        }
        Ok(())
    }

    /// Adds a sign of life, which readers skip.
    pub fn heartbeat(to: &mut Vec<u8>) {
        to.extend_from_slice(b":\n\n");
    }

    /// Adds how long a client waits before it comes back.
    pub fn retry(ms: u32, to: &mut Vec<u8>) {
        to.extend_from_slice(format!("retry: {ms}\n\n").as_bytes());
    }
}

/// An event. JSON that a client sent may have line ends between its fields, and each line stands for itself.
fn data(frame: &[u8], to: &mut Vec<u8>) {
    to.reserve(frame.len() + 8);
    for line in frame.split(|byte| matches!(byte, b'\n' | b'\r')) {
        to.extend_from_slice(b"data: ");
        to.extend_from_slice(line);
        to.push(b'\n');
    }
    to.push(b'\n');
}
