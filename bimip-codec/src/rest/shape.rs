//! What JSON may look like, as data: for the description of the API.

use std::collections::BTreeMap;

use bimip_proto::limits;

use crate::json::Writer;

/// A value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A string.
    Text(Text),
    /// One of some words.
    Word(&'static [&'static str]),
    /// A whole number.
    Whole {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// A number.
    Real {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// Yes or no.
    Flag,
    /// A moment, RFC 3339.
    Time,
    /// Any object.
    Object,
    /// A list.
    List {
        /// Of what.
        of: &'static Self,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// An object of the description.
    Named(&'static Named),
}

/// A string.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    /// Code points.
    pub(super) min_chars: usize,
    /// Code points; 0 where nothing bounds them but the body.
    pub(super) max_chars: usize,
    /// A name for what no pattern says; empty for none.
    pub(super) format: &'static str,
    /// What it looks like; empty for anything.
    pub(super) pattern: &'static str,
}

impl Text {
    pub(super) const ANY: Self = Self { min_chars: 0, max_chars: 0, format: "", pattern: "" };
}

/// An object with a name.
#[derive(Debug)]
pub(super) struct Named {
    /// The name.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) what: &'static str,
    /// Its fields that are known; others may be there.
    pub(super) fields: &'static [Field],
    /// Of each of these lists it has at least one.
    pub(super) one_of: &'static [&'static [&'static str]],
}

/// A field of an object.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    shape: Shape,
    /// What it means; empty where the name says it.
    what: &'static str,
    is: Is,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    /// There.
    Needed,
    /// There, or not.
    Optional,
    /// There, or not, or `null`: HT-BODY-2.
    Said,
}

/// A field that has to be there.
pub(super) const fn needs(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, what: "", is: Is::Needed }
}

/// A field of an answer that may be missing.
pub(super) const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, what: "", is: Is::Optional }
}

/// A field of a request that may be missing, or `null`.
pub(super) const fn takes(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, what: "", is: Is::Said }
}

impl Field {
    /// With a word about it.
    pub(super) const fn means(self, what: &'static str) -> Self {
        Self { what, ..self }
    }
}

/// Without control characters.
pub(super) const PRINTABLE: &str = r"^[^\u0000-\u001f\u007f-\u009f]+$";

/// A user, a group: at most 256 bytes without `/`, `..` and control characters.
pub(super) const ID: Shape = Shape::Text(Text {
    min_chars: 1,
    max_chars: limits::ID_BYTES,
    format: "bimip-id",
    pattern: r"^(?!.*\.\.)[^/\u0000-\u001f\u007f-\u009f]+$",
});
/// A device: at most 256 bytes of anything.
pub(super) const NAME: Shape =
    Shape::Text(Text { min_chars: 1, max_chars: limits::ID_BYTES, format: "bimip-name", pattern: "" });
/// What a client calls something: at most 128 bytes of anything.
pub(super) const CLIENT_ID: Shape = Shape::Text(Text {
    min_chars: 1,
    max_chars: limits::CLIENT_REF_BYTES,
    format: "bimip-name",
    pattern: "",
});
/// The server's id of a message.
pub(super) const MESSAGE_ID: Shape = Shape::Text(Text {
    min_chars: 20,
    max_chars: 20,
    format: "",
    pattern: "^(?!0{20})[0-9a-vA-V]{19}[0gG]$",
});
/// A message as clients name it: by the id of either kind.
pub(super) const MESSAGE_NAME: Shape = Shape::Text(Text::ANY);
/// A conversation as clients name it.
pub(super) const CONVERSATION: Shape =
    Shape::Text(Text { min_chars: 1, format: "bimip-conversation", ..Text::ANY });
/// A string of anything.
pub(super) const TEXT: Shape = Shape::Text(Text::ANY);
/// A string of so many bytes at most.
pub(super) const fn text(max_bytes: usize) -> Shape {
    Shape::Text(Text { max_chars: max_bytes, format: "bimip-name", ..Text::ANY })
}
/// A count, a place, an offset.
pub(super) const NUMBER: Shape = Shape::Whole { min: 0, max: u64::MAX };

/// Everything with a name that was referred to.
pub(super) type Components = BTreeMap<&'static str, &'static Named>;

impl Shape {
    /// Writes it as a schema, and notes what it refers to.
    pub(super) fn write(&self, to: &mut Writer, nullable: bool, found: &mut Components) {
        match self {
            Self::Text(it) => {
                write_type(to, "string", nullable);
                if it.min_chars > 0 {
                    to.number("minLength", it.min_chars as u64);
                }
                if it.max_chars > 0 {
                    to.number("maxLength", it.max_chars as u64);
                }
                to.maybe("format", Some(it.format).filter(|it| !it.is_empty()));
                to.maybe("pattern", Some(it.pattern).filter(|it| !it.is_empty()));
            }
            Self::Word(words) => {
                write_type(to, "string", nullable);
                let words = words.iter().map(|word| format!("\"{word}\""));
                let words: Vec<String> = words.chain(nullable.then(|| "null".to_owned())).collect();
                to.raw("enum", &format!("[{}]", words.join(",")));
            }
            Self::Whole { min, max } => {
                write_type(to, "integer", nullable);
                to.number("minimum", *min);
                if *max < u64::MAX {
                    to.number("maximum", *max);
                }
            }
            Self::Real { min, max } => {
                write_type(to, "number", nullable);
                if *min > f64::MIN {
                    to.real("minimum", *min);
                }
                if *max < f64::MAX {
                    to.real("maximum", *max);
                }
            }
            Self::Flag => write_type(to, "boolean", nullable),
            Self::Time => {
                write_type(to, "string", nullable);
                to.text("format", "date-time");
            }
            Self::Object => write_type(to, "object", nullable),
            Self::List { of, min, max } => {
                write_type(to, "array", nullable);
                if *min > 0 {
                    to.number("minItems", *min as u64);
                }
                to.number("maxItems", *max as u64);
                to.object("items", |to| of.write(to, false, found));
            }
            Self::Named(it) => {
                found.insert(it.name, it);
                let reference = format!("#/components/schemas/{}", it.name);
                if nullable {
                    to.raw("anyOf", &format!(r#"[{{"$ref":"{reference}"}},{{"type":"null"}}]"#));
                } else {
                    to.text("$ref", &reference);
                }
            }
        }
    }
}

fn write_type(to: &mut Writer, name: &str, nullable: bool) {
    match nullable {
        true => to.raw("type", &format!(r#"["{name}","null"]"#)),
        false => to.text("type", name),
    }
}

impl Named {
    /// Writes what it is, and notes what it refers to.
    pub(super) fn write(&self, to: &mut Writer, found: &mut Components) {
        to.text("type", "object");
        to.text("description", self.what);
        let needed = self.fields.iter().filter(|field| field.is == Is::Needed).map(|field| field.name);
        if self.fields.iter().any(|field| field.is == Is::Needed) {
            to.texts("required", needed);
        }
        if !self.one_of.is_empty() {
            to.objects("allOf", self.one_of, |to, names| {
                to.objects("anyOf", *names, |to, name| {
                    to.texts("required", [*name]);
                    to.object("properties", |to| {
                        to.object(name, |to| to.raw("not", r#"{"type":"null"}"#));
                    });
                });
            });
        }
        to.object("properties", |to| {
            for field in self.fields {
                to.object(field.name, |to| {
                    field.shape.write(to, field.is == Is::Said, found);
                    to.maybe("description", Some(field.what).filter(|it| !it.is_empty()));
                });
            }
        });
    }

    /// Whether a request without a body is one, too.
    pub(super) fn may_be_empty(&self) -> bool {
        self.one_of.is_empty() && self.fields.iter().all(|field| field.is != Is::Needed)
    }
}
