//! Before a server is asked to end, a hook takes it out of the load balancer. It may take as long as it likes, and the stop has a deadline.
//! systemd#14566, #8122 (L45): a stage of the stop that nobody has counted, and the others find their time used up.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::WorkerState;

pub(super) fn case() -> Case {
    Case::new("hook_has_the_time_of_the_stop", "L45", OracleName::StopDeadline)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

const HOOK: &str = "repeat 3 { sleep 1ms..248ms }; exit 0";

/// Right where the hook is cut off when its time is up.
async fn stop(cx: TaskCx, is_limited: bool) {
    let server = start(&cx, "server", "on TERM exit 0 after 1ms..300ms; hang").await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    cx.sleep(ms(50)).await;
    tell_stop(&cx, &server, cx.now().after(ms(1_000)));
    let hook = start(&cx, "hook", HOOK).await;
    let within = if is_limited { ms(500) } else { ms(5_000) };
    if cx.timeout(within, hook.wait()).await.is_err() {
        hook.kill();
        hook.wait().await;
    }
    signal(&cx, &server, Signal::TERM);
    let mut state = WorkerState::Stopped;
    if cx.timeout(ms(400), server.exited()).await.is_err() {
        signal(&cx, &server, Signal::KILL);
        state = WorkerState::Killed;
    }
    let status = server.wait().await;
    tell_exited(&cx, &server, status);
    tell_end(&cx, &server, state, status, 0);
}
