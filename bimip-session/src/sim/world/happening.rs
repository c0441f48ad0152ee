//! What happens, one thing at a time.

use bimip_proto::{
    Address, ClientRef, Draft, GroupAct, GroupId, MessageRef, Query, Status, Talk, TalkAct, UserId,
};

use super::World;
use super::network::{Down, Up};
use crate::client::Live;
use crate::server::{self, ConnId};
use crate::sim::disk::Question;

/// What is going to happen. What belongs to a life that is over by then does not.
#[derive(Debug)]
pub(super) enum Happening {
    // Work.
    Send {
        node: usize,
        to: Address,
    },
    Again {
        node: usize,
        life: u64,
        draft: Draft,
    },
    Read {
        node: usize,
        life: u64,
        message: MessageRef,
    },
    Talk {
        node: usize,
        to: Address,
        act: TalkAct,
    },
    Move {
        node: usize,
        group: usize,
        join: bool,
    },
    Query {
        node: usize,
        query: Query,
    },
    HowFar {
        node: usize,
        asking: HowFar,
    },
    Revise {
        node: usize,
    },
    Command {
        node: usize,
        group: GroupId,
        act: GroupAct,
    },
    Live {
        node: usize,
        live: Live,
    },
    Wake {
        node: usize,
        life: u64,
    },
    // The network.
    Dialed {
        node: usize,
        dial: u64,
    },
    Up(ConnId, Up),
    Down(ConnId, Down),
    // The cores, their disk, and each other.
    Input {
        core: usize,
        life: u64,
        input: server::Input,
    },
    Ask {
        core: usize,
        life: u64,
        question: Question,
    },
    Write {
        queue: usize,
    },
    Sync {
        life: u64,
    },
    // The devices.
    Store {
        node: usize,
        life: u64,
    },
    Restart {
        node: usize,
        life: u64,
    },
    // What goes wrong.
    Cut {
        node: usize,
    },
    Die {
        node: usize,
        up: bool,
        down: bool,
    },
    Stop {
        node: usize,
    },
    Start {
        node: usize,
    },
    CrashCore {
        core: usize,
    },
    CutPower,
    CrashClient {
        node: usize,
    },
    FailDisk {
        full: bool,
    },
    HealDisk,
    ClockJump {
        back: bool,
        by_ms: u64,
    },
    Spurious,
    /// And then nothing does any more.
    Calm,
}

impl Happening {
    /// Which kind, and about what: for the digest.
    fn facts(&self) -> [u64; 2] {
        match self {
            Self::Send { node, .. } => [1, *node as u64],
            Self::Again { node, .. } => [2, *node as u64],
            Self::Read { node, .. } => [3, *node as u64],
            Self::Talk { node, .. } => [4, *node as u64],
            Self::Move { node, .. } => [5, *node as u64],
            Self::Wake { node, .. } => [6, *node as u64],
            Self::Dialed { node, .. } => [7, *node as u64],
            Self::Up(conn, _) => [8, conn.0],
            Self::Down(conn, _) => [9, conn.0],
            Self::Input { core, .. } => [10, *core as u64],
            Self::Ask { core, .. } => [11, *core as u64],
            Self::Write { queue } => [12, *queue as u64],
            Self::Sync { life } => [13, *life],
            Self::Store { node, .. } => [14, *node as u64],
            Self::Restart { node, .. } => [15, *node as u64],
            Self::Cut { node } => [16, *node as u64],
            Self::Die { node, .. } => [17, *node as u64],
            Self::Stop { node } => [18, *node as u64],
            Self::Start { node } => [19, *node as u64],
            Self::CrashCore { core } => [20, *core as u64],
            Self::CutPower => [21, 0],
            Self::CrashClient { node } => [22, *node as u64],
            Self::FailDisk { full } => [23, u64::from(*full)],
            Self::HealDisk => [24, 0],
            Self::ClockJump { by_ms, .. } => [25, *by_ms],
            Self::Spurious => [26, 0],
            Self::Calm => [27, 0],
            Self::Query { node, .. } => [28, *node as u64],
            Self::HowFar { node, .. } => [29, *node as u64],
            Self::Revise { node } => [29, *node as u64],
            Self::Command { node, .. } => [30, *node as u64],
            Self::Live { node, .. } => [31, *node as u64],
        }
    }

    /// Whether rest need not wait for it.
    pub(super) const fn is_idle(&self) -> bool {
        // A core that polls asks about everybody all the time.
        matches!(
            self,
            Self::Wake { .. } | Self::Ask { .. } | Self::Input { input: server::Input::Attached(..), .. }
        )
    }
}

/// A question of how far a message got. Which one is picked when it is asked, of what there is by then.
#[derive(Debug)]
pub(super) struct HowFar {
    pub(super) id: ClientRef,
    pub(super) pick: u64,
    pub(super) after: Option<UserId>,
    pub(super) limit: u32,
}

impl World {
    pub(super) fn happen(&mut self, happening: Happening) {
        let [kind, about] = happening.facts();
        self.story.fold(&[self.now.mono_ms, kind, about]);
        match happening {
            Happening::Send { node, to } => self.send(node, to),
            Happening::Again { node, life, draft } if self.nodes[node].life == life => {
                self.again(node, draft);
            }
            Happening::Read { node, life, message } if self.nodes[node].life == life => {
                self.mark(node, message, Status::Read);
            }
            Happening::Talk { node, to, act } => {
                let from = self.nodes[node].device.user.clone();
                let now = self.now;
                self.session(node).talk(now, Talk { from, to, act });
            }
            Happening::Move { node, group, join } => {
                let (now, group) = (self.now, self.group(group).clone());
                let there = self.groups.contains(&group) || self.is_made(&group);
                let session = self.session(node);
                if !there {
                    // Whoever makes it comes first.
                } else if join {
                    session.join(now, group);
                } else {
                    session.leave_group(now, group);
                }
            }
            Happening::Query { node, query } => self.ask_about(node, query),
            Happening::HowFar { node, asking } => self.ask_how_far(node, asking),
            Happening::Revise { node } => self.revise(node),
            Happening::Command { node, group, act } => self.command(node, group, act),
            Happening::Live { node, live } => self.live(node, live),
            Happening::Wake { node, life } if self.nodes[node].life == life => {
                self.with_bot(node, |bot, hand| bot.wake(hand));
            }
            Happening::Dialed { node, dial } if self.nodes[node].dial == dial => self.dialed(node),
            Happening::Up(conn, up) => self.goes_up(conn, up),
            Happening::Down(conn, down) => self.goes_down(conn, down),
            Happening::Input { core, life, input } if self.cores[core].life == life => {
                self.input(core, input);
            }
            Happening::Ask { core, life, question } if self.cores[core].life == life => {
                let input = self.read(&question);
                self.input(core, input);
            }
            Happening::Write { queue } => self.write(queue),
            Happening::Sync { life } if self.disk_life == life => self.sync(),
            Happening::Store { node, life } if self.nodes[node].life == life => self.store(node),
            Happening::Restart { node, life } if self.nodes[node].life == life => self.start_over(node),
            Happening::Cut { node } => self.cut(node),
            Happening::Die { node, up, down } => self.die(node, up, down),
            Happening::Stop { node } => self.stop(node),
            Happening::Start { node } => self.nodes[node].stopped = false,
            Happening::CrashCore { core } => self.crash_core(core),
            Happening::CutPower => self.cut_power(),
            Happening::CrashClient { node } => self.crash_client(node),
            Happening::FailDisk { full } => self.fail_disk(full),
            Happening::HealDisk => self.disk.heal(),
            Happening::ClockJump { back, by_ms } => self.jump(back, by_ms),
            Happening::Spurious => self.ask_all_timers(),
            Happening::Calm => self.calms(),
            _ => {}
        }
        self.drain();
    }
}
