//! What happens to packets on their way: nothing, or a trip through a dialect.

use std::fmt;
use std::sync::Arc;

use bimip_proto::{Caps, ClientPacket, Device, Entry, MessageId, Offset, Row, Said, Seq, ServerPacket};

/// One side's packets as the other side gets them. A wire through a codec lives where both crates are known;
/// this crate has the ones without.
pub trait Wire: fmt::Debug {
    /// What the dialect can say.
    fn caps(&self) -> Caps;
    /// A new connection of this device.
    fn connect(&mut self, device: &Device);
    /// From the client to the server.
    fn up(&mut self, packet: ClientPacket) -> Vec<Said>;
    /// From the server to the client.
    fn down(&mut self, packet: ServerPacket) -> Vec<ServerPacket>;
}

/// Packets arrive as they were sent.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Direct;

impl Wire for Direct {
    fn caps(&self) -> Caps {
        Caps::FULL
    }

    fn connect(&mut self, _: &Device) {}

    fn up(&mut self, packet: ClientPacket) -> Vec<Said> {
        vec![packet.into()]
    }

    fn down(&mut self, packet: ServerPacket) -> Vec<ServerPacket> {
        vec![packet]
    }
}

/// Packets lose what the msgpack dialect has no words for: numbers of rows, ids, welcomes and refusals.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct DirectWalkie;

impl Wire for DirectWalkie {
    fn caps(&self) -> Caps {
        Caps::WALKIE
    }

    fn connect(&mut self, _: &Device) {}

    fn up(&mut self, packet: ClientPacket) -> Vec<Said> {
        vec![packet.into()]
    }

    fn down(&mut self, packet: ServerPacket) -> Vec<ServerPacket> {
        match packet {
            ServerPacket::Welcome(_) | ServerPacket::Rejected { .. } | ServerPacket::Noted(_) => Vec::new(),
            ServerPacket::Accepted { mut head, .. } => {
                head.id = MessageId::NONE;
                head.seq = Seq(0);
                vec![ServerPacket::Accepted { client_ref: None, head, offset: Offset::ZERO }]
            }
            ServerPacket::Deliver(row) => {
                let mut entry = Entry::clone(&row.entry);
                match &mut entry {
                    Entry::Message(message) => message.head.id = MessageId::NONE,
                    Entry::Receipt(receipt) => {
                        for names in &mut receipt.messages {
                            names.id = MessageId::NONE;
                        }
                    }
                    _ => {}
                }
                vec![ServerPacket::Deliver(Row {
                    prev: Offset::ZERO,
                    offset: Offset::ZERO,
                    entry: Arc::new(entry),
                })]
            }
            other => vec![other],
        }
    }
}
