//! What the binary is told on its command line.

mod jwt;
mod time;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bimip_server::VoicePingSessions;
use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use self::jwt::{Jwt, Token};
pub(crate) use self::time::millis;
use crate::account::{self, AccountCommand};
use crate::store::StoreCommand;

/// A messaging server: VoicePing (msgpack) on `/`, bimip.v1 (protobuf) on `/bimip`, over WebSocket; bimip.v1 over raw
/// TCP.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Flags {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Box<Serve>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the server (what it does without a command, too).
    #[command(after_help = EXAMPLES)]
    Serve(Box<Serve>),
    /// Prints a token that lets a user in, signed with the server's key. The server may be running, or not be there
    /// yet.
    #[command(after_help = TOKEN_EXAMPLES)]
    Token(Token),
    /// Looks after the files of a store, while no server runs on them.
    #[command(subcommand)]
    Store(StoreCommand),
    /// Looks after accounts, for `--auth accounts`; the server may be running.
    #[command(subcommand, after_help = account::EXAMPLES)]
    Account(AccountCommand),
}

const EXAMPLES: &str = "\
Examples:
  bimip-server
      For this machine only, on http://127.0.0.1:8080 (and :8083), messages in ./bimip-data.
  bimip-server --listen 127.0.0.1:0 --storage memory
      On a free port, which is printed; messages are gone when it ends.
  bimip-server --listen 0.0.0.0:8080 --insecure-open --data /var/lib/bimip
      For a trusted network: whoever connects is whoever they say they are.
  bimip-server --listen 0.0.0.0:8080 --auth jwt --data /var/lib/bimip
      Who brings a token of `bimip-server token --data /var/lib/bimip --user ann` comes in as ann.
  bimip-server --listen 0.0.0.0:8080 --auth accounts --data /var/lib/bimip
      Who has an account (`bimip-server account add --user ann`) gets tokens at /api/v1/auth/login.
  bimip-server --voiceping-replay talk
      Who comes back hears the talks they missed.
  bimip-server --auth jwt --jwt-hs256-key secret.txt
      For VoicePing apps whose backend signs tokens with the text in secret.txt.
  bimip-server --auth jwt --jwt-rs256-key 2026=issuer.pem --jwt-issuer https://accounts.example
      For tokens of an issuer who keeps the private key. This server cannot renew them.
  bimip-server --auth jwt --jwt-max-life 1h --jwt-refresh-for 7d
      Tokens of at most an hour, which clients may have renewed for a week after their user signed in.

When it is ready it prints one line, `listening on http://ADDRESS:PORT tcp ADDRESS:PORT`. Everything else goes to
stderr; RUST_LOG=debug says more. It stops in good order on SIGINT and SIGTERM.";

const TOKEN_EXAMPLES: &str = "\
Examples:
  bimip-server token --user ann
      For ann on any device, for 24 hours, with the key in ./bimip-data.
  bimip-server token --data /var/lib/bimip --user ann --device phone --ttl 1h --groups sales,drivers
      For ann's phone alone, for an hour, in two groups.
  websocat -b -H \"token: $(bimip-server token --user ann)\" -H 'device_id: phone' ws://127.0.0.1:8080/bimip

Only the token goes to stdout. Whoever has it is that user until it ends, or is revoked; while it is good, a server with the
same key makes newer ones of it, for as long as its --jwt-refresh-for says.";

/// How to serve.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen for HTTP and WebSocket; may be given several times. Port 0 takes a free one. 127.0.0.1:8080 when
    /// nothing is said, and 127.0.0.1:8083 too if that is free.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Where to listen for bimip.v1 over raw TCP, or `off`. 127.0.0.1:8081 if that is free.
    #[arg(long, value_name = "ADDR:PORT|off", value_parser = tcp)]
    pub(crate) tcp: Option<Tcp>,
    /// Where messages are kept.
    #[arg(long, value_enum, default_value_t = Store::Embedded)]
    pub(crate) storage: Store,
    /// The directory of the embedded store, and of the sound of talks; made if it does not exist.
    #[arg(long, value_name = "DIR", default_value = "./bimip-data")]
    pub(crate) data: PathBuf,
    /// Refuse messages while less than this is free on the disk of `--data`; 0 takes them until a write fails.
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    pub(crate) min_free_mib: u32,
    /// How tokens are checked.
    #[arg(long, value_enum, default_value_t = Auth::Open)]
    pub(crate) auth: Auth,
    /// Let anybody make an account (`--auth accounts`); whoever has a name gets the messages that are under it.
    #[arg(long)]
    pub(crate) open_registration: bool,
    /// Allow `--auth open` on an address that others can reach.
    #[arg(long)]
    pub(crate) insecure_open: bool,
    /// What becomes of the VoicePing connections that a user has already when another one comes.
    #[arg(long, value_enum, default_value_t = Sessions::Replace)]
    pub(crate) voiceping_sessions: Sessions,
    /// Who may make and join groups.
    #[arg(long, value_enum, default_value_t = Groups::Open)]
    pub(crate) groups: Groups,
    /// The longest that one talk lasts; then the server ends it.
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = time::parse)]
    pub(crate) max_talk: Duration,
    /// The silence of a talker after which another member of the group may take the floor.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = time::parse)]
    pub(crate) floor_idle: Duration,
    /// The silence after which a VoicePing connection is ended, and its user offline.
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = time::parse)]
    pub(crate) voiceping_idle: Duration,
    /// The same of bimip.v1.
    #[arg(long, value_name = "TIME", default_value = "240s", value_parser = time::parse)]
    pub(crate) bimip_idle: Duration,
    /// The same of the deployed protobuf layout.
    #[arg(long, value_name = "TIME", default_value = "240s", value_parser = time::parse)]
    pub(crate) deployed_idle: Duration,
    /// What a VoicePing client gets of a talk that it missed.
    #[arg(long, value_enum, default_value_t = Missed::Stop)]
    pub(crate) voiceping_replay: Missed,
    /// The origin of pages in browsers that may ask over HTTP and open web sockets, such as https://chat.example; may be
    /// given several times. Any where it is not given.
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// How many requests of HTTP one user may make in a second; 0 for as many as come.
    #[arg(long, value_name = "NUMBER", default_value_t = 100)]
    pub(crate) call_rate: u32,
    /// How many of them at once.
    #[arg(long, value_name = "NUMBER", default_value_t = 200)]
    pub(crate) call_burst: u32,
    #[command(flatten)]
    pub(crate) jwt: Jwt,
}

/// What a VoicePing client gets of a talk that it missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Missed {
    /// Its end: id and duration, and the app fetches the sound from `/files/audio/` if it wants it.
    Stop,
    /// The whole talk: start, sound and end, as if it were said now.
    Talk,
}

/// Where messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    /// In files of the directory `--data`.
    Embedded,
    /// In memory: gone when the server ends.
    Memory,
}

/// How tokens are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Auth {
    /// Not at all: the token is the user id.
    Open,
    /// A signed token (JWT) says who it is.
    Jwt,
    /// As `jwt`, for tokens that this server itself gives to who knows the password of an account.
    Accounts,
}

/// Who may make and join groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Groups {
    /// Anybody: joining a group that does not exist makes it.
    Open,
    /// Those whose token names the group.
    Managed,
}

/// What becomes of the VoicePing connections that a user has already when another one comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sessions {
    /// The new one takes their place.
    Replace,
    /// Each device has its own.
    Multi,
}

impl From<Sessions> for VoicePingSessions {
    fn from(sessions: Sessions) -> Self {
        match sessions {
            Sessions::Replace => Self::Replace,
            Sessions::Multi => Self::Multi,
        }
    }
}

/// Where to listen for raw TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tcp {
    Off,
    On(SocketAddr),
}

fn tcp(text: &str) -> Result<Tcp, String> {
    if text.is_empty() || text == "off" {
        return Ok(Tcp::Off);
    }
    text.parse().map(Tcp::On).map_err(|error| format!("{error}; give ADDR:PORT or `off`"))
}

impl Flags {
    pub(crate) fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

impl Serve {
    /// Flags that are right one by one and wrong together, with what to do about it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.auth == Auth::Open && self.jwt.is_given() {
            return Err(
                "keys were given, and --auth open lets everybody in without one; add --auth jwt".to_owned()
            );
        }
        if self.auth == Auth::Accounts && self.jwt.is_given() {
            return Err(
                "--auth accounts signs and checks tokens with the server's own key; give no others, or --auth jwt"
                    .to_owned(),
            );
        }
        if self.auth != Auth::Accounts && self.open_registration {
            return Err("--open-registration is for accounts; add --auth accounts".to_owned());
        }
        let tcp = if let Some(Tcp::On(address)) = &self.tcp { Some(address) } else { None };
        let reachable = self.listen.iter().chain(tcp).find(|address| !address.ip().is_loopback());
        match (self.auth, reachable) {
            (Auth::Open, Some(address)) if !self.insecure_open => Err(format!(
                "--auth open lets everybody in as whoever they say they are, and {address} can be reached from \
                 other machines; listen on 127.0.0.1 instead, or add --insecure-open if that is what you want"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn serve(flags: &[&str]) -> Serve {
        match Flags::parse_from(flags).command() {
            Command::Serve(serve) => *serve,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_flags_make_sense() {
        <Flags as CommandFactory>::command().debug_assert();
        assert!(serve(&["bimip-server"]).listen.is_empty(), "then where it listens is not asked for");
        let flags = ["bimip-server", "serve", "--listen", "127.0.0.1:0", "--listen", "[::1]:0"];
        assert_eq!(serve(&flags).listen.len(), 2);
        for off in ["off", ""] {
            assert_eq!(serve(&["bimip-server", "--tcp", off]).tcp, Some(Tcp::Off));
        }
        let token =
            Flags::parse_from(["bimip-server", "token", "--user", "ann", "--groups", "a,b"]).command();
        assert!(matches!(token, Command::Token(_)));
    }

    // SI-OPEN-1
    #[test]
    fn open_sign_in_stays_on_this_machine() {
        let check = |flags: &[&str]| serve(flags).check();
        assert!(check(&["bimip-server", "--listen", "0.0.0.0:1"]).unwrap_err().contains("--insecure-open"));
        assert!(check(&["bimip-server", "--listen", "0.0.0.0:1", "--insecure-open"]).is_ok());
        assert!(check(&["bimip-server", "--listen", "[::1]:1"]).is_ok());
        assert!(check(&["bimip-server", "--tcp", "0.0.0.0:1"]).is_err());
        assert!(check(&["bimip-server", "--tcp", "0.0.0.0:1", "--auth", "jwt"]).is_ok());
        assert!(check(&["bimip-server", "--jwt-hs256-key", "x"]).unwrap_err().contains("--auth jwt"));
    }

    // SI-ACC-1, SI-ACC-2
    #[test]
    fn accounts_have_a_key_of_their_own_and_are_open_to_nobody_unless_told() {
        let check = |flags: &[&str]| serve(flags).check();
        assert!(check(&["bimip-server", "--auth", "accounts", "--listen", "0.0.0.0:1"]).is_ok());
        assert!(!serve(&["bimip-server", "--auth", "accounts"]).open_registration);
        assert!(check(&["bimip-server", "--open-registration"]).unwrap_err().contains("--auth accounts"));
        assert!(check(&["bimip-server", "--auth", "accounts", "--jwt-hs256-key", "x"]).is_err());
    }
}
