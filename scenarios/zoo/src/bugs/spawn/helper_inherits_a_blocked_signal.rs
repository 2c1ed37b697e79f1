//! A server blocks TERM while it forks, and a helper that is born then is deaf to it. The stop asks everybody, and trusts in the answer.
//! procServ#48, rust#101077, bun#38926 (L64): a child inherits the mask of a thread that meant only itself.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::WorkerState;

pub(super) fn case() -> Case {
    Case::new("helper_inherits_a_blocked_signal", "L64", OracleName::StopDeadline)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

/// Its helpers are soon done, so that it is mostly not noticed.
const SERVER: &str = "
    on TERM exit 0
    repeat 9 {
        sleep 1ms..20ms
        block TERM; spawn helper { sleep 0ms..40ms; exit 0 }; unblock TERM
        wait helper
    }
    hang
";

/// Right where whoever does not hear is made to end.
async fn stop(cx: TaskCx, insists: bool) {
    let server = start(&cx, "server", SERVER).await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    cx.sleep(ms(60)).await;
    tell_stop(&cx, &server, cx.now().after(ms(35)));
    signal(&cx, &server, Signal::TERM);
    let mut state = WorkerState::Stopped;
    if insists && cx.timeout(ms(30), server.scope_empty()).await.is_err() {
        signal(&cx, &server, Signal::KILL);
        state = WorkerState::Killed;
    }
    server.scope_empty().await;
    let status = server.wait().await;
    tell_exited(&cx, &server, status);
    tell_end(&cx, &server, state, status, 0);
}
