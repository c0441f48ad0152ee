//! What there is: every route, as data.

use super::answer::Asked;
use super::parameter::{Parameter, Place};
use super::refusal::Refusal;
use super::request::Request;
use super::shape::Named;
use super::{conversation, device, draft, group, history, live, mark, revision, session, streams, user};

/// Every route, by what it is about.
pub const ROUTES: &[&[Route]] = &[
    draft::ROUTES,
    history::ROUTES,
    revision::ROUTES,
    mark::ROUTES,
    conversation::ROUTES,
    group::ROUTES,
    user::ROUTES,
    device::ROUTES,
    live::ROUTES,
    streams::ROUTES,
    session::ROUTES,
];

/// Every route, one after another.
pub fn routes() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().flat_map(|group| group.iter())
}

/// What a request does, in the words of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the methods that the table uses; a door has to know each")]
pub enum Method {
    /// Asks.
    Get,
    /// Adds.
    Post,
    /// Sets.
    Put,
    /// Changes what is named.
    Patch,
    /// Takes away.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One thing that can be asked for.
#[derive(Debug)]
#[non_exhaustive]
pub struct Route {
    /// How.
    pub method: Method,
    /// Where: segments in braces hold a name of the parameters.
    pub path: &'static str,
    /// Other paths of the same, with the same segments in braces.
    pub aliases: &'static [&'static str],
    /// Its name, for programs: no other route has it.
    pub name: &'static str,
    /// What it is about.
    pub tag: &'static str,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// What may stand in the path, in the query and in headers.
    pub parameters: &'static [&'static Parameter],
    /// What the body is; `None` where nothing is read.
    pub(super) body: Option<&'static Named>,
    /// The good answers.
    pub answers: &'static [Says],
    /// Who answers it.
    pub serves: Serves,
}

/// A good answer of a route.
#[derive(Debug)]
#[non_exhaustive]
pub struct Says {
    /// The status of HTTP.
    pub status: u16,
    /// What it means.
    pub what: &'static str,
    /// What the body is; `None` where there is none.
    pub(super) body: Option<&'static Named>,
    /// What kind of body it is.
    pub media: &'static str,
}

impl Says {
    pub(super) const fn json(status: u16, what: &'static str, body: &'static Named) -> Self {
        Self { status, what, body: Some(body), media: "application/json" }
    }

    pub(super) const fn nothing(what: &'static str) -> Self {
        Self { status: 204, what, body: None, media: "" }
    }
}

/// Who answers a route.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the core, or the door: complete")]
pub enum Serves {
    /// The core, by packets.
    Core(Reads),
    /// The door itself, to whoever is signed in or not.
    Door(Door),
}

/// How a request becomes packets.
#[derive(Debug)]
pub struct Reads(pub(super) fn(&Request<'_>) -> Result<Asked, Refusal>);

/// What a door answers without the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a door has to know each")]
pub enum Door {
    /// Makes an account.
    Register,
    /// A password for a token.
    LogIn,
    /// Another password.
    ChangePassword,
    /// The description of the API.
    Document,
    /// A stream of events.
    Events,
    /// The next events.
    Sync,
    /// What was stored of a stream.
    Ack,
}

impl Door {
    /// Whether somebody who is not signed in may ask.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Register | Self::LogIn | Self::ChangePassword | Self::Document)
    }
}

impl Route {
    /// A route of the core without parameters, body and aliases.
    pub(super) const fn new(
        method: Method,
        path: &'static str,
        name: &'static str,
        reads: fn(&Request<'_>) -> Result<Asked, Refusal>,
    ) -> Self {
        Self {
            method,
            path,
            aliases: &[],
            name,
            tag: "",
            summary: "",
            parameters: &[],
            body: None,
            answers: &[],
            serves: Serves::Core(Reads(reads)),
        }
    }

    /// Whether a request has a body that is read.
    #[must_use]
    pub const fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// Whether nobody has to be signed in.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.serves, Serves::Door(door) if door.is_open())
    }

    /// Every path of it, the first one first.
    pub fn paths(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.path).chain(self.aliases.iter().copied())
    }

    /// What is asked for.
    ///
    /// # Errors
    /// [`Refusal`] for a request that is not as the table says; for a route that the door answers itself, that there is
    /// nothing here.
    pub fn read(&self, request: &Request<'_>) -> Result<Asked, Refusal> {
        match &self.serves {
            Serves::Core(Reads(read)) => {
                request.check(self)?;
                read(request)
            }
            Serves::Door(_) => Err(Refusal::NOT_FOUND),
        }
    }

    /// The parameters of one place.
    pub(super) fn of(&self, place: Place) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().copied().filter(move |it| it.place == place)
    }
}
