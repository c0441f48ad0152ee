//! What a token says, and the grant that follows from it.

use std::collections::BTreeSet;
use std::time::Duration;

use bimip_codec::Dialect;
use bimip_proto::{Device, DeviceName, GroupId, TokenId, UnixMs, UserId};
use bimip_session::server::Grant;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::TOKEN_GROUPS;
use super::mint::{Dates, NewToken};
use super::policy::{Legacy, Policy};
use super::reason::Reason;
use crate::auth::SignIn;

/// How much earlier than now a newer token says that it was made, but not earlier than the older one was. While it is
/// made a log-out may be on its way to the disk, and that one is to count for it, too: far longer than a commit takes.
const MADE_EARLIER_S: u64 = 5;

/// The claims that mean something here; others are passed over. A claim of another type, or one that is there
/// twice, refuses the token: two readers of it could disagree.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Claims {
    iss: Option<String>,
    aud: Option<Audience>,
    sub: Option<Id>,
    uid: Option<Id>,
    #[serde(rename = "userId")]
    user_id: Option<Id>,
    #[serde(rename = "user_id")]
    user_id_snake: Option<Id>,
    device: Option<String>,
    groups: Option<Vec<Id>>,
    #[serde(rename = "channelIds")]
    channel_ids: Option<Vec<Id>>,
    /// Whole seconds. The standard allows fractions; no issuer we know writes them.
    exp: Option<u64>,
    nbf: Option<u64>,
    /// Read with patience, since many tokens carry one that no server ever asked for: see [`date`].
    iat: Option<Value>,
    auth_time: Option<Value>,
    jti: Option<String>,
}

/// What a token says that is to be good no more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Revocable {
    pub(super) user: UserId,
    pub(super) name: TokenId,
    /// When it runs out, in milliseconds since 1970; it may have.
    pub(super) expires: Option<UnixMs>,
}

/// One, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn includes(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one == name,
            Self::Several(several) => several.iter().any(|one| one == name),
        }
    }
}

/// A name. Push-to-talk backends number their users and groups; 7 is `"7"` there.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(u32),
}

impl Id {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl Claims {
    /// A token without a name is named by what was signed. Not by the signature: whoever has a token can give it
    /// another one that is as good, if the key is one for ES256.
    pub(super) fn name_by(&mut self, signed: &str) {
        self.jti.get_or_insert_with(|| BASE64URL_NOPAD.encode(&Sha256::digest(signed)));
    }

    /// Whom they let in, if the policy agrees.
    pub(super) fn grant(&self, policy: &Policy, now_unix_ms: u64, sign_in: &SignIn) -> Result<Grant, Reason> {
        let legacy = self.is_legacy(policy, sign_in.dialect);
        if !legacy {
            self.addressed(policy)?;
        }
        let user = if legacy { self.legacy_user()? } else { self.user()? };
        let device = self.device(sign_in)?;
        let mut grant = Grant::new(Device::new(user, device));
        grant.expires = Some(UnixMs(self.end(policy, legacy, now_unix_ms)?));
        grant.token_id = Some(self.name()?);
        grant.issued = Some(UnixMs(self.issued_s(policy, now_unix_ms).saturating_mul(1000)));
        grant.groups = self.groups()?;
        Ok(grant)
    }

    /// What is needed to take it back. It may have run out, and be for any device and any door: revoking lets nobody
    /// in.
    pub(super) fn revocable(&self, policy: &Policy) -> Result<Revocable, Reason> {
        let user = if self.is_unaddressed() {
            self.legacy_user()?
        } else {
            self.addressed(policy)?;
            self.user()?
        };
        let expires = self.exp.map(|exp| UnixMs(exp.saturating_mul(1000)));
        Ok(Revocable { user, name: self.name()?, expires })
    }

    /// The newer token for this one, which was found good.
    pub(super) fn renewed(&self, policy: &Policy, now_unix_ms: u64) -> Result<(NewToken, Dates), Reason> {
        self.addressed(policy)?;
        let (now_s, iat) = (now_unix_ms / 1000, self.issued_s(policy, now_unix_ms));
        let exp = self.exp.ok_or(Reason::BadClaims)?;
        let auth_time = match &self.auth_time {
            Some(said) => date(said, policy, now_unix_ms).ok_or(Reason::NotRenewable)?,
            None => iat,
        };
        let bound = policy.refresh_for.ok_or(Reason::NotRenewable)?;
        if iat == 0 || now_s.saturating_sub(auth_time) > bound.as_secs() {
            return Err(Reason::NotRenewable);
        }
        let mut token =
            NewToken::new(self.user()?, policy.max_life.min(Duration::from_secs(exp.saturating_sub(iat))));
        token.device =
            self.device.as_deref().map(DeviceName::new).transpose().map_err(|_| Reason::BadClaims)?;
        token.groups = self.groups()?;
        let made = now_s.saturating_sub(MADE_EARLIER_S).max(iat);
        let dates = Dates { iat: made, exp: made.saturating_add(token.life.as_secs()).max(exp), auth_time };
        Ok((token, dates))
    }

    /// When it was made, in seconds since 1970. Without a date that makes sense it is as old as can be: a log-out
    /// takes back every token that was made before, and must not miss one.
    fn issued_s(&self, policy: &Policy, now_unix_ms: u64) -> u64 {
        self.iat.as_ref().and_then(|said| date(said, policy, now_unix_ms)).unwrap_or_default()
    }

    fn name(&self) -> Result<TokenId, Reason> {
        let name = self.jti.as_deref().ok_or(Reason::BadClaims)?;
        TokenId::new(name).map_err(|_| Reason::BadClaims)
    }

    /// Says neither who made it nor for whom, at the one door where that may be.
    fn is_legacy(&self, policy: &Policy, dialect: Option<Dialect>) -> bool {
        self.is_unaddressed() && dialect == Some(Dialect::VoicePing) && policy.legacy != Legacy::Refuse
    }

    const fn is_unaddressed(&self) -> bool {
        self.iss.is_none() && self.aud.is_none()
    }

    fn addressed(&self, policy: &Policy) -> Result<(), Reason> {
        if self.iss.as_ref() != Some(&policy.issuer) {
            return Err(Reason::WrongIssuer);
        }
        let ours = self.aud.as_ref().is_some_and(|audience| audience.includes(&policy.audience));
        if ours { Ok(()) } else { Err(Reason::WrongAudience) }
    }

    fn user(&self) -> Result<UserId, Reason> {
        match &self.sub {
            Some(Id::Text(user)) => UserId::new(user).map_err(|_| Reason::NoUser),
            _ => Err(Reason::NoUser),
        }
    }

    /// Backends never agreed on a name for it. One that says two users says none.
    fn legacy_user(&self) -> Result<UserId, Reason> {
        let names = [&self.uid, &self.user_id, &self.user_id_snake, &self.sub];
        let mut names = names.into_iter().flatten().map(Id::text);
        let user = names.next().ok_or(Reason::NoUser)?;
        if names.any(|other| other != user) {
            return Err(Reason::NoUser);
        }
        UserId::new(&user).map_err(|_| Reason::NoUser)
    }

    /// A token for one device is no good on another.
    fn device(&self, sign_in: &SignIn) -> Result<DeviceName, Reason> {
        let Some(device) = &self.device else { return Ok(sign_in.device_or_default()) };
        let device = DeviceName::new(device).map_err(|_| Reason::BadClaims)?;
        match &sign_in.device {
            Some(claimed) if *claimed != device => Err(Reason::OtherDevice),
            _ => Ok(device),
        }
    }

    /// When the session ends, in milliseconds since 1970.
    fn end(&self, policy: &Policy, legacy: bool, now_unix_ms: u64) -> Result<u64, Reason> {
        let life = if legacy { policy.legacy_max_life } else { policy.max_life };
        let endless = legacy && policy.legacy == Legacy::AcceptWithoutExpiry;
        match self.exp {
            Some(exp) => end(exp, self.nbf, life, policy.leeway, now_unix_ms),
            None if endless => {
                begun(self.nbf, policy.leeway, now_unix_ms)?;
                Ok(now_unix_ms.saturating_add(millis(life)))
            }
            None => begun(self.nbf, policy.leeway, now_unix_ms).and(Err(Reason::BadClaims)),
        }
    }

    /// Each once, in the token's order.
    fn groups(&self) -> Result<Vec<GroupId>, Reason> {
        let named = || [&self.groups, &self.channel_ids].into_iter().flatten().flatten();
        if named().count() > TOKEN_GROUPS {
            return Err(Reason::BadGroups);
        }
        let (mut seen, mut groups) = (BTreeSet::new(), Vec::new());
        for id in named() {
            let group = GroupId::new(&id.text()).map_err(|_| Reason::BadGroups)?;
            if seen.insert(group.clone()) {
                groups.push(group);
            }
        }
        Ok(groups)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Whether a token that begins then, in seconds since 1970, has begun.
fn begun(begins: Option<u64>, leeway: Duration, now_unix_ms: u64) -> Result<(), Reason> {
    let later = |begins: u64| begins.saturating_mul(1000) > now_unix_ms.saturating_add(millis(leeway));
    if begins.is_some_and(later) { Err(Reason::NotYet) } else { Ok(()) }
}

/// When a session by a token of these times ends, in milliseconds since 1970.
pub(super) fn end(
    exp: u64,
    begins: Option<u64>,
    life: Duration,
    leeway: Duration,
    now_unix_ms: u64,
) -> Result<u64, Reason> {
    begun(begins, leeway, now_unix_ms)?;
    let end_unix_ms = exp.saturating_mul(1000);
    match end_unix_ms.checked_sub(now_unix_ms) {
        None | Some(0) => Err(Reason::Expired),
        Some(left_ms) if left_ms > millis(life).saturating_add(millis(leeway)) => Err(Reason::TooLongLived),
        Some(_) => Ok(end_unix_ms),
    }
}

/// A date in whole seconds since 1970, from a number with or without a fraction; none in the future, which would
/// outlive the log-outs until then.
fn date(said: &Value, policy: &Policy, now_unix_ms: u64) -> Option<u64> {
    let text = if let Value::Number(number) = said { number.to_string() } else { return None };
    let seconds: u64 = text.split('.').next()?.parse().ok()?;
    let latest_s = (now_unix_ms / 1000).saturating_add(policy.leeway.as_secs());
    (seconds <= latest_s).then_some(seconds)
}
