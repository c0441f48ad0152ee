//! One request, from its headers to its answer.

use std::sync::LazyLock;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bimip_codec::rest::{self, Answer, Asked, Door, Refusal, Route, Serves};
use bimip_proto::{ClientPacket, CloseReason, Device, Said, ServerPacket, UnixMs, limits};
use bimip_session::ledger::Outgoing;
use bimip_session::server::Grant;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use super::dress::RequestId;
use super::pace::Left;
use super::{caller, refused};
use crate::clock;
use crate::door::{accounts, streams};
use crate::line::NoAnswer;
use crate::server::Server;

/// Packets of one request that are under way at once, where none depends on another.
const AT_ONCE: usize = 16;
/// The description of the API, made when it is first asked for.
static DOCUMENT: LazyLock<String> = LazyLock::new(rest::openapi);
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// HT-REQ-1.
pub(super) async fn serve(
    route: &'static Route,
    server: Server,
    path: Option<RawPathParams>,
    id: RequestId,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut left = None;
    let answered = match &route.serves {
        Serves::Door(Door::Events) => streams::events(&server, &parts, &mut left).await,
        Serves::Door(Door::Sync) => streams::sync(&server, &parts, &mut left).await,
        _ => {
            let answer = answer(route, &server, path, &parts, body, &mut left).await;
            answer.map(|answer| written(answer, &parts))
        }
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(refusal) => {
            if refusal.status == 401 {
                server.counts().door_refused.one();
            }
            refused::refused(&refusal, &id)
        }
    };
    if let Some(left) = left {
        left.write(response.headers_mut());
    }
    response
}

async fn answer(
    route: &'static Route,
    server: &Server,
    path: Option<RawPathParams>,
    parts: &Parts,
    body: Body,
    left: &mut Option<Left>,
) -> Result<Answer, Refusal> {
    let grant = match &route.serves {
        Serves::Door(Door::Document) => return Ok(Answer { status: 200, json: DOCUMENT.clone() }),
        Serves::Door(Door::Ack) => {
            let body = read(route, server, &parts.headers, body, limits::FRAME_BYTES).await?;
            return streams::ack(server, parts, &body, left).await;
        }
        Serves::Door(door) => {
            let body = read(route, server, &parts.headers, body, limits::ACCOUNT_BODY_BYTES).await?;
            return accounts::answer(server, *door, parts, &body).await;
        }
        Serves::Core(_) => caller::caller(server, &parts.headers).await?,
    };
    *left = server.pace().take(&grant.device.user)?;
    let body = read(route, server, &parts.headers, body, limits::FRAME_BYTES).await?;
    let key = match parts.headers.get(IDEMPOTENCY_KEY) {
        Some(key) => Some(key.to_str().map_err(|_| Refusal::field("Idempotency-Key"))?),
        None => None,
    };
    let path = path.as_ref().map(|path| path.iter().map(|(_, value)| value).collect::<Vec<_>>());
    let query = parts.uri.query().unwrap_or_default();
    ask(server, &grant, route, path.as_deref().unwrap_or_default(), query, key, &body).await
}

/// Asks the core, for somebody who is signed in.
pub(in crate::door) async fn ask(
    server: &Server,
    grant: &Grant,
    route: &'static Route,
    path: &[&str],
    query: &str,
    key: Option<&str>,
    body: &[u8],
) -> Result<Answer, Refusal> {
    let fresh = fresh(&grant.device, key);
    let request = rest::Request { me: &grant.device, path, query, key, fresh: &fresh, body };
    let asked = route.read(&request)?;
    let answers = said(server, grant, &asked, body.len()).await?;
    asked.answer(&answers, UnixMs(clock::unix_ms()))
}

/// HT-BODY-1: the body, if the route has one.
async fn read(
    route: &Route,
    server: &Server,
    headers: &HeaderMap,
    body: Body,
    most_bytes: usize,
) -> Result<Bytes, Refusal> {
    if !route.has_body() {
        return Ok(Bytes::new());
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length = length.and_then(|length| length.parse::<u64>().ok());
    if length.is_some_and(|length| length > most_bytes as u64) {
        return Err(Refusal::TOO_LARGE);
    }
    // A form of another site cannot send this without asking first.
    if !body.is_end_stream() && !is_json(headers) {
        return Err(Refusal::NOT_JSON);
    }
    match timeout(server.config().call_wait, to_bytes(body, most_bytes)).await {
        Ok(read) => read.map_err(|_| Refusal::TOO_LARGE),
        Err(_) => Err(Refusal::TIMEOUT),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// Says everything to the core, and waits for what it answers.
async fn said(
    server: &Server,
    grant: &Grant,
    asked: &Asked,
    bytes: usize,
) -> Result<Vec<Option<ServerPacket>>, Refusal> {
    let call = |said: &Said| {
        let (server, grant, said) = (server.clone(), grant.clone(), said.clone());
        let logs_out = matches!(said.packet, ClientPacket::LogOut(_));
        async move {
            match server.call(grant, said, bytes).await {
                Ok(answer) => Ok(answer.map(Outgoing::into_packet)),
                // Whoever logs this session out is told by its end.
                Err(NoAnswer::Ended(reason)) if logs_out && is_over(&reason) => {
                    Ok(Some(ServerPacket::Bye(reason)))
                }
                Err(NoAnswer::Ended(reason)) if is_over(&reason) => Err(Refusal::UNAUTHENTICATED),
                Err(_) => Err(Refusal::UNAVAILABLE),
            }
        }
    };
    let mut answers = Vec::with_capacity(asked.said().len());
    if asked.is_each() {
        let calls: Vec<_> = asked.said().iter().map(call).collect();
        let mut calls = stream::iter(calls).buffered(AT_ONCE);
        while let Some(answer) = calls.next().await {
            answers.push(answer?);
        }
        return Ok(answers);
    }
    for said in asked.said() {
        let answer = call(said).await?;
        let ends = asked.ends(answer.as_ref());
        answers.push(answer);
        if ends {
            break;
        }
    }
    Ok(answers)
}

/// Whether it ended because its token is no good any more.
const fn is_over(reason: &CloseReason) -> bool {
    matches!(reason, CloseReason::Expired | CloseReason::Revoked | CloseReason::LoggedOut)
}

/// HT-KEY-2: the same for the same key of the same device, and otherwise nobody's.
fn fresh(device: &Device, key: Option<&str>) -> String {
    let mut id = [0; 16];
    match key {
        Some(key) => {
            let mut hash = Sha256::new();
            for part in [device.user.as_str(), device.name.as_str(), key] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            id.copy_from_slice(&hash.finalize()[..16]);
        }
        None => {
            // Without randomness requests would share a name; what is asked twice under it is refused, not mixed up.
            let _ = getrandom::fill(&mut id);
        }
    }
    // RFC 9562: version 8 is of one's own making, 4 is random.
    id[6] = (id[6] & 0x0f) | if key.is_some() { 0x80 } else { 0x40 };
    id[8] = (id[8] & 0x3f) | 0x80;
    let digits = HEXLOWER.encode(&id);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

/// HT-ETAG-1: the answer, or that it is the one that is known.
fn written(answer: Answer, parts: &Parts) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    if answer.json.is_empty() {
        return (status, [(header::CACHE_CONTROL, "no-store")]).into_response();
    }
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        let kept = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return (status, [kind, kept], answer.json).into_response();
    }
    let tag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(&answer.json)[..16]));
    let known = parts.headers.get_all(header::IF_NONE_MATCH).iter();
    let known = known.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    let is_known =
        known.map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => (status, [kind], answer.json).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use bimip_proto::{DeviceName, UserId};

    use super::*;

    // HT-KEY-2
    #[test]
    fn a_name_is_a_uuid_and_the_same_for_the_same_key() {
        let device = |name: &str| Device::new(UserId::new("ann").unwrap(), DeviceName::new(name).unwrap());
        let (phone, tablet) = (device("phone"), device("tablet"));
        let keyed = fresh(&phone, Some("k"));
        assert_eq!((keyed.len(), &keyed[14..15]), (36, "8"));
        assert_eq!(keyed, fresh(&phone, Some("k")));
        assert_ne!(keyed, fresh(&phone, Some("l")));
        assert_ne!(keyed, fresh(&tablet, Some("k")));
        assert_ne!(fresh(&phone, None), fresh(&phone, None));
        assert_eq!(&fresh(&phone, None)[14..15], "4");
    }
}
