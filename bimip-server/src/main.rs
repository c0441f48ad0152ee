//! The binary: flags, a store, listeners, signals. Everything else is the library.

mod account;
mod flags;
mod store;

use std::io::{IsTerminal as _, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bimip_proto::limits;
use bimip_server::accounts::{Accounts, FolderAccounts};
use bimip_server::jwt::own_secret;
use bimip_server::objects::FolderObjects;
use bimip_server::storage::embedded::{EmbeddedStorage, Options};
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Authenticator, Builder, Config, Dialect, Missing, OpenAuth, Rate, Server, Silence};
use clap::Parser;
use clap::error::ErrorKind;
use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;
use tracing_subscriber::EnvFilter;

use crate::flags::{Auth, Command, Flags, Groups, Missed, Serve, Store, Tcp, Token, millis};

/// Where HTTP is served when nothing is said about it.
const HTTP: SocketAddr = local(8080);
/// And where besides, if that is free: where clients of services behind a gateway look for messages themselves.
const BESIDES: SocketAddr = local(8083);
/// Where raw TCP is served when nothing is said about it.
const TCP: SocketAddr = local(8081);

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn main() -> ExitCode {
    // Exits with code 2 and a usage text when the flags are wrong.
    let command = Flags::parse().command();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Colours are for people: in a file or a journal they would be noise.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr).init();
    match command {
        Command::Serve(serve) => serve_until_told(&serve),
        Command::Token(token) => print_token(&token),
        Command::Store(command) => command.run(),
        Command::Account(command) => command.run(),
    }
}

fn print_token(token: &Token) -> ExitCode {
    let printed = token.make().and_then(|token| {
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{token}").map_err(|error| format!("the token cannot be printed: {error}"))
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn serve_until_told(serve: &Serve) -> ExitCode {
    if let Err(error) = serve.check() {
        <Flags as clap::CommandFactory>::command().error(ErrorKind::ArgumentConflict, error).exit();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no threads to run on: {error}")),
    };
    let ended = runtime.block_on(run(serve));
    // Everything was waited for that is worth it.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended::Wrong(error)) => fail(&error),
        Err(Ended::StoreFailed) => {
            let data = serve.data.display();
            tracing::error!(
                "the store in {data} failed: see above for the reason, make room on the disk or look after it, and \
                 start the server again (a supervisor may: this is exit code 2). What was acknowledged is safe, and \
                 `bimip-server store verify --data {data}` reads all of it"
            );
            ExitCode::from(STORE_FAILED)
        }
    }
}

/// The folder in the data directory that holds what messages name.
const OBJECTS: &str = "objects";

/// The folder in the data directory that holds accounts.
const ACCOUNTS: &str = "accounts";

/// How long after its greatest length a talk is forgotten that nobody ended.
const TALK_GRACE_MS: u64 = limits::TALK_FORGOTTEN_MS - limits::TALK_MS;

/// How long a server whose store failed goes on refusing in words, so that clients learn of it.
const REFUSE_FOR: Duration = Duration::from_secs(2);

/// The exit code then: a supervisor that starts the server again does the right thing.
const STORE_FAILED: u8 = 2;

/// Why the server is not there any more.
enum Ended {
    /// Something else, in words and with what to do.
    Wrong(String),
    /// The store takes nothing until it is opened again.
    StoreFailed,
}

impl From<String> for Ended {
    fn from(error: String) -> Self {
        Self::Wrong(error)
    }
}

fn fail(error: &str) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}

/// Serves until a signal comes; returns when everything is in order, or with what is wrong and what to do.
async fn run(serve: &Serve) -> Result<(), Ended> {
    // Before anything is announced: who reads the line may send a signal at once.
    let mut stop = Stop::new().map_err(|error| format!("signals cannot be listened to: {error}"))?;
    let listeners = bind_http(&serve.listen).await?;
    let tcp = bind_tcp(serve.tcp).await?;
    let server = start(serve)?;
    let line =
        line(&listeners, tcp.as_ref()).map_err(|error| format!("a listener has no address: {error}"))?;
    for listener in listeners {
        keep_serving(server.clone().serve_http(listener));
    }
    if let Some(listener) = tcp {
        keep_serving(server.clone().serve_tcp(listener, Dialect::Scheme));
    }
    announce(&line);
    let failed = tokio::select! {
        signal = stop.wait() => {
            tracing::info!(signal, "shutting down");
            false
        }
        () = server.failed() => true,
    };
    if failed {
        tracing::error!("shutting down in {} s: until then commands are refused", REFUSE_FOR.as_secs());
        let _ = timeout(REFUSE_FOR, stop.wait()).await;
    }
    server.shutdown().await;
    // The store may have failed on the way.
    let failed = failed || server.failed().now_or_never().is_some();
    match server.close_error() {
        _ if failed => Err(Ended::StoreFailed),
        Some(error) => Err(Ended::Wrong(format!("the store could not be closed in order: {error}"))),
        None => Ok(()),
    }
}

fn keep_serving(served: impl Future<Output = std::io::Result<()>> + Send + 'static) {
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::error!(%error, "a listener has failed");
        }
    });
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| {
        format!("cannot listen on {address}: {error}; stop what uses it, or give another {flag} (port 0 finds a free one)")
    })
}

async fn bind_http(asked: &[SocketAddr]) -> Result<Vec<TcpListener>, String> {
    let mut listeners = Vec::with_capacity(asked.len().max(2));
    for address in if asked.is_empty() { &[HTTP] } else { asked } {
        listeners.push(bind(*address, "--listen").await?);
    }
    if asked.is_empty() {
        match TcpListener::bind(BESIDES).await {
            Ok(listener) => listeners.push(listener),
            Err(error) => tracing::info!(address = %BESIDES, %error, "not listening there, too"),
        }
    }
    Ok(listeners)
}

/// Nobody has asked for the default port, so a second server on this machine does without it.
async fn bind_tcp(tcp: Option<Tcp>) -> Result<Option<TcpListener>, String> {
    match tcp {
        Some(Tcp::Off) => Ok(None),
        Some(Tcp::On(address)) => bind(address, "--tcp").await.map(Some),
        None => match TcpListener::bind(TCP).await {
            Ok(listener) => Ok(Some(listener)),
            Err(error) => {
                tracing::warn!(address = %TCP, %error, "no raw TCP; give another --tcp, or `--tcp off`");
                Ok(None)
            }
        },
    }
}

fn start(serve: &Serve) -> Result<Server, String> {
    let mut config = Config::default();
    config.voiceping_sessions = serve.voiceping_sessions.into();
    config.core.open_groups = serve.groups == Groups::Open;
    config.core.floor_idle_ms = millis(serve.floor_idle);
    config.core.talk_ms = millis(serve.max_talk);
    // As long after it as the defaults are.
    config.core.talk_forgotten_ms = config.core.talk_ms.saturating_add(TALK_GRACE_MS);
    config.silences.voiceping = Silence::of(millis(serve.voiceping_idle));
    config.silences.bimip = Silence::of(millis(serve.bimip_idle));
    config.silences.deployed = Silence::of(millis(serve.deployed_idle));
    config.origins.clone_from(&serve.allow_origin);
    config.call_rate = Rate { per_second: serve.call_rate, burst: serve.call_burst };
    config.core.replay_talks = serve.voiceping_replay == Missed::Talk;
    let builder = Server::builder().config(config);
    match serve.auth {
        Auth::Open => store(serve, builder.authenticate(OpenAuth)),
        Auth::Jwt => store(serve, builder.authenticate(serve.jwt.authenticator(&serve.data)?)),
        Auth::Accounts => {
            let accounts = accounts(serve)?;
            let doors = accounts.authenticator().map_err(|error| error.to_string())?;
            store(serve, builder.accounts(&accounts).authenticate(doors))
        }
    }
}

/// The accounts in the data directory, whose tokens are signed with the server's own key.
fn accounts(serve: &Serve) -> Result<Arc<Accounts>, String> {
    let secret = own_secret(&serve.data).map_err(|error| format!("no key to sign with: {error}"))?;
    let path = serve.data.join(ACCOUNTS);
    let folder = FolderAccounts::open(&path)
        .map_err(|error| format!("cannot open the accounts in {}: {error}", path.display()))?;
    let accounts = Accounts::new(folder, secret, serve.jwt.policy());
    let accounts = accounts.map_err(|error| error.to_string())?;
    Ok(Arc::new(accounts.open_registration(serve.open_registration)))
}

fn store(serve: &Serve, builder: Builder<Missing, impl Authenticator>) -> Result<Server, String> {
    let started = match serve.storage {
        Store::Memory => builder.storage(MemoryStorage::new()).start(),
        Store::Embedded => {
            let data = &serve.data;
            let mut options = Options::default();
            options.min_free_bytes = u64::from(serve.min_free_mib) * 1024 * 1024;
            let storage = EmbeddedStorage::open_with(data, &options)
                .map_err(|error| format!("cannot open the store in {}: {error}", data.display()))?;
            tracing::info!(data = %data.display(), "the store is open");
            // Sound gives way first: the last room on a disk belongs to messages.
            let min_free_bytes = options.min_free_bytes.saturating_mul(2);
            let path = data.join(OBJECTS);
            let objects = FolderObjects::open(&path, min_free_bytes).map_err(|error| {
                format!(
                    "cannot open the folder {} for the sound of talks: {error}; look after its \
                    permissions, or give another --data",
                    path.display()
                )
            })?;
            builder.storage(storage).objects(objects).start()
        }
    };
    started.map_err(|error| format!("no threads for the store: {error}"))
}

/// `listening on http://127.0.0.1:8080 tcp 127.0.0.1:8081`, with every address in it.
fn line(listeners: &[TcpListener], tcp: Option<&TcpListener>) -> std::io::Result<String> {
    let mut line = "listening on".to_owned();
    for listener in listeners {
        line.push_str(" http://");
        line.push_str(&listener.local_addr()?.to_string());
    }
    if let Some(listener) = tcp {
        line.push_str(" tcp ");
        line.push_str(&listener.local_addr()?.to_string());
    }
    Ok(line)
}

/// The only line on stdout. Whoever started the server waits for it.
fn announce(line: &str) {
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    if let Err(error) = written {
        tracing::warn!(%error, line, "nobody reads stdout");
    }
}

/// The signals that end a server.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}
