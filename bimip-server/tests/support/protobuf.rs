//! A second, tiny protobuf, so that tests do not check the codec with itself.

/// A field to write.
pub(crate) enum P<'a> {
    Int(u64),
    Str(&'a str),
    Bytes(&'a [u8]),
    Message(&'a [(u32, Self)]),
}

/// A message of these fields.
pub(crate) fn message(fields: &[(u32, P<'_>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, field) in fields {
        match field {
            P::Int(value) => {
                varint(&mut out, u64::from(number << 3));
                varint(&mut out, *value);
            }
            P::Str(text) => sized(&mut out, *number, text.as_bytes()),
            P::Bytes(bytes) => sized(&mut out, *number, bytes),
            P::Message(fields) => sized(&mut out, *number, &message(fields)),
        }
    }
    out
}

fn sized(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    varint(out, u64::from(number << 3 | 2));
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
}

/// A frame in words: `{1:11 11:{1:100 3:"…"}}`. What is text is shown as text, what is not as a message.
pub(crate) fn words(frame: &[u8]) -> String {
    fields(frame).unwrap_or_else(|| panic!("not a message: {frame:02x?}"))
}

fn fields(mut rest: &[u8]) -> Option<String> {
    let mut words = Vec::new();
    while !rest.is_empty() {
        let tag = read_varint(&mut rest)?;
        let number = tag >> 3;
        match tag & 7 {
            0 => words.push(format!("{number}:{}", read_varint(&mut rest)?)),
            2 => {
                let len = usize::try_from(read_varint(&mut rest)?).ok()?;
                let (value, left) = rest.split_at_checked(len)?;
                rest = left;
                let text = std::str::from_utf8(value).ok();
                let text = text.filter(|text| !text.chars().any(char::is_control));
                match text {
                    Some(text) => words.push(format!("{number}:{text:?}")),
                    None => words.push(format!("{number}:{}", fields(value)?)),
                }
            }
            _ => return None,
        }
    }
    Some(format!("{{{}}}", words.join(" ")))
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
