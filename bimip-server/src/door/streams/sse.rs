//! Server-sent events.

use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use bimip_codec::Shared;
use bimip_codec::rest::{Refusal, StreamAsked};
use bimip_codec::stream::Sse;
use bimip_proto::{Caps, CloseReason, Offset, ServerPacket};
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use tokio::time::timeout;

use super::{begin, caller};
use crate::door::api::Left;
use crate::line::{Line, Told};
use crate::server::Server;

/// A line of text comes at least so often, or what is between here and the client takes it for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a client waits before it comes back.
const RETRY_MS: u32 = 3_000;
/// The same after a full window: there is more.
const RETRY_SOON_MS: u32 = 100;
/// The same for one that another stream of its device took over: two of them must not do that to each other all the time.
const RETRY_REPLACED_MS: u32 = 60_000;
/// What is ready is written at once, up to about so much.
const CHUNK_BYTES: usize = 32 * 1024;

/// ST-SSE-1.
pub(in crate::door) async fn events(
    server: &Server,
    parts: &Parts,
    left: &mut Option<Left>,
) -> Result<Response, Refusal> {
    let mut asked = StreamAsked::read(parts.uri.query().unwrap_or_default())?;
    if let Some(last) = parts.headers.get("last-event-id") {
        asked.last_event(last.as_bytes())?;
    }
    let grant = caller(server, parts, &asked, left).await?;
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx keeps back what it may.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    if parts.method == Method::HEAD {
        return Ok(head.into_response());
    }
    let (line, welcome, has) = begin(server, grant, Caps::STREAM, &asked).await?;
    let mut text = Vec::new();
    Sse::retry(RETRY_MS, &mut text);
    let mut writer = Writer { line, sse: Sse::default(), has, text };
    writer.packet(&ServerPacket::Welcome(welcome), None);
    let chunks = stream::unfold(writer, |mut writer| async move {
        let chunk = writer.chunk().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), writer))
    });
    Ok((head, Body::from_stream(chunks)).into_response())
}

struct Writer {
    line: Line,
    sse: Sse,
    /// What the client has is not said again.
    has: Offset,
    /// What is not handed on yet.
    text: Vec<u8>,
}

impl Writer {
    /// The next piece of text, until the core has said goodbye.
    async fn chunk(&mut self) -> Option<Bytes> {
        if self.text.is_empty() {
            let Ok(told) = timeout(HEARTBEAT, self.line.told()).await else {
                Sse::heartbeat(&mut self.text);
                return Some(self.ready());
            };
            if !self.take(told?) {
                return Some(self.ready());
            }
        }
        while self.text.len() < CHUNK_BYTES {
            let Some(Some(told)) = self.line.told().now_or_never() else { break };
            if !self.take(told) {
                break;
            }
        }
        Some(self.ready())
    }

    fn ready(&mut self) -> Bytes {
        std::mem::take(&mut self.text).into()
    }

    /// `false` for what has to be on its way before the next thing is asked for.
    fn take(&mut self, told: Told) -> bool {
        match told {
            Told::Packet(outgoing, shared) => {
                self.packet(outgoing.packet(), shared.as_deref());
                true
            }
            Told::Alive => {
                Sse::heartbeat(&mut self.text);
                false
            }
        }
    }

    fn packet(&mut self, packet: &ServerPacket, shared: Option<&Shared>) {
        match packet {
            ServerPacket::Deliver(row) if row.offset <= self.has => return,
            ServerPacket::Bye(CloseReason::ComeBack) => Sse::retry(RETRY_SOON_MS, &mut self.text),
            ServerPacket::Bye(CloseReason::Replaced { .. }) => Sse::retry(RETRY_REPLACED_MS, &mut self.text),
            _ => {}
        }
        if let Err(error) = self.sse.packet(packet, shared, &mut self.text) {
            tracing::error!(%error, "a packet cannot be written as an event");
        }
    }
}
