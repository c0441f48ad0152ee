//! The mailbox for those who have no web socket: `GET /api/v1/events`, `GET /api/v1/sync` and `POST /api/v1/ack`.
//!
//! | file | what it does |
//! |---|---|
//! | `sse.rs` | a line that lasts, as server-sent events |
//! | `sync.rs` | a line that ends with the first rows, as one answer |
//!
//! Each is a virtual connection of the core (DM-STRM-1): what a client has is said by its coming back, or by a call.

mod sse;
mod sync;

use axum::http::request::Parts;
use bimip_codec::rest::{self, Answer, Refusal, StreamAsked};
use bimip_proto::{Caps, ClientPacket, CloseReason, Offset, Said, ServerPacket, Welcome};
use bimip_session::server::Grant;
use tokio::time::timeout;

pub(super) use self::sse::events;
pub(super) use self::sync::sync;
use super::api::{Left, allowed_in, device_of};
use super::sign_in;
use crate::line::{Line, Told};
use crate::server::Server;

/// ST-AUTH-1: who asks, within their pace.
async fn caller(
    server: &Server,
    parts: &Parts,
    asked: &StreamAsked<'_>,
    left: &mut Option<Left>,
) -> Result<Grant, Refusal> {
    let device = match device_of(&parts.headers)? {
        None => asked.device.clone(),
        device => device,
    };
    let sign_in = sign_in::stream(&parts.headers, asked.token.as_deref(), device);
    let grant = allowed_in(server, sign_in.ok_or(Refusal::UNAUTHENTICATED)?).await?;
    *left = server.pace().take(&grant.device.user)?;
    Ok(grant)
}

/// ST-ACK-1: what the stream of this device gave it is stored.
pub(super) async fn ack(
    server: &Server,
    parts: &Parts,
    body: &[u8],
    left: &mut Option<Left>,
) -> Result<Answer, Refusal> {
    let asked = StreamAsked::read(parts.uri.query().unwrap_or_default())?;
    let grant = caller(server, parts, &asked, left).await?;
    match server.call(grant, rest::read_ack(body)?.into(), body.len()).await {
        Ok(answer) => rest::stored(answer.as_ref().map(|answer| answer.packet())),
        Err(_) => Err(Refusal::UNAVAILABLE),
    }
}

/// Opens a line, and says on it what the client has; with the welcome that it begins with, and with what it is taken to have.
async fn begin(
    server: &Server,
    grant: Grant,
    caps: Caps,
    asked: &StreamAsked<'_>,
) -> Result<(Line, Welcome, Offset), Refusal> {
    let has = asked.has.unwrap_or_default();
    // At once, so that what it has is not read for it; but an offset of a mailbox that it names has to be one of this.
    let first: Vec<Said> = match asked.epoch {
        None if has > Offset::ZERO => vec![ClientPacket::Dispose(has).into()],
        _ => Vec::new(),
    };
    let mut line = server.line(grant, caps, first, 0).await.map_err(|_| Refusal::UNAVAILABLE)?;
    let welcomed = timeout(server.config().call_wait, welcome(&mut line)).await;
    let welcome = welcomed.unwrap_or(Err(Refusal::UNAVAILABLE))?;
    let has = match asked.epoch {
        Some(epoch) if epoch != welcome.epoch => Offset::ZERO,
        Some(_) => {
            line.say(ClientPacket::Dispose(has)).await;
            has
        }
        None => has,
    };
    // What lies beyond the end says nothing.
    let has = if has > welcome.head { Offset::ZERO } else { has };
    Ok((line, welcome, has))
}

async fn welcome(line: &mut Line) -> Result<Welcome, Refusal> {
    loop {
        match line.told().await {
            Some(Told::Packet(outgoing, _)) => match outgoing.packet() {
                ServerPacket::Welcome(welcome) => return Ok(welcome.clone()),
                ServerPacket::Bye(reason) => return Err(ended(reason)),
                _ => {}
            },
            Some(Told::Alive) => {}
            None => return Err(Refusal::UNAVAILABLE),
        }
    }
}

/// Why there is no stream, or none any more.
pub(super) fn ended(reason: &CloseReason) -> Refusal {
    match reason {
        CloseReason::Refused | CloseReason::Expired | CloseReason::Revoked | CloseReason::LoggedOut => {
            Refusal::UNAUTHENTICATED
        }
        CloseReason::Replaced { .. } => REPLACED,
        _ => Refusal::UNAVAILABLE,
    }
}

/// ST-SYNC-4: a newer one of the same device asks.
const REPLACED: Refusal = Refusal::new(409, "REPLACED", "another request of this device takes the events");
