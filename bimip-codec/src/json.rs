//! JSON objects whose values pass through untouched.

use std::borrow::Cow;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The top level of a JSON object: keys read, values as they were written.
///
/// Raw, because a key that is not ours has to pass unchanged: a number of twenty digits must not become a
/// float, and nesting inside a value costs no recursion. No list is made of the fields: a frame full of them would
/// take ten times its size, so whoever wants one walks through the text again.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a>(&'a str);

impl<'a> Object<'a> {
    /// Takes `text` if it is one JSON object.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        // Most texts of real chats are not JSON; one look at the first character says so.
        if !text.trim_ascii_start().starts_with('{') {
            return None;
        }
        walk(text, |_, _: IgnoredAny| {}).ok().map(|()| Self(text))
    }

    /// Takes `bytes` if they are one JSON object in UTF-8.
    pub(crate) fn parse_bytes(bytes: &'a [u8]) -> Option<Self> {
        Self::parse(core::str::from_utf8(bytes).ok()?)
    }

    /// The value of the first field of this name, as written.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a str> {
        let mut found = None;
        self.each(|key, value| {
            if found.is_none() && key == name {
                found = Some(value);
            }
        });
        found
    }

    /// The first field of this name, if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// The values of the first fields of these names, as written, in one walk. `null` is as good as nothing.
    pub(crate) fn pick<const N: usize>(&self, names: [&str; N]) -> [Option<&'a str>; N] {
        let mut found = [None; N];
        self.each(|key, value| {
            if let Some(at) = names.iter().position(|name| *name == key) {
                let first: &mut Option<&str> = &mut found[at];
                first.get_or_insert(value);
            }
        });
        found.map(|value| value.filter(|text| *text != "null"))
    }

    /// The whole object, as written.
    pub(crate) const fn as_str(&self) -> &'a str {
        self.0
    }

    /// How many fields there are.
    pub(crate) fn len(&self) -> usize {
        let mut len = 0;
        self.each(|_, _| len += 1);
        len
    }

    /// Writes every field but those named `name` into `to`.
    pub(crate) fn write_without(&self, name: &str, to: &mut Writer) {
        self.write_without_any(&[name], to);
    }

    /// Writes every field but those of these names into `to`.
    pub(crate) fn write_without_any(&self, names: &[&str], to: &mut Writer) {
        self.each(|key, value| {
            if !names.contains(&key) {
                to.raw(key, value);
            }
        });
    }

    pub(crate) fn each(&self, mut take: impl FnMut(&str, &'a str)) {
        let walked = walk(self.0, |key, value: &'a RawValue| take(key, value.get()));
        debug_assert!(walked.is_ok(), "it was read before");
    }
}

/// The values of the fields of these names, as written; `null` is as good as none. `None` where one is there twice: readers
/// of JSON do not agree which of them counts.
pub(crate) fn known<'a, const N: usize>(
    object: Object<'a>,
    names: [&str; N],
) -> Option<[Option<&'a str>; N]> {
    let (mut values, mut twice) = ([None; N], false);
    object.each(|key, value| {
        if let Some(at) = names.iter().position(|name| *name == key) {
            twice |= values[at].replace(value).is_some();
        }
    });
    if twice { None } else { Some(values.map(|value| value.filter(|value| *value != "null"))) }
}

/// Walks through an array, as long as `take` says so. Whether it is one, has at most so many elements, and all were taken.
pub(crate) fn elements<'a>(text: &'a str, most: usize, take: impl FnMut(&'a str) -> bool) -> bool {
    struct Elements<F>(F, usize);

    impl<'de, F: FnMut(&'de str) -> bool> Visitor<'de> for Elements<F> {
        type Value = bool;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut array: A) -> Result<bool, A::Error> {
            let mut count = 0;
            while let Some(value) = array.next_element::<&'de RawValue>()? {
                count += 1;
                if count > self.1 || !(self.0)(value.get()) {
                    // The rest is not looked at; whoever asked has to refuse it all.
                    while array.next_element::<IgnoredAny>()?.is_some() {}
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }

    let mut read = serde_json::Deserializer::from_str(text);
    read.deserialize_seq(Elements(take, most)).is_ok_and(|all| all && read.end().is_ok())
}

/// Reads one object, field by field.
fn walk<'a, V: Deserialize<'a>>(text: &'a str, take: impl FnMut(&str, V)) -> serde_json::Result<()> {
    struct Fields<F, V>(F, PhantomData<V>);

    impl<'de, V: Deserialize<'de>, F: FnMut(&str, V)> Visitor<'de> for Fields<F, V> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some(Key(key)) = map.next_key()? {
                (self.0)(&key, map.next_value()?);
            }
            Ok(())
        }
    }

    let mut read = serde_json::Deserializer::from_str(text);
    read.deserialize_map(Fields(take, PhantomData))?;
    read.end()
}

/// A key, borrowed where it needs no unescaping.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
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

    /// The fields of an object that was written before, as they stand there.
    pub(crate) fn fields(&mut self, object: &str) {
        let inside = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        if !inside.is_empty() {
            if !self.0.ends_with('{') {
                self.0.push(',');
            }
            self.0.push_str(inside);
        }
    }

    /// A field that holds a string, if there is one.
    pub(crate) fn maybe(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(key, value);
        }
    }

    /// A field that holds a whole number.
    pub(crate) fn number(&mut self, key: &str, value: impl Into<u64>) {
        self.raw(key, &value.into().to_string());
    }

    /// A field that holds a number that is neither infinite nor none.
    pub(crate) fn real(&mut self, key: &str, value: f64) {
        debug_assert!(value.is_finite());
        self.raw(key, &serde_json::Number::from_f64(value).unwrap_or_else(|| 0.into()).to_string());
    }

    /// A field that holds yes or no.
    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        self.raw(key, if value { "true" } else { "false" });
    }

    /// A field that holds an object, which `write` fills.
    pub(crate) fn object(&mut self, key: &str, write: impl FnOnce(&mut Self)) {
        self.key(key);
        self.nested(write);
    }

    /// A field that holds a list of objects.
    pub(crate) fn objects<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.key(key);
        self.0.push('[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            self.nested(|to| write(to, item));
        }
        self.0.push(']');
    }

    /// A field that holds a list of strings.
    pub(crate) fn texts<'t>(&mut self, key: &str, items: impl IntoIterator<Item = &'t str>) {
        self.key(key);
        self.0.push('[');
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            push_string(&mut self.0, item);
        }
        self.0.push(']');
    }

    /// An object inside of this one, in the same text.
    fn nested(&mut self, write: impl FnOnce(&mut Self)) {
        self.0.push('{');
        write(self);
        self.0.push('}');
    }

    /// The object.
    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn key(&mut self, key: &str) {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        push_string(&mut self.0, key);
        self.0.push(':');
    }
}

/// How long a string gets as JSON.
pub(crate) fn string_bytes(value: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x8 | 0xc => 2,
        0..0x20 => 6,
        _ => 1,
    };
    2 + value.bytes().map(escaped).sum::<usize>()
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
            prop_assert_eq!(text.len(), string_bytes(&value));
            prop_assert_eq!(serde_json::from_str::<String>(&text).unwrap(), value);
        }

        #[test]
        fn any_text_is_safe(text: String) {
            let _ = Object::parse(&text);
        }
    }
}
