//! A server's packet, as a client reads it.

use bimip_proto::{
    CloseReason, Device, Entry, Fault, Head, Message, MessageRef, Noted, Offset, Receipt, Reject, Row,
    ServerPacket, Status, Welcome,
};

use super::frame::{identity, named, put, reference_text, to_ms};
use super::numbers::{self, kind, route};
use super::payload::payload;
use super::v1::message_scheme::Payload;
use super::v1::{self, Signal};
use crate::{EncodeError, Frames};

/// BM-WELCOME-2: what a server of this version does beyond messages.
pub const FEATURES: [&str; 3] = ["dispose", "receipts", "notifications"];

/// Writes the frames of a packet. Live voice is not of this dialect and writes nothing.
pub(crate) fn encode_server(
    me: Option<&Device>,
    packet: &ServerPacket,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    match packet {
        ServerPacket::Welcome(it) => put(Payload::Welcome(welcome(it)), out),
        ServerPacket::Accepted { client_ref, head, offset } => {
            let id = client_ref.as_ref().map_or("", |id| id.as_str());
            put(Payload::Signal(accepted(id, head, *offset)), out);
        }
        ServerPacket::Rejected { client_ref, reason, retry_after_ms, .. } => {
            let id = client_ref.as_ref().map_or("", |id| id.as_str()).to_owned();
            let signal = Signal { id, status: numbers::SENT, to: me.map(identity), ..Signal::default() };
            put(Payload::Signal(refused(signal, *reason, *retry_after_ms)), out);
        }
        ServerPacket::Noted(it) => noted(me, it, out),
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(it) => put(Payload::Message(message(row, it)), out),
            Entry::Receipt(it) => receipt(me, row, it, out),
            _ => {}
        },
        ServerPacket::Pong { ping, at } => {
            let id = core::str::from_utf8(&ping.id).map_err(|_| EncodeError::Unsayable { field: "ping" })?;
            let pong = v1::PingPong {
                id: id.to_owned(),
                from: me.map(identity),
                r#type: kind::PONG,
                timestamp: to_ms(*at),
                details: String::new(),
            };
            put(Payload::PingPong(pong), out);
        }
        ServerPacket::Fault(it) => put(Payload::Error(fault(it)), out),
        ServerPacket::Bye(reason) => put(bye(me, reason), out),
        _ => {}
    }
    Ok(())
}

fn welcome(welcome: &Welcome) -> v1::Welcome {
    v1::Welcome {
        epoch: welcome.epoch.into(),
        resume_from: welcome.resume_from.0,
        head: welcome.head.0,
        window: welcome.window.rows,
        heartbeat_ms: welcome.heartbeat_ms,
        server_time: to_ms(welcome.server_time),
        connection_id: welcome.connection_id.to_string(),
        features: FEATURES.iter().map(ToString::to_string).collect(),
        first: welcome.first.0,
        dedup_days: welcome.dedup_days,
    }
}

/// BM-ACK-1.
fn accepted(id: &str, head: &Head, offset: Offset) -> Signal {
    Signal {
        id: id.to_owned(),
        signal_id: head.id.to_string(),
        signal_offset: head.id.sequence().to_string(),
        user_offset: offset.to_string(),
        status: numbers::SENT,
        timestamp: to_ms(head.at),
        from: Some(identity(&head.from)),
        to: Some(named(head.to.as_str())),
        r#type: kind::RESPONSE,
        ..Signal::default()
    }
}

/// BM-ACK-2.
fn refused(signal: Signal, reason: Reject, retry_after_ms: Option<u32>) -> Signal {
    Signal {
        r#type: kind::ERROR,
        code: numbers::of_reject(reason),
        error: Some(reason.to_string()),
        retry_after_ms: retry_after_ms.unwrap_or_default(),
        ..signal
    }
}

fn noted(me: Option<&Device>, noted: &Noted, out: &mut Frames) {
    let answer = |status, message: Option<&MessageRef>| Signal {
        status: numbers::of_status(status),
        signal_id: message.map(reference_text).unwrap_or_default(),
        to: me.map(identity),
        r#type: kind::RESPONSE,
        ..Signal::default()
    };
    match noted {
        Noted::Disposed(offset) => {
            let signal = Signal { user_offset: offset.to_string(), ..answer(Status::Delivered, None) };
            put(Payload::Signal(signal), out);
        }
        Noted::Delivered(messages) => {
            for message in messages {
                put(Payload::Signal(answer(Status::Delivered, Some(message))), out);
            }
        }
        Noted::Marked { message, status } => put(Payload::Signal(answer(*status, Some(message))), out),
        Noted::Refused { message, status, reason, retry_after_ms } => {
            let signal = refused(answer(*status, Some(message)), *reason, *retry_after_ms);
            put(Payload::Signal(signal), out);
        }
        _ => {}
    }
}

/// BM-DELIVER-1.
fn message(row: &Row, message: &Message) -> v1::Message {
    let Message { head, body } = message;
    let seal = body.seal.clone().unwrap_or_default();
    v1::Message {
        id: head.client_ref.as_ref().map_or("", |id| id.as_str()).to_owned(),
        signal_id: head.id.to_string(),
        from: Some(identity(&head.from)),
        to: Some(named(head.to.as_str())),
        r#type: match body.kind {
            bimip_proto::BodyKind::Notification => kind::NOTIFICATION,
            _ => kind::CHAT,
        },
        timestamp: to_ms(head.client_time.unwrap_or(head.at)),
        payload: payload(body),
        encryption_type: seal.encryption_type,
        encrypted: seal.encrypted,
        signature: seal.signature,
        status: numbers::SENT,
        signal_offset: head.id.sequence().to_string(),
        user_offset: row.offset.to_string(),
        conversation: head.conversation().to_string(),
        conversation_seq: head.seq.0,
        prev_offset: row.prev.0,
        server_time: to_ms(head.at),
    }
}

/// BM-DELIVER-2: one frame for each message; the place of the row comes with the last, so that a reader that got
/// only some of them has not got the row.
fn receipt(me: Option<&Device>, row: &Row, receipt: &Receipt, out: &mut Frames) {
    let part = || Signal {
        status: numbers::of_status(receipt.status),
        timestamp: to_ms(receipt.at),
        from: Some(identity(&receipt.by)),
        to: me.map(identity),
        r#type: kind::EVENT,
        ..Signal::default()
    };
    let last = receipt.messages.len().saturating_sub(1);
    // A receipt about nothing is still a row.
    let nothing = receipt.messages.is_empty().then(part);
    let parts = receipt.messages.iter().map(|names| Signal {
        id: names.client_ref.as_ref().map_or("", |id| id.as_str()).to_owned(),
        signal_id: names.reference().as_ref().map(reference_text).unwrap_or_default(),
        ..part()
    });
    for (index, mut signal) in nothing.into_iter().chain(parts).enumerate() {
        if index == last {
            signal.user_offset = row.offset.to_string();
            signal.prev_offset = row.prev.0;
        }
        put(Payload::Signal(signal), out);
    }
}

fn fault(fault: &Fault) -> v1::ErrorMessage {
    v1::ErrorMessage {
        code: numbers::of_fault(fault.kind),
        error_origin: i32::try_from(fault.origin).unwrap_or(i32::MAX),
        details: fault.details.clone().into_owned(),
        timestamp: 0,
        retry_after_ms: 0,
    }
}

/// BM-BYE-1: a sign-in that failed is an error, everything else a logout.
fn bye(me: Option<&Device>, reason: &CloseReason) -> Payload {
    let details = numbers::of_bye(reason).to_owned();
    match reason {
        CloseReason::Refused | CloseReason::SignInTimeout => Payload::Error(v1::ErrorMessage {
            code: numbers::UNAUTHORIZED,
            error_origin: i32::try_from(route::TOKEN_AUTHORITY).unwrap_or_default(),
            details,
            timestamp: 0,
            retry_after_ms: 0,
        }),
        _ => Payload::Logout(v1::Logout {
            to: me.map(identity),
            r#type: kind::RESPONSE,
            status: numbers::LOGOUT_DISCONNECTED,
            timestamp: 0,
            details,
            scope: numbers::SCOPE_DEVICE,
        }),
    }
}
