//! Who is measured, and what each is asked.
//! Peers are programs that somebody has built before; one that is missing costs its row, not the run.
use std::path::PathBuf;

/// The role a row plays in the ratios.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Shakedown.
    Ours,
    /// The hand-written executor.
    Floor,
    /// A published tool or runtime, in one of its settings.
    Peer,
    /// Stands in the table for orientation only.
    Mark,
}

/// One row of the table.
pub struct Peer {
    pub name: &'static str,
    pub program: &'static str,
    pub role: Role,
    /// Environment of every run.
    pub env: &'static [(&'static str, &'static str)],
    /// Whether it answers W2 to W5 and the traces too; a mere variant answers W0 and W1.
    pub whole: bool,
}

pub const PEERS: &[Peer] = &[
    Peer { name: "shakedown", program: "peer-shakedown", role: Role::Ours, env: &[], whole: true },
    Peer { name: "hand-written floor", program: "peer-mini", role: Role::Floor, env: &[], whole: true },
    Peer { name: "floor, tokio's channels", program: "peer-mini-tokio-sync", role: Role::Mark, env: &[], whole: true },
    Peer { name: "bare state machine", program: "peer-sansio", role: Role::Mark, env: &[], whole: true },
    Peer { name: "madsim", program: "peer-madsim", role: Role::Peer, env: &[], whole: true },
    Peer { name: "tokio, paused", program: "peer-tokio", role: Role::Peer, env: &[], whole: true },
    Peer { name: "bach", program: "peer-bach", role: Role::Peer, env: &[], whole: true },
    Peer { name: "shuttle", program: "peer-shuttle", role: Role::Peer, env: &[], whole: true },
    Peer {
        name: "shuttle, one runner",
        program: "peer-shuttle",
        role: Role::Peer,
        env: &[("SHUTTLE_ONE_RUNNER", "1")],
        whole: false,
    },
    Peer { name: "turmoil", program: "peer-turmoil", role: Role::Peer, env: &[], whole: true },
    Peer {
        name: "turmoil, tick 100 ms",
        program: "peer-turmoil",
        role: Role::Peer,
        env: &[("TURMOIL_TICK_MS", "100")],
        whole: false,
    },
];

impl Peer {
    /// Beside this program, or, built with a flag of its own, in madsim's folder.
    pub fn path(&self) -> Option<PathBuf> {
        let here = std::env::current_exe().ok()?;
        let here = here.parent()?;
        let apart = here.parent().map(|target| target.join("madsim/release"));
        [Some(here.to_path_buf()), apart]
            .into_iter()
            .flatten()
            .map(|folder| folder.join(self.program))
            .find(|path| path.is_file())
    }

    /// The environment for one workload. turmoil simulates each tick of W5's idle hour, which changes no byte: let it
    /// take steps of a second there.
    pub fn env(&self, workload: Workload) -> Vec<(&'static str, &'static str)> {
        let mut env = self.env.to_vec();
        if self.program == "peer-turmoil" && workload == Workload::W5 {
            env.push(("TURMOIL_TICK_MS", "1000"));
        }
        env
    }
}

/// W0 to W5.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    W0,
    W1,
    W2,
    W3,
    W4,
    W5,
}

impl Workload {
    pub const ALL: [Workload; 6] = [Workload::W0, Workload::W1, Workload::W2, Workload::W3, Workload::W4, Workload::W5];

    /// As a peer's command line has it.
    pub fn word(self) -> &'static str {
        ["w0", "w1", "w2", "w3", "w4", "w5"][self as usize]
    }

    /// The same small piece for every peer: it tells what a unit costs, and whether all do the same work.
    pub fn probe(self) -> u64 {
        [1_000, 1_000, 20, 20_000, 100, 2_000][self as usize]
    }

    /// As many as fit into `target_ns` at this price, within the definition of the workload.
    pub fn count(self, unit_ns: f64, target_ns: f64) -> u64 {
        let units = (target_ns / unit_ns) as u64;
        match self {
            Workload::W0 | Workload::W1 => units.clamp(100, 1_000_000),
            Workload::W2 => (units / SLEEPERS).clamp(5, 1_000),
            Workload::W3 => units.clamp(10_000, 1_000_000),
            Workload::W4 => units.clamp(100, SECONDS_A_YEAR),
            // One size for all but the slowest, because vectors that double make the bytes depend on it.
            Workload::W5 if unit_ns < 10_000.0 => 100_000,
            Workload::W5 => 5_000,
        }
    }
}

/// Tasks of W2, which a peer multiplies its argument with.
const SLEEPERS: u64 = 1_000;
const SECONDS_A_YEAR: u64 = 31_536_000;
