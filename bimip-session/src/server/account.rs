//! What users decide about their own account: being seen, tokens, push, logging out.

use std::sync::Arc;

use bimip_proto::{
    ClientRef, CloseReason, Device, DeviceName, LogOut, Now, PushToken, Reject, ServerPacket, TokenAnswer,
    TokenTask, UnixMs, UserId, limits,
};
use bytes::Bytes;

use super::connection::{Connection, Phase};
use super::core::ServerCore;
use super::io::{ConnId, Grant, Output, Vouched};
use super::timers::Due;
use crate::ledger::{
    Ack, Audience, Committed, Decided, Guard, Outcome, Put, Record, Setting, Standing, Ticket,
};

/// The device of whoever keeps the accounts. Nothing is stored under its name.
const KEEPER: &str = "accounts";
/// A connection that no driver opens: numbers are given from the first on.
const NOBODY: ConnId = ConnId(u64::MAX);
/// For a token that never runs out by itself.
const FOR_EVER: UnixMs = UnixMs(u64::MAX);

impl ServerCore {
    pub(super) fn set_visible(
        &mut self,
        now: Now,
        conn: ConnId,
        by: &Device,
        origin: u32,
        (id, visible): (Option<ClientRef>, bool),
    ) {
        let put = setting(now, by, Setting::Visible(visible));
        self.store(conn, vec![put], Ack::Visible { origin, id, visible });
    }

    pub(super) fn set_push_token(
        &mut self,
        now: Now,
        conn: ConnId,
        by: &Device,
        origin: u32,
        token: PushToken,
    ) {
        let ack = Ack::PushToken { origin, id: token.id.clone(), registered: token.token.is_some() };
        let put = setting(now, by, Setting::PushToken(token));
        self.store(conn, vec![put], ack);
    }

    // ---- tokens -------------------------------------------------------------------------------------------

    /// Only the authenticator can say what a token is worth. What the connection says next waits for it.
    pub(super) fn ask_about_token(
        &mut self,
        conn: ConnId,
        by: &Device,
        origin: u32,
        (task, token): (TokenTask, Bytes),
    ) {
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.asked_about = Some((origin, task));
        }
        self.bar(conn);
        self.output(Output::Token { conn, device: by.clone(), task, token });
    }

    /// The answer to [`Output::Token`].
    pub(super) fn vouched(&mut self, now: Now, conn: ConnId, answer: Result<Vouched, Reject>) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let Some((origin, task)) = connection.asked_about.take() else { return };
        if let Err(reason) = self.carry_out_token(now, conn, origin, task, answer) {
            self.decline(conn, origin, None, reason);
        }
        self.unbar(now, conn);
    }

    fn carry_out_token(
        &mut self,
        now: Now,
        conn: ConnId,
        origin: u32,
        task: TokenTask,
        answer: Result<Vouched, Reject>,
    ) -> Result<(), Reject> {
        let Vouched { grant, token } = answer?;
        let Some(mine) = self.conns.get(&conn).and_then(Connection::grant) else { return Ok(()) };
        let by = mine.device.clone();
        if grant.device.user != by.user {
            return Err(Reject::BadToken);
        }
        if task == TokenTask::Revoke {
            let name = grant.token_id.ok_or(Reject::Unsupported)?;
            let revoke = Setting::Revoke { token: name, until: grant.expires.unwrap_or(FOR_EVER) };
            self.store(conn, vec![setting(now, &by, revoke)], Ack::Token { origin, task });
            return Ok(());
        }
        if refused(&self.roster.standing(&by.user), &grant) {
            return Err(Reject::BadToken);
        }
        let expires = grant.expires;
        if grant.device == by {
            self.prolong(now, conn, grant);
        }
        self.send(conn, ServerPacket::Token(TokenAnswer { task, token, expires }));
        Ok(())
    }

    /// A session lives as long as the last good token it showed for its own device.
    fn prolong(&mut self, now: Now, conn: ConnId, by: Grant) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let Phase::Live { grant, .. } = &mut connection.phase else { return };
        if let Some(before) = grant.token_id.take().filter(|before| Some(before) != by.token_id.as_ref()) {
            if connection.shown.len() >= limits::SHOWN_TOKENS {
                // Never the one that it came with.
                connection.shown.remove(1);
            }
            connection.shown.push((before, grant.expires));
        }
        (grant.expires, grant.token_id, grant.issued) = (by.expires, by.token_id, by.issued);
        if let Some(due_mono_ms) = connection.expiry_mono_ms.take() {
            self.timers.unset(due_mono_ms, Due::Expiry(conn));
        }
        if let Some(expires) = by.expires {
            let due_mono_ms = super::core::expiry_due(now, expires);
            connection.expiry_mono_ms = Some(due_mono_ms);
            self.timers.set(due_mono_ms, Due::Expiry(conn));
        }
    }

    // ---- logging out --------------------------------------------------------------------------------------

    pub(super) fn log_out(&mut self, now: Now, conn: ConnId, by: &Device, origin: u32, what: LogOut) {
        let Some(connection) = self.conns.get(&conn) else { return };
        let Some(grant) = connection.grant().cloned() else { return };
        // A token may be dated a moment ahead, where its dates are whole seconds; it is good no more either.
        let at = grant.issued.unwrap_or_default().max(now.stamp());
        let (what, settings) = match what {
            LogOut::Account => (what, vec![Setting::LogOutAccount]),
            LogOut::Device(name) => {
                let name = name.unwrap_or_else(|| by.name.clone());
                (LogOut::Device(Some(name.clone())), vec![Setting::LogOutDevice(name)])
            }
            what => {
                let last = grant.token_id.map(|token| (token, grant.expires));
                let tokens = connection.shown.iter().cloned().chain(last);
                let revoke =
                    tokens.map(|(token, until)| Setting::Revoke { token, until: until.unwrap_or(FOR_EVER) });
                (what, revoke.collect())
            }
        };
        let put = |setting| dated(at, by, setting);
        let puts = settings.into_iter().map(put).collect();
        self.store(conn, puts, Ack::LogOut { origin, what });
    }

    /// Whoever keeps the accounts logs one out. It is the user's own decision, of a device that has no sessions, so its proof
    /// goes to all of them, and to nobody who waits.
    pub(super) fn log_out_from_outside(&mut self, user: UserId, before: UnixMs) {
        let Ok(name) = DeviceName::new(KEEPER) else { return };
        if self.is_draining() {
            return;
        }
        let record =
            Record::Setting { by: Device::new(user, name), at: before, setting: Setting::LogOutAccount };
        let put = Put::new(Guard::None, Audience::Users(Vec::new()), record);
        self.commit(NOBODY, Ticket::new(NOBODY, vec![put], None, Ack::None));
    }

    /// What was decided about an account is durable. The answer to whoever decided it is out.
    pub(super) fn decided(&mut self, now: Now, proof: &Committed) {
        if let Some(what) = log_out_of(proof) {
            self.logged_out(now, proof.conn(), what);
        }
        for outcome in proof.outcomes() {
            match outcome {
                Outcome::Stands { user, standing } => {
                    self.stands(now, user, standing);
                    self.decided_here(user);
                }
                Outcome::User { decided: Some(Decided::Blocked { user, blocked, .. }), .. } => {
                    self.blocks(user, blocked);
                    self.decided_here(user);
                }
                Outcome::User {
                    decided: Some(Decided::DeviceRemoved { user, device, standing }), ..
                } => {
                    self.device_logged_out(now, user, device);
                    self.stands(now, user, standing);
                    self.decided_here(user);
                }
                _ => {}
            }
        }
    }

    /// The other connections of a user hear, too, whether they are seen.
    pub(super) fn tell_visibility(&mut self, proof: &Committed) {
        let (Ack::Visible { visible, .. }, [Outcome::Stands { user, .. }]) = (proof.ack(), proof.outcomes())
        else {
            return;
        };
        self.say_visible(user, *visible, Some(proof.conn()));
    }

    /// The connections of a user, all but one, hear whether they are seen.
    pub(super) fn say_visible(&mut self, user: &UserId, visible: bool, except: Option<ConnId>) {
        let conns: Vec<ConnId> =
            self.roster.of(user).iter().copied().filter(|it| Some(*it) != except).collect();
        for conn in conns {
            let hears = self
                .conns
                .get(&conn)
                .is_some_and(|it| it.caps.presence && matches!(it.phase, Phase::Live { .. }));
            if hears {
                self.send(conn, ServerPacket::Visible { id: None, visible });
            }
        }
    }

    fn logged_out(&mut self, now: Now, conn: ConnId, what: &LogOut) {
        let Some(by) = self.conns.get(&conn).and_then(Connection::grant).map(|it| it.device.clone()) else {
            return;
        };
        let ends = |core: &Self, other: ConnId| match what {
            LogOut::Session => other == conn,
            LogOut::Device(Some(name)) => {
                core.conns.get(&other).and_then(Connection::grant).is_some_and(|it| it.device.name == *name)
            }
            LogOut::Device(None) => false,
            _ => true,
        };
        let ended: Vec<ConnId> =
            self.roster.of(&by.user).iter().copied().filter(|it| ends(self, *it)).collect();
        for conn in ended {
            self.counters.logged_out += 1;
            self.close(now, conn, CloseReason::LoggedOut);
        }
    }

    /// A device was removed: its sessions end.
    fn device_logged_out(&mut self, now: Now, user: &UserId, device: &DeviceName) {
        let is_it = |conn: &ConnId| {
            self.conns.get(conn).and_then(Connection::grant).is_some_and(|it| it.device.name == *device)
        };
        let ended: Vec<ConnId> = self.roster.of(user).iter().copied().filter(is_it).collect();
        for conn in ended {
            self.counters.logged_out += 1;
            self.close(now, conn, CloseReason::LoggedOut);
        }
    }

    /// Whether the answer to a log-out is the goodbye of the session that asked.
    pub(super) fn ends_itself(&self, proof: &Committed) -> bool {
        let Some(what) = log_out_of(proof) else { return false };
        let asked = self.conns.get(&proof.conn());
        if asked.is_some_and(|it| it.caps.calls) {
            return false;
        }
        let mine = asked.and_then(Connection::grant);
        match what {
            LogOut::Device(Some(name)) => mine.is_some_and(|it| it.device.name == *name),
            _ => true,
        }
    }

    pub(super) fn stands(&mut self, now: Now, user: &UserId, standing: &Arc<Standing>) {
        let before = self.roster.set_standing(user, Arc::clone(standing));
        if before.is_some_and(|before| before.hidden && !standing.hidden) {
            self.shown(user);
        }
        let ended: Vec<ConnId> = self.roster.of(user).to_vec();
        for conn in ended {
            let grant = self.conns.get(&conn).and_then(Connection::grant);
            if grant.is_some_and(|grant| refused(standing, grant)) {
                self.counters.revoked += 1;
                self.close(now, conn, CloseReason::Revoked);
            }
        }
    }
}

/// What a proof logs out. A refused one logs out nothing, and is answered like any refusal.
fn log_out_of(proof: &Committed) -> Option<&LogOut> {
    let refused = proof.outcomes().iter().any(|outcome| matches!(outcome, Outcome::Refused(_)));
    match proof.ack() {
        Ack::LogOut { what, .. } if !refused => Some(what),
        _ => None,
    }
}

/// Whether a user's standing no longer lets a grant in.
pub(super) fn refused(standing: &Standing, grant: &Grant) -> bool {
    standing.refuses(&grant.device.name, grant.token_id.as_ref(), grant.issued)
}

fn setting(now: Now, by: &Device, setting: Setting) -> Put {
    dated(now.stamp(), by, setting)
}

fn dated(at: UnixMs, by: &Device, setting: Setting) -> Put {
    let record = Record::Setting { by: by.clone(), at, setting };
    Put::new(Guard::None, Audience::Users(Vec::new()), record)
}
