//! What a proxy is made of: its role, where it listens, how long it drains, and its limits by name.

use crate::time::{Duration, DurationRange};
use alloc::string::String;
use alloc::sync::Arc;
use core::net::SocketAddr;

/// A proxy to start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxySpec {
    /// Its name in facts and reports.
    pub name: Arc<str>,
    /// On whose side it stands.
    pub role: Role,
    /// Where it accepts connections.
    pub listen: Listen,
    /// How long requests and tunnels that were accepted may go on once it is asked to end; what lives then is cut.
    pub drain: Duration,
    /// How long it goes on to accept once it is asked to end, before it drains: so long those who lead clients to it may take to learn that
    /// it is no longer ready (kubernetes#67592).
    pub lag: Duration,
    /// How much it takes on.
    pub limits: Limits,
}

impl ProxySpec {
    /// How long a drain takes at most, where nothing else is said.
    pub const DRAIN: Duration = Duration::from_secs(2);

    /// A proxy before this upstream, on a free port of the loopback interface.
    pub fn reverse(name: &str, upstream: Upstream) -> ProxySpec {
        ProxySpec::new(name, Role::Reverse(upstream))
    }

    /// A proxy that its users go through, on a free port of the loopback interface.
    pub fn forward(name: &str) -> ProxySpec {
        ProxySpec::new(name, Role::Forward)
    }

    fn new(name: &str, role: Role) -> ProxySpec {
        let listen = Listen::At(SocketAddr::from(([127, 0, 0, 1], 0)));
        let (drain, lag) = (ProxySpec::DRAIN, Duration::ZERO);
        ProxySpec { name: name.into(), role, listen, drain, lag, limits: Limits::DEFAULT }
    }
}

impl ProxySpec {
    /// The port that it must have; none where any that is free will do.
    pub fn port(&self) -> Option<u16> {
        match &self.listen {
            Listen::At(address) => Some(address.port()).filter(|port| *port != 0),
            Listen::Handed => None,
        }
    }
}

/// On whose side a proxy stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// Before this upstream: it depends on it, and drains before the upstream is signalled.
    Reverse(Upstream),
    /// Before those who use it: they depend on it, and it ends after them.
    Forward,
}

/// Whom a reverse proxy asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Upstream {
    /// The worker.
    pub worker: Arc<str>,
    /// Where that listens. The simulator needs none: there whoever lives answers.
    pub address: Option<SocketAddr>,
}

/// Where a proxy accepts connections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Listen {
    /// It binds this address; port 0 is any that is free.
    At(SocketAddr),
    /// On a listener that is bound already, and was handed to the world under the proxy's name. It outlives the proxy.
    Handed,
}

/// How much a proxy takes on. Whoever comes beyond that is refused, and a fact says so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections_max: u32,
    /// Bytes of a request's head: its first line and headers (431 of RFC 6585).
    pub header_bytes_max: u32,
    /// Connections that have come and were not accepted yet (listen(2), `backlog`).
    pub pending_accepts_max: u32,
    /// Facts about requests that nobody has fetched yet; of more than that the oldest are dropped.
    pub untold_max: u32,
}

impl Limits {
    /// A thousand connections, heads of 64 KiB.
    pub const DEFAULT: Limits =
        Limits { connections_max: 1_024, header_bytes_max: 65_536, pending_accepts_max: 128, untold_max: 4_096 };
}

/// How often an upstream is tried that does not accept: one that restarts is back soon, and one that is gone is not waited for long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retry {
    /// Attempts, the first included; then the client is told 502.
    pub tries_max: u32,
    /// Between two of them.
    pub pause: Duration,
}

/// What holds for every proxy.
pub const RETRY: Retry = Retry { tries_max: 3, pause: Duration::from_millis(50) };

/// What somebody from outside does to a proxy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Visit {
    /// Connects, sends one request, and keeps the connection after the answer.
    Request,
    /// Connects, and asks for a tunnel (CONNECT) or, of a reverse proxy, for another protocol (`Upgrade`).
    Tunnel,
}

impl Visit {
    /// How long a client stays once it has its answer.
    pub const fn stays(self) -> DurationRange {
        match self {
            Visit::Request => DurationRange { min: Duration::ZERO, max: STAYS_MAX, grid: Duration::from_millis(1) },
            Visit::Tunnel => {
                DurationRange { min: Duration::from_millis(1), max: STAYS_MAX, grid: Duration::from_millis(1) }
            }
        }
    }
}

impl ProxySpec {
    /// The variables by which a program finds the forward proxy at this address, each with its value. Programs read either spelling
    /// (curl only the lower one for http), and an inherited exception would lead past it.
    ///
    /// ```
    /// use shakedown_core::proxy::ProxySpec;
    /// let env = ProxySpec::environment("127.0.0.1:3128".parse().unwrap());
    /// assert_eq!(env[0], ("HTTP_PROXY", "http://127.0.0.1:3128".to_string()));
    /// assert_eq!(env[4], ("NO_PROXY", String::new()));
    /// ```
    pub fn environment(at: SocketAddr) -> [(&'static str, String); 6] {
        let url = alloc::format!("http://{at}");
        ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "NO_PROXY", "no_proxy"]
            .map(|name| (name, if name.eq_ignore_ascii_case("NO_PROXY") { String::new() } else { url.clone() }))
    }
}

const STAYS_MAX: Duration = Duration::from_secs(1);
