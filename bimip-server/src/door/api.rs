//! The API over HTTP: a transport for the table of routes of [`bimip_codec::rest`], and no more.
//!
//! | file | what it does |
//! |---|---|
//! | `serve.rs` | one request: who asks, what is asked, what is answered |
//! | `caller.rs` | who asks |
//! | `pace.rs` | how often somebody may ask |
//! | `dress.rs` | what every answer has: a name for its request, what is allowed, and how it may be kept |
//! | `refused.rs` | refusals as answers |
//! | `unread.rs` | the rest of bodies that nobody read |
//! | `origins.rs` | which pages of browsers may ask |

mod caller;
mod dress;
mod origins;
mod pace;
mod refused;
mod serve;
mod unread;

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::Method;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any};
use bimip_codec::rest::{self, Refusal};
use tower_http::compression::CompressionLayer;

pub(super) use self::caller::{allowed_in, device_of};
pub(super) use self::dress::RequestId;
pub(crate) use self::origins::Origins;
pub(super) use self::pace::Left;
pub(crate) use self::pace::Pace;
pub(super) use self::serve::ask;
use crate::server::Server;

/// Every route of the table, and everything else below `/api`, which is not there.
pub(super) fn routes(server: &Server) -> Router<Server> {
    let mut paths = BTreeMap::<&'static str, MethodRouter<Server>>::new();
    for route in rest::routes() {
        for path in route.paths() {
            let methods = paths.remove(path).unwrap_or_else(|| MethodRouter::new().fallback(wrong_method));
            paths.insert(
                path,
                methods.on(
                    filter(route.method),
                    move |State(server): State<Server>, path: Segments, id: RequestId, request: Request| {
                        serve::serve(route, server, path.ok(), id, request)
                    },
                ),
            );
        }
    }
    let known = paths.into_iter().fold(Router::new(), |all, (path, methods)| all.route(path, methods));
    let all =
        ["/api", "/api/", "/api/{*rest}"].into_iter().fold(known, |all, path| all.route(path, any(nothing)));
    all.layer(CompressionLayer::new()).layer(server.origins().layer()).layer(from_fn(dress::dress))
}

/// What stands in the braces of a path; nothing of it where it is no UTF-8, which names nothing.
type Segments = Result<RawPathParams, RawPathParamsRejection>;

const fn filter(method: rest::Method) -> MethodFilter {
    match method {
        rest::Method::Get => MethodFilter::GET,
        rest::Method::Post => MethodFilter::POST,
        rest::Method::Put => MethodFilter::PUT,
        rest::Method::Patch => MethodFilter::PATCH,
        rest::Method::Delete => MethodFilter::DELETE,
    }
}

async fn nothing(id: RequestId) -> Response {
    refused::refused(&Refusal::NOT_FOUND, &id)
}

async fn wrong_method(id: RequestId) -> Response {
    refused::refused(&Refusal::METHOD_NOT_ALLOWED, &id)
}

/// What may be done at a path of the table, as the header `allow` says it; `None` for other paths.
fn allowed(path: &str) -> Option<String> {
    let here = rest::routes().filter(|route| route.paths().any(|known| known == path));
    let mut names: Vec<&str> = here.map(|route| route.method.name()).collect();
    if names.is_empty() {
        return None;
    }
    if names.contains(&Method::GET.as_str()) {
        names.push(Method::HEAD.as_str());
    }
    names.push(Method::OPTIONS.as_str());
    names.sort_unstable();
    Some(names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_one_of_its_kind() {
        let mut seen = BTreeSet::new();
        for route in rest::routes() {
            for path in route.paths() {
                assert!(seen.insert((path, route.method)), "{} {path} is there twice", route.method.name());
            }
        }
        assert_eq!(
            allowed("/api/v1/messages/{id}").as_deref(),
            Some("DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
        );
        assert_eq!(allowed("/api/v1/nowhere"), None);
    }
}
