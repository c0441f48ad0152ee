//! Messages to be sent.

use bimip_proto::{
    Body, BodyKind, Claim, ClientPacket, Content, Draft, Mention, Message, Reject, Said, ServerPacket, limits,
};

use super::answer::{Answer, Asked, Told};
use super::parameter::KEY;
use super::refusal::Refusal;
use super::request::{Request, address};
use super::table::{Method, Route, Says};
use super::{bodies, objects};
use crate::content;
use crate::events::fields::{Value, fields};
use crate::events::{message, words};
use crate::json::{Object, Writer};

pub(super) const ROUTES: &[Route] = &[Route {
    aliases: &["/api/v1/messages/", "/messages"],
    tag: "messages",
    summary: "Sends a message, and answers when it is stored for everybody it goes to.",
    parameters: &[&KEY],
    body: Some(&bodies::DRAFT),
    answers: &[Says::json(201, "It is stored, now or when it was first sent.", &objects::MESSAGE)],
    ..Route::new(Method::Post, "/api/v1/messages", "sendMessage", send)
}];

/// HT-SEND-1.
fn send(request: &Request<'_>) -> Result<Asked, Refusal> {
    let object = request.object()?;
    let [conversation, to, client_ref, from] =
        fields(object, 0, ["conversation_id", "to", "client_id", "sender_user_id"]);
    let own = client_ref.client_ref()?;
    let client_ref = match request.key {
        None if own.is_some() => own,
        _ => Some(request.name()?),
    };
    let claim = match from.user()? {
        Some(user) if user != request.me.user => Claim::Other(user),
        _ => Claim::Own,
    };
    let to = address(&request.me.user, conversation, to)?;
    let body = read_body(object)?;
    let packet = ClientPacket::Send(Draft { client_ref, to, client_time: None, body });
    Ok(Asked::one(request, Said { claim, origin: 0, packet }, sent))
}

fn sent(told: &Told<'_>) -> Result<Answer, Refusal> {
    let (Some(ClientPacket::Send(draft)), Some(ServerPacket::Accepted { head, .. })) =
        (told.packet(), told.answer())
    else {
        return Err(Refusal::UNAVAILABLE);
    };
    let message = Message { head: head.clone(), body: draft.body.clone() };
    let mut to = Writer::new(message.body.bytes.len() + 384);
    write(&mut to, &message);
    Ok(Answer::created(to))
}

/// HT-MSG-1: a message, with what its content mentions and answers beside it.
pub(super) fn write(to: &mut Writer, it: &Message) {
    message::write(to, it);
    write_flat(to, &it.body);
}

/// HT-MSG-1: the parts of content that stand beside each other here.
pub(crate) fn write_flat(to: &mut Writer, body: &Body) {
    let Some(content) = content::of(body) else { return };
    if !content.mentions.is_empty() {
        to.objects("mentions", &content.mentions, |to, it| {
            to.text("user_id", it.user.as_str());
            to.number("offset", it.offset);
            to.number("length", it.length);
        });
    }
    to.maybe("reply_to_id", content.reply_to.map(|id| id.to_string()).as_deref());
}

/// HT-SEND-2: a body as JSON events say it, or a text of a kind with what it mentions and answers.
pub(super) fn read_body(object: Object<'_>) -> Result<Body, Refusal> {
    let [kind, text, mentions, reply_to] =
        fields(object, 0, ["message_type", "content", "mentions", "reply_to_id"]);
    let [inside, data, payload] = fields(object, 0, ["body", "data", "payload"]);
    let kind = kind.word(words::kind)?.unwrap_or(BodyKind::Text);
    let said = text.text()?;
    if said.as_ref().is_some_and(|it| it.is_empty() || it.chars().count() > limits::CONTENT_TEXT_CHARS) {
        return Err(Refusal::field("content"));
    }
    let (mentions, reply_to) = (read_mentions(mentions)?, reply_to.message_id()?);
    if reply_to.is_some_and(bimip_proto::MessageId::is_none) {
        return Err(Refusal::field("reply_to_id"));
    }
    let elsewhere = inside.is_there() || data.is_there() || payload.is_there();
    let plain = mentions.is_empty()
        && reply_to.is_none()
        && matches!(kind, BodyKind::Text | BodyKind::Image | BodyKind::Interactive | BodyKind::Notification);
    if elsewhere || plain {
        return message::read_body(object, 0, kind).map_err(Into::into);
    }
    let content = Content {
        text: said.ok_or_else(|| Refusal::field("content"))?,
        mentions,
        reply_to,
        ..Content::default()
    };
    let [encryption] = fields(object, 0, ["encryption"]);
    if encryption.is_there() {
        // What is sealed is a payload.
        return Err(Refusal::field("payload"));
    }
    content::body(kind, &content).map_err(|it| Reject::Field(it.field).into())
}

fn read_mentions(mentions: Value<'_>) -> Result<Vec<Mention>, Refusal> {
    let list = mentions.objects(limits::MENTIONS)?.into_iter().map(|it| {
        let [user, offset, length] = fields(it, 0, ["user_id", "offset", "length"]);
        let place = |value: Value<'_>| -> Result<u32, Refusal> {
            let number = value.some_number().map_err(|_| mentions.wrong())?;
            u32::try_from(number).map_err(|_| Refusal::field("mentions"))
        };
        let user = user.some_user().map_err(|_| mentions.wrong())?;
        Ok(Mention { user, offset: place(offset)?, length: place(length)? })
    });
    list.collect()
}
