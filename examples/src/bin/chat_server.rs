//! A chat server inside a program of its own: `chat_server [ADDRESS:PORT]`, until its standard input ends.
#![allow(clippy::print_stdout, reason = "an example talks")]

use bimip_server::storage::memory::MemoryStorage;
use bimip_server::{OpenAuth, Server};
use tokio::net::TcpListener;

const USAGE: &str = "usage: chat_server [ADDRESS:PORT]

Serves bimip.v1 on ws://ADDRESS:PORT/bimip and VoicePing on ws://ADDRESS:PORT/, in memory, for everybody who knows
the address. Without one: 127.0.0.1:8080. Ends with its standard input (Ctrl-D). Talk to it with chat.";

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    if address.starts_with('-') {
        println!("{USAGE}");
        return Ok(());
    }
    let server = Server::builder().storage(MemoryStorage::new()).authenticate(OpenAuth).start()?;
    let listener = TcpListener::bind(&address).await?;
    println!("listening on ws://{}/bimip", listener.local_addr()?);
    tokio::spawn(server.clone().serve_http(listener));

    tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await?;
    // Answers what is under way, says goodbye to everybody.
    server.shutdown().await;
    println!("goodbye");
    Ok(())
}
