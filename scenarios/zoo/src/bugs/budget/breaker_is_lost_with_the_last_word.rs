//! The breaker trips, and the outcome says so unless the last exit was by a signal: then the signal is the last word.
//! systemd#32203 (L98): the final reason is overwritten, and `start-limit-hit` reads as an exit code.

use crate::life::Life;
use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{
    Backoff, Body, ExitStatus, Fact, Requester, RestartPolicy, RestartWhen, SessionSpec, WorkerSpec,
};

pub(super) fn case() -> Case {
    Case::new("breaker_is_lost_with_the_last_word", "L98", OracleName::RestartBudget)
        .plan(plan)
        .broken(|host| drop(host.spawn("session", |cx| session(cx, true))))
        .twin(|host| drop(host.spawn("session", |cx| session(cx, false))))
}

fn plan() -> SessionSpec {
    let backoff = Backoff { initial: ms(10), factor_milli: 1_000, ..Backoff::default() };
    let restart = RestartPolicy { when: RestartWhen::OnFailure, budget: 2, backoff, ..RestartPolicy::default() };
    let server = WorkerSpec { restart, ..WorkerSpec::new("server", Body::Function(0)) };
    SessionSpec { workers: vec![server], ..SessionSpec::new("last word") }
}

const SERVER: &str = "repeat 2 { sleep 1ms..24ms }; exit 1";

/// Broken where a signal has the last word.
async fn session(cx: TaskCx, prefers_the_signal: bool) {
    tell_session(&cx, Fact::Started { pid: None });
    for incarnation in 1.. {
        let server = Life::begin(&cx, 0, incarnation, "server", SERVER).await;
        // Its watchdog aborts it where it is too slow.
        let status = match cx.timeout(ms(45), server.exits()).await {
            Ok(status) => status,
            Err(_) => {
                server.signal(Signal::ABRT, Requester::Supervisor);
                server.exits().await
            }
        };
        if incarnation > 2 {
            match status {
                ExitStatus::Signalled { .. } if prefers_the_signal => server.tell_end(None),
                ExitStatus::Exited(_) | ExitStatus::Signalled { .. } | ExitStatus::Unknown => server.tell_tripped(),
            }
            break;
        }
        server.tell_end(None);
        server.rest(cx.now().after(ms(10))).await;
        server.tell(Fact::Restarted);
    }
    tell_session(&cx, Fact::SessionStopped);
}
