// A proof comes from a settlement, and a settlement from tickets.
use bimip_session::ledger::{Committed, Settlement};

fn main() {
    let _ = Committed { outcomes: Vec::new(), deliveries: Vec::new() };
    let _ = Settlement { writes: Vec::new(), settled: Vec::new() };
}
