//! Protobuf read in place: what clients say all day, and what could make a list grow.
//!
//! The generated structs own every text that they hold, and most of these become ids with memory of their own right
//! after. What is accepted here is what they accept, which the tests compare, but for groups: nothing that is older
//! than proto3 is read.

#![expect(
    clippy::inline_always,
    reason = "a field in registers; measured: twice the speed of a call for each"
)]

/// The bytes are no fields, or a known field holds what it must not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// One field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// 32 or 64 bits: nothing that is served has any.
    Fixed,
}

impl<'a> Value<'a> {
    pub(super) const fn varint(self) -> Result<u64, Broken> {
        match self {
            Self::Varint(value) => Ok(value),
            _ => Err(Broken),
        }
    }

    /// A number of 32 bits: written as 64, the upper half is nobody's business.
    const fn int32(self) -> Result<i32, Broken> {
        match self {
            Self::Varint(value) => Ok(((value & 0xffff_ffff) as u32).cast_signed()),
            _ => Err(Broken),
        }
    }

    const fn int64(self) -> Result<i64, Broken> {
        match self {
            Self::Varint(value) => Ok(value.cast_signed()),
            _ => Err(Broken),
        }
    }

    pub(super) const fn bytes(self) -> Result<&'a [u8], Broken> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(Broken),
        }
    }

    fn text(self) -> Result<&'a str, Broken> {
        core::str::from_utf8(self.bytes()?).map_err(|_| Broken)
    }
}

/// The fields of one message, one after the other: tag and value.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    /// The next field, or `None` at the end.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, Broken> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = u32::try_from(self.varint()?).map_err(|_| Broken)?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| Broken)?;
                Value::Bytes(self.take(len)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return Err(Broken),
        };
        match key >> 3 {
            0 => Err(Broken),
            tag => Ok(Some((tag, value))),
        }
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Broken> {
        let (here, rest) = self.0.split_at_checked(len).ok_or(Broken)?;
        self.0 = rest;
        Ok(here)
    }

    #[inline(always)]
    fn varint(&mut self) -> Result<u64, Broken> {
        match self.0 {
            [byte @ 0..0x80, rest @ ..] => {
                self.0 = rest;
                Ok((*byte).into())
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(Broken)?;
            self.0 = rest;
            if shift == 63 && byte > 1 {
                return Err(Broken);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Broken)
    }
}

/// A message that is read field by field. Where a field comes again, the last counts, and messages are merged.
pub(super) trait View<'a>: Default {
    /// Takes one field; passes over what it does not know.
    fn field(&mut self, tag: u32, value: Value<'a>) -> Result<(), Broken>;

    /// Takes all fields of `bytes`.
    #[inline]
    fn merge(&mut self, bytes: &'a [u8]) -> Result<(), Broken> {
        let mut fields = Fields(bytes);
        while let Some((tag, value)) = fields.next()? {
            self.field(tag, value)?;
        }
        Ok(())
    }
}

/// [`super::v1::Identity`].
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Identity<'a> {
    pub(super) eid: &'a str,
}

impl<'a> View<'a> for Identity<'a> {
    #[inline]
    fn field(&mut self, tag: u32, value: Value<'a>) -> Result<(), Broken> {
        match tag {
            1 => self.eid = value.text()?,
            2 | 3 => drop(value.text()?),
            _ => {}
        }
        Ok(())
    }
}

/// [`super::v1::Message`], as far as a server looks at it.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) id: &'a str,
    pub(super) signal_id: &'a str,
    pub(super) from: Identity<'a>,
    pub(super) to: Identity<'a>,
    pub(super) kind: i32,
    pub(super) timestamp: i64,
    pub(super) payload: &'a [u8],
    pub(super) encryption_type: &'a str,
    pub(super) encrypted: &'a str,
    pub(super) signature: &'a str,
    pub(super) status: i32,
    pub(super) conversation: &'a str,
    /// [`Message::kind`](super::v1::Message::kind); `kind` is its type.
    pub(super) content_kind: i32,
}

impl<'a> From<&'a super::v1::Message> for Message<'a> {
    fn from(message: &'a super::v1::Message) -> Self {
        let eid = |identity: &'a Option<super::v1::Identity>| Identity {
            eid: identity.as_ref().map_or("", |identity| &identity.eid),
        };
        Self {
            id: &message.id,
            signal_id: &message.signal_id,
            from: eid(&message.from),
            to: eid(&message.to),
            kind: message.r#type,
            timestamp: message.timestamp,
            payload: &message.payload,
            encryption_type: &message.encryption_type,
            encrypted: &message.encrypted,
            signature: &message.signature,
            status: message.status,
            conversation: &message.conversation,
            content_kind: message.kind,
        }
    }
}

impl<'a> View<'a> for Message<'a> {
    #[inline]
    fn field(&mut self, tag: u32, value: Value<'a>) -> Result<(), Broken> {
        match tag {
            1 => self.id = value.text()?,
            2 => self.signal_id = value.text()?,
            3 => self.from.merge(value.bytes()?)?,
            4 => self.to.merge(value.bytes()?)?,
            5 => self.kind = value.int32()?,
            6 => self.timestamp = value.int64()?,
            7 => self.payload = value.bytes()?,
            8 => self.encryption_type = value.text()?,
            9 => self.encrypted = value.text()?,
            10 => self.signature = value.text()?,
            11 => self.status = value.int32()?,
            12 | 13 => drop(value.text()?),
            14 => self.conversation = value.text()?,
            15..=17 => drop(value.varint()?),
            18 => self.content_kind = value.int32()?,
            _ => {}
        }
        Ok(())
    }
}

/// [`super::v1::Signal`], as far as a server looks at it.
#[derive(Debug, Default)]
pub(super) struct Signal<'a> {
    pub(super) id: &'a str,
    pub(super) user_offset: &'a str,
    pub(super) status: i32,
    pub(super) from: Identity<'a>,
    pub(super) kind: i32,
    pub(super) signal_id: &'a str,
}

impl<'a> View<'a> for Signal<'a> {
    #[inline]
    fn field(&mut self, tag: u32, value: Value<'a>) -> Result<(), Broken> {
        match tag {
            3 => self.user_offset = value.text()?,
            4 => self.status = value.int32()?,
            6 => self.from.merge(value.bytes()?)?,
            7 => Identity::default().merge(value.bytes()?)?,
            8 => self.kind = value.int32()?,
            10 => self.signal_id = value.text()?,
            1 => self.id = value.text()?,
            2 | 9 | 14 => drop(value.text()?),
            5 | 11..=13 => drop(value.varint()?),
            _ => {}
        }
        Ok(())
    }
}

/// [`super::v1::Welcome`], without the list of features, which nobody asks for: an empty one of them takes two bytes of
/// a frame and twenty-four of memory.
#[derive(Debug, Default)]
pub(super) struct Welcome<'a> {
    pub(super) epoch: u64,
    pub(super) resume_from: u64,
    pub(super) head: u64,
    pub(super) window: u32,
    pub(super) heartbeat_ms: u32,
    pub(super) server_time: i64,
    pub(super) connection_id: &'a str,
    pub(super) first: u64,
    pub(super) dedup_days: u32,
}

impl<'a> View<'a> for Welcome<'a> {
    fn field(&mut self, tag: u32, value: Value<'a>) -> Result<(), Broken> {
        match tag {
            1 => self.epoch = value.varint()?,
            2 => self.resume_from = value.varint()?,
            3 => self.head = value.varint()?,
            4 => self.window = value.int32()?.cast_unsigned(),
            5 => self.heartbeat_ms = value.int32()?.cast_unsigned(),
            6 => self.server_time = value.int64()?,
            7 => self.connection_id = value.text()?,
            8 => drop(value.text()?),
            9 => self.first = value.varint()?,
            10 => self.dedup_days = value.int32()?.cast_unsigned(),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::super::v1;
    use super::*;

    /// Fields of any tag that is near, with values that are often what they must not be.
    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let field = (0_u8..20, 0_u8..6, any::<u64>(), proptest::collection::vec(any::<u8>(), 0..9)).prop_map(
            |(tag, wire_type, number, bytes)| {
                let mut field = Vec::new();
                prost::encoding::encode_varint((tag << 3 | wire_type).into(), &mut field);
                match wire_type {
                    0 => prost::encoding::encode_varint(number >> (number % 64), &mut field),
                    1 => field.extend(number.to_le_bytes()),
                    2 => {
                        // A name with a device, as nested fields are.
                        let text = if number % 2 == 0 { b"\x0a\x01a\x12\x01b".to_vec() } else { bytes };
                        prost::encoding::encode_varint(text.len() as u64, &mut field);
                        field.extend(text);
                    }
                    5 => field.extend(&number.to_le_bytes()[..4]),
                    _ => field.extend(bytes),
                }
                field
            },
        );
        proptest::collection::vec(field, 0..6).prop_map(|fields| fields.concat())
    }

    fn read<'a, T: View<'a>>(bytes: &'a [u8]) -> Option<T> {
        let mut view = T::default();
        view.merge(bytes).ok().map(|()| view)
    }

    /// Whether there is a group anywhere, which prost passes over and nobody may send.
    fn has_group(bytes: &[u8]) -> bool {
        let mut fields = Fields(bytes);
        loop {
            let at = fields.0;
            match fields.next() {
                Ok(None) => return false,
                Ok(Some((_, Value::Bytes(inner)))) if has_group(inner) => return true,
                Ok(Some(_)) => {}
                Err(Broken) => {
                    let mut at = Fields(at);
                    return at.varint().is_ok_and(|key| matches!(key & 7, 3 | 4));
                }
            }
        }
    }

    fn eid(identity: Option<v1::Identity>) -> String {
        identity.unwrap_or_default().eid
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 4_000 }))]

        #[test]
        fn messages_are_read_as_the_generated_code_reads_them(bytes in soup()) {
            match (read::<Message<'_>>(&bytes), v1::Message::decode(bytes.as_slice())) {
                (Some(it), Ok(plain)) => {
                    prop_assert_eq!(
                        (it.id, it.signal_id, it.conversation, it.payload),
                        (&*plain.id, &*plain.signal_id, &*plain.conversation, &*plain.payload)
                    );
                    prop_assert_eq!(
                        (it.kind, it.timestamp, it.status, it.content_kind),
                        (plain.r#type, plain.timestamp, plain.status, plain.kind)
                    );
                    prop_assert_eq!(
                        (it.encryption_type, it.encrypted, it.signature),
                        (&*plain.encryption_type, &*plain.encrypted, &*plain.signature)
                    );
                    prop_assert_eq!((it.from.eid, it.to.eid), (&*eid(plain.from), &*eid(plain.to)));
                }
                (None, Err(_)) => {}
                (None, Ok(_)) => prop_assert!(has_group(&bytes)),
                (Some(it), Err(error)) => prop_assert!(false, "{:?}: {}", it, error),
            }
        }

        #[test]
        fn signals_are_read_as_the_generated_code_reads_them(bytes in soup()) {
            match (read::<Signal<'_>>(&bytes), v1::Signal::decode(bytes.as_slice())) {
                (Some(it), Ok(plain)) => {
                    prop_assert_eq!((it.id, it.user_offset, it.signal_id), (&*plain.id, &*plain.user_offset, &*plain.signal_id));
                    prop_assert_eq!((it.status, it.kind), (plain.status, plain.r#type));
                    prop_assert_eq!(it.from.eid, &*eid(plain.from));
                }
                (None, Err(_)) => {}
                (None, Ok(_)) => prop_assert!(has_group(&bytes)),
                (Some(it), Err(error)) => prop_assert!(false, "{:?}: {}", it, error),
            }
        }
    }
}
