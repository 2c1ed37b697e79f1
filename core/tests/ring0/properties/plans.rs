//! Plans of sessions: a few workers, some of them below supervisors that may nest, in any order of starts and stops that has no cycle,
//! under any policy.

use proptest::prelude::*;
use proptest::sample::select;
use shakedown_core::ids::WorkerId;
use shakedown_core::puppet::Verb;
use shakedown_core::time::Duration;
use shakedown_core::vocab::{
    Backoff, Body, Condition, Dependency, Grace, HttpGet, PreStop, Probe, ProcessSpec, ReadyPolicy, RestartPolicy,
    RestartWhen, SecondStop, SessionSpec, SignalTo, StopOrder, StopPolicy, Strategy as Restarting, SupervisorSpec,
    WorkerSpec,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How wild durations are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// A minute at most: whatever was begun ends some day.
    Finite,
    /// Up to for ever.
    Endless,
}

/// Nothing, a little, what people write, and with `Endless` more than fits.
pub fn durations(reach: Reach) -> impl Strategy<Value = Duration> {
    let ns = Duration::from_nanos;
    let mut all =
        vec![ns(0), ns(1), ns(2), Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(60)];
    if reach == Reach::Endless {
        all.extend([ns(u64::MAX - 1), ns(u64::MAX), Duration::MAX]);
    }
    select(all)
}

fn command(name: &str) -> Arc<ProcessSpec> {
    Arc::new(ProcessSpec::puppet(name, Arc::from([Verb::Hang])))
}

pub fn stops(reach: Reach) -> impl Strategy<Value = StopPolicy> {
    let hooks = proptest::option::of(durations(reach));
    let graces = prop_oneof![3 => durations(reach).prop_map(Grace::After), 1 => Just(Grace::Never)];
    let signal_to = select(vec![SignalTo::Scope, SignalTo::Leader]);
    (hooks, graces, durations(reach), signal_to).prop_map(|(hook, grace, drain, signal_to)| {
        let hook = hook.map(|within| Arc::new(PreStop { command: command("hook"), within }));
        StopPolicy { hook, grace, drain, signal_to, ..StopPolicy::default() }
    })
}

pub fn backoffs(reach: Reach) -> impl Strategy<Value = Backoff> {
    let factors = select(vec![0, 999, 1000, 1001, 2000, u32::MAX]);
    let jitters = select(vec![0, 100, 1000, u32::MAX]);
    (durations(reach), factors, durations(reach), jitters, durations(reach)).prop_map(
        |(initial, factor_milli, max, jitter_milli, reset_after)| Backoff {
            initial,
            factor_milli,
            max,
            jitter_milli,
            reset_after,
        },
    )
}

pub fn restarts(reach: Reach) -> impl Strategy<Value = RestartPolicy> {
    let whens = select(vec![RestartWhen::Always, RestartWhen::OnFailure, RestartWhen::Never]);
    (whens, backoffs(reach), 0..4_u32, durations(reach)).prop_map(|(when, backoff, budget, window)| RestartPolicy {
        when,
        success: vec![0],
        backoff,
        budget,
        window,
    })
}

fn readies(reach: Reach) -> impl Strategy<Value = Option<Arc<ReadyPolicy>>> {
    let probes = prop_oneof![
        Just(Probe::Log("ready".into())),
        Just(Probe::Tcp("localhost:1".into())),
        Just(Probe::Http(HttpGet { address: "localhost:1".into(), path: "/".into() }.into())),
        Just(Probe::Notify),
        Just(Probe::NewlineFd(3)),
        Just(Probe::Exec(command("probe"))),
        durations(reach).prop_map(Probe::Delay),
    ];
    let ready = (probes, durations(reach), durations(reach))
        .prop_map(|(probe, every, timeout)| Arc::new(ReadyPolicy { probe, every, timeout }));
    proptest::option::of(ready)
}

fn workers(reach: Reach) -> impl Strategy<Value = WorkerSpec> {
    (stops(reach), restarts(reach), readies(reach)).prop_map(|(stop, restart, ready)| WorkerSpec {
        stop,
        restart,
        ready,
        ..WorkerSpec::new("w", Body::Process(command("w")))
    })
}

/// A supervisor: its strategy, whether it escalates, and its own restarts.
fn groups(reach: Reach) -> impl Strategy<Value = (Restarting, bool, RestartPolicy)> {
    let strategies = select(vec![Restarting::OneForOne, Restarting::OneForAll, Restarting::RestForOne]);
    (strategies, any::<bool>(), restarts(reach))
}

/// Between two siblings: nothing, a dependency of the later on the earlier, or an order of their stops alone.
fn edges() -> impl Strategy<Value = Vec<Option<Condition>>> {
    let conditions = [Condition::Started, Condition::Ready, Condition::Exited, Condition::Succeeded].map(Some);
    let edge = prop_oneof![2 => Just(None), 1 => select(conditions.to_vec())];
    proptest::collection::vec(edge, EDGES)
}

/// Whole plans.
pub fn plans(reach: Reach) -> impl Strategy<Value = SessionSpec> {
    let members = proptest::collection::vec((workers(reach), 0..4_u8), 1..=WORKERS_MAX);
    let of_session = (durations(reach), any::<bool>(), any::<bool>(), any::<bool>());
    let supervisors = (groups(reach), groups(reach), any::<bool>());
    (members, supervisors, edges(), proptest::collection::vec(any::<bool>(), EDGES), of_session).prop_map(
        |(members, (first, second, nests), edges, stop_edges, (budget, parallel, joins, stays))| {
            let mut plan = SessionSpec { stop_budget: budget, stays, ..SessionSpec::new("any") };
            plan.order = if parallel { StopOrder::Parallel } else { StopOrder::ReverseDependency };
            plan.second_stop = if joins { SecondStop::Join } else { SecondStop::Kill };
            let groups: Vec<u8> = members.iter().map(|(_, group)| *group).collect();
            plan.workers = members.into_iter().map(|(worker, _)| worker).collect();
            supervise(&mut plan, &groups, [first, second], nests);
            relate(&mut plan, &edges, &stop_edges);
            plan
        },
    )
}

/// Puts the members of groups 2 and 3 below supervisors, of which the second may stand below the first.
fn supervise(plan: &mut SessionSpec, groups: &[u8], of: [(Restarting, bool, RestartPolicy); 2], nests: bool) {
    let mut above: Option<WorkerId> = None;
    for (nth, (strategy, escalate, restart)) in of.into_iter().enumerate().rev() {
        let members = (0..groups.len()).filter(|at| groups[*at] == 2 + nth as u8).map(|at| WorkerId(at as u32));
        let mut children: Vec<WorkerId> = members.collect();
        children.extend(above.take().filter(|_| nests));
        if children.is_empty() {
            continue;
        }
        let body = Body::Supervisor(Arc::new(SupervisorSpec { strategy, children, escalate }));
        plan.workers.push(WorkerSpec { restart, ..WorkerSpec::new("s", body) });
        above = Some(WorkerId(plan.workers.len() as u32 - 1));
    }
}

/// Relations between siblings go from the later to the earlier, so that there are no cycles.
fn relate(plan: &mut SessionSpec, edges: &[Option<Condition>], stop_edges: &[bool]) {
    let mut edges = edges.iter().zip(stop_edges).cycle();
    for siblings in families(plan) {
        for (at, later) in siblings.iter().enumerate() {
            for earlier in &siblings[..at] {
                match edges.next() {
                    Some((Some(until), _)) => {
                        plan.workers[later.index()].after.push(Dependency { on: *earlier, until: *until });
                    }
                    Some((None, true)) => plan.workers[earlier.index()].stop_after.push(*later),
                    Some((None, false)) | None => {}
                }
            }
        }
    }
}

/// The children of the session, and those of each supervisor.
pub fn families(plan: &SessionSpec) -> Vec<Vec<WorkerId>> {
    let mut families = Vec::new();
    let mut supervised = BTreeSet::new();
    for worker in &plan.workers {
        if let Body::Supervisor(spec) = &worker.body {
            supervised.extend(spec.children.iter().copied());
            families.push(spec.children.clone());
        }
    }
    let all = (0..plan.workers.len() as u32).map(WorkerId);
    families.push(all.filter(|id| !supervised.contains(id)).collect());
    families
}

const WORKERS_MAX: usize = 5;
/// Enough for all pairs of siblings.
const EDGES: usize = 21;
