//! Two restarts are allowed in 300 ms; the count begins anew every 300 ms, so that four may come in a row across the seam.
//! systemd#22257 (L96): what was meant as a limit lets a storm of restarts pass.

use crate::life::Life;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::time::Instant;
use shakedown_core::vocab::{Backoff, Body, Fact, RestartPolicy, RestartWhen, SessionSpec, WorkerSpec};

pub(super) fn case() -> Case {
    Case::new("budget_begins_anew_with_each_window", "L96", OracleName::RestartBudget)
        .plan(plan)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, Count::Anew { since: Instant::ZERO, restarts: 0 }))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, Count::Sliding(Vec::new())))))
}

fn policy() -> RestartPolicy {
    let backoff = Backoff { initial: ms(10), factor_milli: 1_000, ..Backoff::default() };
    RestartPolicy { when: RestartWhen::OnFailure, budget: 2, window: ms(300), backoff, ..RestartPolicy::default() }
}

fn plan() -> SessionSpec {
    let server = WorkerSpec { restart: policy(), ..WorkerSpec::new("server", Body::Function(0)) };
    SessionSpec { workers: vec![server], ..SessionSpec::new("storm") }
}

enum Count {
    /// Broken: so many restarts since the last window began.
    Anew {
        since: Instant,
        restarts: u32,
    },
    Sliding(Vec<Instant>),
}

impl Count {
    /// Whether another restart is allowed now; it is counted then.
    fn allows(&mut self, now: Instant, policy: &RestartPolicy) -> bool {
        let restarts = match self {
            Count::Anew { since, restarts } => {
                if since.after(policy.window) <= now {
                    (*since, *restarts) = (now, 0);
                }
                *restarts += 1;
                *restarts
            }
            Count::Sliding(restarts) => {
                restarts.retain(|at| at.after(policy.window) > now);
                restarts.push(now);
                restarts.len() as u32
            }
        };
        restarts <= policy.budget
    }
}

async fn session(cx: TaskCx, mut count: Count) {
    tell_session(&cx, Fact::Started { pid: None });
    let policy = policy();
    for incarnation in 1..=9 {
        let server = Life::begin(&cx, 0, incarnation, "server", "sleep 50ms..250ms; exit 1").await;
        server.exits().await;
        if !count.allows(cx.now(), &policy) {
            server.tell_tripped();
            break;
        }
        server.tell_end(None);
        if incarnation == 9 {
            // It is slow enough to go on for ever.
            break;
        }
        server.rest(cx.now().after(policy.backoff.wait(0))).await;
        server.tell(Fact::Restarted);
    }
    tell_session(&cx, Fact::SessionStopped);
}
