//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

pub(crate) const USAGE: &str = "\
Measures the codecs, the core and the server.

usage: cargo xtask bench [COMMAND] [OPTIONS]

commands
  codec          decode and encode of each kind of frame, against plain serde, plain prost and memcpy
  core           one message through the core and the ledger, without sockets and storage
  load [WHAT]    the server binary under load, against a relay that keeps nothing; WHAT is one of
                   s1     pairs of sender and receiver, as fast as the window lets them (the default)
                   s1b    the same pairs at a fixed rate: latency
                   s2     messages for readers who are away, and what they do when they come
                   s3     one sender and a group of many connected members
                   s4     memory of idle connections
                   s5     live voice: latency
                   slow   readers who keep up, beside readers who hardly read or not at all
                   rest   messages by HTTP, alone and beside a load on web sockets
                   history   pages of what is stored, out of millions of messages, alone and asked by many at once
                   large  a message to groups of 1 000 to 100 000 members, of whom few are connected
                   all    all of these
  all            everything (the default)

options
  --seconds N       how long a load is measured, warm-up excluded     [10; s5: 15; large: 20; slow, history: 5]
  --warm-up N       seconds of load before that                       [2]
  --rounds N        how often each measurement is repeated            [load 3, slow 2, large and history 1, codec 15, core 7]
  --pairs N         pairs of sender and receiver in s1 and s1b        [64]
  --window N        messages in flight for each sender                [32]
  --rate N          messages a second in s1b, and on web sockets in rest  [2000]
  --requests N      requests a second in rest                         [1000]
  --members N       connected members of the group in s3 and large    [500]
  --receipts no     members of s3 do not say what was delivered to them  [yes]
  --readers N       in s2 those who are away; in slow those who keep up, and the slow ones; in history those who
                    ask at once                                       [200]
  --messages N      messages stored in s2 and history                 [s2: 100000; history: 2000000]
  --largest N       members of the largest group in large             [100000]
  --talkers N       private talks in s5                               [50]
  --connections N   web sockets in rest; idle ones in s4, then five times as many  [1000]
  --storage KIND    what the server keeps messages in: embedded, or memory to see what that costs  [embedded]
  --server PATH     measure this binary instead of building bimip-server
  --date TEXT       a date for the report, which has none by itself
  --help            this text

The report is also written to the target directory: bench-report.md with its tables, bench-report.svg with its
plots, bench-report.json with every number for other programs. The exit code is 1 when a check failed (an
allocation or a time over a hard limit, a message lost, doubled or out of order), and 2 when the command line is
wrong. Goals that are missed are shown and change nothing.

examples
  cargo xtask bench codec
  cargo xtask bench load s1 --seconds 60 --rounds 1
  cargo xtask bench load s3 --members 500 --seconds 60
  cargo xtask bench load s4 --connections 200
  cargo xtask bench all --date 2030-01-31";

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Codec,
    Core,
    Load(Scenario),
    /// Only for this program itself: the relay that the server is compared with.
    Relay,
    All,
}

/// Which load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    S1,
    S1b,
    S2,
    S3,
    S4,
    S5,
    Slow,
    Rest,
    History,
    Large,
    All,
}

/// What the server keeps messages in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Files. An answer means that the message is on the disk.
    Embedded,
    /// Nothing that lasts.
    Memory,
}

impl Storage {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Memory => "memory",
        }
    }
}

impl FromStr for Storage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Embedded, Self::Memory].into_iter().find(|storage| storage.name() == text);
        known.ok_or_else(|| format!("`{text}` is not a storage: embedded, memory"))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Args {
    pub(crate) command: Command,
    seconds: Option<u64>,
    pub(crate) warm_up: Duration,
    rounds: Option<usize>,
    pub(crate) pairs: u32,
    pub(crate) window: u64,
    pub(crate) rate: u64,
    pub(crate) requests: u64,
    pub(crate) members: u32,
    /// Members of S3 say what was delivered to them.
    pub(crate) receipts: bool,
    /// Readers in S2, `slow` and `history`.
    pub(crate) readers: u32,
    messages: Option<u64>,
    pub(crate) largest: u32,
    pub(crate) talkers: u32,
    pub(crate) connections: u32,
    pub(crate) storage: Storage,
    pub(crate) server: Option<PathBuf>,
    pub(crate) date: Option<String>,
    /// Only for the relay: sync to this file before anything is acknowledged.
    pub(crate) log: Option<PathBuf>,
}

impl Args {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            command: Command::All,
            seconds: None,
            warm_up: Duration::from_secs(2),
            rounds: None,
            pairs: 64,
            window: 32,
            rate: 2_000,
            requests: 1_000,
            members: 500,
            receipts: true,
            readers: 200,
            messages: None,
            largest: 100_000,
            talkers: 50,
            connections: 1_000,
            storage: Storage::Embedded,
            server: None,
            date: None,
            log: None,
        };
        let mut words = words.peekable();
        let mut commanded = false;
        while let Some(word) = words.next() {
            if word == "--help" || word == "-h" || word == "help" {
                return Ok(Self { command: Command::Help, ..args });
            }
            if let Some(option) = word.strip_prefix("--") {
                let value = words.next().ok_or_else(|| format!("--{option} needs a value"))?;
                args.set(option, &value)?;
                continue;
            }
            if std::mem::replace(&mut commanded, true) {
                return Err(format!("`{word}` is one command too many"));
            }
            args.command = match word.as_str() {
                "codec" => Command::Codec,
                "core" => Command::Core,
                "relay" => Command::Relay,
                "all" => Command::All,
                "load" => match words.next_if(|next| !next.starts_with('-')) {
                    Some(scenario) => Command::Load(scenario.parse()?),
                    None => Command::Load(Scenario::S1),
                },
                _ => return Err(format!("`{word}` is not a command")),
            };
        }
        Ok(args)
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), String> {
        match option {
            "seconds" => self.seconds = Some(number(option, value, 1)?),
            "warm-up" => self.warm_up = Duration::from_secs(number(option, value, 0)?),
            "rounds" => self.rounds = Some(number(option, value, 1)?),
            "pairs" => self.pairs = number(option, value, 1)?,
            "window" => self.window = number(option, value, 1)?,
            "rate" => self.rate = number(option, value, 1)?,
            "requests" => self.requests = number(option, value, 1)?,
            "members" => self.members = number(option, value, 1)?,
            "receipts" => {
                self.receipts = match value {
                    "yes" => true,
                    "no" => false,
                    _ => return Err(format!("--receipts takes yes or no, not `{value}`")),
                }
            }
            "readers" => self.readers = number(option, value, 1)?,
            "messages" => self.messages = Some(number(option, value, 1)?),
            "largest" => self.largest = number(option, value, 1)?,
            "talkers" => self.talkers = number(option, value, 1)?,
            "connections" => self.connections = number(option, value, 2)?,
            "storage" => self.storage = value.parse()?,
            "server" => self.server = Some(value.into()),
            "log" => self.log = Some(value.into()),
            "date" => self.date = Some(value.to_owned()),
            _ => return Err(format!("--{option} is not an option")),
        }
        Ok(())
    }

    pub(crate) fn seconds_or(&self, default: u64) -> Duration {
        Duration::from_secs(self.seconds.unwrap_or(default))
    }

    pub(crate) fn messages_or(&self, default: u64) -> u64 {
        self.messages.unwrap_or(default)
    }

    pub(crate) fn rounds_or(&self, default: usize) -> usize {
        self.rounds.unwrap_or(default)
    }
}

fn number<N: FromStr + PartialOrd + From<u8>>(option: &str, value: &str, least: u8) -> Result<N, String> {
    let number = value.parse().ok().filter(|number| *number >= N::from(least));
    number.ok_or_else(|| format!("--{option} takes a number from {least} up, not `{value}`"))
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "s1" => Self::S1,
            "s1b" => Self::S1b,
            "s2" => Self::S2,
            "s3" => Self::S3,
            "s4" => Self::S4,
            "s5" => Self::S5,
            "slow" => Self::Slow,
            "rest" => Self::Rest,
            "history" => Self::History,
            "large" => Self::Large,
            "all" => Self::All,
            _ => {
                let known = "s1, s1b, s2, s3, s4, s5, slow, rest, history, large, all";
                return Err(format!("`{text}` is not a load: {known}"));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        Args::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn commands_and_options_in_any_order() {
        let args = parse("load s1b --seconds 60 --rounds 1 --pairs 8").unwrap();
        assert_eq!(args.command, Command::Load(Scenario::S1b));
        assert_eq!((args.seconds_or(10), args.rounds_or(3), args.pairs), (Duration::from_secs(60), 1, 8));
        assert_eq!(parse("load --window 4").unwrap().command, Command::Load(Scenario::S1));
        assert_eq!(parse("--window 4 codec").unwrap().command, Command::Codec);
        assert_eq!(parse("load slow --readers 7 --rounds 1").unwrap().readers, 7);
        assert_eq!(parse("load history --messages 9").unwrap().messages_or(1), 9);
        assert!(!parse("load s3 --receipts no").unwrap().receipts);
        assert_eq!(parse("").unwrap().command, Command::All);
        assert_eq!(parse("load --help").unwrap().command, Command::Help);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for line in [
            "laod",
            "load s9",
            "--pairs 0",
            "--pairs x",
            "--seconds",
            "--colour red",
            "--storage x",
            "--receipts perhaps",
            "codec core",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
