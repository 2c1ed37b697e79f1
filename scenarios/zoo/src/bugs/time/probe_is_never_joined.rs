//! The health probe runs in a task of its own that nobody ends; it goes on probing a session that has stopped.
//! process-compose (L05): a watcher outlives its process, and the status it keeps up to date stays `running`.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::task::TaskCx;
use shakedown_core::vocab::{Fact, WorkerState};

pub(super) fn case() -> Case {
    Case::new("probe_is_never_joined", "L05", OracleName::QuiescentEnd)
        .broken(|host| drop(host.spawn("run", |cx| run(cx, false))))
        .twin(|host| drop(host.spawn("run", |cx| run(cx, true))))
}

/// Broken where the probe is not joined.
async fn run(cx: TaskCx, is_joined: bool) {
    tell_session(&cx, Fact::Started { pid: None });
    let server = start(&cx, "server", "sleep 100ms..3000ms; exit 0").await;
    tell_spawn(&cx, &server);
    tell_started(&cx, &server);
    let probe = cx.spawn("probe", |cx| async move {
        loop {
            cx.sleep(ms(1_000)).await;
        }
    });
    let status = server.wait().await;
    tell_exited(&cx, &server, status);
    tell_end(&cx, &server, WorkerState::Finished, status, 0);
    if is_joined {
        probe.abort();
        let _: Result<(), _> = probe.await;
    }
    tell_session(&cx, Fact::SessionStopped);
}
