//! Copies that share nothing. What is counted by its owners, an [`Arc`], may be held by threads beside each other; but each count that one
//! of them moves has to be fetched from the other, which takes as long as dozens of instructions. Whoever plays a plan thousands of times
//! on a thread of its own plays a copy of its own.

use super::WorkerSpec;
use super::{ActionSpec, Body, PreStop, Probe, ProcessSpec, Program, ReadyPolicy, SessionSpec, StandIn, StopPolicy};
use crate::puppet::{Block, Handler, Verb};
use alloc::sync::Arc;

impl SessionSpec {
    /// The same plan, of which no part that a session moves about is shared with this one.
    #[must_use]
    pub fn own_copy(&self) -> SessionSpec {
        SessionSpec {
            name: text(&self.name),
            actions: self.actions.iter().map(action).collect(),
            workers: self.workers.iter().map(worker).collect(),
            ..self.clone()
        }
    }
}

fn action(action: &ActionSpec) -> ActionSpec {
    ActionSpec { name: text(&action.name), process: process(&action.process), enabled: action.enabled }
}

fn worker(worker: &WorkerSpec) -> WorkerSpec {
    WorkerSpec {
        name: text(&worker.name),
        body: body(&worker.body),
        stop: StopPolicy { hook: worker.stop.hook.as_deref().map(hook), ..worker.stop.clone() },
        ready: worker.ready.as_deref().map(ready),
        ..worker.clone()
    }
}

fn body(body: &Body) -> Body {
    match body {
        Body::Process(spec) => Body::Process(process(spec)),
        Body::PuppetTask(script) => Body::PuppetTask(block(script)),
        Body::Function(index) => Body::Function(*index),
        Body::Proxy(spec) => Body::Proxy(Arc::new((**spec).clone())),
        Body::Supervisor(spec) => Body::Supervisor(Arc::new((**spec).clone())),
    }
}

fn hook(hook: &PreStop) -> Arc<PreStop> {
    Arc::new(PreStop { command: process(&hook.command), within: hook.within })
}

fn ready(ready: &ReadyPolicy) -> Arc<ReadyPolicy> {
    let probe = match &ready.probe {
        Probe::Log(line) => Probe::Log(text(line)),
        Probe::Tcp(address) => Probe::Tcp(text(address)),
        Probe::Http(get) => Probe::Http(Arc::new((**get).clone())),
        Probe::Exec(command) => Probe::Exec(process(command)),
        Probe::Notify => Probe::Notify,
        Probe::NewlineFd(fd) => Probe::NewlineFd(*fd),
        Probe::Delay(delay) => Probe::Delay(*delay),
    };
    Arc::new(ReadyPolicy { probe, ..ready.clone() })
}

fn process(spec: &ProcessSpec) -> Arc<ProcessSpec> {
    let program = match &spec.program {
        Program::Puppet(script) => Program::Puppet(block(script)),
        Program::Command { argv, sim } => Program::Command { argv: argv.clone(), sim: stand_in(sim) },
    };
    Arc::new(ProcessSpec { name: text(&spec.name), program, ..spec.clone() })
}

fn stand_in(sim: &StandIn) -> StandIn {
    match sim {
        StandIn::Script(script) => StandIn::Script(block(script)),
        StandIn::Unknown | StandIn::ExecFails(_) => sim.clone(),
    }
}

fn block(script: &Block) -> Block {
    script.iter().map(verb).collect()
}

fn verb(verb: &Verb) -> Verb {
    match verb {
        Verb::Repeat { times, body } => Verb::Repeat { times: *times, body: block(body) },
        Verb::On { signal, then: Handler::Run(body) } => Verb::On { signal: *signal, then: Handler::Run(block(body)) },
        Verb::Spawn { name, body } => Verb::Spawn { name: text(name), body: block(body) },
        Verb::Daemonize { name, body } => Verb::Daemonize { name: text(name), body: block(body) },
        Verb::Exec(body) => Verb::Exec(block(body)),
        Verb::Thread(body) => Verb::Thread(block(body)),
        // What is left holds a text at most, which a process reads and nobody counts.
        other => other.clone(),
    }
}

fn text(shared: &Arc<str>) -> Arc<str> {
    Arc::from(&**shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::puppet::parse;

    #[test]
    fn a_copy_says_the_same_and_shares_nothing_that_a_session_takes_hold_of() {
        let script =
            parse("on TERM { print bye }; spawn helper { hang }; repeat 2 { sleep 1ms }; hang").expect("a script");
        let mut plan = SessionSpec::new("plan");
        plan.workers.push(WorkerSpec::new("w", Body::Process(Arc::new(ProcessSpec::puppet("w", script)))));
        let copy = plan.own_copy();
        assert_eq!(copy, plan);
        let (of, from) = (&copy.workers[0], &plan.workers[0]);
        assert!(!Arc::ptr_eq(&copy.name, &plan.name) && !Arc::ptr_eq(&of.name, &from.name));
        let (Body::Process(of), Body::Process(from)) = (&of.body, &from.body) else { panic!("processes") };
        assert!(!Arc::ptr_eq(of, from) && !Arc::ptr_eq(&of.name, &from.name));
        let blocks = |spec: &ProcessSpec| {
            let script = spec.script().expect("it is a puppet").clone();
            let inner = script.iter().filter_map(|verb| match verb {
                Verb::On { then: Handler::Run(body), .. } | Verb::Spawn { body, .. } | Verb::Repeat { body, .. } => {
                    Some(body.clone())
                }
                _ => None,
            });
            let inner: alloc::vec::Vec<Block> = inner.collect();
            inner.into_iter().chain([script])
        };
        assert_eq!(blocks(of).zip(blocks(from)).filter(|(a, b)| Arc::ptr_eq(a, b)).count(), 0);
        assert_eq!(blocks(of).count(), 4);
    }
}
