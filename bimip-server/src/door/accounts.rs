//! `POST /api/v1/auth/…`: passwords in, tokens out. Only where the server keeps accounts.
//!
//! | path | body | answer |
//! |---|---|---|
//! | `register` | `user`, `password`, optional `device_id` | 201 and a pass |
//! | `login` | `user`, `password`, optional `device_id` | 200 and a pass |
//! | `password` | `user`, `password`, `new_password`, optional `device_id` | 200 and a pass; everything else is logged out |
//!
//! A pass is `{"token", "expires_at", "refresh_until"}`; what is refused is said as everywhere in the API.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use bimip_codec::rest::{Answer, Door, Refusal as Refused};
use bimip_proto::DeviceName;
use serde::{Deserialize, Serialize};

use crate::accounts::{Accounts, Credentials, Pass, Refusal, rfc3339};
use crate::server::Server;

#[derive(Deserialize)]
struct Asked {
    user: String,
    password: String,
    #[serde(default)]
    new_password: Option<String>,
    #[serde(default)]
    device_id: Option<String>,
}

#[derive(Serialize)]
struct Let {
    token: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_until: Option<String>,
}

/// SI-ACC-3.
pub(super) async fn answer(
    server: &Server,
    door: Door,
    asked: &Parts,
    body: &[u8],
) -> Result<Answer, Refused> {
    let Some(accounts): Option<&Arc<Accounts>> = server.accounts() else { return Err(Refused::NOT_FOUND) };
    let address = asked.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let asked: Asked = serde_json::from_slice(body)
        .map_err(|_| Refused::new(400, "MALFORMED", "the body is no JSON with user and password"))?;
    let who = credentials(&asked)?;
    let (status, pass) = pass(accounts, door, address, &asked, &who).await?;
    let Pass { token, expires, refresh_until } = pass;
    let refresh_until = refresh_until.map(rfc3339);
    let json = serde_json::to_string(&Let { token, expires_at: rfc3339(expires), refresh_until });
    Ok(Answer { status, json: json.map_err(|_| Refused::UNAVAILABLE)? })
}

async fn pass(
    accounts: &Accounts,
    door: Door,
    address: Option<IpAddr>,
    asked: &Asked,
    who: &Credentials,
) -> Result<(u16, Pass), Refused> {
    let pass = match door {
        Door::Register => {
            let pass = accounts.register(address, who).await;
            return pass.map(|pass| (201, pass)).map_err(|why| of(&why, "password"));
        }
        Door::ChangePassword => {
            let new = asked.new_password.as_deref().ok_or_else(|| Refused::field("new_password"))?;
            accounts.change_password(address, who, new).await
        }
        _ => accounts.log_in(address, who).await,
    };
    pass.map(|pass| (200, pass)).map_err(|why| of(&why, "new_password"))
}

fn credentials(asked: &Asked) -> Result<Credentials, Refused> {
    let device = asked.device_id.as_deref().map(DeviceName::new).transpose();
    let device = device.map_err(|_| Refused::field("device_id"))?;
    Ok(Credentials { device, ..Credentials::new(&asked.user, &asked.password) })
}

/// A refusal as the API says it; `password` is the field that has the new one.
fn of(why: &Refusal, password: &'static str) -> Refused {
    let (status, code, field, retry_after_ms) = match why {
        Refusal::BadCredentials => (401, "BAD_CREDENTIALS", None, None),
        Refusal::Closed => (403, "REGISTRATION_CLOSED", None, None),
        Refusal::Taken => (409, "TAKEN", None, None),
        Refusal::BadName => (400, "FIELD", Some("user"), None),
        Refusal::BadPassword(_) => (400, "FIELD", Some(password), None),
        Refusal::TooMany { retry_after_ms } => (429, "RATE_LIMITED", None, Some(*retry_after_ms)),
        Refusal::Busy { retry_after_ms } => (503, "BUSY", None, Some(*retry_after_ms)),
        Refusal::Unavailable => (503, "UNAVAILABLE", None, Some(1_000)),
    };
    let retry_after_ms = retry_after_ms.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX));
    Refused { field, retry_after_ms, message: why.to_string().into(), ..Refused::new(status, code, "") }
}
