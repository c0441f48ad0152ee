//! How the server is doing, for balancers, operators and tests.

use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::server::{Report, Server};

/// A node that takes longer than this to say how it is does not do well.
const PATIENCE: Duration = Duration::from_secs(2);

/// `{"status":"ok","version":…,"connections":…,"budgets":{…},"counters":{…}}`; 503 with another status when it is not.
/// A budget is `{"used":…,"most":…}`.
pub(super) async fn health(State(server): State<Server>) -> Response {
    let report = timeout(PATIENCE, server.report()).await;
    let (status, word) = match &report {
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
        Ok(None) => (StatusCode::SERVICE_UNAVAILABLE, "stopped"),
        Ok(Some(report)) if report.draining => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        Ok(Some(report)) if report.store_failed => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
        Ok(Some(_)) => (StatusCode::OK, "ok"),
    };
    let body = json(word, report.ok().flatten().as_ref());
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// By hand: every name and word in it is an identifier of ours, so nothing has to be escaped.
fn json(status: &str, report: Option<&Report>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(r#"{{"status":"{status}","version":"{version}""#);
    if let Some(report) = report {
        let counters: Vec<String> =
            report.counters.iter().map(|(name, count)| format!(r#""{name}":{count}"#)).collect();
        let budgets = report.budgets.iter();
        let budgets: Vec<String> = budgets
            .map(|(name, level)| format!(r#""{name}":{{"used":{},"most":{}}}"#, level.used, level.most))
            .collect();
        let (connections, budgets, counters) = (report.connections, budgets.join(","), counters.join(","));
        let _ =
            write!(text, r#","connections":{connections},"budgets":{{{budgets}}},"counters":{{{counters}}}"#);
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use bimip_session::server::Level;

    use super::*;

    #[test]
    fn it_is_json() {
        let report = Report {
            connections: 2,
            draining: false,
            store_failed: false,
            budgets: vec![("commits", Level { used: 1, most: 9 })],
            counters: vec![("opened".to_owned(), 3), ("drafts".to_owned(), 0)],
        };
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            json("ok", Some(&report)),
            format!(
                r#"{{"status":"ok","version":"{version}","connections":2,"budgets":{{"commits":{{"used":1,"most":9}}}},"counters":{{"opened":3,"drafts":0}}}}"#
            )
        );
        assert_eq!(json("stopped", None), format!(r#"{{"status":"stopped","version":"{version}"}}"#));
    }
}
