//! Who knocks: what the headers of an upgrade say, dialect by dialect.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bimip_codec::Dialect;
use bimip_proto::DeviceName;
use bimip_session::server::Grant;
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use percent_encoding::percent_decode_str;

use crate::auth::{GRPC_DEVICE, HTTP_DEVICE, STREAM_DEVICE, SignIn, voiceping_device};
use crate::config::VoicePingSessions;

/// The subprotocol of the protobuf dialect.
const BIMIP_V1: &str = "bimip.v1";
/// The subprotocol of JSON events.
const EVENTS: &str = "bimip.events";
/// The subprotocol of the chat dialect.
const CHAT: &str = "bimip.chat";
/// What somebody at the door said.
#[derive(Debug)]
pub(super) struct Knock {
    /// Who they say they are; `None` when their first frame will say it.
    pub(super) sign_in: Option<SignIn>,
    /// The subprotocol to select in the answer.
    pub(super) protocol: Option<HeaderValue>,
    /// Where they sit.
    pub(super) seat: Seat,
}

/// How the device of a grant becomes a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    /// The device is the cursor's.
    Own,
    /// One cursor for all of the user's, and the device as a label to tell them apart.
    Shared,
}

impl Seat {
    pub(super) fn apply(self, mut grant: Grant) -> Grant {
        if self == Self::Shared {
            let device = std::mem::replace(&mut grant.device.name, voiceping_device());
            // A client that names no device is known by its user, as it always was where the token is the user.
            let named = (device != grant.device.name).then_some(device);
            grant.label = named.or_else(|| DeviceName::new(grant.device.user.as_str()).ok());
        }
        grant
    }
}

/// The msgpack dialect: `token`, `VoicePingToken`, a bearer, or the first subprotocol; the device from
/// `device_id`, `DeviceId` or the second subprotocol. Without a token nobody comes in.
pub(super) fn voiceping(headers: &HeaderMap, sessions: VoicePingSessions) -> Result<Knock, StatusCode> {
    let offered = subprotocols(headers);
    let token = value(headers, "token")
        .or_else(|| value(headers, "voicepingtoken"))
        .or_else(|| bearer(headers))
        .or_else(|| offered.first().map(|first| Bytes::copy_from_slice(first.as_bytes())))
        .ok_or(StatusCode::UNAUTHORIZED)?;
    let device = text(headers, "device_id")
        .or_else(|| text(headers, "deviceid"))
        .or_else(|| offered.get(1).copied())
        .and_then(|device| DeviceName::new(device).ok());
    let sign_in = SignIn { device, dialect: Some(Dialect::VoicePing), ..SignIn::new(token) };
    // Browsers accept the connection only if one of their protocols is selected.
    let protocol = offered.first().and_then(|first| HeaderValue::from_str(first).ok());
    let seat = match sessions {
        VoicePingSessions::Replace => Seat::Shared,
        VoicePingSessions::Multi => Seat::Own,
    };
    Ok(Knock { sign_in: Some(sign_in), protocol, seat })
}

/// The protobuf dialect: `token` or a bearer, and `device_id`; or the subprotocols
/// `bimip.v1, token.<base64url>, device.<base64url>`; or nothing of it, and the first frame signs in.
pub(super) fn bimip(headers: &HeaderMap) -> Result<Knock, StatusCode> {
    knock(headers, Dialect::Scheme, BIMIP_V1, &["device_id"])
}

/// JSON events: as [`bimip`], with `bimip.events` for its name, and the device also as `X-Device-ID`.
pub(super) fn events(headers: &HeaderMap) -> Result<Knock, StatusCode> {
    knock(headers, Dialect::Events, EVENTS, &["x-device-id", "device_id"])
}

/// Chat: as [`events`], with `bimip.chat` for its name.
pub(super) fn chat(headers: &HeaderMap) -> Result<Knock, StatusCode> {
    knock(headers, Dialect::Chat, CHAT, &["x-device-id", "device_id"])
}

fn knock(
    headers: &HeaderMap,
    dialect: Dialect,
    name: &'static str,
    devices: &[&str],
) -> Result<Knock, StatusCode> {
    let offered = subprotocols(headers);
    let token = match value(headers, "token").map(without_scheme).or_else(|| bearer(headers)) {
        Some(token) => Some(token),
        None => coded(&offered, "token.")?,
    };
    let device = match devices.iter().find_map(|header| text(headers, header)) {
        Some(device) => Some(device.to_owned()),
        None => coded(&offered, "device.")?
            .map(|device| String::from_utf8(device.to_vec()))
            .transpose()
            .map_err(|_| StatusCode::BAD_REQUEST)?,
    };
    let device =
        device.map(|device| DeviceName::new(&device)).transpose().map_err(|_| StatusCode::BAD_REQUEST)?;
    let protocol = offered.contains(&name).then(|| HeaderValue::from_static(name));
    let sign_in = token.map(|token| SignIn { device, dialect: Some(dialect), ..SignIn::new(token) });
    Ok(Knock { sign_in, protocol, seat: Seat::Own })
}

/// A file: `token`, `VoicePingToken` or a bearer; or `?token=`, since players set no headers. Whose it is counts, not
/// which device.
pub(super) fn files(headers: &HeaderMap, query: Option<&str>) -> Option<SignIn> {
    let token = value(headers, "token").map(without_scheme);
    let token = token.or_else(|| value(headers, "voicepingtoken")).or_else(|| bearer(headers));
    let token = token.or_else(|| query.and_then(token_of))?;
    // As at the msgpack door: the tokens of its backends are good here too.
    Some(SignIn { dialect: Some(Dialect::VoicePing), ..SignIn::new(token) })
}

/// A request of the API: a bearer, or `token`, with or without `Bearer`; and the device that it names.
pub(super) fn api(headers: &HeaderMap, device: Option<DeviceName>) -> Option<SignIn> {
    let token = api_token(headers)?;
    Some(SignIn { device, default_device: HTTP_DEVICE, ..SignIn::new(token) })
}

fn api_token(headers: &HeaderMap) -> Option<Bytes> {
    bearer(headers).or_else(|| value(headers, "token").map(without_scheme))
}

/// A stream of events, or one who asks for the next ones: as [`api`], or with a token and a device of the query.
pub(super) fn stream(
    headers: &HeaderMap,
    in_query: Option<&str>,
    device: Option<DeviceName>,
) -> Option<SignIn> {
    let token =
        api_token(headers).or_else(|| in_query.map(|token| Bytes::copy_from_slice(token.as_bytes())))?;
    Some(SignIn { device, default_device: STREAM_DEVICE, ..SignIn::new(token) })
}

/// gRPC: a bearer, or `token`, with or without `Bearer`.
pub(super) fn grpc(headers: &HeaderMap, device: Option<DeviceName>) -> Option<SignIn> {
    Some(SignIn { default_device: GRPC_DEVICE, ..api(headers, device)? })
}

fn token_of(query: &str) -> Option<Bytes> {
    let token = query.split('&').find_map(|pair| pair.strip_prefix("token="))?.replace('+', " ");
    let token: Vec<u8> = percent_decode_str(&token).collect();
    (!token.is_empty()).then(|| token.into())
}

/// The protobuf dialect of the deployed server: `token`, with or without `Bearer`, or a bearer; and `device_id`, where
/// the token does not name the device. Without a token nobody comes in.
pub(super) fn deployed(headers: &HeaderMap) -> Result<Knock, StatusCode> {
    let token = value(headers, "token").map(without_scheme).or_else(|| bearer(headers));
    let token = token.ok_or(StatusCode::UNAUTHORIZED)?;
    let device = text(headers, "device_id").map(DeviceName::new).transpose();
    let device = device.map_err(|_| StatusCode::BAD_REQUEST)?;
    let sign_in = SignIn { device, dialect: Some(Dialect::Deployed), ..SignIn::new(token) };
    Ok(Knock { sign_in: Some(sign_in), protocol: None, seat: Seat::Own })
}

/// A header's value, if it has one that is not empty.
fn value(headers: &HeaderMap, name: &str) -> Option<Bytes> {
    let value = headers.get(name)?.as_bytes();
    (!value.is_empty()).then(|| Bytes::copy_from_slice(value))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let value = std::str::from_utf8(headers.get(name)?.as_bytes()).ok()?;
    (!value.is_empty()).then_some(value)
}

fn bearer(headers: &HeaderMap) -> Option<Bytes> {
    let value = value(headers, header::AUTHORIZATION.as_str())?;
    after_scheme(&value)
}

/// Deployed clients write `Bearer` into the header `token` too.
fn without_scheme(token: Bytes) -> Bytes {
    after_scheme(&token).unwrap_or(token)
}

fn after_scheme(value: &Bytes) -> Option<Bytes> {
    const SCHEME: &[u8] = b"Bearer ";
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    (scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty()).then(|| value.slice_ref(token))
}

/// The offered subprotocols, in order, however many headers they come in.
fn subprotocols(headers: &HeaderMap) -> Vec<&str> {
    let lists = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    let names = lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    names.map(str::trim).filter(|name| !name.is_empty()).collect()
}

/// A value in a subprotocol's name: subprotocols are the only header that a browser can set.
fn coded(offered: &[&str], prefix: &str) -> Result<Option<Bytes>, StatusCode> {
    let Some(code) = offered.iter().find_map(|name| name.strip_prefix(prefix)) else { return Ok(None) };
    let value = BASE64URL_NOPAD.decode(code.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
    if value.is_empty() { Err(StatusCode::BAD_REQUEST) } else { Ok(Some(value.into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn who(knock: &Knock) -> (String, Option<String>) {
        let sign_in = knock.sign_in.as_ref().unwrap();
        let device = sign_in.device.as_ref().map(ToString::to_string);
        (String::from_utf8(sign_in.token.to_vec()).unwrap(), device)
    }

    fn voiceping(headers: &HeaderMap) -> Result<Knock, StatusCode> {
        super::voiceping(headers, VoicePingSessions::Replace)
    }

    // MISSION V10
    // SI-WAY-1, SI-WAY-2
    #[test]
    fn msgpack_tokens_come_in_four_ways() {
        let android = headers(&[("VoicePingToken", "acme_a"), ("DeviceId", "Xiaomi/daisy:9/release-keys")]);
        let knock = voiceping(&android).unwrap();
        assert_eq!(who(&knock), ("acme_a".to_owned(), Some("Xiaomi/daisy:9/release-keys".to_owned())));
        assert!(knock.protocol.is_none());

        let browser = headers(&[("sec-websocket-protocol", "acme_a,dev 1")]);
        let knock = voiceping(&browser).unwrap();
        assert_eq!(who(&knock), ("acme_a".to_owned(), Some("dev 1".to_owned())));
        assert_eq!(knock.protocol.unwrap(), "acme_a");

        let both = headers(&[("authorization", "bearer c"), ("token", "a"), ("voicepingtoken", "b")]);
        assert_eq!(who(&voiceping(&both).unwrap()), ("a".to_owned(), None));
        assert_eq!(who(&voiceping(&headers(&[("authorization", "Bearer c")])).unwrap()).0, "c");
        assert_eq!(voiceping(&headers(&[("token", "")])).unwrap_err(), StatusCode::UNAUTHORIZED);
    }

    // SI-WAY-3
    #[test]
    fn protobuf_tokens_come_in_headers_or_subprotocols() {
        let knock = bimip(&headers(&[("token", "Bearer ann"), ("device_id", "phone")])).unwrap();
        assert_eq!(who(&knock), ("ann".to_owned(), Some("phone".to_owned())));

        let browser = headers(&[("sec-websocket-protocol", "bimip.v1, token.YW5u, device.cGhvbmU")]);
        let knock = bimip(&browser).unwrap();
        assert_eq!(who(&knock), ("ann".to_owned(), Some("phone".to_owned())));
        assert_eq!(knock.protocol.unwrap(), "bimip.v1");

        assert!(bimip(&headers(&[])).unwrap().sign_in.is_none());
        for bad in ["bimip.v1, token.YW5u=", "token.", "token.YW5", "token.YW5u, device.gA"] {
            let bad = headers(&[("sec-websocket-protocol", bad)]);
            assert_eq!(bimip(&bad).unwrap_err(), StatusCode::BAD_REQUEST, "{bad:?}");
        }
    }

    #[test]
    fn a_token_for_a_file_comes_in_a_header_or_in_the_query() {
        let who = |pairs, query| {
            files(&headers(pairs), query).map(|sign_in| String::from_utf8(sign_in.token.to_vec()).unwrap())
        };
        assert_eq!(who(&[("token", "Bearer a")], Some("token=b")).as_deref(), Some("a"));
        assert_eq!(who(&[("VoicePingToken", "a")], None).as_deref(), Some("a"));
        assert_eq!(who(&[("authorization", "bearer a")], None).as_deref(), Some("a"));
        assert_eq!(who(&[], Some("x=1&token=a%2Bb+c&token=d")).as_deref(), Some("a+b c"));
        let sign_in = files(&HeaderMap::new(), Some("token=a")).unwrap();
        assert_eq!((sign_in.dialect, sign_in.device), (Some(Dialect::VoicePing), None));
        for query in [None, Some(""), Some("token="), Some("atoken=b")] {
            assert_eq!(who(&[], query), None, "{query:?}");
        }
    }

    fn seated(seat: Seat, device: Option<&str>) -> (String, Option<String>) {
        let mut sign_in = SignIn::new(Bytes::from_static(b"ann"));
        sign_in.dialect = Some(Dialect::VoicePing);
        sign_in.device = device.map(|device| DeviceName::new(device).unwrap());
        let user = bimip_proto::UserId::new("ann").unwrap();
        let device = bimip_proto::Device::new(user, sign_in.device_or_default());
        let grant = seat.apply(Grant::new(device));
        (grant.device.to_string(), grant.label.map(|label| label.to_string()))
    }

    // MISSION V10
    // SI-VP-1, SI-VP-2, SI-WHO-2
    #[test]
    fn msgpack_devices_share_a_cursor_or_have_their_own() {
        let words = |device: &str, label: Option<&str>| (device.to_owned(), label.map(ToOwned::to_owned));
        assert_eq!(seated(Seat::Shared, Some("radio")), words("ann/voiceping", Some("radio")));
        assert_eq!(seated(Seat::Shared, None), words("ann/voiceping", Some("ann")));
        assert_eq!(seated(Seat::Own, Some("radio")), words("ann/radio", None));
        assert_eq!(seated(Seat::Own, None), words("ann/voiceping", None));
    }
}
