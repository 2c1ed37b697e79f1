//! The HTTP readiness probe: one GET on a connection of its own. Core says what is sent and what the answer means; here are only the bytes.

use super::connect::connect;
use shakedown_core::vocab::HttpGet;
use std::io;
use tokio::io::Interest;

/// The status of the answer; `None` where nobody accepts, the connection is reset or closed before its first line, that line is none of
/// HTTP, or all this takes longer than [`HttpGet::PATIENCE`]. The rest of the answer is not read: closing tells whoever sends it.
pub(super) async fn get(get: &HttpGet) -> Option<u16> {
    tokio::time::timeout(HttpGet::PATIENCE, ask(get)).await.ok()?.ok()?
}

async fn ask(get: &HttpGet) -> io::Result<Option<u16>> {
    let stream = connect(&get.address).await?;
    let head = get.head();
    let mut rest = head.as_bytes();
    while !rest.is_empty() {
        stream.ready(Interest::WRITABLE).await?;
        match stream.try_write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    let mut line = Vec::with_capacity(HttpGet::LINE_MAX);
    loop {
        stream.ready(Interest::READABLE).await?;
        match stream.try_read_buf(&mut line) {
            Ok(0) => return Ok(None),
            Ok(_) => {
                if let Some(status) = HttpGet::status(&line) {
                    return Ok(status);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
