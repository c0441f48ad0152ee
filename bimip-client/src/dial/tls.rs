//! TLS, by rustls: version 1.2 or 1.3, with ring for the arithmetic.

use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::connect::ConnectError;

/// Whom to trust on encrypted connections. [`Tls::default`] trusts whom the system trusts.
///
/// ```
/// use bimip_client::Tls;
///
/// # fn read(pem: &[u8]) -> std::io::Result<()> {
/// let tls = Tls::default().trust(pem)?; // the system's roots, and the company's own
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    extra: Vec<CertificateDer<'static>>,
    given: Option<Arc<ClientConfig>>,
    /// Made for the first connection: reading the system's roots takes a while.
    made: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl Tls {
    /// Trusts what this configuration trusts, and says what it says: client certificates, other roots, other versions.
    #[must_use]
    pub fn with_config(config: Arc<ClientConfig>) -> Self {
        Self { given: Some(config), ..Self::default() }
    }

    /// Trusts these certificates too: text in PEM form, as certification authorities hand it out.
    ///
    /// # Errors
    /// [`InvalidData`](io::ErrorKind::InvalidData) where there is no certificate in it.
    pub fn trust(mut self, pem: &[u8]) -> io::Result<Self> {
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        let before = self.extra.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            self.extra
                .push(certificate.map_err(|error| wrong(format!("not a certificate in PEM form: {error}")))?);
        }
        if self.extra.len() == before {
            return Err(wrong("no certificate in it: it begins with -----BEGIN CERTIFICATE-----".to_owned()));
        }
        self.made = Arc::default();
        Ok(self)
    }

    pub(super) async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let config = self.config()?;
        TlsConnector::from(config).connect(name, stream).await.map_err(explained)
    }

    fn config(&self) -> io::Result<Arc<ClientConfig>> {
        if let Some(config) = self.given.as_ref().or_else(|| self.made.get()) {
            return Ok(Arc::clone(config));
        }
        let mut roots = RootCertStore::empty();
        let system = rustls_native_certs::load_native_certs();
        for error in &system.errors {
            tracing::debug!(%error, "a root certificate of the system cannot be read");
        }
        roots.add_parsable_certificates(system.certs);
        for certificate in &self.extra {
            roots.add(certificate.clone()).map_err(io::Error::other)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
        Ok(Arc::clone(self.made.get_or_init(|| Arc::new(config))))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("extra_roots", &self.extra.len())
            .field("given", &self.given.is_some())
            .finish_non_exhaustive()
    }
}

fn explained(error: io::Error) -> ConnectError {
    match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => ConnectError::Certificate(why.to_string()),
        _ => ConnectError::Io(error),
    }
}
