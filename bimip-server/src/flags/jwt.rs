//! Flags about tokens: of the server that checks them, and of the command that makes them.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bimip_proto::{DeviceName, GroupId, UserId};
use bimip_server::jwt::{
    Algorithm, JwtAuth, Keys, Legacy, NewToken, Policy, own_secret, read_public, read_secret,
};
use clap::{Args, ValueEnum};

/// Whose tokens are good.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tokens (--auth jwt)")]
pub(crate) struct Jwt {
    /// A file with the secret of HS256: its text without the line end. Without any key the server makes one of its
    /// own, DIR/jwt-hs256.key in --data.
    #[arg(long, value_name = "FILE")]
    jwt_hs256_key: Option<PathBuf>,
    /// A public RSA key in PEM form; may be given several times. Without KID it is for tokens that name no key.
    #[arg(long, value_name = "[KID=]FILE")]
    jwt_rs256_key: Vec<NamedFile>,
    /// The same for ES256 (P-256).
    #[arg(long, value_name = "[KID=]FILE")]
    jwt_es256_key: Vec<NamedFile>,
    /// The same for EdDSA (Ed25519).
    #[arg(long, value_name = "[KID=]FILE")]
    jwt_eddsa_key: Vec<NamedFile>,
    /// A file with a set of public keys (JWKS); may be given several times.
    #[arg(long, value_name = "FILE")]
    jwt_jwks: Vec<PathBuf>,
    #[command(flatten)]
    names: Names,
    /// The longest that a token may still be good for when it is used: 90s, 30m, 24h, 7d.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = super::time::parse)]
    jwt_max_life: Duration,
    /// For how long after the sign-in a client may have its token renewed, or `off`. A newer token lives as long as the
    /// older one did. Needs a secret to sign with, so it is off where only public keys are given.
    #[arg(long, value_name = "TIME|off", default_value = "30d", value_parser = refresh_for)]
    jwt_refresh_for: RefreshFor,
    /// VoicePing tokens as backends have always made them: `uid`, `userId`, `user_id` or `sub`, neither issuer nor
    /// audience. Never good on /bimip.
    #[arg(long, value_enum, default_value_t = LegacyTokens::On)]
    jwt_legacy_voiceping: LegacyTokens,
    /// A public RSA key in PEM form, whose tokens (RS256, claims eid, device_id, jti, type) open
    /// /application/development; may be given several times. Without any, that door takes the tokens of /bimip.
    #[arg(long, value_name = "[KID=]FILE")]
    deployed_key: Vec<NamedFile>,
    /// Who issues those (`iss`).
    #[arg(long, value_name = "NAME", default_value = "Joken")]
    deployed_issuer: String,
    /// As --jwt-max-life, for VoicePing's own.
    #[arg(long, value_name = "TIME", default_value = "366d", value_parser = super::time::parse)]
    jwt_legacy_max_life: Duration,
}

/// Who issues tokens, and for whom.
#[derive(Debug, Args)]
pub(crate) struct Names {
    /// Who issues tokens (`iss`).
    #[arg(long, value_name = "NAME", default_value = "bimip")]
    jwt_issuer: String,
    /// For whom tokens are (`aud`).
    #[arg(long, value_name = "NAME", default_value = "bimip")]
    jwt_audience: String,
}

impl Names {
    fn policy(&self) -> Policy {
        let mut policy = Policy::default();
        policy.issuer.clone_from(&self.jwt_issuer);
        policy.audience.clone_from(&self.jwt_audience);
        policy
    }
}

/// What becomes of tokens with neither issuer nor audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LegacyTokens {
    /// They are refused.
    Off,
    /// They are let in on the VoicePing door while they last.
    On,
    /// So are those without `exp`, for as long as --jwt-legacy-max-life says.
    WithoutExp,
}

impl Jwt {
    /// Some flag says more than nothing: then it was meant to be used.
    const fn names_keys(&self) -> bool {
        self.jwt_hs256_key.is_some()
            || !self.jwt_rs256_key.is_empty()
            || !self.jwt_es256_key.is_empty()
            || !self.jwt_eddsa_key.is_empty()
            || !self.jwt_jwks.is_empty()
    }

    /// Some flag is of no use without `--auth jwt`.
    pub(crate) const fn is_given(&self) -> bool {
        self.names_keys() || !self.deployed_key.is_empty()
    }

    /// The authenticator of these flags; the server's own key is in `data`.
    pub(crate) fn authenticator(&self, data: &std::path::Path) -> Result<JwtAuth, String> {
        let auth = JwtAuth::new(self.keys(data)?, self.policy());
        if self.deployed_key.is_empty() {
            return Ok(auth);
        }
        let mut keys = Keys::new();
        add_public(&mut keys, "--deployed-key", Algorithm::Rs256, &self.deployed_key)?;
        Ok(auth.deployed(keys, &self.deployed_issuer))
    }

    pub(crate) fn policy(&self) -> Policy {
        let mut policy = self.names.policy();
        policy.max_life = self.jwt_max_life;
        policy.refresh_for = self.jwt_refresh_for.0;
        policy.legacy_max_life = self.jwt_legacy_max_life;
        policy.legacy = match self.jwt_legacy_voiceping {
            LegacyTokens::Off => Legacy::Refuse,
            LegacyTokens::On => Legacy::Accept,
            LegacyTokens::WithoutExp => Legacy::AcceptWithoutExpiry,
        };
        policy
    }

    /// The keys of the files; the server's own in `data` where none are named.
    fn keys(&self, data: &std::path::Path) -> Result<Keys, String> {
        let mut keys = Keys::new();
        if !self.names_keys() {
            let secret = own_secret(data).map_err(|error| format!("no key to check tokens with: {error}"))?;
            keys.add_secret(None, &secret).map_err(|error| error.to_string())?;
        }
        if let Some(path) = &self.jwt_hs256_key {
            let secret = read_secret(path).map_err(|error| format!("--jwt-hs256-key: {error}"))?;
            keys.add_secret(None, &secret).map_err(|error| format!("--jwt-hs256-key: {error}"))?;
        }
        let public = [
            ("--jwt-rs256-key", Algorithm::Rs256, &self.jwt_rs256_key),
            ("--jwt-es256-key", Algorithm::Es256, &self.jwt_es256_key),
            ("--jwt-eddsa-key", Algorithm::EdDsa, &self.jwt_eddsa_key),
        ];
        for (flag, algorithm, files) in public {
            add_public(&mut keys, flag, algorithm, files)?;
        }
        for path in &self.jwt_jwks {
            let set = read_public(path).map_err(|error| format!("--jwt-jwks: {error}"))?;
            keys.add_set(&set).map_err(|error| format!("--jwt-jwks {}: {error}", path.display()))?;
        }
        Ok(keys)
    }
}

fn add_public(keys: &mut Keys, flag: &str, algorithm: Algorithm, files: &[NamedFile]) -> Result<(), String> {
    for NamedFile { kid, path } in files {
        let pem = read_public(path).map_err(|error| format!("{flag}: {error}"))?;
        keys.add_public(kid.as_deref(), algorithm, &pem)
            .map_err(|error| format!("{flag} {}: {error}", path.display()))?;
    }
    Ok(())
}

/// A time, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RefreshFor(Option<Duration>);

fn refresh_for(text: &str) -> Result<RefreshFor, String> {
    if matches!(text, "off" | "0") {
        return Ok(RefreshFor(None));
    }
    let time = super::time::parse(text).map_err(|error| format!("{error}, or `off`"))?;
    Ok(RefreshFor(Some(time)))
}

/// `KID=FILE` or `FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedFile {
    kid: Option<String>,
    path: PathBuf,
}

impl FromStr for NamedFile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            // `./a=b.pem` is a file: names of keys have no slash here.
            Some((kid, path)) if !kid.contains('/') => match (kid, path) {
                ("", _) | (_, "") => Err("give KID=FILE, or FILE alone"),
                _ => Ok(Self { kid: Some(kid.to_owned()), path: path.into() }),
            },
            _ => Ok(Self { kid: None, path: text.into() }),
        }
    }
}

/// A token to make.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// Whom it lets in.
    #[arg(long, value_name = "USER")]
    user: UserId,
    /// The only device it is good for; without one, it is good for any of the user's.
    #[arg(long, value_name = "DEVICE")]
    device: Option<DeviceName>,
    /// Groups that the user is in.
    #[arg(long, value_name = "GROUP,…", value_delimiter = ',')]
    groups: Vec<GroupId>,
    /// How long it is good for: 90s, 30m, 24h, 7d.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = super::time::parse)]
    ttl: Duration,
    /// The data directory of the server, which has its key; made if it does not exist.
    #[arg(long, value_name = "DIR", default_value = "./bimip-data")]
    data: PathBuf,
    /// The file of the secret, where the server was given one with this flag.
    #[arg(long, value_name = "FILE")]
    jwt_hs256_key: Option<PathBuf>,
    #[command(flatten)]
    names: Names,
}

impl Token {
    /// The token. The server may be running; its store is not touched.
    pub(crate) fn make(&self) -> Result<String, String> {
        let policy = self.names.policy();
        if self.ttl > policy.max_life {
            let hours = policy.max_life.as_secs() / 3600;
            tracing::warn!(
                "a server refuses tokens of more than {hours} h, unless its --jwt-max-life allows them"
            );
        }
        let secret = match &self.jwt_hs256_key {
            Some(path) => read_secret(path),
            None => own_secret(&self.data),
        };
        let secret = secret.map_err(|error| format!("no key to sign with: {error}"))?;
        let mut token = NewToken::new(self.user.clone(), self.ttl);
        token.device.clone_from(&self.device);
        token.groups.clone_from(&self.groups);
        token.sign(&secret, &policy).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_renewed_for_a_time_or_never() {
        assert_eq!(refresh_for("30d"), Ok(RefreshFor(Some(Duration::from_secs(30 * 24 * 3600)))));
        for never in ["off", "0"] {
            assert_eq!(refresh_for(never), Ok(RefreshFor(None)), "{never}");
        }
        assert!(refresh_for("on").unwrap_err().contains("off"));
    }

    #[test]
    fn keys_have_a_name_or_none() {
        let named = |kid: &str, path: &str| NamedFile { kid: Some(kid.to_owned()), path: path.into() };
        assert_eq!("2026=/etc/a.pem".parse(), Ok(named("2026", "/etc/a.pem")));
        assert_eq!("a=b=c".parse(), Ok(named("a", "b=c")));
        for path in ["a.pem", "./a=b.pem"] {
            assert_eq!(path.parse(), Ok(NamedFile { kid: None, path: path.into() }));
        }
        for wrong in ["=a.pem", "a="] {
            assert!(wrong.parse::<NamedFile>().is_err(), "{wrong:?}");
        }
    }
}
