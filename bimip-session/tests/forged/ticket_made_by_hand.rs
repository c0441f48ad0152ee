// A ticket has no public constructor and no public fields.
use bimip_session::ledger::Ticket;

fn main() {
    let _ = Ticket::new;
    let _ = Ticket { puts: Vec::new() };
}
