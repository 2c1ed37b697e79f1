//! A connection to an address that readiness is asked at: a number and a port, or a name and a port.
//!
//! A name is looked up on a thread that is there for nothing else, since that may take as long as a name server likes (getaddrinfo(3)).

use crate::threads::lookups;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use tokio::net::TcpStream;

/// Connects to the first of the name's addresses that accepts.
pub(super) async fn connect(address: &str) -> io::Result<TcpStream> {
    TcpStream::connect(&resolved(address).await?[..]).await
}

async fn resolved(address: &str) -> io::Result<Vec<SocketAddr>> {
    if let Ok(number) = address.parse() {
        return Ok(vec![number]);
    }
    let (name, (tell, told)) = (address.to_owned(), tokio::sync::oneshot::channel());
    let looked_up = lookups().run(Box::new(move || {
        // Whoever has asked may have given up.
        let _ = tell.send(name.to_socket_addrs().map(Iterator::collect));
    }));
    looked_up.map_err(|errno| io::Error::from_raw_os_error(errno.raw()))?;
    told.await.unwrap_or_else(|_| Err(io::Error::other("the lookup was dropped")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::block_on;

    #[test]
    fn numbers_are_taken_as_they_are_and_names_are_looked_up() {
        let loopback = |address: &str| {
            let found = block_on(resolved(address)).expect("a runtime");
            found.is_ok_and(|found| found.iter().any(|at| at.ip().is_loopback() && at.port() == 80))
        };
        for (address, is_found) in [
            ("127.0.0.1:80", true),
            ("[::1]:80", true),
            ("localhost:80", true),
            ("127.0.0.1", false),
            ("localhost:x", false),
            ("", false),
        ] {
            assert_eq!(loopback(address), is_found, "{address}");
        }
    }
}
