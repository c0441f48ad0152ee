//! The content of messages: any bytes as JSON, of every kind.

use bimip_codec::content;
use bimip_proto::{BodyKind, limits};

/// JSON.
///
/// # Panics
/// When what is read is beyond its limits, or is not read the same once it was written.
pub fn content(bytes: &[u8]) {
    for kind in BodyKind::WITH_CONTENT {
        let Ok(read) = content::read(bytes, kind) else { continue };
        assert_eq!(read.check(kind), Ok(()));
        assert!(read.text.chars().count() <= limits::CONTENT_TEXT_CHARS);
        assert!(read.attachments.len() <= limits::ATTACHMENTS && read.mentions.len() <= limits::MENTIONS);
        let body = content::body(kind, &read);
        assert_eq!(body.as_ref().map(content::of), Ok(Some(read.clone())));
        assert!(!read.shown().is_empty(), "everything can be shown as a text");
    }
}
