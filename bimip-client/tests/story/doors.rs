//! Web sockets and raw TCP, with TLS and without, and what is said when there is no way in.
//!
//! The server has no TLS of its own: a proxy in the test ends it, as one in production would.

use std::sync::Arc;

use bimip_client::{ConnectError, Dialect, Event, Events, Progress, StartError, Tls};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::support::{Shelf, address, builder, message, online, progress, session, text, until};

/// A certificate of its own for this name, as PEM, and a listener that ends TLS and passes the rest on.
async fn proxy(name: &str, to: String) -> (String, u16) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((outside, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                // A client that does not trust us hangs up here.
                let Ok(mut outside) = acceptor.accept(outside).await else { return };
                let mut inside = TcpStream::connect(to).await.unwrap();
                let _ = copy_bidirectional(&mut outside, &mut inside).await;
            });
        }
    });
    (cert.pem(), port)
}

async fn unreachable(events: &mut Events) -> ConnectError {
    until(events, |event| match event {
        Event::Unreachable(error) => Some(error),
        _ => None,
    })
    .await
}

// TC-FRAME-1, TC-TLS-1
#[tokio::test]
async fn raw_tcp_and_both_kinds_of_tls_carry_the_same_conversation() {
    let (server, url) = Shelf::new().open().await;
    let raw = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = raw.local_addr().unwrap().to_string();
    tokio::spawn(server.clone().serve_tcp(raw, Dialect::Scheme));
    let (wss_pem, wss) = proxy("localhost", url.trim_start_matches("ws://").to_owned()).await;
    let (tls_pem, tls) = proxy("127.0.0.1", tcp.clone()).await;

    let trust = |pem: &str| Tls::default().trust(pem.as_bytes()).unwrap();
    let (ann, mut to_ann) =
        builder("ann").server(&format!("wss://localhost:{wss}")).tls(trust(&wss_pem)).start().await.unwrap();
    let (bob, mut to_bob) =
        builder("bob").server(&format!("tls://127.0.0.1:{tls}")).tls(trust(&tls_pem)).start().await.unwrap();
    let (eve, mut to_eve) = builder("eve").server(&format!("tcp://{tcp}")).start().await.unwrap();
    for events in [&mut to_ann, &mut to_bob, &mut to_eve] {
        online(events).await;
    }
    ann.send_text(address("bob"), "over wss").await.unwrap();
    let line = message(&mut to_bob).await;
    assert_eq!(text(&line), "over wss");
    bob.read(&line).await.unwrap();
    progress(&mut to_ann, Progress::Read).await;
    bob.send_text(address("eve"), "over tls").await.unwrap();
    assert_eq!(text(&message(&mut to_eve).await), "over tls");
    // Larger than any buffer on the way.
    let long = "x".repeat(400 * 1024);
    eve.send_text(address("ann"), &long).await.unwrap();
    assert_eq!(text(&message(&mut to_ann).await), long);
    server.shutdown().await;
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_said() {
    let (_server, url) = Shelf::new().open().await;
    let (pem, port) = proxy("localhost", url.trim_start_matches("ws://").to_owned()).await;
    // Nobody vouches for it.
    let (_ann, mut to_ann) = builder("ann").server(&format!("wss://localhost:{port}")).start().await.unwrap();
    let error = unreachable(&mut to_ann).await;
    assert!(matches!(error, ConnectError::Certificate(_)), "{error:?}");
    assert!(error.to_string().contains("Builder::tls"), "{error}");
    // Somebody does, for another name.
    let tls = Tls::default().trust(pem.as_bytes()).unwrap();
    let other = builder("ann").server(&format!("wss://127.0.0.1:{port}")).tls(tls);
    let (_ann, mut to_ann) = other.start().await.unwrap();
    let error = unreachable(&mut to_ann).await;
    assert!(matches!(error, ConnectError::Certificate(_)), "{error:?}");
    assert!(Tls::default().trust(b"a letter").is_err());
}

#[tokio::test]
async fn an_address_that_is_none_is_said_before_it_is_dialled() {
    for bad in ["chat.example", "http://chat.example", "tcp://chat.example", "wss://"] {
        let Err(StartError::Address(error)) = builder("ann").server(bad).start().await.map(drop) else {
            panic!("{bad} was taken for an address");
        };
        assert_eq!(error.url, bad);
    }
}

/// Answers every request with this, as it is.
async fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                request.push(socket.read_u8().await.unwrap());
            }
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_server_that_says_when_to_come_back_is_believed() {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n";
    let url = answering(busy).await;
    let (ann, mut to_ann) = builder("ann").server(&url).start().await.unwrap();
    match unreachable(&mut to_ann).await {
        ConnectError::TurnedAway { retry_after_ms: Some(120_000), .. } => {}
        other => panic!("{other}"),
    }
    // The user can be in more of a hurry than the server.
    ann.redial().await.unwrap();
    unreachable(&mut to_ann).await;

    let url = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let (_ann, mut to_ann) = builder("ann").server(&url).start().await.unwrap();
    let error = unreachable(&mut to_ann).await;
    assert!(error.to_string().contains("the server answers 200 OK, and not with a web socket"), "{error}");

    let url = answering("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    let (_ann, mut to_ann) = builder("ann").server(&url).start().await.unwrap();
    assert!(matches!(unreachable(&mut to_ann).await, ConnectError::Refused(_)));
    session(&mut to_ann, |event| {
        matches!(event, bimip_client::SessionEvent::Ended(bimip_proto::CloseReason::Refused)).then_some(())
    })
    .await;
}
