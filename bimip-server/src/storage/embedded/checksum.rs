//! What makes a flipped bit loud: every value in the store ends with a checksum over itself and its key.
//!
//! The engine has checksums of its own for its files; these are for what happens above them, and for a value
//! that is whole but under another's key.

/// CRC-32C (Castagnoli), reflected: the polynomial of iSCSI, ext4 and RFC 3720.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Eight tables, so that eight bytes are one step.
static TABLES: [[u32; 256]; 8] = tables();

/// The bytes that a checksum takes at the end of a value.
const SUM_BYTES: usize = 4;

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0_u32; 256]; 8];
    let mut byte = 0_usize;
    let mut seed = 0_u32;
    while byte < 256 {
        let mut sum = seed;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        tables[0][byte] = sum;
        byte += 1;
        seed += 1;
    }
    let mut table = 1;
    while table < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[table - 1][byte];
            tables[table][byte] = (before >> 8) ^ tables[0][(before & 255) as usize];
            byte += 1;
        }
        table += 1;
    }
    tables
}

/// A sum over several parts.
#[derive(Debug, Clone, Copy)]
struct Crc32c(u32);

impl Crc32c {
    const fn new() -> Self {
        Self(u32::MAX)
    }

    fn with(self, bytes: &[u8]) -> Self {
        let mut sum = self.0;
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            let [a, b, c, d, e, f, g, h] = *word;
            let [a, b, c, d] = (sum ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
            sum = [a, b, c, d, e, f, g, h]
                .iter()
                .zip(TABLES.iter().rev())
                .fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)]);
        }
        for byte in rest {
            let [low, ..] = sum.to_le_bytes();
            sum = (sum >> 8) ^ TABLES[0][usize::from(low ^ byte)];
        }
        Self(sum)
    }

    const fn finish(self) -> u32 {
        !self.0
    }
}

fn sum(key: &[u8], value: &[u8]) -> [u8; SUM_BYTES] {
    Crc32c::new().with(key).with(value).finish().to_be_bytes()
}

/// Appends the checksum of a value that is to be stored under `key`.
pub(super) fn seal(key: &[u8], value: &mut Vec<u8>) {
    let sum = sum(key, value);
    value.extend_from_slice(&sum);
}

/// The value without its checksum; `None` when it is not what was stored under `key`.
pub(super) fn unseal<'v>(key: &[u8], sealed: &'v [u8]) -> Option<&'v [u8]> {
    let (value, stored) = sealed.split_last_chunk::<SUM_BYTES>()?;
    (*stored == sum(key, value)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_values() {
        assert_eq!(Crc32c::new().with(b"123456789").finish(), 0xe306_9283);
        assert_eq!(Crc32c::new().with(&[0; 32]).finish(), 0x8a91_36aa);
        assert_eq!(Crc32c::new().with(&[255; 32]).finish(), 0x62a8_ab43);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let bytes: Vec<u8> = (0..=99).collect();
        let whole = Crc32c::new().with(&bytes).finish();
        for at in 0..bytes.len() {
            assert_eq!(Crc32c::new().with(&bytes[..at]).with(&bytes[at..]).finish(), whole, "{at}");
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let key = [7_u8, 8, 9];
        let mut sealed = b"what was stored".to_vec();
        seal(&key, &mut sealed);
        assert_eq!(unseal(&key, &sealed), Some(b"what was stored".as_slice()));
        for bit in 0..sealed.len() * 8 {
            sealed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal(&key, &sealed), None, "bit {bit} of the value");
            sealed[bit / 8] ^= 1 << (bit % 8);
        }
        for bit in 0..key.len() * 8 {
            let mut other = key;
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal(&other, &sealed), None, "bit {bit} of the key");
        }
        assert_eq!(unseal(&key, &sealed[..3]), None);
    }
}
