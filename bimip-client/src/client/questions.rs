//! What an app asks the server about what is stored there.

use bimip_proto::{
    Address, Ask, Aware, Found, GroupId, GroupMember, GroupState, HistoryMessage, HistoryPlace, MessageRef,
    MessageStatus, PageFrom, Reject, UserId,
};

use super::Client;
use crate::command::{AskError, Command};

/// The server answers another question than was asked.
const ANOTHER_ANSWER: AskError = AskError::Refused { reason: Reject::Unsupported, retry_after_ms: None };

impl Client {
    /// Asks the server what is stored there, and gives its answer. Asked once, while there is a connection.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&self, ask: Ask) -> Result<Found, AskError> {
        self.asked(|answer| Command::Ask(ask, answer)).await?
    }

    /// Who is here of those whom this user may see, and what they are doing: those after this one, who was the last of the page
    /// before, and whether there are more. What changes is heard as events.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn around(&self, after: Option<UserId>) -> Result<(Vec<Aware>, bool), AskError> {
        match self.ask(Ask::Around { after }).await? {
            Found::Around { around, more, .. } => Ok((around, more)),
            _ => Err(ANOTHER_ANSWER),
        }
    }

    /// Messages of a conversation as the server has them now, in its order, and whether there are more that way: also those from
    /// before this device was there. What the device itself keeps is [`history`](Self::history).
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn stored_history(
        &self,
        of: Address,
        from: PageFrom<HistoryPlace>,
    ) -> Result<(Vec<HistoryMessage>, bool), AskError> {
        match self.ask(Ask::History { of, from, limit: 0 }).await? {
            Found::History { messages, more } => Ok((messages, more)),
            _ => Err(ANOTHER_ANSWER),
        }
    }

    /// How far a message got, with whom, and why no further: a page of its recipients after this one, which was the last of
    /// the page before. `None` where the server knows of no such message of this user's, or to them.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn status(
        &self,
        message: MessageRef,
        after: Option<UserId>,
    ) -> Result<Option<MessageStatus>, AskError> {
        match self.ask(Ask::Status { message, after, limit: 0 }).await? {
            Found::Status(status) => Ok(status.map(|status| *status)),
            _ => Err(ANOTHER_ANSWER),
        }
    }

    /// What a group is, and what this user may do in it. `None` where the user is not in it, or there is no such group.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn group_state(&self, group: GroupId) -> Result<Option<GroupState>, AskError> {
        match self.ask(Ask::Group(group)).await? {
            Found::Group(state) => Ok(state.map(|state| *state)),
            _ => Err(ANOTHER_ANSWER),
        }
    }

    /// Some of those who are in a group that this user is in, and after whom to go on, where there may be more: a page may have
    /// few or none, and there may be more all the same. Nobody where the user is not in the group.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn members(
        &self,
        group: GroupId,
        after: Option<UserId>,
    ) -> Result<(Vec<GroupMember>, Option<UserId>), AskError> {
        match self.ask(Ask::Members { group, after, limit: 0 }).await? {
            Found::Members { members, next } => Ok((members, next)),
            _ => Err(ANOTHER_ANSWER),
        }
    }
}
