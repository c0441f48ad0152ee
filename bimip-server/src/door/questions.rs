//! The questions whether everything has arrived, as web socket pings.

use std::collections::VecDeque;

use bimip_proto::UserId;
use bytes::Bytes;

/// The most that a control frame holds (RFC 6455, 5.5).
const PAYLOAD_BYTES: usize = 125;
/// Questions without an answer: one about rows, and signs of life, of which a silent connection is asked for one.
/// Somebody who speaks and answers nothing is not asked for more.
const UNANSWERED: usize = 8;

/// How the questions of a connection are written and their answers read.
#[derive(Debug)]
pub(super) enum Questions {
    /// A ping carries its number.
    Numbered,
    /// VP-PING-2: every ping carries the same words, so the numbers are kept here. Boxed, since there is one for each
    /// idle connection.
    Worded(Box<Worded>),
}

#[derive(Debug)]
pub(super) struct Worded {
    words: Bytes,
    /// In the order they were asked. An answer is to the first of them: a transport that answers only the last of
    /// several pings makes the others wait for the next, and proves nothing too early.
    unanswered: VecDeque<u64>,
}

impl Questions {
    /// `voiceping:<user id>`, as long as it may be.
    pub(super) fn voiceping(user: &UserId) -> Self {
        let words = format!("voiceping:{user}");
        let whole = |end: &usize| words.is_char_boundary(*end);
        let end = (0..=words.len().min(PAYLOAD_BYTES)).rev().find(whole).unwrap_or_default();
        let words = Bytes::copy_from_slice(&words.as_bytes()[..end]);
        Self::Worded(Box::new(Worded { words, unanswered: VecDeque::new() }))
    }

    /// What the ping with this number carries; `None` when there is no need for one.
    pub(super) fn ask(&mut self, number: u64) -> Option<Bytes> {
        match self {
            Self::Numbered => Some(Bytes::copy_from_slice(&number.to_be_bytes())),
            Self::Worded(worded) => {
                if number == 0 && worded.unanswered.len() >= UNANSWERED {
                    return None;
                }
                worded.unanswered.push_back(number);
                Some(worded.words.clone())
            }
        }
    }

    /// The number that a pong answers; `None` for one that answers nothing.
    pub(super) fn answered(&mut self, pong: &[u8]) -> Option<u64> {
        match self {
            Self::Numbered => <[u8; 8]>::try_from(pong).ok().map(u64::from_be_bytes),
            Self::Worded(worded) if *pong == *worded.words => worded.unanswered.pop_front(),
            Self::Worded(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // VP-PING-2, MISSION V10.
    #[test]
    fn words_are_answered_in_their_order() {
        let mut questions = Questions::voiceping(&UserId::new("acme_bob").unwrap());
        assert_eq!(questions.answered(b"voiceping:acme_bob"), None, "nothing was asked");
        assert_eq!(questions.ask(7).unwrap(), "voiceping:acme_bob");
        assert_eq!(questions.ask(0).unwrap(), "voiceping:acme_bob");
        for wrong in [&b""[..], b"voiceping:acme_bo", b"voiceping:acme_bobb", &7_u64.to_be_bytes()] {
            assert_eq!(questions.answered(wrong), None);
        }
        assert_eq!(questions.answered(b"voiceping:acme_bob"), Some(7));
        // A second answer is to the second question, and proves no more than that.
        assert_eq!(questions.ask(8).unwrap(), "voiceping:acme_bob");
        let answers = [(); 3].map(|()| questions.answered(b"voiceping:acme_bob"));
        assert_eq!(answers, [Some(0), Some(8), None]);
    }

    #[test]
    fn words_fit_and_questions_are_bounded() {
        let user = UserId::new(&"é".repeat(100)).unwrap();
        let mut questions = Questions::voiceping(&user);
        let words = questions.ask(1).unwrap();
        assert!(words.len() == PAYLOAD_BYTES - 1 && std::str::from_utf8(&words).is_ok(), "{}", words.len());
        let asked = (0..99).filter(|_| questions.ask(0).is_some()).count();
        assert_eq!(asked, UNANSWERED - 1);
        assert!(questions.ask(2).is_some(), "rows are always asked about");
    }

    #[test]
    fn numbers_come_back() {
        let mut questions = Questions::Numbered;
        let ping = questions.ask(1 << 40).unwrap();
        assert_eq!(questions.answered(&ping), Some(1 << 40));
        assert_eq!(questions.answered(b"there?"), None);
    }
}
