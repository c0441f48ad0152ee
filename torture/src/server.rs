//! The server as a child process.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Until it says that it listens. A store that needs longer is broken.
const STARTS_IN: Duration = Duration::from_secs(60);
/// Until a child that was killed, or has failed, is gone.
const ENDS_IN: Duration = Duration::from_secs(20);

/// What to start.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) server: PathBuf,
    /// Put before the server's own command line: a tracer that fakes what the system answers.
    pub(crate) wrapper: Vec<String>,
    /// Where its stderr goes.
    pub(crate) log: PathBuf,
}

/// A child that runs. It is killed with this value.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From its start until it said that it listens.
    pub(crate) opened_in: Duration,
}

impl Program {
    pub(crate) fn new(server: &Path, log: &Path) -> Self {
        Self { server: server.to_owned(), wrapper: Vec::new(), log: log.to_owned() }
    }

    /// Starts it without waiting for anything.
    pub(crate) fn spawn(&self, data: &Path) -> Result<Child, String> {
        let log: File = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .map_err(|error| format!("cannot write {}: {error}", self.log.display()))?;
        let mut words = self.wrapper.iter().map(Into::into).collect::<Vec<OsString>>();
        words.push(self.server.clone().into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.args(["--listen", "127.0.0.1:0", "--tcp", "off", "--auth", "open", "--storage", "embedded"]);
        // The disks here are small and are to be filled.
        command.args(["--min-free-mib", "0"]);
        command.arg("--data").arg(data).env("RUST_LOG", "warn");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        command.spawn().map_err(|error| format!("cannot start {}: {error}", words[0].display()))
    }

    /// Starts it and waits until it listens.
    pub(crate) fn start(&self, data: &Path) -> Result<Running, String> {
        let begin = Instant::now();
        let mut child = self.spawn(data)?;
        let stdout = child.stdout.take().ok_or("it has no stdout")?;
        let mut running =
            Running { child, address: SocketAddr::from(([0, 0, 0, 0], 0)), opened_in: Duration::ZERO };
        let (said, hears) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        let line = hears
            .recv_timeout(STARTS_IN)
            .map_err(|_| format!("the server does not start; its last words:\n{}", self.last_words()))?;
        running.opened_in = begin.elapsed();
        let address = line.strip_prefix("listening on http://").and_then(|it| it.parse().ok());
        running.address = address.ok_or_else(|| format!("the server said `{line}`"))?;
        Ok(running)
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

impl Running {
    /// SIGKILL. Returns when the process is gone.
    pub(crate) fn kill(mut self) -> Result<(), String> {
        self.child.kill().map_err(|error| format!("cannot kill the server: {error}"))?;
        self.wait().map(|_| ())
    }

    /// Waits until it ends by itself.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus, String> {
        wait(&mut self.child)
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGTERM, and a good end.
    pub(crate) fn stop(mut self) -> Result<(), String> {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status();
        killed.map_err(|error| format!("cannot run kill: {error}"))?;
        let status = self.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}")) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a child, but not for ever.
pub(crate) fn wait(child: &mut Child) -> Result<ExitStatus, String> {
    let until = Instant::now() + ENDS_IN;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) => return Err(format!("the server did not end within {} s", ENDS_IN.as_secs())),
            Err(error) => return Err(format!("cannot wait for the server: {error}")),
        }
    }
}
