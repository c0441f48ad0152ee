//! A chat in a terminal: `chat_client ws://127.0.0.1:8080/bimip ME PEER`.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::error::Error;

use bimip_client::{Client, Event};
use bimip_proto::{Address, Device, DeviceName, Entry, Message, UserId};
use tokio::io::{AsyncBufReadExt, BufReader};

const USAGE: &str = "usage: chat_client URL ME PEER

Sends each line of standard input to PEER and prints what PEER writes; lines written offline go when the server is
back. Ends with its input (Ctrl-D), when everything is sent. For example, in three terminals:
  chat_server
  chat_client ws://127.0.0.1:8080/bimip alice bob
  chat_client ws://127.0.0.1:8080/bimip bob alice";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, me, peer] = args.as_slice() else {
        println!("{USAGE}");
        return Ok(());
    };
    let device = Device::new(UserId::new(me)?, DeviceName::new("terminal")?);
    let peer = Address::User(UserId::new(peer)?);
    let (client, mut events) = Client::builder(device).websocket(url).start().await?;

    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let (mut typing, mut unanswered) = (true, 0_u32);
    while typing || unanswered > 0 {
        tokio::select! {
            line = lines.next_line(), if typing => match line? {
                Some(line) => {
                    client.send_text(peer.clone(), &line).await?;
                    unanswered += 1;
                }
                None => typing = false,
            },
            event = events.next_event() => match event? {
                Some(event) => {
                    if matches!(event, Event::Sent { .. } | Event::Refused { .. }) {
                        unanswered = unanswered.saturating_sub(1);
                    }
                    show(&client, event).await?;
                }
                None => break,
            },
        }
    }
    client.leave().await;
    Ok(())
}

async fn show(client: &Client, event: Event) -> Result<(), Box<dyn Error>> {
    match event {
        Event::Resumed(_) => println!("* connected"),
        Event::Offline => println!("* offline; trying again"),
        Event::Ended(reason) => println!("* the server says goodbye: {reason:?}"),
        Event::Sent { .. } => println!("* sent"),
        Event::Refused { reason, .. } => println!("* refused: {reason}"),
        Event::Received(row) => {
            match &*row.entry {
                Entry::Message(message) => println!("{}: {}", message.head.from.user, text(message)),
                Entry::Receipt(receipt) => println!("* {:?} by {}", receipt.status, receipt.by.user),
                _ => {}
            }
            // It is on the screen: the server may forget it for this device, and tell its author.
            client.stored(row.offset).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Texts come as `{"text": …}`, so that a client may add to them.
fn text(message: &Message) -> String {
    let json = serde_json::from_slice::<serde_json::Value>(&message.body.bytes).unwrap_or_default();
    match json["text"].as_str() {
        Some(text) => text.to_owned(),
        None => String::from_utf8_lossy(&message.body.bytes).into_owned(),
    }
}
