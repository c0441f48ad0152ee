//! The vectors of the API over HTTP: every request that is answered well is read, and every other one is refused for its reason.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "vectors/files.rs"]
#[allow(dead_code, reason = "shared by several tests")]
mod files;

use bimip_codec::rest::{self, Asked, Refusal, Request, Route, Serves};
use bimip_proto::{Claim, Device, DeviceName, UserId};
use files::{Case, stories, written_out};
use serde_json::Value as Json;

/// What stands for the names of a story: any message, any group.
const MESSAGE: &str = "000001o0000000000110";
const GROUP: &str = "team";
/// Codes that a request alone can earn. All others are for what the server knows, or are its door's own.
const FROM_THE_REQUEST: [&str; 2] = ["FIELD", "MALFORMED"];

/// `$m1` and its like by what stands for them.
fn filled(text: &str) -> String {
    let mut parts = text.split('$');
    let mut made = parts.next().unwrap().to_owned();
    for part in parts {
        let end = part.find(|it: char| !it.is_ascii_alphanumeric()).unwrap_or(part.len());
        made += if &part[..end] == "g" { GROUP } else { MESSAGE };
        made += &part[end..];
    }
    made
}

fn decoded(segment: &str) -> String {
    let mut bytes = segment.bytes();
    let mut read = Vec::new();
    while let Some(byte) = bytes.next() {
        let mut digit = || char::from(bytes.next().unwrap()).to_digit(16).unwrap();
        read.push(if byte == b'%' { u8::try_from(16 * digit() + digit()).unwrap() } else { byte });
    }
    String::from_utf8(read).unwrap()
}

/// The segments of a path that stand for the braces of a template, if it is one of it.
fn segments(template: &str, path: &str) -> Option<Vec<String>> {
    let (parts, said): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let fits = parts.iter().zip(&said).all(|(part, it)| part.starts_with('{') || part == it);
    let named = parts.iter().zip(&said).filter(|(part, _)| part.starts_with('{'));
    (parts.len() == said.len() && fits).then(|| named.map(|(_, it)| decoded(it)).collect())
}

/// The route of a request with what stands in its path: of several that fit, the one with the fewest braces.
fn route(method: &str, path: &str) -> Option<(&'static Route, Vec<String>)> {
    let fitting = rest::routes()
        .filter(|it| it.method.name() == method)
        .flat_map(|route| route.paths().filter_map(move |template| Some((route, segments(template, path)?))));
    fitting.min_by_key(|(_, named)| named.len())
}

/// What is read of a step that somebody says to the core.
fn read(step: &Case) -> Option<Result<Asked, Refusal>> {
    let user = UserId::new(step.get("as")?).ok()?;
    let path = filled(step.get("path").unwrap());
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    let (route, named) = route(step.get("method").unwrap(), path)?;
    if !matches!(route.serves, Serves::Core(_)) {
        return None;
    }
    let headers = step.json("headers").unwrap_or_default();
    let header = |name: &str| headers.get(name).and_then(Json::as_str);
    if header("X-Device-ID") == Some("") || header("Content-Type").is_some() {
        return None; // The door's own.
    }
    let me = Device::new(user, DeviceName::new(header("X-Device-ID").unwrap_or("http")).unwrap());
    let body = match step.json("body") {
        Some(body) => filled(&written_out(&body).to_string()),
        None => step.get("text").unwrap_or_default().to_owned(),
    };
    let body = if route.has_body() { body } else { String::new() };
    let path: Vec<&str> = named.iter().map(String::as_str).collect();
    let fresh = "f0000000-0000-4000-8000-000000000000";
    let request =
        Request { me: &me, path: &path, query, key: header("Idempotency-Key"), fresh, body: body.as_bytes() };
    Some(route.read(&request))
}

#[test]
fn requests_are_read_or_refused_for_their_reason() {
    // MISSION E1
    // MISSION E2
    // MISSION A8
    // HT-BODY-1, HT-BODY-2, HT-ID-1, HT-ID-2, HT-KEY-1, HT-ERR-1, HT-ERR-2, HT-SEND-2, HT-HIST-1, HT-READ-2.
    let (mut taken, mut refused, mut known) = (0, 0, Vec::new());
    for (story, steps) in stories() {
        for step in &steps {
            let Some(read) = read(step) else { continue };
            let what = || format!("{story}: {step:?}");
            let status = step.json("status").unwrap();
            let answer = step.json("answer").unwrap_or_default();
            match (read, status.as_u64().unwrap()) {
                (Ok(_), 200..=399) => taken += 1,
                (Err(refusal), 400..) => {
                    assert_eq!(status, refusal.status, "{}", what());
                    assert_eq!(answer["code"], refusal.code, "{}", what());
                    assert_eq!(answer["details"]["field"].as_str(), refusal.field, "{}", what());
                    refused += 1;
                }
                (Ok(asked), 400..) => {
                    let code = answer["code"].as_str().unwrap().to_owned();
                    let is_own = asked.said().iter().all(|said| said.claim == Claim::Own);
                    assert_eq!(code == "NOT_YOURSELF", !is_own, "{}", what());
                    if FROM_THE_REQUEST.contains(&code.as_str()) {
                        known.push((story.clone(), answer["details"]["field"].as_str().unwrap().to_owned()));
                    }
                }
                (read, _) => panic!("{}: {read:?}", what()),
            }
        }
    }
    assert!(taken >= 140 && refused >= 60, "{taken} {refused}");
    assert_eq!(known, KNOWN_TO_THE_SERVER.map(|(story, field)| (story.to_owned(), field.to_owned())));
}

/// Fields that the core refuses: an edit that says a kind where none was said, names that are too long, and a block of oneself.
const KNOWN_TO_THE_SERVER: [(&str, &str); 4] =
    [("revisions", "message_type"), ("users", "name"), ("users", "name"), ("users", "user")];
