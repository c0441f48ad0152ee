//! One client of the HTTP API that posts messages at a pace, over one connection that it keeps.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

use super::clock;
use super::frames::BODY_BYTES;
use super::pair::{Pace, Phase, Shared};
use crate::stats::Histogram;

/// Until an answer has to be there.
const PATIENCE: Duration = Duration::from_secs(30);
/// An answer is never so long.
const ANSWER_BYTES: usize = 16 * 1024;

#[derive(Debug)]
pub(super) struct Poster {
    pub(super) shared: Arc<Shared>,
    user: String,
    to: String,
    pace: Pace,
    socket: TcpStream,
    read: Vec<u8>,
}

/// What a poster found: times count from when a request is sent, and from when it was due where the answer before it came
/// later than that, so that what a slow answer holds up is not forgotten.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) answers: Histogram,
    pub(super) measured: u64,
    pub(super) stored: u64,
}

impl Poster {
    pub(super) async fn new(
        address: SocketAddr,
        index: u32,
        pace: Pace,
        shared: Arc<Shared>,
    ) -> Result<Self, String> {
        let socket = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
        socket.set_nodelay(true).map_err(|error| format!("no delay: {error}"))?;
        let (user, to) = (format!("bench_poster_{index:04}"), format!("bench_away_{index:04}"));
        Ok(Self { shared, user, to, pace, socket, read: Vec::with_capacity(ANSWER_BYTES) })
    }

    pub(super) async fn run(mut self) -> Result<Posted, String> {
        let mut posted = Posted { answers: Histogram::new(), measured: 0, stored: 0 };
        let body = "x".repeat(BODY_BYTES);
        let mut due_ns = self.pace.first_ns;
        while self.shared.phase() != Phase::Drain {
            let waits = clock::ns() < due_ns;
            sleep_until(clock::instant(due_ns)).await;
            // A timer of ours that fires late, by up to a millisecond, is no time of the server's; an answer is.
            let asked_ns = if waits { clock::ns() } else { due_ns };
            let phase = self.shared.phase();
            self.post(posted.stored, &body).await?;
            posted.stored += 1;
            if phase == Phase::Measure {
                posted.answers.add(clock::ns().saturating_sub(asked_ns));
                posted.measured += 1;
            }
            due_ns += self.pace.every_ns;
        }
        Ok(posted)
    }

    async fn post(&mut self, number: u64, content: &str) -> Result<(), String> {
        let Self { user, to, .. } = &self;
        let body = format!(r#"{{"to":"{to}","content":"{content}"}}"#);
        let request = format!(
            "POST /api/v1/messages HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {user}\r\n\
             Content-Type: application/json\r\nIdempotency-Key: {number}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let written = self.socket.write_all(request.as_bytes()).await;
        written.map_err(|error| format!("a request was not written: {error}"))?;
        let answer = timeout(PATIENCE, self.answer()).await;
        let status = answer.map_err(|_| format!("no answer within {} s", PATIENCE.as_secs()))??;
        if status == 201 { Ok(()) } else { Err(format!("a message was answered with {status}")) }
    }

    /// The status of the next answer, which is read to its end.
    async fn answer(&mut self) -> Result<u16, String> {
        self.read.clear();
        loop {
            if let Some((status, whole)) = parts(&self.read)? {
                if self.read.len() == whole {
                    return Ok(status);
                }
                if self.read.len() > whole {
                    return Err("more was answered than asked".to_owned());
                }
            }
            if self.read.len() > ANSWER_BYTES {
                return Err("an answer without an end".to_owned());
            }
            let read = self.socket.read_buf(&mut self.read).await;
            if read.map_err(|error| format!("an answer was not read: {error}"))? == 0 {
                return Err("the server closed the connection".to_owned());
            }
        }
    }
}

/// The status of an answer and its length in all, once its head is there.
fn parts(read: &[u8]) -> Result<Option<(u16, usize)>, String> {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&read[..end]).map_err(|_| "a head that is no text".to_owned())?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    match (status, length) {
        (Some(status), Some(length)) => Ok(Some((status, end + 4 + length))),
        _ => Err(format!("an answer that cannot be read: {head}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_it_says() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(parts(&answer[..20]), Ok(None));
        assert_eq!(parts(answer), Ok(Some((201, answer.len()))));
        assert!(parts(b"HTTP/1.1 201 Created\r\n\r\n").is_err());
    }
}
