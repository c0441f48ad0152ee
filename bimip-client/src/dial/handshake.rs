//! Asking for a web socket, and reading the answer.

use bimip_codec::Dialect;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::{Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::address::Address;
use super::socket::{Socket, to_io};
use super::stream::Stream;
use crate::connect::{Caller, ConnectError};

/// Bytes kept for reading; larger frames get a buffer of their own while they last.
const READ_BUFFER_BYTES: usize = 4 * 1024;

pub(super) async fn upgrade(
    address: &Address,
    caller: &Caller,
    stream: Stream,
) -> Result<Socket, ConnectError> {
    let frame_bytes = caller.dialect.frame_bytes();
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(frame_bytes))
        .max_frame_size(Some(frame_bytes));
    let request = request(address, caller)?;
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(Socket::web_socket(socket, caller.dialect)),
        Err(Error::Http(answer)) => Err(answered(&answer)),
        Err(error) => Err(to_io(error).into()),
    }
}

/// SI-WAY-1: `bimip.v1`, JSON events and chat sign in by their first frame, the others by headers.
fn request(address: &Address, caller: &Caller) -> Result<Request, ConnectError> {
    let mut request = address.url.as_str().into_client_request().map_err(to_io)?;
    if !matches!(caller.dialect, Dialect::Scheme | Dialect::Events | Dialect::Chat) {
        let unfit =
            |_| std::io::Error::new(std::io::ErrorKind::InvalidInput, "it does not fit into a header");
        let device = HeaderValue::from_bytes(caller.device.name.as_str().as_bytes());
        request.headers_mut().insert("device_id", device.map_err(unfit)?);
        if let Some(token) = &caller.token {
            let mut token = HeaderValue::from_bytes(token).map_err(unfit)?;
            token.set_sensitive(true);
            request.headers_mut().insert("token", token);
        }
    }
    Ok(request)
}

fn answered(answer: &Response) -> ConnectError {
    let status = answer.status();
    let after = answer.headers().get(header::RETRY_AFTER).and_then(|after| after.to_str().ok());
    let after_s: Option<u64> = after.and_then(|after| after.trim().parse().ok());
    match status {
        StatusCode::UNAUTHORIZED => ConnectError::Refused(status.to_string()),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => ConnectError::TurnedAway {
            what: status.to_string(),
            retry_after_ms: after_s.map(|after_s| after_s.saturating_mul(1000)),
        },
        _ => ConnectError::Answer(status.to_string()),
    }
}
