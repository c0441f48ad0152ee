//! A connection of `bimip.v1` that does one thing after the other: asks what is stored, manages groups.

use std::net::SocketAddr;
use std::time::Duration;

use bimip_codec::scheme::v1::message_scheme::Payload;
use bimip_codec::scheme::v1::{Group, MessageScheme, Query};
use prost::Message as _;
use tokio::time::timeout;

use super::clock;
use super::frames::{self, Heard};
use super::peer::Peer;

/// Until an answer has to be there.
const PATIENCE: Duration = Duration::from_secs(30);
const QUERY: u8 = 18;
const GROUP: u8 = 19;

#[derive(Debug)]
pub(super) struct Seat {
    peer: Peer,
    asked: u64,
}

/// A connection of this user that was welcomed.
pub(super) async fn signed_in(address: SocketAddr, user: &str, device: &str) -> Result<Peer, String> {
    let mut peer = Peer::to_server(address, "/bimip", user, device).await?;
    match frames::read(&peer.frame().await?) {
        Some(Heard::Welcome) => Ok(peer),
        other => Err(format!("the server began with {other:?}")),
    }
}

impl Seat {
    pub(super) async fn take(address: SocketAddr, user: &str, device: &str) -> Result<Self, String> {
        Ok(Self { peer: signed_in(address, user, device).await?, asked: 0 })
    }

    /// Asks, and gives the answer with the time until it was there, in ns.
    pub(super) async fn ask(&mut self, query: Query) -> Result<(u64, Query), String> {
        let id = self.name();
        let question = Query { r#type: 1, id: id.clone(), ..query };
        let begun = clock::ns();
        let answer = self.answered(QUERY, Payload::Query(question)).await?;
        let took = clock::ns() - begun;
        match answer {
            Payload::Query(answer) if answer.r#type == 2 && answer.id == id => Ok((took, answer)),
            other => Err(format!("a question was answered by {other:?}")),
        }
    }

    /// Manages a group; the answer says that it is so.
    pub(super) async fn manage(&mut self, group: Group) -> Result<(), String> {
        let id = self.name();
        let command = Group { r#type: 1, id: id.clone(), ..group };
        match self.answered(GROUP, Payload::Group(command)).await? {
            Payload::Group(answer) if answer.r#type == 2 && answer.id == id => Ok(()),
            other => Err(format!("a command about a group was answered by {other:?}")),
        }
    }

    /// What is left of it is a connection.
    pub(super) fn into_peer(self) -> Peer {
        self.peer
    }

    fn name(&mut self) -> String {
        self.asked += 1;
        format!("q{}", self.asked)
    }

    /// Says this, and waits for what comes on the same route and is no row. Whatever else comes is passed over.
    async fn answered(&mut self, route: u8, payload: Payload) -> Result<Payload, String> {
        self.peer.queue(&frames::scheme(route.into(), payload));
        self.peer.flush()?;
        loop {
            let frame = timeout(PATIENCE, self.peer.frame()).await;
            let frame = frame.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))??;
            // The route is the first field.
            let [0x08, number, ..] = *frame else { continue };
            if number == 11 || number == 12 {
                return Err(format!("the server says no, or goodbye: {:?}", frames::read(&frame)));
            }
            if number != route {
                continue;
            }
            let scheme = MessageScheme::decode(&frame[..]).map_err(|error| format!("an answer: {error}"))?;
            match scheme.payload {
                Some(Payload::Group(row)) if row.r#type == 4 => {}
                Some(payload) => return Ok(payload),
                None => return Err("an answer without a payload".to_owned()),
            }
        }
    }
}
