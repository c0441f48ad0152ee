//! Ogg Opus (RFC 7845), as much of it as a recorded talk needs.
//!
//! A packet is a piece of live audio as it came: what is relayed is opaque to the server, so it is kept opaque too, with
//! its borders. Where the pieces are Opus, as the clients of the field send them, any player plays the file.

use std::io::{self, Cursor, ErrorKind};

use bimip_proto::SoundName;
use bytes::Bytes;
use ogg::{OggReadError, PacketReader, PacketWriteEndInfo, PacketWriter};

/// Mono of 16 kHz, played without its first 6.5 ms, which are the encoder's own delay; all in the units of Opus files,
/// 48 kHz.
const HEAD: &[u8; 19] = b"OpusHead\x01\x01\x38\x01\x80\x3e\x00\x00\x00\x00\x00";
/// By `bimip`, and no comments.
const TAGS: &[u8; 21] = b"OpusTags\x05\x00\x00\x00bimip\x00\x00\x00\x00";
/// Samples of a page: about a second, so that a player can seek.
const PAGE_SAMPLES: u64 = 48_000;

/// The file with these packets.
pub(super) fn write<'p>(name: SoundName, packets: impl Iterator<Item = &'p [u8]>) -> io::Result<Vec<u8>> {
    // Any number does that is not always the same, so that files can be joined.
    let serial = u32::try_from(name.0 & u128::from(u32::MAX)).unwrap_or_default();
    let mut writer = PacketWriter::new(Vec::new());
    writer.write_packet(HEAD.as_slice(), serial, PacketWriteEndInfo::EndPage, 0)?;
    writer.write_packet(TAGS.as_slice(), serial, PacketWriteEndInfo::EndPage, 0)?;
    let (mut samples, mut page_ends) = (0, PAGE_SAMPLES);
    let mut packets = packets.peekable();
    while let Some(packet) = packets.next() {
        samples += packet_samples(packet);
        let end = if packets.peek().is_none() {
            PacketWriteEndInfo::EndStream
        } else if samples >= page_ends {
            page_ends = samples + PAGE_SAMPLES;
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        writer.write_packet(packet, serial, end, samples)?;
    }
    Ok(writer.into_inner())
}

/// The packets of a file that [`write`] made.
pub(super) fn read(file: &[u8]) -> io::Result<Vec<Bytes>> {
    let mut reader = PacketReader::new(Cursor::new(file));
    let mut packets = Vec::new();
    let mut ended = false;
    while let Some(packet) = reader.read_packet().map_err(broken)? {
        ended = packet.last_in_stream();
        packets.push(Bytes::from(packet.data));
    }
    let headers =
        matches!(&packets[..], [head, tags, ..] if head == &HEAD[..] && tags.starts_with(b"OpusTags"));
    if !ended || !headers {
        return Err(io::Error::new(ErrorKind::InvalidData, "a recording is not as it was written"));
    }
    packets.drain(..2);
    Ok(packets)
}

fn broken(error: OggReadError) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

/// How long a packet plays, at 48 kHz, by its first bytes (RFC 6716, 3.1 and 3.2). What is no Opus plays for no longer
/// than an Opus packet may.
fn packet_samples(packet: &[u8]) -> u64 {
    const MOST: u64 = 5_760;
    let Some(toc) = packet.first() else { return 0 };
    let frame = match (toc >> 3, toc >> 3 & 3) {
        (0..12, 3) => 2_880,
        (0..12, size) => 480 << size,
        (12..16, size) => 480 << (size & 1),
        (_, size) => 120 << size,
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(0, |count| u64::from(count & 0x3f)),
    };
    (frame * frames).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_says_how_long_it_plays() {
        // Configuration, frames of a packet, milliseconds: tables 2 and 3 of RFC 6716.
        let cases: [(u8, &[u8], u64); 10] = [
            (0, &[], 10),
            (1, &[], 20),
            (2, &[], 40),
            (11, &[], 60),
            (12, &[], 10),
            (15, &[], 20),
            (16, &[], 0),
            (19, &[], 20),
            (31, &[], 20),
            (9, &[], 20),
        ];
        for (config, rest, ms) in cases {
            let packet = [&[config << 3][..], rest].concat();
            let samples = if config == 16 { 120 } else { ms * 48 };
            assert_eq!(packet_samples(&packet), samples, "{config}");
        }
        assert_eq!(packet_samples(&[9 << 3 | 1]), 40 * 48);
        assert_eq!(packet_samples(&[9 << 3 | 3, 3]), 60 * 48);
        assert_eq!(packet_samples(&[11 << 3 | 3, 63]), 120 * 48, "no longer than may be");
        assert_eq!((packet_samples(&[]), packet_samples(&[0xff])), (0, 0));
    }

    #[test]
    fn a_file_is_what_players_expect() {
        let packet = [[9 << 3 | 1].as_slice(), &[7; 90]].concat();
        let packets: Vec<&[u8]> = vec![&packet; 100];
        let file = write(SoundName(0x1234_5678_9abc_def0), packets.iter().copied()).unwrap();
        assert_eq!(read(&file).unwrap(), packets);
        let pages: Vec<usize> = (0..file.len() - 4).filter(|at| &file[*at..*at + 4] == b"OggS").collect();
        assert_eq!(pages.len(), 2 + 4, "two headers, four seconds");
        let granule = |page: usize| u64::from_le_bytes(file[page + 6..page + 14].try_into().unwrap());
        assert_eq!(granule(pages[0]), 0);
        assert_eq!(granule(*pages.last().unwrap()), 100 * 40 * 48);
        assert_eq!(file[pages[0] + 5], 2, "the beginning");
        assert_eq!(file[*pages.last().unwrap() + 5], 4, "the end");
        assert_eq!(&file[pages[0] + 28..pages[0] + 36], b"OpusHead");
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let file = write(SoundName(1), [b"one".as_slice(), b"two"].into_iter()).unwrap();
        for len in 0..file.len() {
            assert!(read(&file[..len]).is_err(), "cut to {len}");
        }
        for at in 0..file.len() {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            assert!(read(&damaged).is_err(), "bit of byte {at}");
        }
        assert!(read(b"no ogg at all").is_err());
    }
}
