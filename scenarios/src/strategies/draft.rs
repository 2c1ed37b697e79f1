//! A session in the making, and the scenario file that it is.

use crate::failure::Finding;
use crate::format::{Case, Scenario, read, render_all};
use crate::sweep::{Job, Player};
use shakedown_sim::choose::Seeded;
use std::fmt::Write;
use std::sync::Arc;

/// A session. Names are `a`, `b`, … in order, and numbers that mean no worker wrap around.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// Its workers.
    pub workers: Vec<Worker>,
    /// Some of them under a supervisor.
    pub group: Option<Group>,
    /// What people do before the last stop.
    pub stimuli: Vec<Stimulus>,
    /// What goes wrong: a place in [`Draft::FAULTS`].
    pub fault: Option<usize>,
    /// Whether a second stop kills, or joins the first.
    pub second_kills: bool,
    /// When the session is stopped, in milliseconds.
    pub stop_at: u64,
}

/// The workers from one place on, under a supervisor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Group {
    /// One for one, one for all, the rest for one.
    pub strategy: u8,
    /// The first of its children.
    pub from: usize,
}

/// One worker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Worker {
    /// What it does unasked.
    pub life: Life,
    /// What it does at TERM.
    pub ending: Ending,
    /// Whom it forks.
    pub helper: Option<Helper>,
    /// An earlier worker that it waits for, and how far that must come.
    pub after: Option<(usize, u8)>,
    /// How it shows that it is ready.
    pub ready: Option<Ready>,
    /// In milliseconds.
    pub grace: u64,
    /// Whether it is started again.
    pub restart: Option<Restart>,
    /// A pre-stop hook that takes so many milliseconds.
    pub hook: Option<u64>,
    /// Whether only the leader is asked.
    pub to_leader: bool,
}

/// What a process does unasked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// Nothing.
    Hangs,
    /// It ends.
    Exits {
        /// After so many milliseconds.
        after: u64,
        /// With this code.
        code: u8,
    },
    /// It writes, and ends.
    Writes {
        /// So much.
        bytes: u32,
    },
}

/// What a process does at TERM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// It dies of it.
    Dies,
    /// It ends.
    Exits {
        /// After so many milliseconds.
        after: u64,
        /// With this code.
        code: u8,
    },
    /// It goes on.
    Ignores,
}

/// A child of the worker's leader.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Helper {
    /// What it does at TERM.
    pub ending: Ending,
    /// Whether it leaves for a session of its own: then the worker's scope is the tree.
    pub leaves: bool,
    /// Whether the leader waits for it.
    pub reaped: bool,
}

/// How a worker shows that it is ready, after so many milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ready {
    /// By a line of its output.
    Log {
        /// When.
        after: u64,
    },
    /// By the time that has passed.
    Delay {
        /// How much.
        after: u64,
    },
    /// By its own word.
    Notify {
        /// When.
        after: u64,
    },
    /// By a command that succeeds.
    Exec {
        /// How long the command takes.
        takes: u64,
        /// Whether it ever does.
        succeeds: bool,
    },
}

/// How a worker is started again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restart {
    /// Always, or on failure.
    pub always: bool,
    /// The first wait, in milliseconds.
    pub initial: u64,
    /// How often.
    pub budget: u32,
}

/// What somebody does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stimulus {
    /// When, in milliseconds.
    pub at: u64,
    /// Stop, kill, restart or start a worker, or stop the session.
    pub what: u8,
    /// To which worker.
    pub on: usize,
}

impl Draft {
    /// Faults that a session must bear: whatever strikes, every promise is kept.
    pub const FAULTS: &[&str] = &[
        "kind = \"spawn-fails\"\nerrno = \"EAGAIN\"\nchance = 0.3",
        "kind = \"exec-fails\"\nerrno = \"ETXTBSY\"\nchance = 0.3",
        "kind = \"slow-exit\"\nby = \"1ms..100ms\"\nchance = 0.3",
        "kind = \"late-notify\"\nby = \"1ms..100ms\"\nchance = 0.2",
        "kind = \"spurious-wake\"\nchance = 0.3",
        "kind = \"crash\"\nchance = 0.02",
        "kind = \"clock-jump\"\nby = \"1s..100s\"\nchance = 0.2",
        "kind = \"pid-reuse\"\nchance = 0.5",
    ];

    /// The scenario file.
    pub fn to_toml(&self) -> String {
        let mut text =
            String::from("schema = 1\nabout = \"a session that was drawn\"\n\n[session]\nstop-budget = \"20s\"\n");
        let _ = writeln!(text, "second-stop = \"{}\"", if self.second_kills { "kill" } else { "join" });
        for (at, worker) in self.workers.iter().enumerate() {
            worker.write(at, self.sibling(at, worker.after), &mut text);
        }
        if let Some(group) = self.group {
            let strategy = ["one-for-one", "one-for-all", "rest-for-one"][usize::from(group.strategy % 3)];
            let children: Vec<String> =
                (group.from..self.workers.len()).map(|at| format!("\"{}\"", name(at))).collect();
            let _ = write!(text, "\n[workers.tree]\nkind = \"supervisor\"\nstrategy = \"{strategy}\"\n");
            let _ = writeln!(text, "children = [{}]", children.join(", "));
        }
        for stimulus in &self.stimuli {
            let what = ["stop", "kill", "restart", "start", "stop"][usize::from(stimulus.what % 5)];
            let _ = write!(text, "\n[[stimuli]]\nat = \"{}ms\"\ndo = \"{what}\"\n", stimulus.at);
            if stimulus.what % 5 < 4 {
                let _ = writeln!(text, "on = \"{}\"", name(stimulus.on % self.workers.len()));
            }
        }
        let _ = write!(text, "\n[[stimuli]]\nat = \"{}ms\"\ndo = \"stop\"\n", self.stop_at);
        if let Some(fault) = self.fault {
            let _ = write!(text, "\n[[faults]]\n{}\n", Draft::FAULTS[fault % Draft::FAULTS.len()]);
        }
        text
    }

    /// An earlier worker with the same parent.
    fn sibling(&self, of: usize, after: Option<(usize, u8)>) -> Option<(usize, u8)> {
        let is_child = |at: usize| self.group.is_some_and(|group| at >= group.from);
        let (on, condition) = after?;
        let earlier: Vec<usize> = (0..of).filter(|at| is_child(*at) == is_child(of)).collect();
        (!earlier.is_empty()).then(|| (earlier[on % earlier.len()], condition))
    }

    /// The case to be played.
    ///
    /// # Panics
    /// Where the file that it is has a mistake: that were one of ours.
    pub fn case(&self) -> (Arc<Scenario>, Case) {
        let text = self.to_toml();
        let scenario = match read("drawn.toml", &text) {
            Ok(scenario) => Arc::new(scenario),
            Err(wrong) => panic!("a draft is a valid file:\n{text}\n{}", render_all(&wrong, false)),
        };
        let case = scenario.cases().remove(0);
        (scenario, case)
    }

    /// Plays it once under this seed, and says what went wrong.
    ///
    /// # Panics
    /// As [`case`](Self::case).
    pub fn findings(&self, seed: u64) -> Vec<Finding> {
        let (scenario, case) = self.case();
        let job = Job {
            scenario,
            case,
            seeds: seed..seed + 1,
            strategy: shakedown_sim::choose::Strategy::default(),
            about: None,
        };
        let mut player = Player::new(&job.case, Seeded::new(0));
        player.play(Seeded::new(seed)).findings
    }
}

impl Worker {
    fn write(&self, at: usize, after: Option<(usize, u8)>, text: &mut String) {
        let _ = write!(text, "\n[workers.{}]\npuppet = '''\n{}'''\n", name(at), self.script());
        let scope = if self.helper.is_some_and(|helper| helper.leaves) { "tree" } else { "group" };
        let to = if self.to_leader { "leader" } else { "scope" };
        let hook = self.hook.map_or(String::new(), |takes| {
            format!(", pre-stop = {{ command = [\"true\"], sim = \"sleep {takes}ms; exit 0\", within = \"20ms\" }}")
        });
        let grace = self.grace;
        let _ = writeln!(text, "stop = {{ grace = \"{grace}ms\", scope = \"{scope}\", signal-to = \"{to}\"{hook} }}");
        if let Some((on, condition)) = after {
            let condition = ["started", "ready", "exited", "succeeded"][usize::from(condition % 4)];
            let _ = writeln!(text, "after = {{ {} = \"{condition}\" }}", name(on));
        }
        if let Some(Restart { always, initial, budget }) = self.restart {
            let policy = if always { "always" } else { "on-failure" };
            let _ =
                writeln!(text, "restart = {{ policy = \"{policy}\", initial = \"{initial}ms\", budget = {budget} }}");
        }
        match self.ready {
            None => {}
            Some(Ready::Log { .. }) => text.push_str("ready = { log = \"ready\", timeout = \"50ms\" }\n"),
            Some(Ready::Notify { .. }) => text.push_str("ready = { notify = true, timeout = \"50ms\" }\n"),
            Some(Ready::Delay { after }) => {
                let _ = writeln!(text, "ready = {{ delay = \"{after}ms\", timeout = \"100ms\" }}");
            }
            Some(Ready::Exec { takes, succeeds }) => {
                let sim = format!("sleep {takes}ms; exit {}", u8::from(!succeeds));
                let _ = writeln!(
                    text,
                    "ready = {{ exec = [\"true\"], sim = \"{sim}\", every = \"10ms\", timeout = \"80ms\" }}"
                );
            }
        }
    }

    fn script(&self) -> String {
        let mut script = format!("{}\n", self.ending.verb());
        if let Some(helper) = self.helper {
            let leaves = if helper.leaves { "setsid\n" } else { "" };
            let _ = write!(script, "spawn helper {{\n{leaves}{}\nhang\n}}\n", helper.ending.verb());
        }
        match self.ready {
            Some(Ready::Log { after }) => {
                let _ = write!(script, "sleep {after}ms\nprint ready\n");
            }
            Some(Ready::Notify { after }) => {
                let _ = write!(script, "sleep {after}ms\nnotify ready\n");
            }
            Some(Ready::Delay { .. } | Ready::Exec { .. }) | None => {}
        }
        match self.life {
            Life::Hangs if self.helper.is_some_and(|helper| helper.reaped) => script.push_str("wait all\n"),
            Life::Hangs => {}
            Life::Exits { after, code } => {
                let _ = write!(script, "sleep {after}ms\nexit {code}\n");
            }
            Life::Writes { bytes } => {
                let _ = write!(script, "write {bytes}\nexit 0\n");
            }
        }
        script.push_str("hang\n");
        script
    }
}

impl Ending {
    fn verb(self) -> String {
        match self {
            Ending::Dies => "on TERM default".into(),
            Ending::Exits { after: 0, code } => format!("on TERM exit {code}"),
            Ending::Exits { after, code } => format!("on TERM exit {code} after {after}ms"),
            Ending::Ignores => "on TERM ignore".into(),
        }
    }
}

fn name(at: usize) -> char {
    char::from(b'a' + at as u8 % 26)
}
