//! A second, tiny msgpack, so that tests do not check the codec with itself.

/// A value to write.
#[derive(Clone, Copy)]
pub(crate) enum V<'a> {
    Int(u64),
    Str(&'a str),
    Bin(&'a [u8]),
    Nil,
}

/// An array of values.
pub(crate) fn array(values: &[V<'_>]) -> Vec<u8> {
    let mut out = vec![0x90 | u8::try_from(values.len()).unwrap()];
    for value in values {
        match value {
            V::Nil => out.push(0xc0),
            V::Int(value) => match u8::try_from(*value) {
                Ok(small) if small < 0x80 => out.push(small),
                _ => {
                    out.push(0xcf);
                    out.extend(value.to_be_bytes());
                }
            },
            V::Str(text) => {
                out.push(0xdb);
                out.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                out.extend(text.as_bytes());
            }
            V::Bin(bytes) => {
                out.push(0xc6);
                out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
                out.extend(*bytes);
            }
        }
    }
    out
}

/// A frame in words: `[1,22,"ann","bob","…","Acknowledged"]`; binary values as their length, nothing shortened
/// otherwise.
pub(crate) fn words(frame: &[u8]) -> String {
    let mut rest = frame;
    let text = value(&mut rest);
    assert!(rest.is_empty(), "bytes after the value: {rest:02x?}");
    text
}

fn value(rest: &mut &[u8]) -> String {
    let head = take(rest, 1)[0];
    match head {
        0x00..=0x7f => head.to_string(),
        0x90..=0x9f => {
            let values: Vec<String> = (0..head & 0x0f).map(|_| value(rest)).collect();
            format!("[{}]", values.join(","))
        }
        0xa0..=0xbf => text(rest, usize::from(head & 0x1f)),
        0xc0 => "nil".to_owned(),
        0xc4 => binary(rest, 1),
        0xc5 => binary(rest, 2),
        0xc6 => binary(rest, 4),
        0xcc => number(rest, 1).to_string(),
        0xcd => number(rest, 2).to_string(),
        0xce => number(rest, 4).to_string(),
        0xcf => number(rest, 8).to_string(),
        0xd4 => format!("ext{:?}", take(rest, 2)),
        0xd9 => sized_text(rest, 1),
        0xda => sized_text(rest, 2),
        0xdb => sized_text(rest, 4),
        other => panic!("no word for msgpack {other:02x}"),
    }
}

fn take<'f>(rest: &mut &'f [u8], count: usize) -> &'f [u8] {
    let (taken, left) = rest.split_at(count);
    *rest = left;
    taken
}

fn number(rest: &mut &[u8], width: usize) -> u64 {
    take(rest, width).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn sized_text(rest: &mut &[u8], width: usize) -> String {
    let len = number(rest, width);
    text(rest, usize::try_from(len).unwrap())
}

fn text(rest: &mut &[u8], len: usize) -> String {
    format!("{:?}", std::str::from_utf8(take(rest, len)).unwrap())
}

fn binary(rest: &mut &[u8], width: usize) -> String {
    let len = usize::try_from(number(rest, width)).unwrap();
    take(rest, len);
    format!("bin({len})")
}
