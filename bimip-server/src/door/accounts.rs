//! `POST /api/v1/auth/…`: passwords in, tokens out. Only where the server keeps accounts.
//!
//! | path | body | answer |
//! |---|---|---|
//! | `register` | `user`, `password`, optional `device_id` | 201 and a pass |
//! | `login` | `user`, `password`, optional `device_id` | 200 and a pass |
//! | `password` | `user`, `password`, `new_password`, optional `device_id` | 200 and a pass; everything else is logged out |
//!
//! A pass is `{"token", "expires_at", "refresh_until"}`, a refusal `{"code", "message", "request_id"}`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bimip_proto::{DeviceName, limits};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::accounts::{Accounts, Credentials, Pass, Refusal, rfc3339};
use crate::server::Server;

const REGISTER: &str = "/api/v1/auth/register";
const LOGIN: &str = "/api/v1/auth/login";
const PASSWORD: &str = "/api/v1/auth/password";
/// What a request is called, in its refusal and in the log.
const REQUEST_ID: &str = "x-request-id";

pub(super) fn routes() -> Router<Server> {
    Router::new()
        .route(REGISTER, post(register))
        .route(LOGIN, post(log_in))
        .route(PASSWORD, post(change_password))
}

#[derive(Deserialize)]
struct Asked {
    user: String,
    password: String,
    #[serde(default)]
    new_password: Option<String>,
    #[serde(default)]
    device_id: Option<String>,
}

#[derive(Serialize)]
struct Let {
    token: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_until: Option<String>,
}

#[derive(Serialize)]
struct Refused<'r> {
    code: &'r str,
    message: String,
    request_id: &'r str,
}

/// Why there is no pass.
#[derive(Debug)]
enum No {
    /// What the accounts say.
    Refused(Refusal),
    /// What HTTP says.
    Unread(StatusCode, &'static str, &'static str),
    /// This server keeps no accounts.
    Nothing,
}

impl From<Refusal> for No {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

async fn register(State(server): State<Server>, request: Request) -> Response {
    let did = async {
        let (accounts, address, asked) = read(&server, request).await?;
        let who = credentials(&asked)?;
        Ok(accounts.register(address, &who).await?)
    };
    answer(StatusCode::CREATED, did.await)
}

async fn log_in(State(server): State<Server>, request: Request) -> Response {
    let did = async {
        let (accounts, address, asked) = read(&server, request).await?;
        let who = credentials(&asked)?;
        Ok(accounts.log_in(address, &who).await?)
    };
    answer(StatusCode::OK, did.await)
}

async fn change_password(State(server): State<Server>, request: Request) -> Response {
    let did = async {
        let (accounts, address, asked) = read(&server, request).await?;
        let who = credentials(&asked)?;
        let new = asked.new_password.as_deref();
        let new = new.ok_or(No::Unread(StatusCode::BAD_REQUEST, "bad_request", "new_password is missing"))?;
        Ok(accounts.change_password(address, &who, new).await?)
    };
    answer(StatusCode::OK, did.await)
}

async fn read(server: &Server, request: Request) -> Result<(Arc<Accounts>, Option<IpAddr>, Asked), No> {
    let Some(accounts) = server.accounts().cloned() else { return Err(No::Nothing) };
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    // A form of another site cannot send this without asking first.
    if !is_json(request.headers()) {
        let what = "the body is JSON: say so in content-type";
        return Err(No::Unread(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", what));
    }
    let body = to_bytes(request.into_body(), limits::ACCOUNT_BODY_BYTES).await.map_err(|_| {
        No::Unread(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the body is too large, or was cut off")
    })?;
    let asked = serde_json::from_slice(&body).map_err(|_| {
        No::Unread(StatusCode::BAD_REQUEST, "bad_request", "the body is no JSON with user and password")
    })?;
    Ok((accounts, address, asked))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn credentials(asked: &Asked) -> Result<Credentials, No> {
    let device = asked.device_id.as_deref().filter(|device| !device.is_empty());
    let device = device.map(DeviceName::new).transpose().map_err(|_| {
        No::Unread(StatusCode::BAD_REQUEST, "bad_request", "device_id is no name for a device")
    })?;
    Ok(Credentials { device, ..Credentials::new(&asked.user, &asked.password) })
}

fn answer(good: StatusCode, did: Result<Pass, No>) -> Response {
    let id = request_id();
    let mut response = match did {
        Ok(pass) => {
            let Pass { token, expires, refresh_until } = pass;
            let refresh_until = refresh_until.map(rfc3339);
            json(good, &Let { token, expires_at: rfc3339(expires), refresh_until })
        }
        Err(No::Nothing) => return super::plain(StatusCode::NOT_FOUND),
        Err(No::Unread(status, code, message)) => {
            json(status, &Refused { code, message: message.to_owned(), request_id: &id })
        }
        Err(No::Refused(refusal)) => {
            let (status, code, retry_after_ms) = of(refusal);
            tracing::debug!(request = id, code, "no pass");
            let mut response = json(status, &Refused { code, message: refusal.to_string(), request_id: &id });
            if let Some(ms) = retry_after_ms {
                response.headers_mut().insert(header::RETRY_AFTER, ms.div_ceil(1000).into());
            }
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The status and the code of a refusal, and after how many milliseconds to try again.
const fn of(refusal: Refusal) -> (StatusCode, &'static str, Option<u64>) {
    match refusal {
        Refusal::BadCredentials => (StatusCode::UNAUTHORIZED, "bad_credentials", None),
        Refusal::Closed => (StatusCode::FORBIDDEN, "registration_closed", None),
        Refusal::Taken => (StatusCode::CONFLICT, "taken", None),
        Refusal::BadName => (StatusCode::BAD_REQUEST, "bad_name", None),
        Refusal::BadPassword(_) => (StatusCode::BAD_REQUEST, "bad_password", None),
        Refusal::TooMany { retry_after_ms } => {
            (StatusCode::TOO_MANY_REQUESTS, "too_many", Some(retry_after_ms))
        }
        Refusal::Busy { retry_after_ms } => (StatusCode::SERVICE_UNAVAILABLE, "busy", Some(retry_after_ms)),
        Refusal::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", Some(1_000)),
    }
}

/// Nobody needs to guess it, and nothing hangs on it: without randomness all are called alike.
fn request_id() -> String {
    let mut id = [0; 8];
    let _ = getrandom::fill(&mut id);
    HEXLOWER.encode(&id)
}
