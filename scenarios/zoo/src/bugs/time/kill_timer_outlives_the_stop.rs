//! A stop arms a timer that kills when the grace is over, and nobody disarms it when the server ends in time.
//! Supervisor PR#263 (L18): what was started for one process keeps the loop busy when that process is long gone.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Fact, WorkerState};

pub(super) fn case() -> Case {
    Case::new("kill_timer_outlives_the_stop", "L18", OracleName::QuiescentEnd)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

/// Broken where the timer is not disarmed. Now and then the server is done before it is to be stopped.
async fn stop(cx: TaskCx, is_disarmed: bool) {
    tell_session(&cx, Fact::Started { pid: None });
    let server = start(&cx, "server", "on TERM exit 0 after 1ms..50ms; sleep 10ms..110ms; exit 0").await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    let (state, status) = match cx.timeout(ms(100), server.wait()).await {
        Ok(status) => (WorkerState::Finished, status),
        Err(_) => {
            tell_stop(&cx, &server, cx.now().after(ms(2_000)));
            server.signal(Signal::TERM);
            let late = server.clone();
            let timer = cx.spawn("kill timer", |cx| async move {
                cx.sleep(ms(1_000)).await;
                late.kill();
            });
            let status = server.wait().await;
            if is_disarmed {
                timer.abort();
            }
            (WorkerState::Stopped, status)
        }
    };
    tell_exited(&cx, &server, status);
    tell_end(&cx, &server, state, status, 0);
    tell_session(&cx, Fact::SessionStopped);
}
