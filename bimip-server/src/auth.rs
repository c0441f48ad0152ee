//! Who is this? The one question a server asks of the program around it.

use std::future::Future;
use std::pin::Pin;

use bimip_codec::Dialect;
use bimip_proto::{Device, DeviceName, UserId};
use bimip_session::server::{Grant, Refused};
use bytes::Bytes;

/// The device of a sign-in that names none.
pub const DEFAULT_DEVICE: &str = "default";
/// The device of a msgpack sign-in that names none; and of all of a user's where they share one cursor.
pub const VOICEPING_DEVICE: &str = "voiceping";

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
}

impl SignIn {
    /// A sign-in with nothing but a token.
    #[must_use]
    pub const fn new(token: Bytes) -> Self {
        Self { user: None, device: None, token, dialect: None }
    }

    /// The device it names, or the default one of its dialect: [`DEFAULT_DEVICE`], [`VOICEPING_DEVICE`].
    #[must_use]
    pub fn device_or_default(&self) -> DeviceName {
        let default = || match self.dialect {
            Some(Dialect::VoicePing) => voiceping_device(),
            _ => constant(DEFAULT_DEVICE),
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
}

/// An authenticator behind a pointer, with the one check that holds for all of them.
pub(crate) struct Gate(Box<dyn Boxed>);

impl Gate {
    pub(crate) fn new(authenticator: impl Authenticator) -> Self {
        Self(Box::new(authenticator))
    }

    /// A claim to be somebody else than the token's user is refused.
    pub(crate) async fn ask(&self, sign_in: SignIn) -> Result<Grant, Refused> {
        let claimed = sign_in.user.clone();
        let grant = self.0.ask(sign_in).await?;
        if claimed.is_some_and(|claimed| claimed != grant.device.user) {
            return Err(Refused);
        }
        Ok(grant)
    }

    pub(crate) fn counters(&self) -> Vec<(String, u64)> {
        self.0.counts()
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

type Asking<'a> = Pin<Box<dyn Future<Output = Result<Grant, Refused>> + Send + 'a>>;

trait Boxed: Send + Sync {
    fn ask(&self, sign_in: SignIn) -> Asking<'_>;
    fn counts(&self) -> Vec<(String, u64)>;
}

impl<A: Authenticator> Boxed for A {
    fn ask(&self, sign_in: SignIn) -> Asking<'_> {
        Box::pin(self.authenticate(sign_in))
    }

    fn counts(&self) -> Vec<(String, u64)> {
        self.counters()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(user: Option<&str>, token: &'static str) -> SignIn {
        SignIn {
            user: user.map(|user| UserId::new(user).unwrap()),
            ..SignIn::new(Bytes::from_static(token.as_bytes()))
        }
    }

    #[tokio::test]
    async fn a_token_is_the_user_under_open_sign_in() {
        let gate = Gate::new(OpenAuth);
        let grant = gate.ask(sign_in(None, "ann")).await.unwrap();
        assert_eq!(grant.device.to_string(), "ann/default");
        assert_eq!(gate.ask(sign_in(None, "")).await, Err(Refused));
        assert_eq!(gate.ask(sign_in(None, "../etc")).await, Err(Refused));
    }

    #[tokio::test]
    async fn nobody_signs_in_as_somebody_else() {
        let gate = Gate::new(OpenAuth);
        assert!(gate.ask(sign_in(Some("ann"), "ann")).await.is_ok());
        assert_eq!(gate.ask(sign_in(Some("bob"), "ann")).await, Err(Refused));
    }

    #[test]
    fn a_token_is_not_printed() {
        assert!(!format!("{:?}", sign_in(None, "secret")).contains("secret"));
    }
}
