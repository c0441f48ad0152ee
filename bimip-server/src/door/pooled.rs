//! A socket without buffers of its own: it borrows one while there is something in it.
//!
//! Most connections are idle most of the time. Those of a thread share one buffer for reading and one for writing; a
//! connection that cannot empty its buffer at once keeps it, and the thread makes another when it needs one. So
//! buffers can be large, which spares system calls, and an idle connection has none.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One read of the socket: a full window of small messages.
const READ_BYTES: usize = 16 * 1024;
/// What is gathered before a write, beyond its last frame.
const WRITE_BYTES: usize = 16 * 1024;
/// A write buffer that one large frame made larger is not kept.
const SPARE_BYTES: usize = 2 * WRITE_BYTES;

thread_local! {
    static SPARE_INPUT: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
    static SPARE_OUTPUT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

#[derive(Debug)]
pub(super) struct Pooled<S> {
    socket: S,
    /// Read and not taken.
    input: Option<Input>,
    /// To be written: `output[written..]`.
    output: Vec<u8>,
    written: usize,
}

#[derive(Debug)]
struct Input {
    bytes: Box<[u8]>,
    taken: usize,
    filled: usize,
}

impl<S> Pooled<S> {
    pub(super) const fn new(socket: S) -> Self {
        Self { socket, input: None, output: Vec::new(), written: 0 }
    }

    /// Where to put what is to be written. It is flushed, or followed by [`poll_room`](Self::poll_room), before more
    /// than a frame is put there.
    pub(super) fn output(&mut self) -> &mut Vec<u8> {
        if self.output.capacity() == 0 {
            // A thread that is ending has no spare one.
            self.output = SPARE_OUTPUT.try_with(Cell::take).unwrap_or_default();
        }
        &mut self.output
    }

    fn give_back_input(bytes: Box<[u8]>) {
        let _ = SPARE_INPUT.try_with(|spare| spare.set(Some(bytes)));
    }

    fn give_back_output(&mut self) {
        self.output.clear();
        self.written = 0;
        let output = std::mem::take(&mut self.output);
        if output.capacity() <= SPARE_BYTES {
            let _ = SPARE_OUTPUT.try_with(|spare| spare.set(output));
        }
    }
}

impl<S: AsyncWrite + Unpin> Pooled<S> {
    /// Until there is room for another frame.
    pub(super) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.len() - self.written < WRITE_BYTES { Poll::Ready(Ok(())) } else { self.poll_drain(cx) }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.output.len() {
            let rest = &self.output[self.written..];
            match ready!(Pin::new(&mut self.socket).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
        }
        if self.output.capacity() > 0 {
            self.give_back_output();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Pooled<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut input = match this.input.take() {
            Some(input) => input,
            None => {
                let spare = SPARE_INPUT.try_with(Cell::take).ok().flatten();
                let mut bytes = spare.unwrap_or_else(|| vec![0; READ_BYTES].into());
                let mut room = ReadBuf::new(&mut bytes);
                let read = Pin::new(&mut this.socket).poll_read(cx, &mut room);
                let filled = room.filled().len();
                if filled == 0 {
                    // Nothing yet, the end, or an error.
                    Self::give_back_input(bytes);
                    return read;
                }
                Input { bytes, taken: 0, filled }
            }
        };
        let count = into.remaining().min(input.filled - input.taken);
        into.put_slice(&input.bytes[input.taken..][..count]);
        input.taken += count;
        if input.taken == input.filled {
            Self::give_back_input(input.bytes);
        } else {
            this.input = Some(input);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Pooled<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_room(cx))?;
        this.output().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_drain(cx))?;
        Pin::new(&mut this.socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn holds<S>(pooled: &Pooled<S>) -> (bool, usize) {
        (pooled.input.is_some(), pooled.output.capacity())
    }

    #[tokio::test]
    async fn an_idle_connection_holds_no_buffer() {
        let (near, mut far) = duplex(READ_BYTES);
        let mut pooled = Pooled::new(near);
        assert!(pooled.read_u8().now_or_never().is_none(), "nothing was sent");
        assert_eq!(holds(&pooled), (false, 0));

        far.write_all(b"abc").await.unwrap();
        assert_eq!(pooled.read_u8().await.unwrap(), b'a');
        assert_eq!(holds(&pooled), (true, 0), "two bytes were not taken");
        let mut rest = [0; 8];
        assert_eq!(pooled.read(&mut rest).await.unwrap(), 2);
        assert_eq!((&rest[..2], holds(&pooled)), (&b"bc"[..], (false, 0)));

        pooled.write_all(b"defg").await.unwrap();
        assert!(holds(&pooled).1 > 0, "nothing is written before a flush");
        pooled.flush().await.unwrap();
        assert_eq!(holds(&pooled), (false, 0));
        far.read_exact(&mut rest[..4]).await.unwrap();
        assert_eq!(&rest[..4], b"defg");
    }

    #[tokio::test]
    async fn connections_of_a_thread_share_a_buffer() {
        let spare = || {
            let spare = SPARE_INPUT.take();
            let at = spare.as_ref().map(|bytes| bytes.as_ptr());
            SPARE_INPUT.set(spare);
            at
        };
        let (near, mut far) = duplex(64);
        let (mut one, mut other) = (Pooled::new(near), Pooled::new(duplex(64).0));
        assert_eq!(other.read(&mut [0]).await.unwrap(), 0, "the other end is gone");
        let shared = spare();
        assert!(shared.is_some());
        far.write_all(b"ab").await.unwrap();
        assert_eq!(one.read_u8().await.unwrap(), b'a');
        assert_eq!(spare(), None, "lent");
        assert_eq!(one.read_u8().await.unwrap(), b'b');
        assert_eq!(spare(), shared);
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_stops_the_writer() {
        let (near, mut far) = duplex(1024);
        let mut pooled = Pooled::new(near);
        let piece = vec![7; WRITE_BYTES];
        pooled.write_all(&piece).await.unwrap();
        assert!(pooled.write_all(&piece).now_or_never().is_none(), "no room");
        assert!(pooled.flush().now_or_never().is_none());
        let all = async {
            pooled.flush().await.unwrap();
            holds(&pooled)
        };
        let mut got = vec![0; WRITE_BYTES];
        let (held, read) = tokio::join!(all, far.read_exact(&mut got));
        assert_eq!((held, read.unwrap(), got), ((false, 0), WRITE_BYTES, piece));
    }

    #[tokio::test]
    async fn a_buffer_that_grew_is_not_kept() {
        let (near, _far) = duplex(1024 * 1024);
        let mut pooled = Pooled::new(near);
        pooled.write_all(&vec![0; 10 * SPARE_BYTES]).await.unwrap();
        pooled.flush().await.unwrap();
        assert_eq!(holds(&pooled), (false, 0));
        assert!(SPARE_OUTPUT.take().capacity() <= SPARE_BYTES);
    }
}
