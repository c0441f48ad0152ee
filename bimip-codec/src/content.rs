//! The content of messages as JSON: the same object in every dialect that carries it, and behind every door.
//!
//! The grammar is in `docs/protocol/content.md`. What is read here is checked for its kind; keys that are not known are passed
//! over, and stay in the payload, which is stored as it was sent.
//!
//! ```
//! use bimip_codec::content;
//! use bimip_proto::{BodyKind, Content};
//!
//! let json = br#"{"text": "hello @ann", "mentions": [{"user_id": "ann", "offset": 6, "length": 4}], "color": "red"}"#;
//! let read = content::read(json, BodyKind::Text)?;
//! assert_eq!((read.text.as_str(), read.mentions.len()), ("hello @ann", 1));
//!
//! let body = content::body(BodyKind::Text, &Content::text("hi"))?;
//! assert_eq!(&body.bytes[..], br#"{"text":"hi"}"#);
//! assert_eq!(content::of(&body), Some(Content::text("hi")));
//! # Ok::<(), bimip_proto::ContentError>(())
//! ```

use bimip_proto::{
    Attachment, AttachmentKind, Body, BodyKind, Content, ContentError, Form, Mention, UnixMs, UserId, limits,
};

use crate::json::{Object, Writer, elements, known};

const fn wrong(field: &'static str) -> ContentError {
    ContentError { field }
}

/// Reads the content of a message of this kind.
///
/// # Errors
/// [`ContentError`] names the field that is not as the grammar says.
pub fn read(json: &[u8], kind: BodyKind) -> Result<Content, ContentError> {
    let object = Object::parse_bytes(json).ok_or(wrong("payload"))?;
    let [text, date, attachments, reply_to, mentions] =
        known(object, ["text", "date", "attachments", "reply_to", "mentions"]).ok_or(wrong("payload"))?;
    let content = Content {
        text: or_none(text, string).ok_or(wrong("payload.text"))?.unwrap_or_default(),
        date: or_none(date, number).ok_or(wrong("payload.date"))?.map(UnixMs),
        attachments: list(attachments, limits::ATTACHMENTS, wrong("payload.attachments"), attachment)?,
        reply_to: or_none(reply_to, |raw| string(raw)?.parse().ok()).ok_or(wrong("payload.reply_to"))?,
        mentions: list(mentions, limits::MENTIONS, wrong("payload.mentions"), mention)?,
    };
    content.check(kind)?;
    Ok(content)
}

/// Writes content as JSON, in one way: what is not there is left out.
#[must_use]
pub fn write(content: &Content) -> String {
    let mut json = Writer::new(content.text.len());
    if !content.text.is_empty() {
        json.text("text", &content.text);
    }
    if let Some(date) = content.date {
        json.raw("date", &date.0.to_string());
    }
    if !content.attachments.is_empty() {
        json.raw("attachments", &array(&content.attachments, attachment_text));
    }
    if let Some(reply_to) = content.reply_to {
        json.text("reply_to", &reply_to.to_string());
    }
    if !content.mentions.is_empty() {
        json.raw("mentions", &array(&content.mentions, mention_text));
    }
    let mut json = json.finish();
    // It is kept for as long as the message is.
    json.shrink_to_fit();
    json
}

/// The body of a message of this kind, for a draft or an edit.
///
/// # Errors
/// [`ContentError`] where it is not the content of such a message.
pub fn body(kind: BodyKind, content: &Content) -> Result<Body, ContentError> {
    content.check(kind)?;
    Ok(Body { kind, form: Form::Content, bytes: write(content).into(), seal: None })
}

/// The content of a body, where it has any that can be read.
#[must_use]
pub fn of(body: &Body) -> Option<Content> {
    let may = body.form == Form::Content && body.is_readable();
    if may { read(&body.bytes, body.kind).ok() } else { None }
}

// ---- reading ------------------------------------------------------------------------------------------------

/// `Some(None)` for what is not there, `None` for what is not what it has to be.
#[expect(clippy::option_option, reason = "absent, right, or wrong")]
fn or_none<T>(raw: Option<&str>, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    raw.map_or(Some(None), |raw| read(raw).map(Some))
}

fn string(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// Written without a point and an exponent, and not negative.
fn number(raw: &str) -> Option<u64> {
    serde_json::from_str(raw).ok()
}

fn list<T>(
    raw: Option<&str>,
    most: usize,
    otherwise: ContentError,
    read: impl Fn(Object<'_>) -> Result<T, ContentError>,
) -> Result<Vec<T>, ContentError> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let (mut all, mut error) = (Vec::new(), None);
    let walked =
        elements(raw, most, |element| match Object::parse(element).ok_or(otherwise).and_then(&read) {
            Ok(element) => {
                all.push(element);
                true
            }
            Err(why) => {
                error = Some(why);
                false
            }
        });
    match error {
        Some(error) => Err(error),
        None if walked => Ok(all),
        None => Err(otherwise),
    }
}

fn attachment(object: Object<'_>) -> Result<Attachment, ContentError> {
    let [url, kind, name, size, duration_ms, mime] =
        known(object, ["url", "kind", "name", "size", "duration_ms", "mime"])
            .ok_or(wrong("payload.attachments"))?;
    Ok(Attachment {
        url: url.and_then(string).ok_or(wrong("payload.attachments.url"))?,
        kind: kind
            .and_then(string)
            .and_then(|kind| AttachmentKind::of_name(&kind))
            .ok_or(wrong("payload.attachments.kind"))?,
        name: or_none(name, string).ok_or(wrong("payload.attachments.name"))?,
        size: or_none(size, number).ok_or(wrong("payload.attachments.size"))?,
        duration_ms: or_none(duration_ms, number).ok_or(wrong("payload.attachments.duration_ms"))?,
        mime: or_none(mime, string).ok_or(wrong("payload.attachments.mime"))?,
    })
}

fn mention(object: Object<'_>) -> Result<Mention, ContentError> {
    let wrong = wrong("payload.mentions");
    let [user, offset, length] = known(object, ["user_id", "offset", "length"]).ok_or(wrong)?;
    let place = |raw: Option<&str>| raw.and_then(number).and_then(|it| u32::try_from(it).ok()).ok_or(wrong);
    Ok(Mention {
        user: user.and_then(string).and_then(|user| UserId::new(&user).ok()).ok_or(wrong)?,
        offset: place(offset)?,
        length: place(length)?,
    })
}

// ---- writing ------------------------------------------------------------------------------------------------

fn array<T>(all: &[T], text: impl Fn(&T) -> String) -> String {
    let all: Vec<String> = all.iter().map(text).collect();
    format!("[{}]", all.join(","))
}

fn attachment_text(it: &Attachment) -> String {
    let mut json = Writer::new(it.url.len() + 32);
    json.text("url", &it.url);
    json.text("kind", it.kind.name());
    if let Some(name) = &it.name {
        json.text("name", name);
    }
    if let Some(size) = it.size {
        json.raw("size", &size.to_string());
    }
    if let Some(duration_ms) = it.duration_ms {
        json.raw("duration_ms", &duration_ms.to_string());
    }
    if let Some(mime) = &it.mime {
        json.text("mime", mime);
    }
    json.finish()
}

fn mention_text(it: &Mention) -> String {
    let mut json = Writer::new(64);
    json.text("user_id", it.user.as_str());
    json.raw("offset", &it.offset.to_string());
    json.raw("length", &it.length.to_string());
    json.finish()
}
