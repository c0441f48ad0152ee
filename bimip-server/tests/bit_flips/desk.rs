//! A store under a core, and everything that can be asked of it.

use std::path::Path;
use std::sync::Arc;

use bimip_proto::{
    Address, Body, Caps, ClientPacket, ClientRef, Device, DeviceName, Draft, Entry, Head, LogOut, MessageRef,
    Noted, Now, Offset, Reject, Said, ServerPacket, Status, UserId,
};
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::{Reader, Storage, StorageError};
use bimip_session::Machine;
use bimip_session::ledger::Ticket;
use bimip_session::server::{Attachment, Config, ConnId, Grant, Input, Output, ServerCore};

const NOW: Now = Now { mono_ms: 1, unix_ms: 1_763_652_000_000 };
const USERS: [&str; 3] = ["ann", "bob", "eve"];
/// Ann writes, Bob and Eve read.
const ANN: ConnId = ConnId(1);

/// All rows of all mailboxes, where all devices stand, with whom their users have a conversation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    mailboxes: Vec<Vec<(Offset, Arc<Entry>)>>,
    places: Vec<Attachment>,
}

impl Contents {
    /// Nothing of `before` is missing or changed.
    pub(crate) fn begins_like(&self, before: &Self) -> bool {
        self.mailboxes.iter().zip(&before.mailboxes).all(|(now, before)| now.starts_with(before))
    }

    pub(crate) fn difference(&self, other: &Self) -> String {
        let rows = |contents: &Self| contents.mailboxes.iter().map(Vec::len).collect::<Vec<_>>();
        format!(
            "{:?} rows instead of {:?}, places {:?} instead of {:?}",
            rows(self),
            rows(other),
            self.places,
            other.places
        )
    }
}

/// A store in use.
pub(crate) struct Desk {
    storage: EmbeddedStorage,
    core: ServerCore,
}

fn device(user: &str) -> Device {
    Device::new(UserId::new(user).unwrap(), DeviceName::new("1").unwrap())
}

fn draft(number: usize) -> Draft {
    Draft {
        client_ref: ClientRef::new(&format!("r{number}")).ok(),
        to: Address::User(UserId::new(USERS[1 + number % 2]).unwrap()),
        client_time: None,
        body: Body::text(&format!("message {number}, {}", "and so on ".repeat(number % 7))),
    }
}

impl Desk {
    pub(crate) fn open(path: &Path) -> Result<Self, StorageError> {
        let storage = EmbeddedStorage::open(path)?;
        Ok(Self { storage, core: ServerCore::new(Config::default()) })
    }

    pub(crate) fn close(self) {
        self.storage.close().unwrap();
    }

    /// Everything.
    pub(crate) fn read(&self) -> Result<Contents, StorageError> {
        let reader = self.storage.reader();
        let rows = |user| reader.rows(&UserId::new(user).unwrap(), Offset::ZERO, u32::MAX, u64::MAX);
        Ok(Contents {
            mailboxes: USERS.map(rows).into_iter().collect::<Result<_, _>>()?,
            places: USERS.map(|user| reader.attach(&device(user))).into_iter().collect::<Result<_, _>>()?,
        })
    }

    /// So many messages in batches of several sizes, cursors, receipts, and decisions about an account.
    pub(crate) fn live(&mut self, life: usize, messages: usize) {
        let numbers: Vec<usize> = (life * 1_000..).take(messages).collect();
        for some in numbers.chunks(3) {
            let heard =
                self.say(ANN, "ann", some.iter().map(|number| ClientPacket::Send(draft(*number))).collect());
            assert_eq!(accepted(&heard).len(), some.len(), "{heard:?}");
        }
        let head = self.storage.reader().attach(&device("bob")).unwrap().head;
        let lost = DeviceName::new(&format!("lost {life}")).ok();
        let decided = [
            ClientPacket::Dispose(Offset(head.0 / 2)),
            ClientPacket::SetVisible { id: None, visible: false },
            ClientPacket::LogOut(LogOut::Device(lost)),
        ];
        self.say(ConnId(2), "bob", decided.into());
    }

    /// Needs what reading does not show: sends everything again, marks messages by their alias, sends something new.
    /// Whether all of that was taken; what is taken must be right.
    pub(crate) fn go_on(&mut self, before: &Contents) -> Result<bool, String> {
        let mut taken = true;
        let own = &before.mailboxes[0];
        for (offset, entry) in own {
            let Entry::Message(message) = &**entry else { continue };
            let draft = Draft {
                client_ref: message.head.client_ref.clone(),
                to: message.head.to.clone(),
                client_time: None,
                body: message.body.clone(),
            };
            let heard = self.say(ANN, "ann", vec![ClientPacket::Send(draft)]);
            match accepted(&heard).as_slice() {
                [(head, place)] if head.id == message.head.id && place == offset => {}
                [] if refused(&heard) => taken = false,
                _ => return Err(format!("a resend of row {offset} is answered by {heard:?}")),
            }
            let to = message.head.to.as_str().to_owned();
            let message = MessageRef::Alias(message.head.alias());
            let conn = ConnId(if to == "bob" { 2 } else { 3 });
            let heard = self.say(conn, &to, vec![ClientPacket::Mark { message, status: Status::Read }]);
            match heard.iter().any(|packet| matches!(packet, ServerPacket::Noted(Noted::Marked { .. }))) {
                true => {}
                false if refused(&heard) => taken = false,
                false => return Err(format!("a mark of row {offset} is answered by {heard:?}")),
            }
        }
        let heard = self.say(ANN, "ann", vec![ClientPacket::Send(draft(999_999))]);
        match accepted(&heard).as_slice() {
            [(_, place)] if place.0 > own.last().map_or(0, |(offset, _)| offset.0) => {}
            [] if refused(&heard) => taken = false,
            _ => return Err(format!("a new message is answered by {heard:?}")),
        }
        Ok(taken)
    }

    /// Says it on a connection, which is opened where it is not, and commits what that asks for.
    fn say(&mut self, conn: ConnId, user: &str, packets: Vec<ClientPacket>) -> Vec<ServerPacket> {
        let grant = Some(Grant::new(device(user)));
        self.core.handle_input(NOW, Input::Opened { conn, caps: Caps::FULL, grant });
        let (mut heard, mut tickets) = (Vec::new(), Vec::new());
        self.pump(&mut heard, &mut tickets);
        let said = packets.into_iter().map(Said::from).collect();
        self.core.handle_input(NOW, Input::Packets(conn, said));
        self.pump(&mut heard, &mut tickets);
        while !tickets.is_empty() {
            for answer in self.storage.commit(std::mem::take(&mut tickets)) {
                let input = answer.map_or_else(Input::Failed, Input::Committed);
                self.core.handle_input(NOW, input);
            }
            self.pump(&mut heard, &mut tickets);
        }
        self.core.handle_input(NOW, Input::Closed(conn));
        self.pump(&mut Vec::new(), &mut tickets);
        heard
    }

    fn pump(&mut self, heard: &mut Vec<ServerPacket>, tickets: &mut Vec<Ticket>) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send(_, outgoing) => heard.push(outgoing.into_packet()),
                Output::Commit(ticket) => tickets.push(ticket),
                Output::Attach(conn, device) => {
                    let place = self.storage.reader().attach(&device).ok();
                    self.core.handle_input(NOW, Input::Attached(conn, place));
                }
                Output::Read(request) => {
                    let page = self.storage.reader().page(&request);
                    self.core.handle_input(NOW, Input::Page(page));
                }
                _ => {}
            }
        }
    }
}

fn accepted(heard: &[ServerPacket]) -> Vec<(Head, Offset)> {
    let accepted = heard.iter().filter_map(|packet| match packet {
        ServerPacket::Accepted { head, offset, .. } => Some((head.clone(), *offset)),
        _ => None,
    });
    accepted.collect()
}

/// Refused for now, or hung up on: what a store says that is not well.
fn refused(heard: &[ServerPacket]) -> bool {
    heard.iter().any(|packet| {
        matches!(
            packet,
            ServerPacket::Rejected { reason: Reject::Unavailable, .. }
                | ServerPacket::Noted(Noted::Refused { reason: Reject::Unavailable, .. })
                | ServerPacket::Bye(_)
        )
    })
}
