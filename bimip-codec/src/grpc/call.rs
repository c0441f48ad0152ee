//! Calls, as the requests of HTTP that they are.

use data_encoding::BASE64;

use super::wire::{GetMessagesRequest, Message, SendMessageRequest};
use super::{message, wire};
use crate::json::{Object, Writer};
use crate::rest::{self, Answer, Refusal, Route};

/// A call as a request of the table of HTTP: GR-SEND-1, GR-HIST-1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The route's name.
    name: &'static str,
    /// What stands in its path.
    pub path: Vec<String>,
    /// What stands after the question mark.
    pub query: String,
    /// The body.
    pub body: String,
}

impl Call {
    /// A message to be sent.
    ///
    /// # Errors
    /// [`Refusal`] for what cannot be said as JSON.
    pub fn send(request: &SendMessageRequest) -> Result<Self, Refusal> {
        let mut to = Writer::new(request.content.len() + request.body.len() + 256);
        let said = |text: &'_ str| (!text.is_empty()).then(|| text.to_owned());
        for (name, text) in [
            ("conversation_id", &request.conversation_id),
            ("sender_user_id", &request.sender_user_id),
            ("message_type", &request.message_type),
            ("client_id", &request.client_id),
            ("to", &request.to),
        ] {
            to.maybe(name, said(text).as_deref());
        }
        if !request.body.is_empty() {
            let body = Object::parse(&request.body).ok_or_else(|| Refusal::field("body"))?;
            to.raw("body", body.as_str());
        }
        if let Some(payload) = &request.payload {
            to.text("payload", &BASE64.encode(payload));
        }
        if let Some(it) = &request.encryption {
            to.object("encryption", |to| {
                to.text("type", &it.r#type);
                to.text("encrypted", &it.encrypted);
                to.text("signature", &it.signature);
            });
        }
        if request.body.is_empty() && request.payload.is_none() {
            to.text("content", &request.content);
            write_mentions(&mut to, &request.mentions)?;
            to.maybe("reply_to_id", request.reply_to_id.as_deref());
        }
        Ok(Self { name: "sendMessage", path: Vec::new(), query: String::new(), body: to.finish() })
    }

    /// A page of a conversation.
    ///
    /// # Errors
    /// [`Refusal`] for a limit or an id that is none.
    pub fn get(request: &GetMessagesRequest) -> Result<Self, Refusal> {
        let mut query = match request.limit {
            0 => String::new(),
            limit => format!("limit={limit}"),
        };
        if let Some(before) = request.before_id.as_deref().filter(|id| !id.is_empty()) {
            if !before.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(Refusal::field("before_id"));
            }
            query.push_str("&before_id=");
            query.push_str(before);
        }
        let path = vec![request.conversation_id.clone()];
        Ok(Self { name: "getMessages", path, query, body: String::new() })
    }

    /// The route of the table that it asks.
    ///
    /// # Errors
    /// [`Refusal`] where there is none.
    pub fn route(&self) -> Result<&'static Route, Refusal> {
        rest::routes().find(|route| route.name == self.name).ok_or(Refusal::NOT_FOUND)
    }
}

fn write_mentions(to: &mut Writer, mentions: &[wire::Mention]) -> Result<(), Refusal> {
    let place = |number: i32| u32::try_from(number).map_err(|_| Refusal::field("mentions"));
    let mut list = Vec::with_capacity(mentions.len());
    for it in mentions {
        list.push((it.user_id.as_str(), place(it.offset)?, place(it.length)?));
    }
    if !list.is_empty() {
        to.objects("mentions", &list, |to, (user, offset, length)| {
            to.text("user_id", user);
            to.number("offset", *offset);
            to.number("length", *length);
        });
    }
    Ok(())
}

/// The message that was sent.
///
/// # Errors
/// [`Refusal`] where the answer is not about one.
pub fn sent(answer: &Answer) -> Result<Message, Refusal> {
    let object = Object::parse(&answer.json).ok_or(Refusal::UNAVAILABLE)?;
    message::read(object).map_err(|_| Refusal::UNAVAILABLE)
}

/// The messages that were found, and whether there are more.
///
/// # Errors
/// [`Refusal`] where the answer is not about messages.
pub fn got(answer: &Answer) -> Result<(Vec<Message>, bool), Refusal> {
    let object = Object::parse(&answer.json).ok_or(Refusal::UNAVAILABLE)?;
    let [messages, more] = crate::events::fields::fields(object, 0, ["messages", "has_more"]);
    let objects = messages.objects(usize::MAX).map_err(|_| Refusal::UNAVAILABLE)?;
    let messages = objects.into_iter().map(message::read).collect::<Result<_, _>>();
    let more = more.flag().map_err(|_| Refusal::UNAVAILABLE)?;
    Ok((messages.map_err(|_| Refusal::UNAVAILABLE)?, more.unwrap_or_default()))
}
