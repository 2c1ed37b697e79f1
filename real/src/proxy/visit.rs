//! Clients from outside, as a scenario's stimuli ask for them: they come, are answered, stay for a while, and go.

use super::net::{Accept, Net};
use shakedown_core::proxy::Visit;
use shakedown_core::time::Duration;
use std::io;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// One client of the proxy at this `HOST:PORT`. Through a forward proxy it asks for `origin`. Whoever is refused or cut off goes.
pub async fn visit<N: Net>(net: N, proxy: String, visit: Visit, origin: Option<String>, stays: Duration) {
    // Nobody asks how it went: what the proxy made of it, its facts tell.
    let _ = come_and_go(&net, &proxy, visit, origin.as_deref(), stays).await;
}

async fn come_and_go<N: Net>(
    net: &N,
    proxy: &str,
    visit: Visit,
    origin: Option<&str>,
    stays: Duration,
) -> io::Result<()> {
    let mut io = net.dial(proxy).await?;
    let host = origin.unwrap_or(proxy);
    let head = match (visit, origin) {
        (Visit::Request, None) => format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        (Visit::Request, Some(origin)) => format!("GET http://{origin}/ HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        (Visit::Tunnel, _) => format!("CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n"),
    };
    io.write_all(head.as_bytes()).await?;
    let mut answer = [0; 4096];
    let mut read = io.read(&mut answer).await?;
    let over = net.pause(stays);
    tokio::pin!(over);
    while read > 0 {
        tokio::select! {
            () = &mut over => break,
            more = io.read(&mut answer) => read = more?,
        }
    }
    Ok(())
}

/// Somebody outside, whom users of a forward proxy ask: it answers everything with one word.
pub async fn origin<N: Net, L: Accept<Io = N::Io>>(net: Rc<N>, listener: L) {
    while let Ok(mut io) = listener.accept().await {
        net.spawn(async move {
            let mut bytes = [0; 4096];
            while let Ok(1..) = io.read(&mut bytes).await {
                if io.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n").await.is_err() {
                    break;
                }
            }
        });
    }
}
