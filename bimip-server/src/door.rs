//! How clients come in: one HTTP port with a path for each dialect, and raw TCP with a port for a dialect.
//!
//! | request | answer |
//! |---|---|
//! | `GET /` with an upgrade, and any path that is nobody else's | the msgpack dialect |
//! | `GET /bimip` with an upgrade | the protobuf dialect |
//! | `GET /ws` with an upgrade | JSON events |
//! | `GET /chat?encoding=text` with an upgrade | the chat dialect |
//! | `GET /application/development` with an upgrade | the protobuf dialect of the deployed server |
//! | `GET /` | a banner |
//! | `GET /health` | how the server is doing, as JSON |
//! | `GET /files/audio/{id}`, `GET /files/text/{id}` | what a message holds, for those who may know |
//! | `/api/v1/…`, and `/messages` without it | the routes of [`bimip_codec::rest`] |
//! | `/message.MessageService/…`, `/grpc.health.v1.Health/…` | gRPC, by HTTP/2 |
//! | anything else | 404, or 403 for another method on `/` |

mod accounts;
mod api;
mod chat;
mod deployed;
mod files;
mod grpc;
mod health;
mod pooled;
mod questions;
mod sign_in;
mod streams;
mod tcp;
mod websocket;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use axum::serve::ListenerExt;
use bimip_codec::Dialect;
use bimip_session::server::{Grant, Refused};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

pub(crate) use self::api::{Origins, Pace};
use self::sign_in::{Knock, Seat};
use crate::auth::SignIn;
use crate::server::Server;

/// Reads what a peer still sends after the end of our stream, and throws it away: closing a socket with something unread
/// in it makes the system take back what the peer has not read yet, the goodbye included.
fn poll_drain(socket: &mut (impl AsyncRead + Unpin), cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    loop {
        let mut scratch = [0; 4096];
        let mut rest = ReadBuf::new(&mut scratch);
        ready!(Pin::new(&mut *socket).poll_read(cx, &mut rest))?;
        if rest.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
    }
}

/// What the msgpack clients look for, and their monitoring.
const BANNER: &str = concat!("Welcome to VoicePing Router ", env!("CARGO_PKG_VERSION"));

impl Server {
    /// The doors as a router, to be merged into an application's own. Its fallback answers what nobody else does.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", any(root))
            .route("/bimip", any(bimip))
            // Else it would be the VoicePing door, where the first subprotocol is the token.
            .route("/bimip/", any(bimip))
            .route("/ws", any(events))
            .route("/chat", any(chat::enter))
            .route("/application/development", any(deployed::enter))
            .route("/health", get(health::health))
            .route("/files/audio/{id}", get(files::audio))
            .route("/files/text/{id}", get(files::text))
            .merge(api::routes(self))
            .merge(grpc::routes(self))
            .fallback(elsewhere)
            .with_state(self.clone())
    }

    /// Serves [`router`](Self::router) on a listener, until a shutdown begins.
    ///
    /// # Errors
    /// As the listener fails.
    pub async fn serve_http(self, listener: TcpListener) -> io::Result<()> {
        let unread_wait = self.config().unread_wait;
        let listener = listener.tap_io(move |socket| {
            // Small frames must not wait for the answer to the ones before them.
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "a socket keeps its delay");
            }
            give_up_after(socket, unread_wait);
        });
        // The deployed dialect tells clients their own address.
        let router = self.router().into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, router).with_graceful_shutdown(self.stopping()).await
    }
}

/// Cuts the connection of a peer that takes nothing of what was sent for so long.
fn give_up_after(socket: &TcpStream, unread_wait: Duration) {
    #[cfg(target_os = "linux")]
    {
        let wait_ms = u32::try_from(unread_wait.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(socket, wait_ms) {
            tracing::debug!(%error, "a socket waits as long as it likes");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, unread_wait);
}

async fn root(State(server): State<Server>, request: Request) -> Response {
    if websocket::is_upgrade(&request) {
        return voiceping(server, request).await;
    }
    match *request.method() {
        Method::GET | Method::HEAD => BANNER.into_response(),
        _ => (StatusCode::FORBIDDEN, "Forbidden").into_response(),
    }
}

async fn elsewhere(State(server): State<Server>, request: Request) -> Response {
    if websocket::is_upgrade(&request) { voiceping(server, request).await } else { nothing().await }
}

async fn nothing() -> Response {
    (StatusCode::NOT_FOUND, "Not Found").into_response()
}

async fn voiceping(server: Server, request: Request) -> Response {
    let knock = sign_in::voiceping(request.headers(), server.config().voiceping_sessions);
    enter(server, Dialect::VoicePing, knock, request).await
}

async fn bimip(State(server): State<Server>, request: Request) -> Response {
    if !websocket::is_upgrade(&request) {
        return no_upgrade("bimip.v1 is spoken over a web socket: connect with an upgrade");
    }
    enter(server, Dialect::Scheme, sign_in::bimip(request.headers()), request).await
}

async fn events(State(server): State<Server>, request: Request) -> Response {
    if !websocket::is_upgrade(&request) {
        return no_upgrade("events are spoken over a web socket: connect with an upgrade");
    }
    enter(server, Dialect::Events, sign_in::events(request.headers()), request).await
}

fn no_upgrade(hint: &'static str) -> Response {
    (StatusCode::UPGRADE_REQUIRED, [(header::UPGRADE, "websocket")], hint).into_response()
}

/// Lets somebody in, or says why not; all before the upgrade.
async fn enter(
    server: Server,
    dialect: Dialect,
    knock: Result<Knock, StatusCode>,
    request: Request,
) -> Response {
    if !server.origins().lets_in(request.headers()) {
        return refuse(&server, StatusCode::FORBIDDEN);
    }
    let knock = match knock {
        Ok(knock) => knock,
        Err(status) => return refuse(&server, status),
    };
    let grant = match knock.sign_in {
        None => None,
        Some(sign_in) => match let_in(&server, sign_in, knock.seat).await {
            Ok(grant) => Some(grant),
            Err(Refused) => return refuse(&server, StatusCode::UNAUTHORIZED),
        },
    };
    let Some(place) = server.place() else {
        return plain(StatusCode::SERVICE_UNAVAILABLE);
    };
    websocket::upgrade(server, dialect, grant, place, knock.protocol, request)
}

async fn let_in(server: &Server, sign_in: SignIn, seat: Seat) -> Result<Grant, Refused> {
    let grant = server.gate().ask(sign_in).await?;
    // As the device of the token and as the one that has the cursor: either may have been logged out.
    let grant = server.gate().admit(grant).await?;
    server.gate().admit(seat.apply(grant)).await
}

fn refuse(server: &Server, status: StatusCode) -> Response {
    server.counts().door_refused.one();
    plain(status)
}

fn plain(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or_default();
    (status, Body::from(reason)).into_response()
}
