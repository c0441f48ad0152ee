//! A whole world in one thread: clients, network, server and disk, from one seed.
//!
//! [`World`] drives the real machines. Its network delays, cuts and loses what is in the air; its disk loses what
//! was not synced when the server crashes; its clients crash too and forget what they had not stored; its wall
//! clock jumps. Everything is drawn from one seed, so a world can be run again to the byte ([`World::story`]).
//!
//! The checkers ([`checker`]) are apart from the world. They look at what leaves the core, at what apps were told,
//! and at the disk; they know nothing of how the machines work.
//!
//! ```
//! use bimip_session::sim::{Plan, World};
//!
//! let mut world = World::new(7, Plan::small());
//! world.run();
//! assert_eq!(world.violations(), &[] as &[String]);
//! ```
//!
//! A disk can be told to lie ([`Lie`]): the checkers must notice, or they check nothing.

pub mod checker;
mod disk;
mod node;
mod plan;
mod rng;
mod wire;
mod world;

pub use self::disk::Lie;
pub use self::plan::Plan;
pub use self::rng::Rng;
pub use self::wire::{Direct, DirectWalkie, Wire};
pub use self::world::World;
