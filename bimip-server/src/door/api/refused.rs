//! Refusals as answers.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bimip_codec::rest::Refusal;

use super::dress::RequestId;

/// HT-ERR-1, HT-ERR-3.
pub(super) fn refused(refusal: &Refusal, id: &RequestId) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let mut response = (status, head, refusal.json(id.as_str())).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(ms) = refusal.retry_after_ms {
        headers.insert(header::RETRY_AFTER, ms.div_ceil(1000).max(1).into());
    }
    response
}
