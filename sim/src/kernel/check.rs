//! What the kernel's tests share: a kernel with one unit that plays a script, and first in first out as the order of steps.
//! A test says what it does in script and calls, and asks the kernel's deeds and truth what happened.

use super::{Kernel, KernelConfig, KernelReady, Spawn};
use shakedown_core::choose::{Ask, Calm, Choose};
use shakedown_core::ids::{OpId, Pid, ProcId, UnitId};
use shakedown_core::puppet::{Block, parse};
use shakedown_core::signal::Signal;
use shakedown_core::site::{Label, Site};
use shakedown_core::time::{Duration, Instant};
use shakedown_core::vocab::{Completion, Deed, ExitStatus, Scope, SpawnFailure, Stream, Truth, TryRead};
use std::sync::Arc;

/// The unit of [`play`].
pub(super) const U: UnitId = UnitId(0);

/// A kernel under test, with everything it has said.
pub(super) struct Check {
    pub(super) kernel: Kernel,
    pub(super) done: Vec<(OpId, Completion)>,
    now: Instant,
}

/// The same answer to every question.
pub(super) struct Answers(pub(super) u32);

impl Choose for Answers {
    fn rank(&mut self, _: Site) -> u16 {
        0
    }

    fn draw(&mut self, _: Site, ask: Ask) -> u32 {
        self.0.min(ask.max())
    }
}

/// A kernel in which unit 0, `w`, plays this script in a group of its own, with nothing run yet.
pub(super) fn play(script: &str) -> Check {
    play_with(KernelConfig::default(), Scope::Group, script)
}

pub(super) fn play_with(config: KernelConfig, scope: Scope, script: &str) -> Check {
    play_block(config, scope, parse(script).expect("the scripts of tests are valid"))
}

/// As [`play_with`], for what no script can say.
pub(super) fn play_block(config: KernelConfig, scope: Scope, script: Block) -> Check {
    let mut check = Check { kernel: Kernel::new(config), done: Vec::new(), now: Instant::ZERO };
    check.spawn_block(U, scope, &script).expect("the first spawn of a test succeeds");
    check
}

impl Check {
    /// Spawns unit 0 as `w`, any other as `v`.
    pub(super) fn spawn(&mut self, unit: UnitId, scope: Scope, script: &str) -> Result<Pid, SpawnFailure> {
        self.spawn_block(unit, scope, &parse(script).expect("the scripts of tests are valid"))
    }

    fn spawn_block(&mut self, unit: UnitId, scope: Scope, script: &Block) -> Result<Pid, SpawnFailure> {
        let name: Arc<str> = Arc::from(if unit == U { "w" } else { "v" });
        let label = Label::ROOT.child(&name, unit.0);
        let spawn = Spawn { unit, name: &name, script: Ok(script), scope, label };
        self.kernel.spawn(spawn).map(|spawned| spawned.pid)
    }

    /// Runs until only time could make something happen.
    pub(super) fn settle(&mut self) -> &mut Check {
        let mut steps = 0;
        while self.step() {
            steps += 1;
            assert!(steps < 200_000, "the script never settles");
        }
        self
    }

    /// Runs one step; false where nothing is ready.
    pub(super) fn step(&mut self) -> bool {
        loop {
            match self.kernel.next_ready() {
                Some(KernelReady::Step { proc, .. }) => {
                    self.kernel.run(proc, &mut Calm);
                    return true;
                }
                Some(KernelReady::Look { unit }) => self.kernel.look_for_members(unit, &mut Calm),
                Some(KernelReady::Done { op, completion, .. }) => self.done.push((op, completion)),
                None => return false,
            }
        }
    }

    /// Lets time pass, settling at every timer.
    pub(super) fn pass(&mut self, ms: u64) -> &mut Check {
        self.settle();
        let end = self.now.after(Duration::from_millis(ms));
        while let Some(at) = self.kernel.next_timer()
            && at <= end
        {
            self.kernel.set_now(at);
            self.kernel.fire_timers();
            self.settle();
            assert!(self.kernel.next_timer().is_none_or(|next| next > at), "what is due fires");
        }
        self.now = end;
        self.kernel.set_now(end);
        self
    }

    /// The process of this name that was born last.
    pub(super) fn find(&self, name: &str) -> ProcId {
        let mut found = None;
        self.kernel.every(&mut |view| {
            if view.name == name {
                found = Some(view.id);
            }
        });
        found.unwrap_or_else(|| panic!("no process {name} was ever born"))
    }

    pub(super) fn pid(&self, name: &str) -> i32 {
        self.kernel.process(self.find(name)).pid.as_raw()
    }

    pub(super) fn status(&self, name: &str) -> Option<ExitStatus> {
        self.kernel.process(self.find(name)).status
    }

    pub(super) fn alive(&self, name: &str) -> bool {
        self.kernel.process(self.find(name)).alive
    }

    /// Signals by bare number, from the host, and settles.
    pub(super) fn kill(&mut self, name: &str, signal: Signal) -> &mut Check {
        let pid = self.pid(name);
        self.kernel.kill(pid, signal).expect("the process or its zombie is there");
        self.settle()
    }

    /// Everything that is in the unit's stdout now.
    pub(super) fn stdout(&mut self) -> String {
        let mut bytes = Vec::new();
        while let TryRead::Data(_) = self.kernel.read(U, Stream::Stdout, &mut bytes, usize::MAX) {
            self.settle();
        }
        String::from_utf8(bytes).expect("scripts print text")
    }

    /// How many deeds there were of this kind.
    pub(super) fn count(&mut self, of: impl Fn(&Deed) -> bool) -> usize {
        self.kernel.deeds().iter().filter(|deed| of(deed)).count()
    }
}

pub(super) const fn exited(code: u8) -> Option<ExitStatus> {
    Some(ExitStatus::Exited(code))
}

pub(super) const fn signalled(signal: Signal) -> Option<ExitStatus> {
    Some(ExitStatus::Signalled { signal, core: false })
}
