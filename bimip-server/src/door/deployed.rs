//! The door of the deployed protobuf layout, whose clients look for what came of it in headers.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bimip_codec::Dialect;

use super::{sign_in, websocket};
use crate::clock;
use crate::server::Server;

const X_STATUS: HeaderName = HeaderName::from_static("x-status");
const X_CONNECTION: HeaderName = HeaderName::from_static("x-connection");
const X_MESSAGE: HeaderName = HeaderName::from_static("x-message");

/// BD-AUTH-1 and 2.
pub(super) async fn enter(State(server): State<Server>, request: Request) -> Response {
    if !websocket::is_upgrade(&request) {
        let hint = "this layout is spoken over a web socket: connect with an upgrade";
        return (StatusCode::UPGRADE_REQUIRED, [(header::UPGRADE, "websocket")], hint).into_response();
    }
    let knock = sign_in::deployed(request.headers());
    let (named, about) = (knock.is_ok(), about(&request));
    let mut response = super::enter(server, Dialect::Deployed, knock, request).await;
    match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => {
            say(response.headers_mut(), "101", "connected", "Successful");
            response.headers_mut().extend(about);
        }
        StatusCode::UNAUTHORIZED => {
            *response.body_mut() = Body::empty();
            let reason = if named { "Invalid token" } else { "Missing token" };
            say(response.headers_mut(), "400", "dis_connected", reason);
        }
        // A handshake that is none, or no room: not known to these clients, and said as everywhere.
        _ => {}
    }
    response
}

fn say(headers: &mut HeaderMap, status: &'static str, connection: &'static str, message: &'static str) {
    for (name, value) in [(X_STATUS, status), (X_CONNECTION, connection), (X_MESSAGE, message)] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// What the client is told about itself.
fn about(request: &Request) -> HeaderMap {
    let mut about = HeaderMap::new();
    if let Some(ConnectInfo(address)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        if let Ok(ip) = HeaderValue::from_str(&address.ip().to_string()) {
            about.insert(HeaderName::from_static("x-ip"), ip);
        }
        about.insert(HeaderName::from_static("x-port"), address.port().into());
    }
    let echoed = [
        (header::HOST, HeaderName::from_static("x-host")),
        (header::USER_AGENT, HeaderName::from_static("x-user_agent")),
    ];
    for (from, name) in echoed {
        if let Some(value) = request.headers().get(from) {
            about.insert(name, value.clone());
        }
    }
    about.insert(HeaderName::from_static("x-connection_time"), clock::unix_ms().into());
    about
}
