//! What the chat dialect makes of packets: it says less than there is, and what it says is read as what was said.

use std::sync::Arc;

use bimip_codec::{Dialect, EncodeError, Frames, content};
use bimip_proto::{
    Attachment, AttachmentKind, Body, BodyKind, ClientPacket, Content, ConversationId, Draft, Entry, Message,
    Row, ServerPacket, Signal,
};
use proptest::prelude::*;

/// The packet as a server of this dialect reads it; `None` where there are no words for it.
pub(crate) fn said(packet: &ClientPacket) -> Option<ClientPacket> {
    match super::codec(Dialect::Chat).encode_client(packet, &mut Frames::new()) {
        Err(EncodeError::NotSpoken | EncodeError::Unsayable { .. }) => return None,
        written => written.unwrap(),
    }
    Some(match packet.clone() {
        // Typing has no name.
        ClientPacket::Signal(it) => ClientPacket::Signal(Signal { id: None, ..it }),
        packet => packet,
    })
}

/// All that a row says beside its body comes through; of its body what there are words for.
pub(crate) fn is_told(given: &ServerPacket, heard: &[ServerPacket]) -> bool {
    let (ServerPacket::Deliver(given), [ServerPacket::Deliver(heard)]) = (given, heard) else {
        return !matches!(given, ServerPacket::Deliver(row) if has_words(row));
    };
    let place = (given.prev, given.offset) == (heard.prev, heard.offset);
    place
        && match (&*given.entry, &*heard.entry) {
            (Entry::Message(given), Entry::Message(heard)) => {
                let mut head = given.head.clone();
                (head.stamp, head.kind) = (head.at, heard.head.kind);
                head == heard.head
            }
            (Entry::Revised(given), Entry::Revised(heard)) => {
                let mut told = given.clone();
                told.body.clone_from(&heard.body);
                // It goes by the server's id.
                told.message.alias = None;
                told == *heard && given.is_deletion() == heard.is_deletion()
            }
            (given, heard) => given == heard,
        }
}

fn has_words(row: &Row) -> bool {
    match &*row.entry {
        Entry::Message(_) | Entry::Revised(_) => true,
        Entry::Receipt(it) => {
            matches!(it.status, bimip_proto::Status::Delivered | bimip_proto::Status::Read)
        }
        _ => false,
    }
}

/// The packet as there can be one: who revises a message is in its conversation.
pub(crate) fn possible(packet: ServerPacket) -> ServerPacket {
    let ServerPacket::Deliver(row) = &packet else { return packet };
    let Entry::Revised(it) = &*row.entry else { return packet };
    let ConversationId::Direct { 0: low, .. } = &it.conversation else { return packet };
    let mut it = it.clone();
    it.by.user = low.clone();
    ServerPacket::Deliver(Row { entry: Arc::new(Entry::Revised(it)), ..*row })
}

/// A text, or something attached that looks like what it is.
pub(crate) fn body() -> impl Strategy<Value = Body> {
    let attached = prop::sample::select(vec![
        (BodyKind::Image, AttachmentKind::Image, ["https://h/a.png", "/b.JPG?x=1"]),
        (BodyKind::Video, AttachmentKind::Video, ["https://h/a.mp4", "/b.mov#t"]),
        (BodyKind::Audio, AttachmentKind::File, ["https://h/a.mp3", "/b.wav"]),
        (BodyKind::Text, AttachmentKind::File, ["https://h/a.pdf", "/b"]),
    ]);
    prop_oneof![
        "\\PC{0,40}".prop_map(|text| Body::text(&text)),
        (attached, "\\PC{0,20}").prop_map(|((kind, of, urls), text)| {
            let attachments = urls.map(|url| Attachment::new(of, url)).to_vec();
            content::body(kind, &Content { attachments, ..Content::text(&text) }).unwrap()
        }),
    ]
}

/// The draft with another body.
pub(crate) fn with(draft: Draft, body: Body) -> ClientPacket {
    ClientPacket::Send(Draft { body, ..draft })
}

/// A message with another body, which comes through whole.
pub(crate) fn row_with(packet: &ServerPacket, body: &Body) -> Option<ServerPacket> {
    let ServerPacket::Deliver(row) = packet else { return None };
    let Entry::Message(message) = &*row.entry else { return None };
    let mut head = message.head.clone();
    (head.stamp, head.kind) = (head.at, body.kind);
    let entry = Arc::new(Entry::Message(Message { head, body: body.clone() }));
    Some(ServerPacket::Deliver(Row { entry, ..*row }))
}
