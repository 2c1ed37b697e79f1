//! The HTTP readiness probe against servers of every kind: those that answer, those that say no, and those that are no servers.

use crate::cases::cases;
use crate::rig::{Rig, Started};
use shakedown_core::puppet::parse;
use shakedown_core::vocab::{Completion, HttpGet, ProcessSpec, Request};
use shakedown_core::world::World;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

cases! {
    a_page_has_a_status_or_it_was_not_answered,
    a_probe_that_is_withdrawn_is_gone_at_once,
}

/// What a server does with the connection that comes.
#[derive(Clone, Copy, Debug)]
enum Does {
    /// Reads the head and says this.
    Says(&'static str),
    /// The same, a byte at a time.
    Stammers(&'static str),
    /// Closes it with the head unread, which resets it (tcp(7)).
    Resets,
    /// Keeps it, and says nothing.
    Keeps,
}

/// Serves one connection, answers the head that came on it.
fn serve(listener: &TcpListener, does: Does) -> String {
    let (mut guest, _) = listener.accept().unwrap();
    if let Does::Resets = does {
        while guest.peek(&mut [0]).unwrap() == 0 {}
        return String::new();
    }
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        let mut byte = [0];
        if guest.read(&mut byte).unwrap() == 0 {
            break;
        }
        head.push(char::from(byte[0]));
    }
    match does {
        Does::Says(text) => guest.write_all(text.as_bytes()).unwrap(),
        Does::Stammers(text) => stammer(&mut guest, text),
        Does::Keeps => drop(guest.read(&mut [0])),
        Does::Resets => {}
    }
    head
}

/// Whoever has heard the status goes, and leaves the rest unheard.
fn stammer(guest: &mut TcpStream, text: &str) {
    guest.set_nodelay(true).unwrap();
    for byte in text.bytes() {
        match guest.write_all(&[byte]) {
            Ok(()) => {}
            Err(gone) if matches!(gone.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => return,
            Err(other) => panic!("{other}"),
        }
    }
}

async fn a_page_has_a_status_or_it_was_not_answered() {
    for (does, status) in [
        (Does::Says("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), Some(200)),
        (Does::Stammers("HTTP/1.0 204 No Content\r\n\r\n"), Some(204)),
        (Does::Says("HTTP/1.1 302 Found\r\nlocation: /\r\n\r\n"), Some(302)),
        (Does::Says("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Some(503)),
        (Does::Says("SSH-2.0-OpenSSH_9.6\r\n"), None),
        (Does::Says("HTTP/1.1 200"), None),
        (Does::Says(""), None),
        (Does::Resets, None),
        (Does::Keeps, None),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = std::thread::spawn(move || serve(&listener, does));
        let began = Instant::now();
        assert_eq!(get(&address).await, Completion::Answered(status), "{does:?}");
        assert!(began.elapsed() < HttpGet::PATIENCE + Duration::from_secs(9), "{does:?}");
        let head = server.join().unwrap();
        let is_whole =
            head.starts_with("GET /health?deep HTTP/1.1\r\n") && head.contains(&format!("\r\nhost: {address}\r\n"));
        assert!(is_whole || matches!(does, Does::Resets), "{head}");
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(get(&nobody.to_string()).await, Completion::Answered(None));
}

fn page(address: &str) -> Request {
    Request::Get(HttpGet { address: address.into(), path: "/health?deep".into() }.into())
}

async fn get(address: &str) -> Completion {
    let mut rig = Rig::new();
    let Started { unit, .. } = rig.start(ProcessSpec::puppet("p", parse("hang").unwrap())).await;
    let op = rig.submit(unit, page(address));
    let answer = rig.answer(op).await;
    rig.finish(unit).await;
    answer
}

/// The server sees the end of the connection, long before anybody's patience is over.
async fn a_probe_that_is_withdrawn_is_gone_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (came, comes) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        let (mut guest, _) = listener.accept().unwrap();
        came.send(()).unwrap();
        std::io::copy(&mut guest, &mut std::io::sink()).map(|_| Instant::now())
    });
    let mut rig = Rig::new();
    let Started { unit, .. } = rig.start(ProcessSpec::puppet("p", parse("hang").unwrap())).await;
    let op = rig.submit(unit, page(&address));
    while comes.try_recv().is_err() {
        tokio::task::yield_now().await;
    }
    let withdrawn = Instant::now();
    rig.world.withdraw(op, unit);
    while !server.is_finished() {
        tokio::task::yield_now().await;
    }
    // A connection that is closed with nothing unread ends; that it may be reset is no matter either.
    if let Ok(closed) = server.join().unwrap() {
        assert!(closed.duration_since(withdrawn) < HttpGet::PATIENCE / 2, "{:?}", closed.duration_since(withdrawn));
    }
    rig.finish(unit).await;
}
