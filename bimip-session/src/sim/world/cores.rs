//! What the cores want done, and the disk under them.

use bimip_proto::{Device, ServerPacket, SoundName, UnixMs};

use super::World;
use super::beginning::SLOW;
use super::happening::Happening;
use super::network::Down;
use crate::Machine;
use crate::ledger::Ticket;
use crate::server::{self, Answered, ConnId, Grant, SoundAct, SoundId, Subject};
use crate::sim::disk::{Answer, Owner, Question};

impl World {
    pub(super) fn input(&mut self, core: usize, input: server::Input) {
        // The wall clock says how long a grant lives, once: when the core is told.
        if let server::Input::Granted(conn, Ok(Grant { expires: Some(expires), .. }))
        | server::Input::Opened { conn, grant: Some(Grant { expires: Some(expires), .. }), .. } = &input
        {
            self.checker.granted(*conn, expires.0.saturating_sub(self.now.unix_ms));
        }
        self.cores[core].core.handle_input(self.now, input);
    }

    pub(super) fn carry_out(&mut self, core: usize, output: server::Output) {
        match output {
            server::Output::Send(conn, outgoing) => self.leaves(core, conn, outgoing.into_packet()),
            server::Output::SendAll(conns, outgoing) => {
                for conn in conns.iter() {
                    self.leaves(core, *conn, outgoing.packet().clone());
                }
            }
            server::Output::Replay(conn, outgoing, _) => self.leaves(core, conn, outgoing.into_packet()),
            // Where the sound goes is of no interest here; that the talk waits for it is.
            server::Output::Sound(_, SoundAct::Piece(_) | SoundAct::Drop) => {}
            server::Output::Sound(sound, SoundAct::Keep) => self.keep(core, sound),
            server::Output::Barrier(conn, upto) => self.fly_down(conn, Down::Ping(upto)),
            server::Output::Close(conn, _) => self.server_hangs_up(conn),
            server::Output::Authenticate { conn, user, device, .. } => {
                if let (Some(user), Some(device)) = (user, device) {
                    let grant = self.grant(Device::new(user, device));
                    self.answer(core, 10, server::Input::Granted(conn, Ok(grant)));
                }
            }
            server::Output::Attach(conn, device) => self.ask(core, Question::Attach(conn, device)),
            server::Output::Contacts(user) => {
                self.tell(|_| format!("core {core} asks whom to tell of {user}"));
                self.ask(core, Question::Contacts(user));
            }
            server::Output::Read(request) => self.ask(core, Question::Read(request)),
            server::Output::Query(lookup) => self.ask(core, Question::Query(lookup)),
            // Nobody here asks about tokens.
            server::Output::Token { .. } => {}
            server::Output::Commit(ticket) => self.commit(core, ticket),
            // What was said is on its way already; the core keeps it.
            server::Output::Pause(_) | server::Output::Resume(_) => {}
            server::Output::Wake(subjects) => self.wake(core, &subjects),
        }
    }

    fn leaves(&mut self, core: usize, conn: ConnId, packet: ServerPacket) {
        if let Some(link) = self.links.get(&conn) {
            self.checker.leaves(&self.nodes[link.node].device, &packet, self.disk.durable());
        }
        self.checker.tells(core, conn, &packet, self.disk.durable());
        self.checker.says(conn, &packet, self.disk.durable());
        let device = self.links.get(&conn).map(|link| &self.nodes[link.node].device);
        self.checker.carries(conn, device, &packet);
        self.fly_down(conn, Down::Packet(packet));
    }

    /// Some grants run out: by the wall clock as it is now, and so by the other clock as well.
    pub(super) fn grant(&mut self, device: Device) -> Grant {
        let mut grant = Grant::new(device);
        if self.granted.contains(&grant.device.user) {
            grant.groups.clone_from(&self.groups);
            if self.lets_in {
                grant.groups.extend(self.made.iter().filter(|group| self.is_made(group)).cloned());
            }
        }
        if !self.calm && self.rng.chance(self.plan.expiries_percent) {
            let life_ms = self.rng.between(3_000, 20_000);
            grant.expires = Some(UnixMs(self.now.unix_ms + life_ms));
        }
        grant
    }

    /// Now and then there is no room for a recording, or no answer.
    fn keep(&mut self, core: usize, sound: SoundId) {
        let soon = self.now.mono_ms + 6_000 < self.plan.faults_until_ms;
        if soon && self.plan.disk_failures > 0 && self.rng.chance(10) {
            return;
        }
        let name = self.rng.chance(80).then_some(SoundName(sound.0.into()));
        self.answer(core, 200, server::Input::Kept(sound, name));
    }

    /// Another core is told, or not, or twice.
    fn wake(&mut self, from: usize, subjects: &[Subject]) {
        for core in (0..self.cores.len()).filter(|core| *core != from) {
            let faulty = !self.calm && self.rng.chance(2 * self.plan.wake_faults_percent);
            let times = match (faulty, self.rng.chance(50)) {
                (false, _) => 1,
                (true, lost) => {
                    if lost {
                        0
                    } else {
                        2
                    }
                }
            };
            for _ in 0..times {
                self.answer(core, self.plan.delay_ms, server::Input::Woken(subjects.to_vec()));
            }
        }
    }

    fn pace(&self, core: usize) -> u64 {
        if self.cores[core].slow { SLOW } else { 1 }
    }

    /// Something reaches a core, if it lives until then.
    fn answer(&mut self, core: usize, most_ms: u64, input: server::Input) {
        let (life, pace) = (self.cores[core].life, self.pace(core));
        self.soon(most_ms * pace, Happening::Input { core, life, input });
    }

    // ---- the disk -------------------------------------------------------------------------------------

    /// What is read is read at some time between the question and the answer: now, or then.
    fn ask(&mut self, core: usize, question: Question) {
        if self.rng.chance(50) {
            let input = self.read(&question);
            return self.answer(core, 10, input);
        }
        let (life, pace) = (self.cores[core].life, self.pace(core));
        self.soon(10 * pace, Happening::Ask { core, life, question });
    }

    pub(super) fn read(&mut self, question: &Question) -> server::Input {
        let readable = self.calm || !self.rng.chance(self.plan.read_errors_percent);
        let input = self.disk.answer(question, readable);
        if let (Question::Contacts(user), false) = (question, readable) {
            self.tell(|_| format!("the disk cannot say whom to tell of {user}"));
            self.checker.unread(user);
        }
        if let (Question::Query(lookup), server::Input::Answered(Answered { found: Some(found), .. })) =
            (question, &input)
        {
            self.checker.looked_up(&lookup.user, &lookup.ask, found, self.disk.durable());
        }
        input
    }

    fn commit(&mut self, core: usize, ticket: Ticket) {
        let queue = if self.queues.len() > 1 { core } else { 0 };
        self.queues[queue].tickets.push((Owner { core, life: self.cores[core].life }, ticket));
        self.write_soon(queue);
    }

    fn write_soon(&mut self, queue: usize) {
        if !std::mem::replace(&mut self.queues[queue].write_due, true) {
            self.soon(5, Happening::Write { queue });
        }
    }

    pub(super) fn write(&mut self, queue: usize) {
        self.queues[queue].write_due = false;
        let batch = std::mem::take(&mut self.queues[queue].tickets);
        if batch.is_empty() {
            return;
        }
        self.busy_mono_ms = self.now.mono_ms;
        let answers = self.disk.write(batch);
        self.answered(answers);
        let life = self.disk_life;
        self.soon(20, Happening::Sync { life });
    }

    pub(super) fn sync(&mut self) {
        let answers = self.disk.sync();
        self.tell(|_| format!("disk sync, {} tickets", answers.len()));
        let devices: Vec<_> = self.nodes.iter().map(|node| &node.device).collect();
        self.checker.synced(&devices, self.disk.durable());
        self.answered(answers);
    }

    /// Answers go to the cores that asked, in the order of their tickets: at once where the cores share the way to the
    /// disk, later where each has its own.
    fn answered(&mut self, answers: Vec<(Owner, Answer)>) {
        for (Owner { core, life }, answer) in answers {
            if matches!(answer, Answer::Refused(_)) {
                self.checker.refused();
                self.refuses = true;
            }
            let host = &self.cores[core];
            if host.life != life {
                continue;
            }
            if self.queues.len() == 1 && !host.slow {
                self.input(core, answer.into());
                continue;
            }
            let delay_ms = self.pace(core) * 20;
            let delay_ms = self.rng.between(0, delay_ms);
            let host = &mut self.cores[core];
            host.answers_mono_ms = host.answers_mono_ms.max(self.now.mono_ms + delay_ms);
            let at_ms = host.answers_mono_ms;
            self.at(at_ms, Happening::Input { core, life, input: answer.into() });
        }
    }
}
