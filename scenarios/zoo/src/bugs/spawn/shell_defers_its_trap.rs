//! A shell has a trap for TERM, and acts on it when the program in its foreground has ended. The stop runs out of patience, and kills the shell.
//! node-v0.x#1811, and what bash documents (L69): TERM seems to be ignored, and KILL hits the one who waits in the place of the one who works.

use crate::stage::*;
use shakedown_core::oracle::OracleName;
use shakedown_core::signal::Signal;
use shakedown_core::task::TaskCx;

pub(super) fn case() -> Case {
    Case::new("shell_defers_its_trap", "L69", OracleName::NoOrphan)
        .broken(|host| drop(host.spawn("stop", |cx| stop(cx, false))))
        .twin(|host| drop(host.spawn("stop", |cx| stop(cx, true))))
}

/// While the program runs, TERM is blocked, as good as in bash. It seldom runs so long, and its output is in a file.
const SHELL: &str = "
    on TERM exit 0
    block TERM
    spawn program { unblock TERM; close stdout; close stderr; repeat 3 { sleep 10ms..70ms }; exit 0 }
    wait program
    unblock TERM
    hang
";

/// Right where KILL means everybody.
async fn stop(cx: TaskCx, means_all: bool) {
    let shell = start(&cx, "shell", SHELL).await;
    cx.sleep(ms(50)).await;
    shell.signal(Signal::TERM);
    if cx.timeout(ms(150), shell.exited()).await.is_err() {
        if means_all {
            shell.kill();
            shell.scope_empty().await;
        } else {
            shell.signal(Signal::KILL);
        }
    }
    shell.wait().await;
}
