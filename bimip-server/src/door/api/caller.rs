//! Who asks.

use axum::http::HeaderMap;
use bimip_codec::rest::Refusal;
use bimip_proto::DeviceName;
use bimip_session::server::Grant;

use crate::auth::SignIn;
use crate::door::sign_in;
use crate::gate::NoCaller;
use crate::server::Server;

/// HT-AUTH-1.
pub(super) async fn caller(server: &Server, headers: &HeaderMap) -> Result<Grant, Refusal> {
    let device = device_of(headers)?;
    allowed_in(server, sign_in::api(headers, device).ok_or(Refusal::UNAUTHENTICATED)?).await
}

/// The device that a request names.
pub(in crate::door) fn device_of(headers: &HeaderMap) -> Result<Option<DeviceName>, Refusal> {
    let Some(device) = headers.get("x-device-id") else { return Ok(None) };
    let device = std::str::from_utf8(device.as_bytes()).ok();
    let device = device.and_then(|device| DeviceName::new(device).ok());
    device.map(Some).ok_or_else(|| Refusal::field("X-Device-ID"))
}

/// Who that is, if they may come in.
pub(in crate::door) async fn allowed_in(server: &Server, sign_in: SignIn) -> Result<Grant, Refusal> {
    server.gate().caller(sign_in).await.map_err(|no| match no {
        NoCaller::Refused => Refusal::UNAUTHENTICATED,
        NoCaller::Unread => Refusal::UNAVAILABLE,
    })
}
