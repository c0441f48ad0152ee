//! The programs that are measured: child processes that say where they listen.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::args::{Args, Storage};
use crate::machine::{self, Usage};

/// Until a child says that it listens.
const STARTS_IN: Duration = Duration::from_secs(20);
/// Until a child that was asked to end is ended.
const ENDS_IN: Duration = Duration::from_secs(15);
const LISTENING: &str = "listening on http://";

/// What to start.
#[derive(Debug)]
pub(super) struct Program {
    server: PathBuf,
    storage: Storage,
    data_root: PathBuf,
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Takes frames and passes them on. What the sockets and the generator cost.
    Relay,
    /// The same, after a grouped fdatasync. What the disk costs on top.
    SyncedRelay,
    Server,
}

impl Kind {
    /// What keeps nothing has one floor.
    pub(super) const LIVE: [Self; 2] = [Self::Relay, Self::Server];
    /// What is on the disk before it is acknowledged has two.
    pub(super) const DURABLE: [Self; 3] = [Self::Relay, Self::SyncedRelay, Self::Server];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::SyncedRelay => "relay + fdatasync",
            Self::Server => "bimip-server",
        }
    }
}

/// A child that runs. It ends with this value, and its data with it.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    address: SocketAddr,
    data: Option<PathBuf>,
}

impl Program {
    /// Builds the server, unless there is one already that is to be measured.
    pub(super) fn prepare(args: &Args) -> Result<Self, String> {
        let target = machine::target_dir()?;
        let server = match &args.server {
            Some(server) => server.clone(),
            None => {
                build()?;
                target.join("release").join("bimip-server")
            }
        };
        if !server.is_file() {
            return Err(format!("there is no server at {}; give its path with --server", server.display()));
        }
        let data_root = target.join("bench-data");
        fs::create_dir_all(&data_root)
            .map_err(|error| format!("cannot make {}: {error}", data_root.display()))?;
        Ok(Self { server, storage: args.storage, data_root })
    }

    pub(super) fn data_root(&self) -> &Path {
        &self.data_root
    }

    pub(super) fn start(&self, kind: Kind) -> Result<Running, String> {
        match kind {
            Kind::Relay => self.relay(None),
            Kind::SyncedRelay => self.relay(Some(self.data()?)),
            Kind::Server => self.server(self.data()?),
        }
    }

    /// Ends the server in good order, and starts it again with what it keeps.
    pub(super) fn restart(&self, mut running: Running) -> Result<Running, String> {
        running.end()?;
        match running.data.take() {
            Some(data) => self.server(data),
            None => Err("what keeps nothing cannot be started again".to_owned()),
        }
    }

    /// A directory for what a child writes, with a log of its stderr.
    fn data(&self) -> Result<PathBuf, String> {
        let data = self.data_root.join(format!("{}-{}", std::process::id(), super::clock::ns()));
        fs::create_dir_all(&data).map_err(|error| format!("cannot make {}: {error}", data.display()))?;
        Ok(data)
    }

    fn relay(&self, data: Option<PathBuf>) -> Result<Running, String> {
        let exe =
            std::env::current_exe().map_err(|error| format!("this program cannot find itself: {error}"))?;
        let mut command = Command::new(exe);
        // It ends when its stdin does, so it cannot outlive this process.
        command.arg("relay").stdin(Stdio::piped());
        if let Some(data) = &data {
            command.arg("--log").arg(data.join("log"));
        }
        started(command, data)
    }

    fn server(&self, data: PathBuf) -> Result<Running, String> {
        let log = data.join("stderr.log");
        let log =
            fs::File::create(&log).map_err(|error| format!("cannot make {}: {error}", log.display()))?;
        let mut command = Command::new(&self.server);
        command.args(["--listen", "127.0.0.1:0", "--tcp", "off", "--auth", "open"]);
        command.args(["--storage", self.storage.name(), "--data"]);
        command.arg(data.join("store")).env("RUST_LOG", "warn").stdin(Stdio::null()).stderr(log);
        started(command, Some(data))
    }
}

/// A server that is older than its source would be measured for nothing.
fn build() -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "-p", "bimip-server", "--bin", "bimip-server"]);
    if let Some(here) = std::env::var_os("CARGO_MANIFEST_DIR") {
        command.current_dir(here);
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("bimip-server does not build; the lines above say why".to_owned()),
        Err(error) => Err(format!("cargo cannot be run: {error}; give a built server with --server PATH")),
    }
}

fn started(mut command: Command, data: Option<PathBuf>) -> Result<Running, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
    // From here on it is ended whatever happens.
    let mut running = Running { child, address: SocketAddr::from(([0, 0, 0, 0], 0)), data };
    let Some(stdout) = running.child.stdout.take() else { return Err(format!("{name} has no stdout")) };
    let (said, hears) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Later lines are read so that the child does not wait, and nobody listens.
            let _ = said.send(line);
        }
    });
    let line = hears.recv_timeout(STARTS_IN).map_err(|error| {
        let what = match error {
            RecvTimeoutError::Disconnected => "ended without saying where it listens".to_owned(),
            RecvTimeoutError::Timeout => {
                format!("did not say where it listens within {} s", STARTS_IN.as_secs())
            }
        };
        format!("{name} {what}{}", running.last_words())
    })?;
    let address = line.strip_prefix(LISTENING).and_then(|address| address.split(' ').next()?.parse().ok());
    running.address = address.ok_or_else(|| format!("{name} said `{line}` instead of where it listens"))?;
    Ok(running)
}

impl Running {
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn usage(&self) -> Usage {
        Usage::of(self.child.id())
    }

    /// What it wrote to stderr, if it did.
    fn last_words(&self) -> String {
        let log = self.data.as_ref().and_then(|data| fs::read_to_string(data.join("stderr.log")).ok());
        let log = log.unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = &lines[lines.len().saturating_sub(5)..];
        if last.is_empty() { String::new() } else { format!("; its last words:\n  {}", last.join("\n  ")) }
    }

    /// Where it keeps what it keeps.
    pub(super) fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Ends it in good order. What it warned about is an error: such a run proves nothing.
    pub(super) fn stop(mut self) -> Result<(), String> {
        self.end()
    }

    fn end(&mut self) -> Result<(), String> {
        drop(self.child.stdin.take());
        machine::terminate(&self.child);
        let until = Instant::now() + ENDS_IN;
        loop {
            match self.child.try_wait() {
                Ok(Some(_)) => break,
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
                _ => {
                    return Err(format!(
                        "a child did not end within {} s{}",
                        ENDS_IN.as_secs(),
                        self.last_words()
                    ));
                }
            }
        }
        let words = self.last_words();
        if words.is_empty() { Ok(()) } else { Err(format!("the server complained{words}")) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(data) = &self.data {
            let _ = fs::remove_dir_all(data);
        }
    }
}
