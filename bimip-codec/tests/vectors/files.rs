//! The files of `docs/protocol/vectors`, whose format is stated in the README there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::{Value as Json, json};

/// One frame, and what is stated about it.
#[derive(Debug)]
pub(crate) struct Case {
    fields: BTreeMap<String, String>,
}

impl Case {
    fn parse(text: &str) -> Self {
        let split = |line: &str| {
            let (key, value) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line}"));
            (key.to_owned(), value.trim_start().to_owned())
        };
        Self { fields: text.lines().map(split).collect() }
    }

    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        self.fields.get(field).map(String::as_str)
    }

    pub(crate) fn name(&self) -> &str {
        self.get("name").unwrap()
    }

    pub(crate) fn is_from_client(&self) -> bool {
        match self.get("direction").unwrap() {
            "client-to-server" => true,
            "server-to-client" => false,
            other => panic!("{other}"),
        }
    }

    pub(crate) fn bytes(&self) -> Bytes {
        unhex(self.get("hex").unwrap()).into()
    }

    pub(crate) fn meaning(&self) -> Option<Json> {
        self.json("meaning")
    }

    pub(crate) fn json(&self, field: &str) -> Option<Json> {
        self.get(field).map(|text| serde_json::from_str(text).unwrap())
    }

    /// The word for what is wrong, and the kind or route.
    pub(crate) fn error(&self) -> Option<(&str, u32)> {
        let (word, origin) = self.get("error")?.split_once(' ').unwrap();
        Some((word, origin.parse().unwrap()))
    }

    /// Whether an original encoder wrote it.
    pub(crate) fn is_golden(&self) -> bool {
        self.get("source").is_some_and(|source| source.starts_with("the encoder of the original"))
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol/vectors").join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// All cases of a dialect, by name.
pub(crate) fn load(dialect: &str) -> Vec<Case> {
    let read = |path: &PathBuf| {
        let case = Case::parse(&std::fs::read_to_string(path).unwrap());
        assert_eq!(
            (case.name(), case.get("dialect")),
            (path.file_stem().unwrap().to_str().unwrap(), Some(dialect))
        );
        case
    };
    files(dialect).iter().map(read).collect()
}

/// The case of a dialect by its name.
pub(crate) fn one(dialect: &str, name: &str) -> Case {
    let found = load(dialect).into_iter().find(|case| case.name() == name);
    found.unwrap_or_else(|| panic!("no vector {dialect}/{name}"))
}

/// What the original router did, scenario by scenario: frames, and ends of connections.
pub(crate) fn transcripts() -> Vec<(String, Vec<Case>)> {
    told_in("transcripts")
}

/// Whole conversations in JSON events: frames, and how connections begin and end.
#[allow(dead_code, reason = "of one test")]
pub(crate) fn conversations() -> Vec<(String, Vec<Case>)> {
    told_in("conversations")
}

/// Requests over HTTP with their answers, story by story.
#[allow(dead_code, reason = "of one test")]
pub(crate) fn stories() -> Vec<(String, Vec<Case>)> {
    told_in("http")
}

/// Files of several blocks, without the first one of each.
pub(crate) fn told_in(folder: &str) -> Vec<(String, Vec<Case>)> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut blocks = text.split("\n\n").filter(|block| !block.is_empty()).map(Case::parse);
        let head = blocks.next().unwrap();
        (head.name().to_owned(), blocks.collect())
    };
    files(folder).iter().map(read).collect()
}

/// Words of hex; `61*3` is `616161`.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let word = |word: &str| {
        let (digits, times) = word.split_once('*').unwrap_or((word, "1"));
        let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        bytes.repeat(times.parse().unwrap())
    };
    text.split_whitespace().flat_map(word).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A meaning with its repetitions written out.
#[allow(dead_code, reason = "of JSON")]
pub(crate) fn written_out(value: &Json) -> Json {
    let times = |rule: &Json| (rule[0].clone(), usize::try_from(rule[1].as_u64().unwrap()).unwrap());
    match value {
        Json::Object(fields) if fields.len() == 1 && fields.contains_key("$str") => {
            let (text, times) = times(&fields["$str"]);
            json!(text.as_str().unwrap().repeat(times))
        }
        Json::Object(fields) if fields.len() == 1 && fields.contains_key("$list") => {
            let (item, times) = times(&fields["$list"]);
            Json::Array(vec![written_out(&item); times])
        }
        Json::Object(fields) => {
            Json::Object(fields.iter().map(|(key, item)| (key.clone(), written_out(item))).collect())
        }
        Json::Array(items) => items.iter().map(written_out).collect(),
        plain => plain.clone(),
    }
}

/// A msgpack meaning as the type of another library.
pub(crate) fn as_rmpv(value: &Json) -> rmpv::Value {
    let times = |value: &Json| usize::try_from(value.as_u64().unwrap()).unwrap();
    match value {
        Json::Null => rmpv::Value::Nil,
        Json::Bool(it) => (*it).into(),
        Json::Number(it) if it.is_u64() => it.as_u64().unwrap().into(),
        Json::Number(it) if it.is_i64() => it.as_i64().unwrap().into(),
        Json::Number(it) => it.as_f64().unwrap().into(),
        Json::String(it) => it.as_str().into(),
        Json::Array(it) => rmpv::Value::Array(it.iter().map(as_rmpv).collect()),
        Json::Object(it) => {
            let (rule, inner) = it.iter().next().unwrap();
            match rule.as_str() {
                "$bin" => rmpv::Value::Binary(unhex(inner.as_str().unwrap())),
                "$str" => inner[0].as_str().unwrap().repeat(times(&inner[1])).into(),
                "$map" => {
                    let entries = inner.as_object().unwrap().iter();
                    rmpv::Value::Map(
                        entries.map(|(key, item)| (key.as_str().into(), as_rmpv(item))).collect(),
                    )
                }
                "$ext" => {
                    let kind = i8::try_from(inner[0].as_i64().unwrap()).unwrap();
                    rmpv::Value::Ext(kind, unhex(inner[1].as_str().unwrap()))
                }
                "$nested" => {
                    let nested = |made, _| rmpv::Value::Array(vec![made]);
                    (0..times(inner)).fold(rmpv::Value::Nil, nested)
                }
                other => panic!("unknown rule {other}"),
            }
        }
    }
}

/// A value in plain JSON, by which frames are compared: `undefined` is nil.
pub(crate) fn plain(value: &rmpv::Value) -> Json {
    match value {
        rmpv::Value::Nil => Json::Null,
        rmpv::Value::Boolean(it) => json!(it),
        rmpv::Value::Integer(it) => it.as_u64().map_or_else(|| json!(it.as_i64()), |it| json!(it)),
        rmpv::Value::F32(it) => json!(it),
        rmpv::Value::F64(it) => json!(it),
        rmpv::Value::String(it) => json!(it.as_str().unwrap()),
        rmpv::Value::Binary(it) => json!({ "$bin": hex(it) }),
        rmpv::Value::Array(it) => it.iter().map(plain).collect(),
        rmpv::Value::Map(it) => {
            let entries = it.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)));
            json!({ "$map": entries.collect::<serde_json::Map<_, _>>() })
        }
        rmpv::Value::Ext(0, it) if it[..] == [0] => Json::Null,
        rmpv::Value::Ext(0, it) => {
            json!({ "$date": i64::from_be_bytes(it[..].try_into().unwrap()) })
        }
        rmpv::Value::Ext(kind, _) => panic!("extension {kind}"),
    }
}
