//! The mailbox as a stream of gRPC.

use std::collections::VecDeque;

use axum::http::HeaderMap;
use bimip_codec::grpc::events;
use bimip_codec::grpc::wire::{MessageEvent, StreamMessagesRequest};
use bimip_codec::rest::Refusal;
use bimip_proto::{Caps, ClientPacket, CloseReason, Offset, ServerPacket};
use bimip_session::server::Grant;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::time::timeout;
use tonic::Status;
use tonic::server::ServerStreamingService;

use super::{caller, is_own, status};
use crate::door::streams::ended;
use crate::line::{Line, Told};
use crate::server::Server;

type Events = BoxStream<'static, Result<MessageEvent, Status>>;

/// What opens a stream.
pub(super) struct Open {
    pub(super) server: Server,
    pub(super) headers: HeaderMap,
}

impl ServerStreamingService<StreamMessagesRequest> for Open {
    type Response = MessageEvent;
    type ResponseStream = Events;
    type Future = BoxFuture<'static, Result<tonic::Response<Events>, Status>>;

    fn call(&mut self, request: tonic::Request<StreamMessagesRequest>) -> Self::Future {
        let (server, headers, asked) = (self.server.clone(), self.headers.clone(), request.into_inner());
        let opened = async move {
            let grant = caller(&server, &headers).await?;
            is_own(&grant, &asked.user_id)?;
            open(&server, grant, asked.commits).await
        };
        opened.map(|opened| opened.map(tonic::Response::new).map_err(|refusal| status(&refusal))).boxed()
    }
}

/// GR-STRM-1: opens the stream of a device, as far as its welcome.
async fn open(server: &Server, grant: Grant, commits: bool) -> Result<Events, Refusal> {
    // Its word counts alone before anything is given to it.
    let first = if commits { vec![ClientPacket::Dispose(Offset::ZERO).into()] } else { Vec::new() };
    let line = server.line(grant, Caps::EVENTS, first, 0).await.map_err(|_| Refusal::UNAVAILABLE)?;
    let mut reader = Reader { line, ready: VecDeque::new(), made: Vec::new() };
    let first = timeout(server.config().call_wait, reader.next()).await;
    match first.map_err(|_| Refusal::UNAVAILABLE)? {
        // It never began.
        Some(Err(_)) | None => Err(reader.line.ended().map_or(Refusal::UNAVAILABLE, ended)),
        Some(Ok(first)) if first.r#type == "bye" => {
            Err(reader.line.ended().map_or(Refusal::UNAVAILABLE, ended))
        }
        Some(Ok(first)) => {
            let rest = stream::unfold(reader, |mut reader| async move {
                let event = reader.next().await?;
                Some((event, reader))
            });
            Ok(stream::iter([Ok(first)]).chain(rest).boxed())
        }
    }
}

struct Reader {
    line: Line,
    ready: VecDeque<Result<MessageEvent, Status>>,
    made: Vec<MessageEvent>,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<MessageEvent, Status>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            match self.line.told().await? {
                Told::Packet(outgoing, _) => self.take(outgoing.packet()),
                // So that something is on its way, which is how a connection is found to be dead.
                Told::Alive => {
                    let heartbeat =
                        MessageEvent { r#type: "heartbeat".to_owned(), ..MessageEvent::default() };
                    self.ready.push_back(Ok(heartbeat));
                }
            }
        }
    }

    fn take(&mut self, packet: &ServerPacket) {
        // What is answered to a commit was said by a call, or before the stream began.
        if matches!(packet, ServerPacket::Noted(_)) {
            return;
        }
        match events(packet, &mut self.made) {
            Ok(()) => self.ready.extend(self.made.drain(..).map(Ok)),
            Err(error) => tracing::error!(%error, "a packet cannot be written as an event"),
        }
        if let ServerPacket::Bye(reason) = packet
            && *reason != CloseReason::Bye
        {
            self.ready.push_back(Err(status(&ended(reason))));
        }
    }
}
