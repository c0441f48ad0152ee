//! What every answer has, whoever made it.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::Response;
use data_encoding::HEXLOWER;

use super::allowed;
use super::unread::Unread;

/// What a request is called, in its answer and in the log.
const X_REQUEST_ID: &str = "x-request-id";
/// The longest name that a client may give it: a UUID with room for a prefix.
const REQUEST_ID_BYTES: usize = 64;

/// What a request is called.
#[derive(Debug, Clone)]
pub(in crate::door) struct RequestId(Arc<str>);

impl RequestId {
    /// HT-ID-3.
    fn of(headers: &HeaderMap) -> Self {
        let theirs = headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        let plain = |id: &&str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(&byte);
            (1..=REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(known)
        };
        Self(theirs.filter(plain).map_or_else(made, Into::into))
    }

    pub(in crate::door) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Nobody needs to guess it, and nothing hangs on it: without randomness all are called alike.
fn made() -> Arc<str> {
    let mut id = [0; 8];
    let _ = getrandom::fill(&mut id);
    HEXLOWER.encode(&id).into()
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

/// Around everything below `/api` and its aliases.
pub(super) async fn dress(mut request: Request, next: Next) -> Response {
    let (id, begun) = (RequestId::of(request.headers()), Instant::now());
    request.extensions_mut().insert(id.clone());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let (method, version) = (request.method().clone(), request.version());
    let unread = Unread::of(&mut request);
    let mut response = next.run(request).await;
    if let Some(unread) = unread
        && !unread.ends().await
        && version < Version::HTTP_2
    {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let path = path.as_ref().map_or("", MatchedPath::as_str);
    if method == Method::OPTIONS && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NO_CONTENT;
    }
    if (method == Method::OPTIONS || response.status() == StatusCode::METHOD_NOT_ALLOWED)
        && let Some(names) = allowed(path)
        && let Ok(names) = HeaderValue::from_str(&names)
    {
        response.headers_mut().insert(header::ALLOW, names);
    }
    weaken(response.headers_mut());
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    let (status, took_us) = (response.status().as_u16(), begun.elapsed().as_micros());
    tracing::debug!(request = %id, %method, path, status, took_us, "asked");
    response
}

/// HT-ETAG-2: a strong tag is one of bytes, and these are others now.
fn weaken(headers: &mut HeaderMap) {
    if !headers.contains_key(header::CONTENT_ENCODING) {
        return;
    }
    let weak = headers.get(header::ETAG).map(HeaderValue::as_bytes).filter(|tag| tag.starts_with(b"\""));
    let weak = weak.and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag].concat()).ok());
    if let Some(weak) = weak {
        headers.insert(header::ETAG, weak);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // HT-ID-3
    #[test]
    fn a_name_of_the_clients_is_taken_if_it_is_short_and_plain() {
        let named = |id: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(X_REQUEST_ID, HeaderValue::from_str(id).unwrap());
            RequestId::of(&headers).as_str().to_owned()
        };
        let long = "x".repeat(REQUEST_ID_BYTES);
        for good in ["abc", "01JD-a_b.c:d/e+f=", &long] {
            assert_eq!(named(good), good);
        }
        for bad in ["", "a b", "<x>", "a\"b", &format!("{long}x")] {
            assert_eq!(named(bad).len(), 16, "{bad}");
        }
    }
}
