//! process-compose, as its documentation of `shutdown` has it: a signal to the group (unless `parent_only`), `timeout_seconds`, then KILL.
//!
//! process-compose#520 (L38): the kill on timeout is cancelled when the leader has ended; whoever of its group ignores or delays TERM
//! lives on, and `down` reports success. The twin is what #521 proposes: it looks at the group, both before and after KILL.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::{CancelSource, Cause, Either2, JoinHandle, Process, TaskCx, select2};
use shakedown_core::time::Duration;
use shakedown_core::vocab::{Requester, Stream};

pub(super) fn case() -> Case {
    Case::new("process_compose_stops_the_leader_alone", "L38", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("process-compose", |cx| down(cx, Watches::Leader))))
        .twin(|host| drop(host.spawn("process-compose", |cx| down(cx, Watches::Group))))
}

/// Whose end a shutdown waits for.
#[derive(Clone, Copy, PartialEq)]
enum Watches {
    Leader,
    Group,
}

/// A shell with a trap for TERM, and a child that writes to a file. It is mostly quicker than the shell.
const SHELL: &str = "
    spawn child { close stdout; close stderr; on TERM exit 0 after 1ms..40ms; hang }
    on TERM exit 0 after 35ms..60ms
    hang
";

/// `shutdown` of a process's configuration.
struct Shutdown {
    signal: Signal,
    timeout: Duration,
}

/// `process-compose up`, and after a while `process-compose down`.
async fn down(cx: TaskCx, watches: Watches) {
    let shutdown = Shutdown { signal: Signal::TERM, timeout: ms(1_000) };
    let running = Running::start(&cx, watches).await;
    cx.sleep(ms(100)).await;
    running.shut_down(&cx, &shutdown, watches).await;
}

/// A process in the state `Running`.
struct Running {
    process: Process,
    /// Reads the output, waits for the end, and cancels what waits for that.
    run: JoinHandle<()>,
    done: CancelSource,
}

impl Running {
    async fn start(cx: &TaskCx, watches: Watches) -> Running {
        let process = start(cx, "shell", SHELL).await;
        let (done, ended, waited) = (CancelSource::new(), CancelSource::new(), process.clone());
        let cancel = done.clone();
        let run = cx.spawn("run", move |_| async move {
            read_to_end(&waited, Stream::Stdout).await;
            if watches == Watches::Group {
                waited.scope_empty().await;
            }
            waited.wait().await;
            cancel.cancel(Cause::Stop(Requester::User));
            ended.cancel(Cause::Parent);
        });
        Running { process, run, done }
    }

    /// State `Terminating`: the signal, and KILL if it is not done when the time is up.
    async fn shut_down(self, cx: &TaskCx, shutdown: &Shutdown, watches: Watches) {
        self.process.signal_scope(shutdown.signal);
        match select2(cx, self.done.cancelled(), cx.sleep(shutdown.timeout)).await {
            Either2::A(_) => {}
            Either2::B(()) => {
                self.process.kill();
                if watches == Watches::Group {
                    self.process.scope_empty().await;
                }
            }
        }
        self.run.await.expect("nobody aborts the run of a process");
    }
}
