//! The least of HTTP that a readiness probe needs: what is asked, and what the first line of an answer says. No proxy is needed for it,
//! and no library: one GET on a connection of its own (RFC 9112).

use crate::time::Duration;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

/// What a probe asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpGet {
    /// `HOST:PORT`.
    pub address: Arc<str>,
    /// Path and query, from its slash on.
    pub path: Arc<str>,
}

impl HttpGet {
    /// Who has not answered within so long has not answered, and is asked again.
    pub const PATIENCE: Duration = Duration::from_secs(1);
    /// The first line of an answer is shorter than that, or it is none of HTTP.
    pub const LINE_MAX: usize = 1024;

    /// From `http://HOST:PORT/PATH`; the port is 80 and the path `/` where none is given. `None` where it is no such thing: there is no
    /// TLS here, and nobody logs in.
    ///
    /// ```
    /// use shakedown_core::vocab::HttpGet;
    /// let get = HttpGet::of_url("http://localhost:8080/health?deep").unwrap();
    /// assert_eq!((&*get.address, &*get.path), ("localhost:8080", "/health?deep"));
    /// assert_eq!(&*HttpGet::of_url("http://[::1]").unwrap().address, "[::1]:80");
    /// assert!(HttpGet::of_url("https://localhost").is_none());
    /// ```
    pub fn of_url(url: &str) -> Option<HttpGet> {
        let rest = url.strip_prefix("http://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if path.contains('#') || url.contains(|c: char| c.is_ascii_control() || c == ' ') || authority.contains('@') {
            return None;
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|port: &u16| *port > 0)?),
            Some(_) | None => (authority, 80),
        };
        let is_host = !host.is_empty() && (host.starts_with('[') == host.contains(':'));
        let path = if path.starts_with('/') { path.into() } else { format!("/{path}") };
        is_host.then(|| HttpGet { address: format!("{host}:{port}").into(), path: path.into() })
    }

    /// Its port.
    pub fn port(&self) -> Option<u16> {
        self.address.rsplit(':').next().and_then(|port| port.parse().ok())
    }

    /// What is sent.
    pub fn head(&self) -> String {
        let HttpGet { address, path } = self;
        format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: shakedown\r\nconnection: close\r\n\r\n")
    }

    /// The status in the first line of an answer, as far as that has come: `None` where it is not whole yet, and `Some(None)` where it is
    /// no answer of HTTP (RFC 9112, section 4).
    pub fn status(answer: &[u8]) -> Option<Option<u16>> {
        let Some(end) = answer.iter().position(|byte| *byte == b'\n') else {
            return (answer.len() >= HttpGet::LINE_MAX).then_some(None);
        };
        let line = core::str::from_utf8(&answer[..end]).unwrap_or_default();
        let code = line.strip_prefix("HTTP/1.").and_then(|line| line.get(1..)).and_then(|line| line.strip_prefix(' '));
        let code = code.and_then(|line| line.get(..3)).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
        Some(code.and_then(|code| code.parse().ok()))
    }

    /// Whether an answer with this status says that somebody is ready: 2xx, and 3xx, which is the answer of somebody who works.
    pub const fn says_ready(status: u16) -> bool {
        matches!(status, 200..=399)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart_or_refused() {
        let rows = [
            ("http://127.0.0.1:8080", Some(("127.0.0.1:8080", "/"))),
            ("http://localhost/a/b?c=d", Some(("localhost:80", "/a/b?c=d"))),
            ("http://localhost:1?c", Some(("localhost:1", "/?c"))),
            ("http://[::1]:9000/x", Some(("[::1]:9000", "/x"))),
            ("localhost:80", None),
            ("https://localhost", None),
            ("http://", None),
            ("http://:80", None),
            ("http://localhost:0", None),
            ("http://localhost:http", None),
            ("http://localhost:70000", None),
            ("http://ann:secret@localhost", None),
            ("http://localhost/a b", None),
            ("http://localhost/\r\nx: y", None),
            ("http://localhost/#top", None),
        ];
        for (url, parts) in rows {
            let get = HttpGet::of_url(url);
            assert_eq!(get.as_ref().map(|get| (&*get.address, &*get.path)), parts, "{url}");
        }
    }

    #[test]
    fn the_first_line_of_an_answer_has_its_status() {
        let rows: [(&[u8], Option<Option<u16>>); 9] = [
            (b"HTTP/1.1 200 OK\r\n", Some(Some(200))),
            (b"HTTP/1.0 503\r\ncontent-length: 0\r\n", Some(Some(503))),
            (b"HTTP/1.1 301 Moved\n", Some(Some(301))),
            (b"HTTP/1.1 200 OK\r", None),
            (b"", None),
            (b"SSH-2.0-OpenSSH\r\n", Some(None)),
            (b"HTTP/1.1 2OO OK\r\n", Some(None)),
            (b"HTTP/2 200\r\n", Some(None)),
            (&[b'x'; HttpGet::LINE_MAX], Some(None)),
        ];
        for (answer, status) in rows {
            assert_eq!(HttpGet::status(answer), status, "{}", String::from_utf8_lossy(answer));
        }
    }

    #[test]
    fn two_and_three_hundreds_say_ready_and_nothing_else_does() {
        let said: [bool; 8] = [100, 199, 200, 204, 301, 399, 400, 503].map(HttpGet::says_ready);
        assert_eq!(said, [false, false, true, true, true, true, false, false]);
    }
}
