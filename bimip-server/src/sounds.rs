//! Recordings: from the pieces of a talk to an object, and back to pieces.

mod opus;

use std::collections::HashMap;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use bimip_codec::voiceping;
use bimip_proto::SoundName;
use bimip_session::server::{Input, SoundAct, SoundId};
use bytes::Bytes;

use crate::objects::Objects;
use crate::post::Post;

/// Threads that store recordings. They wait for disks; the next talk to end must not wait behind a slow one.
const THREADS: usize = 4;

/// Where the sound of a talk is kept. In a folder for each first byte, since file systems mind folders with too many
/// files.
pub(crate) fn object(name: SoundName) -> String {
    format!("sounds/{:02x}/{name}.opus", name.0 >> 120)
}

/// The pieces of a recorded talk; as large as the core let the recording be.
///
/// # Errors
/// When it cannot be read, or is not as it was written.
pub(crate) fn pieces(objects: &dyn Objects, name: SoundName) -> io::Result<Vec<Bytes>> {
    opus::read(&objects.read(&object(name), 0, usize::MAX)?)
}

/// The node's end: recordings that run.
///
/// They are copies, one after the other in a buffer for each talk: a piece is part of what was read from a socket, and
/// must not keep all of it alive. The core bounds how much there is.
#[derive(Debug)]
pub(crate) struct Sounds {
    running: HashMap<SoundId, Pieces>,
    ended: Sender<(SoundId, Pieces)>,
}

impl Sounds {
    /// Carries out what the core wants.
    pub(crate) fn act(&mut self, sound: SoundId, act: SoundAct) {
        match act {
            SoundAct::Piece(payload) => {
                let pieces = self.running.entry(sound).or_default();
                if let Some(piece) = voiceping::sound(&payload) {
                    pieces.push(piece);
                }
            }
            SoundAct::Keep => {
                let pieces = self.running.remove(&sound).unwrap_or_default();
                if self.ended.send((sound, pieces)).is_err() {
                    // The core waits for it only so long.
                    tracing::error!("no thread is left that stores recordings");
                }
            }
            SoundAct::Drop => {
                self.running.remove(&sound);
            }
        }
    }
}

/// Pieces of sound, each after its length.
#[derive(Debug, Default)]
struct Pieces(Vec<u8>);

impl Pieces {
    fn push(&mut self, piece: &[u8]) {
        // Longer ones are not relayed either.
        if let Ok(len) = u16::try_from(piece.len()) {
            self.0.extend_from_slice(&len.to_le_bytes());
            self.0.extend_from_slice(piece);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (len, after) = rest.split_first_chunk()?;
            let (piece, after) = after.split_at_checked(u16::from_le_bytes(*len).into())?;
            rest = after;
            Some(piece)
        })
    }
}

/// Starts the threads. They end when the node's end is dropped and everything is stored.
pub(crate) fn spawn(objects: &Arc<dyn Objects>, post: &Post) -> io::Result<(Sounds, Vec<JoinHandle<()>>)> {
    let (ended, waiting) = channel();
    let waiting = Arc::new(Mutex::new(waiting));
    let mut threads = Vec::with_capacity(THREADS);
    for number in 1..=THREADS {
        let (objects, waiting, post) = (Arc::clone(objects), Arc::clone(&waiting), post.clone());
        let name = format!("bimip-sound-{number}");
        threads.push(thread::Builder::new().name(name).spawn(move || run(&*objects, &waiting, &post))?);
    }
    Ok((Sounds { running: HashMap::new(), ended }, threads))
}

fn run(objects: &dyn Objects, waiting: &Mutex<Receiver<(SoundId, Pieces)>>, post: &Post) {
    while let Some((sound, pieces)) = next(waiting) {
        let kept = keep(objects, &pieces);
        if let Err(error) = &kept {
            tracing::error!(%error, "the sound of a talk could not be stored; the talk is kept without it");
        }
        post.send_blocking(vec![Input::Kept(sound, kept.unwrap_or_default())]);
    }
}

/// One thread waits in the queue, the others for their turn to wait.
fn next(waiting: &Mutex<Receiver<(SoundId, Pieces)>>) -> Option<(SoundId, Pieces)> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// The name, if there is any sound.
fn keep(objects: &dyn Objects, pieces: &Pieces) -> io::Result<Option<SoundName>> {
    if pieces.0.is_empty() {
        return Ok(None);
    }
    let mut name = [0; 16];
    getrandom::fill(&mut name).map_err(io::Error::other)?;
    let name = SoundName(u128::from_be_bytes(name));
    objects.put(&object(name), &opus::write(name, pieces.iter())?)?;
    Ok(Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::MemoryObjects;

    #[test]
    fn pieces_come_back_as_they_were() {
        let mut pieces = Pieces::default();
        let long = vec![9; 4096];
        let said: [&[u8]; 4] = [b"one", b"\x00", &long, b"four"];
        said.into_iter().for_each(|piece| pieces.push(piece));
        let objects = MemoryObjects::new();
        let name = keep(&objects, &pieces).unwrap().unwrap();
        assert_eq!(super::pieces(&objects, name).unwrap(), said);
        assert_eq!(keep(&objects, &Pieces::default()).unwrap(), None);
        assert_eq!(super::pieces(&objects, SoundName(1)).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(object(SoundName(0xab << 120)), format!("sounds/ab/ab{:030}.opus", 0));
    }
}
