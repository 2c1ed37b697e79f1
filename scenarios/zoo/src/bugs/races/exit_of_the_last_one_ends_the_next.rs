//! A machine of the user's own: a job whose time is up is killed, and the next one started at once; the end of the one is then taken for
//! the end of the other.
//! containerd#7111 (L81), robot_comic#3260 (L78): an event of the last incarnation arrives in this one, and nobody looks whose it is.

use crate::stage::*;
use shakedown_core::ids::{OpId, UnitId};
use shakedown_core::machine::{Broken, Command, Cx, Event, Machine};
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Body, Request, Target};
use std::sync::Arc;

pub(super) fn case() -> Case {
    Case::new("exit_of_the_last_one_ends_the_next", "L81", OracleName::NoOrphan)
        .broken(|host| begin(host, false))
        .twin(|host| begin(host, true))
}

fn begin(host: &mut Stage, looks_whose: bool) {
    let machine = host.add("runner", Any(Box::new(Runner { looks_whose, left: 3, jobs: Vec::new(), kill_at: None })));
    host.send(machine, Event::Command(Command::Start));
}

/// Runs three jobs one after the other, each for at most 50 ms.
struct Runner {
    /// Right: an exit says by its operation whose it is.
    looks_whose: bool,
    /// Jobs that are yet to be started.
    left: u32,
    /// Those who have not ended, the present one last.
    jobs: Vec<(UnitId, OpId)>,
    kill_at: Option<Instant>,
}

impl Runner {
    fn next(&mut self, cx: &mut Cx<'_>) {
        self.kill_at = None;
        if self.left > 0 {
            self.left -= 1;
            let unit = cx.new_unit();
            let job = spec("job", "repeat 2 { sleep 1ms..26ms }; exit 0");
            cx.start(unit, &"job".into(), &Body::Process(Arc::new(job)));
            self.jobs.push((unit, cx.submit(unit, Request::Exit)));
            self.kill_at = Some(cx.now.after(ms(50)));
        }
    }
}

impl Machine for Runner {
    fn on(&mut self, event: Event, cx: &mut Cx<'_>) {
        match event {
            Event::Command(Command::Start) => self.next(cx),
            Event::Spawned { result: Ok(_), .. } => {}
            Event::Tick => {
                if let Some((unit, _)) = self.jobs.last() {
                    cx.submit(*unit, Request::Signal { to: Target::Scope, signal: Signal::KILL });
                }
                self.next(cx);
            }
            Event::Exited { op, .. } => {
                let present = self.jobs.last().map(|(_, wait)| *wait);
                let whose = if self.looks_whose { Some(op) } else { present };
                let at = self.jobs.iter().position(|(_, wait)| Some(*wait) == whose);
                if let Some((unit, _)) = at.map(|at| self.jobs.remove(at)) {
                    cx.submit(unit, Request::Reap);
                }
                if !self.looks_whose {
                    self.jobs.clear();
                }
                if whose == present {
                    self.next(cx);
                }
            }
            other => cx.unexpected("the runner", &other),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.kill_at
    }

    fn invariant(&self) -> Result<(), Broken> {
        Ok(())
    }

    fn is_closed(&self) -> bool {
        self.left == 0 && self.jobs.is_empty()
    }

    fn waits_for(&self) -> String {
        "the end of its jobs".into()
    }
}
