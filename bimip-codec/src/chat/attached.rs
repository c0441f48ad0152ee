//! Attachments: addresses on this wire, content of a kind in the model.

use bimip_proto::{Attachment, AttachmentKind, Body, BodyKind, Content, Form, limits};

use crate::content;

const IMAGES: [&str; 11] =
    ["jpg", "jpeg", "png", "gif", "webp", "heic", "heif", "avif", "bmp", "svg", "tiff"];
const VIDEOS: [&str; 7] = ["mp4", "mov", "m4v", "webm", "mkv", "avi", "3gp"];
const SOUNDS: [&str; 9] = ["mp3", "m4a", "aac", "ogg", "oga", "opus", "wav", "flac", "amr"];

/// What is at an address, as far as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    Image,
    Video,
    Sound,
    Other,
}

impl Looks {
    fn of(uri: &str) -> Self {
        let path = uri.split(['?', '#']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        let Some((_, extension)) = name.rsplit_once('.') else { return Self::Other };
        let is_one = |all: &[&str]| all.iter().any(|it| extension.eq_ignore_ascii_case(it));
        match () {
            () if is_one(&IMAGES) => Self::Image,
            () if is_one(&VIDEOS) => Self::Video,
            () if is_one(&SOUNDS) => Self::Sound,
            () => Self::Other,
        }
    }

    /// CH-ATT-2. Sound may be anything, so it is a file: nobody said that it is a voice.
    const fn attachment(self) -> AttachmentKind {
        match self {
            Self::Image => AttachmentKind::Image,
            Self::Video => AttachmentKind::Video,
            Self::Sound | Self::Other => AttachmentKind::File,
        }
    }

    const fn message(self) -> BodyKind {
        match self {
            Self::Image => BodyKind::Image,
            Self::Video => BodyKind::Video,
            Self::Sound => BodyKind::Audio,
            Self::Other => BodyKind::Text,
        }
    }
}

/// CH-ATT-2: what a client says: a text, or content of the kind that all of its attachments look like.
///
/// # Errors
/// The field that is wrong.
pub(super) fn body(text: &str, uris: &[String]) -> Result<Body, &'static str> {
    let mut looks = uris.iter().map(|uri| Looks::of(uri));
    let Some(first) = looks.next() else { return Ok(Body::text(text)) };
    let kind = if looks.all(|it| it == first) { first.message() } else { BodyKind::Text };
    let said = contents(text, uris, |uri| Looks::of(uri).attachment());
    content::body(kind, &said).map_err(|it| match it.field {
        "payload.text" => "messageText",
        _ => "attachmentURI",
    })
}

/// What a server tells. It was checked when it was accepted, in whatever dialect; only what would take much memory is not
/// taken.
///
/// # Errors
/// The field that is wrong.
pub(super) fn told(kind: BodyKind, text: &str, uris: &[String]) -> Result<Body, &'static str> {
    if uris.is_empty() {
        return Ok(Body { kind, ..Body::text(text) });
    }
    if text.len() > limits::CONTENT_TEXT_CHARS * char::MAX.len_utf8() {
        return Err("messageText");
    }
    if uris.iter().any(|uri| uri.len() > limits::ATTACHMENT_URL_BYTES) {
        return Err("attachmentURI");
    }
    let said = contents(text, uris, |uri| match kind {
        BodyKind::Image => AttachmentKind::Image,
        BodyKind::Video => AttachmentKind::Video,
        BodyKind::Audio => AttachmentKind::File,
        BodyKind::VoiceNote => AttachmentKind::Voice,
        BodyKind::CircleVideo => AttachmentKind::CircleVideo,
        BodyKind::Sticker => AttachmentKind::Sticker,
        _ => Looks::of(uri).attachment(),
    });
    Ok(Body { kind, form: Form::Content, bytes: content::write(&said).into(), seal: None })
}

fn contents(text: &str, uris: &[String], kind: impl Fn(&str) -> AttachmentKind) -> Content {
    let attachments = uris.iter().map(|uri| Attachment::new(kind(uri), uri)).collect();
    Content { attachments, ..Content::text(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // CH-ATT-2
    #[test]
    fn a_name_says_what_is_there() {
        for (uri, looks) in [
            ("https://h/a.jpg", Looks::Image),
            ("https://h/a.JPEG?size=1.mp4", Looks::Image),
            ("/media/a.b.mov#t=1", Looks::Video),
            ("https://h/voice.opus", Looks::Sound),
            ("https://h/paper.pdf", Looks::Other),
            ("https://h.jpg/paper", Looks::Other),
            ("https://h/", Looks::Other),
            ("png", Looks::Other),
        ] {
            assert_eq!(Looks::of(uri), looks, "{uri}");
        }
    }
}
