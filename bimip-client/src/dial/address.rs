//! Where a server is.

use bimip_codec::Dialect;
use bimip_proto::CursorBy;
use thiserror::Error;
use tokio_tungstenite::tungstenite::http::Uri;

/// The text is no address of a server.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{url:?} is no address of a server: {what}; give one like {example}")]
#[non_exhaustive]
pub struct AddressError {
    /// The text.
    pub url: String,
    /// What is wrong with it.
    pub what: String,
    /// One that would do.
    pub example: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ws,
    Wss,
    Tcp,
    Tls,
}

impl Scheme {
    pub(crate) const fn is_encrypted(self) -> bool {
        matches!(self, Self::Wss | Self::Tls)
    }
}

/// An address, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) scheme: Scheme,
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// For a web socket: as it is dialled, with the path that the dialect has on our server where none is given.
    pub(crate) url: String,
}

impl Address {
    pub(crate) fn parse(url: &str, dialect: Dialect) -> Result<Self, AddressError> {
        let wrong = |what: &str| AddressError {
            url: url.to_owned(),
            what: what.to_owned(),
            example: match dialect {
                Dialect::VoicePing => "ws://127.0.0.1:8080/",
                Dialect::Deployed => "ws://127.0.0.1:8080/application/development",
                _ => "ws://127.0.0.1:8080/bimip or tcp://127.0.0.1:8081",
            },
        };
        let uri: Uri =
            url.parse().map_err(|error: tokio_tungstenite::tungstenite::http::uri::InvalidUri| {
                wrong(&error.to_string())
            })?;
        let scheme = match uri.scheme_str() {
            Some("ws") => Scheme::Ws,
            Some("wss") => Scheme::Wss,
            Some("tcp") => Scheme::Tcp,
            Some("tls") => Scheme::Tls,
            Some(_) => return Err(wrong("the scheme is none of ws, wss, tcp and tls")),
            None => return Err(wrong("it has no scheme")),
        };
        if scheme.is_encrypted() && !cfg!(feature = "tls") {
            return Err(wrong("this build has no TLS; build bimip-client with its feature `tls`"));
        }
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(wrong("it has a name or password in it; the token goes to Builder::token"));
        }
        let port = match (scheme, uri.port_u16()) {
            (_, Some(port)) => port,
            (Scheme::Ws, None) => 80,
            (Scheme::Wss, None) => 443,
            (Scheme::Tcp | Scheme::Tls, None) => return Err(wrong("it names no port")),
        };
        if matches!(scheme, Scheme::Tcp | Scheme::Tls) {
            if dialect.caps().cursor != CursorBy::Dispose {
                // TC-LIVE-2
                return Err(wrong("this dialect needs a web socket"));
            }
            if !matches!(uri.path(), "" | "/") {
                return Err(wrong("raw TCP has no path"));
            }
        }
        let url = match uri.path() {
            "" | "/" => {
                let authority = uri.authority().map_or("", |authority| authority.as_str());
                let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                format!("{}://{authority}{}{query}", uri.scheme_str().unwrap_or_default(), path(dialect))
            }
            _ => url.to_owned(),
        };
        Ok(Self { scheme, host: host.to_owned(), port, url })
    }
}

/// The door of a dialect.
const fn path(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::VoicePing => "/",
        Dialect::Deployed => "/application/development",
        Dialect::Events => "/ws",
        Dialect::Chat => "/chat",
        _ => "/bimip",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_before_it_is_dialled() {
        let check = |url| Address::parse(url, Dialect::Scheme);
        for good in ["ws://127.0.0.1:8080/bimip", "ws://[::1]:8080", "tcp://chat.example:8081"] {
            assert!(check(good).is_ok(), "{good}");
        }
        let bad = [
            ("", "empty string"),
            ("127.0.0.1:8080", "it has no scheme"),
            ("http://127.0.0.1/", "the scheme is none of"),
            ("ws://a b/", "invalid uri character"),
            ("tcp://127.0.0.1", "it names no port"),
            ("tcp://127.0.0.1:8081/bimip", "raw TCP has no path"),
            ("ws://ann:secret@127.0.0.1/", "Builder::token"),
        ];
        for (bad, why) in bad {
            let error = check(bad).unwrap_err();
            assert_eq!(error.url, bad);
            assert!(error.to_string().contains(why), "{error}");
        }
        let error = Address::parse("tcp://127.0.0.1:1", Dialect::VoicePing).unwrap_err();
        assert!(error.to_string().contains("needs a web socket") && error.to_string().contains("ws://"));
    }

    #[test]
    fn each_dialect_has_its_door() {
        let door = |url, dialect| Address::parse(url, dialect).map(|address| address.url).unwrap();
        assert_eq!(door("ws://a:1", Dialect::Scheme), "ws://a:1/bimip");
        assert_eq!(door("ws://a:1/", Dialect::Deployed), "ws://a:1/application/development");
        assert_eq!(door("ws://a:1", Dialect::VoicePing), "ws://a:1/");
        assert_eq!(door("ws://a:1/x?y=1", Dialect::Scheme), "ws://a:1/x?y=1");
        assert_eq!(door("ws://a:1?y=1", Dialect::Scheme), "ws://a:1/bimip?y=1");
    }

    #[test]
    fn ports_have_their_defaults() {
        let of = |url| Address::parse(url, Dialect::Scheme).map(|it| (it.host, it.port)).unwrap();
        assert_eq!(of("ws://chat.example"), ("chat.example".to_owned(), 80));
        assert_eq!(of("ws://[::1]:9/bimip"), ("::1".to_owned(), 9));
        #[cfg(feature = "tls")]
        assert_eq!(of("wss://chat.example"), ("chat.example".to_owned(), 443));
        #[cfg(not(feature = "tls"))]
        assert!(Address::parse("wss://chat.example", Dialect::Scheme).unwrap_err().what.contains("no TLS"));
    }
}
