//! The description of the API in OpenAPI 3.1, made from the table.

use std::collections::{BTreeMap, BTreeSet};

use super::objects::ERROR;
use super::parameter::{Parameter, Place};
use super::shape::{Components, Named};
use super::table::{Route, Says, routes};
use crate::json::Writer;

/// What may go wrong: the status and what it is for. HT-ERR-2.
const REFUSED: [(u16, &str); 13] = [
    (400, "A part of the request is missing or not valid; `details.field` names it."),
    (401, "Nobody is signed in, or the token is no good any more."),
    (403, "This user may not."),
    (404, "There is nothing here, or nothing for this user."),
    (405, "Not with this method; the header `allow` names those that are good."),
    (408, "The body did not come in time."),
    (409, "What was there before stands in the way."),
    (410, "The message is deleted."),
    (413, "The request is too large."),
    (415, "The body is not JSON."),
    (429, "Too much in too short a time; the header `retry-after` says when to come again."),
    (501, "This server does not do this."),
    (503, "No room, or no answer in time. Under the same key it is safe to say it again."),
];

/// The API as an OpenAPI 3.1 document, in JSON.
#[must_use]
pub fn openapi() -> String {
    let mut found = Components::new();
    let mut to = Writer::new(64 * 1024);
    to.text("openapi", "3.1.0");
    to.object("info", |to| {
        to.text("title", "bimip");
        to.text("version", env!("CARGO_PKG_VERSION"));
        to.text(
            "description",
            "Messages, conversations, groups and what users keep, over HTTP. The rules are in docs/protocol/http.md.",
        );
    });
    to.objects("tags", tags(), |to, tag| to.text("name", tag));
    to.object("paths", |to| {
        for (path, routes) in by_path() {
            to.object(path, |to| {
                for route in routes {
                    to.object(&route.method.name().to_ascii_lowercase(), |to| {
                        write_route(to, route, &mut found);
                    });
                }
            });
        }
    });
    to.object("components", |to| {
        to.object("securitySchemes", |to| {
            to.object("bearer", |to| {
                to.text("type", "http");
                to.text("scheme", "bearer");
            });
        });
        to.object("responses", |to| {
            for (status, what) in REFUSED {
                to.object(&format!("Refused{status}"), |to| {
                    to.text("description", what);
                    write_content(to, "application/json", &ERROR, &mut found);
                });
            }
        });
        to.object("schemas", |to| write_schemas(to, &mut found));
    });
    to.finish()
}

fn tags() -> impl Iterator<Item = &'static str> {
    routes().map(|route| route.tag).collect::<BTreeSet<_>>().into_iter()
}

fn by_path() -> BTreeMap<&'static str, Vec<&'static Route>> {
    let mut paths = BTreeMap::<_, Vec<_>>::new();
    for route in routes() {
        paths.entry(route.path).or_default().push(route);
    }
    paths
}

fn write_route(to: &mut Writer, route: &Route, found: &mut Components) {
    to.text("operationId", route.name);
    to.texts("tags", [route.tag]);
    to.text("summary", route.summary);
    if !route.aliases.is_empty() {
        to.texts("x-aliases", route.aliases.iter().copied());
    }
    if route.is_open() {
        to.raw("security", "[]");
    } else {
        to.raw("security", r#"[{"bearer":[]}]"#);
    }
    if !route.parameters.is_empty() {
        to.objects("parameters", route.parameters, |to, it| write_parameter(to, it, found));
    }
    if let Some(body) = route.body {
        to.object("requestBody", |to| {
            to.flag("required", !body.may_be_empty());
            write_content(to, "application/json", body, found);
        });
    }
    to.object("responses", |to| {
        for says in route.answers {
            to.object(&says.status.to_string(), |to| write_answer(to, says, found));
        }
        for (status, _) in REFUSED {
            to.object(&status.to_string(), |to| {
                to.text("$ref", &format!("#/components/responses/Refused{status}"));
            });
        }
    });
}

fn write_answer(to: &mut Writer, says: &Says, found: &mut Components) {
    to.text("description", says.what);
    if let Some(body) = says.body {
        write_content(to, says.media, body, found);
    }
}

fn write_content(to: &mut Writer, media: &str, body: &'static Named, found: &mut Components) {
    found.insert(body.name, body);
    to.object("content", |to| {
        to.object(media, |to| {
            to.object("schema", |to| to.text("$ref", &format!("#/components/schemas/{}", body.name)));
        });
    });
}

fn write_parameter(to: &mut Writer, it: &Parameter, found: &mut Components) {
    to.text("name", it.name);
    to.text("in", it.place.name());
    to.flag("required", it.place == Place::Path);
    to.text("description", it.what);
    to.object("schema", |to| {
        it.shape.write(to, false, found);
        if let Some(default) = it.default {
            to.number("default", default);
        }
    });
}

/// Everything that was referred to, and what that refers to.
fn write_schemas(to: &mut Writer, found: &mut Components) {
    let mut written = BTreeSet::new();
    loop {
        let Some(next) = found.values().copied().find(|it| !written.contains(it.name)) else {
            return;
        };
        written.insert(next.name);
        to.object(next.name, |to| next.write(to, found));
    }
}
