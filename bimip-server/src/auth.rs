//! Who is this? The one question a server asks of the program around it.

use std::future::Future;

use bimip_codec::Dialect;
use bimip_proto::{Device, DeviceName, Reject, TokenTask, UserId};
use bimip_session::server::{Grant, Refused, Vouched};
use bytes::Bytes;

/// The device of a sign-in that names none.
pub const DEFAULT_DEVICE: &str = "default";
/// The device of a msgpack sign-in that names none; and of all of a user's where they share one cursor.
pub const VOICEPING_DEVICE: &str = "voiceping";
/// The device of a sign-in to the JSON dialect that names none: one for each user.
pub const EVENTS_DEVICE: &str = "events";
/// The device of a sign-in to the chat dialect that names none: one for each user.
pub const CHAT_DEVICE: &str = "chat";

/// The device of a request of HTTP that names none.
pub const HTTP_DEVICE: &str = "http";

/// The device of a client of gRPC that names none.
pub const GRPC_DEVICE: &str = "grpc";

/// The device of a stream of events, or of one who asks for the next ones, that names none.
pub const STREAM_DEVICE: &str = "stream";

/// What somebody says about themselves at the door.
///
/// Its `Debug` does not show the token, so that no log does.
#[derive(Clone)]
#[non_exhaustive]
pub struct SignIn {
    /// Who they say they are. The server compares it with what the authenticator finds; nobody has to believe it.
    pub user: Option<UserId>,
    /// Which device they say it is.
    pub device: Option<DeviceName>,
    /// Their proof, as it came.
    pub token: Bytes,
    /// What they want to speak; `None` where that is not known. For an authenticator that lets in at one door whom
    /// it does not at another.
    pub dialect: Option<Dialect>,
    /// The device of a sign-in that names none, where the dialect does not say it.
    pub(crate) default_device: &'static str,
}

impl SignIn {
    /// A sign-in with nothing but a token.
    #[must_use]
    pub const fn new(token: Bytes) -> Self {
        Self { user: None, device: None, token, dialect: None, default_device: DEFAULT_DEVICE }
    }

    /// The device it names, or the default one of its dialect: [`DEFAULT_DEVICE`], [`VOICEPING_DEVICE`],
    /// [`EVENTS_DEVICE`], [`CHAT_DEVICE`]; over HTTP [`HTTP_DEVICE`].
    #[must_use]
    pub fn device_or_default(&self) -> DeviceName {
        let default = || match self.dialect {
            Some(Dialect::VoicePing) => voiceping_device(),
            Some(Dialect::Events) => constant(EVENTS_DEVICE),
            Some(Dialect::Chat) => constant(CHAT_DEVICE),
            _ => constant(self.default_device),
        };
        self.device.clone().unwrap_or_else(default)
    }
}

pub(crate) fn voiceping_device() -> DeviceName {
    constant(VOICEPING_DEVICE)
}

fn constant(name: &'static str) -> DeviceName {
    DeviceName::new(name).expect("a constant that is a device name")
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn")
            .field("user", &self.user)
            .field("device", &self.device)
            .field("dialect", &self.dialect)
            .finish_non_exhaustive()
    }
}

/// Finds out who somebody is.
///
/// Implemented for closures, so that an embedder's own accounts are a few lines:
///
/// ```
/// use bimip_proto::{Device, UserId};
/// use bimip_server::{Authenticator, Grant, Refused, SignIn};
///
/// fn accounts() -> impl Authenticator {
///     |sign_in: SignIn| async move {
///         let user = match sign_in.token.as_ref() {
///             b"sesame" => UserId::new("ali_baba").map_err(|_| Refused)?,
///             _ => return Err(Refused),
///         };
///         Ok(Grant::new(Device::new(user, sign_in.device_or_default())))
///     }
/// }
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Who is this? It may take its time, up to the core's `sign_in_ms`; it must not block the thread.
    fn authenticate(&self, sign_in: SignIn) -> impl Future<Output = Result<Grant, Refused>> + Send;

    /// What is this token worth, which somebody shows who is signed in already? `sign_in` says who that is, with
    /// which device. It may take its time, up to the core's `sign_in_ms`.
    ///
    /// | task | the grant in the answer | the token in it |
    /// |---|---|---|
    /// | validate | of the token | none |
    /// | refresh | of the newer token | the newer one |
    /// | revoke | of the token, also if it has run out, and whatever device it is for; with its name | none |
    ///
    /// The server does the rest: it keeps what is revoked, lets nobody in with it, and ends its sessions. For that,
    /// grants carry the name of their token ([`Grant::token_id`]) and its date ([`Grant::issued`]).
    ///
    /// Who does not say otherwise vouches for what it would let in, and neither refreshes nor revokes.
    ///
    /// # Errors
    /// [`Reject::BadToken`] for a token that is not good; [`Reject::Unsupported`] for what cannot be done here.
    fn token(
        &self,
        task: TokenTask,
        sign_in: SignIn,
    ) -> impl Future<Output = Result<Vouched, Reject>> + Send {
        async move {
            match task {
                TokenTask::Validate => {
                    let grant = self.authenticate(sign_in).await.map_err(|Refused| Reject::BadToken)?;
                    Ok(Vouched { grant, token: None })
                }
                _ => Err(Reject::Unsupported),
            }
        }
    }

    /// What it has counted, by names of its own, to be shown with the server's counters; for example how often it
    /// refused for which reason. Counts only rise.
    fn counters(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}

impl<F, R> Authenticator for F
where
    F: Fn(SignIn) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Grant, Refused>> + Send,
{
    fn authenticate(&self, sign_in: SignIn) -> impl Future<Output = Result<Grant, Refused>> + Send {
        self(sign_in)
    }
}

/// The token *is* the user id: for development, and behind a gateway that has checked the token already.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has nothing to configure")]
pub struct OpenAuth;

impl Authenticator for OpenAuth {
    async fn authenticate(&self, sign_in: SignIn) -> Result<Grant, Refused> {
        let token = std::str::from_utf8(&sign_in.token).map_err(|_| Refused)?;
        let user = UserId::new(token).map_err(|_| Refused)?;
        Ok(Grant::new(Device::new(user, sign_in.device_or_default())))
    }

    /// A name never runs out, so a newer one is the same; and there is nothing about it to revoke.
    async fn token(&self, task: TokenTask, sign_in: SignIn) -> Result<Vouched, Reject> {
        let token = match task {
            TokenTask::Validate => None,
            TokenTask::Refresh => Some(sign_in.token.clone()),
            _ => return Err(Reject::Unsupported),
        };
        let grant = self.authenticate(sign_in).await.map_err(|Refused| Reject::BadToken)?;
        Ok(Vouched { grant, token })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_printed() {
        let sign_in = SignIn::new(Bytes::from_static(b"secret"));
        assert!(!format!("{sign_in:?}").contains("secret"));
    }
}
