//! What a message of a kind says: its text, what is attached to it, and whom it mentions.
//!
//! The rules are in `docs/protocol/content.md`; how it is written is the business of codecs.

use core::fmt::Write as _;

use thiserror::Error;

use crate::{BodyKind, MessageId, UnixMs, UserId, limits};

/// The content of a message whose kind is said.
///
/// ```
/// use bimip_proto::{Attachment, AttachmentKind, BodyKind, Content};
///
/// let picture = Attachment::new(AttachmentKind::Image, "https://files.example/cat.jpg");
/// let mut content = Content { attachments: vec![picture], ..Content::default() };
/// assert_eq!(content.check(BodyKind::Image), Ok(()));
/// assert_eq!(content.shown(), "[image] https://files.example/cat.jpg");
///
/// content.text = "my cat".into();
/// assert_eq!(content.shown(), "my cat");
/// assert_eq!(content.check(BodyKind::Sticker).unwrap_err().field, "payload.text");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::exhaustive_structs, reason = "apps build it; a new part is a breaking change on purpose")]
pub struct Content {
    /// What it says. Empty where it only shows.
    pub text: String,
    /// When its author says that it is from. Display data.
    pub date: Option<UnixMs>,
    /// What is attached, in the order to be shown in.
    pub attachments: Vec<Attachment>,
    /// The message that it answers, of any conversation: whoever may not see that one finds nothing there.
    pub reply_to: Option<MessageId>,
    /// Whom its text mentions.
    pub mentions: Vec<Mention>,
}

/// Something that is fetched elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps build it; a new part is a breaking change on purpose")]
pub struct Attachment {
    /// Where: `https://`, `http://`, or a path on the server that delivered the message, beginning with one `/`. Without spaces
    /// and control characters.
    pub url: String,
    /// What it is.
    pub kind: AttachmentKind,
    /// What the file is called, without control characters.
    pub name: Option<String>,
    /// How large it is, in bytes.
    pub size: Option<u64>,
    /// How long it plays.
    pub duration_ms: Option<u64>,
    /// Its media type, such as `image/jpeg`.
    pub mime: Option<String>,
}

/// What is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// Anything else.
    File,
    /// A recorded voice.
    Voice,
    /// A short video that is shown as a circle.
    CircleVideo,
    /// A sticker.
    Sticker,
}

/// A user whom a text mentions, and where: in code points, so that the place is the same in every programming language that
/// can count them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "apps build it; a new part is a breaking change on purpose")]
pub struct Mention {
    /// Whom.
    pub user: UserId,
    /// Code points of the text before it.
    pub offset: u32,
    /// How many code points it has; at least one.
    pub length: u32,
}

/// Something is not the content of a message of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Error)]
#[error("the field {field} is missing or not valid")]
#[expect(clippy::exhaustive_structs, reason = "which field, and nothing else")]
pub struct ContentError {
    /// What is wrong: `kind`, `payload`, or a part of the payload such as `payload.attachments.url`.
    pub field: &'static str,
}

const fn wrong(field: &'static str) -> ContentError {
    ContentError { field }
}

/// The latest date: what every reader of JSON can tell from its neighbours.
const DATE_MAX_MS: u64 = (1 << 53) - 1;

impl Content {
    /// A text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Whether it is the content of a message of this kind (CT-KIND-1 to CT-MENTION-1).
    ///
    /// # Errors
    /// [`ContentError`] names the first field that it is wrong for.
    pub fn check(&self, kind: BodyKind) -> Result<(), ContentError> {
        let chars = self.text.chars().count();
        if chars > limits::CONTENT_TEXT_CHARS {
            return Err(wrong("payload.text"));
        }
        if self.date.is_some_and(|date| date.0 > DATE_MAX_MS) {
            return Err(wrong("payload.date"));
        }
        if self.reply_to.is_some_and(MessageId::is_none) {
            return Err(wrong("payload.reply_to"));
        }
        if self.attachments.len() > limits::ATTACHMENTS {
            return Err(wrong("payload.attachments"));
        }
        self.attachments.iter().try_for_each(Attachment::check)?;
        if self.mentions.len() > limits::MENTIONS {
            return Err(wrong("payload.mentions"));
        }
        let inside =
            |it: &Mention| it.length > 0 && u64::from(it.offset) + u64::from(it.length) <= chars as u64;
        if !self.mentions.iter().all(inside) {
            return Err(wrong("payload.mentions"));
        }
        self.is_of(kind)
    }

    /// Each kind says what has to be there, and what must not.
    fn is_of(&self, kind: BodyKind) -> Result<(), ContentError> {
        use AttachmentKind::{CircleVideo, File, Image, Sticker, Video, Voice};
        let (allowed, one, alone): (&[AttachmentKind], bool, bool) = match kind {
            BodyKind::Text => (&[Image, Video, File], false, false),
            BodyKind::Image => (&[Image], false, false),
            BodyKind::Video => (&[Video], false, false),
            BodyKind::Audio => (&[File, Voice], false, false),
            BodyKind::VoiceNote => (&[Voice], true, false),
            BodyKind::CircleVideo => (&[CircleVideo], true, true),
            BodyKind::Sticker => (&[Sticker], true, true),
            _ => return Err(wrong("kind")),
        };
        if alone && !self.text.is_empty() {
            return Err(wrong("payload.text"));
        }
        if one && self.attachments.len() != 1 {
            return Err(wrong("payload.attachments"));
        }
        if self.text.is_empty() && self.attachments.is_empty() {
            return Err(wrong("payload.text"));
        }
        if !self.attachments.iter().all(|it| allowed.contains(&it.kind)) {
            return Err(wrong("payload.attachments.kind"));
        }
        Ok(())
    }

    /// A text for whoever can show nothing else: its own, or what is attached, a line each.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut shown = self.text.clone();
        if shown.is_empty() {
            for (at, it) in self.attachments.iter().enumerate() {
                let line = if at == 0 { "" } else { "\n" };
                // Writing into memory does not fail.
                let _ = write!(shown, "{line}[{}] {}", it.kind.name(), it.url);
            }
        }
        shown
    }
}

impl Attachment {
    /// Of which nothing is known but where and what it is.
    #[must_use]
    pub fn new(kind: AttachmentKind, url: &str) -> Self {
        Self { url: url.to_owned(), kind, name: None, size: None, duration_ms: None, mime: None }
    }

    fn check(&self) -> Result<(), ContentError> {
        let plain = |text: &str| !text.chars().any(|char| char.is_control() || char.is_whitespace());
        let path = self.url.starts_with('/') && !self.url.starts_with("//");
        let absolute = ["https://", "http://"].iter().any(|scheme| {
            self.url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        });
        if self.url.len() > limits::ATTACHMENT_URL_BYTES || !plain(&self.url) || !(path || absolute) {
            return Err(wrong("payload.attachments.url"));
        }
        let name = |name: &String| {
            !name.is_empty()
                && name.len() <= limits::ATTACHMENT_NAME_BYTES
                && !name.chars().any(char::is_control)
        };
        if !self.name.as_ref().is_none_or(name) {
            return Err(wrong("payload.attachments.name"));
        }
        let mime = |mime: &String| {
            mime.len() <= limits::ATTACHMENT_MIME_BYTES
                && mime.is_ascii()
                && mime.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty())
                && !mime.chars().any(char::is_control)
        };
        if !self.mime.as_ref().is_none_or(mime) {
            return Err(wrong("payload.attachments.mime"));
        }
        let exact = |number: Option<u64>| number.is_none_or(|number| number <= DATE_MAX_MS);
        if !exact(self.size) {
            return Err(wrong("payload.attachments.size"));
        }
        if !exact(self.duration_ms) {
            return Err(wrong("payload.attachments.duration_ms"));
        }
        Ok(())
    }
}

impl AttachmentKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Image, Self::Video, Self::File, Self::Voice, Self::CircleVideo, Self::Sticker];

    /// What it is called on wires.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::File => "file",
            Self::Voice => "voice",
            Self::CircleVideo => "circle_video",
            Self::Sticker => "sticker",
        }
    }

    /// The one that is called so.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl BodyKind {
    /// The kinds whose messages have [`Content`].
    pub const WITH_CONTENT: [Self; 7] = [
        Self::Text,
        Self::Image,
        Self::Video,
        Self::Audio,
        Self::VoiceNote,
        Self::CircleVideo,
        Self::Sticker,
    ];

    /// What a kind whose messages have [`Content`] is called on wires that have names for kinds.
    #[must_use]
    pub const fn content_name(self) -> Option<&'static str> {
        Some(match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::VoiceNote => "voice",
            Self::CircleVideo => "circle_video",
            Self::Sticker => "sticker",
            _ => return None,
        })
    }

    /// The one that is called so.
    #[must_use]
    pub fn of_content_name(name: &str) -> Option<Self> {
        Self::WITH_CONTENT.into_iter().find(|kind| kind.content_name() == Some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(attachments: &[AttachmentKind], text: &str) -> Content {
        let attachment = |kind: &AttachmentKind| Attachment::new(*kind, "https://x/y");
        Content { attachments: attachments.iter().map(attachment).collect(), ..Content::text(text) }
    }

    fn field(content: &Content, kind: BodyKind) -> &'static str {
        content.check(kind).err().map_or("", |error| error.field)
    }

    // CT-KIND-1
    // MISSION M1
    #[test]
    fn each_kind_has_what_belongs_to_it() {
        use AttachmentKind::{CircleVideo, File, Image, Sticker, Video, Voice};
        let attachments = "payload.attachments";
        let kind = "payload.attachments.kind";
        for (of, has, text, wrong) in [
            (BodyKind::Text, &[][..], "hi", ""),
            (BodyKind::Text, &[Image, Video, File], "hi", ""),
            (BodyKind::Text, &[File], "", ""),
            (BodyKind::Text, &[], "", "payload.text"),
            (BodyKind::Text, &[Voice], "hi", kind),
            (BodyKind::Image, &[Image, Image], "", ""),
            (BodyKind::Image, &[], "https://x/y.jpg", ""),
            (BodyKind::Image, &[Image, File], "", kind),
            (BodyKind::Video, &[Video], "look", ""),
            (BodyKind::Video, &[CircleVideo], "", kind),
            (BodyKind::Audio, &[File], "", ""),
            (BodyKind::Audio, &[Voice, File], "listen", ""),
            (BodyKind::Audio, &[Image], "", kind),
            (BodyKind::VoiceNote, &[Voice], "what I said", ""),
            (BodyKind::VoiceNote, &[], "hi", attachments),
            (BodyKind::VoiceNote, &[Voice, Voice], "", attachments),
            (BodyKind::CircleVideo, &[CircleVideo], "", ""),
            (BodyKind::CircleVideo, &[CircleVideo], "hi", "payload.text"),
            (BodyKind::CircleVideo, &[Video], "", kind),
            (BodyKind::Sticker, &[Sticker], "", ""),
            (BodyKind::Sticker, &[Sticker, Sticker], "", attachments),
            (BodyKind::Sticker, &[], "", attachments),
            (BodyKind::Notification, &[], "hi", "kind"),
            (BodyKind::Voice { duration_ms: 1 }, &[Voice], "", "kind"),
            (BodyKind::Interactive, &[], "hi", "kind"),
        ] {
            assert_eq!(field(&with(has, text), of), wrong, "{of:?} with {has:?} and {text:?}");
        }
        for kind in BodyKind::WITH_CONTENT {
            assert_eq!(kind.content_name().and_then(BodyKind::of_content_name), Some(kind));
        }
        assert_eq!((BodyKind::of_content_name("talk"), BodyKind::Interactive.content_name()), (None, None));
    }

    // CT-TEXT-1, CT-MENTION-1
    #[test]
    fn texts_and_mentions_are_counted_in_code_points() {
        let text = |chars: usize| Content::text(&"🦀".repeat(chars));
        assert_eq!(field(&text(limits::CONTENT_TEXT_CHARS), BodyKind::Text), "");
        assert_eq!(field(&text(limits::CONTENT_TEXT_CHARS + 1), BodyKind::Text), "payload.text");
        let mention = |offset, length| Mention { user: UserId::new("ann").unwrap(), offset, length };
        let mentions = |mentions: Vec<Mention>| Content { mentions, ..Content::text("🦀@ann!") };
        for (offset, length, inside) in [
            (1, 4, true),
            (0, 6, true),
            (5, 1, true),
            (6, 1, false),
            (1, 0, false),
            (2, 5, false),
            (u32::MAX, u32::MAX, false),
        ] {
            let wrong = if inside { "" } else { "payload.mentions" };
            assert_eq!(
                field(&mentions(vec![mention(offset, length)]), BodyKind::Text),
                wrong,
                "{offset} {length}"
            );
        }
        assert_eq!(field(&mentions(vec![mention(1, 4); limits::MENTIONS]), BodyKind::Text), "");
        assert_eq!(
            field(&mentions(vec![mention(1, 4); limits::MENTIONS + 1]), BodyKind::Text),
            "payload.mentions"
        );
    }

    // CT-ATT-1, CT-ATT-2
    #[test]
    fn attachments_are_files_of_the_web() {
        let of = |change: &dyn Fn(&mut Attachment)| {
            let mut attachment = Attachment::new(AttachmentKind::Image, "https://x/y");
            change(&mut attachment);
            field(&Content { attachments: vec![attachment], ..Content::default() }, BodyKind::Image)
        };
        let long = format!("https://x/{}", "y".repeat(limits::ATTACHMENT_URL_BYTES));
        for url in [
            "",
            "x",
            "//x/y",
            "ftp://x",
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            "https://",
            "https:///x",
            "https://x/a b",
            "/a\nb",
            &long,
        ] {
            assert_eq!(of(&|it| it.url = url.into()), "payload.attachments.url", "{url}");
        }
        for url in ["/files/1", "http://x", "https://x/ünï?a=b#c"] {
            assert_eq!(of(&|it| it.url = url.into()), "", "{url}");
        }
        let name = |name: &str| of(&|it| it.name = Some(name.into()));
        assert_eq!(
            (name("a b.jpg"), name(""), name("a\0b")),
            ("", "payload.attachments.name", "payload.attachments.name")
        );
        for (mime, wrong) in [
            ("image/jpeg", ""),
            ("text/plain; charset=utf-8", ""),
            ("image", "x"),
            ("/x", "x"),
            ("x/", "x"),
            ("ü/x", "x"),
        ] {
            let wrong = if wrong.is_empty() { "" } else { "payload.attachments.mime" };
            assert_eq!(of(&|it| it.mime = Some(mime.into())), wrong, "{mime}");
        }
        assert_eq!(of(&|it| it.size = Some(1 << 53)), "payload.attachments.size");
        assert_eq!(of(&|it| it.duration_ms = Some(1 << 53)), "payload.attachments.duration_ms");
        let many = with(&[AttachmentKind::Image; limits::ATTACHMENTS + 1], "");
        assert_eq!(field(&many, BodyKind::Image), "payload.attachments");
    }

    // CT-REPLY-1, CT-DATE-1
    #[test]
    fn what_it_answers_has_a_name_and_dates_are_exact() {
        let reply = |reply_to| Content { reply_to: Some(reply_to), ..Content::text("x") };
        assert_eq!(field(&reply(MessageId::new(9, 9)), BodyKind::Text), "", "whoever may see that one");
        assert_eq!(field(&reply(MessageId::NONE), BodyKind::Text), "payload.reply_to");
        let dated = |date| Content { date: Some(UnixMs(date)), ..Content::text("x") };
        assert_eq!(
            (field(&dated(1 << 52), BodyKind::Text), field(&dated(1 << 53), BodyKind::Text)),
            ("", "payload.date")
        );
    }

    // CT-SHOW-1
    #[test]
    fn who_shows_texts_only_is_shown_a_text() {
        use AttachmentKind::{Image, Video};
        assert_eq!(with(&[Image], "hi").shown(), "hi");
        assert_eq!(with(&[Image, Video], "").shown(), "[image] https://x/y\n[video] https://x/y");
    }
}
