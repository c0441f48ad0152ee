//! Whether the other side is still there: when to ask, when to stop waiting, and how often it takes.

use bimip_proto::Now;

use super::io::Config;

/// Answers in a row after which it is tried to ask less often.
const TRIED: u32 = 8;

/// Asks after a silence, of either side: the server wants to hear of the client, and the client of the server. A
/// question that is not answered in time means that the connection is dead, whatever the network says.
///
/// How often is learned. Middle boxes forget quiet connections after a time that nobody tells: a question that found
/// a dead connection halves the interval, and a row of answers makes it a quarter longer, up to what the server
/// allows.
#[derive(Debug)]
pub(super) struct Heartbeat {
    min_ms: u64,
    max_ms: u64,
    patience_ms: u64,
    every_ms: u64,
    heard_mono_ms: u64,
    spoke_mono_ms: u64,
    asked_mono_ms: Option<u64>,
    answers: u32,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Beat {
    /// Nothing is due.
    Quiet,
    /// Ask for a sign of life.
    Ask,
    /// Nobody answered.
    Dead,
}

impl Heartbeat {
    pub(super) const fn new(config: &Config, now: Now) -> Self {
        Self {
            min_ms: config.heartbeat_min_ms,
            max_ms: config.heartbeat_max_ms,
            patience_ms: config.patience_ms,
            every_ms: config.heartbeat_max_ms,
            heard_mono_ms: now.mono_ms,
            spoke_mono_ms: now.mono_ms,
            asked_mono_ms: None,
            answers: 0,
        }
    }

    /// A connection is up. What was learned about the way stays.
    pub(super) fn begin(&mut self, now: Now, allowed_ms: Option<u64>) {
        self.max_ms = allowed_ms.unwrap_or(self.max_ms).max(1);
        self.every_ms = self.every_ms.min(self.max_ms);
        (self.heard_mono_ms, self.spoke_mono_ms) = (now.mono_ms, now.mono_ms);
        (self.asked_mono_ms, self.answers) = (None, 0);
    }

    pub(super) fn heard(&mut self, now: Now) {
        self.heard_mono_ms = now.mono_ms;
        if self.asked_mono_ms.take().is_some() {
            self.answers += 1;
            if self.answers >= TRIED {
                self.answers = 0;
                self.every_ms = (self.every_ms + self.every_ms / 4).min(self.max_ms);
            }
        }
    }

    pub(super) const fn spoke(&mut self, now: Now) {
        self.spoke_mono_ms = now.mono_ms;
    }

    pub(super) fn due(&self) -> u64 {
        match self.asked_mono_ms {
            Some(asked) => asked + self.patience_ms,
            None => self.heard_mono_ms.min(self.spoke_mono_ms) + self.every_ms,
        }
    }

    pub(super) fn beat(&mut self, now: Now) -> Beat {
        if now.mono_ms < self.due() {
            return Beat::Quiet;
        }
        if self.asked_mono_ms.take().is_some() {
            let floor = self.min_ms.min(self.max_ms);
            self.every_ms = (self.every_ms / 2).max(floor);
            return Beat::Dead;
        }
        self.asked_mono_ms = Some(now.mono_ms);
        Beat::Ask
    }
}

#[cfg(test)]
mod tests {
    use bimip_proto::{Device, DeviceName, UserId};

    use super::*;

    fn at(mono_ms: u64) -> Now {
        Now { mono_ms, unix_ms: 0 }
    }

    fn begun() -> Heartbeat {
        let device = Device::new(UserId::new("a").unwrap(), DeviceName::new("1").unwrap());
        let mut heartbeat = Heartbeat::new(&Config::new(device), at(0));
        heartbeat.begin(at(0), Some(40_000));
        heartbeat
    }

    #[test]
    fn silence_of_either_side_is_ended_by_a_question() {
        let mut it = begun();
        it.heard(at(30_000));
        assert_eq!(it.beat(at(39_999)), Beat::Quiet);
        assert_eq!(it.beat(at(40_000)), Beat::Ask, "the server has not heard of us");
        it.spoke(at(40_000));
        it.heard(at(40_001));
        it.spoke(at(79_000));
        assert_eq!(it.due(), 80_001, "we have not heard of the server");
        assert_eq!(it.beat(at(80_001)), Beat::Ask);
    }

    // CL-LIVE-1, CL-LIVE-2
    #[test]
    fn a_question_without_answer_is_the_end_and_makes_the_next_ones_come_sooner() {
        let mut it = begun();
        for every_ms in [40_000, 20_000, 10_000, 10_000] {
            it.begin(at(0), Some(40_000));
            assert_eq!(it.due(), every_ms);
            assert_eq!(it.beat(at(every_ms)), Beat::Ask);
            assert_eq!(it.beat(at(every_ms + 9_999)), Beat::Quiet);
            assert_eq!(it.beat(at(every_ms + 10_000)), Beat::Dead);
        }
    }

    // CL-LIVE-2
    #[test]
    fn each_eight_answers_make_it_a_quarter_slower() {
        let mut it = begun();
        it.every_ms = 20_000;
        for every_ms in [20_000, 25_000, 31_250, 39_062, 40_000] {
            for _ in 0..TRIED {
                let now = it.heard_mono_ms + every_ms;
                assert_eq!(it.due(), now);
                assert_eq!(it.beat(at(now)), Beat::Ask);
                it.spoke(at(now));
                it.heard(at(now));
            }
        }
    }

    // CL-LIVE-2
    #[test]
    fn answers_in_a_row_make_it_slower_again_up_to_what_the_server_allows() {
        let mut it = begun();
        it.every_ms = 20_000;
        let mut now = 0;
        let mut slowest = 0;
        for _ in 0..40 {
            now = it.due();
            assert_eq!(it.beat(at(now)), Beat::Ask);
            it.spoke(at(now));
            it.heard(at(now));
            slowest = it.due() - now;
        }
        assert_eq!(slowest, 40_000);
        it.begin(at(now), Some(5_000));
        assert_eq!(it.due(), now + 5_000, "a server that wants to hear of us more often is obeyed");
    }
}
