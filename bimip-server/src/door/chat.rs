//! The door of the chat dialect, whose clients say how they want it written.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bimip_codec::Dialect;
use percent_encoding::percent_decode_str;

use super::{sign_in, websocket};
use crate::server::Server;

/// CH-DOOR-1.
pub(super) async fn enter(State(server): State<Server>, request: Request) -> Response {
    if !request.uri().query().is_none_or(is_text) {
        return (StatusCode::BAD_REQUEST, "chat is served with encoding=text").into_response();
    }
    if !websocket::is_upgrade(&request) {
        return super::no_upgrade("chat is spoken over a web socket: connect with an upgrade");
    }
    super::enter(server, Dialect::Chat, sign_in::chat(request.headers()), request).await
}

/// Whether a query asks for no encoding but text.
fn is_text(query: &str) -> bool {
    let mut encodings = query.split('&').filter_map(|pair| match pair.split_once('=') {
        Some((name, value)) => (name == "encoding").then_some(value),
        None => (pair == "encoding").then_some(""),
    });
    encodings.all(|encoding| percent_decode_str(encoding).eq(*b"text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // CH-DOOR-1
    #[test]
    fn an_encoding_is_text_or_is_not_there() {
        for text in ["", "encoding=text", "v=2&encoding=text", "encoding=%74ext", "xencoding=json", "token=a"]
        {
            assert!(is_text(text), "{text}");
        }
        for other in
            ["encoding", "encoding=", "encoding=json", "encoding=text&encoding=proto", "encoding=TEXT"]
        {
            assert!(!is_text(other), "{other}");
        }
    }
}
