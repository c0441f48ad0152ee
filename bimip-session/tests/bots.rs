//! Apps in the simulated world: what they keep, what they lose, and that a wrong one is found out.

use std::cell::RefCell;
use std::rc::Rc;

use bimip_proto::{Address, Entry, Status, UserId};
use bimip_session::client::Event;
use bimip_session::sim::{Bot, Hand, Plan, Rest, World};

fn for_devices(
    make: impl Fn() -> Box<dyn Bot> + 'static,
) -> impl FnMut(&bimip_proto::Device) -> Option<Box<dyn Bot>> {
    move |device| (device.name.as_str() != "voiceping").then(&make)
}

/// Counts messages; a careless one does not look into its store when it starts.
#[derive(Debug)]
struct Counter {
    careless: bool,
    count: usize,
}

impl Bot for Counter {
    fn start(&mut self, hand: &mut Hand<'_>) {
        if !self.careless {
            self.count = messages(hand.rows());
        }
    }

    fn event(&mut self, _: &mut Hand<'_>, event: &Event) {
        let Event::Received(row) = event else { return };
        self.count += usize::from(matches!(&*row.entry, Entry::Message(_)));
    }

    fn at_rest(&self, rest: &Rest<'_>) -> Result<(), String> {
        let there = messages(rest.rows);
        if self.count == there { Ok(()) } else { Err(format!("counted {} of {there}", self.count)) }
    }
}

fn messages(rows: &[(bimip_proto::Offset, std::sync::Arc<Entry>)]) -> usize {
    rows.iter().filter(|(_, entry)| matches!(&**entry, Entry::Message(_))).count()
}

fn violations(seed: u64, careless: bool) -> Vec<String> {
    let make = move || Box::new(Counter { careless, count: 0 }) as Box<dyn Bot>;
    let mut world = World::new(seed, Plan::small()).with_bots(for_devices(make));
    world.run();
    world.violations().to_vec()
}

#[test]
fn a_careful_bot_passes_and_a_careless_one_is_found_out() {
    for seed in 0..40 {
        assert_eq!(violations(seed, false), [] as [String; 0], "seed {seed}");
    }
    let found = (0..40).flat_map(|seed| violations(seed, true)).next();
    assert!(found.as_ref().is_some_and(|found| found.starts_with("bot: ")), "{found:?}");
}

/// Sends, marks, wakes itself up, and keeps how often it did.
#[derive(Debug, Default)]
struct Busy {
    told: Rc<RefCell<Vec<String>>>,
}

impl Bot for Busy {
    fn start(&mut self, hand: &mut Hand<'_>) {
        self.told.borrow_mut().push(format!("start {:?}", hand.kept("turns")));
        hand.wake_in(1_000);
    }

    fn event(&mut self, hand: &mut Hand<'_>, event: &Event) {
        match event {
            Event::Received(row) => {
                if let Entry::Message(message) = &*row.entry
                    && message.head.is_for(&hand.device().user)
                    && let Some(name) = message.head.names().reference()
                {
                    hand.mark(name, Status::Played);
                }
            }
            Event::Sent { client_ref: Some(name), .. } => self.told.borrow_mut().push(name.to_string()),
            _ => {}
        }
    }

    fn wake(&mut self, hand: &mut Hand<'_>) {
        let turns = hand.kept("turns").map_or(0, |turns| turns[0]) + 1;
        if turns <= 20 {
            hand.keep("turns", vec![turns]);
            let to = UserId::new("b_1").expect("a constant");
            hand.send(Address::User(to), &format!("turn {turns}"));
            hand.wake_in(2_000);
        }
    }
}

#[test]
fn what_a_bot_says_is_checked_like_everything_else() {
    let told = Rc::new(RefCell::new(Vec::new()));
    for seed in 0..20 {
        let shared = Rc::clone(&told);
        let make = move || Box::new(Busy { told: Rc::clone(&shared) }) as Box<dyn Bot>;
        let mut world = World::new(seed, Plan::small()).with_bots(for_devices(make));
        world.run();
        assert_eq!(world.violations(), &[] as &[String], "seed {seed}");
    }
    let told = told.borrow();
    let again = told.iter().filter(|it| it.starts_with("start Some")).count();
    assert!(again > 5, "some began again with what they had kept: {again}");
    assert!(told.iter().filter(|it| it.starts_with('<')).count() > 500, "they sent");
}

#[test]
fn worlds_with_bots_are_replayed_too() {
    let digest = |seed| {
        let make = || Box::<Busy>::default() as Box<dyn Bot>;
        let mut world = World::new(seed, Plan::small()).with_bots(for_devices(make));
        world.run();
        world.digest()
    };
    for seed in 0..5 {
        assert_eq!(digest(seed), digest(seed), "seed {seed}");
    }
}
