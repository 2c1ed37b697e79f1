//! A session whose workers hang, on our real backend: all of them started, and then all stopped.
use crate::peer::silent;
use crate::system;
use shakedown_core::actor::Actor;
use shakedown_core::host::Host;
use shakedown_core::runner::Runner;
use shakedown_core::vocab::{Body, Fact, ProcessSpec, Redirect, SessionSpec, Subject, WorkerSpec};
use shakedown_real::host::{Driven, Until, drive_until, drive_within};
use shakedown_real::mailbox::Bell;
use shakedown_real::{Config, RealWorld};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The plan of a session of so many, whose descriptor 0 is this.
pub fn plan(workers: usize, stdin: Redirect) -> Result<Arc<SessionSpec>, String> {
    let child = system::child()?;
    let mut plan = SessionSpec::new("bench");
    plan.workers.extend((0..workers).map(|at| {
        let name = format!("w{at}");
        let mut process = ProcessSpec::command(&name, &[&child, "h"], None);
        process.stdio[0] = stdin;
        WorkerSpec::new(&name, Body::Process(process.into()))
    }));
    Ok(plan.into())
}

/// A session of which all live.
pub struct Live {
    pub host: Host<RealWorld, Actor>,
    runner: Runner,
    ends: Rc<Cell<usize>>,
    workers: usize,
}

impl Live {
    /// Starts the session, and returns when its last worker has started.
    pub async fn start(plan: &Arc<SessionSpec>) -> Result<Live, String> {
        let workers = plan.workers.len();
        let mut world = RealWorld::new(Config::default()).map_err(|error| error.to_string())?;
        let (all_are_up, ends) = (Arc::new(Bell::default()), Rc::new(Cell::new(0)));
        let (bell, ended, mut started) = (all_are_up.clone(), ends.clone(), 0);
        world.on_fact(Box::new(move |record| match (&record.fact, record.subject) {
            (Fact::Started { .. }, Subject::Worker(_)) => {
                started += 1;
                if started == workers {
                    bell.ring();
                }
            }
            (Fact::Ended(_), Subject::Worker(_)) => {
                ended.set(ended.get() + 1);
                bell.ring();
            }
            _ => {}
        }));
        let mut host: Host<RealWorld, Actor> = Host::new(world);
        let session = host.start_session(plan, &[].into());
        let runner = host.runner(session);
        let until = drive_until(&mut host, PATIENCE, &all_are_up).await;
        match (until, ends.get()) {
            (Until::GivenUp, 0) => Ok(Live { host, runner, ends, workers }),
            (until, ends) => Err(format!("not all of {workers} came up: {until:?}, {ends} have ended")),
        }
    }

    /// Stops it, and returns when it is over.
    pub async fn stop(mut self) -> Result<(), String> {
        let runner = self.runner.clone();
        // A verb is carried out at the end of a turn, so a task has to say it.
        self.host.spawn("stop", |_| async move { runner.stop_session() });
        let driven = drive_within(&mut self.host, PATIENCE).await;
        silent(&self.host.world().borrow_mut().take_findings())?;
        match driven {
            Some(Driven::Done) if self.ends.get() == self.workers => Ok(()),
            other => Err(format!("{} of {} are over: {other:?}", self.ends.get(), self.workers)),
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
