//! What an app asks for.

use bimip_codec::Dialect;
use bimip_proto::{
    Ask, Body, ClientRef, Draft, Found, GroupAct, GroupCommand, GroupId, MessageRef, Now, Query, React,
    Revise, Status, UserAct, UserCommand,
};
use bimip_session::client::Full;
use tokio::sync::oneshot;

use super::{Driver, Fact, Turn};
use crate::command::{AskError, Command, GroupError, MarkError, RetryError, SendError, UserError};
use crate::connect::Connect;
use crate::store::StoreError;

impl<C: Connect> Driver<C> {
    /// Hands a command to the session. What has to be durable before it is answered goes into the turn.
    pub(super) fn obey(
        &mut self,
        now: Now,
        command: Command,
        turn: &mut Turn,
        leaving: &mut Option<oneshot::Sender<()>>,
    ) -> Result<(), StoreError> {
        // Whoever asked may be gone: what an answer's channel says is not looked at.
        match command {
            Command::Send(draft, answer) => {
                let taken = self.take(now, *draft, turn);
                turn.answers.push(Box::new(move || drop(answer.send(taken))));
            }
            Command::Retry(name, answer) => {
                let taken = self.retry(now, &name, turn)?;
                turn.answers.push(Box::new(move || drop(answer.send(taken))));
            }
            Command::Discard(name, answer) => {
                let gone = self.session.discard(&name).is_some() || self.keeper().failed(&name)?.is_some();
                if gone {
                    turn.facts.push(Fact::Forget(name));
                }
                let gone = if gone { Ok(()) } else { Err(RetryError::NotFailed) };
                turn.answers.push(Box::new(move || drop(answer.send(gone))));
            }
            Command::Mark(message, status, answer) => {
                let taken = self.mark(now, message, status, turn);
                turn.answers.push(Box::new(move || drop(answer.send(taken))));
            }
            Command::Group(group, act, answer) => {
                let taken = self.group(now, group, act, turn);
                turn.answers.push(Box::new(move || drop(answer.send(taken))));
            }
            Command::Revise(message, body, answer) => {
                let taken = self.revise(now, message, body, turn);
                turn.answers.push(Box::new(move || drop(answer.send(taken))));
            }
            Command::User(act, answer) => {
                let taken = self.user(now, act, turn);
                turn.answers.push(Box::new(move || drop(answer.send(taken))));
            }
            Command::Ask(ask, answer) => self.query(now, ask, answer),
            Command::React(message, emoji, on, answer) => {
                let react = React { client_ref: self.names.next(), message, emoji, on };
                let taken = self.react(now, react, turn);
                turn.answers.push(Box::new(move || drop(answer.send(taken))));
            }
            // Rows of a store that is no more.
            Command::Stored(epoch, _) if epoch != self.session.epoch() => {}
            Command::Stored(_, offset) => {
                let offset = offset.min(self.session.seen());
                turn.facts.push(Fact::Stored(offset));
                // The server may forget them only after we cannot.
                turn.stored = turn.stored.max(offset);
            }
            Command::Delivered(messages) => self.session.delivered(now, messages),
            Command::Live(live, answer) => drop(answer.send(self.session.live(now, *live))),
            Command::Join(group) => self.session.join(now, group),
            Command::LeaveGroup(group) => self.session.leave_group(now, group),
            Command::Press(to, answer) => drop(answer.send(self.session.press(now, to))),
            Command::Voice(sound, answer) => drop(answer.send(self.session.voice(now, sound))),
            Command::Release => self.session.release(now),
            Command::Renew(token, expires) => {
                self.token = Some(token.clone());
                turn.facts.push(Fact::Given(token.clone()));
                self.session.renew(now, token, expires);
            }
            Command::Redial => self.session.redial(now),
            Command::Leave(answer) => {
                *leaving = Some(answer);
                self.leave();
            }
        }
        Ok(())
    }

    /// Gives the draft to the session. What follows from that is carried out when the draft is durable.
    fn take(&mut self, now: Now, mut draft: Draft, turn: &mut Turn) -> Result<ClientRef, SendError> {
        if draft.client_ref.as_ref().is_some_and(|name| self.keeper().is_waiting(name) || turn.has(name)) {
            return Err(SendError::Named(Box::new(draft)));
        }
        let given = draft.clone();
        let name = draft.client_ref.get_or_insert_with(|| self.names.next()).clone();
        // When it was written, for whoever reads it later; a dialect knows a draft that comes again by it.
        draft.client_time.get_or_insert_with(|| now.stamp());
        let mut sent = draft.clone();
        if self.dialect == Dialect::VoicePing {
            sent.client_ref = None;
        }
        match self.session.send(now, sent) {
            Ok(()) => {
                turn.facts.push(Fact::Draft(draft));
                Ok(name)
            }
            Err(Full(_)) => Err(SendError::Full(Box::new(given))),
        }
    }

    fn retry(
        &mut self,
        now: Now,
        name: &ClientRef,
        turn: &mut Turn,
    ) -> Result<Result<ClientRef, RetryError>, StoreError> {
        let Some(draft) = self.keeper().failed(name)?.filter(|_| !turn.forgets(name)) else {
            return Ok(Err(RetryError::NotFailed));
        };
        Ok(match self.take(now, draft, turn) {
            Ok(new) => {
                turn.facts.push(Fact::Forget(name.clone()));
                Ok(new)
            }
            Err(_) => Err(RetryError::Full),
        })
    }

    fn group(
        &mut self,
        now: Now,
        group: GroupId,
        act: GroupAct,
        turn: &mut Turn,
    ) -> Result<ClientRef, GroupError> {
        let client_ref = self.names.next();
        let command = GroupCommand { client_ref: client_ref.clone(), group, act };
        match self.session.group(now, command.clone()) {
            Ok(()) => {
                turn.facts.push(Fact::Group(command));
                Ok(client_ref)
            }
            Err(Full(_)) => Err(GroupError::Full),
        }
    }

    fn user(&mut self, now: Now, act: UserAct, turn: &mut Turn) -> Result<ClientRef, UserError> {
        let client_ref = self.names.next();
        let command = UserCommand { client_ref: client_ref.clone(), act };
        match self.session.user(now, command.clone()) {
            Ok(()) => {
                turn.facts.push(Fact::User(command));
                Ok(client_ref)
            }
            Err(Full(_)) => Err(UserError::Full),
        }
    }

    /// Answered by an event, which may be there at once.
    fn query(&mut self, now: Now, ask: Ask, answer: oneshot::Sender<Result<Found, AskError>>) {
        let query = Query { id: self.names.next(), ask };
        let id = query.id.clone();
        self.asking.insert(id.clone(), answer);
        if self.session.ask(now, query).is_err()
            && let Some(answer) = self.asking.remove(&id)
        {
            // Whoever asked may be gone.
            let _ = answer.send(Err(AskError::Full));
        }
    }

    fn revise(
        &mut self,
        now: Now,
        message: MessageRef,
        body: Option<Body>,
        turn: &mut Turn,
    ) -> Result<(), MarkError> {
        let revise = Revise { client_ref: self.names.next(), message, body };
        match self.session.revise(now, revise.clone()) {
            Ok(()) => {
                turn.facts.push(Fact::Revise(revise));
                Ok(())
            }
            Err(Full(revise)) => Err(MarkError::Full(revise.message)),
        }
    }

    fn react(&mut self, now: Now, react: React, turn: &mut Turn) -> Result<(), MarkError> {
        match self.session.react(now, react.clone()) {
            Ok(()) => {
                turn.facts.push(Fact::React(react));
                Ok(())
            }
            Err(Full(react)) => Err(MarkError::Full(react.message)),
        }
    }

    fn mark(
        &mut self,
        now: Now,
        message: MessageRef,
        status: Status,
        turn: &mut Turn,
    ) -> Result<(), MarkError> {
        if self.dialect == Dialect::VoicePing && !self.keeper().has_room(&message, status, self.unnoted_marks)
        {
            return Err(MarkError::Full(message));
        }
        let said = self.session.is_up();
        self.session.mark(now, message.clone(), status).map_err(|Full(message)| MarkError::Full(message))?;
        turn.facts.push(Fact::Mark(message.clone(), status));
        if self.dialect == Dialect::VoicePing && said {
            turn.facts.push(Fact::Said(message, status));
        }
        Ok(())
    }
}

impl Turn {
    fn has(&self, name: &ClientRef) -> bool {
        self.facts
            .iter()
            .any(|fact| matches!(fact, Fact::Draft(draft) if draft.client_ref.as_ref() == Some(name)))
    }

    fn forgets(&self, name: &ClientRef) -> bool {
        self.facts.iter().any(|fact| matches!(fact, Fact::Forget(other) if other == name))
    }
}

/// Names for drafts, unique among all runs of a device.
pub(crate) struct Namer {
    run: u64,
    count: u64,
}

impl Namer {
    /// `run` is drawn at random.
    pub(crate) const fn new(run: u64) -> Self {
        Self { run, count: 0 }
    }

    fn next(&mut self) -> ClientRef {
        self.count += 1;
        ClientRef::new(&format!("{:016x}-{}", self.run, self.count)).expect("at most 37 bytes, and not empty")
    }
}
