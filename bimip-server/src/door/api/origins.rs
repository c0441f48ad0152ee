//! Which pages of browsers may ask, and open web sockets.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// How long a browser may remember what it was allowed.
const MAX_AGE: Duration = Duration::from_secs(600);

/// The origins of pages that may ask. Any of them where none is named: a page has nothing that signs it in by itself, since
/// nothing is done by cookies.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins(Vec<HeaderValue>);

impl Origins {
    /// What cannot be a header is no browser's origin, and is passed over.
    pub(crate) fn new(origins: &[String]) -> Self {
        Self(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect())
    }

    /// HT-CORS-2: who does not say where they come from is no page of a browser.
    pub(crate) fn lets_in(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(header::ORIGIN);
        self.0.is_empty() || origin.is_none_or(|origin| self.0.contains(origin))
    }

    /// HT-CORS-1.
    pub(super) fn layer(&self) -> CorsLayer {
        let named = HeaderName::from_static;
        let origins = match self.0.is_empty() {
            true => AllowOrigin::any(),
            false => AllowOrigin::list(self.0.iter().cloned()),
        };
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers([
                header::AUTHORIZATION,
                header::CONTENT_TYPE,
                header::IF_NONE_MATCH,
                named("token"),
                named("idempotency-key"),
                named("x-device-id"),
                named("x-request-id"),
                named("last-event-id"),
            ])
            .expose_headers([
                header::ETAG,
                header::RETRY_AFTER,
                named("x-request-id"),
                named("x-ratelimit-limit"),
                named("x-ratelimit-remaining"),
                named("x-ratelimit-reset"),
            ])
            .max_age(MAX_AGE)
    }
}
