//! gRPC on the port of everything else: `message.MessageService`, and what tools ask of every server.
//!
//! | service | file |
//! |---|---|
//! | `message.MessageService` | here, and `stream.rs` |
//! | `grpc.health.v1.Health` | `health.rs` |
//! | `grpc.reflection.v1.ServerReflection` | of its library |
//!
//! A call is a request of the table of HTTP ([`bimip_codec::grpc`]), so that nothing is decided here.

mod health;
mod stream;

use std::future::Future;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use bimip_codec::grpc::wire::{
    CommitOffsetRequest, CommitOffsetResponse, GetMessagesRequest, GetMessagesResponse, SendMessageRequest,
    SendMessageResponse,
};
use bimip_codec::grpc::{self, Call};
use bimip_codec::rest::{Answer, Refusal};
use bimip_proto::{ClientPacket, Noted, Offset, Reject, ServerPacket, limits};
use bimip_session::server::Grant;
use futures_util::FutureExt;
use futures_util::future::Map;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::api::{allowed_in, ask, device_of};
use super::sign_in;
use crate::server::Server;

/// What is refused is named, for programs that know the words of the other doors.
const CODE: &str = "bimip-code";
const FIELD: &str = "bimip-field";
/// Clients that retry by themselves wait so long, in milliseconds.
const RETRY: &str = "grpc-retry-pushback-ms";

pub(super) fn routes(server: &Server) -> Router<Server> {
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(grpc::DESCRIPTORS)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1();
    let router = Router::new()
        .route("/message.MessageService/SendMessage", post(send))
        .route("/message.MessageService/GetMessages", post(get))
        .route("/message.MessageService/StreamMessages", post(stream))
        .route("/message.MessageService/CommitOffset", post(commit))
        .route("/message.MessageService/{method}", any(unknown))
        .route_service("/grpc.health.v1.Health/{method}", health::service(server));
    match reflection {
        Ok(it) => router.route_service("/grpc.reflection.v1.ServerReflection/{method}", it),
        Err(error) => {
            tracing::error!(%error, "the service does not describe itself");
            router
        }
    }
}

async fn send(State(server): State<Server>, request: Request) -> Response {
    unary(server, request, |server, grant, asked: SendMessageRequest| async move {
        is_own(&grant, &asked.sender_user_id)?;
        let message = grpc::sent(&call(&server, &grant, &Call::send(&asked)?).await?)?;
        Ok(SendMessageResponse { message: Some(message) })
    })
    .await
}

async fn get(State(server): State<Server>, request: Request) -> Response {
    unary(server, request, |server, grant, asked: GetMessagesRequest| async move {
        let (messages, has_more) = grpc::got(&call(&server, &grant, &Call::get(&asked)?).await?)?;
        Ok(GetMessagesResponse { messages, has_more })
    })
    .await
}

/// GR-COM-1.
async fn commit(State(server): State<Server>, request: Request) -> Response {
    unary(server, request, |server, grant, asked: CommitOffsetRequest| async move {
        let said = ClientPacket::Dispose(Offset(asked.offset));
        match server.call(grant, said.into(), 0).await.map_err(|_| Refusal::UNAVAILABLE)?.as_ref() {
            Some(answer) => match answer.packet() {
                ServerPacket::Noted(Noted::Disposed(offset)) => Ok(CommitOffsetResponse { offset: offset.0 }),
                ServerPacket::Declined { reason, retry_after_ms, .. } => {
                    Err(Refusal::of(*reason, *retry_after_ms))
                }
                _ => Err(Refusal::UNAVAILABLE),
            },
            None => Err(Refusal::UNAVAILABLE),
        }
    })
    .await
}

async fn stream(State(server): State<Server>, request: Request) -> Response {
    if let Some(refused) = not_grpc(request.headers()) {
        return refused;
    }
    let service = stream::Open { server, headers: request.headers().clone() };
    let mut grpc = Grpc::new(ProstCodec::default());
    grpc.server_streaming(service, request).await.into_response()
}

async fn unknown(request: Request) -> Response {
    not_grpc(request.headers()).unwrap_or_else(|| {
        Status::unimplemented("no such method").into_http::<tonic::body::Body>().into_response()
    })
}

/// A request by somebody who is signed in, and its answer.
async fn unary<A, B, F>(
    server: Server,
    request: Request,
    answer: impl Fn(Server, Grant, A) -> F + Send + 'static,
) -> Response
where
    A: prost::Message + Default + Send + 'static,
    B: prost::Message + Default + Send + 'static,
    F: Future<Output = Result<B, Refusal>> + Send,
{
    if let Some(refused) = not_grpc(request.headers()) {
        return refused;
    }
    let headers = request.headers().clone();
    let mut grpc = Grpc::new(ProstCodec::<B, A>::default()).max_decoding_message_size(limits::FRAME_BYTES);
    let service = Answers(|asked: A| async {
        let grant = caller(&server, &headers).await?;
        answer(server.clone(), grant, asked).await
    });
    grpc.unary(service, request).await.into_response()
}

/// A closure as a service.
struct Answers<F>(F);

impl<A, B, F, Fut> UnaryService<A> for Answers<F>
where
    F: FnMut(A) -> Fut,
    Fut: Future<Output = Result<B, Refusal>>,
{
    type Response = B;
    type Future = Map<Fut, fn(Result<B, Refusal>) -> Result<tonic::Response<B>, Status>>;

    fn call(&mut self, request: tonic::Request<A>) -> Self::Future {
        (self.0)(request.into_inner()).map(|answer| match answer {
            Ok(answer) => Ok(tonic::Response::new(answer)),
            Err(refusal) => Err(status(&refusal)),
        })
    }
}

/// GR-AUTH-1.
async fn caller(server: &Server, headers: &HeaderMap) -> Result<Grant, Refusal> {
    let sign_in = sign_in::grpc(headers, device_of(headers)?).ok_or(Refusal::UNAUTHENTICATED);
    let grant = match sign_in {
        Ok(sign_in) => allowed_in(server, sign_in).await,
        Err(refusal) => Err(refusal),
    };
    if grant.is_err() {
        server.counts().door_refused.one();
    }
    let grant = grant?;
    server.pace().take(&grant.device.user)?;
    Ok(grant)
}

/// GR-AUTH-2.
fn is_own(grant: &Grant, user: &str) -> Result<(), Refusal> {
    if user.is_empty() || user == grant.device.user.as_str() {
        Ok(())
    } else {
        Err(Refusal::of(Reject::NotYourself, None))
    }
}

async fn call(server: &Server, grant: &Grant, call: &Call) -> Result<Answer, Refusal> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    ask(server, grant, call.route()?, &path, &call.query, None, call.body.as_bytes()).await
}

/// GR-ERR-1.
fn status(refusal: &Refusal) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert(CODE, MetadataValue::from_static(refusal.code));
    if let Some(field) = refusal.field {
        metadata.insert(FIELD, MetadataValue::from_static(field));
    }
    if let Some(ms) = refusal.retry_after_ms {
        metadata.insert(RETRY, ms.into());
    }
    Status::with_metadata(Code::from(grpc::code(refusal) as i32), refusal.message.as_ref(), metadata)
}

/// A browser's page that wanders by is not answered as a client of gRPC.
fn not_grpc(headers: &HeaderMap) -> Option<Response> {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let hint = "gRPC is spoken here: the content type is application/grpc";
    (kind != Some(true)).then(|| (StatusCode::UNSUPPORTED_MEDIA_TYPE, hint).into_response())
}
