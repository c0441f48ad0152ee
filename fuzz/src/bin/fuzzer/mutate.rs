//! The next input: one that is known, changed a little.

use bimip_session::sim::Rng;

/// Bytes that mean something in msgpack, protobuf or JSON.
const TELLING: [u8; 20] = [
    0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x91, 0x95, 0x96, 0xa0, 0xc0, 0xc4, 0xcf, 0xd4, 0xd7, 0xdb, 0xdd,
    0xdf, 0xfe, 0xff,
];
/// Pieces that chance does not find.
const PIECES: [&[u8]; 22] = [
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02",
    b"\x7f\xff\xff\xff",
    b"\xd4\x00\x00",
    b"\xd7\x00\x00\x00\x01\x9a\x9f\xd4\x10\x00",
    b"\xc6\xff\xff\xff\xff",
    b"\x0a\x00\x0a\x00\x0a\x00",
    b"{\"message_id\":\"",
    b"\"text\":\"",
    b"\\u006d\\ud83d",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    b"1_17_",
    b"_1763652000000.txt",
    b"_1200ms.opus",
    b"d:a:b",
    b"g:team",
    b"%2F",
    b"00000000000000000g00",
    b"18446744073709551615",
];

/// Puts the next input into `bytes`.
pub(crate) fn next(rng: &mut Rng, corpus: &[Vec<u8>], max_bytes: usize, bytes: &mut Vec<u8>) {
    // New ones are changed more often: what they found is the least known.
    let recent = corpus.len().min(64);
    let at = if rng.chance(40) { corpus.len() - recent + rng.index(recent) } else { rng.index(corpus.len()) };
    bytes.clear();
    bytes.extend_from_slice(&corpus[at]);
    for _ in 0..1 << rng.between(0, 4) {
        change(rng, corpus, bytes);
    }
    bytes.truncate(max_bytes);
}

fn change(rng: &mut Rng, corpus: &[Vec<u8>], bytes: &mut Vec<u8>) {
    let at = rng.index(bytes.len() + 1);
    let inside = at < bytes.len();
    match rng.between(0, 12) {
        0 if inside => bytes[at] ^= 1 << rng.between(0, 7),
        1 if inside => bytes[at] = rng.word().to_le_bytes()[0],
        2 if inside => bytes[at] = TELLING[rng.index(TELLING.len())],
        3 if inside => bytes[at] = bytes[at].wrapping_add_signed([-16, -2, -1, 1, 2, 16][rng.index(6)]),
        4 => bytes.insert(at, rng.word().to_le_bytes()[0]),
        5 => bytes.insert(at, TELLING[rng.index(TELLING.len())]),
        6 if inside => {
            let end = bytes.len().min(at + 1 + rng.index(16));
            bytes.drain(at..end);
        }
        7 => {
            let piece = PIECES[rng.index(PIECES.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        8 => {
            // A part of itself again.
            let end = bytes.len().min(at + 1 + rng.index(32));
            let part = bytes[at..end].to_vec();
            let to = rng.index(bytes.len() + 1);
            bytes.splice(to..to, part);
        }
        9 => {
            // A part of another, in between or instead.
            let other = &corpus[rng.index(corpus.len())];
            let from = rng.index(other.len() + 1);
            let end = other.len().min(from + 1 + rng.index(64));
            let until = if rng.chance(50) { bytes.len().min(at + end - from) } else { at };
            bytes.splice(at..until, other[from..end].iter().copied());
        }
        10 => {
            // The beginning of one and the end of another.
            let other = &corpus[rng.index(corpus.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[rng.index(other.len() + 1)..]);
        }
        11 if rng.chance(20) => bytes.truncate(at),
        _ if inside => {
            // A length that is wrong by a little or by much, in the widths that lengths have.
            let word = rng.word() >> rng.between(0, 63);
            let width = [1, 2, 4, 8][rng.index(4)].min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&word.to_be_bytes()[8 - width..]);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_change_and_stay_short() {
        let corpus = vec![Vec::new(), b"seed".to_vec(), vec![7; 100]];
        let (mut rng, mut bytes, mut changed) = (Rng::new(1), Vec::new(), 0);
        for _ in 0..10_000 {
            next(&mut rng, &corpus, 120, &mut bytes);
            assert!(bytes.len() <= 120);
            changed += u32::from(!corpus.contains(&bytes));
        }
        assert!(changed > 8_000, "{changed}");
    }

    #[test]
    fn a_seed_makes_the_same_inputs_again() {
        let corpus = vec![b"seed".to_vec()];
        let inputs = |seed| {
            let (mut rng, mut bytes) = (Rng::new(seed), Vec::new());
            let mut inputs = Vec::new();
            for _ in 0..100 {
                next(&mut rng, &corpus, 64, &mut bytes);
                inputs.push(bytes.clone());
            }
            inputs
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
    }
}
