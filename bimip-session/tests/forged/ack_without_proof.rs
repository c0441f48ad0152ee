// A packet for a socket is made by the core, and an ack only from a proof.
use bimip_proto::{Noted, Offset, ServerPacket};
use bimip_session::ledger::Outgoing;

fn main() {
    let _ = Outgoing::ack;
    let _ = Outgoing::live;
    let _ = Outgoing(ServerPacket::Noted(Noted::Disposed(Offset(1))));
}
