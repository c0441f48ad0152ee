// A settlement turns into proofs once, and not after it failed.
use bimip_session::ledger::{Failure, Settlement};

fn twice(settlement: Settlement) {
    let _ = settlement.failed(Failure::Full);
    let _ = settlement.committed();
}

fn main() {
    let _ = twice;
}
