//! The client's machine, driven by hand, without tokio.
#![allow(clippy::unwrap_used, reason = "test code")]

mod drafts;
#[path = "../harness/mod.rs"]
mod harness;
mod link;
mod live;
mod rows;
mod voice;

use bimip_proto::{
    ClientPacket, Entry, Head, Message, MessageId, Now, Offset, Row, Seq, ServerPacket, UnixMs, Welcome,
    Window,
};
use bimip_session::Machine;
use bimip_session::client::{ClientSession, Config, Event, Input, Output, Resume};

use harness::{device, draft};

const T0: Now = Now { mono_ms: 1_000, unix_ms: 1_763_652_000_000 };

fn at(ms: u64) -> Now {
    Now { mono_ms: T0.mono_ms + ms, unix_ms: T0.unix_ms + ms }
}

fn outputs(session: &mut ClientSession) -> Vec<Output> {
    std::iter::from_fn(|| session.poll_output()).collect()
}

fn welcome(epoch: u32, resume_from: u64) -> Input {
    welcome_from(epoch, resume_from, 1)
}

fn welcome_from(epoch: u32, resume_from: u64, first: u64) -> Input {
    Input::Packet(ServerPacket::Welcome(Welcome {
        epoch,
        resume_from: Offset(resume_from),
        first: Offset(first),
        head: Offset(99),
        window: Window::default(),
        heartbeat_ms: 25_000,
        server_time: UnixMs(0),
        connection_id: 1,
        dedup_days: 7,
    }))
}

fn head(sequence: u64) -> Head {
    let draft = draft("r1", "b", "x");
    Head {
        id: MessageId::new(7, sequence),
        from: device("a", "1"),
        to: draft.to,
        client_ref: None,
        client_time: None,
        at: UnixMs(0),
        stamp: UnixMs(0),
        seq: Seq(sequence),
        kind: draft.body.kind,
    }
}

fn row(prev: u64, offset: u64) -> Input {
    let message = Message { head: head(offset), body: draft("r", "a", "x").body };
    let entry = std::sync::Arc::new(Entry::Message(message));
    Input::Packet(ServerPacket::Deliver(Row { prev: Offset(prev), offset: Offset(offset), entry }))
}

fn up(resume: Resume) -> ClientSession {
    let mut session = ClientSession::new(Config::new(device("a", "1")), resume, T0);
    session.handle_timeout(T0);
    session.handle_input(T0, Input::Connected);
    session.handle_input(T0, welcome(7, 0));
    assert!(session.is_up());
    session
}

/// The connection breaks, and the next one is welcomed at `ms`.
fn back(session: &mut ClientSession, ms: u64) {
    session.handle_input(at(ms), Input::Disconnected);
    session.redial(at(ms));
    session.handle_timeout(at(ms));
    session.handle_input(at(ms), Input::Connected);
    session.handle_input(at(ms), welcome(7, 0));
    assert!(session.is_up());
}

fn events(session: &mut ClientSession) -> Vec<Event> {
    let event = |output| match output {
        Output::Event(event) => Some(event),
        _ => None,
    };
    outputs(session).into_iter().filter_map(event).collect()
}

fn said(session: &mut ClientSession) -> Vec<ClientPacket> {
    let packet = |output| match output {
        Output::Transmit(packet) => Some(packet),
        _ => None,
    };
    outputs(session).into_iter().filter_map(packet).collect()
}

fn sent_refs(outputs: &[Output]) -> Vec<String> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Transmit(ClientPacket::Send(draft)) => draft.client_ref.as_ref().map(ToString::to_string),
            _ => None,
        })
        .collect()
}

fn received(outputs: &[Output]) -> Vec<Offset> {
    outputs
        .iter()
        .filter_map(|output| match output {
            Output::Event(Event::Received(row)) => Some(row.offset),
            _ => None,
        })
        .collect()
}
