//! What happened, as lines to read and as a number to compare.

use bimip_proto::{ClientPacket, Entry, Floor, Noted, ServerPacket};

/// The digest is always kept, as it costs a few operations for each packet; lines only when asked for.
#[derive(Debug)]
pub(super) struct Story {
    digest: u64,
    lines: Option<Vec<String>>,
}

impl Default for Story {
    fn default() -> Self {
        Self { digest: 0xcbf2_9ce4_8422_2325, lines: None }
    }
}

impl Story {
    pub(super) fn keep(&mut self) {
        self.lines.get_or_insert_default();
    }

    pub(super) const fn is_kept(&self) -> bool {
        self.lines.is_some()
    }

    pub(super) fn line(&mut self, line: String) {
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    pub(super) fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }

    pub(super) const fn digest(&self) -> u64 {
        self.digest
    }

    /// Folds facts into the digest, in the order they happen.
    pub(super) fn fold(&mut self, facts: &[u64]) {
        for fact in facts {
            self.digest = (self.digest ^ fact).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
    }
}

/// What a packet of a server is about, in three numbers.
pub(super) fn facts(packet: &ServerPacket) -> [u64; 3] {
    match packet {
        ServerPacket::Accepted { head, offset, .. } => [1, head.id.sequence() ^ head.stamp.0, offset.0],
        ServerPacket::Rejected { .. } => [2, 0, 0],
        ServerPacket::Deliver(row) => [3, row.offset.0, row.prev.0],
        ServerPacket::Welcome(it) => [4, it.resume_from.0, it.head.0],
        ServerPacket::Noted(Noted::Disposed(upto)) => [5, upto.0, 0],
        ServerPacket::Noted(_) => [6, 0, 0],
        ServerPacket::Floor(Floor::Ended { head }) => [7, head.id.sequence(), head.stamp.0],
        ServerPacket::Floor(_) => [8, 0, 0],
        ServerPacket::Talk(_) => [9, 0, 0],
        ServerPacket::Bye(_) => [10, 0, 0],
        _ => [11, 0, 0],
    }
}

pub(super) fn describe(packet: &ServerPacket) -> String {
    match packet {
        ServerPacket::Accepted { head, offset, .. } => format!("Accepted {:?} @{offset}", head.id),
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(message) => {
                let head = &message.head;
                format!("Deliver @{} after {} {:?} from {}", row.offset, row.prev, head.id, head.from)
            }
            Entry::Receipt(receipt) => {
                let ids: Vec<_> = receipt.messages.iter().map(|names| names.id).collect();
                let (status, by) = (receipt.status, &receipt.by);
                format!("Deliver @{} after {} {status:?} {ids:?} by {by}", row.offset, row.prev)
            }
            _ => format!("Deliver @{}", row.offset),
        },
        other => format!("{other:?}"),
    }
}

pub(super) fn describe_client(packet: &ClientPacket) -> String {
    match packet {
        ClientPacket::Send(draft) => {
            format!("Send {} to {}", String::from_utf8_lossy(&draft.body.bytes), draft.to)
        }
        other => format!("{other:?}"),
    }
}
