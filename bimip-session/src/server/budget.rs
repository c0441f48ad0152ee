//! Budgets: how much may be under way to the store, and how much may wait for that.
//!
//! | budget | of a connection | of the core | what is over it |
//! |---|---|---|---|
//! | tickets under way | [`Config::commits_per_connection`] | [`Config::commits_in_flight`] | waits |
//! | their bytes | [`Config::commit_bytes_per_connection`] | [`Config::commit_bytes_in_flight`] | waits |
//! | bytes that wait | [`Config::held_bytes_per_connection`] | [`Config::held_bytes`] | is refused as busy; what cannot be refused has as much room again, and then ends its connection |
//!
//! [`Config::commits_per_connection`]: super::Config::commits_per_connection
//! [`Config::commits_in_flight`]: super::Config::commits_in_flight
//! [`Config::commit_bytes_per_connection`]: super::Config::commit_bytes_per_connection
//! [`Config::commit_bytes_in_flight`]: super::Config::commit_bytes_in_flight
//! [`Config::held_bytes_per_connection`]: super::Config::held_bytes_per_connection
//! [`Config::held_bytes`]: super::Config::held_bytes

use bimip_proto::{
    Ask, Body, ClientPacket, ClientRef, CloseReason, Draft, GroupAct, MessageRef, Now, Reject, Said,
    ServerPacket, TalkAct, UserAct, limits,
};

use super::connection::Connection;
use super::core::ServerCore;
use super::io::{ConnId, Output};
use super::speech::ack_of;
use crate::ledger::{Outgoing, RETRY_AFTER_MS};

/// How much of one budget is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "what is taken and what there is, complete")]
pub struct Level {
    /// So much is taken now.
    pub used: u64,
    /// At so much, what comes next waits or is refused. What was let in before may be over it by one command.
    pub most: u64,
}

/// How much of its budgets a core has given out, over all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budgets {
    /// Tickets that storage has not answered.
    pub commits: Level,
    /// What they weigh until then, in bytes.
    pub commit_bytes: Level,
    /// What was heard and waits to be carried out, in bytes. What cannot be refused may wait up to twice as much.
    pub held_bytes: Level,
}

impl Budgets {
    /// Every budget with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Level)> {
        [("commits", self.commits), ("commit_bytes", self.commit_bytes), ("held_bytes", self.held_bytes)]
            .into_iter()
    }
}

/// Tickets that storage has not answered, of a core or of one connection.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnderWay {
    pub(super) commits: u32,
    pub(super) bytes: u64,
}

impl UnderWay {
    pub(super) const fn add(&mut self, charge: u64) {
        self.commits += 1;
        self.bytes += charge;
    }

    pub(super) const fn sub(&mut self, charge: u64) {
        self.commits = self.commits.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(charge);
    }

    /// Whether one more may come. Of any size, or what is larger than a budget could never pass.
    pub(super) const fn has_room(&self, commits: u32, bytes: u64) -> bool {
        self.commits < commits && self.bytes < bytes
    }
}

impl ServerCore {
    /// How much of its budgets is taken.
    #[must_use]
    pub fn budgets(&self) -> Budgets {
        let level = |used, most| Level { used, most };
        Budgets {
            commits: level(self.taken.commits.into(), self.config.commits_in_flight.into()),
            commit_bytes: level(self.taken.bytes, self.config.commit_bytes_in_flight),
            held_bytes: level(self.held_bytes, self.config.held_bytes),
        }
    }

    /// Whether one more ticket may be under way, whoever asks for it.
    pub(super) const fn core_has_room(&self) -> bool {
        self.taken.has_room(self.config.commits_in_flight, self.config.commit_bytes_in_flight)
    }

    /// Whether a connection may have one more ticket under way.
    pub(super) fn has_room(&self, conn: ConnId) -> bool {
        let (commits, bytes) = (self.config.commits_per_connection, self.config.commit_bytes_per_connection);
        let own = |it: &Connection| it.taken.has_room(commits, bytes);
        self.core_has_room() && self.conns.get(&conn).is_some_and(own)
    }

    /// Keeps a packet until it can be carried out, and stops the reading while there are many.
    pub(super) fn hold(&mut self, now: Now, conn: ConnId, said: Said) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let bytes = said_bytes(&said);
        let first = connection.held.is_empty();
        // After one that was turned away, nothing takes the place that it did not get.
        connection.overfull &= !first;
        // What can be refused leaves as much room again for what cannot, and would end the connection.
        let spare = if is_refusable(connection, &said.packet) { 1 } else { 2 };
        let fits = (spare == 2 || !connection.overfull)
            && connection.held.len() < limits::HELD_PACKETS
            && connection.held_bytes + bytes <= spare * self.config.held_bytes_per_connection
            && self.held_bytes + bytes <= spare * self.config.held_bytes;
        if !fits {
            self.read_no_more(conn);
            return self.turn_away(now, conn, &said);
        }
        connection.held.push_back(said);
        connection.held_bytes += bytes;
        self.held_bytes += bytes;
        // While much waits, each adds no more than what was read of it already.
        let many = connection.held.len() >= limits::PAUSE_PACKETS
            || connection.held_bytes >= limits::PAUSE_BYTES
            || self.held_bytes >= self.config.held_bytes / 2;
        let pauses = many && !connection.paused;
        let (live, barred) = (connection.is_live(), connection.barred > 0);
        connection.paused |= pauses;
        if pauses {
            self.output(Output::Pause(conn));
        }
        // What a barred connection waits for calls again.
        if first && live && !barred {
            self.stalled.push_back(conn);
        }
    }

    /// Whoever is refused is read no more until storage has answered: a client that says it again at once would only be
    /// refused again.
    fn read_no_more(&mut self, conn: ConnId) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        if std::mem::replace(&mut connection.paused, true) {
            return;
        }
        let calls = connection.held.is_empty() && connection.barred == 0 && connection.is_live();
        self.output(Output::Pause(conn));
        if calls {
            // There was no room, so something is under way, and its answer looks here. It is no turn of those who wait.
            self.hushed.push(conn);
        }
    }

    /// Reads on from those who were refused and have nothing waiting.
    pub(super) fn read_on(&mut self) {
        if !self.core_has_room() {
            return;
        }
        for conn in std::mem::take(&mut self.hushed) {
            let Some(connection) = self.conns.get_mut(&conn) else { continue };
            if connection.held.is_empty() && std::mem::take(&mut connection.paused) {
                self.output(Output::Resume(conn));
            }
        }
    }

    /// Keeps a packet that was begun and has to wait, before all that came after it. It was let in already.
    pub(super) fn hold_first(&mut self, conn: ConnId, said: Said) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let bytes = said_bytes(&said);
        connection.held.push_front(said);
        connection.held_bytes += bytes;
        self.held_bytes += bytes;
    }

    /// The next packet that waits, to be carried out.
    pub(super) fn take_held(&mut self, conn: ConnId) -> Option<Said> {
        let connection = self.conns.get_mut(&conn)?;
        let said = connection.held.pop_front()?;
        let bytes = said_bytes(&said);
        connection.held_bytes = connection.held_bytes.saturating_sub(bytes);
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        Some(said)
    }

    /// There is no room for what was said, not even to wait. It is refused by name; where there is no word for that, or
    /// before the welcome, which is the first word of a session, the connection ends: nothing is passed over in silence.
    pub(super) fn turn_away(&mut self, now: Now, conn: ConnId, said: &Said) {
        self.counters.turned_away += 1;
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.overfull = true;
        let refusable = is_refusable(connection, &said.packet);
        if let ClientPacket::Send(Draft { client_ref: Some(name), .. }) = &said.packet
            && refusable
        {
            let until_mono_ms = now.mono_ms + limits::IN_TURN_MS;
            connection.in_turn.get_or_insert_with(|| Box::new((name.clone(), until_mono_ms)));
        }
        match busy(said).filter(|_| refusable) {
            Some(refusal) => {
                self.counters.rejected += 1;
                self.output(Output::Send(conn, refusal));
            }
            None => self.close(now, conn, CloseReason::Unavailable),
        }
    }
}

impl ServerCore {
    /// Whether a draft comes after one that was refused as busy and has not come again. It may have been on its way already,
    /// and would be stored before the other.
    pub(super) fn is_out_of_turn(&mut self, now: Now, conn: ConnId, packet: &ClientPacket) -> bool {
        let Some(connection) = self.conns.get_mut(&conn) else { return false };
        let (Some(first), ClientPacket::Send(draft)) = (&connection.in_turn, packet) else { return false };
        let (name, until_mono_ms) = &**first;
        // Whoever does not say it again has given it up.
        if draft.client_ref.as_ref() == Some(name) || now.mono_ms >= *until_mono_ms {
            connection.in_turn = None;
            return false;
        }
        true
    }
}

/// Whether a connection can be told that there is no room for this.
const fn is_refusable(connection: &Connection, packet: &ClientPacket) -> bool {
    connection.caps.refusals
        && connection.is_live()
        && matches!(
            packet,
            ClientPacket::Send(_)
                | ClientPacket::Revise(_)
                | ClientPacket::React(_)
                | ClientPacket::User(_)
                | ClientPacket::Mark { .. }
                | ClientPacket::Group(_)
                | ClientPacket::Join(_)
                | ClientPacket::Leave(_)
                | ClientPacket::SetVisible { .. }
                | ClientPacket::PushToken(_)
                | ClientPacket::Token { .. }
                | ClientPacket::LogOut(_)
                | ClientPacket::Query(_)
        )
}

/// "Busy", with the time after which to try again; `None` for what has no name to refuse it by.
fn busy(said: &Said) -> Option<Outgoing> {
    let id = match &said.packet {
        ClientPacket::SetVisible { id, .. } => id.clone(),
        ClientPacket::PushToken(token) => token.id.clone(),
        ClientPacket::Token { .. } | ClientPacket::LogOut(_) => None,
        packet => return Outgoing::refuse(&ack_of(packet), Reject::Busy),
    };
    let retry_after_ms = Some(RETRY_AFTER_MS);
    Some(Outgoing::live(ServerPacket::Declined {
        origin: said.origin,
        id,
        reason: Reject::Busy,
        retry_after_ms,
    }))
}

/// What one packet takes beside what it says: itself, its place in a list, and a few names.
const SAID_BYTES: u64 = 256;

/// Roughly what a packet takes in memory while it waits.
pub(super) fn said_bytes(said: &Said) -> u64 {
    let name = |id: &Option<ClientRef>| id.as_ref().map_or(0, |id| id.as_str().len());
    let extra = match &said.packet {
        ClientPacket::SignIn { token, .. } | ClientPacket::Token { token, .. } => token.len(),
        ClientPacket::PushToken(push) => {
            push.service.len() + push.token.as_ref().map_or(0, bytes::Bytes::len)
        }
        ClientPacket::Send(draft) => {
            name(&draft.client_ref) + draft.to.as_str().len() + body_bytes(&draft.body)
        }
        ClientPacket::Revise(revise) => {
            revise.client_ref.as_str().len() + revise.body.as_ref().map_or(0, body_bytes)
        }
        ClientPacket::Talk(talk) => {
            let sound = match &talk.act {
                TalkAct::Start { payload, .. } | TalkAct::Audio { payload, .. } => payload.len(),
                _ => 0,
            };
            sound + talk.to.as_str().len()
        }
        ClientPacket::Delivered(messages) => messages.len() * size_of::<MessageRef>(),
        ClientPacket::Group(command) => match &command.act {
            GroupAct::Create { profile, members, .. } => {
                profile.title.len() + profile.about.len() + 64 * members.len()
            }
            GroupAct::Add(users) => 64 * users.len(),
            GroupAct::Edit { title, about, .. } => {
                [title, about].into_iter().flatten().map(|text| text.len()).sum()
            }
            _ => limits::ID_BYTES,
        },
        ClientPacket::React(react) => react.client_ref.as_str().len() + react.emoji.as_str().len(),
        ClientPacket::User(command) => match &command.act {
            UserAct::EditProfile { name, about, avatar } => {
                [name, about, avatar].into_iter().flatten().map(|text| text.len()).sum()
            }
            UserAct::Save(saved) => saved.user.as_str().len() + saved.name.len(),
            _ => limits::ID_BYTES,
        },
        ClientPacket::Signal(signal) => name(&signal.id) + signal.to.as_str().len(),
        ClientPacket::Track(track) => name(&track.id) + track.to.as_str().len(),
        ClientPacket::Query(query) => {
            let of = match &query.ask {
                Ask::History { of, .. } | Ask::Conversation(of) => of.as_str().len(),
                Ask::Group(group) | Ask::Members { group, .. } => group.as_str().len(),
                _ => 0,
            };
            query.id.as_str().len() + of
        }
        ClientPacket::Ping(ping) => ping.id.len(),
        _ => limits::ID_BYTES,
    };
    SAID_BYTES + extra as u64
}

fn body_bytes(body: &Body) -> usize {
    let seal = body.seal.as_ref();
    let seal = seal.map_or(0, |it| it.encryption_type.len() + it.encrypted.len() + it.signature.len());
    body.bytes.len() + seal
}
