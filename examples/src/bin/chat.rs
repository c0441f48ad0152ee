//! A chat in a terminal: everything an app needs, in one loop.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;

use bimip_client::{Client, DiskStore, Event, Line, Page, Progress, SessionEvent};
use bimip_proto::{Address, Device, DeviceName, UserId};
use tokio::io::{AsyncBufReadExt, BufReader};

const USAGE: &str = "usage: chat URL ME PEER [FOLDER]

Sends each line of standard input to PEER, shows what PEER writes, and what became of each message: sending, sent,
delivered, read. Without a server it shows what was said before, and keeps what is written until the server is there.
All of that is in FOLDER (chat-ME where none is named). Ends with its input (Ctrl-D). URL begins with ws, wss, tcp or tls.

In three terminals:
  cargo run -p bimip-server
  cargo run -p examples --bin chat ws://127.0.0.1:8080 alice bob
  cargo run -p examples --bin chat ws://127.0.0.1:8080 bob alice";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (url, me, peer, folder) = match args.as_slice() {
        [url, me, peer] => (url, me, peer, format!("chat-{me}")),
        [url, me, peer, folder] => (url, me, peer, folder.clone()),
        _ => {
            println!("{USAGE}");
            return Ok(());
        }
    };
    let device = Device::new(UserId::new(me)?, DeviceName::new("terminal")?);
    let peer = Address::User(UserId::new(peer)?);
    let store = DiskStore::open(folder)?;
    let (client, mut events) = Client::builder(device).store(store).server(url).start().await?;

    let conversation = client.conversation(&peer);
    for line in client.history(&conversation, Page::last(20)).await? {
        show(&client, &line).await?;
    }
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut told = String::new();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => drop(client.send_text(peer.clone(), &line).await?),
                None => break,
            },
            event = events.next_event() => match event? {
                // Of messages of others only that they are here: that they were read is our own word.
                Some(Event::Message(line)) if line.conversation == conversation => {
                    if line.mine || line.progress == Progress::Delivered {
                        show(&client, &line).await?;
                    }
                }
                Some(Event::Unreachable(why)) if told != why.to_string() => {
                    told = why.to_string();
                    println!("* no connection, trying again: {told}");
                }
                Some(Event::Session(SessionEvent::Resumed(_) | SessionEvent::Gap { .. } | SessionEvent::Reset(_))) => {
                    told.clear();
                    println!("* connected");
                }
                Some(Event::Session(SessionEvent::Offline)) => println!("* offline, trying again"),
                Some(Event::Session(SessionEvent::Ended(reason))) => {
                    println!("* the server says goodbye: {reason:?}");
                    break;
                }
                Some(_) => {}
                None => break,
            },
        }
    }
    client.leave().await;
    Ok(())
}

/// A message of ours is shown again whenever it got further.
async fn show(client: &Client, line: &Line) -> Result<(), Box<dyn Error>> {
    let text = line.text().unwrap_or_else(|| "[no text]".to_owned());
    if line.mine {
        println!("me: {text} [{}]", line.progress);
    } else {
        println!("{}: {text}", line.message.head.from.user);
    }
    // It is on the screen: its author is told, now or when there is a connection.
    Ok(client.read(line).await?)
}
