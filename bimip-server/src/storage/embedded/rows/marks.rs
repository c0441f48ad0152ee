//! What users said about messages, and when.
//!
//! ```text
//! marks = bits [delivered read]
//! ```
//!
//! Four bits in a byte, and two times: 0 where it is not known. Up to format 5 there were no times; a row without them is as
//! one in which neither is known. They are part of the row, and not a row beside it: a mark costs one write, as before.

use bimip_proto::{Marks, Status, UnixMs};
use bimip_session::ledger::Marked;
use fjall::Readable;

use super::{CHECKSUM, Rows, SHAPE};
use crate::storage::StorageError;
use crate::storage::embedded::checksum::unseal;
use crate::storage::embedded::engine::damaged;
use crate::storage::embedded::fields::{Fields, Garbage, put_u64};
use crate::storage::embedded::keys;
use crate::storage::embedded::names::UserNo;

/// All bits of a user's marks.
const BITS: u8 = 15;

impl Rows<'_> {
    /// What a user said about the message of a log record.
    pub(in super::super) fn marked(&self, sequence: u64, user: UserNo) -> Result<Marked, StorageError> {
        let key = keys::marks(sequence, user);
        let Some(sealed) = self.snapshot.get(&self.engine.small, key)? else { return Ok(Marked::default()) };
        let place = || format!("the marks of user {} on log record {sequence}", user.0);
        let value = unseal(&key, &sealed).ok_or_else(|| damaged(place(), CHECKSUM))?;
        marked(value).map_err(|_| damaged(place(), SHAPE))
    }
}

/// Appends what was said.
pub(in super::super) fn put_marked(value: &mut Vec<u8>, marked: Marked) {
    let Marked { marks, delivered_at, read_at } = marked;
    value.push(marks.bits());
    if delivered_at.or(read_at).is_some() {
        put_u64(value, delivered_at.map_or(0, |at| at.0));
        put_u64(value, read_at.map_or(0, |at| at.0));
    }
}

/// Reads what [`put_marked`] wrote.
pub(in super::super) fn marked(value: &[u8]) -> Result<Marked, Garbage> {
    let mut fields = Fields::new(value);
    let bits = fields.u8()?;
    if bits & !BITS != 0 {
        return Err(Garbage);
    }
    let mut marked = Marked { marks: Marks::from_bits(bits), ..Marked::default() };
    if fields.left() > 0 {
        let mut time = |status| match fields.u64()? {
            0 => Ok(None),
            // What was not said was said at no time.
            _ if !marked.marks.has(status) => Err(Garbage),
            at => Ok(Some(UnixMs(at))),
        };
        (marked.delivered_at, marked.read_at) = (time(Status::Delivered)?, time(Status::Read)?);
        if marked.delivered_at.or(marked.read_at).is_none() {
            return Err(Garbage);
        }
    }
    fields.end()?;
    Ok(marked)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Marks = Marks::NONE.with(Status::Read);

    fn written(marked: Marked) -> Vec<u8> {
        let mut value = Vec::new();
        put_marked(&mut value, marked);
        value
    }

    #[test]
    fn marks_are_stored_and_so_never_change() {
        let delivered_at = Some(UnixMs(258));
        assert_eq!(
            written(Marked { marks: READ, delivered_at, read_at: None }),
            b"\x03\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\0"
        );
        assert_eq!(written(Marked { marks: READ, ..Marked::default() }), [3], "as older formats wrote it");
    }

    #[test]
    fn what_was_stored_is_read_back_and_nothing_else() {
        let marks = READ.with(Status::Played);
        for (delivered_at, read_at) in [
            (None, None),
            (Some(UnixMs(1)), None),
            (None, Some(UnixMs(2))),
            (Some(UnixMs(1)), Some(UnixMs(2))),
        ] {
            let expected = Marked { marks, delivered_at, read_at };
            let mut value = written(expected);
            assert_eq!(marked(&value), Ok(expected));
            for cut in (0..value.len()).filter(|cut| *cut != 1) {
                assert_eq!(marked(&value[..cut]), Err(Garbage), "cut at {cut}");
            }
            value.push(0);
            assert_eq!(marked(&value), Err(Garbage), "something is left over");
        }
        assert_eq!(marked(&[16]), Err(Garbage), "an unknown bit");
        assert_eq!(marked(&[&[3], &[0; 16][..]].concat()), Err(Garbage), "times that are none");
        let delivered = Marks::NONE.with(Status::Delivered);
        let read_at = Some(UnixMs(2));
        let early = Marked { marks: delivered, delivered_at: None, read_at };
        assert_eq!(marked(&written(early)), Err(Garbage), "read at some time, and not read");
    }
}
