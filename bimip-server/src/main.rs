//! The binary: flags, a store, listeners, signals. Everything else is the library.

mod flags;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use bimip_server::jwt::JwtAuth;
use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{Authenticator, Builder, Config, Dialect, Missing, OpenAuth, Server};
use clap::Parser;
use clap::error::ErrorKind;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::flags::{Auth, Command, Flags, Serve, Store, Tcp, Token};

/// Where raw TCP is served when nothing is said about it.
const TCP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081);

fn main() -> ExitCode {
    // Exits with code 2 and a usage text when the flags are wrong.
    let command = Flags::parse().command();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match command {
        Command::Serve(serve) => serve_until_told(&serve),
        Command::Token(token) => print_token(&token),
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
        Err(error) => fail(&error),
    }
}

fn fail(error: &str) -> ExitCode {
    tracing::error!("{error}");
    ExitCode::FAILURE
}

/// Serves until a signal comes; returns when everything is in order, or with what is wrong and what to do.
async fn run(serve: &Serve) -> Result<(), String> {
    // Before anything is announced: who reads the line may send a signal at once.
    let mut stop = Stop::new().map_err(|error| format!("signals cannot be listened to: {error}"))?;
    let mut listeners = Vec::with_capacity(serve.listen.len());
    for address in &serve.listen {
        listeners.push(bind(*address, "--listen").await?);
    }
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
    let signal = stop.wait().await;
    tracing::info!(signal, "shutting down");
    server.shutdown().await;
    Ok(())
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
    let builder = Server::builder().config(config);
    match serve.auth {
        Auth::Open => store(serve, builder.authenticate(OpenAuth)),
        Auth::Jwt => {
            let auth = JwtAuth::new(serve.jwt.keys(&serve.data)?, serve.jwt.policy());
            store(serve, builder.authenticate(auth))
        }
    }
}

fn store(serve: &Serve, builder: Builder<Missing, impl Authenticator>) -> Result<Server, String> {
    let started = match serve.storage {
        Store::Memory => builder.storage(MemoryStorage::new()).start(),
        Store::Embedded => {
            let data = &serve.data;
            let storage = EmbeddedStorage::open(data)
                .map_err(|error| format!("cannot open the store in {}: {error}", data.display()))?;
            tracing::info!(data = %data.display(), "the store is open");
            builder.storage(storage).start()
        }
    };
    started.map_err(|error| format!("no threads for the store: {error}"))
}

/// `listening on http://127.0.0.1:8080 tcp://127.0.0.1:8081`, with every address in it.
fn line(listeners: &[TcpListener], tcp: Option<&TcpListener>) -> std::io::Result<String> {
    let mut line = "listening on".to_owned();
    for listener in listeners {
        line.push_str(" http://");
        line.push_str(&listener.local_addr()?.to_string());
    }
    if let Some(listener) = tcp {
        line.push_str(" tcp://");
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
