// A ticket is spent by settling or failing it, and cannot be copied first.
use bimip_session::ledger::{Failure, Ticket};

fn twice(ticket: Ticket) {
    let copy = ticket.clone();
    let _ = ticket.failed(Failure::Unavailable);
    let _ = ticket.failed(Failure::Unavailable);
    drop(copy);
}

fn main() {
    let _ = twice;
}
