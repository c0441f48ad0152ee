//! The session of one device.

use std::collections::VecDeque;

use bimip_proto::{
    ClientPacket, ClientRef, CloseReason, Draft, GroupCommand, GroupId, MessageRef, Noted, Now, Offset,
    Query, React, Reject, Revise, ServerPacket, Status, Talk, UserCommand, limits,
};

use super::around::Around;
use super::event::Event;
use super::heartbeat::Heartbeat;
use super::inbox::Inbox;
use super::io::{Config, Full, Input, Output, Resume};
use super::link::Link;
use super::queries::Queries;
use super::redial::Redial;
use super::talker::Talker;
use super::token::Renewal;
use super::unacked::{Commands, Drafts, Marks, Reactions, Revisions, UserCommands};
use crate::Machine;

/// One device: dials, signs in, resumes, sends what is unsent, receives in order, disposes of what is stored.
///
/// A draft is resent under the same name until it is answered, so it is stored once however often the
/// connection breaks. A mark is said again until it is noted. Nothing is disposed of before the app has stored it:
///
/// | a row | means | and |
/// |---|---|---|
/// | `prev <= seen < offset` | new | [`Event::Received`](super::Event::Received), for the app to store |
/// | `offset <= stored` | the app has it | disposed of again, the first word was lost |
/// | `stored < offset <= seen` | the app was told, and has not stored it yet | |
/// | `seen < prev` | one before it is missing | `Hangup`: the next connection starts from the cursor |
#[derive(Debug)]
pub struct ClientSession {
    pub(super) config: Config,
    pub(super) link: Link,
    /// Why it is over, where the server ended it.
    pub(super) ended: Option<CloseReason>,
    pub(super) epoch: u32,
    pub(super) drafts: Drafts,
    pub(super) marks: Marks,
    pub(super) revisions: Revisions,
    pub(super) reactions: Reactions,
    pub(super) queries: Queries,
    pub(super) groups: Commands,
    pub(super) users: UserCommands,
    pub(super) inbox: Inbox,
    pub(super) redial: Redial,
    pub(super) heartbeat: Heartbeat,
    pub(super) renewal: Renewal,
    /// How far the server's wall clock is ahead of this device's.
    pub(super) server_ahead_ms: i64,
    pub(super) around: Around,
    pub(super) talker: Talker,
    /// Joins that are not answered, where only that tells them from drafts.
    pub(super) joining: Vec<GroupId>,
    pub(super) retry_mono_ms: Option<u64>,
    /// Until when what was refused for now waits for the answers that it waits for.
    pub(super) held_mono_ms: Option<u64>,
    pub(super) outbox: VecDeque<Output>,
}

impl Machine for ClientSession {
    type Input = Input;
    type Output = Output;

    fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Connected => self.connected(now),
            Input::Packet(packet) => self.heard(now, packet),
            Input::Disconnected => self.down(now, 0, 0),
            Input::TurnedAway { retry_after_ms } => self.down(now, retry_after_ms, 0),
            Input::Refused => self.end(CloseReason::Refused),
            Input::Unwritable(packet, reason) => self.unwritable(now, *packet, reason),
        }
        self.pump(now);
    }

    fn handle_timeout(&mut self, now: Now) {
        self.link_timeout(now);
        if self.held_mono_ms.is_some_and(|until| until <= now.mono_ms) {
            // An answer that does not come would hold everything back for ever. The next connection sends all of it in order.
            self.hangup(now);
        }
        self.expire_around(now);
        self.pump(now);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    fn poll_timeout(&self) -> Option<u64> {
        let up = if self.is_up() {
            let waits = [self.retry_mono_ms, self.held_mono_ms];
            [self.inbox.due(), waits.into_iter().flatten().min(), self.renewal.due(), self.talker.due()]
        } else {
            [None; 4]
        };
        up.into_iter().chain([self.link_due(), self.around.due()]).flatten().min()
    }
}

impl ClientSession {
    /// A session that dials at once.
    #[must_use]
    pub fn new(config: Config, resume: Resume, now: Now) -> Self {
        Self {
            link: Link::Down { redial_mono_ms: now.mono_ms },
            ended: None,
            epoch: resume.epoch,
            drafts: Drafts::new(resume.unacked),
            marks: Marks::new(resume.marks),
            revisions: Revisions::new(resume.revisions),
            reactions: Reactions::new(resume.reactions),
            queries: Queries::default(),
            groups: Commands::new(resume.groups),
            users: UserCommands::new(resume.users),
            inbox: Inbox::new(resume.seen),
            redial: Redial::new(config.seed),
            heartbeat: Heartbeat::new(&config, now),
            renewal: Renewal::default(),
            server_ahead_ms: 0,
            around: Around::default(),
            talker: Talker::default(),
            joining: Vec::new(),
            retry_mono_ms: None,
            held_mono_ms: None,
            outbox: VecDeque::new(),
            config,
        }
    }

    /// Sends a draft, now or when the session is up; it is kept and sent again until it is answered.
    ///
    /// # Errors
    /// [`Full`] gives the draft back when [`Config::unacked_drafts`] are waiting.
    #[expect(clippy::result_large_err, reason = "the draft comes back as it went in")]
    pub fn send(&mut self, now: Now, draft: Draft) -> Result<(), Full<Draft>> {
        if self.drafts.len() >= self.config.unacked_drafts {
            return Err(Full(draft));
        }
        self.drafts.push(draft);
        self.pump(now);
        Ok(())
    }

    /// Takes back a draft that was never on the wire. `None`: it was, and may be stored, or there is none of this name.
    pub fn discard(&mut self, client_ref: &ClientRef) -> Option<Draft> {
        self.drafts.take_back(client_ref)
    }

    /// The app has stored every row up to `offset` of the mailbox of this `epoch`: now the server may forget them. Of
    /// another epoch than the session's it says nothing: those rows are of a store that is no more.
    pub fn stored(&mut self, now: Now, epoch: u32, offset: Offset) {
        if epoch == self.epoch {
            self.inbox.stored(offset, now.mono_ms, self.config.dispose_ms);
        }
        self.pump(now);
    }

    /// Says that a message was read, played or forwarded; kept and said again until it is noted. In a dialect that
    /// answers no marks it is said now or never.
    ///
    /// # Errors
    /// [`Full`] gives the mark back when [`Config::unnoted_marks`] are waiting.
    pub fn mark(&mut self, now: Now, message: MessageRef, status: Status) -> Result<(), Full<MessageRef>> {
        if !self.config.resend {
            self.say(now, ClientPacket::Mark { message, status });
            return Ok(());
        }
        let mark = (message, status);
        if self.marks.len() >= self.config.unnoted_marks && !self.marks.has(&mark) {
            return Err(Full(mark.0));
        }
        self.marks.push(mark);
        self.pump(now);
        Ok(())
    }

    /// Edits or deletes a message of this user; kept and said again until it is answered with
    /// [`Event::Revised`](super::Event::Revised) or [`Event::RevisionRefused`](super::Event::RevisionRefused). Revisions
    /// go out in the order they were made.
    ///
    /// # Errors
    /// [`Full`] gives it back when [`Config::unnoted_marks`] are waiting.
    #[expect(clippy::result_large_err, reason = "the revision comes back as it went in")]
    pub fn revise(&mut self, now: Now, revise: Revise) -> Result<(), Full<Revise>> {
        if self.revisions.len() >= self.config.unnoted_marks && !self.revisions.has(&revise) {
            return Err(Full(revise));
        }
        self.revisions.push(revise);
        self.pump(now);
        Ok(())
    }

    /// Reacts to a message, or takes a reaction back; kept and said again until it is answered with
    /// [`Event::Reacted`](super::Event::Reacted) or [`Event::ReactionRefused`](super::Event::ReactionRefused). Reactions to a
    /// message go out one by one, in the order they were made.
    ///
    /// # Errors
    /// [`Full`] gives it back when [`Config::unnoted_marks`] are waiting.
    pub fn react(&mut self, now: Now, react: React) -> Result<(), Full<React>> {
        if self.reactions.len() >= self.config.unnoted_marks && !self.reactions.has(&react) {
            return Err(Full(react));
        }
        self.reactions.push(react);
        self.pump(now);
        Ok(())
    }

    /// Makes, changes or deletes a group, or says who is in it; kept and said again until it is answered with
    /// [`Event::Grouped`](super::Event::Grouped) or [`Event::GroupRefused`](super::Event::GroupRefused). Commands about a
    /// group go out one by one, in the order they were made.
    ///
    /// # Errors
    /// [`Full`] gives it back when [`Config::unnoted_marks`] are waiting.
    pub fn group(&mut self, now: Now, command: GroupCommand) -> Result<(), Full<GroupCommand>> {
        if self.groups.len() >= self.config.unnoted_marks && !self.groups.has(&command) {
            return Err(Full(command));
        }
        self.groups.push(command);
        self.pump(now);
        Ok(())
    }

    /// Changes something about this user, or in what they keep: profile, address book, blocks, devices. Kept and said again
    /// until it is answered with [`Event::UserChanged`](super::Event::UserChanged) or
    /// [`Event::UserRefused`](super::Event::UserRefused). Commands about the same user go out one by one, in the order they
    /// were made.
    ///
    /// # Errors
    /// [`Full`] gives it back when [`Config::unnoted_marks`] are waiting.
    pub fn user(&mut self, now: Now, command: UserCommand) -> Result<(), Full<UserCommand>> {
        if self.users.len() >= self.config.unnoted_marks && !self.users.has(&command) {
            return Err(Full(command));
        }
        self.users.push(command);
        self.pump(now);
        Ok(())
    }

    /// Says that these messages arrived, in dialects where that is not said by disposing of rows. Said now, and again
    /// when the server sends one of them again.
    pub fn delivered(&mut self, now: Now, messages: Vec<MessageRef>) {
        self.inbox.said(&messages);
        self.say(now, ClientPacket::Delivered(messages));
    }

    /// Asks to be in a group. Said now or never: an app that wants to stay in a group joins whenever the session
    /// comes up, as its members are remembered by the server and joining again changes nothing.
    pub fn join(&mut self, now: Now, group: GroupId) {
        if self.is_up() && !self.config.resend && self.joining.len() < limits::GROUPS_PER_USER {
            self.joining.push(group.clone());
        }
        self.say(now, ClientPacket::Join(group));
    }

    /// Asks to be in a group no more. Said now or never.
    pub fn leave_group(&mut self, now: Now, group: GroupId) {
        self.say(now, ClientPacket::Leave(group));
    }

    /// Live voice as the app wants it: said now or never. [`press`](Self::press), [`voice`](Self::voice) and
    /// [`release`](Self::release) know what may be said when.
    pub fn talk(&mut self, now: Now, talk: Talk) {
        self.say(now, ClientPacket::Talk(talk));
    }

    /// Says goodbye and does not dial again. What is stored is disposed of first.
    pub fn leave(&mut self, now: Now) {
        if self.is_up()
            && let Some(upto) = self.inbox.last_disposal()
        {
            self.say(now, ClientPacket::Dispose(upto));
        }
        self.say(now, ClientPacket::Bye);
        self.give_up_queries();
        self.link = Link::Over;
        self.ended = None;
        self.outbox.push_back(Output::Hangup);
    }

    /// The last row that arrived, for [`Resume::seen`] once the app has stored it.
    #[must_use]
    pub const fn seen(&self) -> Offset {
        self.inbox.seen
    }

    /// The store that offsets belong to, for [`Resume::epoch`].
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Drafts that are not answered yet, in order, for [`Resume::unacked`].
    pub fn unacked(&self) -> impl Iterator<Item = &Draft> {
        self.drafts.iter()
    }

    /// Marks that are not noted yet, in order, for [`Resume::marks`].
    pub fn unnoted(&self) -> impl Iterator<Item = (&MessageRef, Status)> {
        self.marks.iter().map(|(message, status)| (message, *status))
    }

    /// Revisions that are not answered yet, in order, for [`Resume::revisions`].
    pub fn unrevised(&self) -> impl Iterator<Item = &Revise> {
        self.revisions.iter()
    }

    /// Reactions that are not answered yet, in order, for [`Resume::reactions`].
    pub fn unreacted(&self) -> impl Iterator<Item = &React> {
        self.reactions.iter()
    }

    /// Commands about groups that are not answered yet, in order, for [`Resume::groups`].
    pub fn ungrouped(&self) -> impl Iterator<Item = &GroupCommand> {
        self.groups.iter()
    }

    /// Commands about the user that are not answered yet, in order, for [`Resume::users`].
    pub fn unchanged(&self) -> impl Iterator<Item = &UserCommand> {
        self.users.iter()
    }

    /// Whether the session is up.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    /// Whether the session has ended and does not dial again by itself.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.link, Link::Over)
    }

    /// Whether nothing waits for an answer.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let commands = self.groups.len() + self.users.len() + self.reactions.len();
        let waiting = self.drafts.len() + self.marks.len() + self.revisions.len() + commands;
        waiting == 0 && self.queries.is_empty() && self.inbox.due().is_none()
    }

    // ---- what is said ---------------------------------------------------------------------------------

    pub(super) fn say(&mut self, now: Now, packet: ClientPacket) {
        if self.is_up() {
            self.heartbeat.spoke(now);
            self.outbox.push_back(Output::Transmit(packet));
        }
    }

    /// Sends what may be sent.
    pub(super) fn pump(&mut self, now: Now) {
        self.talker_timeout(now);
        if !self.is_up() {
            return;
        }
        self.renew_when_due(now);
        if self.retry_mono_ms.is_some_and(|retry| retry <= now.mono_ms) {
            self.retry_mono_ms = None;
        }
        if let Some(upto) = self.inbox.disposal(now.mono_ms, self.config.dispose_rows) {
            self.say(now, ClientPacket::Dispose(upto));
        }
        while self.retry_mono_ms.is_none()
            && let Some((message, status)) = self.marks.next(self.config.window_marks, |_, _| false)
        {
            self.say(now, ClientPacket::Mark { message, status });
        }
        while self.retry_mono_ms.is_none()
            && let Some(revise) = self.revisions.next(self.config.window_marks, same_message)
        {
            self.say(now, ClientPacket::Revise(revise));
        }
        while self.retry_mono_ms.is_none()
            && let Some(react) = self.reactions.next(self.config.window_marks, same_target)
        {
            self.say(now, ClientPacket::React(react));
        }
        // Before drafts: what is said to a group comes after the group was made.
        while self.retry_mono_ms.is_none()
            && let Some(command) = self.groups.next(self.config.window_marks, same_group)
        {
            self.say(now, ClientPacket::Group(command));
        }
        while self.retry_mono_ms.is_none()
            && let Some(command) = self.users.next(self.config.window_marks, same_subject)
        {
            self.say(now, ClientPacket::User(command));
        }
        while self.retry_mono_ms.is_none()
            && let Some(draft) = self.drafts.next(self.config.window_drafts)
        {
            self.say(now, ClientPacket::Send(draft));
        }
        if self.retry_mono_ms.is_none() && self.drafts.holds_back() {
            self.held_mono_ms.get_or_insert(now.mono_ms + limits::HELD_BACK_MS);
        }
    }

    /// The answer that a server would give to a command it could read and cannot carry out.
    fn unwritable(&mut self, now: Now, packet: ClientPacket, reason: Reject) {
        let answer = match packet {
            ClientPacket::Send(draft) => {
                // This very one: by its target alone it might be another.
                if let Some(draft) = self.drafts.unwritten(&draft) {
                    self.outbox.push_back(Output::Event(Event::Refused { draft, reason }));
                }
                return;
            }
            ClientPacket::Mark { message, status } => {
                ServerPacket::Noted(Noted::Refused { message, status, reason, retry_after_ms: None })
            }
            ClientPacket::Revise(Revise { client_ref, .. }) => {
                ServerPacket::Noted(Noted::Unrevised { client_ref, reason, retry_after_ms: None })
            }
            ClientPacket::React(React { client_ref, .. }) => {
                ServerPacket::Noted(Noted::Unreacted { client_ref, reason, retry_after_ms: None })
            }
            ClientPacket::Query(Query { id, .. }) => {
                ServerPacket::Unanswered { id, reason, retry_after_ms: None }
            }
            ClientPacket::Group(GroupCommand { client_ref, .. }) => {
                ServerPacket::Noted(Noted::Ungrouped { client_ref, reason, retry_after_ms: None })
            }
            ClientPacket::User(UserCommand { client_ref, .. }) => {
                ServerPacket::Noted(Noted::UserUnchanged { client_ref, reason, retry_after_ms: None })
            }
            // What is said now or never was not said.
            _ => return,
        };
        self.heard(now, answer);
    }
}

/// One revision of a message at a time: one that is refused for now must not be overtaken by a later one for good.
fn same_message(later: &Revise, earlier: &Revise) -> bool {
    later.message == earlier.message
}

/// The same of reactions: what is taken back must not be set after that.
fn same_target(later: &React, earlier: &React) -> bool {
    later.message == earlier.message
}

/// The same of a group: who is let in must not be so before the group is made.
fn same_group(later: &GroupCommand, earlier: &GroupCommand) -> bool {
    later.group == earlier.group
}

/// And of whom a user command is about; those about nobody else are about the user.
fn same_subject(later: &UserCommand, earlier: &UserCommand) -> bool {
    later.act.subject() == earlier.act.subject()
}
