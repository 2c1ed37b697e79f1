//! What is played: sessions of random workers, some of which keep a journal and a status file.

use crate::chance::{below, one_in};
use madsim::rand::{Rng, thread_rng};
use shakedown_core::journal::{SinkSpec, WhenFull};
use shakedown_core::puppet::{Block, parse};
use shakedown_core::vocab::{
    Body, Grace, Probe, ProcessSpec, ReadyPolicy, RestartPolicy, RestartWhen, Scope, SessionSpec, StopPolicy,
    WorkerSpec,
};
use std::sync::Arc;
use std::time::Duration;

/// One to four workers.
pub fn some() -> SessionSpec {
    let mut spec = staying();
    for nth in 0..1 + below(4) {
        let name = format!("w{nth}");
        let body = Body::Process(Arc::new(puppet(&name, any_script())));
        let stop = StopPolicy { grace: Grace::After(Duration::from_millis(20)), ..StopPolicy::default() };
        let when = if one_in(3) { RestartWhen::Always } else { RestartWhen::Never };
        let restart = RestartPolicy { when, ..RestartPolicy::default() };
        // Most never say it: the wait for it is withdrawn.
        let ready = one_in(3).then(|| Arc::new(ReadyPolicy::new(Probe::Notify)));
        spec.workers.push(WorkerSpec { stop, restart, ready, ..WorkerSpec::new(&name, body) });
    }
    spec
}

/// One worker.
pub fn one(name: &str, script: &str) -> SessionSpec {
    let mut spec = staying();
    spec.workers.push(WorkerSpec::new(name, Body::Process(Arc::new(puppet(name, script)))));
    spec
}

fn staying() -> SessionSpec {
    let mut spec = SessionSpec::new("s");
    spec.stays = true;
    spec.stop_budget = Duration::from_millis(200);
    if one_in(2) {
        let when_full = [WhenFull::Block, WhenFull::DropOldest, WhenFull::Spill][below(3) as usize];
        let room = if one_in(2) { 4096 } else { 1 + below(8) as usize };
        spec.journal = Some(Arc::new(SinkSpec { when_full, room, ..SinkSpec::new("/journal") }));
    }
    spec.status = one_in(3).then(|| "/status".into());
    spec
}

pub fn puppet(name: &str, script: &str) -> ProcessSpec {
    ProcessSpec::puppet(name, script_of(script)).scope(Scope::Tree)
}

pub fn script_of(text: &str) -> Block {
    parse(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

pub fn any_script() -> &'static str {
    SCRIPTS[thread_rng().gen_range(0..SCRIPTS.len())]
}

/// What workers are.
const SCRIPTS: &[&str] = &[
    "on TERM exit 0 after 1ms..5ms; print up; hang",
    "on TERM ignore; hang",
    "on TERM exit 0; sleep 0ms..4ms; notify ready; hang",
    "read eof; print done; exit 0",
    "print a; exit 0",
    "sleep 1ms..3ms; exit 1",
    "read line; print got; hang",
    "hang",
    "spawn helper { on TERM ignore; hang }; hang",
    "spawn lost { setsid; print x; hang }; exit 0",
];
