//! Three restarts are allowed in a second, and those that a user asks for are counted with the rest: the breaker trips too early.
//! systemd#10529, snapd#7551 (L95): who starts by hand what will not run is told in the end that it must not be started.

use crate::life::Life;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::time::DurationRange;
use shakedown_core::vocab::{Backoff, Body, Fact, Requester, RestartPolicy, RestartWhen, SessionSpec, WorkerSpec};

pub(super) fn case() -> Case {
    Case::new("starts_by_hand_use_it_up", "L95", OracleName::RestartBudget)
        .plan(plan)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, true))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, false))))
}

fn policy() -> RestartPolicy {
    let backoff = Backoff { initial: ms(10), factor_milli: 1_000, ..Backoff::default() };
    RestartPolicy { when: RestartWhen::OnFailure, budget: 3, window: ms(1_000), backoff, ..RestartPolicy::default() }
}

fn plan() -> SessionSpec {
    let server = WorkerSpec { restart: policy(), ..WorkerSpec::new("server", Body::Function(0)) };
    SessionSpec { workers: vec![server], ..SessionSpec::new("by hand") }
}

/// When a user restarts it, counted from its start. It fails by itself, mostly before.
const BY_HAND: DurationRange = DurationRange { min: ms(85), max: ms(400), grid: ms(1) };

/// Broken where each restart counts.
async fn session(cx: TaskCx, counts_all: bool) {
    tell_session(&cx, Fact::Started { pid: None });
    let mut restarts = 0;
    for incarnation in 1..=6 {
        let server = Life::begin(&cx, 0, incarnation, "server", "on TERM exit 0; sleep 40ms..100ms; exit 1").await;
        let by = match cx.timeout(cx.draw(BY_HAND), server.exits()).await {
            Ok(_) => None,
            Err(_) => {
                server.stop(Requester::User, cx.now().after(ms(500)));
                server.exits().await;
                Some(Requester::User)
            }
        };
        if by.is_none() || counts_all {
            restarts += 1;
        }
        if restarts > policy().budget && by.is_none() {
            server.tell_tripped();
            break;
        }
        server.tell_end(by);
        if by.is_none() {
            server.rest(cx.now().after(ms(10))).await;
        }
        server.tell(Fact::Restarted);
    }
    tell_session(&cx, Fact::SessionStopped);
}
