//! The next events, for those who ask now and then.

use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use bimip_codec::rest::{Refusal, StreamAsked};
use bimip_codec::stream::Batch;
use bimip_proto::{Caps, CloseReason, ServerPacket};
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};

use super::{begin, caller, ended};
use crate::door::api::Left;
use crate::line::{Line, Told};
use crate::server::Server;

/// How long what is stored may take to be read. Where all of it is this device's own, so long nothing comes.
const READ_WAIT: Duration = Duration::from_secs(1);

/// ST-SYNC-1.
pub(in crate::door) async fn sync(
    server: &Server,
    parts: &Parts,
    left: &mut Option<Left>,
) -> Result<Response, Refusal> {
    let asked = StreamAsked::read(parts.uri.query().unwrap_or_default())?;
    let grant = caller(server, parts, &asked, left).await?;
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    if parts.method == Method::HEAD {
        return Ok(head.into_response());
    }
    let asks_until = Instant::now() + Duration::from_secs(asked.timeout_s.into());
    let (mut line, welcome, has) = begin(server, grant, Caps::POLL, &asked).await?;
    // What is there already has only to be read, also for somebody who does not wait.
    let reads_until = if welcome.head > has { Instant::now() + READ_WAIT } else { asks_until };
    let until = asks_until.max(reads_until);
    let mut batch = Batch::new(&welcome, has);
    fill(&mut line, &mut batch, until, asked.limit as usize).await?;
    Ok((head, batch.finish()).into_response())
}

/// Waits for the first row, and takes what came with it.
async fn fill(line: &mut Line, batch: &mut Batch, until: Instant, limit: usize) -> Result<(), Refusal> {
    while batch.rows() < limit {
        let told = match line.told().now_or_never() {
            Some(told) => told,
            None if batch.rows() > 0 => break,
            None => match timeout_at(until, line.told()).await {
                Ok(told) => told,
                Err(_) => break,
            },
        };
        let Some(Told::Packet(outgoing, shared)) = told else {
            if told.is_none() {
                break;
            }
            continue;
        };
        match outgoing.packet() {
            ServerPacket::Bye(CloseReason::ComeBack) => break,
            ServerPacket::Bye(reason) if batch.rows() == 0 => return Err(ended(reason)),
            ServerPacket::Bye(_) => break,
            packet => {
                if let Err(error) = batch.add(packet, shared.as_deref()) {
                    tracing::error!(%error, "a row cannot be written as events");
                }
            }
        }
    }
    Ok(())
}
