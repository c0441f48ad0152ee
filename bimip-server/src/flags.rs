//! What the binary is told on its command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A messaging server: VoicePing (msgpack) on `/`, bimip.v1 (protobuf) on `/bimip`, over WebSocket.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub(crate) struct Flags {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the server (what it does without a command, too).
    #[command(after_help = EXAMPLES)]
    Serve(Serve),
}

const EXAMPLES: &str = "\
Examples:
  bimip-server
      For this machine only, on http://127.0.0.1:8080, messages in ./bimip-data.
  bimip-server --listen 127.0.0.1:0 --storage memory
      On a free port, which is printed; messages are gone when it ends.
  bimip-server --listen 0.0.0.0:8080 --insecure-open --data /var/lib/bimip
      For a trusted network: whoever connects is whoever they say they are.

When it is ready it prints one line, `listening on http://ADDRESS:PORT`. Everything else goes to stderr;
RUST_LOG=debug says more. It stops in good order on SIGINT and SIGTERM.";

/// How to serve.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen for HTTP and WebSocket; may be given several times. Port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: Vec<SocketAddr>,
    /// Where to listen for raw TCP, or `off`. Not served by this version yet.
    #[arg(long, value_name = "ADDR:PORT|off", default_value = "127.0.0.1:8081", value_parser = tcp)]
    pub(crate) tcp: Tcp,
    /// Where messages are kept.
    #[arg(long, value_enum, default_value_t = Store::Embedded)]
    pub(crate) storage: Store,
    /// The directory of the embedded store; made if it does not exist.
    #[arg(long, value_name = "DIR", default_value = "./bimip-data")]
    pub(crate) data: PathBuf,
    /// How tokens are checked.
    #[arg(long, value_enum, default_value_t = Auth::Open)]
    pub(crate) auth: Auth,
    /// Allow `--auth open` on an address that others can reach.
    #[arg(long)]
    pub(crate) insecure_open: bool,
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
}

/// Where to listen for raw TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tcp {
    Off,
    On(SocketAddr),
}

fn tcp(text: &str) -> Result<Tcp, String> {
    if text == "off" {
        return Ok(Tcp::Off);
    }
    text.parse().map(Tcp::On).map_err(|error| format!("{error}; give ADDR:PORT or `off`"))
}

impl Flags {
    pub(crate) fn serve(self) -> Serve {
        match self.command {
            Some(Command::Serve(serve)) => serve,
            None => self.serve,
        }
    }
}

impl Serve {
    /// Flags that are right one by one and wrong together, with what to do about it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let reachable = self.listen.iter().find(|address| !address.ip().is_loopback());
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

    #[test]
    fn the_flags_make_sense() {
        Flags::command().debug_assert();
        let flags = Flags::parse_from(["bimip-server"]).serve();
        assert_eq!(flags.listen, ["127.0.0.1:8080".parse().unwrap()]);
        let flags = ["bimip-server", "serve", "--listen", "127.0.0.1:0", "--listen", "[::1]:0"];
        assert_eq!(Flags::parse_from(flags).serve().listen.len(), 2);
    }

    #[test]
    fn open_sign_in_stays_on_this_machine() {
        let check = |flags: &[&str]| Flags::parse_from(flags).serve().check();
        assert!(check(&["bimip-server", "--listen", "0.0.0.0:1"]).unwrap_err().contains("--insecure-open"));
        assert!(check(&["bimip-server", "--listen", "0.0.0.0:1", "--insecure-open"]).is_ok());
        assert!(check(&["bimip-server", "--listen", "[::1]:1"]).is_ok());
    }
}
