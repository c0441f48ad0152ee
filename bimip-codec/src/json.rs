//! JSON objects whose values pass through untouched.

use std::borrow::Cow;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
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
        if !opens(text) {
            return None;
        }
        let mut read = serde_json::Deserializer::from_str(text);
        let fields = read.deserialize_map(Fields).ok()?;
        read.end().ok()?;
        Some(Self { fields })
    }

    /// Whether [`parse`](Self::parse) would read `text`, without a list of what is in it.
    pub(crate) fn is(text: &str) -> bool {
        struct Passed;
        impl<'de> Visitor<'de> for Passed {
            type Value = ();

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                while let Some(Key(_)) = map.next_key()? {
                    let _: IgnoredAny = map.next_value()?;
                }
                Ok(())
            }
        }
        if !opens(text) {
            return false;
        }
        let mut read = serde_json::Deserializer::from_str(text);
        read.deserialize_map(Passed).and_then(|()| read.end()).is_ok()
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

/// Most texts of real chats are not JSON; one look at the first character says so.
fn opens(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
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
    let mut rest = value;
    // What needs no escape goes over in one piece. All that does is one byte long.
    while let Some(at) = rest.bytes().position(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let (plain, special) = rest.split_at(at);
        to.push_str(plain);
        match special.as_bytes()[0] {
            b'"' => to.push_str("\\\""),
            b'\\' => to.push_str("\\\\"),
            b'\n' => to.push_str("\\n"),
            b'\r' => to.push_str("\\r"),
            b'\t' => to.push_str("\\t"),
            0x8 => to.push_str("\\b"),
            0xc => to.push_str("\\f"),
            control => {
                to.push_str("\\u00");
                for shift in [4, 0] {
                    to.extend(char::from_digit(u32::from(control >> shift) & 0xf, 16));
                }
            }
        }
        rest = &special[1..];
    }
    to.push_str(rest);
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

        #[test]
        fn a_look_sees_what_reading_sees(text in r#"[ {}\[\]",:a1\\u]{0,12}"#) {
            let text = format!("{{{text}}}");
            prop_assert_eq!(Object::is(&text), Object::parse(&text).is_some());
        }
    }
}
