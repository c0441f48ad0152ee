//! Who asks.

use axum::http::HeaderMap;
use bimip_codec::rest::Refusal;
use bimip_proto::DeviceName;
use bimip_session::server::Grant;

use crate::door::sign_in;
use crate::gate::NoCaller;
use crate::server::Server;

/// HT-AUTH-1.
pub(super) async fn caller(server: &Server, headers: &HeaderMap) -> Result<Grant, Refusal> {
    let device = match headers.get("x-device-id") {
        Some(device) => {
            let device = std::str::from_utf8(device.as_bytes()).ok();
            let device = device.and_then(|device| DeviceName::new(device).ok());
            Some(device.ok_or_else(|| Refusal::field("X-Device-ID"))?)
        }
        None => None,
    };
    let sign_in = sign_in::api(headers, device).ok_or(Refusal::UNAUTHENTICATED)?;
    server.gate().caller(sign_in).await.map_err(|no| match no {
        NoCaller::Refused => Refusal::UNAUTHENTICATED,
        NoCaller::Unread => Refusal::UNAVAILABLE,
    })
}
