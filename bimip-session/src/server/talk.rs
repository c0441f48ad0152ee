//! Live voice: who may speak, who hears it, and what it becomes.

use bimip_proto::{Address, Device, Floor, Now, Reject, ServerPacket, Talk, TalkAct};

use super::burst::Airing;
use super::connection::Phase;
use super::core::ServerCore;
use super::io::{ConnId, Output, SoundAct};
use super::tape::Taped;
use crate::ledger::{Ack, Outgoing, Place};

impl ServerCore {
    pub(super) fn talk(&mut self, now: Now, conn: ConnId, device: &Device, talk: Talk) {
        let Talk { to, act, .. } = talk;
        match act {
            TalkAct::Start { label, payload } => {
                if let Err(reason) = self.start(now, conn, device, &to) {
                    self.counters.talks_denied += 1;
                    return self.send(conn, ServerPacket::Floor(Floor::Denied { to, reason }));
                }
                let granted =
                    Floor::Granted { to: to.clone(), label: label.clone(), payload: payload.clone() };
                self.send(conn, ServerPacket::Floor(granted));
                self.relay(conn, device, to, TalkAct::Start { label, payload });
            }
            TalkAct::Audio { label, payload } => {
                match self.bursts.audio(now, &self.config, conn, &device.user, &to, payload.len()) {
                    Airing::Relay(taped) => {
                        let piece = payload.clone();
                        let reached = self.relay(conn, device, to, TalkAct::Audio { label, payload });
                        self.counters.audio_relayed += reached;
                        self.counters.audio_dropped += u64::from(reached == 0);
                        match taped {
                            Taped::Onto(sound) => self.output(Output::Sound(sound, SoundAct::Piece(piece))),
                            Taped::Nowhere => self.tapes_dropped(),
                        }
                    }
                    Airing::Cut(over) => {
                        self.counters.talks_cut += 1;
                        let ack = Ack::Talk { to: to.clone() };
                        self.end_talk(now, conn, device, to, Some(over), ack);
                    }
                    Airing::Nowhere => self.counters.audio_dropped += 1,
                }
            }
            TalkAct::Stop => {
                let over = self.bursts.stop(now, conn, &device.user, &to, &mut self.timers);
                let ack = Ack::Talk { to: to.clone() };
                self.end_talk(now, conn, device, to, over, ack);
            }
            _ => {}
        }
    }

    fn start(&mut self, now: Now, conn: ConnId, device: &Device, to: &Address) -> Result<(), Reject> {
        if self.is_draining() {
            return Err(Reject::Unavailable);
        }
        if let Address::Group(group) = to {
            match self.roster.place(group, &device.user) {
                Place::Speaks => {}
                Place::Listens => return Err(Reject::Role),
                Place::Out => return Err(Reject::NotMember),
            }
        }
        let taken = self.bursts.start(now, &self.config, conn, &device.user, to, &mut self.timers);
        self.tapes_dropped();
        let taken = taken?;
        self.counters.talks += 1;
        self.counters.floors_taken += u64::from(taken);
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.talked = true;
        }
        Ok(())
    }

    /// A talker whose connection is gone has stopped, whether it said so or not.
    pub(super) fn abandon_talks(&mut self, now: Now, conn: ConnId) {
        let Some(connection) = self.conns.get(&conn).filter(|connection| connection.talked) else { return };
        let Some(device) = connection.grant().map(|grant| grant.device.clone()) else { return };
        for (to, over) in self.bursts.abandoned(now, conn, &mut self.timers) {
            self.end_talk(now, conn, &device, to, Some(over), Ack::None);
        }
    }

    /// Passes live voice on, to every connection of the target that speaks it, and counts them.
    fn relay(&mut self, conn: ConnId, device: &Device, to: Address, act: TalkAct) -> u64 {
        let mut conns = std::mem::take(&mut self.hearers);
        match &to {
            // Whether somebody is here to shut the talker out is not told: it goes on as if nobody were.
            Address::User(user) if self.roster.shuts_out(user, &device.user) => {
                self.counters.live_blocked += 1;
            }
            // To oneself even on the same connection: clients test themselves like this.
            Address::User(user) => self.listeners(user, conn, *user == device.user, &mut conns),
            Address::Group(group) => {
                for member in self.roster.members(group) {
                    self.listeners(member, conn, false, &mut conns);
                }
            }
            _ => {}
        }
        let reached = conns.len() as u64;
        let all = if reached > 1 { Some(self.bursts.audience(&device.user, &to, &conns)) } else { None };
        let talk = Outgoing::live(ServerPacket::Talk(Talk { from: device.user.clone(), to, act }));
        match (all, conns.first()) {
            (Some(all), _) => self.output(Output::SendAll(all, talk)),
            (None, Some(conn)) => self.output(Output::Send(*conn, talk)),
            (None, None) => {}
        }
        conns.clear();
        self.hearers = conns;
        reached
    }

    /// The connections of a user that hear live voice.
    fn listeners(&self, user: &bimip_proto::UserId, origin: ConnId, to_self: bool, conns: &mut Vec<ConnId>) {
        for other in self.roster.of(user) {
            let Some(it) = self.conns.get(other) else { continue };
            // Also one that is still being attached: live voice waits for no mailbox.
            let here = matches!(it.phase, Phase::Live { .. } | Phase::Attaching { .. });
            if here && it.caps.talks && (*other != origin || to_self) {
                conns.push(*other);
            }
        }
    }
}
