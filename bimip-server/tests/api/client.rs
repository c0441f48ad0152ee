//! A plain client of HTTP/1.1, which knows no more than the bytes.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Running, soon};

/// Somebody who asks, with the headers of every request of theirs.
pub(crate) struct Person<'r> {
    running: &'r Running,
    headers: Vec<(String, String)>,
}

/// An answer, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// A header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The status and the code of a refusal, which has its shape and nothing else.
    pub(crate) fn refused(&self) -> String {
        let json = self.json();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["code", "message", "details", "request_id"], "{self:?}");
        assert_eq!(json["request_id"], self.header("x-request-id"));
        assert!(!json["message"].as_str().unwrap().is_empty());
        format!("{} {}", self.status, json["code"].as_str().unwrap())
    }

    /// Which field is refused.
    pub(crate) fn field(&self) -> String {
        assert_eq!(self.refused(), "400 FIELD", "{self:?}");
        self.json()["details"]["field"].as_str().unwrap().to_owned()
    }

    /// The JSON of a good answer.
    pub(crate) fn good(&self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.json()
    }

    /// Done, with nothing to say.
    pub(crate) fn done(&self) {
        assert_eq!((self.status, self.body.as_str()), (204, ""), "{self:?}");
    }
}

impl<'r> Person<'r> {
    /// Somebody with a token.
    pub(crate) fn new(running: &'r Running, token: &str) -> Self {
        Self::nobody(running).with("authorization", &format!("Bearer {token}"))
    }

    /// Somebody without one.
    pub(crate) fn nobody(running: &'r Running) -> Self {
        Self { running, headers: Vec::new() }
    }

    /// With one header more.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), value.to_owned()));
        Self { running: self.running, headers }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.ask("PUT", path, &body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.ask("PATCH", path, &body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask("DELETE", path, "").await
    }

    /// Any request; a body is JSON unless the headers say otherwise.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        // `~` stands before a path that is not below the API's own.
        let path = match path.strip_prefix('~') {
            Some(path) => path.to_owned(),
            None if path.starts_with("/api") => path.to_owned(),
            None => format!("/api/v1{path}"),
        };
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        let kinds = self.headers.iter().any(|(name, _)| name == "content-type");
        if !body.is_empty() && !kinds {
            head.push_str("content-type: application/json\r\n");
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut socket = TcpStream::connect(self.running.address).await.unwrap();
        // A server that refuses may close before it has read everything.
        let _ = socket.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await;
        let mut bytes = Vec::new();
        let _ = soon(socket.read_to_end(&mut bytes)).await;
        parsed(&bytes)
    }
}

fn parsed(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of a head");
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let (first, rest) = head.split_once("\r\n").unwrap();
    let status = first.split(' ').nth(1).unwrap().parse().unwrap();
    let headers = rest.lines().map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_lowercase(), value.to_owned())
    });
    let body = String::from_utf8_lossy(&bytes[end + 4..]).into_owned();
    Answer { status, headers: headers.collect(), body }
}
