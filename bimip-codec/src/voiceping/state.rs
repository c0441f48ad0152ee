//! What a server remembers of a connection.

use bimip_proto::{Address, Channel, GroupId, IdError, UserId};

use super::frame::Frame;
use super::id::{IdForm, IdText};

/// Small on purpose: one per connection.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// How this client wants to read ids.
    form: IdForm,
    /// The last target: a talk names it in every frame, 17 times a second.
    last_to: Option<Address>,
}

impl State {
    /// How to write ids to this client.
    pub(super) const fn form(&self) -> IdForm {
        self.form
    }

    /// Learns from a frame. Once numbers, always numbers: a client that can write them reads them.
    pub(super) const fn note(&mut self, frame: &Frame) {
        if frame.speaks_numbers() {
            self.form = IdForm::Number;
        }
    }

    /// The target of a frame, made once and shared while it stays the same.
    pub(super) fn address(&mut self, channel: Channel, to: IdText<'_>) -> Result<Address, IdError> {
        let same = |last: &&Address| matches!(last, Address::Group(_)) == is_group(channel);
        if let Some(last) = self.last_to.as_ref().filter(same).filter(|last| to == *last.as_str()) {
            return Ok(last.clone());
        }
        let address = address(channel, to)?;
        self.last_to = Some(address.clone());
        Ok(address)
    }
}

const fn is_group(channel: Channel) -> bool {
    matches!(channel, Channel::Group)
}

/// The target of a frame.
pub(super) fn address(channel: Channel, to: IdText<'_>) -> Result<Address, IdError> {
    to.with_str(|to| match channel {
        Channel::Group => GroupId::new(to).map(Address::Group),
        Channel::Private => UserId::new(to).map(Address::User),
    })
}

/// The channel number that goes with a target.
pub(super) const fn channel_of(to: &Address) -> Channel {
    match to {
        Address::Group(_) => Channel::Group,
        _ => Channel::Private,
    }
}
