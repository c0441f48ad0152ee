//! A whole world in one thread: clients, network, server and disk, from one seed.

mod bot;
pub mod checker;
mod disk;
mod host;
mod lie;
mod node;
mod plan;
mod rng;
mod store;
mod story;
mod wire;
mod world;

pub use self::bot::{Bot, Hand, Rest};
pub use self::lie::Lie;
pub use self::plan::Plan;
pub use self::rng::Rng;
pub use self::wire::{Direct, DirectWalkie, Wire};
pub use self::world::World;
