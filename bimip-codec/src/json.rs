//! JSON objects whose values pass through untouched.

use std::borrow::Cow;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The top level of a JSON object: keys read, values as they were written.
///
/// Raw, because a key that is not ours has to pass unchanged: a number of twenty digits must not become a
/// float, and nesting inside a value costs no recursion.
pub(crate) struct Object<'a> {
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Reads `text` if it is one JSON object.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    fields.push((key, map.next_value()?));
                }
                Ok(fields)
            }
        }
        // Most texts of real chats are not JSON; one look at the first character says so.
        if !text.trim_ascii_start().starts_with('{') {
            return None;
        }
        let mut read = serde_json::Deserializer::from_str(text);
        let fields = read.deserialize_map(Fields).ok()?;
        read.end().ok()?;
        Some(Self { fields })
    }

    /// Reads `bytes` if they are one JSON object in UTF-8.
    pub(crate) fn parse_bytes(bytes: &'a [u8]) -> Option<Self> {
        Self::parse(core::str::from_utf8(bytes).ok()?)
    }

    /// The value of the first field of this name, as written.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.get())
    }

    /// The first field of this name, if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// Writes every field but those named `name` into `to`.
    pub(crate) fn write_without(&self, name: &str, to: &mut Writer) {
        for (key, value) in self.fields.iter().filter(|(key, _)| key != name) {
            to.raw(key, value.get());
        }
    }
}

/// A key, borrowed where it needs no unescaping.
struct Key<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Text)
    }
}

/// Writes one JSON object, field after field.
pub(crate) struct Writer(String);

impl Writer {
    /// With room for about `len_bytes` of content.
    pub(crate) fn new(len_bytes: usize) -> Self {
        let mut text = String::with_capacity(len_bytes + 64);
        text.push('{');
        Self(text)
    }

    /// A field that holds a string.
    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        push_string(&mut self.0, value);
    }

    /// A field that holds a value already written as JSON.
    pub(crate) fn raw(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.push_str(value);
    }

    /// The object.
    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_string(&mut self.0, key);
        self.0.push(':');
    }
}

/// Adds `value` to `to` as a JSON string. Only what JSON asks for is escaped.
pub(crate) fn push_string(to: &mut String, value: &str) {
    to.push('"');
    for character in value.chars() {
        match character {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '\u{8}' => to.push_str("\\b"),
            '\u{c}' => to.push_str("\\f"),
            control if u32::from(control) < 0x20 => {
                to.push_str("\\u00");
                for shift in [4, 0] {
                    let digit = (u32::from(control) >> shift) & 0xf;
                    to.extend(char::from_digit(digit, 16));
                }
            }
            other => to.push(other),
        }
    }
    to.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_pass_as_written() {
        let text =
            r#" {"n":12345678901234567890123,"message_id":"x","deep":[[{"a":1.50}]],"\u0061\n":null} "#;
        let object = Object::parse(text).unwrap();
        let mut written = Writer::new(text.len());
        written.text("message_id", "y");
        object.write_without("message_id", &mut written);
        assert_eq!(
            written.finish(),
            r#"{"message_id":"y","n":12345678901234567890123,"deep":[[{"a":1.50}]],"a\n":null}"#
        );
    }

    #[test]
    fn only_objects() {
        for text in ["", "{", "[1]", "\"{}\"", "1", "{} x", "{\"a\":1,}", "{'a':1}", "{\"a\"}"] {
            assert!(Object::parse(text).is_none(), "{text:?}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let _no_panic = Object::parse(&deep);
    }

    proptest! {
        #[test]
        fn strings_are_json(value: String) {
            let mut text = String::new();
            push_string(&mut text, &value);
            prop_assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
        }

        #[test]
        fn any_text_is_safe(text: String) {
            let _ = Object::parse(&text);
        }
    }
}
