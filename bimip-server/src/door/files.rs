//! `GET /files/audio/{message_id}` and `GET /files/text/{message_id}`: what a message holds, for those who may know.
//!
//! Who that is, the core decides ([`readable`](bimip_session::ledger::readable)). Texts come from the mailbox store:
//! there is no second copy that could say something else. Sound comes from the object store, in parts, so that a slow
//! listener costs a part of it.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bimip_proto::{BodyKind, Entry, Form, Message, MessageRef, UserId};
use bytes::Bytes;
use futures_util::stream;
use tokio::task::spawn_blocking;

use super::{plain, refuse, sign_in, voiceping, websocket};
use crate::library::Unread;
use crate::objects::Objects;
use crate::server::Server;
use crate::sounds;

/// Read and written at once.
const PART_BYTES: usize = 64 * 1024;

pub(super) async fn audio(State(server): State<Server>, id: Path<String>, request: Request) -> Response {
    if websocket::is_upgrade(&request) {
        return voiceping(server, request).await;
    }
    let (asked, _) = request.into_parts();
    let entry = match message(&server, &id, &asked).await {
        Ok(entry) => entry,
        Err(refused) => return refused,
    };
    let Entry::Message(Message { body, .. }) = &*entry else { return nothing() };
    let Some(sound) = body.sound() else { return nothing() };
    sent(server.library().objects(), sounds::object(sound), &asked.headers).await
}

pub(super) async fn text(State(server): State<Server>, id: Path<String>, request: Request) -> Response {
    if websocket::is_upgrade(&request) {
        return voiceping(server, request).await;
    }
    let (asked, _) = request.into_parts();
    let entry = match message(&server, &id, &asked).await {
        Ok(entry) => entry,
        Err(refused) => return refused,
    };
    let Entry::Message(Message { body, .. }) = &*entry else { return nothing() };
    if matches!(body.kind, BodyKind::Voice { .. }) {
        return nothing();
    }
    let kind = match body.form {
        Form::Text => "text/plain; charset=utf-8",
        Form::Json | Form::Content => "application/json",
        _ => "application/octet-stream",
    };
    ([(header::CONTENT_TYPE, kind)], SAFE, body.bytes.clone()).into_response()
}

/// A body is what some user sent: a browser must not take it for anything else, and nobody on the way may keep it.
const SAFE: [(header::HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CACHE_CONTROL, "private, no-store"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// VP-FILE-2: what is not there and what is not for this user look alike.
async fn message(server: &Server, id: &str, asked: &Parts) -> Result<Arc<Entry>, Response> {
    let user = who(server, asked).await?;
    let id = id.parse().map(MessageRef::Id).or_else(|_| id.parse().map(MessageRef::Alias));
    let Ok(id) = id else { return Err(nothing()) };
    server.library().message(user, id).await.map_err(|unread| match unread {
        Unread::Nothing => nothing(),
        Unread::Busy | Unread::Failed => unavailable(),
    })
}

/// VP-FILE-3.
async fn who(server: &Server, asked: &Parts) -> Result<UserId, Response> {
    let Some(sign_in) = sign_in::files(&asked.headers, asked.uri.query()) else {
        return Err(refuse(server, StatusCode::UNAUTHORIZED));
    };
    match server.authenticate(sign_in).await {
        Ok(grant) => Ok(grant.device.user),
        Err(_) => Err(refuse(server, StatusCode::UNAUTHORIZED)),
    }
}

fn nothing() -> Response {
    plain(StatusCode::NOT_FOUND)
}

fn unavailable() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response()
}

/// An object, or the part of it that was asked for.
async fn sent(objects: Arc<dyn Objects>, name: String, headers: &HeaderMap) -> Response {
    let known = {
        let (objects, name) = (Arc::clone(&objects), name.clone());
        spawn_blocking(move || objects.len(&name)).await
    };
    let len = match known {
        Ok(Ok(Some(len))) => len,
        Ok(Ok(None)) => {
            tracing::error!(object = name, "a message names a sound that is not there");
            return nothing();
        }
        Ok(Err(error)) => {
            tracing::error!(%error, object = name, "the store of sounds cannot be read");
            return unavailable();
        }
        Err(_) => return unavailable(),
    };
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let common = [(header::CONTENT_TYPE, "audio/ogg"), (header::ACCEPT_RANGES, "bytes")];
    match asked.map_or(Asked::All, |asked| range(asked, len)) {
        Asked::All => {
            let length = [(header::CONTENT_LENGTH, len.to_string())];
            (common, SAFE, length, parts(objects, name, 0..len)).into_response()
        }
        Asked::Part(part) => {
            let lengths = [
                (header::CONTENT_LENGTH, (part.end - part.start).to_string()),
                (header::CONTENT_RANGE, format!("bytes {}-{}/{len}", part.start, part.end - 1)),
            ];
            let body = parts(objects, name, part);
            (StatusCode::PARTIAL_CONTENT, common, SAFE, lengths, body).into_response()
        }
        Asked::Nothing => {
            let length = [(header::CONTENT_RANGE, format!("bytes */{len}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, SAFE, length).into_response()
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    Part(Range<u64>),
    /// Beyond the end.
    Nothing,
}

/// RFC 9110, 14.2. Several ranges at once, and what is no range of bytes, are answered with everything, as is allowed.
fn range(asked: &str, len: u64) -> Asked {
    let Some((first, last)) = asked.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Asked::All;
    };
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        // A number beyond all lengths is beyond this one.
        plain.then(|| digits.parse().unwrap_or(u64::MAX))
    };
    let part = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(len),
        (Some(first), None) if last.is_empty() => first..len,
        (None, Some(last)) if first.is_empty() => len.saturating_sub(last)..len,
        _ => return Asked::All,
    };
    if part.is_empty() { Asked::Nothing } else { Asked::Part(part) }
}

/// An object as it is read: the next part when the one before it is on its way.
fn parts(objects: Arc<dyn Objects>, name: String, range: Range<u64>) -> Body {
    let parts = stream::try_unfold(range, move |range| {
        let (objects, name) = (Arc::clone(&objects), name.clone());
        async move {
            if range.is_empty() {
                return Ok(None);
            }
            let most =
                usize::try_from(range.end - range.start).map_or(PART_BYTES, |left| left.min(PART_BYTES));
            let from = range.start;
            let part: Bytes = spawn_blocking(move || objects.read(&name, from, most)).await??;
            if part.is_empty() {
                // Shorter than it was: the answer is cut off, which the other side notices by its length.
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
            let rest = from + part.len() as u64..range.end;
            Ok(Some((part, rest)))
        }
    });
    Body::from_stream(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let cases = [
            ("bytes=0-", Asked::Part(0..10)),
            ("bytes=3-5", Asked::Part(3..6)),
            ("bytes=3-99", Asked::Part(3..10)),
            ("bytes=9-", Asked::Part(9..10)),
            ("bytes=-4", Asked::Part(6..10)),
            ("bytes=-99", Asked::Part(0..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=99999999999999999999-", Asked::Nothing),
            ("bytes=0-18446744073709551615", Asked::Part(0..10)),
            ("bytes=5-3", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("bytes=-", Asked::All),
            ("bytes=+1-2", Asked::All),
            ("seconds=1-2", Asked::All),
        ];
        for (asked, expected) in cases {
            assert_eq!(range(asked, 10), expected, "{asked}");
        }
        assert_eq!(range("bytes=0-", 0), Asked::Nothing);
    }
}
