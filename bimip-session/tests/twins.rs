//! Nobody learns anything of what is not theirs, whatever they name: a world is compared with its twin in which it is not there.
#![allow(clippy::unwrap_used, reason = "test code")]

mod harness;
mod outsiders;

use bimip_proto::{Caps, ClientPacket, Device, Said, ServerPacket};
use outsiders::{Mouth, Tally, outsiders_learn_nothing};

/// Words as the machine has them, for a dialect of these abilities.
#[derive(Debug)]
struct Plain(Caps);

impl Mouth for Plain {
    fn caps(&self) -> Caps {
        self.0
    }

    fn connect(&mut self, _: &Device) {}

    fn says(&mut self, packet: &ClientPacket) -> Option<Vec<Said>> {
        Some(vec![packet.clone().into()])
    }

    fn hears(&mut self, packet: &ServerPacket) -> Vec<u8> {
        format!("{packet:?}").into_bytes()
    }
}

fn all_seeds(caps: Caps) {
    let mut tally = Tally::default();
    for seed in 0..if cfg!(miri) { 1 } else { 25 } {
        outsiders_learn_nothing(seed, &|| Box::new(Plain(caps)), &mut tally);
    }
    assert!(cfg!(miri) || (tally.twins > 400 && tally.former > 20), "{tally:?}");
    let asked = ["Send", "Talk", "Delivered", "Mark", "Revise", "Group", "Join", "Leave", "Query"];
    assert!(cfg!(miri) || asked.iter().all(|kind| tally.said.contains_key(kind)), "{tally:?}");
}

// MISSION A1
// DM-GRP-5, DM-GRP-16, DM-GRP-19, DM-RCP-4, DM-REV-1, DM-HIS-5
#[test]
fn an_outsider_cannot_tell_what_is_not_theirs_from_what_is_not_there() {
    all_seeds(Caps::FULL);
}

#[test]
fn nor_can_one_of_the_deployed_layout() {
    all_seeds(Caps::DEPLOYED);
}

#[test]
fn nor_can_a_walkie_talkie() {
    all_seeds(Caps::WALKIE);
}
