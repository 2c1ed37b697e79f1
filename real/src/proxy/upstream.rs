//! Connections to whoever answers: kept for the next request, and tried again a few times while an upstream is away.

use super::net::Net;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use shakedown_core::proxy::RETRY;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

/// Connections that nobody uses just now, by whom they lead to.
#[derive(Default)]
pub(super) struct Pool(RefCell<BTreeMap<String, Vec<SendRequest<Incoming>>>>);

/// An answer's head, and the connection on which its body comes.
pub(super) type Answered = (Response<Incoming>, SendRequest<Incoming>);

impl Pool {
    /// Keeps a connection whose answer was read to its end.
    pub fn keep(&self, to: &str, connection: SendRequest<Incoming>) {
        let mut kept = self.0.borrow_mut();
        let kept = match kept.get_mut(to) {
            Some(kept) => kept,
            None => kept.entry(to.to_owned()).or_default(),
        };
        if kept.len() < KEPT_MAX && !connection.is_closed() {
            kept.push(connection);
        }
    }

    /// Closes all that are kept.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    fn take(&self, to: &str) -> Option<SendRequest<Incoming>> {
        self.0.borrow_mut().get_mut(to)?.pop()
    }

    /// Sends a request, on a connection that was kept where there is one.
    ///
    /// # Errors
    /// Nobody could be reached, or whoever was reached went away before it answered.
    pub async fn send(&self, net: &impl Net, to: &str, mut request: Request<Incoming>) -> io::Result<Answered> {
        while let Some(mut connection) = self.take(to) {
            if connection.ready().await.is_err() {
                continue;
            }
            match connection.try_send_request(request).await {
                Ok(response) => return Ok((response, connection)),
                // The other end had closed it meanwhile, and has seen nothing of the request.
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(io::Error::other(failed.into_error())),
                },
            }
        }
        let (mut connection, driver) = handshake(TokioIo::new(dial(net, to).await?)).await.map_err(io::Error::other)?;
        net.spawn(async move {
            // Whoever has sent a request on it learns how it ended.
            let _ = driver.with_upgrades().await;
        });
        let response = connection.send_request(request).await.map_err(io::Error::other)?;
        Ok((response, connection))
    }
}

/// Connects, and tries again while nobody accepts: whoever restarts is back soon.
pub(super) async fn dial<N: Net>(net: &N, to: &str) -> io::Result<N::Io> {
    let mut tries = 1;
    loop {
        match net.dial(to).await {
            Ok(io) => return Ok(io),
            Err(refused) if refused.kind() == io::ErrorKind::ConnectionRefused && tries < RETRY.tries_max => {
                tries += 1;
                net.pause(RETRY.pause).await;
            }
            Err(failed) => return Err(failed),
        }
    }
}

/// Connections to one upstream that are kept at most.
const KEPT_MAX: usize = 256;
